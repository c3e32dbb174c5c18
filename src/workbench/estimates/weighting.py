"""Weighting: three estimators of what a target policy would have found, from the controls of the one in force.

A logged control of an item speaks for the target policy by ``target probability / probability of a full control``.
Three estimators, of the total over all goods of target probability times what a full control finds:

- **ips**: inverse-propensity weights as they are; unbiased, and the widest;
- **snips**: the weights scaled to add up to the target's goods, separately in what is controlled for certain, at the
  margin and by the random arm (self-normalised);
- **doubly robust**: a model's predictions over all of the target's goods, mended by the weighted errors of the
  predictions on the controlled ones: unbiased if either the probabilities or the predictions are right.

References
----------
D. G. Horvitz and D. J. Thompson (1952), A generalization of sampling without replacement from a finite universe, JASA
47, 663-685.
A. Swaminathan and T. Joachims (2015), The self-normalized estimator for counterfactual learning, NeurIPS 28.
M. Dudik, J. Langford and L. Li (2011), Doubly robust policy evaluation and learning, ICML 28, 1097-1104.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.evaluation.intervals import Estimate

from .arrays import Values
from .frame import Group
from .record import ControlRecord
from .strata import Strata
from .totals import Found, Reach, sample_of, total


@dataclass(frozen=True)
class Weighted:
    """What a target policy would have found, by each estimator; see :class:`.policy_value.PolicyValue`."""

    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate | None


def weighted(record: ControlRecord, found: Found, target: Reach, expected: Values | None) -> Weighted:
    """Value a target policy by what controls found.

    Parameters
    ----------
    record
        Decided goods with the probabilities that were stored.
    found
        What controls found.
    target
        Probability of a full control under the target policy, of each item.
    expected
        `target` times what a model expects a full control of the item to find; ``None`` without predictions.
    """
    strata = Strata.of(record)
    ips = total(record, strata, found, reach=target, weight=strata.inverse)
    snips = total(record, strata, found, reach=target, weight=_normalised(strata, target.of_declarations))
    robust = None
    if expected is not None:
        of_target = record.by_declaration(target.of_items * found.of_items)
        robust = _doubly_robust(strata, of_target, record.by_declaration(expected), ips)
    return Weighted(ips, snips, robust)


def _normalised(strata: Strata, reach: Values) -> Values:
    """Return the weights, scaled within each group so that they add up to the target's goods there."""
    weight = strata.inverse.copy()
    for group in Group:
        within = strata.within(group)
        if weighted := float(weight[within] @ reach[within]):
            weight[within] *= float(reach[within].sum()) / weighted
    return weight


def _doubly_robust(strata: Strata, found: Values, expected: Values, ips: Estimate) -> Estimate | None:
    """Mend the sum of predictions by the weighted errors; the interval keeps the lopsidedness of `ips`.

    Where the controls that stand for others found nothing, their errors show no spread of what they missed: ``None``.
    """
    error, value, variances = found - expected, float(expected.sum()), np.zeros(2)
    for group in Group:
        sample, known = sample_of(strata, group, strata.inverse), strata.within(group) & (strata.inverse > 0)
        value += sample.total(error[known])
        variances += sample.variance(error[known]), sample.variance(found[known])
    if not variances[1] and ips.high_95 != ips.value:
        return None
    narrower = float(np.sqrt(variances[0] / variances[1])) if variances[1] else 1.0
    middle, low, high = (float(bound or 0.0) for bound in (ips.value, ips.low_95, ips.high_95))
    value = max(value, 0.0)
    return Estimate(value, max(value - (middle - low) * narrower, 0.0), value + (high - middle) * narrower)
