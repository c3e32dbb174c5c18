"""Value of a policy that was not in force: what it would have found, from the controls that were done.

A logged control of an item speaks for the target policy by ``target probability / probability of a full control``.
Three estimators, of the total over all goods of target probability times what a full control finds:

- **ips**: inverse-propensity weights as they are; unbiased, and the widest;
- **snips**: the weights scaled to add up to the target's goods, separately in what is controlled for certain, at the
  margin and by lot (self-normalised);
- **doubly robust**: a model's predictions over all of the target's goods, mended by the weighted errors of the
  predictions on the controlled ones: unbiased if either the probabilities or the predictions are right.

The probabilities are those that the decisions stored, so they are right by design; the predictions only have to be made
without the rows' own results: by a model of before, or cross-fitted.

References
----------
D. G. Horvitz and D. J. Thompson (1952), A generalization of sampling without replacement from a finite universe, JASA
47, 663-685.
A. Swaminathan and T. Joachims (2015), The self-normalized estimator for counterfactual learning, NeurIPS 28.
M. Dudik, J. Langford and L. Li (2011), Doubly robust policy evaluation and learning, ICML 28, 1097-1104.
V. Chernozhukov et al. (2018), Double/debiased machine learning, Econometrics Journal 21, C1-C68 (cross-fitting).
L. Kish (1965), Survey Sampling, 11.7 (effective sample size).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.errors import ConfigError, LabelError
from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal
from workbench.evaluation.tables import refuse, require_columns

from .intervals import subtracted
from .record import ControlRecord, Group, Values
from .strata import Strata
from .totals import Found, sample_of, too_few_findings, too_little, total

Outcome = Literal["violation", "recovered_duty_usd"]

LEAST_PROBABILITY = 0.001
LEAST_EFFECTIVE = 30
MOST_UNSUPPORTED = 0.01
_THIN = (
    "The controls that were done say too little of what this policy would choose: take a longer period, value a policy "
    "nearer to the one in force, or give the random arm a larger share for a while."
)
_UNSUPPORTED = (
    "The policy in force hardly ever controls a part of what this policy would choose, and nothing is known of it: let "
    "the random arm reach those goods, or value a policy without them."
)


@dataclass(frozen=True)
class PolicyValue:
    """What a target policy would have found in the goods of the record, had its controls been full controls.

    Parameters
    ----------
    outcome
        What is summed: violations (items) or recovered duty in USD.
    goods
        Items that the target would have controlled, on average.
    goods_in_force
        Items that the policy in force controlled fully, on average.
    ips, snips
        The value by weighting, see the module's text.
    doubly_robust
        The value with predictions; ``None`` where none were given, or the lot's controls found nothing of the target's.
    difference
        Value of the target less that of the policy in force, on the same goods, by weighting.
    effective_sample_size
        Declarations controlled that the weights are worth (Kish): smaller is less sure.
    unsupported_share
        Share of the target's goods that the policy in force hardly ever controls: the value leaves them out.
    """

    outcome: Outcome
    goods: float
    goods_in_force: float
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate | None
    difference: Estimate
    effective_sample_size: float
    unsupported_share: float

    def describe(self) -> str:
        """Return the value as a few lines for a terminal."""
        shown = {"by weighting": self.ips, "self-normalised": self.snips, "doubly robust": self.doubly_robust}
        lines = [f"{self.outcome}, {self.goods:,.0f} goods (in force: {self.goods_in_force:,.0f}):"]
        lines += [f"  {name}: {_told(value)}" for name, value in shown.items() if value is not None]
        lines.append(f"  more than the policy in force: {_told(self.difference)}")
        weight, left = f"{self.effective_sample_size:,.0f}", f"{100 * self.unsupported_share:.2g} %"
        lines.append(f"Worth {weight} controls; {left} of its goods are left out, being hardly ever controlled.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the value as plain JSON values, ``status`` "estimated"."""
        return {"status": "estimated", **asdict(self)}


