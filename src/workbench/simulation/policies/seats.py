"""Seats: a week's seats shared out among arms, fractions rounded by one lot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_DIGITS = 9
"""Decimals of a fraction of a seat; what is smaller is the error of adding shares up."""


@dataclass(frozen=True)
class Allocation:
    """One way to round the seats of the arms.

    Parameters
    ----------
    seats
        Seats of each arm.
    probability
        Probability that the lot rounds so.
    """

    seats: tuple[int, ...]
    probability: float


def allocations(shares: tuple[float, ...], seats: int) -> list[Allocation]:
    """Return every way to round `shares` of `seats` with its probability, in ascending order of the lot.

    One number u, uniform in [0, 1), rounds all: with c the running sums of the expected seats, an arm gets
    floor(u + c_k) - floor(u + c_{k-1}). So each arm has its share on average, never more than a seat too many or too
    few, and together they have exactly `seats`. Half a seat for exploration is a seat every other week, not none.
    Source: systematic sampling, Madow (1949), Annals of Mathematical Statistics 20(3).

    Parameters
    ----------
    shares
        Share of each arm; together 1.
    seats
        Seats of the week.

    Examples
    --------
    >>> [(one.seats, round(one.probability, 2)) for one in allocations((0.9, 0.1), 12)]
    [((10, 2), 0.2), ((11, 1), 0.8)]
    """
    ends = np.round(np.cumsum(shares) * seats, _DIGITS)
    ends[-1] = seats
    turns = sorted({0.0, 1.0, *np.round(1.0 - ends % 1.0, _DIGITS).tolist()})
    return [Allocation(_rounded(ends, (low + high) / 2), high - low) for low, high in pairwise(turns)]


def drawn(ways: list[Allocation], number: float) -> int:
    """Return the place of the allocation that `number`, uniform in [0, 1), draws.

    >>> drawn(allocations((0.9, 0.1), 12), 0.85)
    1
    """
    bounds = np.cumsum([way.probability for way in ways])
    return min(int(np.searchsorted(bounds, number, side="right")), len(ways) - 1)


def _rounded(ends: np.ndarray[tuple[int], np.dtype[np.float64]], number: float) -> tuple[int, ...]:
    upper = np.floor(number + ends).astype(np.int64)
    return tuple(int(one) for one in np.diff(upper, prepend=0))
