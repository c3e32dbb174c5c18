"""Dials of the synthetic world, and the published figures that it is calibrated to.

The figures are shares of *declarations*, as customs counts them. Vietnam's customs published the lanes for January to
July 2017 and the switches of lane and hit rates for 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from workbench.scorer.errors import SelectivityError

SCHEMES = (
    "undervaluation",
    "misclassification",
    "false_origin",
    "short_quantity",
    "short_weight",
    "undeclared_goods",
    "prohibited_goods",
)
"""The planted schemes, in the order of every array that has one column a scheme."""

DEFAULT_START = date(2025, 1, 1)
MOST_MONTHS = 120
"""The longest period that a world is drawn for."""

# Vietnam, January-July 2017: 2,273,515 yellow and 304,337 red of 6,069,412 declarations; the rest green.
YELLOW_SHARE = 0.3746
RED_SHARE = 0.0501
# Vietnam, 2016: 48,353 declarations moved from yellow to red and 853 from red to yellow; together 0.63 %.
SWITCH_SHARE = 0.0063
SWITCHED_UP_SHARE = SWITCH_SHARE * 48_353 / 49_206
SWITCHED_DOWN_SHARE = SWITCH_SHARE * 853 / 49_206
# Vietnam, October 2022: 11,783 containers scanned in a month of about a million declarations; scans come out of
# the yellow share here, and audits out of the green share, so that the three published lanes hold.
ORANGE_SHARE = 0.0035
BLUE_SHARE = 0.003
# Declarations and trade grew by 268 % in ten years.
ANNUAL_GROWTH: float = 3.68 ** (1 / 10) - 1


class GenerationError(SelectivityError):
    """The synthetic tables cannot be generated as asked, or not where asked."""


@dataclass(frozen=True)
class SchemeChange:
    """A change of the schemes in use, from a month on: the world's events.

    Parameters
    ----------
    month
        Month of the generated period in which the change begins, from 0.
    scheme
        One of :data:`SCHEMES`.
    intensity
        What multiplies the scheme's weight from then on: 0 ends it, 3 makes it three times as frequent.
    """

    month: int
    scheme: str
    intensity: float

    def __post_init__(self) -> None:
        """Refuse what the world cannot play."""
        if self.scheme not in SCHEMES:
            raise GenerationError(f"No scheme is called {self.scheme!r}. Choose one of: {', '.join(SCHEMES)}.")
        if self.month < 0 or self.intensity < 0:
            raise GenerationError(
                f"A scheme changes in month {self.month} to intensity {self.intensity}: both must be 0 or more."
            )


@dataclass(frozen=True)
class WorldConfig:
    """Dials of the synthetic world; the defaults reproduce the field guide's figures.

    Parameters
    ----------
    violation_rate
        Expected share of declarations with a planted violation. The default makes the hit rates of controls come
        out at the published 0.24 % overall; tests and exercises plant more.
    random_arm_rate
        Share of declarations that are physically controlled by lot.
    red_share
        Share of declarations that are physically controlled at all, the lot's included.
    rows_per_trader
        Goods items a trader has on average, over the whole period; the size of the trader table follows from it.
    rows_per_ring
        Goods items for each ring of traders that act together.
    hostile_text_rate
        Share of goods descriptions that carry markup, formulas or unusual characters.
    events
        Changes of the schemes over time, beyond those that the world has by itself.

    Examples
    --------
    >>> WorldConfig(violation_rate=0.05).random_arm_rate
    0.01
    """

    violation_rate: float = 0.0044
    random_arm_rate: float = 0.01
    red_share: float = RED_SHARE
    rows_per_trader: float = 24.0
    rows_per_ring: float = 8_000.0
    hostile_text_rate: float = 0.0004
    events: tuple[SchemeChange, ...] = ()

    def __post_init__(self) -> None:
        """Refuse dials outside their domain, all in one message."""
        shares = {"violation_rate": 0.3, "random_arm_rate": 0.04, "hostile_text_rate": 1.0}
        faults = [
            f"{name} is {getattr(self, name)}, expected 0 to {most}"
            for name, most in shares.items()
            if not 0 <= getattr(self, name) <= most
        ]
        faults += [
            f"{name} is {getattr(self, name)}, expected more than 1"
            for name in ("rows_per_trader", "rows_per_ring")
            if not getattr(self, name) > 1
        ]
        if not self.random_arm_rate + SWITCH_SHARE < self.red_share <= 0.5:
            least = self.random_arm_rate + SWITCH_SHARE
            faults.append(
                f"red_share is {self.red_share}, expected more than {least:.4f}, the lot and the switches, to 0.5"
            )
        if faults:
            raise GenerationError("The world cannot be built: " + "; ".join(faults) + ".")


@dataclass(frozen=True)
class Extent:
    """How much of the world is generated, from when and by which seed.

    Parameters
    ----------
    rows
        Goods items, over all declarations; 1 or more.
    months
        Length of the period in calendar months; 1 to 120.
    seed
        Seed of every draw; 0 or more.
    start
        First day; the period covers whole months from it.
    """

    rows: int
    months: int
    seed: int
    start: date = DEFAULT_START

    def __post_init__(self) -> None:
        """Refuse an empty period or table, and a start that would cut a month in two."""
        faults = []
        if self.rows < 1:
            faults.append(f"rows is {self.rows}, expected 1 or more")
        if not 1 <= self.months <= MOST_MONTHS:
            faults.append(f"months is {self.months}, expected 1 to {MOST_MONTHS}")
        if self.seed < 0:
            faults.append(f"seed is {self.seed}, expected 0 or more")
        if self.start.day != 1:
            faults.append(f"start is {self.start}, expected the first day of a month")
        if faults:
            raise GenerationError("Nothing can be generated: " + "; ".join(faults) + ".")
