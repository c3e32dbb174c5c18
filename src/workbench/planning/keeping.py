"""Keeping: the lowest rate of inspection that keeps a stated detection, likely and surely."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.planning.frontier import Frontier


@dataclass(frozen=True)
class Kept:
    """The lowest rates at which a number of violations is still found.

    Parameters
    ----------
    violations
        Violations to be found in the period.
    told
        What they stand for, in words.
    likely
        Rate at which as many are expected; ``None`` where no rate of the frontier reaches them.
    sure
        Rate at which the lower 95 % bound reaches them: whoever goes down to it loses nothing beyond doubt. ``None``
        where no rate of the frontier is that sure.
    lowest_tried
        Lowest rate of the frontier: an answer that equals it may lie lower still.
    """

    violations: float
    told: str
    likely: float | None
    sure: float | None
    lowest_tried: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    def describe(self) -> str:
        """Return it in a sentence.

        >>> Kept(100.0, "what today's controls found", 0.031, None, 0.02).describe().replace(chr(160), " ")
        "To find 100 violations (what today's controls found): 3.1 % likely does, no rate tried is sure to."
        """
        aim = f"To find {counted(self.violations)} ({self.told}):"
        if self.lowest_tried is None:
            return f"{aim} not known, since no rate could be estimated."
        likely = "no rate tried is likely to" if self.likely is None else f"{self._told(self.likely)} likely does"
        sure = "no rate tried is sure to" if self.sure is None else f"{self._told(self.sure)} surely does"
        return f"{aim} {likely}, {sure}."

    def _told(self, rate: float) -> str:
        least = "at most " if rate == self.lowest_tried else ""
        return f"{least}{100 * rate:.3g}\u00a0%"


def counted(violations: float) -> str:
    """Write a number of violations.

    >>> counted(1.0), counted(1234.4)
    ('1 violation', '1,234 violations')
    """
    written = f"{violations:,.0f}"
    return f"{written} violation{'' if written == '1' else 's'}"


def lowest_rates(found: Frontier, violations: float, told: str) -> Kept:
    """Return the lowest rates that find `violations`, between two rates of the frontier by a straight line.

    Parameters
    ----------
    found
        The frontier; it is taken as rising, as more controls never find less.
    violations
        What is to be found in the same period.
    told
        What that number stands for.
    """
    rows = found.estimated
    rates = rows["rate"].to_numpy()
    likely, sure = (_first_reaching(rates, rows[name].to_numpy(), violations) for name in ("found", "found_low_95"))
    return Kept(violations, told, likely, sure, lowest_tried=float(rates[0]) if len(rates) else None)


def _first_reaching(rates: np.ndarray[Any, np.dtype[np.float64]], found: Any, least: float) -> float | None:
    rising = np.maximum.accumulate(np.asarray(found, dtype=float)) if len(rates) else np.empty(0)
    at = int(np.searchsorted(rising, least))
    if at == len(rising):
        return None
    if at == 0 or rising[at] == least:
        return float(rates[at])
    part = (least - rising[at - 1]) / (rising[at] - rising[at - 1])
    return float(rates[at - 1] + part * (rates[at] - rates[at - 1]))
