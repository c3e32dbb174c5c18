"""One pass over the hit matrix: what every later table is made of, small enough to keep for hundreds of criteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Bits, Counts, Flags, overlaps, packed, words
from workbench.criteria.backtest.ground import Amounts, Ground
from workbench.criteria.backtest.load import OfficeLoads, Proposals
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.policy import LaneLimit


@dataclass(frozen=True)
class Tally:
    """Counts of every criterion of a set on a history; the first axis is the criteria, in the set's order.

    Parameters
    ----------
    ground
        The rows.
    criteria
        The set.
    cells
        Hits by day, lane given and state, shape (criteria, days, lanes, states).
    rows, declarations
        The items and the declarations that each criterion hits, as bits.
    labelled
        Which labelled rows each criterion hits, shape (criteria, labelled rows).
    not_evaluable
        Items for which a missing value left the condition open.
    loads
        Controls that each criterion alone would cost, by office.
    proposals
        What the active criteria propose together.
    """

    ground: Ground
    criteria: CriteriaSet
    cells: Counts
    rows: Bits
    declarations: Bits
    labelled: Flags
    not_evaluable: Counts
    loads: OfficeLoads
    proposals: Proposals

    @classmethod
    def of(
        cls,
        ground: Ground,
        criteria: CriteriaSet,
        matrix: pl.DataFrame,
        limits: Sequence[LaneLimit] = (),
        tell: Tell | None = None,
    ) -> Tally:
        """Take the criteria's columns one after the other; nothing of the size of the whole matrix is made."""
        count = len(criteria.criteria)
        tally = cls(
            ground,
            criteria,
            np.zeros((count, *ground.shape), dtype=np.int64),
            np.zeros((count, words(ground.rows)), dtype=np.uint64),
            np.zeros((count, words(ground.declarations)), dtype=np.uint64),
            np.zeros((count, len(ground.labelled)), dtype=bool),
            np.array([matrix[one.id].null_count() for one in criteria.criteria], dtype=np.int64),
            OfficeLoads(ground.office_days, limits),
            Proposals.none(ground.declarations, criteria),
        )
        for at, criterion in enumerate(criteria.criteria):
            tally._take(at, matrix[criterion.id].fill_null(value=False).to_numpy())
            if tell:
                tell("criteria", at + 1)
        return tally

    def _take(self, at: int, flags: Flags) -> None:
        criterion, ground = self.criteria.criteria[at], self.ground
        hit = np.flatnonzero(flags)
        declared = np.zeros(ground.declarations, dtype=bool)
        declared[ground.place[hit]] = True
        self.cells[at] = ground.counted(hit)
        self.rows[at], self.declarations[at] = packed(flags), packed(declared)
        self.labelled[at] = flags[ground.labelled]
        named = np.flatnonzero(declared)
        by_office_day = np.bincount(ground.office_day[named], minlength=ground.office_days.height)
        self.loads.add(criterion, by_office_day)
        if criterion.id not in self.criteria.shadow:
            self.proposals.add(criterion, named)

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the criteria."""
        return [one.id for one in self.criteria.criteria]

    @cached_property
    def shared(self) -> Counts:
        """Items that each pair of criteria both hit, shape (criteria, criteria)."""
        return overlaps(self.rows)

    @cached_property
    def violations(self) -> Flags:
        """Which violations each criterion hits, shape (criteria, violations)."""
        return self.labelled[:, self.ground.violations]

    @cached_property
    def violation_duty_usd(self) -> Amounts:
        """Recovered duty of each violation."""
        return self.ground.duty_usd[self.ground.violations]

    def capacity_table(self) -> pl.DataFrame:
        """Return the controls that the active criteria would cost together, by lane and office."""
        tables = [self._load(lane, chances) for lane, chances in self.proposals.expected()]
        return pl.concat(tables) if tables else self.loads.by_criterion.drop("criterion").clear()

    def _load(self, lane: str, chances: Amounts) -> pl.DataFrame:
        """Sum what each declaration's probability of being selected for the lane makes of the offices' days."""
        cells, size = self.ground.office_day, self.ground.office_days.height
        expected = np.bincount(cells, weights=chances, minlength=size).astype(np.float64)
        return self.loads.table(lane, np.bincount(cells[chances > 0], minlength=size), expected)
