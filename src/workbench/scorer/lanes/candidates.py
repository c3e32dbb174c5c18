"""Candidates: from items to declarations, each with its highest score."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..errors import BundleError, did_you_mean
from .policy import Shares
from .room import Counts

HIT = "hit:"
"""Before a criterion's id: the column that says which rows it hits."""

_LODGED = ("lodged_at", "lodged_on")


def declarations_of(rows: pl.DataFrame) -> tuple[Counts, pl.DataFrame]:
    """Return which declaration each row belongs to, counted from 0 in order of appearance, and the declarations.

    Parameters
    ----------
    rows
        Key, ``office_id``, ``regime_code``, ``lodged_at`` (or ``lodged_on``) and ``score``, one row an item.

    Returns
    -------
    tuple
        The places, and ``declaration_id``, ``office_id``, ``regime_code``, ``lodged_at``, ``lodged_on`` and the
        highest ``score`` (null where no item has a finite one), one row a declaration. The lowest item speaks for
        office, regime and moment where items disagree: the order of rows in a file decides nothing.
    """
    lodged = next((name for name in _LODGED if name in rows.columns), "lodged_at")
    wanted = ["declaration_id", "item_no", "office_id", "regime_code", lodged, "score"]
    if missing := [name for name in wanted if name not in rows.columns]:
        raise BundleError(f"Selection needs the column(s) {missing}{did_you_mean(missing[0], rows.columns)}.")
    place = _places(rows["declaration_id"])
    order = np.lexsort((rows["item_no"].to_numpy(), place))
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    found = rows.select("declaration_id", "office_id", "regime_code", pl.col(lodged).alias("lodged_at"))[order[starts]]
    score = finite(rows["score"])
    highest = np.maximum.reduceat(score[order], starts) if len(starts) else score
    scores = pl.Series("score", highest, dtype=pl.Float64).replace(-np.inf, None)
    return place, found.with_columns(scores, lodged_on=pl.col("lodged_at").cast(pl.Date))


def finite(score: pl.Series) -> Shares:
    """Return scores with -inf for every one that is null, not a number or infinite: none of these is a probability.

    >>> finite(pl.Series([0.5, None, float("nan"), float("inf")])).tolist()
    [0.5, -inf, -inf, -inf]
    """
    given = score.cast(pl.Float64).fill_null(-np.inf).to_numpy()
    return np.where(np.isfinite(given), given, -np.inf)


def _places(numbers: pl.Series) -> Counts:
    runs = numbers.rle_id()
    starts = np.flatnonzero(np.diff(runs.to_numpy(), prepend=-1))
    if numbers[starts].n_unique() == len(starts):
        # Items of a declaration stand together, as sources write them: no text needs comparing again.
        return runs.cast(pl.Int64).to_numpy()
    names = numbers.unique(maintain_order=True).to_frame("number").with_row_index("place")
    place = numbers.to_frame("number").join(names, on="number", how="left", maintain_order="left")
    return place["place"].cast(pl.Int64).to_numpy()


def hit_by(rows: pl.DataFrame, criterion: str, place: Counts, declarations: int) -> Counts:
    """Return the place of each declaration with an item that the criterion hits, ascending.

    Not evaluable (null) is no hit here; it is counted where conditions are evaluated.
    """
    if f"{HIT}{criterion}" not in rows.columns:
        raise BundleError(f"The rows have no column {HIT + criterion!r}: evaluate the same criteria as are resolved.")
    is_hit = np.zeros(declarations, dtype=bool)
    is_hit[place[rows[f"{HIT}{criterion}"].arg_true().to_numpy()]] = True
    return np.flatnonzero(is_hit)
