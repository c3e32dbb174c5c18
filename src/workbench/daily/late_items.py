"""Items that come after their declaration was decided: never drawn or ranked again, and judged by the criteria."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from workbench.scorer.intake.validation import ROW_NO
from workbench.scorer.lanes.resolution import resolve
from workbench.scorer.schema import KEY, SCHEMA
from workbench.scorer.scorer import Scorer

LATE_ITEM, LATE_AND_NAMED = "late_item", "late_item_named"
"""Codes of a late item: the fallback lane, so that somebody looks; the criteria's lane where one names it."""

_TOLD = "An item of a declaration that was decided without it."


def judged(scorer: Scorer, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ask the criteria about late items.

    Whoever could add an item a day later would otherwise pass every criterion. Capacity holds nothing back: the seats
    of the declaration's day are taken, and those of this day belong to others. Hit percentages are drawn as ever, and
    forced selection counts on without them.

    Parameters
    ----------
    scorer
        What is in force, with the day's key.
    rows
        The late items, as :class:`~workbench.scorer.scorer.Assessment` has them.

    Returns
    -------
    tuple
        ``row_no``, key, ``code``, ``lane`` (the fallback lane or a more severe one) and ``told`` of each item; and
        their hits, as the record of hits has them.
    """
    open_to_all = replace(scorer.policy, limits=(), model_lanes=(), lot_lanes=(), random_share=0.0)
    found = resolve(rows, scorer.criteria, open_to_all)
    named = found.decisions.select("lane", "cause")[found.place]
    fallback = pl.lit(str(scorer.policy.fallback_lane)).cast(SCHEMA["lane"].dtype)
    is_named = pl.col("cause") != "none"
    told = pl.concat_str(pl.lit(f"{_TOLD} Named by "), "cause", pl.lit("."))
    lates = (
        rows.select(ROW_NO, *KEY)
        .hstack(named)
        .select(
            ROW_NO,
            *KEY,
            code=pl.when(is_named).then(pl.lit(LATE_AND_NAMED)).otherwise(pl.lit(LATE_ITEM)),
            lane=pl.max_horizontal("lane", fallback),
            told=pl.when(is_named).then(told).otherwise(pl.lit(_TOLD)),
        )
    )
    return lates, found.hits