def policy_value(
    record: ControlRecord, target_probability: str, outcome: Outcome = "violation", predictions: str | None = None
) -> PolicyValue | Refusal:
    """Estimate what a policy that was not in force would have found.

    Parameters
    ----------
    record
        Decided goods with the probabilities that were stored (:meth:`ControlRecord.from_decisions`).
    target_probability
        Column of the record's items: probability of a full control under the target policy, in [0, 1]; see
        :mod:`.targets`.
    outcome
        What is summed.
    predictions
        Column of the record's items: what a model expects a full control to find, 0 or more, in the unit of `outcome`.
        The model must not have learnt from the results of these rows: take one of before the period, or cross-fit.

    Returns
    -------
    PolicyValue or Refusal
        Refused with ``overlap_too_thin`` where the weights are worth fewer than 30 controls, or more than 1 % of the
        target's goods have a logged probability below 0.001; with ``too_few_findings`` for duty on fewer than five
        findings by lot; and as :func:`.compliance.compliance`.

    Raises
    ------
    SchemaError
        A column is missing, or holds something other than such numbers.
    ConfigError
        The target controls nothing.
    LabelError
        `outcome` asks for amounts, and the source has none.

    Examples
    --------
    A lot of 10 % found 2 violations among 100 of 1,000 declarations. A policy would take every other declaration, one
    of the two among them:

    >>> table = pl.DataFrame({"declaration_id": [f"D{n:04}" for n in range(1000)], "item_no": 1, "office_id": "A",
    ...     "regime_code": "40", "would_be_lane": "green", "random_probability": 0.1, "full_control_probability": 0.1,
    ...     "lane": ["red"] * 100 + ["green"] * 900, "cause": ["random"] * 100 + ["none"] * 900,
    ...     "violation": [1, 1] + [0] * 98 + [None] * 900, "target": [1.0, 0.0] * 500})
    >>> value = policy_value(ControlRecord.from_decisions(table), "target")
    >>> value.goods, value.ips.value, round(value.effective_sample_size)
    (500.0, 10.0, 50)
    """
    if (refused := too_little(record)) is not None:
        return refused
    target, share = _target(record, target_probability)
    strata, found = Strata.of(record), _found(record, outcome)
    reach = record.by_declaration(target)
    effective = _effective(strata.inverse * reach)
    if (refused := _too_thin(target, share, effective)) is not None:
        return refused
    if found.blurred and (refused := too_few_findings(record, strata, target * found.of_items)) is not None:
        return refused
    ips = total(record, strata, found, reach=target, weight=strata.inverse)
    snips = total(record, strata, found, reach=target, weight=_normalised(strata, reach))
    robust = None
    if predictions is not None:
        expected = record.by_declaration(target * _numbers(record.items, predictions, np.inf))
        robust = _doubly_robust(strata, record.by_declaration(target * found.of_items), expected, ips)
    beyond = target - record.probability
    return PolicyValue(
        outcome=outcome,
        goods=float(target.sum()),
        goods_in_force=float(record.probability.sum()),
        ips=ips,
        snips=snips,
        doubly_robust=robust,
        # Goods that only one of the two wants, on either side: both sums are of different goods, and independent.
        difference=subtracted(
            total(record, strata, found, reach=np.maximum(beyond, 0.0), weight=strata.inverse),
            total(record, strata, found, reach=np.maximum(-beyond, 0.0), weight=strata.inverse),
        ),
        effective_sample_size=effective,
        unsupported_share=share,
    )


def _target(record: ControlRecord, name: str) -> tuple[Values, float]:
    """Return the target's probabilities where the policy in force reaches, and the share of it that lies elsewhere."""
    given = _numbers(record.items, name, 1.0)
    beyond = float(_numbers(record.left_out, name, 1.0).sum())
    reached = given * (record.probability >= LEAST_PROBABILITY)
    whole = float(given.sum()) + beyond
    if not whole:
        raise ConfigError(f"The target policy of column {name!r} controls nothing: give one that selects some goods.")
    return reached, 1.0 - float(reached.sum()) / whole


def _numbers(items: pl.DataFrame, name: str, most: float) -> Values:
    require_columns(items, [name], "policy_value")
    number = pl.col(name).cast(pl.Float64, strict=False)
    wrong = items.filter(~(number.is_finite() & number.is_between(0.0, most)).fill_null(False))
    expected = "a share in [0, 1]" if most == 1.0 else "a finite number of 0 or more"
    refuse(wrong, "policy_value", f"{name!r} that is not {expected}", "give one for every row")
    return items.select(number).to_series().to_numpy()


def _found(record: ControlRecord, outcome: Outcome) -> Found:
    if outcome == "violation":
        return Found(record.violation)
    if outcome != "recovered_duty_usd":
        raise ConfigError(f"outcome is {outcome!r}; expected 'violation' or 'recovered_duty_usd'.")
    if record.recovered_duty_usd is None:
        raise LabelError("The record has no recovered_duty_usd: value the policy by outcome='violation'.")
    return Found(record.recovered_duty_usd, blurred=True)


def _effective(weight: Values) -> float:
    """Return Kish's effective sample size, ``(sum w)^2 / sum w^2``."""
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def _too_thin(target: Values, unsupported_share: float, effective: float) -> Refusal | None:
    if unsupported_share > MOST_UNSUPPORTED:
        within = float(target.sum())
        needed = within * (1.0 - MOST_UNSUPPORTED) / (1.0 - unsupported_share) if within else 1.0
        return Refusal("overlap_too_thin", int(within), int(np.ceil(needed)), _UNSUPPORTED)
    if effective < LEAST_EFFECTIVE:
        return Refusal("overlap_too_thin", int(effective), LEAST_EFFECTIVE, _THIN)
    return None


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


def _told(estimate: Estimate) -> str:
    return "{:,.1f} ({:,.1f} to {:,.1f})".format(*(estimate.value, estimate.low_95, estimate.high_95))
