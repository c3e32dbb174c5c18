"""Statistics of drift: how far a current sample lies from a reference one, and a running test for a stream.

Larger means further apart. None of them says by itself how far is too far: `drift.thresholds` learns that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

import numpy.typing as npt
import polars as pl

from workbench.drift.counting import (
    Ints,
    anderson_darling_of_counts,
    anderson_darling_sd,
    binned,
    has_order,
    level_codes,
    level_counts,
    psi_of_counts,
    quantile_bins,
    top_bins,
)
from workbench.drift.domain import domain_auc
from workbench.errors import SourceError

__all__ = ["PageHinkley", "Sample", "anderson_darling", "domain_auc", "psi"]

Sample = pl.Series | npt.NDArray[Any] | Sequence[Any]


def psi(reference: Sample, current: Sample, bins: int = 10) -> float:
    """Return the population stability index of a current sample against a reference one.

    The sum over bins of (q - p) ln(q / p), with p and q the shares of the bin in reference and current sample.

    Parameters
    ----------
    reference, current
        Values of one column. Numbers are binned by the quantiles of the reference, ties together; of a category the 50
        most frequent levels of the reference have a bin each, and all others, new ones included, share one. What is
        missing (null, NaN, infinite) is a bin.
    bins
        Number of quantile bins; 2 or more.

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
    >>> psi([1, 2, 3, 4], [1, 2, 3, 4])
    0.0
    >>> round(psi(["CN"] * 80 + ["VN"] * 20, ["CN"] * 60 + ["VN"] * 40), 2)
    0.19
    """
    before, after, ordered = _common_counts(reference, current)
    bin_of = quantile_bins(before, bins) if ordered else top_bins(before)
    return psi_of_counts(binned(before, bin_of), binned(after, bin_of))


def anderson_darling(reference: Sample, current: Sample) -> float:
    """Return the two-sample Anderson-Darling statistic, standardised, with ties at their mid-rank.

    Parameters
    ----------
    reference, current
        Values of one column of numbers; what is missing (null, NaN, infinite) is left out.

    Returns
    -------
    float
        Mean 0 and standard deviation 1 for two samples of one distribution, skewed to the right; NaN if either is
        empty, if all values are the same, or if there are fewer than 4.

    Notes
    -----
    Scholz and Stephens, K-sample Anderson-Darling tests, JASA 82 (1987), 918-924; ``scipy.stats.anderson_ksamp`` of
    two samples, with ties at their mid-rank, gives the same.

    Examples
    --------
    >>> round(anderson_darling([1, 2, 3, 4], [1, 2, 3, 4]), 2)
    -1.64
    >>> anderson_darling([1, 2, 3, 4], [11, 12, 13, 14]) > 3
    True
    """
    before, after, _ = _common_counts(reference, current)
    sizes = int(before[1:].sum()), int(after[1:].sum())
    if min(sizes) == 0 or sum(sizes) < 4:
        return float("nan")
    return (anderson_darling_of_counts(before[1:], after[1:]) - 1) / anderson_darling_sd(sizes)


def _common_counts(reference: Sample, current: Sample) -> tuple[Ints, Ints, bool]:
    """Return how many rows of either sample have each level of both, the missing one first; and whether they rank."""
    first, second = (values if isinstance(values, pl.Series) else pl.Series(values) for values in (reference, current))
    ordered = has_order(first) and has_order(second)
    kind = first.dtype if first.dtype == second.dtype else pl.Float64 if ordered else pl.String
    both = pl.concat([part.cast(kind) for part in (first, second)])
    codes, levels = level_codes(both)
    return level_counts(codes[: len(first)], levels), level_counts(codes[len(first) :], levels), ordered


@dataclass(frozen=True)
class PageHinkley:
    """The Page-Hinkley test of a stream: how far it has left its own mean, upwards or downwards.

    Each value adds its distance from the running mean, less the tolerance, to a sum that never falls below 0, one for
    rises and one for falls. The larger of the two is the statistic; a stable stream keeps it near 0.

    Parameters
    ----------
    tolerance
        Distance from the mean that is no change, in the unit of the values; 0 or more.
    count, mean
        Values seen, and their mean. Start with those of a reference to let the first values count against it.
    rise, fall
        The two sums; 0 at the start.

    Notes
    -----
    Page, Continuous inspection schemes, Biometrika 41 (1954), 100-115; Hinkley, Inference about the change-point from
    cumulative sum tests, Biometrika 58 (1971), 509-523.

    Examples
    --------
    >>> calm = PageHinkley(tolerance=0.5).updated(1.0).updated(1.2).updated(0.8)
    >>> calm.statistic, round(calm.updated(4.0).statistic, 2)
    (0.0, 1.75)
    """

    tolerance: float = 0.0
    count: int = 0
    mean: float = 0.0
    rise: float = 0.0
    fall: float = 0.0

    def updated(self, value: float) -> PageHinkley:
        """Return the test after one more value; one that is not finite tells nothing and changes nothing."""
        if not isfinite(value):
            return self
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        rise = max(0.0, self.rise + value - mean - self.tolerance)
        fall = max(0.0, self.fall + mean - value - self.tolerance)
        return PageHinkley(self.tolerance, count, mean, rise, fall)

    @property
    def statistic(self) -> float:
        """The larger sum, in the unit of the values; larger is further from the mean."""
        return max(self.rise, self.fall)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> PageHinkley:
        """Take up a state that :meth:`to_dict` gave.

        Raises
        ------
        SourceError
            It has other entries than that.
        """
        names = [field.name for field in fields(cls)]
        if sorted(state) != sorted(names):
            raise SourceError(
                f"This is no state of a Page-Hinkley test: it has {', '.join(state) or 'nothing'}, expected "
                f"{', '.join(names)}. Start the test anew."
            )
        numbers = {name: float(state[name]) for name in names if name != "count"}
        return cls(count=int(state["count"]), **numbers)
