"""Outcomes as selectivity left them: hit rates by method and lane, and what is known of what was decided."""

from __future__ import annotations

import polars as pl

from workbench.scorer.schema import KEY, Lane

from .intervals import with_rate
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
