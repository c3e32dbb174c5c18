"""Deciding a day: the one scorer with the day's key, over everything that is due, in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import polars as pl

from workbench.daily.incoming import Arrived, end_of
from workbench.daily.late_items import judged
from workbench.daily.reading import FILE, FILE_ROW
from workbench.daily.register import COLUMNS, DECIDED_ON, DRAWN, PLACE
from workbench.scorer.intake.validation import FLAGS, ROW_NO, validate
from workbench.scorer.schema import KEY
from workbench.scorer.scorer import Assessment, Decided, Scorer


@dataclass(frozen=True)
class DecidedDay:
    """What a day's declarations came to.

    Parameters
    ----------
    decisions
        The columns of :data:`~.register.COLUMNS`, one row for every row that was due.
    declarations
        The canonical rows that could be read: what later days learn profiles from.
    hits
        Every hit of every criterion.
    quarantine
        File, row, key, ``code``, ``found`` and ``expected`` of the rows that could not be decided.
    counters
        By criterion, the hits passed over in a row: what forced selection goes on from.
    not_evaluable
        By criterion, the rows for which a missing value left its condition open.
    """

    decisions: pl.DataFrame
    declarations: pl.DataFrame
    hits: pl.DataFrame
    quarantine: pl.DataFrame
    counters: dict[str, int]
    not_evaluable: dict[str, int]


def decide(scorer: Scorer, arrived: Arrived, day: date, counters: Mapping[str, int], key: bytes) -> DecidedDay:
    """Decide every row that is due on a day.

    The capacity is that of the day of decision: a declaration that was lodged earlier and came late has its place
    among the office's declarations of `day`, before those of the day itself where forced selection counts in order.

    Parameters
    ----------
    scorer
        What is in force.
    arrived
        The rows.
    day
        The day.
    counters
        By criterion with forced selection, the hits passed over in a row before.
    key
        The day's secret.
    """
    drawing = replace(scorer, policy=replace(scorer.policy, key=key))
    whole = drawing.assess(arrived.canonical, as_of=end_of(day))
    late, late_hits = judged(drawing, whole.rows.filter(_at(arrived.is_late_item)))
    assessment = _without(whole, late)
    decided = drawing.decide(_on_the_day(assessment, day), counters)
    explained = _with_lanes_of(late, drawing.explain(decided, arrived.canonical.frame))
    beside = arrived.canonical.frame.select(name for name in PLACE if name != DECIDED_ON)
    placed = explained.hstack(beside).with_columns(pl.lit(day).alias(DECIDED_ON), _drawn(decided).alias(DRAWN))
    checked = validate(arrived.canonical, as_of=end_of(day))
    return DecidedDay(
        placed.select(COLUMNS),
        checked.valid.drop(FLAGS, ROW_NO),
        pl.concat([decided.resolution.hits, late_hits]),
        _quarantine(arrived, checked.quarantined, late),
        {**counters, **decided.resolution.counters},
        {name: count for name, count in assessment.not_evaluable.items() if count},
    )


def _at(mask: pl.Series) -> pl.Expr:
    """Return the condition that picks, by number, the rows under a mask over all rows read."""
    return pl.col(ROW_NO).is_in((mask.arg_true() + 1).implode())


def _without(assessment: Assessment, late: pl.DataFrame) -> Assessment:
    """Set items aside whose declaration was decided without them: no declaration is drawn or ranked twice."""
    coded = pl.concat([assessment.quarantined, late.select(ROW_NO, *KEY, "code")])
    return replace(assessment, rows=assessment.rows.join(late, on=ROW_NO, how="anti"), quarantined=coded)


def _with_lanes_of(late: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    lanes = late.select(ROW_NO, late_lane="lane", late_told="told")
    beside = decisions.with_row_index(ROW_NO, offset=1).join(lanes, on=ROW_NO, how="left", maintain_order="left")
    return beside.with_columns(
        lane=pl.coalesce("late_lane", "lane"), reasons=pl.coalesce("late_told", "reasons")
    ).select(decisions.columns)


def _drawn(decided: Decided) -> pl.Expr:
    resolved = decided.resolution.decisions
    drawn = resolved.filter(pl.col("cause") == "random")["declaration_id"]
    return pl.when(pl.col("would_be_lane").is_not_null()).then(pl.col("declaration_id").is_in(drawn.implode()))


def _on_the_day(assessment: Assessment, day: date) -> Assessment:
    midnight = datetime.combine(day, time.min)
    return replace(
        assessment, rows=assessment.rows.with_columns(pl.col("lodged_at").clip(lower_bound=pl.lit(midnight)))
    )


def _quarantine(arrived: Arrived, quarantined: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    origin = arrived.origin.with_row_index(ROW_NO, offset=1)
    told = late.select(ROW_NO, *KEY, "code", found="told", expected=pl.lit("all items of a declaration together"))
    both = pl.concat([quarantined, told], how="diagonal_relaxed").sort(ROW_NO)
    return both.join(origin, on=ROW_NO, how="left", maintain_order="left").select(
        FILE, FILE_ROW, *KEY, "code", "found", "expected"
    )
