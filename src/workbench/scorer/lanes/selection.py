"""From candidates to lanes: criteria and top-up give each its would-be lane, then the random arm raises whom it draws.

1. Criteria, over all lanes from the most severe down. What finds no room goes on to the next milder lane; where every
   lane is full it keeps its criterion's name.
2. The top-up from would-be green, lane by lane from the most severe, until each lane's expected rate is met.
3. The random arm, on seats of its own in the random lane, among all whose would-be lane is milder. The seats that they
   leave in milder lanes stay empty: filled again, whether another is controlled would hang on the arm's lots.

Steps 1 and 2 are in the order of the systems in use (ASYCUDA++ MODSEL 6.7-6.8). A declaration is selected as a whole:
its items share one lane.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ..errors import BundleError, did_you_mean
from ..schema import DECISION_TYPES, Lane
from .arm import STRATUM, drawn_by_lot
from .filling import Filling, Queues
from .policy import SelectionPolicy
from .probabilities import probabilities
from .proposals import PROPOSAL_TYPES
from .room import Counts, Room

_BY_SEVERITY = pl.Series([str(lane) for lane in Lane], dtype=DECISION_TYPES["lane"])

CANDIDATE_TYPES = {
    "declaration_id": pl.String(),
    "office_id": pl.String(),
    "lodged_on": pl.Date(),
    "regime_code": pl.String(),
    "score": pl.Float64(),
    **PROPOSAL_TYPES,
}
"""Columns of the table that `select` reads, one row a declaration."""


def select(candidates: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Give every declaration a lane.

    Parameters
    ----------
    candidates
        One row a declaration with the columns of `CANDIDATE_TYPES`.
    policy
        The policy in force.

    Returns
    -------
    polars.DataFrame
        ``declaration_id`` and, in the order of `candidates`, ``lane``, ``cause``, ``would_be_lane``,
        ``would_be_cause``, ``random_stratum`` and the columns of :mod:`.probabilities`. ``cause`` is
        ``criterion:<id>``, ``points``, ``model`` or ``lot`` (the top-up), ``random`` (the arm) or ``none``; the
        would-be lane and cause are those without the arm.
    """
    if missing := [name for name in CANDIDATE_TYPES if name not in candidates.columns]:
        raise BundleError(f"Selection needs the column(s) {missing}{did_you_mean(missing[0], candidates.columns)}.")
    room = Room.of(candidates, policy)
    rounding, queues = room.drawn(policy.key), Queues.of(candidates, room, policy)
    filling = Filling.start(queues, room, policy, rounding)
    filling.seat_named()
    filling.seat_by_score()
    filling.seat_by_lot()
    drawn = drawn_by_lot(candidates, room, rounding.arm, filling.lane, policy)
    would_be = filling.causes(candidates["proposed_cause"])
    decided = candidates.select("declaration_id", "office_id", "regime_code").with_columns(
        lane=_lanes(np.where(drawn, policy.random_lane.severity, filling.lane)),
        cause=would_be.set(pl.Series(drawn), "random"),
        would_be_lane=_lanes(filling.lane),
        would_be_cause=would_be,
    )
    chances = probabilities(candidates, queues, room, policy)
    return decided.with_columns(random_stratum=STRATUM).drop("office_id", "regime_code").hstack(chances)


def _lanes(severity: Counts) -> pl.Series:
    return _BY_SEVERITY[severity]
