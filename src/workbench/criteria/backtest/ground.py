"""The ground of a back-test: every row of a history as codes, worked out once for all criteria."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.backtest.bits import Counts, Flags
from workbench.criteria.history import History
from workbench.evaluation.tables import MISSING
from workbench.scorer.lanes.candidates import declarations_of
from workbench.scorer.schema import Lane

Amounts = npt.NDArray[np.float64]

LANES = [*(str(lane) for lane in Lane), None]
"""Lanes given in the past, by code; the last stands for a lane that is not known."""

UNKNOWN, CLEAN, VIOLATION = 0, 1, 2
"""Codes of what a control found: nobody looked, no violation, a violation."""

STATES = 3


@dataclass(frozen=True)
class Ground:
    """Codes of a history's rows.

    Parameters
    ----------
    history
        The history.
    """

    history: History

    @property
    def rows(self) -> int:
        """Number of declaration items."""
        return self.history.rows.height

    @cached_property
    def _lodged_on(self) -> pl.Series:
        return self.history.rows["lodged_at"].dt.date()

    @cached_property
    def first_day(self) -> date:
        """First day with a lodgement."""
        first = self._lodged_on.min()
        assert isinstance(first, date)  # a history has rows, all of them dated
        return first

    @cached_property
    def day(self) -> Counts:
        """Day of each row, counted from the first."""
        return self._lodged_on.to_physical().cast(pl.Int64).to_numpy() - _days_since_1970(self.first_day)

    @cached_property
    def days(self) -> int:
        """Calendar days from the first to the last lodgement."""
        return int(self.day.max()) + 1

    @cached_property
    def months(self) -> list[date]:
        """First day of each month of the period, in order."""
        return sorted({day.replace(day=1) for day in self._calendar})

    @cached_property
    def month_of_day(self) -> Counts:
        """Place in `months` of each day of the period."""
        place = {month: at for at, month in enumerate(self.months)}
        return np.array([place[day.replace(day=1)] for day in self._calendar], dtype=np.int64)

    @property
    def _calendar(self) -> list[date]:
        return [self.first_day + timedelta(days=number) for number in range(self.days)]

    @cached_property
    def violation(self) -> pl.Series:
        """1 for a violation, 0 for none, null where nobody looked."""
        return self.history.rows["violation"]

    @cached_property
    def state(self) -> npt.NDArray[np.int8]:
        """What the control of each row found: UNKNOWN, CLEAN or VIOLATION."""
        return (self.violation.cast(pl.Int8) + CLEAN).fill_null(UNKNOWN).to_numpy()

    @cached_property
    def cell(self) -> Counts:
        """Day, lane given and state of each row in one code: shape (days, lanes, states), unrolled."""
        lane = self.history.rows["lane"].to_physical().cast(pl.Int64).fill_null(len(LANES) - 1).to_numpy()
        cell: Counts = (self.day * len(LANES) + lane) * STATES + self.state
        return cell

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a table of counts by day, lane given and state."""
        return self.days, len(LANES), STATES

    def counted(self, rows: Counts | None = None) -> Counts:
        """Count the given rows (all of them for ``None``) by day, lane given and state."""
        cells = self.cell if rows is None else self.cell[rows]
        return np.bincount(cells, minlength=int(np.prod(self.shape))).reshape(self.shape)

    @cached_property
    def _declarations(self) -> tuple[Counts, pl.DataFrame]:
        # The lowest item speaks for office and day, as it does when lanes are given.
        place, found = declarations_of(self.history.rows)
        return place, found.select(pl.col("office_id").fill_null(MISSING), day="lodged_on")

    @property
    def place(self) -> Counts:
        """Declaration of each row, counted from 0."""
        return self._declarations[0]

    @property
    def declarations(self) -> int:
        """Number of declarations."""
        return self._declarations[1].height

    @cached_property
    def office_days(self) -> pl.DataFrame:
        """Offices' days with lodgements, in order: ``office_id, day, declarations``."""
        counted = self._declarations[1].group_by("office_id", "day").agg(declarations=pl.len())
        return counted.sort("office_id", "day")

    @cached_property
    def office_day(self) -> Counts:
        """Place in `office_days` of each declaration."""
        numbered = self.office_days.with_row_index("cell")
        found = self._declarations[1].join(numbered, on=["office_id", "day"], how="left", maintain_order="left")
        return found["cell"].cast(pl.Int64).to_numpy()

    @cached_property
    def labelled(self) -> Counts:
        """Rows with a recorded result."""
        return np.flatnonzero(self.state != UNKNOWN)

    @cached_property
    def violations(self) -> Flags:
        """Which of the labelled rows have a violation."""
        found: Flags = self.state[self.labelled] == VIOLATION
        return found

    @cached_property
    def kind(self) -> pl.Series:
        """Kind of each violation."""
        return self.history.rows["violation_kind"][self.labelled[self.violations]].fill_null(MISSING)

    @cached_property
    def has_amounts(self) -> bool:
        """Whether the source says anywhere what was recovered."""
        return self.history.rows["recovered_duty_usd"].count() > 0

    @cached_property
    def duty_usd(self) -> Amounts:
        """Recovered duty of each labelled row; what is not recorded counts as 0."""
        amounts = self.history.rows["recovered_duty_usd"][self.labelled]
        return amounts.cast(pl.Float64).fill_null(0.0).to_numpy()


def _days_since_1970(day: date) -> int:
    return (day - date(1970, 1, 1)).days
