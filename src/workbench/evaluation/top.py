"""What the top of a ranking is worth: precision, recall, revenue and lift at a share, and the gain curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from workbench.scorer.errors import ConfigError

from .intervals import Array, bootstrap, defined, wilson_interval
from .ranked import RankedOutcomes

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)
"""Shares of the labelled rows at which selections are judged."""

_METRICS = ("precision", "recall", "revenue", "lift")


def metrics_at(
    table: pl.DataFrame, shares: Sequence[float] = SHARES, *, replicates: int = 200, seed: int = 0
) -> pl.DataFrame:
    r"""Judge the top of a ranking: precision, recall, revenue and lift when a share of the rows is selected.

    With T the labelled rows, S the ``int(|T| * share)`` of them with the largest scores, y the violation (0 or 1) and
    r the recovered duty (USD); larger is better for each:

    ========= ================================ ==================================
    metric    value                            upper bound
    ========= ================================ ==================================
    precision ``sum_S y / |S|``                ``min(sum_T y / |S|, 1)``
    recall    ``sum_S y / sum_T y``            ``min(|S| / sum_T y, 1)``
    revenue   ``sum_S r / sum_T r``            share of the \|S| largest r
    lift      ``precision / (sum_T y / |T|)``  upper bound of precision over the base rate
    ========= ================================ ==================================

    The normalised value is the value over its upper bound, in [0, 1]. All are shares but lift, which is a multiple
    of the base rate. They hold for controlled goods: of goods that nobody looked at nothing is known.

    Parameters
    ----------
    table
        Ranked outcome table, in any order of rows.
    shares
        Shares of the labelled rows to select, each in (0, 1].
    replicates, seed
        Bootstrap over declarations (see :func:`workbench.evaluation.bootstrap`); 0 replicates leave intervals null.
        A precision of 0 or 1 that every resample repeats gets the Wilson interval: certainty is not what it shows.

    Returns
    -------
    polars.DataFrame
        One row for each share and metric: ``share, selected, metric, value, low_95, high_95, upper_bound, normalised,
        rows, labelled, violations``. Null is what is not defined: precision of an empty selection, revenue of a
        source that has none or recovered nothing.

    Raises
    ------
    SchemaError, LabelError
        See :meth:`RankedOutcomes.from_table`.
    ConfigError
        A share is outside (0, 1].

    References
    ----------
    Metrics of the public repository Seondong/Customs-Fraud-Detection; intervals after Efron (1979).

    Examples
    --------
    Four controls, two violations; the better half of the scores holds one of them:

    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> metrics_at(table, [0.5], replicates=0).select("metric", "value", "upper_bound", "normalised").rows()[:2]
    [('precision', 0.5, 1.0, 0.5), ('recall', 0.5, 1.0, 0.5)]
    """
    _require_shares(shares)
    ranked = RankedOutcomes.from_table(table, "metrics_at")
    values = _values_at(ranked, shares, np.ones(ranked.frame.height))
    low, high = bootstrap(
        lambda weights: _values_at(ranked, shares, weights), ranked.declaration, replicates=replicates, seed=seed
    )
    _widen_certainty(values, low, high, [int(ranked.frame.height * share) for share in shares])
    bounds = _upper_bounds(ranked, shares)
    rows = [
        {
            "share": share,
            "selected": int(ranked.frame.height * share),
            "metric": metric,
            "value": defined(values[i, j]),
            "low_95": defined(low[i, j]),
            "high_95": defined(high[i, j]),
            "upper_bound": defined(bounds[i, j]),
            "normalised": defined(_divide(values[i, j], bounds[i, j]).clip(max=1)),
        }
        for i, share in enumerate(shares)
        for j, metric in enumerate(_METRICS)
    ]
    optional = dict.fromkeys(("value", "low_95", "high_95", "upper_bound", "normalised"), pl.Float64)
    return pl.DataFrame(rows, schema_overrides=optional).with_columns(**_counts(ranked))


def cumulative_gain(table: pl.DataFrame, points: int = 100) -> pl.DataFrame:
    """Trace the share of violations (and of recovered duty) found against the share of rows selected.

    Parameters
    ----------
    table
        Ranked outcome table.
    points
        Number of equal steps from 0 to 1.

    Returns
    -------
    polars.DataFrame
        `points` + 1 rows ``share, violation_share, revenue_share`` (null without revenue), with ``rows, labelled,
        violations``. Larger is better; chance gives the diagonal. Shares between two rows are interpolated.

    Examples
    --------
    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> cumulative_gain(table, points=4)["violation_share"].to_list()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    if points < 1:
        raise ConfigError(f"points is {points}; a curve needs 1 step or more. Typical: 100.")
    return _gain_at(RankedOutcomes.from_table(table, "cumulative_gain"), np.linspace(0, 1, points + 1))


