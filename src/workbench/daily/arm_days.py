"""The random arm day by day: whom it drew, and whether the draw holds when it is done again from the public file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.desk import Desk
from workbench.daily.recorded import DECISIONS
from workbench.daily.register import DECIDED_ON, DRAWN
from workbench.daily.summary import by_lane
from workbench.random_arm import Kind, PublicRecord


class State(StrEnum):
    """What can be said of a day's draw."""

    HOLDS = "holds"
    TRIAL = "holds, of a trial: proves nothing"
    SECRET = "key not revealed yet"
    FAILS = "does not hold"


@dataclass(frozen=True)
class ArmDay:
    """A day of decision.

    Parameters
    ----------
    day
        The day.
    declarations
        Declarations by the lane that was carried out.
    drawn, known
        Declarations that the arm drew, and those of them with a result for every item.
    state
        Whether the draw holds; it cannot be done again before the key is revealed.
    trial
        Name of the trial that the key was committed to for, which proves nothing; empty for a real day.
    faults
        What does not hold, each a sentence.
    """

    day: date
    declarations: dict[str, int]
    drawn: int
    known: int
    state: State
    trial: str
    faults: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {**asdict(self), "day": self.day.isoformat(), "state": str(self.state)}


def arm_days(desk: Desk, table: pl.DataFrame, days: Iterable[date]) -> Iterator[ArmDay]:
    """Yield each of some days that were decided, its draw done again where its key is out.

    Parameters
    ----------
    desk
        The desk.
    table
        Outcomes of all the days.
    days
        The days.
    """
    record = random_arm.read(desk.chain)
    for day in days:
        rows = table.filter(pl.col(DECIDED_ON) == day)
        drawn = rows.filter(DRAWN).group_by("declaration_id").agg(pl.col("violation").is_not_null().all())
        lanes = {lane: count["declarations"] for lane, count in by_lane(rows).items()}
        committed = record.of(day, Kind.COMMIT)
        trial = committed.trial if committed else ""
        state, faults = _verified(desk, record, day, trial)
        yield ArmDay(day, lanes, drawn.height, int(drawn["violation"].sum()), state, trial, faults)


def _verified(desk: Desk, record: PublicRecord, day: date, trial: str) -> tuple[State, tuple[str, ...]]:
    if record.of(day, Kind.REVEAL) is None:
        return State.SECRET, ()
    decisions = desk.day_folder(day) / DECISIONS
    policy = random_arm.policy_beside(decisions)
    found = random_arm.verify(decisions, record, day, policy, trial=trial)
    holds = State.TRIAL if trial else State.HOLDS
    return holds if found.ok else State.FAILS, found.faults
