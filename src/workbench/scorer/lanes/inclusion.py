"""Inclusion probabilities: how likely each declaration was to be controlled, which every later estimate rests on.

A declaration escapes if it escapes, one after the other, criteria (or finds no room under them), the random quota and
the top-up. With c the probability of being named, b that of being drawn for the quota and finding room, and t that of
being topped up while it waits, under each way to round the capacities

    1 - P = ((1 - c) * (1 - b) + c * (1 - room)) * (1 - t)

added up as P itself, so that what is possible keeps a probability above 0 however small it is.

Taken over all their outcomes are a declaration's own draws, the quota's draws beside it, lots and rounding; whom
criteria named and whom the quota drew beside it stays as it was found, and finds room as each rounding leaves it.
Seats are counted without the declaration itself: what it holds by a draw would have been left for others. Who would
have had a seat that it holds by the quota is followed; who would have had one that it holds by a criterion's hit
percentage is not, and where the quota finds no room for all whom it drew, its room is a mean over the draws beside it
and the model's bar is not. In both the bar may be off by one place, though never beyond those that wait. Under the
rounding found every term is that of the filling itself: whatever was selected has P > 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import exp, expm1, log, log1p

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
    named, is_named = filling.candidates["criteria_probability"].to_numpy(), filling.proposed > 0
    if_unnamed, if_named = np.zeros(len(named)), np.ones(len(named))
    if_named[overflow.who] = 0.0
    for weight, slots in _roundings(filling.room):
        seats = Seats.of(standings, slots, filling.policy.random_lane)
        refused, of_cell = overflow.refused(slots), weight[filling.room.cell]
        missed = waiting.missed(seats, standings, overflow.who[refused & is_named[overflow.who]])
        quota = _quota(seats, filling.policy.random_share).ravel()[standings.place]
        if_unnamed += of_cell * (1.0 - missed + quota * missed)
        if_named[overflow.who] += weight[overflow.cell] * (1.0 - refused * missed[overflow.who])
    return _whole((1.0 - named) * if_unnamed + named * if_named)


def _whole(chance: Shares) -> Shares:
    """Make what is certain 1, which weights add up to but for the last bits, and leave what is possible above 0."""
    rounded: Shares = np.round(chance, 12)
    return np.where(rounded > 0, rounded, chance)


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
    if share in (0.0, 1.0) or seats == 0 or seats >= size:
        return min(float(seats), size * share)
    # mean of min(s, B) = sum over j = 1..s of P(B >= j); in logarithms, since 0.99 to the 100,000th is no float
    log_mass, odds = size * log1p(-share), log(share) - log1p(-share)
    below, total = exp(log_mass), -expm1(log_mass)
    for drawn in range(1, seats):
        log_mass += log((size - drawn + 1) / drawn) + odds
        below += exp(log_mass)
        total += max(1.0 - below, 0.0)
    return total
