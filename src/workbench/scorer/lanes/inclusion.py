"""Inclusion probabilities: how likely each declaration was to be controlled, which every later estimate rests on.

A declaration escapes if it escapes, one after the other, criteria (or finds no room under them), the random quota and
the top-up. With c the probability of being named, b that of being drawn for the quota and finding room, and t that of
being topped up while it waits, under each way to round the capacities

    1 - P = ((1 - c) * (1 - b) + c * (1 - room)) * (1 - t)

Taken over all their outcomes are a declaration's own draws, the quota's draws beside it, lots and rounding; whom
criteria named beside it stays as it was found. Seats are counted without the declaration itself: what it holds by a
draw would have been left for others. Who is next in line for such a seat is not followed: on a day when the quota finds
no room for all whom it drew, the model's bar may be off by one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import exp, log, log1p

import numpy as np

from ..schema import Lane
from .filling import Filling
from .overflow import Overflow
from .policy import Shares
from .room import Counts, Room
from .seats import Seats, Standings
from .waiting import Waiting


def inclusion_probability(filling: Filling) -> Shares:
    """Return each declaration's probability of being given any lane but green under this policy."""
    standings, waiting, overflow = Standings.of(filling), Waiting.of(filling), Overflow.of(filling)
    named = filling.candidates["criteria_probability"].to_numpy()
    unnamed, in_vain = np.zeros(len(named)), np.zeros(len(overflow.who))
    for weight, slots in _roundings(filling.room):
        seats = Seats.of(standings, slots, filling.policy.random_lane)
        missed = waiting.missed(seats, standings)
        unnamed += (weight * (1.0 - _quota(seats, filling.policy.random_share))).ravel()[standings.place] * missed
        in_vain += weight[overflow.cell] * overflow.refused(slots) * missed[overflow.who]
    escapes = (1.0 - named) * unnamed
    escapes[overflow.who] += named[overflow.who] * in_vain
    # Weights add up to one but for the last bits: what is certain stays 1 and what is impossible 0.
    result: Shares = np.round(1.0 - escapes, 12)
    return result


def _roundings(room: Room) -> Iterator[tuple[Shares, dict[Lane, Counts]]]:
    """Yield every way to round the capacities: its probability and the slots by lane, by office's day."""
    low = {lane: np.floor(expected).astype(np.int64) for lane, expected in room.expected.items()}
    part = {lane: expected - low[lane] for lane, expected in room.expected.items()}
    rounded = [lane for lane in part if part[lane].any()]
    for ups in product((0, 1), repeat=len(rounded)):
        chances = [part[lane] if up else 1.0 - part[lane] for lane, up in zip(rounded, ups, strict=True)]
        weight = np.prod([np.ones(len(room.size)), *chances], axis=0)
        yield weight, low | {lane: low[lane] + up for lane, up in zip(rounded, ups, strict=True)}


def _quota(seats: Seats, share: float) -> Shares:
    """Return the probability of being drawn for the quota *and* finding room, by standing and office's day.

    It is equal for all in the hat, where a declaration is one more than those beside it.
    """
    size = seats.hat_beside + 1
    base = int(size.max(initial=0)) + 1
    pair = size * base + np.minimum(seats.for_quota, size)
    pairs = np.unique(pair)
    chances = np.array([_mean_seated(*divmod(int(one), base), share) / (one // base) for one in pairs])
    result: Shares = chances[np.searchsorted(pairs, pair)]
    return result


@lru_cache(maxsize=65_536)
def _mean_seated(size: int, seats: int, share: float) -> float:
    """Return the mean of min(seats, B) for B binomial(size, share): who is drawn beyond the seats is not controlled.

    >>> round(_mean_seated(10, 10, 0.1), 6), _mean_seated(10, 0, 0.1)
    (1.0, 0.0)
    """
    if share in (0.0, 1.0) or seats >= size:
        return min(float(seats), size * share)
    # mean of min(s, B) = sum over j = 1..s of P(B >= j); in logarithms, since 0.99 to the 100,000th is no float
    log_mass, odds, below, total = size * log1p(-share), log(share) - log1p(-share), 0.0, 0.0
    for drawn in range(seats):
        below += exp(log_mass)
        total += max(1.0 - below, 0.0)
        log_mass += log((size - drawn) / (drawn + 1)) + odds
    return total
