"""The report: some weeks, the random arm day by day, what came back or could not be read, and how sure it grew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.arm_days import ArmDay, State, arm_days
from workbench.daily.desk import Desk, read_json
from workbench.daily.incoming import end_of
from workbench.daily.intake import REFUSED, REJECTED
from workbench.daily.ledger import DeskError, Ledger
from workbench.daily.outcomes import carried_out
from workbench.daily.recorded import DAY, DECISIONS, INTAKE, check_recorded
from workbench.daily.weeks import Weeks, compliance_of, looking_back
from workbench.estimates import Compliance
from workbench.random_arm.words import number_of
from workbench.scorer.schema import Lane

_POINTS = 12
_SHOWN = 5
_LETTERS = 200


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
        What was taken in of results and re-routings since the first day: day of the call and the intake as JSON.
    unread
        Files that calls could not read: ``file``, ``first`` and ``last`` day of such a call, and ``why``.
    over_time
        What was estimated by the end of some days, from the goods decided and the results recorded by then; the last
        is the estimate of the report.
    """

    weeks: Weeks
    days: tuple[ArmDay, ...]
    intakes: tuple[tuple[date, dict[str, Any]], ...]
    unread: tuple[dict[str, str], ...]
    over_time: tuple[tuple[date, Compliance], ...]

    @property
    def outcomes(self) -> pl.DataFrame:
        """Decisions with what became of them."""
        return self.weeks.outcomes

    def describe(self) -> str:
        """Say it in a few lines."""
        found = self.to_dict()
        arm, back = found["random_arm"], found["came_back"]
        lines = [
            self.weeks.describe(),
            f"Random arm: {number_of(arm['drawn'], 'declaration')} drawn, {arm['known']:,} with all results; "
            f"{number_of(arm['waivers_refused'], 're-routing')} refused that would have spared one. Days whose draw "
            f"holds: {arm[State.HOLDS]:,}; whose key is not revealed yet: {arm[State.SECRET]:,}.",
            *[f"TRIAL {name!r}, {number_of(days, 'day')}: proves nothing." for name, days in arm["trials"].items()],
            *[f"DRAW DOES NOT HOLD: {fault}" for fault in arm["faults"][:_SHOWN]],
            f"Results taken in since {self.weeks.first}, of goods of any day: {back['results']:,}, "
            f"{back['corrections']:,} of them corrections; set aside: {_listed(back['rejected'])}.",
            f"Re-routings recorded: {back['reroutings']:,}; refused: {_listed(back['refused'])}.",
            *[f"Set aside, each with its reason: {file}" for file in (*back["rejected_files"], *back["refused_files"])],
            *[f"NOT READ: {one['file']}, last on {one['last']}: {one['why']}" for one in self.unread[:_SHOWN]],
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON, without the table."""
        return {
            **self.weeks.to_dict(),
            "random_arm": self._arm(),
            "days": [one.to_dict() for one in self.days],
            "came_back": self._came_back(),
            "unread": list(self.unread),
            "over_time": [
                {"day": day.isoformat(), "goods": one.goods, **one.compliance_rate.to_dict()}
                for day, one in self.over_time
            ],
        }

    def _arm(self) -> dict[str, Any]:
        states = Counter(one.state for one in self.days)
        trials = Counter(one.trial for one in self.days if one.trial)
        return {
            "drawn": sum(one.drawn for one in self.days),
            "known": sum(one.known for one in self.days),
            "waivers_refused": self._codes("refused_reroutings").get("random_arm_waived", 0),
            "trials": dict(sorted(trials.items())),
            **{str(state): states[state] for state in State},
            "faults": [f"{one.day}: {fault}" for one in self.days for fault in one.faults],
        }

    def _came_back(self) -> dict[str, Any]:
        counts = ("results", "corrections", "reroutings")
        return {
            **{name: sum(one[name] for _, one in self.intakes) for name in counts},
            "rejected": self._codes("rejected_results"),
            "rejected_files": self._files("rejected_results", REJECTED),
            "refused": self._codes("refused_reroutings"),
            "refused_files": self._files("refused_reroutings", REFUSED),
            "days": [{"day": day.isoformat(), **one} for day, one in self.intakes],
        }

    def _codes(self, what: str) -> dict[str, int]:
        return dict(sorted(sum((Counter(one[what]) for _, one in self.intakes), Counter[str]()).items()))

    def _files(self, what: str, name: str) -> list[str]:
        return [f"{one['folder']}/{name}" for _, one in self.intakes if one[what]]


def report(desk: Desk, last: date | None = None, *, weeks: int | None = None, known_by: date | None = None) -> Report:
    """Report on some weeks.

    Parameters
    ----------
    desk
        The desk.
    last
        Last day; the last one decided where none is given.
    weeks
        How many weeks; the pipeline's [daily] report_weeks where none are given.
    known_by
        Day of knowledge: what was recorded by its end is known. Without it everything is that is known now, whenever
        it came: a result can be later than the last day.

    Raises
    ------
    DeskError
        No day was decided yet, the day of knowledge is before the last day, or something recorded was changed.
    """
    check_recorded(desk)
    days = desk.days()
    if not days:
        raise DeskError(f"No day was decided in {desk.path} yet. Call: workbench daily --desk {desk.path}")
    last = last or days[-1]
    if known_by is not None and known_by < last:
        raise DeskError(f"{known_by} is before {last}, the last day of the report. Know by that day or a later one.")
    lane = random_arm.policy_beside(desk.day_folder(days[-1]) / DECISIONS).random_lane
    found = looking_back(desk, last, weeks, lane, known_by=known_by)
    came = [(day, one) for day, one in _by_day(desk.ledger(), days[-1]) if found.first <= day <= (known_by or day)]
    arm = arm_days(desk, found.outcomes, found.days)
    return Report(found, tuple(arm), tuple(came), _unread(desk, found, came), tuple(_over_time(desk, found, lane)))


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


def _unread(desk: Desk, found: Weeks, came: list[tuple[date, dict[str, Any]]]) -> tuple[dict[str, str], ...]:
    """Return the files that calls could not read, whether of a day or between days."""
    calls = [(day, read_json(desk.day_folder(day) / "summary.json")["unreadable"]) for day in found.days]
    calls += [(day, one["unreadable"]) for day, one in came]
    unread: dict[str, dict[str, str]] = {}
    for day, files in sorted(calls, key=lambda call: call[0]):
        for file, why in files.items():
            first = unread[file]["first"] if file in unread else str(day)
            unread[file] = {"file": file, "first": first, "last": str(day), "why": why[:_LETTERS]}
    return tuple(unread.values())


def _over_time(desk: Desk, found: Weeks, random_lane: Lane) -> Iterator[tuple[date, Compliance]]:
    """Yield the estimate as it was known by up to twelve days; days with too little to estimate are left out."""
    if not found.days:
        return
    until = _last_news(found)
    for day in _spread(found.days[0], until):
        if day < until:
            goods = carried_out(desk, first=found.first, last=min(day, found.last), as_of=end_of(day))
            estimated = compliance_of(goods, random_lane)
        else:
            estimated = found.compliance
        if isinstance(estimated, Compliance):
            yield day, estimated


def _last_news(found: Weeks) -> date:
    """Return the last day on which something of the period was decided or a result of it recorded."""
    recorded: list[date] = found.outcomes["label_known_at"].drop_nulls().dt.date().unique().to_list()
    return max([found.days[-1], *recorded])


def _spread(first: date, last: date) -> list[date]:
    """Return up to twelve days at even distances, the last among them."""
    count = (last - first).days + 1
    step = -(-count // _POINTS)
    return [last - timedelta(days=back) for back in range(0, count, step)][::-1]


def _listed(codes: dict[str, int]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in codes.items()) or "none"
