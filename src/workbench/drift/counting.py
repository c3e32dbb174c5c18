"""Counts of distinct values: what PSI and Anderson-Darling are worked out from, so that each column is sorted once."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.drift.arrays import Floats, Ints

TOP_LEVELS = 50
"""Levels of a category with a bin of their own: the most frequent of the reference; all others share one."""

_PSEUDO_COUNT = 0.5


def has_order(values: pl.Series) -> bool:
    """Say whether values are numbers or moments, which quantiles bin, or names, which are bins themselves."""
    return values.dtype.is_numeric() or values.dtype.is_temporal()


def level_codes(values: pl.Series) -> tuple[Ints, int]:
    """Return each value as the rank of its level, and the number of levels.

    Parameters
    ----------
    values
        One column, n rows.

    Returns
    -------
    tuple
        Codes, shape (n,): 0 for what is missing (null, NaN, infinite), else 1 for the smallest level and so on; and how
        many levels there are, the missing one not counted.

    Examples
    --------
    >>> level_codes(pl.Series([2.5, None, 1.0, 2.5]))[0].tolist()
    [2, 0, 1, 2]
    """
    if values.dtype.is_float():
        values = values.set(~values.is_finite().fill_null(True), None)
    if not has_order(values):
        names = values.cast(pl.String)
        known = names.drop_nulls().unique().sort()
        ranks = names.cast(pl.Enum(known)).to_physical().cast(pl.Int64) + 1
        return ranks.fill_null(0).to_numpy(), len(known)
    ranks = values.rank("dense").cast(pl.Int64).fill_null(0)
    return ranks.to_numpy(), values.drop_nulls().n_unique()


def level_counts(codes: Ints, levels: int) -> Ints:
    """Return how many rows have each code of :func:`level_codes`, shape (levels + 1,)."""
    return np.bincount(codes, minlength=levels + 1).astype(np.int64)


def quantile_bins(counts: Ints, bins: int) -> Ints:
    """Return the bin of each code: 0 for what is missing, else 1 to `bins`, by the quantiles of these counts.

    A level lies in bin k when between (k - 1) / bins and k / bins of the rows are smaller, so that ties stay together
    and any transform that keeps the order of values keeps the bins.

    >>> quantile_bins(np.array([0, 5, 1, 1, 1, 2]), 2).tolist()
    [0, 1, 2, 2, 2, 2]
    """
    present = counts[1:]
    total = max(int(present.sum()), 1)
    smaller = np.cumsum(present) - present
    return np.concatenate([[0], np.minimum(bins * smaller // total, bins - 1) + 1]).astype(np.int64)


def top_bins(counts: Ints, most: int = TOP_LEVELS) -> Ints:
    """Return the bin of each code: 0 for what is missing, 1 to `most` for the most frequent, the next for others.

    >>> top_bins(np.array([0, 5, 1, 9]), 2).tolist()
    [0, 2, 3, 1]
    """
    present = counts[1:]
    order = np.argsort(-present, kind="stable")
    bins = np.full(len(counts), min(most, len(present)) + 1, dtype=np.int64)
    bins[0] = 0
    kept = order[:most][present[order[:most]] > 0]
    bins[kept + 1] = np.arange(1, len(kept) + 1)
    return bins


def binned(counts: Ints, bins: Ints) -> Floats:
    """Return the counts of the bins, from the counts of the codes and the bin of each."""
    return np.bincount(bins, weights=counts).astype(np.float64)


def shares(counts: Floats) -> Floats:
    """Return the share of each bin, half a row being added to each so that none is 0."""
    smoothed = counts + _PSEUDO_COUNT
    total: Floats = smoothed / smoothed.sum()
    return total
