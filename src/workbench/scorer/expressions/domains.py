"""What a value may be under a set of tests: bounds, finite sets, absence. The arithmetic behind reachability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NONE: frozenset[Any] = frozenset()


@dataclass(frozen=True, slots=True)
class Values:
    """The values, of one ordered type, that a subject may take when it is not missing.

    Parameters
    ----------
    low, high
        Bounds; ``None`` is open.
    without_low, without_high
        Whether a bound itself is excluded.
    only
        The values that are left, ``None`` where there is no such list.
    without
        Values that are excluded.
    whole
        Whether the subject takes whole numbers only.

    Examples
    --------
    >>> Values(low=3).meet(Values(high=3, without_high=True)).empty
    True
    >>> Values(low=1, high=2, without_low=True, without_high=True, whole=True).empty
    True
    """

    low: Any = None
    high: Any = None
    without_low: bool = False
    without_high: bool = False
    only: frozenset[Any] | None = None
    without: frozenset[Any] = _NONE
    whole: bool = False

    def meet(self, other: Values) -> Values:
        """Return the values that both allow."""
        low, without_low = _tighter(self, other, "low")
        high, without_high = _tighter(self, other, "high")
        sets = [one for one in (self.only, other.only) if one is not None]
        only = frozenset.intersection(*sets) if sets else None
        whole = self.whole or other.whole
        return Values(low, high, without_low, without_high, only, self.without | other.without, whole)

    @property
    def empty(self) -> bool:
        """Whether no value is left; true only where that is certain."""
        if self.only is not None:
            return not any(self._allows(value) for value in self.only)
        low, high = self._bounds()
        if low is None or high is None:
            return False
        closed = self.whole or not (self.without_low or self.without_high)
        return bool(low > high or (low == high and (not closed or low in self.without)))

    def _allows(self, value: Any) -> bool:
        above = self.low is None or value > self.low or (value == self.low and not self.without_low)
        below = self.high is None or value < self.high or (value == self.high and not self.without_high)
        integral = not self.whole or value == math.floor(value)
        return above and below and integral and value not in self.without

    def _bounds(self) -> tuple[Any, Any]:
        """Return the bounds; those of whole numbers are the first and the last that are allowed."""
        if not self.whole:
            return self.low, self.high
        low = None if self.low is None else math.floor(self.low) + 1 if self.without_low else math.ceil(self.low)
        high = None if self.high is None else math.ceil(self.high) - 1 if self.without_high else math.floor(self.high)
        return low, high


def _tighter(one: Values, other: Values, side: str) -> tuple[Any, bool]:
    bounds = [
        (bound, excluded)
        for values in (one, other)
        for bound, excluded in [(getattr(values, side), getattr(values, f"without_{side}"))]
        if bound is not None
    ]
    if not bounds:
        return None, False
    tightest = (max if side == "low" else min)(bound for bound, _ in bounds)
    return tightest, any(excluded for bound, excluded in bounds if bound == tightest)


MISSING = None
"""The state of a subject that has no value."""

State = Mapping[str, Values | None]
"""What holds of each subject at once: the values that it may take, or :data:`MISSING`."""

Cases = tuple[State, ...]
"""States of which at least one holds; none at all is a contradiction."""

ANYTHING: Cases = ({},)
MAX_CASES = 128


def together(one: State, other: State) -> State | None:
    """Return the state in which both hold, ``None`` where they contradict one another."""
    joined = dict(one)
    for subject, values in other.items():
        if subject in joined:
            present = joined[subject]
            if (present is MISSING) is not (values is MISSING):
                return None
            if present is not MISSING and values is not MISSING:
                values = present.meet(values)
                if values.empty:
                    return None
        joined[subject] = values
    return joined


def both(one: Cases, other: Cases) -> Cases:
    """Return the cases in which one of `one` and one of `other` hold.

    Where there would be too many, the tests of one side are dropped: more seems possible than is.
    """
    if len(one) * len(other) > MAX_CASES:
        return min(one, other, key=len) or ()
    joined = (together(left, right) for left in one for right in other)
    return tuple(state for state in joined if state is not None)


def either(*many: Cases) -> Cases:
    """Return the cases of all; too many become :data:`ANYTHING`."""
    cases = tuple(state for cases in many for state in cases)
    return ANYTHING if len(cases) > MAX_CASES or {} in cases else cases


def cases(subject: str, allowed: Iterable[Values], known: State) -> Cases:
    """Return one case for each of `allowed` that is not empty, each with what is `known` besides."""
    states = (together({subject: values}, known) for values in allowed if not values.empty)
    return tuple(state for state in states if state is not None)
