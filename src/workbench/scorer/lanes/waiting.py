"""Waiting: the probability that the top-up passes over a declaration that has no lane when it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..schema import Lane
from .filling import Cause, Filling
from .policy import SelectionPolicy, Shares
from .room import Counts, Flags
from .seats import Seats, Standings


@dataclass(frozen=True)
class Waiting:
    """The top-up as a declaration that waits for it sees it: first the model's lanes, then those filled by lot.

    Parameters
    ----------
    policy
        The policy in force.
    rank
        How many of those that wait beside it on its office's day have a higher score.
    is_scored
        Whether it has a score.
    unscored
        Declarations that wait without a score, by office's day.
    """

    policy: SelectionPolicy
    rank: Counts
    is_scored: Flags
    unscored: Counts

    @classmethod
    def of(cls, filling: Filling) -> Waiting:
        """Look back on a filling that is done."""
        waits = ~np.isin(filling.cause, (Cause.NAMED, Cause.RANDOM))
        is_scored = np.isfinite(filling.score)
        rank = _rank(filling.room.cell, filling.by_score, waits)
        return cls(filling.policy, rank, is_scored, filling.by_cell(np.flatnonzero(waits & ~is_scored)))

    def missed(self, seats: Seats, standings: Standings) -> Shares:
        """Return each declaration's probability of being passed over by the whole top-up, if it waits for it."""
        by_model = _free(seats, self.policy.model_lanes)
        missed: Shares = (~self.is_scored | (self.rank >= by_model.ravel()[standings.place])).astype(np.float64)
        if self.policy.lot_lanes:
            beside = np.maximum(seats.waiting - by_model, np.minimum(seats.waiting, self.unscored))
            by_lot = np.minimum(_free(seats, self.policy.lot_lanes) / (beside + 1.0), 1.0)
            missed *= (1.0 - by_lot).ravel()[standings.place]
        return missed


def _free(seats: Seats, lanes: Iterable[Lane]) -> Counts:
    free: Counts = sum((seats.left[lane] for lane in lanes if lane in seats.left), np.zeros_like(seats.waiting))
    return free


def _rank(cell: Counts, by_score: Counts, counted: Flags) -> Counts:
    """Return how many of those `counted` stand before each declaration on its office's day in the order `by_score`."""
    rank = np.zeros(len(cell), dtype=np.int64)
    in_order = counted[by_score].astype(np.int64)
    before: Counts = np.cumsum(in_order) - in_order
    starts = np.flatnonzero(np.diff(cell[by_score], prepend=-1))
    rank[by_score] = before - np.repeat(before[starts], np.diff(starts, append=len(by_score)))
    return rank