def violations_in_top(table: pl.DataFrame, shares: Sequence[float] = (0.1, 0.2, 0.3)) -> pl.DataFrame:
    """Return the share of violations (and of recovered duty) in the top shares of scores; columns as the gain's.

    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> violations_in_top(table, [0.25])["violation_share"].item()
    0.5
    """
    _require_shares(shares)
    return _gain_at(RankedOutcomes.from_table(table, "violations_in_top"), np.asarray(shares, dtype=float))


def _gain_at(ranked: RankedOutcomes, shares: Array) -> pl.DataFrame:
    position = ranked.cumulative(np.ones(ranked.frame.height))

    def share_of(amount: Array | None) -> Array | None:
        if amount is None or not amount.sum():
            return None
        total = ranked.cumulative(amount)
        return np.asarray(np.interp(shares * ranked.frame.height, position, total) / total[-1])

    curve = {"share": shares, "violation_share": share_of(ranked.violation)}
    revenue = pl.lit(None, pl.Float64) if (gain := share_of(ranked.revenue_usd)) is None else pl.Series(gain)
    return pl.DataFrame(curve).with_columns(revenue_share=revenue, **_counts(ranked))


def _values_at(ranked: RankedOutcomes, shares: Sequence[float], weights: Array) -> Array:
    """Return precision, recall, revenue, lift (columns) at each share (rows) of the weighted rows."""
    position = ranked.cumulative(weights)
    selected = np.floor(position[-1] * np.asarray(shares, dtype=float))
    found, total = _top_sum(ranked, position, selected, weights * ranked.violation)
    precision = _divide(found, selected)
    revenue = np.full_like(precision, np.nan)
    if ranked.revenue_usd is not None:
        revenue = _divide(*_top_sum(ranked, position, selected, weights * ranked.revenue_usd))
    lift = _divide(precision, total / position[-1])
    return np.column_stack([precision, _divide(found, total), revenue, lift])


def _widen_certainty(values: Array, low: Array, high: Array, selected: Sequence[int]) -> None:
    """Put Wilson bounds in place of bootstrap bounds of zero width around a precision of 0 or 1."""
    at = _METRICS.index("precision")
    for i, controls in enumerate(selected):
        if values[i, at] in (0, 1) and low[i, at] == high[i, at]:
            interval = wilson_interval(values[i, at] * controls, controls)
            low[i, at], high[i, at] = interval.low_95, interval.high_95


def _top_sum(ranked: RankedOutcomes, position: Array, selected: Array, amount: Array) -> tuple[Array, np.float64]:
    """Sum `amount` over the top rows; within a tied block linearly: the expectation over random orders."""
    cumulative = ranked.cumulative(amount)
    return np.asarray(np.interp(selected, position, cumulative)), cumulative[-1]


def _upper_bounds(ranked: RankedOutcomes, shares: Sequence[float]) -> Array:
    rows, violations = ranked.frame.height, ranked.coverage.violations
    selected = np.floor(rows * np.asarray(shares, dtype=float))
    precision = np.minimum(_divide(violations, selected), 1)
    recall = np.minimum(selected / violations, 1)
    revenue = np.full_like(precision, np.nan)
    if ranked.revenue_usd is not None:
        largest = np.concatenate([[0.0], np.cumsum(np.sort(ranked.revenue_usd)[::-1])])
        revenue = _divide(largest[selected.astype(int)], largest[-1])
    return np.column_stack([precision, recall, revenue, precision * rows / violations])


def _divide(numerator: Array | float, denominator: Array | float) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient = np.asarray(numerator, dtype=float) / np.asarray(denominator, dtype=float)
    return np.where(np.isfinite(quotient), quotient, np.nan)


def _require_shares(shares: Sequence[float]) -> None:
    wrong = [share for share in shares if not 0 < share <= 1]
    if wrong or not len(shares):
        raise ConfigError(f"shares are {list(shares)}; each must be above 0 and at most 1, such as 0.05 for 5 %.")


def _counts(ranked: RankedOutcomes) -> dict[str, pl.Expr]:
    return {name: pl.lit(count, pl.Int64) for name, count in ranked.coverage.to_dict().items()}
