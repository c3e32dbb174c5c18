"""Lift over chance: how much more often a way of selecting goods finds a violation than controls of any goods would."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from workbench.evaluation.intervals import Estimate, wilson_interval
from workbench.evaluation.methods import METHOD
from workbench.evaluation.tables import group_name, require_columns, with_labels
from workbench.scorer.schema import KEY, Lane

from .arrays import Values
from .checks import is_full_control, refuse_lanes


def lifts(outcomes: pl.DataFrame, chance: Estimate, *, by: str = METHOD, random_lane: Lane = Lane.RED) -> pl.DataFrame:
    """Compare what full controls found, by what had selected the goods, with what they would find in any goods.

    Goods under a full control only: a check of documents finds less, whoever chose the goods. A method's hit rate is
    taken as a sample of what it selects, so the interval speaks of the method and not only of this period's goods.

    Parameters
    ----------
    outcomes
        Key, ``lane``, ``violation`` (null where nobody looked) and the grouping column.
    chance
        Violation rate that full controls of all goods would have: `Compliance.violation_rate`.
    by
        ``"method"`` (the part of ``cause`` before the colon), or a column such as ``cause``.
    random_lane
        Lane of the random arm: it, and what is more severe, is a full control.

    Returns
    -------
    polars.DataFrame
        One row a group, the largest number of controls first: the group under the name `by`, ``controls`` and
        ``violations`` (items), ``hit_rate`` with ``hit_rate_low_95`` and ``hit_rate_high_95`` (Wilson, declarations as
        clusters), ``lift`` = hit rate / chance with ``low_95`` and ``high_95``; 1 is no better than chance; null
        where chance is 0.

    Raises
    ------
    SchemaError
        A column is missing, a key occurs twice, or a violation is not 0, 1 or null, a lane is none.

    References
    ----------
    R. G. Newcombe (2016), MOVER-R confidence intervals for ratios and products of two independently estimated
    quantities, Statistical Methods in Medical Research 25, 1774-1778: the ratio as a difference of logarithms, each
    with its own bounds.

    Examples
    --------
    >>> outcomes = pl.DataFrame({"declaration_id": [f"D{n}" for n in range(100)], "item_no": 1, "lane": "red",
    ...                          "cause": "model", "violation": [1] * 20 + [0] * 80})
    >>> row = lifts(outcomes, Estimate(0.02, 0.01, 0.04)).row(0, named=True)
    >>> row["lift"], round(row["low_95"], 1), round(row["high_95"], 1)
    (10.0, 4.5, 21.9)
    """
    require_columns(outcomes, ["lane", "cause" if by == METHOD else by], "lifts")
    refuse_lanes(outcomes, "lifts")
    group = group_name("cause").str.split(":").list.first() if by == METHOD else group_name(by)
    full = is_full_control(random_lane) & pl.col("violation").is_not_null()
    controlled = with_labels(outcomes, "lifts").filter(full).with_columns(group.alias(by))
    clusters = controlled.group_by(by, KEY[0]).agg(items=pl.len(), found=pl.col("violation").cast(pl.Int64).sum())
    rows = [_row(name, rows, chance) for (name,), rows in clusters.sort(by, KEY[0]).group_by(by, maintain_order=True)]
    made = pl.DataFrame(rows, schema=[(by, pl.String), *_TYPES.items()], orient="row")
    return made.sort("controls", by, descending=[True, False])


_TYPES = {"controls": pl.Int64, "violations": pl.Int64} | dict.fromkeys(
    ("hit_rate", "hit_rate_low_95", "hit_rate_high_95", "lift", "low_95", "high_95"), pl.Float64
)


def _row(name: object, clusters: pl.DataFrame, chance: Estimate) -> tuple[Any, ...]:
    items, found = (clusters[column].cast(pl.Float64).to_numpy() for column in ("items", "found"))
    rate = clustered_rate(found, items)
    lift = ratio(rate, chance)
    return (
        name,
        int(items.sum()),
        int(found.sum()),
        *(rate.value, rate.low_95, rate.high_95),
        *(lift.value, lift.low_95, lift.high_95),
    )


def clustered_rate(found: Values, items: Values) -> Estimate:
    """Return violations over items with Wilson's interval at the effective number of items; one element a declaration.

    Items of a declaration resemble each other. The effective number is that of independent items with the variance
    found between declarations, and never more than there are items. Source: Korn and Graubard (1998).
    """
    rate, number = found.sum() / items.sum(), items.sum()
    variance = float(np.sum((found - rate * items) ** 2)) / number**2
    effective = min(rate * (1.0 - rate) / variance, number) if variance > 0 else float(len(items))
    return wilson_interval(rate * effective, effective)


def ratio(one: Estimate, other: Estimate) -> Estimate:
    """Return the ratio of two independent rates, ``None`` throughout where the second is 0.

    Without a lower bound of the second above 0 there is no upper bound.

    >>> ratio(Estimate(0.0, 0.0, 0.1), Estimate(0.01, 0.005, 0.02)).low_95
    0.0
    """
    if one.value is None or not other.value or one.low_95 is None or one.high_95 is None:
        return Estimate(None, None, None)
    value, (low, high) = one.value / other.value, (other.low_95 or 0.0, other.high_95 or 0.0)
    below = np.hypot(_log(one.value, one.low_95), _log(high, other.value))
    # Without any finding there is no logarithm to go up from: chance stays as it was estimated.
    above = np.hypot(_log(one.high_95, one.value), _log(other.value, low)) if one.value else 0.0
    upper = value * np.exp(above) if one.value else one.high_95 / other.value
    return Estimate(value, float(value * np.exp(-below)), float(upper) if np.isfinite(upper) else None)


def _log(larger: float, smaller: float) -> float:
    return float(np.log(larger / smaller)) if smaller > 0 else float("inf")
