"""Tables of a simulation: all policies, their first and last weeks, what exploration cost, what each arm found."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.reports.page import Details, Table
from workbench.reports.sections.cells import Row, Spec, estimate, laid_out, table
from workbench.reports.sections.simulation_words import is_above, is_below, measure, points, whole

_ARM_ROWS = 12


def league(found: Row) -> Table:
    """Return every policy with its figures and intervals, the best first."""
    headline = found["headline"]
    columns: dict[str, Spec] = {"policy": ("Policy", "text")}
    for metric, label in _metrics(found):
        columns |= {metric: (label, "share", 1), f"normalised_{metric}": ("Normalised", "share", 1)}
        columns.setdefault("behind", ("Behind the best", "number", 1))
    rows = [_league_row(row, headline) for row in found["policies"]]
    under = [f"normalised_{metric}" for metric, _ in _metrics(found)]
    # With three metrics the bars would push the last column off the screen.
    bars = () if found["has_revenue"] else (headline,)
    return laid_out(table("All policies, all weeks together", rows, **columns), under=under, bars=bars)


def policies(found: Row) -> Table:
    """Return what each policy chooses by, in words."""
    said = found["settings"]["policies"]
    rows = [{"policy": row["policy"], "said": said.get(row["policy"], "")} for row in found["policies"]]
    return table(
        "Share of the controls, and what they are chosen by", rows, policy=("Policy", "text"), said=("Chooses", "text")
    )


def in_all(found: Row) -> Table:
    """Return what each policy did in all weeks together, the mean of its replications."""
    columns: dict[str, Spec] = {
        "policy": ("Policy", "text"),
        "controls": ("Controls", "count"),
        "violations_found": ("Violations found", "count"),
        "violations": ("of all there were", "count"),
        "duty_found_usd": ("Duty found", "usd"),
        "exploration_share": ("Explored", "share", 0),
        "seconds": ("Seconds", "count"),
    }
    if not found["has_revenue"]:
        del columns["duty_found_usd"]
    rows = [{**row, **row["in_all"]} for row in found["policies"]]
    return table("All weeks together, mean of the replications", rows, **columns)


def first_and_last(found: Row) -> Table | None:
    """Return each policy's first and last weeks; ``None`` where the simulation is too short to part."""
    weeks = found["policies"][0]["part_weeks"]
    if weeks < 2:
        return None
    metrics = (
        ("precision", "normalised_recall", "normalised_revenue")
        if found["has_revenue"]
        else ("precision", "normalised_recall")
    )
    labels = {
        "precision": "Precision",
        "normalised_recall": "Normalised recall",
        "normalised_revenue": "Normalised revenue",
    }
    columns: dict[str, Spec] = {"policy": ("Policy", "text")}
    for metric in metrics:
        columns |= {f"first_{metric}": (f"{labels[metric]}, first {weeks}", "share", 1)}
        columns |= {f"last_{metric}": (f"last {weeks}", "share", 1)}
    rows = [
        {"policy": row["policy"]}
        | {f"{part}_{metric}": measure(row["totals"][part][metric]) for metric in metrics for part in ("first", "last")}
        for row in found["policies"]
    ]
    return table(f"The first {weeks} weeks and the last", rows, **columns)


def cost_of_exploration(found: Row) -> Table | None:
    """Return each exploring policy against the best that never explores; ``None`` where there are no two to compare."""
    rows = [row for row in found["policies"] if 0 < row["exploration_share"] < 1 and "less_reference" in whole(row)]
    if not rows:
        return None
    headline = found["headline"]
    columns: dict[str, Spec] = {
        "policy": ("Policy", "text"),
        "explored": ("Explored", "share", 0),
        "whole": (f"{headline.capitalize()}, all weeks", "number", 1),
        "last": ("last weeks", "number", 1),
        "verdict": ("Over all weeks", "text"),
    }
    if found["has_revenue"]:
        columns["revenue"] = ("Revenue, all weeks", "number", 1)
    made = [
        {
            "policy": row["policy"],
            "explored": row["exploration_share"],
            "whole": points(whole(row)["less_reference"][headline]),
            "last": points(row["totals"]["last"]["less_reference"][headline]) if row["part_weeks"] else None,
            "revenue": points(whole(row)["less_reference"]["revenue"]),
            "verdict": _verdict(whole(row)["less_reference"][headline]),
        }
        for row in rows
    ]
    return table(f"Points more (less) than {found['reference']}", made, **columns)


def arms(found: Row) -> Table | Details:
    """Return what each arm found, folded away where there are many."""
    columns: dict[str, Spec] = {
        "policy": ("Policy", "text"),
        "arm": ("Arm", "text"),
        "controls": ("Controls", "count"),
        "violations_found": ("Violations found", "count"),
        "hit_rate": ("Hit rate", "share", 1),
        "duty_found_usd": ("Duty found", "usd"),
    }
    if not found["has_revenue"]:
        del columns["duty_found_usd"]
    rows: Sequence[Row] = [{**row, "hit_rate": estimate(row["hit_rate"])} for row in found["arms"]]
    made = table("What each arm found", rows, **columns)
    return made if len(rows) <= _ARM_ROWS else Details("What each arm of each policy found", (made,))


def _league_row(row: Row, headline: str) -> Row:
    figures = {name: measure(value) for name, value in whole(row).items() if not name.startswith("less_")}
    behind = whole(row).get("less_best")
    return {**figures, "policy": row["policy"], "behind": None if behind is None else points(behind[headline])}


def _metrics(found: Row) -> list[tuple[str, str]]:
    metrics = [("precision", "Precision"), ("recall", "Recall"), ("revenue", "Revenue")]
    shown = metrics if found["has_revenue"] else metrics[:2]
    return sorted(shown, key=lambda pair: pair[0] != found["headline"])


def _verdict(difference: Row) -> str:
    if difference["low_95"] is None:
        return "too few weeks to tell"
    return "costs" if is_below(difference) else "gains" if is_above(difference) else "may be chance"
