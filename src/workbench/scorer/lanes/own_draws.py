"""Own draws: what would have become of a declaration had its criteria's own draws gone the other way.

``inclusion_probability`` is taken over them too. With c the probability that any criterion names a declaration, N and U
those of a control if it is named and if it is not, while all others are named as found, it is c * N + (1 - c) * U. One
of N and U is of the draw as found. The other follows from where the declaration stands, under each rounding:

- had it been named, it would have been seated before all who stand behind it;
- had it not been named, its seat would have gone to the first who was refused it, his own to the next, and so down to
  a seat that stays empty or to one who had found none; and it would have waited for the top-up itself.

Where several criteria may name it, N is of the most severe. Forced selection ties a declaration's draw to those of
others; c is then taken over all of them, and stands beside the others as found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from .filling import CONTROLS, Filling, Queues
from .policy import Shares
from .room import Counts, Flags, Rounding
from .succession import Seated


@dataclass(frozen=True)
class OwnDraws:
    """Declarations of which it was uncertain whether criteria would name them.

    Parameters
    ----------
    who, cell, place
        The declarations, their office's day and their place in the queue of the named.
    chance
        Probability of being named, above 0 and below 1.
    is_named
        Whether they were.
    severity
        Severity of what was proposed, or would have been.
    """

    who: Counts
    cell: Counts
    place: Counts
    chance: Shares
    is_named: Flags
    severity: Counts

    @classmethod
    def of(cls, candidates: pl.DataFrame, queues: Queues) -> OwnDraws:
        """Find them among `candidates`."""
        chance = candidates["criteria_probability"].to_numpy()[queues.named]
        place = np.flatnonzero(chance < 1)
        who = queues.named[place]
        is_named = queues.proposed[who] > 0
        if_drawn = candidates["severity_if_drawn"].to_numpy()[who]
        return cls(
            who, queues.cell[who], place, chance[place], is_named, np.where(is_named, queues.proposed[who], if_drawn)
        )

    def mixed(self, found: Shares, otherwise: Shares) -> Shares:
        """Return the probability over both ways the own draws may go."""
        named, unnamed = np.where(self.is_named, (found, otherwise), (otherwise, found))
        mixed: Shares = self.chance * named + (1.0 - self.chance) * unnamed
        return mixed

    def otherwise(self, filling: Filling, rounding: Rounding, found: Shares) -> Shares:
        """Return the probability of a control under one rounding, had the own draws gone the other way.

        Parameters
        ----------
        filling
            The rounding's filling, before lots and arm.
        rounding
            Its seats.
        found
            Probability of a control under it as the draws went: that of whoever finds no seat by its name either way.
        """
        seated = Seated.of(filling, rounding)
        result = np.where(self._would_sit(seated), 1.0, found)
        at = np.flatnonzero(self.is_named)
        result[at] = found[at]
        at = at[seated.lane[self.who[at]] > 0]
        result[at] = seated.released(self.who[at])
        return result

    def _would_sit(self, seated: Seated) -> Flags:
        """Return who would find a seat if named: where one is left, or before the last who sits there."""
        sits = np.zeros(len(self.who), dtype=bool)
        for lane in CONTROLS:
            free = (seated.left[lane] > 0)[self.cell] if lane in seated.left else np.True_
            sits |= (self.severity >= lane.severity) & (free | (self.place < seated.last(lane)[self.cell]))
        return sits
