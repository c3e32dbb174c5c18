"""Deciding a day: the one scorer with the day's key, over everything that is due, in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import polars as pl

from workbench.daily.incoming import Arrived, end_of
from workbench.daily.reading import FILE, FILE_ROW
from workbench.daily.register import COLUMNS, DECIDED_ON, PLACE
from workbench.scorer.intake.validation import FLAGS, ROW_NO, validate
from workbench.scorer.schema import KEY
from workbench.scorer.scorer import Assessment, Scorer

LATE_ITEM = "late_item"
"""Code of an item that came after its declaration was decided: the declaration keeps its lane, somebody looks at it."""


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
    assessment = _without_late_items(drawing.assess(arrived.canonical, as_of=end_of(day)), arrived.is_late_item)
    decided = drawing.decide(_on_the_day(assessment, day), counters)
    explained = drawing.explain(decided, arrived.canonical.frame)
    beside = arrived.canonical.frame.select(name for name in PLACE if name != DECIDED_ON)
    decisions = explained.hstack(beside).with_columns(pl.lit(day).alias(DECIDED_ON)).select(COLUMNS)
    checked = validate(arrived.canonical, as_of=end_of(day))
    return DecidedDay(
        decisions,
        checked.valid.drop(FLAGS, ROW_NO),
        decided.resolution.hits,
        _quarantine(arrived, checked.quarantined),
        {**counters, **decided.resolution.counters},
        {name: count for name, count in assessment.not_evaluable.items() if count},
    )


def _without_late_items(assessment: Assessment, is_late_item: pl.Series) -> Assessment:
    """Set items aside whose declaration was decided without them: no declaration is drawn or ranked twice."""
    late = pl.col(ROW_NO).is_in((is_late_item.arg_true() + 1).implode())
    rows, coded = assessment.rows, assessment.quarantined
    items = rows.filter(late).select(ROW_NO, *KEY, code=pl.lit(LATE_ITEM))
    return replace(assessment, rows=rows.filter(~late), quarantined=pl.concat([coded, items]))


def _on_the_day(assessment: Assessment, day: date) -> Assessment:
    midnight = datetime.combine(day, time.min)
    return replace(
        assessment, rows=assessment.rows.with_columns(pl.col("lodged_at").clip(lower_bound=pl.lit(midnight)))
    )


def _quarantine(arrived: Arrived, quarantined: pl.DataFrame) -> pl.DataFrame:
    origin = arrived.origin.with_row_index(ROW_NO, offset=1)
    late = arrived.canonical.frame.select(KEY).with_row_index(ROW_NO, offset=1).filter(arrived.is_late_item)
    told = late.join(quarantined, on=ROW_NO, how="anti").with_columns(
        code=pl.lit(LATE_ITEM),
        found=pl.lit("an item of a declaration that was decided without it"),
        expected=pl.lit("all items of a declaration together"),
    )
    both = pl.concat([quarantined, told], how="diagonal_relaxed").sort(ROW_NO)
    return both.join(origin, on=ROW_NO, how="left", maintain_order="left").select(
        FILE, FILE_ROW, *KEY, "code", "found", "expected"
    )
