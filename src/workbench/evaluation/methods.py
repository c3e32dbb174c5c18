"""Outcomes as selectivity left them: hit rates by method and lane, and what the random arm says of the rest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.scorer.schema import KEY, Lane

from .intervals import Estimate, wilson_interval, with_rate
from .tables import (
    Coverage,
    group_name,
    ratio,
    refuse,
    require_columns,
    require_labels,
    require_unique_keys,
    with_amounts,
    with_labels,
)

METHOD = "method"
"""Grouping by the part of ``cause`` before the colon: criterion, points, officer, random, model, lot, quarantine,
none."""


def hit_rates(outcomes: pl.DataFrame, by: str = METHOD) -> pl.DataFrame:
    """Compare what controls found, by what had selected the goods or by where they went.

    Parameters
    ----------
    outcomes
        Key, ``violation`` (null where nobody looked), the grouping column, and ``recovered_duty_usd`` where the source
        has revenue. Any arm counts: criteria, officers, model, random.
    by
        ``"method"`` (from ``cause``), or a column such as ``cause``, ``lane`` or ``office_id``.

    Returns
    -------
    polars.DataFrame
        One row a group, the largest number of controls first: the group under the name `by`; ``rows, controls,
        violations``; ``hit_rate`` = violations / controls with Wilson interval ``low_95, high_95`` (larger is better),
        null without a control; ``recovered_duty_usd`` and ``recovered_duty_usd_per_control`` (USD; an amount not
        recorded counts as 0), null where the source has no revenue.

    Raises
    ------
    SchemaError
        A column is missing, a key occurs twice, a violation is not 0, 1 or null, an amount is negative.
    LabelError
        No row was controlled.

    Examples
    --------
    >>> outcomes = pl.DataFrame({"declaration_id": ["A", "B", "C"], "item_no": 1, "violation": [1, 0, None],
    ...                          "cause": ["criterion:C7", "criterion:C9", "none"]})
    >>> hit_rates(outcomes).select("method", "rows", "controls", "hit_rate").rows()
    [('criterion', 2, 2, 0.5), ('none', 1, 0, None)]
    """
    require_columns(outcomes, ["cause" if by == METHOD else by], "hit_rates")
    outcomes = with_amounts(with_labels(outcomes, "hit_rates"), "hit_rates")
    require_labels(Coverage.of(outcomes), "hit_rates", both_classes=False)
    group = _method() if by == METHOD else group_name(by)
    counts = outcomes.group_by(group.alias(by)).agg(*_control_counts(), recovered_duty_usd=_recovered_duty(outcomes))
    rated = with_rate(counts.sort("controls", by, descending=[True, False]), "hit_rate", "violations", "controls")
    return rated.with_columns(recovered_duty_usd_per_control=ratio("recovered_duty_usd", "controls")).select(
        *(by, "rows", "controls", "violations", "hit_rate", "low_95", "high_95"),
        *("recovered_duty_usd", "recovered_duty_usd_per_control"),
    )


def decision_table(decisions: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Set the lanes that were decided against what is known of the goods in them.

    Parameters
    ----------
    decisions
        Key and ``lane``, the lane decided.
    outcomes
        Key and ``violation``; decisions without a row here count as not looked at, and rows without a decision are
        left out.

    Returns
    -------
    polars.DataFrame
        One row for each of the five lanes, the least severe first: ``lane, rows, share`` of all decisions,
        ``labelled, violations``, ``hit_rate`` = violations / labelled, the lane's precision, with Wilson interval
        ``low_95, high_95``, and ``violation_share`` = the lane's share of all known violations, its recall. Larger is
        better in red, smaller in green. Null where the denominator is 0: lanes without an outcome are not an error.

    Raises
    ------
    SchemaError
        A column is missing, a key occurs twice, a lane is not one of the five, a violation is not 0, 1 or null.

    Examples
    --------
    >>> key = {"declaration_id": ["A", "B", "C", "D"], "item_no": 1}
    >>> table = decision_table(pl.DataFrame({**key, "lane": ["red", "red", "green", "green"]}),
    ...                        pl.DataFrame({**key, "violation": [1, 0, 0, None]}))
    >>> table.filter(pl.col("rows") > 0).select("lane", "rows", "labelled", "hit_rate", "violation_share").rows()
    [('green', 2, 1, 0.0, 0.0), ('red', 2, 2, 0.5, 1.0)]
    """
    where = "decision_table"
    lanes = [str(lane) for lane in Lane]
    require_columns(decisions, (*KEY, "lane"), where)
    require_unique_keys(decisions, where)
    decisions = decisions.select(*KEY, pl.col("lane").cast(pl.String))
    unknown = decisions.filter(~pl.col("lane").is_in(lanes).fill_null(False))
    refuse(unknown, where, "a lane that is missing or unknown", f"use one of {', '.join(lanes)}")
    known = with_labels(outcomes, where).select(*KEY, "violation")
    counts = decisions.join(known, on=KEY, how="left").group_by("lane").agg(*_control_counts("labelled"))
    every_lane = pl.DataFrame({"lane": lanes}).join(counts, on="lane", how="left", maintain_order="left")
    shares = [(pl.col(name) / pl.col(name).sum()).fill_nan(None) for name in ("rows", "violations")]
    rated = with_rate(every_lane.fill_null(0), "hit_rate", "violations", "labelled")
    return rated.with_columns(share=shares[0], violation_share=shares[1]).select(
        *("lane", "rows", "share", "labelled", "violations", "hit_rate", "low_95", "high_95", "violation_share")
    )


