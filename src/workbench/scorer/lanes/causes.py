"""The sentence for every cause but the model's, whose reasons are looked for in its features."""

from __future__ import annotations

import polars as pl

from ..criteria import CriteriaSet
from .policy import SelectionPolicy
from .proposals import POINTS

_BY_LOT = "Drawn by lot among goods that nothing else had selected, to fill the lane's capacity."


def stated_reasons(criteria: CriteriaSet, policy: SelectionPolicy, points_told: str) -> pl.Expr:
    """Return the reason for every decision that did not come from the model, read off its ``cause``.

    Parameters
    ----------
    criteria, policy
        What was in force.
    points_told
        Column with the sentence on the sum of points, where points gave the lane.
    """
    cause = pl.col("cause")
    by_criterion = {f"criterion:{one.id}": one.stated_reason() for one in criteria.criteria}
    chance = f"Drawn by lot, as {100 * policy.random_share:.3g} % of declarations are, to measure compliance."
    unreadable = pl.concat_str(pl.lit("Could not be read ("), cause.str.strip_prefix("quarantine:"), pl.lit(")."))
    return (
        pl.when(cause.str.starts_with("criterion:"))
        .then(cause.replace_strict(by_criterion, default=None, return_dtype=pl.String))
        .when(cause == POINTS)
        .then(points_told)
        .when(cause == "random")
        .then(pl.lit(chance))
        .when(cause == "lot")
        .then(pl.lit(_BY_LOT))
        .when(cause.str.starts_with("quarantine:"))
        .then(unreadable)
    )
