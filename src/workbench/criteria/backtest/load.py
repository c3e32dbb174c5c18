"""Controls that criteria would cost: by office and day, against what each office can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Counts, Flags
from workbench.criteria.backtest.ground import Amounts
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.lanes.policy import LaneLimit
from workbench.scorer.lanes.proposals import severity_by_points
from workbench.scorer.schema import Lane

_ROUNDING = 1e-9


@dataclass(frozen=True)
class OfficeLoads:
    """Controls by office and day against capacity.

    Parameters
    ----------
    office_days
        ``office_id, day, declarations`` of each office's day with lodgements, in order.
    limits
        Capacity of each limited lane.
    """

    office_days: pl.DataFrame
    limits: Sequence[LaneLimit] = ()
    _tables: list[pl.DataFrame] = field(default_factory=list)

    @cached_property
    def _starts(self) -> Counts:
        offices = self.office_days["office_id"]
        return np.flatnonzero((offices != offices.shift(1)).fill_null(value=True).to_numpy())

    @cached_property
    def _days(self) -> Counts:
        return np.diff(self._starts, append=self.office_days.height)

    @cached_property
    def _capacity(self) -> dict[str, Amounts]:
        declarations = self.office_days["declarations"].cast(pl.Float64).to_numpy()
        return {str(limit.lane): limit.expected(declarations) for limit in self.limits}

    def add(self, criterion: Criterion, declarations: Counts) -> None:
        """Take the number of declarations that a criterion hits on each office's day."""
        expected = declarations.astype(np.float64) * criterion.selection_rate
        table = self.table(criterion.lane, declarations, expected)
        self._tables.append(table.select(pl.lit(criterion.id).alias("criterion"), pl.all()))

    @property
    def by_criterion(self) -> pl.DataFrame:
        """The tables of all criteria taken, one row a criterion and office with hits."""
        return pl.concat(self._tables)

    def table(self, lane: str, declarations: Counts, expected: Amounts) -> pl.DataFrame:
        """Return one row an office with hits: its declarations and expected controls in `lane`, against capacity."""
        capacity = self._capacity.get(lane)
        # A fraction of a control is rounded by lot, so a day may get as many as the next whole number.
        slots = None if capacity is None else np.ceil(capacity - _ROUNDING)
        over = None if slots is None else np.add.reduceat(expected > slots + _ROUNDING, self._starts)
        total = np.add.reduceat(expected, self._starts)
        columns: dict[str, object] = {
            "lane": lane,
            "office_id": self.office_days["office_id"][self._starts],
            "declarations": np.add.reduceat(declarations, self._starts),
            "expected_controls": total,
            "mean_per_day": total / self._days,
            "peak_per_day": np.maximum.reduceat(expected, self._starts),
            "capacity_per_day": None if capacity is None else np.add.reduceat(capacity, self._starts) / self._days,
            "days": self._days,
            "days_over": over,
            "share_of_days_over": None if over is None else over / self._days,
        }
        floats = ("capacity_per_day", "share_of_days_over")
        table = pl.DataFrame(columns).cast({"days_over": pl.Int64, **dict.fromkeys(floats, pl.Float64)})
        return table.filter(pl.col("declarations") > 0)


@dataclass(frozen=True)
class Proposals:
    """What the active criteria of a set propose together, one value a declaration.

    Parameters
    ----------
    hit
        Whether any criterion hits the declaration.
    severity
        The most severe lane proposed by a criterion, before hit percentages: 0 (green) to 4 (red).
    points
        Sum of the points of the criteria that hit it.
    thresholds
        Sum of points from which a declaration gets a lane, by lane.
    escape
        By lane: the probability that the hit percentages of the lane's criteria all pass the declaration over.
    """

    hit: Flags
    severity: Counts
    points: Amounts
    thresholds: Mapping[str, float]
    escape: dict[str, Amounts]

    @classmethod
    def none(cls, declarations: int, criteria: CriteriaSet) -> Proposals:
        """Start before any criterion was asked."""
        proposing = {one.lane for one in criteria.criteria} | set(criteria.points)
        escape = {lane: np.ones(declarations) for lane in sorted(proposing - {str(Lane.GREEN)})}
        nothing = np.zeros(declarations, dtype=np.int64)
        return cls(np.zeros(declarations, dtype=bool), nothing, np.zeros(declarations), criteria.points, escape)

    def add(self, criterion: Criterion, declarations: Counts) -> None:
        """Take what an active criterion proposes for the declarations that it hits."""
        severity = Lane(criterion.lane).severity
        self.hit[declarations] = True
        self.severity[declarations] = np.maximum(self.severity[declarations], severity)
        self.points[declarations] += criterion.points
        if criterion.lane in self.escape:
            self.escape[criterion.lane][declarations] *= 1.0 - criterion.selection_rate

    @cached_property
    def _by_points(self) -> Counts:
        return severity_by_points(self.points, self.thresholds) * self.hit

    @cached_property
    def proposed(self) -> Counts:
        """Severity of the lane proposed by a criterion or by the sum of points, whichever is more severe."""
        proposed: Counts = np.maximum(self.severity, self._by_points)
        return proposed

    def expected(self) -> Iterator[tuple[str, Amounts]]:
        """Yield each lane, the most severe first, with each declaration's probability of being selected for it."""
        left = np.ones(len(self.hit))
        for lane in reversed(Lane):
            if (escape := self.escape.get(str(lane))) is not None:
                passed = np.where(self._by_points == lane.severity, 0.0, escape)
                yield str(lane), left * (1.0 - passed)
                left = left * passed
