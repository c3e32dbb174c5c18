"""Dials of a reacting world, and which weeks of it are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from workbench.synthetic.calendar import month_starts
from workbench.synthetic.changes import WeeklySchemeChange
from workbench.synthetic.config import DEFAULT_START, MOST_MONTHS, Extent, GenerationError, WorldConfig

SIMULATED_VIOLATION_RATE = 0.08
"""Violations of a reacting world, by default. At the published 0.24 % of hits, ten controls in a hundred of 3,000 goods
a week would have one finding in six weeks by lot: years would pass before any policy learnt anything. The four services
whose data published simulations use have 1.2, 1.6, 4.1 and 8.2 % (data of arXiv 2010.14282); the last one is where a
model without exploration collapsed."""

LEAST_MONTHS = 25
"""Months that every reacting world is drawn for, 108 weeks: parties and goods hang on the period, and so the same seed
gives the same first weeks however many of them are simulated."""


@dataclass(frozen=True)
class ReactingConfig:
    """Dials of a reacting world.

    Parameters
    ----------
    violation_rate
        Expected share of declarations that violate, before changes, while physical controls are as usual.
    deterrence
        Decline of the logarithm of an opportunist's leaning for a perceived probability of control higher by 1. At 4,
        controls of 30 % instead of 5 % of the goods leave 37 % of the opportunists' violations.
    changes
        Changes of the schemes; none for a stable world.
    """

    violation_rate: float = SIMULATED_VIOLATION_RATE
    deterrence: float = 4.0
    changes: tuple[WeeklySchemeChange, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a deterrence that would invite, or is no number."""
        if not 0 <= self.deterrence <= 100:
            raise GenerationError(f"deterrence is {self.deterrence}, expected 0 (none) to 100.")

    def service(self, months: int) -> WorldConfig:
        """Return the dials of a service that is drawn for so many months: traders and rings do not grow with them."""
        usual, years = WorldConfig(violation_rate=self.violation_rate), months / 12
        return replace(
            usual,
            rows_per_trader=max(usual.rows_per_trader * years, 2.0),
            rows_per_ring=max(usual.rows_per_ring * years, 2.0),
        )


@dataclass(frozen=True)
class Weeks:
    """Which weeks are drawn: week 0 is the first simulated one, those of the start lie below it.

    Parameters
    ----------
    start
        Weeks of history, under the controls of the old service; 1 or more.
    simulated
        Weeks after them; 1 or more.
    goods
        Goods items a week, on average over the period: trade grows, and stops at Tet.
    seed
        Seed of every draw; 0 or more.
    first
        First day; the first of a month.
    """

    start: int
    simulated: int
    goods: float
    seed: int
    first: date = DEFAULT_START

    def __post_init__(self) -> None:
        """Refuse a world without weeks or goods."""
        if self.start < 1 or self.simulated < 1 or not self.goods > 0:
            raise GenerationError(
                f"{self.start} weeks of start, {self.simulated} simulated weeks and {self.goods} goods a week: "
                "expected 1 week or more of both, and goods."
            )

    @property
    def extent(self) -> Extent:
        """The shortest period of whole months, 25 at least, that holds the weeks.

        >>> Weeks(start=4, simulated=4, goods=1_000, seed=1).extent.months
        25
        """
        weeks = self.start + self.simulated
        for months in range(LEAST_MONTHS, MOST_MONTHS + 1):
            if (days := self._days(months)) >= 7 * weeks:
                return Extent(max(1, round(self.goods * days / 7)), months, self.seed, self.first)
        longest = self._days(MOST_MONTHS) // 7
        remedy = f"at most {longest - self.start} weeks after the start" if self.start < longest else "a shorter start"
        raise GenerationError(
            f"A generated world has at most {longest} weeks ({MOST_MONTHS} months): a start of {self.start} and "
            f"{self.simulated} weeks after it are more. Give {remedy}."
        )

    def _days(self, months: int) -> int:
        return (month_starts(Extent(1, months, self.seed, self.first))[-1] - self.first).days

    def begins(self, week: int) -> datetime:
        """Return the first moment of a week.

        >>> Weeks(start=4, simulated=4, goods=1_000, seed=1).begins(0)
        datetime.datetime(2025, 1, 29, 0, 0)
        """
        first = datetime(self.first.year, self.first.month, self.first.day)
        return first + timedelta(weeks=self.start + week)
