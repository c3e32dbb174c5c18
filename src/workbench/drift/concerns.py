"""Whom a change concerns: the offices, importers, chapters and origins that make up most of it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.drift.detectors import Marks
from workbench.drift.weeks import DIMENSIONS

SHOWN = 3
"""Groups of each dimension that are named."""

_LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Concern:
    """A group and its part in a change.

    Parameters
    ----------
    dimension, group
        Column and value.
    share
        Its part of the change; the parts of all groups of a dimension add up to 1, and those that moved the other way
        have negative ones.
    """

    dimension: str
    group: str
    share: float


def concerns(marks: Marks, besides: str = "") -> tuple[Concern, ...]:
    """Return the groups with the largest part in a change, at most three of each dimension and none below 5 %.

    The change is the mean mark of the current rows less that of the rows before; a group's part is what its own rows
    add to either mean.

    Parameters
    ----------
    marks
        How much each row counts.
    besides
        A dimension to leave out: the one that the rows are restricted to already.

    Examples
    --------
    >>> import numpy as np
    >>> rows = pl.DataFrame({name: ["A", "B"] for name in DIMENSIONS})
    >>> found = concerns(Marks(rows, rows, np.array([0.0, 0.0]), np.array([3.0, 1.0])))
    >>> found[0]
    Concern(dimension='office_id', group='A', share=0.75)
    """
    parts = [
        rows.with_columns(part=pl.Series(sign * values / max(len(values), 1)))
        for rows, values, sign in ((marks.before, marks.before_marks, -1.0), (marks.current, marks.current_marks, 1.0))
    ]
    both = pl.concat(parts)
    total = float(both["part"].sum())
    if not total:
        return ()
    found = []
    for dimension in (name for name in DIMENSIONS if name != besides):
        sums = both.drop_nulls(dimension).group_by(dimension).agg(share=pl.col("part").sum() / total)
        largest = sums.filter(pl.col("share") >= _LEAST_SHARE).sort("share", dimension, descending=[True, False])
        found += [Concern(dimension, str(group), float(share)) for group, share in largest.head(SHOWN).iter_rows()]
    return tuple(found)
