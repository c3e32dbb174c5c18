"""Keeping: the lowest rate of inspection that keeps a stated detection, likely and surely.

More controls never find less, but estimates of what they find stray up and down. Their running maximum would keep each
stroke of luck for all higher rates and promise too much: on ten rates it puts the likely rate too low in seven of ten
cases. Isotonic regression takes the closest rising line, too low as often as too high.

Source: R. E. Barlow, D. J. Bartholomew, J. M. Bremner and H. D. Brunk (1972), Statistical Inference under Order
Restrictions, chapter 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
        Rate from which on as many are expected; ``None`` where no rate of the frontier reaches them.
    sure
        Rate from which on the lower 95 % bounds of all rates reach them: whoever goes down to it loses nothing beyond
        doubt. ``None`` where the highest rate of the frontier is not that sure.
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
        The frontier; the likely rate is read off the closest rising line, as more controls never find less.
    violations
        What is to be found in the same period.
    told
        What that number stands for.
    """
    rows = found.estimated
    if rows.is_empty():
        return Kept(violations, told, None, None, None)
    rates, expected, low = (rows[name].to_numpy() for name in ("rate", "found", "found_low_95"))
    # Of the lower bounds the least from each rate on: one that all higher rates hold.
    held = np.minimum.accumulate(low[::-1])[::-1]
    likely, sure = (_first_reaching(rates, one, violations) for one in (_closest_rising(rates, expected), held))
    return Kept(violations, told, likely, sure, lowest_tried=float(rates[0]))


_Values = npt.NDArray[np.float64]


def _closest_rising(rates: _Values, found: _Values) -> _Values:
    from sklearn.isotonic import IsotonicRegression

    return np.asarray(IsotonicRegression().fit_transform(rates, found))


def _first_reaching(rates: _Values, rising: _Values, least: float) -> float | None:
    at = int(np.searchsorted(rising, least))
    if at == len(rising):
        return None
    if at == 0 or rising[at] == least:
        return float(rates[at])
    part = (least - rising[at - 1]) / (rising[at] - rising[at - 1])
    return float(rates[at - 1] + part * (rates[at] - rates[at - 1]))
