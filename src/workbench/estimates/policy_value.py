"""Value of a policy that was not in force: what it would have found, from the controls that were done.

The probabilities are those that the decisions stored, so they are right by design; the predictions only have to be made
without the rows' own results: by a model of before, or cross-fitted. The estimators are those of :mod:`.weighting`.

References
----------
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
from workbench.model import effective_size

from .arrays import Values
from .checks import MOST_USD
from .intervals import less_known
from .nonresponse import priced_readings, readings, spanned
from .record import ControlRecord
from .strata import Strata
from .totals import Found, Reach, beyond_belief, too_few_amounts, too_few_findings, too_little
from .weighting import weighted

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
        Items that were controlled fully: known, not estimated.
    ips, snips
        The value by weighting, see the module's text.
    doubly_robust
        The value with predictions; ``None`` where none were given, or the random arm found nothing of the target's.
    difference
        Value of the target by weighting less what the full controls of the same goods did find, which is known.
    missing
        Declarations drawn for a full control without a complete result of one: all intervals hold whatever these would
        have shown (see :mod:`.nonresponse`).
    effective_sample_size
        Declarations controlled that the weights are worth (Kish), or were to be worth on average where that is less:
        smaller is less sure.
    unsupported_share
        Share of the target's goods that the policy in force hardly ever controls: the value leaves them out.
    """

    outcome: Outcome
    goods: float
    goods_in_force: int
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate | None
    difference: Estimate
    missing: int
    effective_sample_size: float
    unsupported_share: float

    def describe(self) -> str:
        """Return the value as a few lines for a terminal."""
        shown = {"by weighting": self.ips, "self-normalised": self.snips, "doubly robust": self.doubly_robust}
        lines = [f"{self.outcome}, {self.goods:,.0f} goods (in force: {self.goods_in_force:,.0f}):"]
        lines += [f"  {name}: {_told(value)}" for name, value in shown.items() if value is not None]
        lines.append(f"  more than was found: {_told(self.difference)}")
        if self.missing:
            lines.append(f"Intervals hold whatever the {self.missing:,} missing results would have shown.")
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
        Decided goods, with stored probabilities or of a history.
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
        target's goods have a logged probability below 0.001; for duty with ``too_few_findings`` on fewer than five
        findings of the random arm and with ``amounts_missing`` where more than a fifth of the violations that full
        controls found have none; and as :func:`.compliance.compliance`.

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
    A random arm of 10 % found 2 violations among 100 of 1,000 declarations. A policy would take every other
    declaration, one of the two among them:

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
    expected = None if predictions is None else target.of_items * _numbers(record.items, predictions, MOST_USD)
    strata, amounts = Strata.of(record), outcome == "recovered_duty_usd"
    offered = _offered(target.of_declarations, record.declarations["probability"].to_numpy())
    effective = min(effective_size(strata.inverse * target.of_declarations), offered)
    if (refused := _too_thin(target, share, effective)) is not None:
        return refused
    if amounts and (refused := _too_few(record, strata, target)) is not None:
        return refused
    read = priced_readings(record, readings(record)) if amounts else readings(record)
    found, in_force = [_found(one, outcome) for one in read], record.items["is_full_control"].to_numpy()
    values = [weighted(one, what, target, expected) for one, what in zip(read, found, strict=True)]
    robust = [one.doubly_robust for one in values if one.doubly_robust is not None]
    more = (less_known(one.ips, float(what.of_items[in_force].sum())) for one, what in zip(values, found, strict=True))
    return PolicyValue(
        outcome=outcome,
        goods=float(target.of_items.sum()),
        goods_in_force=int(in_force.sum()),
        ips=spanned([one.ips for one in values]),
        snips=spanned([one.snips for one in values]),
        doubly_robust=spanned(robust) if values[0].doubly_robust is not None else None,
        difference=spanned(list(more)),
        missing=int(record.is_missing.sum()),
        effective_sample_size=effective,
        unsupported_share=share,
    )


def _too_few(record: ControlRecord, strata: Strata, target: Reach) -> Refusal | None:
    found = target.of_items * _found(record, "recovered_duty_usd").of_items
    return beyond_belief(record) or too_few_findings(record, strata, found) or too_few_amounts(record)


def _target(record: ControlRecord, name: str) -> tuple[Reach, float]:
    """Return the target's probabilities where the policy in force reaches, and the share of it that lies elsewhere."""
    given = _numbers(record.items, name, 1.0)
    beyond = float(_numbers(record.left_out, name, 1.0).sum())
    reached = given * (record.probability >= LEAST_PROBABILITY)
    whole = float(given.sum()) + beyond
    if not whole:
        raise ConfigError(f"The target policy of column {name!r} controls nothing: give one that selects some goods.")
    return Reach.of(record, reached), 1.0 - float(reached.sum()) / whole


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


def _offered(reach: Values, probability: Values) -> float:
    """Return the effective sample size to be expected of such draws, ``(sum r)^2 / sum r^2 / p``.

    Where no control fell among the few goods that a policy is all about, those drawn beside them look well weighed.
    """
    reached = reach > 0
    squares = float(np.sum(reach[reached] ** 2 / probability[reached]))
    return float(reach.sum()) ** 2 / squares if squares else 0.0


def _too_thin(target: Reach, unsupported_share: float, effective: float) -> Refusal | None:
    if unsupported_share > MOST_UNSUPPORTED:
        within = float(target.of_items.sum())
        needed = within * (1.0 - MOST_UNSUPPORTED) / (1.0 - unsupported_share) if within else 1.0
        return Refusal("overlap_too_thin", int(within), int(np.ceil(needed)), _UNSUPPORTED)
    if effective < LEAST_EFFECTIVE:
        return Refusal("overlap_too_thin", int(effective), LEAST_EFFECTIVE, _THIN)
    return None


def _told(estimate: Estimate) -> str:
    return "{:,.1f} ({:,.1f} to {:,.1f})".format(*(estimate.value, estimate.low_95, estimate.high_95))
