"""What a simulation says week by week: curves of each policy, what its arms found, and what followed a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from workbench.evaluation import wilson_interval

from .compared import METRICS, Compared
from .metrics import with_cumulative

Row = dict[str, Any]

_WEEKS_BEFORE = 13
_CUMULATIVE = [f"cumulative_{metric}" for metric in METRICS]


def curves(compared: Compared) -> Row:
    """Return the weeks, and for each policy a value a week of each curve, the mean of its replications.

    Cumulative curves are ratios of sums from the first week on; the smoothed ones and ``exploration_share`` are ratios
    of sums over the last :func:`window_weeks` weeks. Null where there was nothing to divide by.
    """
    window = window_weeks(compared.size[1])
    table = _with_curves(compared, window)
    names = [*_CUMULATIVE, "smoothed_precision", "smoothed_recall", "exploration_share"]
    bounds = ["bound_precision", "bound_recall", "bound_revenue"]
    by_week = table.group_by("week", maintain_order=True).agg(pl.col("week_start").first(), pl.col(bounds).mean())
    own = table.group_by("policy", "week", maintain_order=True).agg(pl.col(names).mean())
    return {
        "window_weeks": window,
        "week": by_week["week"].to_list(),
        "week_start": by_week["week_start"].dt.strftime("%Y-%m-%d").to_list(),
        **{name: by_week[name].to_list() for name in bounds},
        "policies": {
            policy: own.filter(policy=policy).select(names).to_dict(as_series=False) for policy in compared.ranked
        },
    }


def window_weeks(weeks: int) -> int:
    """Return over how many weeks curves are smoothed.

    >>> window_weeks(8), window_weeks(61), window_weeks(500)
    (1, 4, 13)
    """
    return min(max(1, weeks // 13), 13)


def arms_in_all(compared: Compared) -> list[Row]:
    """Return what each arm of each policy found in all weeks, the mean of its replications, with its hit rate.

    The Wilson interval is that of one replication: replications visit the same goods again.
    """
    counts = compared.choices.group_by("policy", "arm", "explores").agg(
        pl.col("controls", "controls_unknown", "violations_found", "duty_found_usd").sum(),
        has_revenue=pl.col("duty_found_usd").is_not_null().any(),
    )
    replications = compared.size[0]
    order = {policy: place for place, policy in enumerate(compared.ranked)}
    rows = sorted(counts.to_dicts(), key=lambda row: (order[row["policy"]], -row["controls"], row["arm"]))
    return [_arm(row, replications) for row in rows]


def _arm(row: Row, replications: int) -> Row:
    names = ("controls", "controls_unknown", "violations_found", "duty_found_usd")
    mean = {name: row[name] / replications for name in names}
    rate = wilson_interval(mean["violations_found"], mean["controls"] - mean["controls_unknown"])
    return {
        **{name: row[name] for name in ("policy", "arm", "explores")},
        **mean,
        "duty_found_usd": mean["duty_found_usd"] if row["has_revenue"] else None,
        "hit_rate": rate.to_dict(),
    }


def after_changes(compared: Compared, events: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return each change of the world, with every policy's recall in the weeks before and from then on.

    Parameters
    ----------
    compared
        The weeks.
    events
        ``week`` and ``what`` of each change, in any order. Those that nothing was simulated before or after are left
        out.

    Returns
    -------
    list of dict
        Changes in order of time: ``week``, ``what``, ``until`` (the week of the next change or the end), and
        ``policies`` with ``policy``, ``before`` (up to 13 weeks) and ``after``, ratios of sums with intervals.
    """
    return [_change(compared, *spans) for spans in _spans(events, compared.size[1])]


def _spans(events: Sequence[Mapping[str, Any]], weeks: int) -> Iterator[tuple[int, int, str]]:
    names: dict[int, list[str]] = {}
    for event in events:
        names.setdefault(int(event["week"]), []).append(str(event["what"]))
    inside = sorted(week for week in names if 0 < week < weeks)
    for week, end in pairwise([*inside, weeks]):
        yield week, end, "; ".join(names[week])


def _change(compared: Compared, week: int, until: int, what: str) -> Row:
    before, after = slice(max(0, week - _WEEKS_BEFORE), week), slice(week, until)
    found = [
        {
            "policy": policy,
            "before": compared.total(policy, "recall", before).to_dict(),
            "after": compared.total(policy, "recall", after).to_dict(),
        }
        for policy in compared.ranked
    ]
    return {"week": week, "until": until, "what": what, "policies": found}


def _with_curves(compared: Compared, window: int) -> pl.DataFrame:
    run = ("policy", "replication")
    judged = pl.col("controls") - pl.col("controls_unknown")
    explored = _explored(compared.choices)
    table = with_cumulative(compared.weeks).join(explored, on=[*run, "week"], how="left", maintain_order="left")
    chosen = pl.col("explored").fill_null(0)
    added = {
        "smoothed_precision": _rolling(pl.col("violations_found"), judged, window),
        "smoothed_recall": _rolling(pl.col("violations_found"), pl.col("violations"), window),
        "exploration_share": _rolling(chosen, pl.col("controls"), window),
        "bound_precision": _ratio((pl.col("upper_precision") * judged).cum_sum(), judged.cum_sum()),
        "bound_recall": _weighted("upper_recall", "violations"),
        "bound_revenue": _weighted("upper_revenue", "duty_usd"),
    }
    return table.with_columns(**{name: one.over(run, order_by="week") for name, one in added.items()}).sort("week")


def _explored(choices: pl.DataFrame) -> pl.DataFrame:
    explored = pl.col("controls").filter("explores").sum()
    return choices.group_by("policy", "replication", "week").agg(explored=explored)


def _rolling(part: pl.Expr, whole: pl.Expr, window: int) -> pl.Expr:
    sums = (one.cast(pl.Float64).rolling_sum(window, min_samples=1) for one in (part, whole))
    return _ratio(*sums)


def _weighted(share: str, whole: str) -> pl.Expr:
    """Return the cumulative share: a week counts as much as it had to find."""
    total = pl.col(whole).cast(pl.Float64).fill_null(0.0)
    return _ratio((pl.col(share).fill_null(0.0) * total).cum_sum(), total.cum_sum())


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
