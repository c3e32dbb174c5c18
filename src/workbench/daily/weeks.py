"""Some weeks in numbers: lanes, what gave them, and what the random arm says of all goods, as known by some day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.incoming import end_of
from workbench.daily.outcomes import outcomes
from workbench.daily.register import DECIDED_ON
from workbench.daily.summary import by_cause, by_lane
from workbench.errors import LabelError
from workbench.estimates import Compliance, ControlRecord, compliance
from workbench.evaluation.refusal import Refusal
from workbench.random_arm.words import number_of
from workbench.scorer.schema import SCHEMA, Lane

LANES = SCHEMA["lane"].dtype


@dataclass(frozen=True)
class Weeks:
    """What the weeks that end with a day came to.

    Parameters
    ----------
    first, last
        First and last day looked at.
    days
        Days of them that were decided.
    known_by
        Results recorded and re-routings done by the end of this day are known; all are where it is ``None``.
    outcomes
        Decisions with what became of them (see :func:`~.outcomes.outcomes`).
    compliance
        Estimates for all goods, or why there are none.
    """

    first: date
    last: date
    days: tuple[date, ...]
    known_by: date | None
    outcomes: pl.DataFrame
    compliance: Compliance | Refusal | None

    def describe(self) -> str:
        """Say it in a few lines."""
        found = self.to_dict()
        lanes = ", ".join(f"{lane} {count['declarations']:,}" for lane, count in found["lanes"].items())
        arms = ", ".join(f"{arm} {count['declarations']:,}" for arm, count in found["arms"].items())
        known = "all that is known now" if self.known_by is None else f"what was known by the end of {self.known_by}"
        told = "Nothing to estimate from." if self.compliance is None else self.compliance.describe()
        return (
            f"{self.first} to {self.last}, with {known}: {number_of(len(self.days), 'day')} decided.\n"
            f"{number_of(found['items'], 'item')}, {found['results']:,} of them with a result.\n"
            f"Declarations by lane: {lanes}.\nBy what gave the lane: {arms or 'none'}.\n"
            f"{_controls_told(found['controls'])}\n{told}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON, without the table."""
        table = self.outcomes
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "days_decided": len(self.days),
            "known_by": None if self.known_by is None else self.known_by.isoformat(),
            "items": table.height,
            "results": int(table["violation"].count()),
            "controls": _controls(table),
            "lanes": by_lane(table),
            "arms": by_cause(table),
            "estimates": None if self.compliance is None else self.compliance.to_dict(),
        }


def looking_back(
    desk: Desk, last: date, weeks: int | None, random_lane: Lane, *, known_by: date | None = None
) -> Weeks:
    """Return the numbers of some weeks, of which some days, or all, may not have been decided.

    Parameters
    ----------
    desk
        The desk.
    last
        Last day.
    weeks
        How many weeks; the pipeline's [daily] report_weeks where none are given.
    random_lane
        Lane of the random arm.
    known_by
        Day of knowledge. With that of `last` controls of its last days can hardly have a result: none is the default.
    """
    first = last - timedelta(weeks=weeks or desk.pipeline.daily.report_weeks) + timedelta(days=1)
    table = outcomes(desk, first=first, last=last, as_of=None if known_by is None else end_of(known_by))
    days = tuple(day for day in desk.days() if first <= day <= last)
    return Weeks(first, last, days, known_by, table, compliance_of(table, random_lane))


def _controls(table: pl.DataFrame) -> dict[str, Any]:
    """Return the controls, how many wait for a result, since when the first does, and how many will have none.

    An officer who releases what the system had selected leaves no control to wait for.
    """
    controlled, selected = (pl.col(name).max() > pl.lit(str(Lane.GREEN), LANES) for name in ("lane", "system_lane"))
    declarations = table.group_by("declaration_id").agg(
        pl.col(DECIDED_ON).min(),
        is_controlled=controlled,
        is_selected=selected,
        is_known=pl.col("violation").is_not_null().all(),
    )
    waiting = declarations.filter("is_controlled", ~pl.col("is_known"))
    since = waiting[DECIDED_ON].min()
    return {
        "declarations": int(declarations["is_controlled"].sum()),
        "waiting": waiting.height,
        "waiting_since": None if since is None else str(since),
        "released": declarations.filter("is_selected", ~pl.col("is_controlled")).height,
    }


def _controls_told(controls: Mapping[str, Any]) -> str:
    made, waiting = number_of(controls["declarations"], "declaration"), controls["waiting"]
    told = f"Controls: {made}, {waiting:,} of them without all results yet"
    if waiting:
        told += f", the oldest since {controls['waiting_since']}"
    if controls["released"]:
        told += f"; {controls['released']:,} more will have none, officers released them"
    return f"{told}."


def compliance_of(table: pl.DataFrame, random_lane: Lane) -> Compliance | Refusal | None:
    """Return what decisions with their results say of all goods; ``None`` where no declaration was open to the arm."""
    if table["full_control_probability"].count() == 0:
        return None
    try:
        return compliance(ControlRecord.from_decisions(table, random_lane=random_lane))
    except LabelError:
        # No declaration of the weeks could have come to a full control: there is no arm to estimate from.
        return None
