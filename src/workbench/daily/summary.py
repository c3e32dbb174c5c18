"""What a day came to, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import polars as pl

from workbench.daily.deciding import DecidedDay
from workbench.daily.incoming import Arrived
from workbench.daily.reading import counted
from workbench.daily.register import DRAWN
from workbench.random_arm.words import number_of
from workbench.scorer.schema import Lane
from workbench.timeline import before

_NOTE = "The capacity is that of the day of decision: a declaration that came late counts among this day's."


def day_summary(day: date, arrived: Arrived, decided: DecidedDay, bundle: str, trial: str) -> dict[str, Any]:
    """Return what a day came to, as JSON.

    Parameters
    ----------
    day
        The day.
    arrived, decided
        Its rows and what was decided of them.
    bundle
        Version of the bundle in force.
    trial
        Name of the trial that the day's key was committed to for; empty for a real day.
    """
    table, waiting = decided.decisions, sum(arrived.waiting.values())
    return {
        "day": day.isoformat(),
        "bundle": bundle,
        "trial": trial,
        "rows": {"decided": table.height, "set_aside": arrived.set_aside.height, "waiting": waiting},
        "lanes": by_lane(table),
        "arms": by_cause(table),
        "random_arm": _arm(table),
        "late": _late(table, day),
        "quarantined": counted(decided.quarantine["code"]),
        "set_aside": counted(arrived.set_aside["code"]),
        "waiting": arrived.waiting,
        "waiting_until": arrived.waiting_until,
        "same_files": arrived.same_files,
        "unreadable": arrived.unreadable,
        "not_evaluable": decided.not_evaluable,
        "note": _NOTE,
    }


def by_lane(decisions: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return items and declarations by lane, every lane named."""
    found = {lane: (items, count) for lane, items, count in _counts(decisions, pl.col("lane").cast(pl.String))}
    return {str(lane): dict(zip(("items", "declarations"), found.get(lane, (0, 0)), strict=True)) for lane in Lane}


def by_cause(decisions: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return items and declarations by the arm that gave the lane: criterion, points, model, lot, random, officer."""
    arm = pl.col("cause").str.split(":").list.first()
    return {name: {"items": items, "declarations": count} for name, items, count in _counts(decisions, arm)}


def _counts(decisions: pl.DataFrame, by: pl.Expr) -> list[tuple[str, int, int]]:
    grouped = decisions.group_by(by.alias("by")).agg(items=pl.len(), declarations=pl.col("declaration_id").n_unique())
    return grouped.sort("by").rows()


def _arm(decisions: pl.DataFrame) -> dict[str, int]:
    once = decisions.filter(pl.col("would_be_lane").is_not_null()).unique("declaration_id")
    drawn = once.filter(DRAWN)
    strata = once.filter(pl.col("random_probability") > 0)["random_stratum"].n_unique()
    return {"declarations": once.height, "drawn": drawn.height, "strata": strata}


def _late(decisions: pl.DataFrame, day: date) -> dict[str, Any]:
    late = before(decisions, datetime.combine(day, time.min))
    first = late["lodged_at"].dt.date().min()
    return {"declarations": late["declaration_id"].n_unique(), "since": None if first is None else str(first)}


def told(summary: Mapping[str, Any]) -> str:
    """Return a day's summary as a few lines for people."""
    rows, late, arm = summary["rows"], summary["late"], summary["random_arm"]
    lanes = ", ".join(f"{lane} {count['declarations']:,}" for lane, count in summary["lanes"].items())
    lines = [
        f"{summary['day']}: {number_of(rows['decided'], 'row')} decided with bundle {summary['bundle']}. "
        f"Declarations: {lanes}.",
        f"Random arm: {arm['drawn']:,} of {number_of(arm['declarations'], 'declaration')} drawn.",
    ]
    if summary["trial"]:
        lines.append(f"Trial {summary['trial']!r}: proves nothing, its key may have been chosen after the day.")
    if late["declarations"]:
        came = number_of(late["declarations"], "declaration")
        lines.append(f"Late: {came} lodged since {late['since']}. {summary['note']}")
    for name in ("quarantined", "set_aside", "not_evaluable"):
        if summary[name]:
            listed = ", ".join(f"{code} {count:,}" for code, count in summary[name].items())
            lines.append(f"{name.replace('_', ' ').capitalize()}: {listed}.")
    for name, origin in summary["same_files"].items():
        lines.append(f"Set aside as same_file: {name} is, to the byte, {origin}.")
    if rows["waiting"]:
        files, until, wait = ", ".join(summary["waiting"]), summary["waiting_until"], number_of(rows["waiting"], "row")
        lines.append(f"Waiting for later days: {wait}, the last until {until}, in {files}.")
    return "\n".join(lines)
