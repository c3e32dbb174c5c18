"""Thresholds that people would write: 1, 2, 2.5 and 5 times a power of ten; shares in steps of 5 %."""

from __future__ import annotations

import math
from enum import StrEnum

_MANTISSAS = (1.0, 2.0, 2.5, 5.0, 10.0)
SHARE_STEP = 0.05
_SHARES_UP_TO = 2.0


class Scale(StrEnum):
    """How a quantity is read, and so how its thresholds are rounded."""

    AMOUNT = "amount"
    """Masses, values, prices: any power of ten."""
    COUNT = "count"
    """Whole numbers."""
    SHARE = "share"
    """Rates, and ratios to what is usual: about 0 to 2."""


def rounded(value: float, scale: Scale) -> float:
    """Return the number nearest to `value` (0 or more), in the sense of the scale, that people would write.

    Examples
    --------
    >>> rounded(0.63, Scale.SHARE), rounded(0.0018, Scale.SHARE), rounded(3_870.0, Scale.AMOUNT)
    (0.65, 0.002, 5000.0)
    >>> rounded(2.4, Scale.COUNT)
    2.0
    """
    if value <= 0:
        return 0.0
    if scale is Scale.SHARE and 0.75 * SHARE_STEP <= value <= _SHARES_UP_TO:
        return round(round(value / SHARE_STEP) * SHARE_STEP, 2)
    power = 10.0 ** math.floor(math.log10(value))
    candidates = [mantissa * power for mantissa in _MANTISSAS]
    if scale is Scale.COUNT:
        candidates = [number for number in candidates if number == round(number)] or [1.0]
    nearest = min(candidates, key=lambda number: abs(math.log(number / value)))
    return float(f"{nearest:.3g}")


def neighbourhood(value: float, scale: Scale) -> tuple[float, float]:
    """Return the range in which a threshold is worth tuning: from half of it to twice it, rounded.

    >>> neighbourhood(0.6, Scale.SHARE)
    (0.3, 1.2)
    """
    return rounded(value / 2, scale), rounded(value * 2, scale)
