"""Inclusion probabilities: how likely each declaration was to be controlled, which every later estimate rests on."""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, log1p

import numpy as np

from .filling import Cause, Filling, Flags
from .policy import Shares


def inclusion_probability(filling: Filling) -> Shares:
    """Return each declaration's probability of any control under this policy, given what is known of it."""
    by_criteria = filling.candidates["criteria_probability"].fill_null(0.0).to_numpy()
    # Who escapes the criteria's percentages is in the hat of the random arm.
    probability = by_criteria + (1.0 - by_criteria) * _random_probability(filling)
    result: Shares = np.where(_certain(filling), 1.0, np.where(filling.without_room, 0.0, probability))
    return result


def _certain(filling: Filling) -> Flags:
    """Return whom the model selected, or would have selected had no draw taken them before.

    A seat that a draw took in a lane of the model would have gone to the best score left without one; beside any
    other seat, and where others were drawn without finding room, a declaration would have had to be better than
    the lowest that the model took.
    """
    waiting = np.where((filling.lane == 0) & np.isfinite(filling.score), filling.score, -np.inf)
    best_left = np.full(len(filling.room.size), -np.inf)
    np.maximum.at(best_left, filling.room.cell, waiting)
    of_model = [lane.severity for lane in filling.policy.model_lanes if lane in filling.room.slots]
    crowded = filling.by_cell(np.flatnonzero(filling.in_hat & filling.drawn & (filling.cause != Cause.RANDOM))) > 0
    frees_a_seat = np.isin(filling.lane, of_model) & ~crowded[filling.room.cell]
    bar = np.where(frees_a_seat, best_left[filling.room.cell], filling.model_threshold[filling.room.cell])
    certain: Flags = (filling.cause == Cause.MODEL) | ((filling.lane > 0) & (filling.score > bar))
    return certain


def _random_probability(filling: Filling) -> Shares:
    """Return each declaration's probability of being drawn *and* finding room, had no criterion taken it.

    It is equal for all in the hat of an office's day. Whom a criterion took would have been one more in the hat,
    with one more seat to draw for if it was ahead of the draw.
    """
    if filling.policy.random_lane not in filling.room.expected:
        return np.full(len(filling.lane), filling.policy.random_share)
    beside = np.where(
        filling.ahead_of_draw, _chance(filling, 1, 1)[filling.room.cell], _chance(filling, 0, 1)[filling.room.cell]
    )
    return np.where(filling.in_hat, _chance(filling, 0, 0)[filling.room.cell], beside)


def _chance(filling: Filling, more_seats: int, more_in_hat: int) -> Shares:
    """Return, by office's day, the probability of being drawn and finding room, over the draws and the rounding."""
    share = filling.policy.random_share
    expected = filling.room.expected[filling.policy.random_lane]
    in_hat = filling.by_cell(np.flatnonzero(filling.in_hat)) + more_in_hat
    low = np.floor(expected)
    seats = low - filling.by_cell(np.flatnonzero(filling.ahead_of_draw)) + more_seats
    full = [
        (1 - f) * _mean_seated(int(n), share, int(max(s, 0))) + f * _mean_seated(int(n), share, int(max(s + 1, 0)))
        for n, s, f in zip(in_hat, seats, expected - low, strict=True)
    ]
    return np.asarray(full) / np.maximum(in_hat, 1)


@lru_cache(maxsize=65_536)
def _mean_seated(size: int, share: float, seats: int) -> float:
    """Return the mean of min(seats, B) for B binomial(size, share): who is drawn beyond the seats is not controlled.

    >>> round(_mean_seated(10, 0.1, 10), 6), _mean_seated(10, 0.1, 0)
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
