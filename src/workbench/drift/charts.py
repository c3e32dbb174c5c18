"""How far is too far: limits for a week by itself and for weeks added up, at a stated rate of false findings.

A week by itself shows what is large at once, the sum of Page-Hinkley what is small and lasts; both together are
Lucas' combined chart (Combined Shewhart-CUSUM quality control schemes, Journal of Quality Technology 14 (1982), 51-59).
"""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist

import numpy as np

from workbench.drift.arrays import Floats
from workbench.drift.limits import WEEKS_A_YEAR
from workbench.drift.statistics import page_hinkley

_TAIL_SHARE = 0.1
_LEAST_TAIL = 5
_MOST_SHAPE = 0.5
_SIMULATED_YEARS = 5_000
_BLOCK_WEEKS = 4


def prediction_limit(chance: float, weeks: int) -> float:
    """Return what one more normal value exceeds with probability `chance`, in spreads above the mean of `weeks` values.

    Student's t with weeks - 1 degrees of freedom, widened because mean and spread are themselves estimates (Hahn and
    Meeker, Statistical Intervals, 1991, section 4); its quantile by Abramowitz and Stegun, 26.7.5.

    Parameters
    ----------
    chance
        Probability above the limit, in (0, 0.5).
    weeks
        Values that mean and spread were learnt on; 10 or more for four digits.

    Examples
    --------
    >>> round(prediction_limit(0.001, 40), 2)
    3.35
    """
    z, nu = NormalDist().inv_cdf(1 - chance), weeks - 1
    quantile = (
        z
        + (z**3 + z) / (4 * nu)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * nu**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * nu**4)
    )
    return quantile * sqrt(1 + 1 / weeks)


def tail_limit(residuals: Floats, chance: float) -> float:
    """Return what a further residual exceeds with probability `chance`, by the tail of those known.

    A generalised Pareto distribution is fitted to the largest tenth by probability-weighted moments (Hosking and
    Wallis, Technometrics 29 (1987), 339-349). Its shape is held between 0 and 0.5: a short tail in few values is luck.

    Parameters
    ----------
    residuals
        Standardised residuals of all subjects together, shape (n,).
    chance
        Probability above the limit.

    Returns
    -------
    float
        The limit; minus infinity with fewer than 50 residuals, of which nothing is learnt.
    """
    count = int(len(residuals) * _TAIL_SHARE)
    if count < _LEAST_TAIL:
        return float("-inf")
    largest = np.sort(residuals)[-count - 1 :]
    excess = largest[1:] - largest[0]
    mean = float(excess.mean())
    weighted = float((excess * (count - 0.65 - np.arange(count)) / count).mean())
    shape = min(max(2 - mean / (mean - 2 * weighted), 0.0), _MOST_SHAPE) if mean > 2 * weighted else _MOST_SHAPE
    scale, rarer = mean * (1 - shape), chance * len(residuals) / count
    beyond = -scale * log(rarer) if shape == 0 else scale / shape * (rarer**-shape - 1)
    return float(largest[0]) + beyond


def sum_limit(residuals: list[Floats], chance: float, seed: int, *, two_sided: bool) -> float:
    """Return what the sum of Page-Hinkley exceeds in a stable year with probability `chance`, by a block bootstrap.

    Years are put together from blocks of four consecutive weeks, drawn from all streams, and as many again from normal
    residuals, since few weeks show few extremes; the larger limit counts. Each year's mean and spread are off by as
    much as those of so few weeks are. What is rarer than one year in 200 is read off the tail.

    Parameters
    ----------
    residuals
        Standardised residuals of each stream, in order of weeks; shapes (n,), n may differ.
    chance
        Probability that the year has one alarm or more, in (0, 1).
    seed
        Of the bootstrap.
    two_sided
        See :func:`~workbench.drift.statistics.page_hinkley`.
    """
    blocks = np.concatenate(
        [np.lib.stride_tricks.sliding_window_view(one, _BLOCK_WEEKS) for one in residuals if len(one) >= _BLOCK_WEEKS]
    )
    rng, weeks = np.random.default_rng(seed), int(np.median([len(one) for one in residuals]))
    drawn = blocks[rng.integers(0, len(blocks), (_SIMULATED_YEARS, WEEKS_A_YEAR // _BLOCK_WEEKS))]
    seen = drawn.reshape(_SIMULATED_YEARS, -1).T
    limits = []
    for draws in (seen, rng.normal(size=seen.shape)):
        spread = np.sqrt(rng.chisquare(weeks - 1, _SIMULATED_YEARS) / (weeks - 1))
        years = (draws + rng.normal(0, 1 / sqrt(weeks), _SIMULATED_YEARS)) / spread
        largest = page_hinkley(years, weeks, two_sided=two_sided).max(axis=0)
        rare = chance < _TAIL_SHARE / 20
        limits.append(tail_limit(largest, chance) if rare else float(np.quantile(largest, 1 - chance)))
    return max(limits)
