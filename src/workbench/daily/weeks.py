"""Some weeks in numbers: lanes, what gave them, and what the random arm says of all goods, as known at their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.incoming import end_of
from workbench.daily.outcomes import outcomes
from workbench.daily.summary import by_cause, by_lane
from workbench.errors import LabelError
from workbench.estimates import Compliance, ControlRecord, compliance
from workbench.evaluation.refusal import Refusal
from workbench.scorer.schema import Lane


@dataclass(frozen=True)
class Weeks:
    """What the weeks that end with a day came to, as known at its end.

    Parameters
    ----------
    first, last
        First and last day of decision.
    outcomes
        Decisions with what became of them (see :func:`~.outcomes.outcomes`).
    compliance
        Estimates for all goods, or why there are none.
    """

    first: date
    last: date
    outcomes: pl.DataFrame
    compliance: Compliance | Refusal | None

    def describe(self) -> str:
        """Say it in a few lines."""
        found = self.to_dict()
        lanes = ", ".join(f"{lane} {count['declarations']:,}" for lane, count in found["lanes"].items())
        arms = ", ".join(f"{arm} {count['declarations']:,}" for arm, count in found["arms"].items())
        span = f"{self.first} to {self.last}: {found['items']:,} items, {found['results']:,} results."
        told = "Nothing to estimate from." if self.compliance is None else self.compliance.describe()
        return f"{span}\nDeclarations by lane: {lanes}.\nBy what gave the lane: {arms or 'none'}.\n{told}"

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON, without the table."""
        table = self.outcomes
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "items": table.height,
            "results": int(table["violation"].count()),
            "lanes": by_lane(table),
            "arms": by_cause(table),
            "estimates": None if self.compliance is None else self.compliance.to_dict(),
        }


def looking_back(desk: Desk, last: date, weeks: int | None, random_lane: Lane) -> Weeks:
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
    """
    first = last - timedelta(weeks=weeks or desk.pipeline.daily.report_weeks) + timedelta(days=1)
    table = outcomes(desk, first=first, last=last, as_of=end_of(last))
    return Weeks(first, last, table, compliance_of(table, random_lane))


def compliance_of(table: pl.DataFrame, random_lane: Lane) -> Compliance | Refusal | None:
    """Return what decisions with their results say of all goods; ``None`` where no declaration was open to the arm."""
    if table["full_control_probability"].count() == 0:
        return None
    try:
        return compliance(ControlRecord.from_decisions(table, random_lane=random_lane))
    except LabelError:
        # No declaration of the weeks could have come to a full control: there is no arm to estimate from.
        return None
