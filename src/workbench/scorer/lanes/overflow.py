"""Overflow: whether what criteria name finds any lane with room, under one way to round the capacities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..schema import Lane
from .filling import CONTROLS, Filling
from .room import Counts, Flags


@dataclass(frozen=True)
class Overflow:
    """Declarations that criteria name or may name, and who goes before each of them.

    Whether one of them finds room depends only on those named before it in the order of priority, score and lot.
    Where the mildest lane takes all that criteria name, every one finds room and nothing is kept here. What escaped the
    draws of several criteria is taken to be named by the one that would have won.

    Parameters
    ----------
    who, cell, severity
        The declarations, their office's day, and the lane that is or would be proposed.
    ahead
        Named declarations before each on its office's day, by proposed severity.
    """

    who: Counts
    cell: Counts
    severity: Counts
    ahead: Counts

    @classmethod
    def of(cls, filling: Filling) -> Overflow:
        """Put in order what criteria name or may name in `filling`."""
        given, cell = filling.candidates, filling.room.cell
        may_be_named = (given["criteria_probability"] > 0).to_numpy() & (CONTROLS[-1] in filling.room.slots)
        priority = np.where(filling.proposed > 0, given["priority"].to_numpy(), given["priority_if_drawn"].to_numpy())
        who = np.flatnonzero(may_be_named)
        who = who[np.lexsort((filling.draw[who], -filling.score[who], -priority[who], cell[who]))]
        named = filling.proposed[who] == np.arange(len(Lane))[:, None]
        before = np.cumsum(named, axis=1) - named
        starts = np.flatnonzero(np.diff(cell[who], prepend=-1))
        ahead = before - np.repeat(before[:, starts], np.diff(starts, append=len(who)), axis=1)
        proposed = np.where(filling.proposed > 0, filling.proposed, given["severity_if_drawn"].to_numpy())
        return cls(who, cell[who], proposed[who], ahead)

    def refused(self, slots: Mapping[Lane, Counts]) -> Flags:
        """Return who finds every lane full, from its own down to the mildest."""
        waiting, refused = np.zeros(len(self.who), dtype=np.int64), np.ones(len(self.who), dtype=bool)
        for lane in CONTROLS:
            waiting = waiting + self.ahead[lane.severity]
            free = slots[lane][self.cell] if lane in slots else waiting + 1
            refused &= (self.severity < lane.severity) | (waiting >= free)
            waiting = np.maximum(waiting - free, 0)
        return refused
