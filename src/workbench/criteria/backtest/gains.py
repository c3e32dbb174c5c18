"""The best order of a set's criteria: what each adds to those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Bits, Counts, Flags, sizes
from workbench.criteria.backtest.ground import Amounts
from workbench.criteria.backtest.tally import Tally
from workbench.criteria.backtest.worth import FOUND, LABELLED, by_state, recovered_usd
from workbench.evaluation.intervals import with_rate


@dataclass
class _Race:
    """What each criterion would still add, kept up to date as criteria are taken.

    A labelled row is taken off every criterion's account once, when the first criterion takes it, so the whole order
    costs one pass over the labelled hits.
    """

    tally: Tally
    left: Flags
    adds_labelled: Counts
    adds_violations: Counts
    adds_duty_usd: Amounts

    @classmethod
    def start(cls, tally: Tally) -> _Race:
        known = by_state(tally.cells.sum((1, 2)))
        nobody_took = np.ones(len(tally.ground.labelled), dtype=bool)
        return cls(tally, nobody_took, known[LABELLED], known[FOUND].copy(), recovered_usd(tally))

    def best(self, remaining: Counts) -> int:
        """Return which of `remaining` has the highest lower bound of its rate, then duty; the first one on a tie."""
        counts = {"labelled": self.adds_labelled[remaining], "found": self.adds_violations[remaining]}
        low = with_rate(pl.DataFrame(counts), "rate", "found", "labelled")["low_95"].fill_nan(None).fill_null(-1.0)
        order = np.lexsort((remaining, -self.adds_duty_usd[remaining], -low.to_numpy()))
        return int(remaining[order[0]])

    def take(self, at: int) -> None:
        """Take criterion `at`: the rows that it hits first are no longer anybody's to add."""
        labelled, ground = self.tally.labelled, self.tally.ground
        fresh = np.flatnonzero(labelled[at] & self.left)
        self.left[fresh] = False
        paying = fresh[ground.duty_usd[fresh] > 0]
        self.adds_labelled -= labelled[:, fresh].sum(axis=1, dtype=np.int64)
        self.adds_violations -= labelled[:, fresh[ground.violations[fresh]]].sum(axis=1, dtype=np.int64)
        self.adds_duty_usd -= labelled[:, paying] @ ground.duty_usd[paying]


def gains_table(tally: Tally) -> pl.DataFrame:
    """Return the criteria in the best order, with what each adds (see `Backtest.gains`)."""
    race, remaining = _Race.start(tally), np.arange(len(tally.ids))
    rows_taken, declarations_taken = np.zeros_like(tally.rows[0]), np.zeros_like(tally.declarations[0])
    steps: list[tuple[Any, ...]] = []
    while len(remaining):
        at = race.best(remaining)
        known = int(race.adds_labelled[at]), int(race.adds_violations[at]), float(race.adds_duty_usd[at])
        hits = _added(tally.rows[at], rows_taken), _added(tally.declarations[at], declarations_taken)
        steps.append((len(steps) + 1, tally.ids[at], *hits, *known))
        race.take(at)
        remaining = remaining[remaining != at]
    names = ("step", "criterion", "added_hits", "added_declarations", "added_labelled_hits", "added_known_violations")
    table = pl.DataFrame(steps, schema=[*names, "added_known_recovered_duty_usd"], orient="row")
    return _with_totals(table, tally)


def _added(own: Bits, taken: Bits) -> int:
    """Count what `own` adds to what is taken, and take it."""
    added = int(sizes(own & ~taken))
    taken |= own
    return added


def _with_totals(table: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    everything = int(tally.ground.violations.sum())
    found = pl.col("added_known_violations").cum_sum()
    duty = pl.col("added_known_recovered_duty_usd") if tally.ground.has_amounts else pl.lit(None, pl.Float64)
    rate = "added_hit_rate_of_controlled"
    return with_rate(table, rate, "added_known_violations", "added_labelled_hits").with_columns(
        duty.alias("added_known_recovered_duty_usd"),
        total_declarations=pl.col("added_declarations").cum_sum(),
        total_known_violations=found,
        total_share_of_known_violations=(found / everything if everything else pl.lit(None)).cast(pl.Float64),
    )
