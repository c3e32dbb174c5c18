"""Statistics of drift: how far the goods of a week lie from those before it, and how far a stream has left its mean.

One implementation each, of what detectors have counted already (`drift.counting`), so that a column is sorted once for
all weeks. Larger means further apart. None says by itself how far is too far: `drift.thresholds` learns that.
"""

from __future__ import annotations

import numpy as np

from workbench.drift.arrays import Floats, Ints
from workbench.drift.counting import shares
from workbench.drift.domain import domain_auc

__all__ = ["TOLERANCE", "anderson_darling", "domain_auc", "page_hinkley", "psi"]

TOLERANCE = 1.0
"""Of Page-Hinkley, in spreads: the best for a shift of twice that, which is one that a month can show."""


def psi(reference: Floats, current: Floats) -> float:
    """Return the population stability index of two samples given by the counts of the same bins.

    The sum over bins of (q - p) ln(q / p), with p and q the shares of the bin in reference and current sample.

    Parameters
    ----------
    reference, current
        Rows in each bin, shape (bins,); see :func:`.counting.quantile_bins` and :func:`.counting.top_bins`.

    Returns
    -------
    float
        0 for samples alike, without an upper bound; NaN if either is empty. Half a row is added to each bin that either
        sample fills, so that no empty bin makes it infinite.

    Notes
    -----
    The usual readings of 0.1 and 0.25 (Siddiqi, Credit Risk Scorecards, 2006) know neither the sizes of the samples nor
    the number of bins: between two samples alike the index is about (bins - 1) (1 / n + 1 / m) on average (Yurdakul,
    Statistical Properties of Population Stability Index, 2018).

    Examples
    --------
    >>> round(psi(np.array([50.0, 50.0]), np.array([40.0, 60.0])), 3)
    0.04
    """
    filled = (reference + current) > 0
    if not reference.any() or not current.any():
        return float("nan")
    p, q = (shares(part[filled]) for part in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def anderson_darling(reference: Ints, current: Ints) -> float:
    """Return the squared Anderson-Darling distance of two samples given by the counts of their common levels.

    Parameters
    ----------
    reference, current
        Counts of the levels in ascending order, what is missing left out.

    Returns
    -------
    float
        0 or more, 1 on average for two samples of one distribution; NaN if one is empty or there is one level only.
        Formula (7) of Scholz and Stephens, JASA 82 (1987), 918-924, before it is standardised.

    Examples
    --------
    >>> anderson_darling(np.array([9, 9]), np.array([9, 9])), anderson_darling(np.array([9, 0]), np.array([0, 9]))
    (0.0, 17.0)
    """
    used = (reference + current) > 0
    first = reference[used].astype(np.float64)
    both = first + current[used]
    n, total = first.sum(), both.sum()
    if not 0 < n < total or len(both) == 1:
        return float("nan")
    middle = np.cumsum(both) - both / 2
    excess = total * (np.cumsum(first) - first / 2) - middle * n
    spread = middle * (total - middle) - total * both / 4
    return float((total - 1) / total / (n * (total - n)) * (both * excess**2 / spread).sum())


def page_hinkley(values: Floats, count: int, *, two_sided: bool) -> Floats:
    """Return how far streams have left their own mean after each value: the Page-Hinkley test, many streams at once.

    Each value adds its distance from the running mean, less `TOLERANCE`, to a sum that never falls below 0, one for
    rises and one for falls. The larger of the two is the statistic; a stable stream keeps it near 0.

    Parameters
    ----------
    values
        Standardised residuals, shape (weeks, streams).
    count
        Values with a mean of 0 that came before.
    two_sided
        Whether falls count as well as rises.

    Returns
    -------
    ndarray
        Shape (weeks, streams), 0 or more; larger is further from the mean.

    Notes
    -----
    Page, Continuous inspection schemes, Biometrika 41 (1954), 100-115; Hinkley, Inference about the change-point from
    cumulative sum tests, Biometrika 58 (1971), 509-523.

    Examples
    --------
    >>> page_hinkley(np.array([[0.0], [3.0], [3.0]]), 10, two_sided=True).round(2).ravel().tolist()
    [0.0, 1.75, 3.29]
    """
    mean, rise, fall = (np.zeros(values.shape[1]) for _ in range(3))
    path = np.empty_like(values)
    for week, value in enumerate(values):
        mean = mean + (value - mean) / (count + week + 1)
        rise = np.maximum(0.0, rise + value - mean - TOLERANCE)
        fall = np.maximum(0.0, fall + mean - value - TOLERANCE)
        path[week] = np.maximum(rise, fall) if two_sided else rise
    return path
