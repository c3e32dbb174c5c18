"""Probabilities: how likely each declaration was to be controlled, and by whom, which every later estimate rests on.

What is taken as found is *whom criteria named*, and the order by lot of those who are equal in all else. Given these,
only the rounding of the capacities decides whom criteria and model seat. An office's day can be rounded in a few ways
(see :mod:`.room`); the lanes are filled under each of them, and what follows is exact:

- ``model_probability``: the top-up, by the model or by lot, takes it;
- ``random_probability``: the arm draws it;
- ``full_control_probability``: it gets the random lane or a more severe one, by whatever cause.

Of the lot's seats L, W who wait for them have L/W each; of the arm's seats A, E who are eligible have A/E each. With F
the probability of a would-be lane as severe as the random lane, each rounding adds F + (1 - F) * A/E by its weight.
Full control (1 or 0) divided by its probability then has the mean 1, given whom criteria named and so at large: sums of
what controls found, weighted by it, are unbiased over the lots (Horvitz and Thompson 1952) wherever it is above 0.

Two probabilities look back to before a declaration's own draws by criteria:

- ``criteria_probability``: any criterion with its hit percentage, or a sum of points, names it;
- ``inclusion_probability``: it gets any lane but green (see :mod:`.own_draws`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..schema import Lane
from .arm import arm_share
from .filling import Cause, Filling, Queues
from .own_draws import OwnDraws
from .policy import SelectionPolicy, Shares
from .room import Counts, Room

_WAITS, _MILD, _FULL, _BY_MODEL = 0, 1, 2, 2
"""Standings before lots and arm: without a lane, in a mild one, in a full control; 2 more where the model gave it."""

_STANDINGS = 5


def probabilities(candidates: pl.DataFrame, queues: Queues, room: Room, policy: SelectionPolicy) -> pl.DataFrame:
    """Return each declaration's probabilities, one column each (see the module's text).

    Parameters
    ----------
    candidates
        ``criteria_probability``, ``severity_if_drawn`` and ``proposed_severity``, one row a declaration.
    queues, room, policy
        Who stands where, the offices' days, and the policy in force.
    """
    own = OwnDraws.of(candidates, queues)
    sums, otherwise = np.zeros((candidates.height, 4)), np.zeros(len(own.who))
    for rounding in room.roundings():
        filling = Filling.start(queues, room, policy, rounding)
        filling.seat_named()
        filling.seat_by_score()
        outlook = Outlook.of(filling, rounding.arm)
        sums += (rounding.weight[None, :, None] * outlook.table).reshape(-1, 4)[outlook.place]
        if len(own.who):
            found = outlook.table[..., 3].ravel()[outlook.place[own.who]]
            otherwise += rounding.weight[own.cell] * own.otherwise(filling, rounding, found)
    named = candidates["criteria_probability"].to_numpy()
    full, drawn, topped_up, controlled = sums.T
    controlled[own.who] = own.mixed(controlled[own.who], otherwise)
    return pl.DataFrame(
        {
            "inclusion_probability": _whole(controlled),
            "criteria_probability": named,
            "model_probability": _whole(topped_up),
            "random_probability": _whole(drawn),
            "full_control_probability": _whole(full),
        }
    )


def _whole(chance: Shares) -> Shares:
    """Make what is certain 1, which weights add up to but for the last bits, and leave what is possible above 0."""
    rounded: Shares = np.round(chance, 12)
    return np.where(rounded > 0, rounded, chance)


@dataclass(frozen=True)
class Outlook:
    """What lots and arm may still do, once criteria and model have seated theirs under one rounding.

    Parameters
    ----------
    place
        Where each declaration is found in the table, its first two axes laid out in a row.
    table
        Probability of a full control, of the arm, of the top-up and of any control: by standing, office's day, and
        these four.
    """

    place: Counts
    table: Shares

    @classmethod
    def of(cls, filling: Filling, arm: Counts) -> Outlook:
        """Look forward from a filling without lots and arm, which has `arm` seats by office's day."""
        room, full_from = filling.room, filling.policy.random_lane.severity
        is_full = filling.lane >= full_from
        standing = (filling.lane > 0).astype(np.int64) + is_full + _BY_MODEL * (filling.cause == Cause.MODEL)
        counts = np.bincount(standing * len(room.size) + room.cell, minlength=_STANDINGS * len(room.size))
        counts = counts.reshape(_STANDINGS, -1)
        waiting, full = counts[_WAITS], counts[_FULL] + counts[_FULL + _BY_MODEL]
        lot, full_lot = (arm_share(seats, waiting) for seats in lot_seats(filling))
        eligible = room.size - full - np.minimum(lot_seats(filling)[1], waiting)
        drawn, none, sure = arm_share(arm, eligible), np.zeros(len(waiting)), np.ones(len(waiting))
        by_standing = {
            _WAITS: (full_lot + (1 - full_lot) * drawn, (1 - full_lot) * drawn, lot, lot + (1 - lot) * drawn),
            _MILD: (drawn, drawn, none, sure),
            _FULL: (sure, none, none, sure),
            _MILD + _BY_MODEL: (drawn, drawn, sure, sure),
            _FULL + _BY_MODEL: (sure, none, sure, sure),
        }
        rows = [np.stack(by_standing[one], axis=-1) for one in range(_STANDINGS)]
        return cls(standing * len(room.size) + room.cell, np.stack(rows))


def lot_seats(filling: Filling) -> tuple[Counts, Counts]:
    """Return the seats that the lot fills on each office's day, and those of them in full controls."""
    none = np.zeros(len(filling.room.size), dtype=np.int64)
    lanes = [lane for lane in filling.policy.top_up_lanes if lane in filling.policy.lot_lanes]
    full: list[Lane] = [lane for lane in lanes if lane.severity >= filling.policy.random_lane.severity]
    return sum((filling.left[lane] for lane in lanes), none), sum((filling.left[lane] for lane in full), none)
