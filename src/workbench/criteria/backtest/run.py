"""The back-test of a set of criteria on a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from workbench.criteria.backtest import worth
from workbench.criteria.backtest.flags import against_chance, flags_table
from workbench.criteria.backtest.frames import typed
from workbench.criteria.backtest.gains import gains_table
from workbench.criteria.backtest.ground import Ground
from workbench.criteria.backtest.results import TABLES, Backtest
from workbench.criteria.backtest.stability import stability_table
from workbench.criteria.backtest.tally import Tally
from workbench.criteria.backtest.versus import Chance, versus_table
from workbench.criteria.history import History
from workbench.errors import CriterionError
from workbench.evaluation import Coverage
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet, Hits
from workbench.scorer.lanes.policy import LaneLimit


def backtest(
    criteria: CriteriaSet,
    history: History,
    *,
    limits: Sequence[LaneLimit] = (),
    on: date | None = None,
    hits: Hits | None = None,
    longer: pl.DataFrame | None = None,
    tell: Tell | None = None,
) -> Backtest:
    """Say what a set of criteria would have done in a period, and what is known of the goods it would have named.

    Parameters
    ----------
    criteria
        The set; those in its ``shadow`` are measured alone and have no part in what the set proposes.
    history
        The period.
    limits
        Capacity of the lanes, as in a selection policy; without them loads have no capacity to stand against.
    on
        Day for which expiry is judged; the day on which the period ends for ``None``.
    hits
        What ``history.hits(criteria)`` gave, where it is there already.
    longer
        Key, ``cause`` and ``violation`` of a longer period than the history's, known by its end: chance is the rate of
        its random arm, that of the history's own for ``None``.
    tell
        Told the criteria done.

    Raises
    ------
    CriterionError
        The set is empty, a criterion does not fit the history's columns, or one failed on some row.
    """
    if not criteria.criteria:
        raise CriterionError("The set has no criterion, so there is nothing to back-test. Add a [[criterion]].")
    matrix = (history.hits(criteria) if hits is None else hits).matrix
    ground = Ground(history)
    tally = Tally.of(ground, criteria, matrix, limits, tell)
    chance, on = Chance.of(ground, longer), on or history.end.date()
    tables = _tables(tally, chance, on)
    coverage = Coverage.of(history.rows)
    return Backtest(
        start=history.start,
        end=history.end,
        on=on,
        score_from=_scored_from(history),
        items=coverage.rows,
        declarations=ground.declarations,
        known_items=coverage.labelled,
        violations=coverage.violations,
        chance_rate=chance.rate.value,
        chance_basis=chance.basis,
        caveats=tuple(_caveats(coverage, chance, history)),
        **{name: typed(tables[name], schema) for name, schema in TABLES.items()},
    )


def _tables(tally: Tally, chance: Chance, on: date) -> dict[str, pl.DataFrame]:
    found = worth.criteria_table(tally).with_columns(against_chance=against_chance(chance))
    months = worth.months_table(tally)
    steady = stability_table(tally, months)
    flags = flags_table(tally.criteria, found, steady, tally.ground.history.columns, on)
    joined = flags.group_by("criterion").agg(pl.col("flag").unique(maintain_order=True).str.join(", ").alias("flags"))
    return {
        "criteria": found.join(joined, on="criterion", how="left", maintain_order="left").with_columns(
            pl.col("flags").fill_null("")
        ),
        "summary": worth.summary_table(tally),
        "months": months,
        "lane_months": worth.lane_months_table(tally),
        "kinds": worth.kinds_table(tally),
        "gains": gains_table(tally),
        "overlap": worth.overlap_table(tally),
        "stability": steady,
        "offices": tally.loads.by_criterion,
        "capacity": tally.capacity_table(),
        "versus": versus_table(tally, chance),
        "flags": flags,
    }


def _scored_from(history: History) -> datetime | None:
    """Return the moment from which rows have scores; a period that ends before the model's own has none."""
    return history.score_from if history.rows["score"].count() else None


def _caveats(coverage: Coverage, chance: Chance, history: History) -> list[str]:
    known = "No result of a control is known in the period: nothing can be said of what the hits are worth."
    beside = "No model stands beside the criteria: none was given that had not seen the period."
    if (score_from := _scored_from(history)) is not None:
        since = f"{score_from:%Y-%m-%d}"
        beside = f"Criteria, model and chance are compared on controlled goods lodged from {since} on."
    partly = [
        "Hit rates and violations are those of goods that were controlled at the time, which were not chosen by these "
        "criteria alone; of other hits nothing is known."
    ]
    return [
        coverage.statement() if coverage.labelled else known,
        *(partly if coverage.labelled < coverage.rows else []),
        chance.statement(),
        beside,
        "Expected controls are those of the hit percentages, before lanes are full and before the random arm.",
    ]
