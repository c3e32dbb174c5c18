"""What a simulation says in numbers, as plain JSON: pages and terminals only write it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from workbench.evaluation import Estimate

from .compared import METRICS, WHOLE, Compared
from .curves import after_changes, arms_in_all, curves
from .uncertainty import FEWEST_WEEKS, block_weeks

QUARTER_WEEKS = 13
"""How many weeks the first and the last part have, where the simulation is twice as long; else half of it."""

Summary = dict[str, Any]


def summarise(compared: Compared, runs: pl.DataFrame, events: Sequence[Mapping[str, Any]]) -> Summary:
    """Return all that the tables say, the best policy first.

    A policy's ``whole``, ``first`` and ``last`` are means of the weeks, as published simulations report them;
    ``totals`` has the same three parts as ratios of the sums over their weeks, which rank and which pages show.

    Parameters
    ----------
    compared
        The tables.
    runs
        One row a policy and replication: ``policy``, ``replication``, ``seconds`` it took.
    events
        What changed in the world: ``week`` and ``what``.
    """
    return {
        **_world(compared.weeks.filter(pl.col("policy") == compared.ranked[0])),
        "reacts": compared.reacts,
        "headline": compared.headline,
        "fewest_weeks": FEWEST_WEEKS,
        "block_weeks": block_weeks(compared.size[1]),
        "reference": compared.reference,
        "bounds": {metric: compared.total(compared.ranked[0], f"upper_{metric}").value for metric in METRICS},
        "policies": [_policy(compared, policy, runs) for policy in compared.ranked],
        "arms": arms_in_all(compared),
        "curves": curves(compared),
        "changes": after_changes(compared, events),
    }


def _world(weeks: pl.DataFrame) -> Summary:
    """Say what was simulated; goods and violations are those of a single replication, the first."""
    first = weeks.filter(pl.col("replication") == pl.col("replication").min())
    totals = first.select(pl.col("goods", "goods_unknown", "violations", "controls").sum()).row(0, named=True)
    known = totals["goods"] - totals["goods_unknown"]
    start, last = first["week_start"].sort()[0], first["week_start"].sort()[-1]
    return {
        "weeks": first.height,
        "replications": weeks["replication"].n_unique(),
        "first_day": str(start.date()),
        "last_day": str((last + timedelta(days=6)).date()),
        **totals,
        "base_rate": totals["violations"] / known if known else None,
        "has_revenue": weeks["duty_usd"].null_count() < weeks.height,
    }


def _policy(compared: Compared, policy: str, runs: pl.DataFrame) -> Summary:
    part, weeks = min(QUARTER_WEEKS, compared.size[1] // 2), compared.size[1]
    parts = {"whole": WHOLE, "first": slice(0, part), "last": slice(weeks - part, None)}
    return {
        "policy": policy,
        "exploration_share": compared.exploration.get(policy, 0.0),
        "part_weeks": part,
        **{name: _part(compared, compared.mean, policy, weeks) for name, weeks in parts.items()},
        "totals": {name: _part(compared, compared.total, policy, weeks) for name, weeks in parts.items()},
        "in_all": _in_all(compared.weeks.filter(pl.col("policy") == policy)),
        "seconds": runs.filter(pl.col("policy") == policy)["seconds"].mean(),
    }


def _part(compared: Compared, figure: Callable[..., Estimate], policy: str, part: slice) -> Summary:
    """Return a policy's figures of some weeks, and how they compare with the best and with the reference."""
    columns = [name for metric in METRICS for name in (metric, f"normalised_{metric}")]
    against = {"best": compared.ranked[0], "reference": compared.reference}
    return {
        **{name: figure(policy, name, part).to_dict() for name in columns},
        **{
            f"less_{name}": {metric: figure(policy, metric, part, less=other).to_dict() for metric in METRICS}
            for name, other in against.items()
            if other is not None and other != policy
        },
    }


def _in_all(weeks: pl.DataFrame) -> Summary:
    """Return sums over weeks, means of the replications."""
    replications = weeks["replication"].n_unique()
    names = ("controls", "controls_unknown", "violations_found", "violations", "duty_found_usd", "duty_usd")
    sums: dict[str, Any] = {
        name: None if weeks[name].null_count() == weeks.height else weeks[name].sum() for name in names
    }
    return {name: None if total is None else total / replications for name, total in sums.items()}
