"""Candidates: from items to declarations, each with its highest score and what criteria propose for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ..criteria import Criterion
from ..schema import Lane
from .draw import uniforms

Codes = npt.NDArray[np.int64]

HIT = "hit:"
"""Before a criterion's id: the column that says which rows it hits."""


def declarations_of(rows: pl.DataFrame) -> tuple[Codes, Codes]:
    """Return which declaration each row belongs to, counted from 0 in order of appearance, and each one's lowest item.

    The lowest item speaks for office and day where items disagree: the order of rows in a file decides nothing.
    """
    place = _places(rows["declaration_id"])
    order = np.lexsort((rows["item_no"].to_numpy(), place))
    return place, order[np.flatnonzero(np.diff(place[order], prepend=-1))]


def _places(numbers: pl.Series) -> Codes:
    runs = numbers.rle_id()
    starts = np.flatnonzero(np.diff(runs.to_numpy(), prepend=-1))
    if numbers[starts].n_unique() == len(starts):
        # Items of a declaration stand together, as sources write them: no text needs comparing again.
        return runs.cast(pl.Int64).to_numpy()
    names = numbers.unique(maintain_order=True).to_frame("number").with_row_index("place")
    place = numbers.to_frame("number").join(names, on="number", how="left", maintain_order="left")
    return place["place"].cast(pl.Int64).to_numpy()


def candidates(
    rows: pl.DataFrame, place: Codes, first: Codes, criteria: Sequence[Criterion], key: bytes
) -> pl.DataFrame:
    """Return one row a declaration: its highest score and what its criteria propose after the draws.

    Parameters
    ----------
    rows
        Key, ``office_id``, ``lodged_on``, ``score`` and one Boolean column ``hit:<id>`` a criterion, one row an item.
    place, first
        What :func:`declarations_of` returned for `rows`.
    criteria, key
        The criteria behind the hits, and the key that draws their hit percentages.
    """
    names = [f"{HIT}{criterion.id}" for criterion in criteria]
    highest = _highest(rows.select("score", *names), place)
    declarations = rows.select("declaration_id", "office_id", "lodged_on")[first].hstack(highest)
    return _with_proposals(declarations, criteria, key).drop(names)


def _highest(rows: pl.DataFrame, place: Codes) -> pl.DataFrame:
    """Return the highest value of each column by declaration, in the order of `place`; a hit is higher than none."""
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    return pl.DataFrame({column.name: np.maximum.reduceat(column.to_numpy()[order], starts) for column in rows})


def _with_proposals(declarations: pl.DataFrame, criteria: Sequence[Criterion], key: bytes) -> pl.DataFrame:
    # To release is to select nothing.
    proposing = sorted((c for c in criteria if c.lane != Lane.GREEN), key=_most_severe_first)
    missed, winners = pl.lit(1.0), []
    for place, criterion in enumerate(proposing):
        hit = pl.col(f"{HIT}{criterion.id}")
        missed = missed * pl.when(hit).then(1.0 - criterion.hit_percentage / 100.0).otherwise(1.0)
        winners.append(pl.when(hit & _drawn(criterion, declarations, key)).then(pl.lit(place, pl.UInt32)))
    winner = pl.coalesce(*winners, pl.lit(len(proposing), pl.UInt32))
    found = declarations.with_columns(winner=winner, criteria_probability=1.0 - missed)
    return found.drop("winner").hstack(_proposals(proposing)[found["winner"]])


def _drawn(criterion: Criterion, declarations: pl.DataFrame, key: bytes) -> pl.Series | pl.Expr:
    """Return which declarations the criterion's hit percentage takes; only its hits are drawn."""
    if criterion.hit_percentage >= 100:
        return pl.lit(value=True)
    hit = declarations[f"{HIT}{criterion.id}"].to_numpy()
    numbers = declarations["declaration_id"].filter(declarations[f"{HIT}{criterion.id}"]).to_list()
    drawn = np.zeros(len(hit), dtype=bool)
    draws = uniforms(key, f"criterion:{criterion.id}", numbers)
    drawn[hit] = draws < criterion.hit_percentage / 100.0
    return pl.Series(drawn)


def _most_severe_first(criterion: Criterion) -> tuple[int, int]:
    return -Lane(criterion.lane).severity, -criterion.priority


def _proposals(criteria: Sequence[Criterion]) -> pl.DataFrame:
    """Return what each criterion proposes, one row each, and behind them a row that proposes nothing."""
    proposals = [(Lane(criterion.lane).severity, criterion.id, criterion.priority) for criterion in criteria]
    types = {"proposed_severity": pl.Int8, "proposed_by": pl.String, "priority": pl.Int32}
    return pl.DataFrame([*proposals, (0, None, 0)], schema=types, orient="row")
