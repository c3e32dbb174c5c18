"""Seats by standing: what each lane has left for a declaration, counted as if it were not there itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..schema import Lane
from .filling import CONTROLS, Filling
from .room import Counts

_HAT, _DRAWN = 0, len(Lane)
_ALL = len(Lane) + 1
_ENDLESS = 1 << 40
"""Seats of a lane without a limit: more than there are declarations, few enough to be added up."""


@dataclass(frozen=True)
class Standings:
    """How declarations stand after the draws, and who stands beside one of each standing.

    Standing 0 is in the hat of the quota and not drawn, 5 drawn; between them lies the severity that criteria propose.

    Parameters
    ----------
    place
        Where each declaration is found in a table of standings by offices' days, laid out in a row.
    named
        Declarations beside it that criteria propose, by its standing, proposed severity and office's day.
    hat, drawn
        Those beside it in the hat, and those of them drawn, by its standing and office's day.
    """

    place: Counts
    named: Counts
    hat: Counts
    drawn: Counts

    @classmethod
    def of(cls, filling: Filling) -> Standings:
        """Count the standings of a filling that is done."""
        cell, days = filling.room.cell, len(filling.room.size)
        drawn = filling.in_hat & filling.drawn
        standing = np.where(drawn, _DRAWN, filling.proposed)
        counts = np.bincount(standing * days + cell, minlength=_ALL * days).reshape(_ALL, days)
        # A declaration of some standing is one less beside itself, and no count of others is negative.
        beside = np.maximum(counts[None] - np.eye(_ALL, dtype=np.int64)[:, :, None], 0)
        return cls(
            place=standing * days + cell,
            named=beside,
            hat=beside[:, _HAT] + beside[:, _DRAWN],
            drawn=beside[:, _DRAWN],
        )


@dataclass(frozen=True)
class Seats:
    """Seats under one way to round the capacities, by standing and office's day.

    Parameters
    ----------
    hat_beside
        Declarations beside it in the hat.
    for_quota
        Seats that criteria leave for the quota.
    left
        Seats that criteria and quota leave, by limited lane.
    waiting
        Declarations beside it without a lane when the top-up begins.
    """

    hat_beside: Counts
    for_quota: Counts
    left: dict[Lane, Counts]
    waiting: Counts

    @classmethod
    def of(cls, standings: Standings, slots: Mapping[Lane, Counts], random_lane: Lane) -> Seats:
        """Seat those beside a declaration: criteria in every lane, then the quota in its lane."""
        waiting: Counts = np.zeros_like(standings.hat)
        left: dict[Lane, Counts] = {}
        for lane in CONTROLS:
            waiting = waiting + standings.named[:, lane.severity]
            seated = np.minimum(waiting, slots[lane]) if lane in slots else waiting
            waiting = waiting - seated
            if lane in slots:
                left[lane] = slots[lane] - seated
        for_quota = left.get(random_lane, np.full_like(waiting, _ENDLESS))
        seated = np.minimum(standings.drawn, for_quota)
        if random_lane in left:
            left[random_lane] = for_quota - seated
        return cls(standings.hat, for_quota, left, waiting + standings.hat - seated)
