"""Intervals of totals that rest on few findings, some of them far larger than the others.

A total is the number of declarations with a finding times the mean amount of a finding. Both are uncertain:

- the *number* by the sample. Its interval is that of a share with an effective sample size, the size of the simple
  random sample with the variance found (strata, unequal weights and finite population included: Korn and Graubard
  1998), with Jeffreys' beta, which reaches 95 % on average where Clopper and Pearson's is far above it (Brown, Cai and
  DasGupta 2001).
- the *mean amount* by which findings fell into the sample. How far a mean of so few findings strays from that of all is
  simulated with the amounts of **all** findings of full controls: their shape is borrowed, the scale stays that of
  the sample. Amounts in money are blurred a little, since the largest one ever found is not the largest there is
  (smoothed bootstrap: Silverman and Young 1987).

The interval is where the product of both lies in 95 of 100 simulations. Without any finding the upper bound is that of
three findings (Hanley and Lippman-Hand 1983). Sums of independent parts are put together by their distances from the
bounds (Zou and Donner 2008), which keeps intervals lopsided.

All this holds for results that stand for about as many declarations each. Few results that stand for many and hold no
finding show no variance: in one sum with many light ones they would look as if their goods had nothing to find. So
results are parted by weight, those within a factor of four together, and each part has an interval of its own.

References
----------
E. L. Korn and B. I. Graubard (1998), Confidence intervals for proportions with small expected number of positive counts
estimated from survey data, Survey Methodology 24, 193-201.
L. D. Brown, T. T. Cai and A. DasGupta (2001), Interval estimation for a binomial proportion, Statistical Science 16,
101-133.
B. W. Silverman and G. A. Young (1987), The bootstrap: to smooth or not to smooth?, Biometrika 74, 469-479.
J. A. Hanley and A. Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249, 1743-1745.
G. Y. Zou and A. Donner (2008), Construction of confidence limits about effect measures: a general approach, Statistics
in Medicine 27, 1693-1702.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from workbench.evaluation.intervals import Estimate

from .arrays import Counts, Flags, Values

SIMULATIONS = 1_000
_SEED = 25
_TAILS = (0.025, 0.975)
_NOTHING_FOUND = -log(0.05)
_NO_EXCESS = 1e-9
# A factor of two covers as well, and parts ordinary arms that need it not, whose amounts then cover .985.
_ALIKE = 4.0
# Of the bandwidths tried, none to 1.5 of the normal rule, the rule of thumb covers best: docs/decisions/0025.
_BLUR = 0.9
_MOST_DRAWS = 2_000_000


@dataclass(frozen=True)
class Sample:
    """Declarations with a result that stand for all of a group; k of them.

    Parameters
    ----------
    weight
        Declarations that each stands for, itself included, shape (k,), 1 or more.
    stratum
        Stratum of each, from 0, shape (k,).
    """

    weight: Values
    stratum: Counts

    def part(self, at: Flags) -> Sample:
        """Return the declarations `at` as a sample of what they stand for."""
        _, stratum = np.unique(self.stratum[at], return_inverse=True)
        return Sample(self.weight[at], stratum.astype(np.int64))

    @property
    def size(self) -> float:
        """Declarations that all of them stand for."""
        return float(self.weight.sum())

    def total(self, value: Values) -> float:
        """Return the estimated sum of a value over the group; `value` has shape (k,)."""
        return float(self.weight @ value)

    def variance(self, value: Values) -> float:
        """Return the variance of :meth:`total`: within strata, with the correction for a finite population.

        Source: Cochran (1977), Sampling Techniques, 5.13; with unequal weights the residuals are weighted (Hajek 1971).
        """
        spread = self.weight * (value - self._means(value)[self.stratum])
        squares = np.bincount(self.stratum, np.maximum(1.0 - 1.0 / self.weight, 0.0) * spread**2)
        count = np.bincount(self.stratum)
        # A stratum with a single result, which only collapsing of a whole group leaves, tells of no spread.
        return float(np.sum(squares * count / np.maximum(count - 1, 1)))

    def _means(self, value: Values) -> Values:
        sums, weights = np.bincount(self.stratum, self.weight * value), np.bincount(self.stratum, self.weight)
        return np.asarray(sums / weights)

    @property
    def excess(self) -> float:
        """Sum of w (w - 1): 0 where every declaration has a result."""
        return float(self.weight @ (self.weight - 1.0))


@dataclass(frozen=True)
class Findings:
    """What full controls found in a sample: amount times reach is the value that is added up; shapes (k,).

    Parameters
    ----------
    amount
        What the control of each declaration found, 0 or more: violations, or duty in USD.
    reach
        How far a policy reaches each declaration, 0 or more: 1 where the total is that of all goods.
    pool
        Positive amounts of all findings of full controls, whose shape the simulation borrows.
    blurred
        Whether amounts are on a continuous scale, and the largest one found is not the largest there is.
    """

    amount: Values
    reach: Values
    pool: Values
    blurred: bool = False

    def part(self, at: Flags) -> Findings:
        """Return the findings of the declarations `at`."""
        return replace(self, amount=self.amount[at], reach=self.reach[at])

    @property
    def value(self) -> Values:
        """Value of each declaration."""
        return np.asarray(self.amount * self.reach)


def interval(sample: Sample, findings: Findings) -> Estimate:
    """Return the total of a value that is 0 for most declarations and positive for the others.

    Examples
    --------
    Ten of 1,000 declarations drawn at random from 100,000 violated, with one violation each:

    >>> found = np.repeat([1.0, 0.0], [10, 990])
    >>> sample = Sample(np.full(1000, 100.0), np.zeros(1000, dtype=np.int64))
    >>> estimate = interval(sample, Findings(found, np.ones(1000), np.ones(10)))
    >>> estimate.value, round(estimate.low_95, -2), round(estimate.high_95, -2)
    (1000.0, 500.0, 1700.0)
    """
    if not len(sample.weight):
        return Estimate(0.0, 0.0, 0.0)
    classes = np.floor(np.log(sample.weight / sample.weight.min()) / np.log(_ALIKE))
    parts = (classes == one for one in np.unique(classes))
    return added([_of_like_weights(sample.part(at), findings.part(at)) for at in parts])


def _of_like_weights(sample: Sample, findings: Findings) -> Estimate:
    value = findings.value
    total, known, hit = sample.total(value), float(value.sum()), value > 0
    if sample.excess <= _NO_EXCESS:
        return Estimate(total, total, total)
    if not hit.any():
        return Estimate(0.0, 0.0, _upper_bound_of_none(sample, findings))
    rng = np.random.default_rng(_SEED)
    number = sample.size * _shares(sample, hit.astype(np.float64), rng)
    mean = total / sample.weight[hit].sum()
    strays = _strays(sample.weight[hit], findings, findings.reach[hit], rng)
    low, high = np.quantile(number * mean * strays, _TAILS, method="inverted_cdf")
    return Estimate(total, min(max(float(low), known), total), max(float(high), total))


def _upper_bound_of_none(sample: Sample, findings: Findings) -> float:
    """Return three findings of the usual amount, where one would count most."""
    usual = float(findings.pool.mean()) if len(findings.pool) else 1.0
    return _NOTHING_FOUND * usual * float(np.max((sample.weight - 1.0) * findings.reach))


def _shares(sample: Sample, hit: Values, rng: np.random.Generator) -> Values:
    """Draw the share of declarations with a finding from the beta of its mean and variance.

    As Jeffreys' beta does it counts half a finding and half a clean result more, each of the largest weight.
    """
    added_weight = float(sample.weight.max()) - 1.0
    size = sample.size + added_weight
    mean = (min(sample.total(hit), sample.size) + added_weight / 2) / size
    effective = mean * (1.0 - mean) * size**2 / (sample.variance(hit) + added_weight**2 / 2)
    return rng.beta(effective * mean, effective * (1.0 - mean), SIMULATIONS)


def _strays(weight: Values, findings: Findings, reach: Values, rng: np.random.Generator) -> Values:
    """Draw by which factor the mean of all findings differs from the weighted mean of those in the sample."""
    found, rest = len(weight), max(round(weight.sum()) - len(weight), 0)
    beside = min(rest, 10 * found + 400)
    rows = max(_MOST_DRAWS // (found + beside), 1)
    parts = []
    for first in range(0, SIMULATIONS, rows):
        drawn = _drawn(findings, reach, (min(rows, SIMULATIONS - first), found + beside), rng)
        others = drawn[:, found:].mean(axis=1) if beside else 0.0
        everything = (drawn[:, :found].sum(axis=1) + rest * others) / (found + rest)
        parts.append(everything / (drawn[:, :found] @ weight / weight.sum()))
    return np.concatenate(parts)


def _drawn(findings: Findings, reach: Values, shape: tuple[int, int], rng: np.random.Generator) -> Values:
    drawn = rng.choice(findings.pool, shape)
    if findings.blurred:
        spread = np.log(findings.pool)
        drawn = drawn * np.exp(_BLUR * spread.std() * len(spread) ** -0.2 * rng.standard_normal(shape))
    return drawn if reach.min() == reach.max() else drawn * rng.choice(reach, shape)


def added(parts: Sequence[Estimate]) -> Estimate:
    """Return the sum of independent estimates, none of them undefined.

    >>> added([Estimate(10, 7, 16), Estimate(10, 6, 18)])
    Estimate(value=20.0, low_95=15.0, high_95=30.0)
    """
    value, low, high = (np.array([getattr(part, name) for part in parts], dtype=float) for name in _FIELDS)
    below, above = np.sqrt(np.sum((value - low) ** 2)), np.sqrt(np.sum((high - value) ** 2))
    return Estimate(float(value.sum()), float(value.sum() - below), float(value.sum() + above))


def less_known(estimate: Estimate, known: float) -> Estimate:
    """Return an estimate less a number that is known; undefined bounds stay so.

    >>> less_known(Estimate(10.0, 7.0, None), 8.0)
    Estimate(value=2.0, low_95=-1.0, high_95=None)
    """
    bounds = (estimate.value, estimate.low_95, estimate.high_95)
    return Estimate(*(None if bound is None else bound - known for bound in bounds))


_FIELDS = ("value", "low_95", "high_95")
