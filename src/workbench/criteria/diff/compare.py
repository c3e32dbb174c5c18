"""Resolve the same period with two sets, and say what becomes of each declaration."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from workbench.criteria.backtest.frames import typed
from workbench.criteria.diff.changes import changes_table
from workbench.criteria.diff.moves import Pair
from workbench.criteria.diff.results import TABLES, Diff
from workbench.criteria.history import History
from workbench.evaluation import Coverage
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.candidates import HIT
from workbench.scorer.lanes.policy import SelectionPolicy
from workbench.scorer.lanes.resolution import Resolution, resolve
from workbench.scorer.schema import KEY, Lane

_KNOWN = ("labelled_items", "known_violations", "known_recovered_duty_usd")


def diff(before: CriteriaSet, after: CriteriaSet, history: History, policy: SelectionPolicy) -> Diff:
    """Say which declarations of a period change lane when one set of criteria takes the place of another.

    Both sets are resolved by the same policy with the same key: hit percentages and the rounding of capacities draw
    alike, so that what differs comes of the criteria. Lanes are would-be lanes, those before the random arm raises whom
    it draws: its sample is another wherever one more or one less stands in a stratum.

    Parameters
    ----------
    before, after
        The sets; those in their ``shadow`` change no lane.
    history
        The period. Without scores the model's places stay empty on both sides.
    policy
        Capacity, random arm and key.

    Raises
    ------
    CriterionError
        A criterion does not fit the history's columns, or failed on some row.
    """
    pair = Pair(history, _resolved(before, history, policy), _resolved(after, history, policy))
    moves = pair.moves()
    every = pair.declarations.with_columns(direction=pair.direction)
    tables = {
        "changes": changes_table(before, after),
        "moves": moves.sort("day", "office_id", "declaration_id"),
        "lanes": _counted(every, "lane_before", "lane_after").sort("lane_before", "lane_after"),
        "directions": _counted(every, "direction").sort("direction"),
        "criteria": _by_reason(moves),
        "offices": _by_office(every),
        "office_days": _by_office_day(every),
    }
    return Diff(
        start=history.start,
        end=history.end,
        declarations=every.height,
        caveats=tuple(_caveats(history, policy)),
        **{name: typed(tables[name], schema) for name, schema in TABLES.items()},
    )


def _resolved(criteria: CriteriaSet, history: History, policy: SelectionPolicy) -> Resolution:
    matrix = history.hits(criteria).matrix
    # Not evaluable selects nothing.
    hits = [column.fill_null(value=False).alias(f"{HIT}{column.name}") for column in matrix]
    rows = history.rows.select(*KEY, "office_id", "regime_code", "lodged_at", "score").hstack(hits)
    return resolve(rows, criteria, policy)


def _counted(table: pl.DataFrame, *by: str) -> pl.DataFrame:
    return table.group_by(by).agg(_sum_known(table), declarations=pl.len())


def _sum_known(table: pl.DataFrame) -> list[pl.Expr]:
    """Sum what is known; a source without revenue has no amount, which is not an amount of zero."""
    sums = [pl.col(name).sum() for name in _KNOWN]
    return (
        sums if table["known_recovered_duty_usd"].count() else [*sums[:-1], pl.lit(None, pl.Float64).alias(_KNOWN[-1])]
    )


def _by_reason(moves: pl.DataFrame) -> pl.DataFrame:
    up, down = ((pl.col("direction") == way).sum() for way in ("up", "down"))
    table = moves.group_by("because", "criterion").agg(_sum_known(moves), moved_up=up, moved_down=down)
    most_first = pl.col("moved_up") + pl.col("moved_down")
    return table.sort(most_first, "because", "criterion", descending=[True, False, False])


def _by_office(every: pl.DataFrame) -> pl.DataFrame:
    """Return every office's declarations by lane on both sides, lanes without any left out."""
    sides = [
        every.group_by("office_id", lane=f"lane_{side}").agg(pl.len().alias(f"controls_{side}"))
        for side in ("before", "after")
    ]
    both = sides[0].join(sides[1], on=["office_id", "lane"], how="full", coalesce=True)
    return both.with_columns(pl.col("controls_before", "controls_after").fill_null(0)).sort("office_id", "lane")


def _by_office_day(every: pl.DataFrame) -> pl.DataFrame:
    counts = every.group_by("office_id", "day").agg(
        declarations=pl.len(),
        moved_up=(pl.col("direction") == "up").sum(),
        moved_down=(pl.col("direction") == "down").sum(),
        controls_before=(pl.col("lane_before") != str(Lane.GREEN)).sum(),
        controls_after=(pl.col("lane_after") != str(Lane.GREEN)).sum(),
    )
    return counts.filter(pl.col("moved_up") + pl.col("moved_down") > 0).sort("office_id", "day")


def _caveats(history: History, policy: SelectionPolicy) -> Iterator[str]:
    coverage = Coverage.of(history.rows)
    yield coverage.statement() if coverage.labelled else "No result of a control is known in the period."
    if scored := history.rows["score"].count():
        yield f"The model takes part where it has a score: {scored:,} of {history.rows.height:,} items."
    else:
        yield "The history has no scores: the model takes no place in either resolution."
    if policy.random_share:
        yield "Lanes are those before the random arm draws; the seats that it will take are kept free on both sides."