@dataclass(frozen=True)
class RandomArmEstimate:
    """What the random arm says of all goods that no other method selected.

    Parameters
    ----------
    rows
        All decided rows.
    controls, violations
        Controls by lot with a recorded result, and the violations they found.
    prevalence
        violations / controls with its Wilson interval: rate of violations, in [0, 1], smaller is better.
    uncontrolled
        Rows without a recorded result.
    undetected_violations
        prevalence times `uncontrolled`: violations that nobody found.
    """

    rows: int
    controls: int
    violations: int
    prevalence: Estimate
    uncontrolled: int
    undetected_violations: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as nested plain JSON values, ``status`` "estimated"."""
        return {"status": "estimated", **asdict(self)}


@dataclass(frozen=True)
class Refusal:
    """An estimate that was not made because the data cannot carry it.

    Parameters
    ----------
    code
        Stable name of the reason, for gates and tests.
    found, needed
        Size of what there was, and of what would do.
    advice
        What to do, in a sentence.
    """

    code: str
    found: int
    needed: int
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as plain JSON values, ``status`` "refused"."""
        return {"status": "refused", **asdict(self)}


def random_arm_estimate(outcomes: pl.DataFrame, *, minimum_controls: int = 30) -> RandomArmEstimate | Refusal:
    """Estimate from controls drawn by lot how common violations are, and how many went undetected.

    Only rows whose cause is ``random`` teach: goods chosen by suspicion say nothing of the others. They are taken as a
    simple random sample, with one probability for all, of the goods that nothing else had selected. Rows without a
    recorded result, for whichever reason, count as uncontrolled. The interval covers the sampling of the arm, and not
    that items of one declaration resemble each other.

    Parameters
    ----------
    outcomes
        Key, ``cause`` and ``violation`` (null where nobody looked) of **all** decided rows, controlled or not.
    minimum_controls
        Fewer recorded results of the arm than this are refused: the interval would say next to nothing.

    Returns
    -------
    RandomArmEstimate or Refusal
        A refusal has the code ``random_arm_too_small``; it is a result to show, not an error.

    Raises
    ------
    SchemaError
        A column is missing, a key occurs twice, or a violation is not 0, 1 or null.

    References
    ----------
    Compliance measurement by random controls: WCO Risk Management Guide 4.2; interval after Wilson (1927).

    Examples
    --------
    Two violations in 40 random controls, 1,000 rows that nobody looked at:

    >>> outcomes = pl.DataFrame({"declaration_id": [f"D{i}" for i in range(1040)], "item_no": 1,
    ...                          "cause": ["random"] * 40 + ["none"] * 1000,
    ...                          "violation": [1, 1] + [0] * 38 + [None] * 1000})
    >>> estimate = random_arm_estimate(outcomes)
    >>> estimate.prevalence.value, estimate.undetected_violations.value
    (0.05, 50.0)
    """
    require_columns(outcomes, ["cause"], "random_arm_estimate")
    outcomes = with_labels(outcomes, "random_arm_estimate")
    arm = Coverage.of(outcomes.filter(_method() == "random"))
    if arm.labelled < max(minimum_controls, 1):
        advice = "Raise the share of the random arm, wait for results that are still open, or take a longer period."
        return Refusal("random_arm_too_small", arm.labelled, max(minimum_controls, 1), advice)
    prevalence = wilson_interval(arm.violations, arm.labelled)
    uncontrolled = outcomes["violation"].null_count()
    undetected = prevalence.scaled(uncontrolled)
    return RandomArmEstimate(outcomes.height, arm.labelled, arm.violations, prevalence, uncontrolled, undetected)


def _method() -> pl.Expr:
    return group_name("cause").str.split(":").list.first()


def _control_counts(labelled: str = "controls") -> list[pl.Expr]:
    violation = pl.col("violation")
    return [
        pl.len().cast(pl.Int64).alias("rows"),
        violation.count().cast(pl.Int64).alias(labelled),
        violation.cast(pl.Int64).sum().alias("violations"),
    ]


def _recovered_duty(outcomes: pl.DataFrame) -> pl.Expr:
    """Sum what controls recovered, null when the source has no amount at all: unknown is not zero."""
    amount = pl.col("recovered_duty_usd")
    return amount.sum() if outcomes["recovered_duty_usd"].count() else pl.lit(None, pl.Float64)
