"""What a week's choice found, and the most that any choice of its size could have found.

Formulas of the field (Kim et al. 2020, KDD, "DATE"; Kim et al. 2022, TKDE, arXiv 2010.14282). With S the goods chosen,
T the goods of the week, y the violation and r the duty recovered, over goods whose truth is known:

- precision = sum_S y / size of S, recall = sum_S y / sum_T y, revenue = sum_S r / sum_T r;
- upper bounds: precision min(sum_T y / size of S, 1), recall min(size of S / sum_T y, 1), revenue the share of the
  largest r, as many as S has;
- normalised = value / upper bound.

What is divided by nothing is null: precision where nothing was controlled, recall where there was no violation,
revenue where the source has none. Larger is better in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .policy import Counts, Flags, Values

_WHOLE, _SHARE, _MONEY = pl.Int64(), pl.Float64(), pl.Float64()

WEEK_COLUMNS: dict[str, pl.DataType] = {
    "week": _WHOLE,
    "week_start": pl.Datetime("us"),
    "policy": pl.String(),
    "replication": _WHOLE,
    "goods": _WHOLE,
    "goods_unknown": _WHOLE,
    "seats": _WHOLE,
    "controls": _WHOLE,
    "controls_unknown": _WHOLE,
    "labels_known": _WHOLE,
    "violations_found": _WHOLE,
    "violations": _WHOLE,
    "duty_found_usd": _MONEY,
    "duty_usd": _MONEY,
    "precision": _SHARE,
    "recall": _SHARE,
    "revenue": _SHARE,
    "upper_precision": _SHARE,
    "upper_recall": _SHARE,
    "upper_revenue": _SHARE,
    "normalised_precision": _SHARE,
    "normalised_recall": _SHARE,
    "normalised_revenue": _SHARE,
}
"""Columns of the table of weeks, one row a week, policy and replication; `told:*` columns (Float64) follow.

``goods_unknown`` and ``controls_unknown`` count those whose truth the source does not know: they use up seats, and no
share counts them. ``labels_known`` is how many labels had been recorded when the week began.
"""

ARM_COLUMNS: dict[str, pl.DataType] = {
    "week": _WHOLE,
    "policy": pl.String(),
    "replication": _WHOLE,
    "arm": pl.String(),
    "controls": _WHOLE,
    "controls_unknown": _WHOLE,
    "violations_found": _WHOLE,
    "duty_found_usd": _MONEY,
}
"""Columns of the table of arms, one row a week, policy, replication and arm that chose anything."""

TOLD = "told:"
"""Prefix of the columns that hold what a policy told of a week."""


def week_found(truth: pl.DataFrame, places: Counts) -> dict[str, Any]:
    """Return what the choice of `places` found in a week, and the most that as many controls could have found.

    Parameters
    ----------
    truth
        ``violation`` (0, 1, null where the source does not know) and ``recovered_duty_usd`` (null where it has no
        revenue) of all the week's goods.
    places
        Rows chosen, each once; none in a week without seats.

    Returns
    -------
    dict
        The columns of :data:`WEEK_COLUMNS` that follow from the two: counts, duty in USD, shares in [0, 1] or null.

    Examples
    --------
    >>> truth = pl.DataFrame({"violation": [1, 1, 0, 0], "recovered_duty_usd": [10.0, 30.0, 0.0, 0.0]})
    >>> found = week_found(truth, np.array([0, 2]))
    >>> [found[name] for name in ("precision", "recall", "revenue", "upper_revenue")]
    [0.5, 0.5, 0.25, 1.0]
    """
    known = truth["violation"].is_not_null().to_numpy()
    chosen = np.zeros(truth.height, dtype=bool)
    chosen[places] = True
    judged = _Judged.of(truth.filter(known), chosen[known])
    counts = {
        "goods": truth.height,
        "goods_unknown": int((~known).sum()),
        "controls": len(places),
        "controls_unknown": int((chosen & ~known).sum()),
    }
    return counts | judged.totals() | judged.shares()


def arms_found(truth: pl.DataFrame, places: Counts, arms: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row an arm that chose anything, by name: its controls, and what they found.

    >>> truth = pl.DataFrame({"violation": [1, 0], "recovered_duty_usd": [None, None]})
    >>> [(row["arm"], row["violations_found"]) for row in arms_found(truth, np.array([0, 1]), ["model", "random"])]
    [('model', 1), ('random', 0)]
    """
    amount = pl.col("recovered_duty_usd").cast(pl.Float64)
    chosen = truth[places].select("violation", amount).with_columns(arm=pl.Series(arms, dtype=pl.String))
    found = chosen.group_by("arm").agg(
        controls=pl.len().cast(pl.Int64),
        controls_unknown=pl.col("violation").null_count().cast(pl.Int64),
        violations_found=pl.col("violation").sum().cast(pl.Int64),
        duty_found_usd=pl.when(amount.count() > 0).then(amount.sum()),
    )
    return found.sort("arm").to_dicts()


