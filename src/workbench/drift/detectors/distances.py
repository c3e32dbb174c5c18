"""Distance of a column's distribution in a week from that of the weeks before it: PSI and Anderson-Darling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
import polars as pl

from workbench.drift.arrays import Ints
from workbench.drift.counting import binned, has_order, level_codes, quantile_bins, shares, top_bins
from workbench.drift.detectors.base import LEAST_ROWS, Detector, Marks, Subject, measured
from workbench.drift.measures import in_words, watched
from workbench.drift.scales import Distance, Scale
from workbench.drift.statistics import anderson_darling, psi
from workbench.drift.weeks import DIMENSIONS, Weeks

SCORE = (("score", ""),)
"""The score over all goods, as `Distances.pairs`."""

BINS = 10
LEAST_GOODS_A_WEEK = 30
"""Goods that a group must have in an ordinary week before its own distribution is watched."""

# Twice the squared mean over the variance of the distance's limit, the sum of chi-squared variables over j (j + 1).
_ANDERSON_DARLING_DEGREES = 1 / (np.pi**2 / 3 - 3)


class Kind(StrEnum):
    """The statistic: PSI for any column, Anderson-Darling for numbers; the latter sees shifts within a bin."""

    PSI = "psi"
    ANDERSON_DARLING = "anderson_darling"


@dataclass(frozen=True)
class Distances(Detector):
    """Watches columns, over all goods or within each group of a dimension.

    Parameters
    ----------
    code
        Code of its findings.
    kind
        The statistic.
    pairs
        Column and dimension, ``""`` for all goods; ``None`` for every watched column over all goods.
    """

    code: str
    kind: Kind
    pairs: tuple[tuple[str, str], ...] | None = None
    scale: ClassVar[Scale] = Distance()

    @property
    def lacking(self) -> str:
        """Say what is not there: the column that is watched, if it is the score."""
        if self.pairs == SCORE:
            return "no goods of the reference have a score, since no labels from before it could teach a model"
        return super().lacking

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return a distance for each week and each column, or each column and group."""
        pairs = [(name, "") for name in watched(weeks.goods)] if self.pairs is None else self.pairs
        return measured(
            [row for pair in pairs if pair[0] in weeks.goods.columns for row in self._of(weeks, pair, since)]
        )

    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Mark each row by the logarithm of how much more frequent its bin has become: the sum of shares is PSI."""
        goods = weeks.goods
        if subject.dimension:
            goods = goods.filter(pl.col(subject.dimension) == subject.group)
        parts = [weeks.cut(goods, week - weeks.baseline, week), weeks.cut(goods, week, week + 1)]
        column = pl.concat([part[subject.name] for part in parts])
        codes, levels = level_codes(column)
        split = parts[0].height
        before, current = (np.bincount(part, minlength=levels + 1) for part in (codes[:split], codes[split:]))
        bin_of = _bins(before, has_order(column))
        p, q = (shares(binned(part, bin_of)) for part in (before, current))
        mark = np.log(q / p)[bin_of[codes]]
        before_rows, current_rows = (part.select(*DIMENSIONS) for part in parts)
        return Marks(before_rows, current_rows, mark[:split], mark[split:])

    def sentence(self, subject: Subject) -> str:
        """Say which column moved, and where."""
        where = f" of the goods of {DIMENSIONS[subject.dimension]} {subject.group}" if subject.dimension else ""
        return f"The distribution of {in_words(subject.name)}{where} differs from that of the weeks before"

    def advice(self, subject: Subject) -> str:
        """Say where to look."""
        if subject.name == "score":
            return "Look at which features moved in the same weeks, and measure the model on results since then."
        return (
            f"Ask those named whether their trade or their way of declaring {in_words(subject.name)} changed; if it is "
            "to last, train a model on the weeks since."
        )

    def _of(self, weeks: Weeks, pair: tuple[str, str], since: int) -> Iterator[dict[str, Any]]:
        name, dimension = pair
        codes, _ = weeks.codes(name)
        ordered = has_order(weeks.goods[name])
        if self.kind is Kind.ANDERSON_DARLING and not ordered:
            return
        edges = weeks.edges(weeks.goods)
        for group, rows in _groups(weeks, dimension, edges):
            own = codes if rows is None else _recoded(codes[rows])
            cuts = edges if rows is None else np.searchsorted(rows, edges)
            told = {"subject": name, "dimension": dimension, "group": group}
            for week, before, current in _by_week(own, cuts, weeks, since):
                yield {"week": week, **told, **self._compared(before, current, ordered)}

    def _compared(self, before: Ints, current: Ints, ordered: bool) -> dict[str, Any]:
        if self.kind is Kind.ANDERSON_DARLING:
            before, current = before[1:], current[1:]
        rows, past = int(current.sum()), int(before.sum())
        if min(rows, past) < LEAST_ROWS:
            return {"statistic": float("nan"), "size": 0.0, "rows": rows}
        if self.kind is Kind.ANDERSON_DARLING:
            squared = anderson_darling(before, current)
            return {"statistic": squared, "size": 1.0, "degrees": _ANDERSON_DARLING_DEGREES, "rows": rows}
        bin_of = _bins(before, ordered)
        p, q = binned(before, bin_of), binned(current, bin_of)
        degrees = max(int(((p + q) > 0).sum()) - 1, 1)
        return {"statistic": psi(p, q), "size": rows * past / (rows + past), "degrees": degrees, "rows": rows}


def _bins(before: Ints, ordered: bool) -> Ints:
    return quantile_bins(before, BINS) if ordered else top_bins(before)


def _by_week(codes: Ints, edges: Ints, weeks: Weeks, since: int) -> Iterator[tuple[int, Ints, Ints]]:
    """Yield week, counts of the weeks before it and its own, level by level."""
    levels, first = int(codes.max(initial=0)) + 1, max(since, weeks.baseline)
    counts = {
        week: np.bincount(codes[edges[week] : edges[week + 1]], minlength=levels)
        for week in range(first - weeks.baseline, weeks.count)
    }
    before = sum((counts[week] for week in range(first - weeks.baseline, first)), np.zeros(levels, dtype=np.int64))
    for week in range(first, weeks.count):
        yield week, before, counts[week]
        before = before + counts[week] - counts[week - weeks.baseline]


def _groups(weeks: Weeks, dimension: str, edges: Ints) -> Iterator[tuple[str, Ints | None]]:
    """Yield each group that is large enough in the first weeks with the places of its rows; all rows once without."""
    if not dimension:
        yield "", None
        return
    values = weeks.goods[dimension]
    first = values[: int(edges[min(weeks.baseline, weeks.count)])].drop_nulls()
    large = first.value_counts().filter(pl.col("count") >= LEAST_GOODS_A_WEEK * weeks.baseline)
    for group in large[dimension].sort():
        yield str(group), np.flatnonzero((values == group).fill_null(False).to_numpy())


def _recoded(codes: Ints) -> Ints:
    """Return codes without gaps, 0 being what is missing."""
    levels, dense = np.unique(codes, return_inverse=True)
    codes = dense.astype(np.int64)
    return codes if levels[0] == 0 else codes + 1
