"""The report: lanes, arms and estimates of the last weeks, and the outcomes table that they rest on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.desk import Desk
from workbench.daily.incoming import end_of
from workbench.daily.ledger import DeskError
from workbench.daily.outcomes import outcomes
from workbench.daily.summary import by_cause, by_lane
from workbench.errors import LabelError
from workbench.estimates import Compliance, ControlRecord, compliance
from workbench.evaluation.refusal import Refusal
from workbench.scorer.files import write_parquet_atomically, write_text_atomically
from workbench.scorer.schema import Lane


@dataclass(frozen=True)
class Report:
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

    def write(self, folder: Path) -> None:
        """Write ``outcomes.parquet`` and ``report.json`` into a folder, made where it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet_atomically(self.outcomes, folder / "outcomes.parquet")
        write_text_atomically(json.dumps(self.to_dict(), indent=1) + "\n", folder / "report.json")


def report(desk: Desk, last: date | None = None, *, weeks: int | None = None) -> Report:
    """Report on some weeks.

    Parameters
    ----------
    desk
        The desk.
    last
        Last day; the last one decided where none is given.
    weeks
        How many weeks; the pipeline's [daily] report_weeks where none are given.

    Raises
    ------
    DeskError
        No day was decided yet.
    """
    days = desk.days()
    if not days:
        raise DeskError(f"No day was decided in {desk.path} yet. Call: workbench daily --desk {desk.path}")
    policy = random_arm.policy_beside(desk.day_folder(days[-1]) / "decisions.parquet")
    return looking_back(desk, last or days[-1], weeks, policy.random_lane)


def looking_back(desk: Desk, last: date, weeks: int | None, random_lane: Lane) -> Report:
    """Report on weeks of which some days, or all, may not have been decided; parameters as :func:`report`."""
    first = last - timedelta(weeks=weeks or desk.pipeline.daily.report_weeks) + timedelta(days=1)
    table = outcomes(desk, first=first, last=last, as_of=end_of(last))
    return Report(first, last, table, _compliance(table, random_lane))


def _compliance(table: pl.DataFrame, random_lane: Lane) -> Compliance | Refusal | None:
    if table["full_control_probability"].count() == 0:
        return None
    try:
        return compliance(ControlRecord.from_decisions(table, random_lane=random_lane))
    except LabelError:
        # No declaration of the weeks could have come to a full control: there is no arm to estimate from.
        return None
