"""How sure a mean over weeks, or a ratio of their sums, is: weeks are drawn anew in blocks.

Neighbours resemble each other, and would look surer one by one.

Replications are drawn anew too, where there is more than one. All that is compared shares the same draws, so that what
makes a week easy or hard for every policy cancels out of a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from workbench.evaluation import Estimate

from .policy import Values

FEWEST_WEEKS = 8
"""With fewer weeks no interval is given: their own spread says next to nothing about other weeks."""

_Ratio = TypeVar("_Ratio", float, Values)
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
    return ratio_over_weeks(Sums(np.where(known, values, 0.0), known.astype(np.float64)), draws)


@dataclass(frozen=True)
class Sums:
    """What a ratio of sums is made of, week by week; both of shape (replications, weeks).

    Parameters
    ----------
    part
        What is summed above the line, such as violations found; 0 where the week has nothing below it.
    whole
        What is summed below it, such as controls; 0 or more.
    """

    part: Values
    whole: Values


def ratio_over_weeks(sums: Sums, draws: Draws, *, less: Sums | None = None) -> Estimate:
    """Return the ratio of two sums over weeks and replications with its 95 % percentile interval.

    Parameters
    ----------
    sums
        What is divided.
    draws
        From :meth:`Draws.of`, for these numbers of weeks and replications.
    less
        Another ratio, of the same weeks, that is subtracted: both share the draws.

    Returns
    -------
    Estimate
        ``None`` throughout where a sum below the line is 0; without an interval where fewer than :data:`FEWEST_WEEKS`
        weeks add to each.

    Examples
    --------
    >>> found, controls = np.array([[1.0, 9.0]]), np.array([[10.0, 30.0]])
    >>> ratio_over_weeks(Sums(found, controls), Draws.of(weeks=2, replications=1)).value
    0.25
    """
    both = [sums] if less is None else [sums, less]
    if not all(one.whole.any() for one in both):
        return Estimate(None, None, None)
    value = _difference([float(one.part.sum() / one.whole.sum()) for one in both])
    if min(int(one.whole.any(axis=0).sum()) for one in both) < FEWEST_WEEKS:
        return Estimate(value, None, None)
    drawn = [(_weighted(one.part, draws), _weighted(one.whole, draws)) for one in both]
    divided = np.all([whole > 0 for _, whole in drawn], axis=0)
    low, high = np.quantile(_difference([part[divided] / whole[divided] for part, whole in drawn]), [_TAIL, 1 - _TAIL])
    # With weeks that are all alike, rounding can put the bounds a hair beyond the value.
    return Estimate(value, min(float(low), value), max(float(high), value))


def _difference(ratios: Sequence[_Ratio]) -> _Ratio:
    return ratios[0] if len(ratios) == 1 else ratios[0] - ratios[1]


def _weighted(values: Values, draws: Draws) -> Values:
    by_replication: Values = draws.of_weeks @ values.T
    total: Values = (by_replication * draws.of_replications).sum(axis=1)
    return total


def _counts(drawn: npt.NDArray[np.int64], size: int) -> Values:
    rows = np.arange(len(drawn))[:, None] * size
    counted = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * size)
    return counted.reshape(len(drawn), size).astype(np.float64)
