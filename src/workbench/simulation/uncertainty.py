"""How sure a mean over weeks is: weeks are drawn anew in blocks, since neighbours resemble each other.

Replications are drawn anew too, where there is more than one. All that is compared shares the same draws, so that what
makes a week easy or hard for every policy cancels out of a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.evaluation import Estimate

from .policy import Values

FEWEST_WEEKS = 8
"""With fewer weeks no interval is given: their own spread says next to nothing about other weeks."""

_REPLICATES, _SEED, _TAIL = 1000, 17, 0.025


@dataclass(frozen=True)
class Draws:
    """How often each week and each replication counts in each resample.

    Parameters
    ----------
    of_weeks
        Shape (resamples, weeks); each row sums to the number of weeks.
    of_replications
        Shape (resamples, replications); each row sums to the number of replications.
    """

    of_weeks: Values
    of_replications: Values

    @classmethod
    def of(cls, weeks: int, replications: int) -> Draws:
        """Draw circular blocks of consecutive weeks, and replications one by one; the same numbers every time.

        A block is as long as the cube root of the number of weeks, the order that minimises the error of a block
        bootstrap's variance.

        References
        ----------
        D. N. Politis, J. P. Romano (1992), A circular block-resampling procedure for stationary data, in: Exploring the
        Limits of Bootstrap, 263-270. P. Hall, J. L. Horowitz, B.-Y. Jing (1995), On blocking rules for the bootstrap
        with dependent data, Biometrika 82, 561-574.

        Examples
        --------
        >>> draws = Draws.of(weeks=27, replications=1)
        >>> draws.of_weeks.shape, bool((draws.of_weeks.sum(axis=1) == 27).all())
        ((1000, 27), True)
        """
        generator = np.random.default_rng(_SEED)
        length = block_weeks(weeks)
        starts = generator.integers(0, weeks, (_REPLICATES, -(-weeks // length)))
        drawn = ((starts[:, :, None] + np.arange(length)) % weeks).reshape(_REPLICATES, -1)[:, :weeks]
        chosen = generator.integers(0, replications, (_REPLICATES, replications))
        return cls(_counts(drawn, weeks), _counts(chosen, replications))


def block_weeks(weeks: int) -> int:
    """Return how many consecutive weeks are drawn together.

    >>> block_weeks(61), block_weeks(8), block_weeks(1)
    (4, 2, 1)
    """
    return max(1, round(math.cbrt(weeks)))


def mean_over_weeks(values: Values, draws: Draws) -> Estimate:
    """Return the mean over weeks and replications with its 95 % percentile interval.

    Parameters
    ----------
    values
        Shape (replications, weeks); NaN where a week has no value, which then counts nowhere.
    draws
        From :meth:`Draws.of`, for these numbers of weeks and replications.

    Returns
    -------
    Estimate
        In the unit of `values`. ``None`` throughout where no week has a value; without an interval where fewer than
        :data:`FEWEST_WEEKS` have one.

    Examples
    --------
    >>> mean_over_weeks(np.tile([0.4, 0.6], (1, 10)), Draws.of(weeks=20, replications=1)).value
    0.5
    """
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(None, None, None)
    mean = float(values[known].mean())
    if known.any(axis=0).sum() < FEWEST_WEEKS:
        return Estimate(mean, None, None)
    total, count = (_weighted(part, draws) for part in (np.where(known, values, 0.0), known.astype(np.float64)))
    drawn = count > 0
    low, high = np.quantile(total[drawn] / count[drawn], [_TAIL, 1 - _TAIL])
    # With values that are all alike, rounding can put the bounds a hair beyond the mean.
    return Estimate(mean, min(float(low), mean), max(float(high), mean))


def _weighted(values: Values, draws: Draws) -> Values:
    by_replication: Values = draws.of_weeks @ values.T
    total: Values = (by_replication * draws.of_replications).sum(axis=1)
    return total


def _counts(drawn: npt.NDArray[np.int64], size: int) -> Values:
    rows = np.arange(len(drawn))[:, None] * size
    counted = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * size)
    return counted.reshape(len(drawn), size).astype(np.float64)
