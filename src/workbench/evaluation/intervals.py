"""Uncertainty: Wilson intervals of proportions, bootstrap intervals of everything else.

All intervals are at 95 %; the level is part of the columns' names (``low_95``, ``high_95``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from workbench.scorer.errors import ConfigError

Array = NDArray[np.float64]

_TAIL = 0.025
_Z = NormalDist().inv_cdf(1 - _TAIL)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; ``None`` where it is not defined."""

    value: float | None
    low_95: float | None
    high_95: float | None

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate of `factor` (0 or more) times the quantity.

        >>> Estimate(0.5, 0.25, 0.75).scaled(100)
        Estimate(value=50.0, low_95=25.0, high_95=75.0)
        """
        scaled = [None if bound is None else bound * factor for bound in (self.value, self.low_95, self.high_95)]
        return Estimate(*scaled)

    def to_dict(self) -> dict[str, float | None]:
        """Return the three numbers as plain JSON values."""
        return asdict(self)


def wilson_interval(successes: float, trials: float) -> Estimate:
    """Return a proportion with its Wilson score interval.

    With ``p = successes / trials`` and ``z = 1.96`` the bounds are
    ``(p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)``. They stay in [0, 1] and hold for small samples
    and for no success at all. Trials are taken as independent.

    Parameters
    ----------
    successes
        Number of successes, 0 to `trials`; an expected number need not be whole.
    trials
        Number of trials; 0 gives an estimate of ``None`` throughout.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.

    Examples
    --------
    >>> ten_of_hundred = wilson_interval(10, 100)
    >>> ten_of_hundred.value, round(ten_of_hundred.low_95, 4), round(ten_of_hundred.high_95, 4)
    (0.1, 0.0552, 0.1744)
    """
    if not trials:
        return Estimate(None, None, None)
    low, high = _wilson_bounds(np.asarray(successes, dtype=float), np.asarray(trials, dtype=float))
    return Estimate(successes / trials, float(low), float(high))


def with_rate(frame: pl.DataFrame, name: str, successes: str, trials: str) -> pl.DataFrame:
    """Add the proportion `name` with its Wilson bounds ``low_95`` and ``high_95``; null where there is no trial.

    >>> with_rate(pl.DataFrame({"violations": [1], "labelled": [4]}), "rate", "violations", "labelled").row(0)[2]
    0.25
    """
    count, total = (frame[column].cast(pl.Float64).to_numpy() for column in (successes, trials))
    low, high = _wilson_bounds(count, total)
    with np.errstate(invalid="ignore"):
        columns = {name: count / total, "low_95": low, "high_95": high}
    return frame.with_columns(pl.Series(key, values).fill_nan(None) for key, values in columns.items())


def _wilson_bounds(successes: Array, trials: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = successes / trials
        centre = rate + _Z**2 / (2 * trials)
        half = _Z * np.sqrt(rate * (1 - rate) / trials + (_Z / (2 * trials)) ** 2)
        scale = 1 + _Z**2 / trials
        low, high = (centre - half) / scale, (centre + half) / scale
    # Rounding can put a bound a hair beyond the rate itself at 0 and at 1.
    return np.clip(np.minimum(low, rate), 0, 1), np.clip(np.maximum(high, rate), 0, 1)


def bootstrap(
    statistic: Callable[[Array], Array], clusters: NDArray[np.int64], *, replicates: int, seed: int
) -> tuple[Array, Array]:
    """Return the 95 % percentile interval of a statistic by resampling clusters of rows.

    Items of one declaration resemble each other; drawing declarations with replacement, all items of each, keeps
    that dependence, where drawing items would make the interval too narrow.

    Parameters
    ----------
    statistic
        Function of the rows' weights (how often each was drawn) to an array of values, NaN where not defined.
    clusters
        Number of each row's cluster, 0 to the number of clusters - 1, without gaps.
    replicates
        Number of resamples; 0 gives NaN bounds, for callers who need the values only.
    seed
        Seed of the draws: the same seed and the same rows give the same interval.

    Returns
    -------
    tuple of ndarray
        Lower and upper bounds, each with the shape that `statistic` returns. Replicates in which a value is not
        defined (no violation was drawn) are left out of its interval.

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1-26.

    Examples
    --------
    >>> low, high = bootstrap(lambda weights: weights.sum(keepdims=True), np.array([0, 1]), replicates=5, seed=1)
    >>> low, high
    (array([2.]), array([2.]))
    """
    if replicates < 0:
        raise ConfigError(f"replicates is {replicates}; it must be 0 (no interval) or more. Typical: 200.")
    generator = np.random.default_rng(seed)
    count = int(clusters.max()) + 1
    draws = (np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(replicates))
    samples = [statistic(drawn[clusters].astype(float)) for drawn in draws]
    if not samples:
        undefined = np.full_like(statistic(np.ones(len(clusters))), np.nan)
        return undefined, undefined
    return _percentiles(np.stack(samples))


def _percentiles(samples: Array) -> tuple[Array, Array]:
    undefined = np.isnan(samples).all(axis=0)
    # A column of NaN only would make nanquantile warn; its bounds become NaN again below.
    low, high = np.nanquantile(np.where(undefined, 0.0, samples), [_TAIL, 1 - _TAIL], axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def defined(value: ArrayLike) -> float | None:
    """Return a number as a float, NaN as ``None``."""
    number: Any = float(np.asarray(value))
    return None if np.isnan(number) else number
