"""From candidates to lanes, in the order of the systems in use (ASYCUDA++ MODSEL 6.7-6.8).

1. Criteria, over all lanes from the most severe down. What finds no room goes on to the next milder lane; where every
   lane is full it keeps its criterion's name.
2. The random quota, among what no criterion named.
3. The top-up from would-be green, lane by lane from the most severe, until each lane's expected rate is met.

A declaration is selected as a whole: its items share one lane.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ..errors import BundleError, did_you_mean
from ..schema import Lane
from .filling import Filling
from .inclusion import inclusion_probability
from .policy import SelectionPolicy
from .proposals import PROPOSAL_TYPES
from .room import Room

_LANES = pl.Enum([str(lane) for lane in Lane])

CANDIDATE_TYPES = {
    "declaration_id": pl.String(),
    "office_id": pl.String(),
    "lodged_on": pl.Date(),
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
        ``declaration_id``, ``lane``, ``cause``, ``inclusion_probability`` in the order of `candidates`. ``cause`` is
        ``criterion:<id>``, ``points``, ``random`` (the quota), ``model`` or ``lot`` (the top-up), or ``none``. The
        inclusion probability is that of being given any lane but green (see :mod:`.inclusion`).
    """
    if missing := [name for name in CANDIDATE_TYPES if name not in candidates.columns]:
        raise BundleError(f"Selection needs the column(s) {missing}{did_you_mean(missing[0], candidates.columns)}.")
    filling = Filling.start(candidates, Room.of(candidates, policy), policy)
    filling.seat_named()
    filling.seat_drawn()
    filling.top_up()
    return pl.DataFrame(
        {
            "declaration_id": candidates["declaration_id"],
            "lane": pl.Series(np.array([str(lane) for lane in Lane])[filling.lane]).cast(_LANES),
            "cause": filling.causes(),
            "inclusion_probability": inclusion_probability(filling),
        }
    )
