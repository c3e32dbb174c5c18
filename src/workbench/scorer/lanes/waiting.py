"""Waiting: the probability that the top-up passes over a declaration that has no lane when it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..schema import Lane
from .filling import Filling
from .policy import Shares
from .room import Counts, Flags
from .seats import Seats, Standings


@dataclass(frozen=True)
class Waiting:
    """The top-up as a declaration that waits for it sees it: first the model's lanes, then those filled by lot.

    Parameters
    ----------
    filling
        The filling that is looked back on.
    is_scored
        Who has a score.
    turn
        Each declaration's place in the order of the model.
    drawn, place
        Whom the quota drew, by office's day and in its order, and how many stand before each on that day.
    """

    filling: Filling
    is_scored: Flags
    turn: Counts
    drawn: Counts
    place: Counts

    @classmethod
    def of(cls, filling: Filling) -> Waiting:
        """Look back on a filling that is done."""
        turn = np.zeros(len(filling.score), dtype=np.int64)
        turn[filling.by_score] = np.arange(len(filling.by_score))
        drawn = np.flatnonzero(filling.in_hat & filling.drawn)
        drawn = drawn[np.lexsort((filling.draw[drawn], filling.room.cell[drawn]))]
        cell = filling.room.cell[drawn]
        return cls(
            filling, np.isfinite(filling.score), turn, drawn, np.arange(len(drawn)) - np.searchsorted(cell, cell)
        )

    def missed(self, seats: Seats, standings: Standings, in_vain: Counts) -> Shares:
        """Return each declaration's probability of being passed over by the whole top-up, if it waits for it.

        Parameters
        ----------
        seats, standings
            Seats under one way to round the capacities, and who stands beside a declaration.
        in_vain
            Whom criteria name and no lane has room for under that rounding.
        """
        policy, place = self.filling.policy, standings.place
        rank, unscored = self._beside(in_vain, seats.for_quota[0])
        by_model, beside = _free(seats, policy.model_lanes).ravel()[place], seats.waiting.ravel()[place]
        # Who would sit where a criterion's draw sits is not followed, but no more stand before it than wait beside it.
        missed: Shares = (~self.is_scored | (np.minimum(rank, beside) >= by_model)).astype(np.float64)
        if policy.lot_lanes:
            left = np.maximum(beside - by_model, np.minimum(beside, unscored))
            missed *= 1.0 - np.minimum(_free(seats, policy.lot_lanes).ravel()[place] / (left + 1.0), 1.0)
        return missed

    def _beside(self, in_vain: Counts, for_quota: Counts) -> tuple[Counts, Counts]:
        """Return how many wait beside each declaration with a higher score, and how many without one."""
        cell, is_scored = self.filling.room.cell, self.is_scored
        is_seated = self.place < for_quota[cell[self.drawn]]
        waits = self.filling.in_hat & ~self.filling.drawn
        waits[in_vain] = waits[self.drawn[~is_seated]] = True
        rank, unscored = _rank(cell, self.filling.by_score, waits & is_scored), waits & ~is_scored
        without = self.filling.by_cell(np.flatnonzero(unscored))[cell] - unscored
        seated, follower = self._followed(is_seated, for_quota)
        rank[seated] -= is_scored[follower] & (self.turn[follower] < self.turn[seated])
        without[seated] -= ~is_scored[follower]
        return rank, without

    def _followed(self, is_seated: Flags, for_quota: Counts) -> tuple[Counts, Counts]:
        """Return whom the quota seats where it refuses others, and who would have had the seat of each."""
        cell = self.filling.room.cell
        first = self.place == for_quota[cell[self.drawn]]
        follower = np.full(len(for_quota), -1)
        follower[cell[self.drawn[first]]] = self.drawn[first]
        seated = self.drawn[is_seated & (follower[cell[self.drawn]] >= 0)]
        return seated, follower[cell[seated]]


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
