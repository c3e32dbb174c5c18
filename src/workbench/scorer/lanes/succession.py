"""Succession: who gets the seat that criteria gave a declaration, had they not named it, and what it gets instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..schema import Lane
from .arm import arm_share
from .filling import CONTROLS, Cause, Filling
from .policy import Shares
from .room import Counts, Rounding

_NOBODY = -1


@dataclass(frozen=True)
class Seated:
    """Whom criteria seated under one rounding.

    Parameters
    ----------
    filling
        The rounding's filling, before lots and arm.
    arm
        Seats of the arm, by office's day.
    lane
        Severity of the lane in which criteria seated each declaration, 0 for none.
    left
        Seats that they left, by limited lane and office's day.
    """

    filling: Filling
    arm: Counts
    lane: Counts
    left: dict[Lane, Counts]

    @classmethod
    def of(cls, filling: Filling, rounding: Rounding) -> Seated:
        """Look back on a filling at what criteria did in it."""
        lane = np.where(filling.cause == Cause.NAMED, filling.lane, 0)
        taken = {one: filling.room.by_cell(np.flatnonzero(lane == one.severity)) for one in rounding.slots}
        return cls(filling, rounding.arm, lane, {one: slots - taken[one] for one, slots in rounding.slots.items()})

    def last(self, lane: Lane) -> Counts:
        """Return the place in the queue of the last who sits in `lane`, by office's day; -1 for nobody."""
        queue, last = self.filling.queues.named, np.full(len(self.filling.room.size), _NOBODY)
        places = np.flatnonzero(self.lane[queue] == lane.severity)
        np.maximum.at(last, self.filling.room.cell[queue[places]], places)
        return last

    def released(self, who: Counts) -> Shares:
        """Return the probability of any control of each of `who`, who have a seat by their names, without the names."""
        filling, policy, cell = self.filling, self.filling.policy, self.filling.room.cell[who]
        freed, heir = (table[self.lane[who], cell] for table in self._successions())
        full_from, is_scored = policy.random_lane.severity, filling.queues.is_scored
        by_model = [lane for lane in policy.top_up_lanes if lane in policy.model_lanes]
        by_lot = [lane for lane in policy.top_up_lanes if lane in policy.lot_lanes]
        model, full_model = self._seats(by_model, cell, freed), self._seats(by_model, cell, freed, full_from)
        lot, full_lot = self._seats(by_lot, cell, freed), self._seats(by_lot, cell, freed, full_from)
        has_heir = heir != _NOBODY
        ahead, scored = self._standing_by(who, heir)
        able = scored + is_scored[who]
        rest = self._waiting()[cell] + 1 - has_heir - np.minimum(model, able)
        topped_up = np.where(is_scored[who] & (ahead < model), 1.0, arm_share(lot, rest))
        full = self._full()[cell] - (freed >= full_from) + np.minimum(full_model, able) + np.minimum(full_lot, rest)
        drawn = arm_share(self.arm[cell], filling.room.size[cell] - full)
        result: Shares = topped_up + (1.0 - topped_up) * drawn
        return result

    def _successions(self) -> tuple[Counts, Counts]:
        """Return what becomes of a seat that is freed, by its lane's severity and office's day.

        The severity of the lane in which a seat stays empty in the end, and who is seated who had found none; the
        first who was refused a lane moves up to it, whoever it is that leaves.
        """
        days, queue = len(self.filling.room.size), self.filling.queues.named
        freed = np.repeat(np.arange(len(Lane))[:, None], days, axis=1)
        heirs, every = np.full((len(Lane), days), _NOBODY), np.arange(days)
        for lane in reversed(CONTROLS):
            refused = (self.filling.queues.proposed[queue] >= lane.severity) & (self.lane[queue] < lane.severity)
            first = np.full(days, _NOBODY)
            waiting = queue[refused][::-1]
            first[self.filling.room.cell[waiting]] = waiting
            from_lane = np.where(first == _NOBODY, lane.severity, self.lane[first])
            freed[lane.severity] = freed[from_lane, every]
            heirs[lane.severity] = np.where((from_lane == 0), first, heirs[from_lane, every])
        return freed, heirs

    def _seats(self, lanes: Iterable[Lane], cell: Counts, freed: Counts, severity: int = 0) -> Counts:
        """Return the seats left in those of `lanes` that are as severe, the freed one among them."""
        seats = np.zeros(len(cell), dtype=np.int64)
        for lane in lanes:
            if lane.severity >= severity:
                seats += self.left[lane][cell] + (freed == lane.severity)
        return seats

    def _waiting(self) -> Counts:
        """Count who waits for the top-up, by office's day."""
        return self.filling.room.by_cell(np.flatnonzero(self.lane == 0))

    def _full(self) -> Counts:
        """Count whom criteria seated in a full control, by office's day."""
        return self.filling.room.by_cell(np.flatnonzero(self.lane >= self.filling.policy.random_lane.severity))

    def _standing_by(self, who: Counts, heir: Counts) -> tuple[Counts, Counts]:
        """Return how many wait with a score higher than that of each of `who`, and with any, without the heir."""
        queue, cell, turn = self.filling.queues.by_score, self.filling.room.cell, self.filling.queues.turn
        waiting = np.append(0, np.cumsum(self.lane[queue] == 0))
        first, last = np.searchsorted(cell[queue], np.arange(len(self.filling.room.size) + 1))[
            [cell[who], cell[who] + 1]
        ]
        in_queue = (heir != _NOBODY) & (turn[heir] < len(queue))
        ahead = waiting[turn[who]] - waiting[first] - (in_queue & (turn[heir] < turn[who]))
        return ahead, waiting[last] - waiting[first] - in_queue
