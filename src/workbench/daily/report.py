"""The report: the last weeks, the random arm day by day, what results came back, and how sure the estimates grew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.arm_days import ArmDay, State, arm_days
from workbench.daily.desk import Desk
from workbench.daily.intake import REJECTED
from workbench.daily.ledger import DeskError, Ledger
from workbench.daily.recorded import DAY, DECISIONS, INTAKE, check_recorded
from workbench.daily.register import DECIDED_ON
from workbench.daily.weeks import Weeks, compliance_of, looking_back
from workbench.estimates import Compliance
from workbench.scorer.schema import Lane

_POINTS = 12
_SHOWN_FAULTS = 5


@dataclass(frozen=True)
class Report:
    """What the weeks that end with a day came to.

    Parameters
    ----------
    weeks
        Lanes, causes and estimates.
    days
        The random arm day by day.
    intakes
        What was taken in of results and re-routings: day of the call and the intake as JSON.
    over_time
        The compliance rate of the goods decided by some days of the period, with all results known at its end.
    """

    weeks: Weeks
    days: tuple[ArmDay, ...]
    intakes: tuple[tuple[date, dict[str, Any]], ...]
    over_time: tuple[tuple[date, Compliance], ...]

    @property
    def outcomes(self) -> pl.DataFrame:
        """Decisions with what became of them."""
        return self.weeks.outcomes

    def describe(self) -> str:
        """Say it in a few lines."""
        found = self.to_dict()
        arm, results = found["random_arm"], found["came_back"]
        rejected = ", ".join(f"{code} {count:,}" for code, count in results["rejected"].items())
        lines = [
            self.weeks.describe(),
            f"Random arm: {arm['drawn']:,} declarations drawn, {arm['known']:,} with all results; "
            f"{arm['waivers_refused']:,} re-routings refused that would have spared one. Draws of {arm[State.HOLDS]:,} "
            f"day(s) hold, the keys of {arm[State.SECRET]:,} are not revealed yet.",
            *[f"DRAW DOES NOT HOLD: {fault}" for fault in arm["faults"][:_SHOWN_FAULTS]],
            f"Results taken in: {results['results']:,}; set aside: {rejected or 'none'}.",
            *[f"Set aside, each with its reason: {file}" for file in results["rejected_files"]],
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON, without the table."""
        return {
            **self.weeks.to_dict(),
            "random_arm": self._arm(),
            "days": [one.to_dict() for one in self.days],
            "came_back": self._came_back(),
            "over_time": [
                {"day": day.isoformat(), "goods": one.goods, **one.compliance_rate.to_dict()}
                for day, one in self.over_time
            ],
        }

    def _arm(self) -> dict[str, Any]:
        states = Counter(one.state for one in self.days)
        refused = sum((Counter(one["refused_reroutings"]) for _, one in self.intakes), Counter[str]())
        return {
            "drawn": sum(one.drawn for one in self.days),
            "known": sum(one.known for one in self.days),
            "waivers_refused": refused["random_arm_waived"],
            **{str(state): states[state] for state in State},
            "faults": [f"{one.day}: {fault}" for one in self.days for fault in one.faults],
        }

    def _came_back(self) -> dict[str, Any]:
        rejected = sum((Counter(one["rejected_results"]) for _, one in self.intakes), Counter[str]())
        files = [f"{one['folder']}/{REJECTED}" for _, one in self.intakes if one["rejected_results"]]
        counts = ("results", "corrections", "reroutings")
        return {
            **{name: sum(one[name] for _, one in self.intakes) for name in counts},
            "rejected": dict(sorted(rejected.items())),
            "rejected_files": files,
            "days": [{"day": day.isoformat(), **one} for day, one in self.intakes],
        }


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
        No day was decided yet, or something recorded was changed.
    """
    check_recorded(desk)
    days = desk.days()
    if not days:
        raise DeskError(f"No day was decided in {desk.path} yet. Call: workbench daily --desk {desk.path}")
    lane = random_arm.policy_beside(desk.day_folder(days[-1]) / DECISIONS).random_lane
    found = looking_back(desk, last or days[-1], weeks, lane)
    came = [(day, one) for day, one in _by_day(desk.ledger(), days[-1]) if found.first <= day <= found.last]
    arm = arm_days(desk, found.outcomes, [day for day in days if found.first <= day <= found.last])
    return Report(found, tuple(arm), tuple(came), tuple(_over_time(found, lane)))


def _by_day(ledger: Ledger, last: date) -> Iterator[tuple[date, dict[str, Any]]]:
    """Yield every intake with the day of its call; what came after the last day was decided counts with that day."""
    waiting = list[dict[str, Any]]()
    for line in ledger.lines:
        if line.kind == INTAKE:
            waiting.append(line.detail["intake"])
        elif line.kind == DAY:
            yield from ((date.fromisoformat(line.name), one) for one in waiting)
            waiting = []
    yield from ((last, one) for one in waiting)


def _over_time(found: Weeks, random_lane: Lane) -> Iterator[tuple[date, Compliance]]:
    """Yield the estimate at up to twelve days, the last among them; days with too little to estimate are left out."""
    days = found.outcomes[DECIDED_ON].unique().sort().to_list()
    step = -(-len(days) // _POINTS) or 1
    for day in days[::-1][::step][::-1]:
        estimated = compliance_of(found.outcomes.filter(pl.col(DECIDED_ON) <= day), random_lane)
        if isinstance(estimated, Compliance):
            yield day, estimated