def with_cumulative(weeks: pl.DataFrame) -> pl.DataFrame:
    """Add what each policy and replication had found from its first week up to each week.

    Parameters
    ----------
    weeks
        The table of weeks of any number of policies and replications.

    Returns
    -------
    polars.DataFrame
        The same rows by policy, replication and week, with ``cumulative_controls``, ``cumulative_violations_found``,
        ``cumulative_violations``, ``cumulative_precision``, ``cumulative_recall``, ``cumulative_revenue`` (ratios of
        sums) and ``mean_precision`` (mean of the weeks' precisions so far). Null where nothing was there to divide by.
    """
    ordered = weeks.sort("policy", "replication", "week")
    judged = (pl.col("controls") - pl.col("controls_unknown")).cum_sum()
    found, there = pl.col("violations_found").cum_sum(), pl.col("violations").cum_sum()
    duty_found, duty = (pl.col(name).fill_null(0.0).cum_sum() for name in ("duty_found_usd", "duty_usd"))
    measured = pl.col("precision").is_not_null().cum_sum()
    columns = {
        "cumulative_controls": pl.col("controls").cum_sum(),
        "cumulative_violations_found": found,
        "cumulative_violations": there,
        "cumulative_precision": _ratio(found, judged),
        "cumulative_recall": _ratio(found, there),
        "cumulative_revenue": _ratio(duty_found, duty),
        "mean_precision": _ratio(pl.col("precision").fill_null(0.0).cum_sum(), measured),
    }
    return ordered.with_columns(**{name: one.over("policy", "replication") for name, one in columns.items()})


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


@dataclass(frozen=True)
class _Judged:
    """The goods of a week whose truth is known: violation, duty (nothing without revenue) and whether chosen."""

    y: Values
    duty: Values | None
    chosen: Flags

    @classmethod
    def of(cls, truth: pl.DataFrame, chosen: Flags) -> _Judged:
        amounts = truth["recovered_duty_usd"].cast(pl.Float64)
        has_revenue = amounts.null_count() < truth.height
        duty = amounts.fill_null(0.0).to_numpy() if has_revenue else None
        return cls(truth["violation"].cast(pl.Float64).to_numpy(), duty, chosen)

    def totals(self) -> dict[str, float | None]:
        found, there = int(self.y[self.chosen].sum()), int(self.y.sum())
        money: tuple[float | None, float | None] = (None, None)
        if self.duty is not None:
            money = float(self.duty[self.chosen].sum()), float(self.duty.sum())
        names = ("violations_found", "violations", "duty_found_usd", "duty_usd")
        return dict(zip(names, (found, there, *money), strict=True))

    def shares(self) -> dict[str, float | None]:
        """Return value, upper bound and normalised value of precision, recall and revenue."""
        controls, found, there = int(self.chosen.sum()), float(self.y[self.chosen].sum()), float(self.y.sum())
        values = {
            "precision": (_share(found, controls), _share(min(there, controls), controls)),
            "recall": (_share(found, there), _share(min(there, controls), there)),
            "revenue": self._revenue(controls),
        }
        plain = {name: value for name, (value, _) in values.items()}
        upper = {f"upper_{name}": bound for name, (_, bound) in values.items()}
        normalised = {f"normalised_{name}": _share(*pair) for name, pair in values.items()}
        return plain | upper | normalised

    def _revenue(self, controls: int) -> tuple[float | None, float | None]:
        if self.duty is None:
            return None, None
        total = float(self.duty.sum())
        largest = np.sort(self.duty)[::-1][:controls]
        return _share(float(self.duty[self.chosen].sum()), total), _share(float(largest.sum()), total)


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
