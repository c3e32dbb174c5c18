"""From scores and criteria hits to lanes: capacity a day and an office, a random arm, and the reason for each choice.

Lanes are filled from the most severe down, each in the order of the systems in use (ASYCUDA++ MODSEL 6.7-6.8): what
criteria named, then the random arm among what no criterion named, then the model's highest scores until the lane is
full. What finds no room goes on to the next lane; where every lane is full it stays green under its criterion's name,
and is not taken for goods without a hit. A declaration is selected as a whole: its items share one lane.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ..errors import BundleError, did_you_mean
from ..schema import Lane
from .draw import uniforms
from .filling import Cause, Filling
from .inclusion import inclusion_probability
from .policy import SelectionPolicy
from .room import Room

_LANES = pl.Enum([str(lane) for lane in Lane])

CANDIDATE_TYPES = {
    "declaration_id": pl.String(),
    "office_id": pl.String(),
    "lodged_on": pl.Date(),
    "score": pl.Float64(),
    "proposed_severity": pl.Int8(),
    "proposed_by": pl.String(),
    "priority": pl.Int32(),
    "criteria_probability": pl.Float64(),
}
"""Columns of the table that `select` reads, one row a declaration.

``proposed_severity`` (0 for none), ``proposed_by`` and ``priority`` are of the criterion that won after the draw of hit
percentages; ``criteria_probability`` is the probability that at least one criterion selects the declaration.
"""


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
        ``declaration_id``, ``lane``, ``cause``, ``inclusion_probability`` in the order of `candidates`. The inclusion
        probability is that of being given any lane but green: 1 where criteria or score alone would have selected the
        declaration, 0 where its criterion found every lane full, else what the draws give.
    """
    if missing := [name for name in CANDIDATE_TYPES if name not in candidates.columns]:
        raise BundleError(f"Selection needs the column(s) {missing}{did_you_mean(missing[0], candidates.columns)}.")
    room = Room.of(candidates, policy)
    draw = uniforms(policy.key, "random", candidates["declaration_id"].to_list())
    filling = Filling.start(candidates, room, policy, draw)
    for lane in reversed(Lane):
        if lane is not Lane.GREEN:
            filling.fill(lane)
    filling.cause[filling.without_room] = Cause.CRITERION
    return pl.DataFrame(
        {
            "declaration_id": candidates["declaration_id"],
            "lane": pl.Series(np.array([str(lane) for lane in Lane])[filling.lane]).cast(_LANES),
            "cause": filling.causes(),
            "inclusion_probability": inclusion_probability(filling),
        }
    )
