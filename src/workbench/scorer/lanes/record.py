"""The record of hits: which criterion hit which item, and what its draw made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import polars as pl

from ..schema import KEY, SCHEMA
from .candidates import HIT
from .drawing import CriterionDraw
from .room import Counts

MODES = pl.Enum(["active", "shadow"])


def hits_table(
    rows: pl.DataFrame, place: Counts, draws: Sequence[CriterionDraw], shadow: Collection[str]
) -> pl.DataFrame:
    """Return one row a declaration, item and criterion that hit, criterion by criterion in the order of `rows`.

    What was not evaluable has no row here: with a column missing from a source it would be every row of most
    criteria. It is counted by criterion where conditions are evaluated.

    Parameters
    ----------
    rows
        Key and one Boolean column ``hit:<id>`` a criterion.
    place
        The declaration that each row belongs to.
    draws
        What each criterion took.
    shadow
        Ids of the criteria that are only recorded.

    Returns
    -------
    polars.DataFrame
        ``declaration_id``, ``item_no``, ``criterion``, ``lane`` (the criterion's own), ``mode`` (active or shadow),
        ``drawn`` (whether hit percentage or force took the declaration), ``selection_probability`` (of being so taken)
        and ``forced``. A criterion that is drawn need not give the lane: a more severe one may.
    """
    names = pl.Enum([draw.criterion.id for draw in draws])
    keys = rows.select(KEY)
    parts = [_of_criterion(keys, rows[f"{HIT}{draw.criterion.id}"], place, draw, names, shadow) for draw in draws]
    return pl.concat([_empty(keys, names), *parts])


def _of_criterion(
    keys: pl.DataFrame, hit: pl.Series, place: Counts, draw: CriterionDraw, names: pl.Enum, shadow: Collection[str]
) -> pl.DataFrame:
    at = hit.arg_true()
    # Declarations hit stand in ascending order, so that a place is found by halving.
    found = np.searchsorted(draw.declarations, place[at.to_numpy()])
    return keys[at].with_columns(
        criterion=pl.lit(draw.criterion.id, names),
        lane=pl.lit(str(draw.criterion.lane)).cast(SCHEMA["lane"].dtype),
        mode=pl.lit("shadow" if draw.criterion.id in shadow else "active", MODES),
        drawn=pl.Series(draw.selected[found]),
        selection_probability=pl.Series(draw.probability[found]),
        forced=pl.Series(draw.forced[found]),
    )


def _empty(keys: pl.DataFrame, names: pl.Enum) -> pl.DataFrame:
    types = {"criterion": names, "lane": SCHEMA["lane"].dtype, "mode": MODES, "drawn": pl.Boolean()}
    more = {"selection_probability": pl.Float64(), "forced": pl.Boolean()}
    return pl.DataFrame(schema={**keys.schema, **types, **more})


def points_told(hits: pl.DataFrame, points: Iterable[tuple[str, float]]) -> pl.DataFrame:
    """Return ``declaration_id`` and ``told``, the sentence that names each declaration's sum and what it is made of.

    Parameters
    ----------
    hits
        Hits of active criteria on the declarations that their points selected.
    points
        Id and points of each criterion, in the order in which they are to be named.
    """
    weights = pl.DataFrame(list(points), schema={"criterion": pl.String, "points": pl.Float64}, orient="row")
    weights = weights.with_row_index("turn").filter(pl.col("points") != 0)
    once = hits.select("declaration_id", pl.col("criterion").cast(pl.String)).unique()
    each = once.join(weights, on="criterion").sort("declaration_id", "turn")
    made_of = pl.concat_str("criterion", pl.lit(" "), _plain("points")).str.join(", ")
    summed = each.group_by("declaration_id", maintain_order=True).agg(pl.col("points").sum(), made_of=made_of)
    told = pl.format("The criteria that hit it add up to {} points: {}.", _plain("points"), "made_of")
    return summed.select("declaration_id", told=told)


def _plain(name: str) -> pl.Expr:
    """Return a number as text without a fraction of nought."""
    return pl.col(name).round(6).cast(pl.String).str.strip_suffix(".0")
