"""Lower bounds of rates, by which rules are compared: the more a rule was searched for, the lower its bound."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workbench.criteria.mining.conditions import Codes, Rule

LIFTS = (5.0, 3.0)
"""A rule has to reach this many times the odds of a kind of violation among all controlled goods, by lower bound.

Odds of rare violations are their rates; of frequent ones (a fifth of a public set) three times the rate may be out of
reach. The second figure holds once nothing is left that reaches the first.
"""

_THRESHOLDS = 12.0
"""Thresholds that could as well have been taken, of all quantities together; most of them hit nearly the same rows."""

Floats = npt.NDArray[np.float64]


def strictness(rule: Rule, distinct: Mapping[str, int]) -> float:
    """Return how many standard errors below its mean a rule's rate is taken: its winner's curse.

    Among M rules that find nothing the best looks ``sqrt(2 ln M)`` standard errors better than it is (Bonferroni). The
    alternatives to a rule overlap, which halves the exponent: ``sqrt(ln M)``. A threshold is one of a dozen that
    differ, a code one of all codes of its column, a list one of all lists of its length.

    Parameters
    ----------
    rule
        Its conditions.
    distinct
        Number of different codes by column.

    Examples
    --------
    >>> round(strictness((Codes("hs2", ("87",)),), {"hs2": 40}), 2)
    1.92
    """
    return math.sqrt(sum(_alternatives(part, distinct) for part in rule))


def _alternatives(part: object, distinct: Mapping[str, int]) -> float:
    if not isinstance(part, Codes):
        return math.log(_THRESHOLDS)
    return math.log(max(math.comb(distinct[part.column], len(part.values)), 2))


def lower_bound(found: Floats, trials: Floats, z: Floats | float) -> Floats:
    """Return the Wilson bound `z` standard errors below each rate; 0 where nothing was found.

    >>> lower_bound(np.array([10.0]), np.array([100.0]), 1.96).round(4).tolist()
    [0.0552]
    """
    trials = np.maximum(trials, 1.0)
    rate, square = found / trials, z**2 / trials
    half = np.sqrt(rate * (1 - rate) * square + square**2 / 4)
    bound: Floats = (rate + square / 2 - half) / (1 + square)
    return np.where(found > 0, np.maximum(bound, 0.0), 0.0)
