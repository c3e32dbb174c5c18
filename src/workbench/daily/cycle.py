"""The daily call: finish what was cut short, take in what came back, decide the day once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.deciding import decide
from workbench.daily.desk import Desk, read_json
from workbench.daily.incoming import arrived, end_of
from workbench.daily.intake import Intake, take_in
from workbench.daily.ledger import DeskError
from workbench.daily.recorded import DAY, DECISIONS
from workbench.daily.refreshing import profiles_as_of
from workbench.daily.steps import begin, finish, write_step
from workbench.daily.summary import day_summary, told
from workbench.daily.weeks import looking_back
from workbench.scorer.bundle import Manifest, ScoringBundle
from workbench.scorer.lanes.counters import counters_json, read_counters

_COUNTERS = "counters.json"


@dataclass(frozen=True)
class Day:
    """What a daily call came to.

    Parameters
    ----------
    day
        The day.
    folder
        Where its decisions lie.
    was_decided
        Whether an earlier call had decided it: then this one changed nothing about it.
    intake
        What the call took in.
    summary
        The day in numbers, as ``summary.json`` has it.
    seal_line
        Line of the public file that seals its decisions and policy.
    """

    day: date
    folder: Path
    was_decided: bool
    intake: Intake
    summary: dict[str, Any]
    seal_line: int

    @property
    def unreadable(self) -> dict[str, str]:
        """Reason by file of what could not be read in this call; such files stay where they lie."""
        own: dict[str, str] = {} if self.was_decided else self.summary["unreadable"]
        return own | self.intake.unreadable

    def describe(self) -> str:
        """Say it in a few lines."""
        first = f"{self.day} was decided before; nothing was changed.\n" if self.was_decided else ""
        where = f"Decisions: {self.folder / DECISIONS}, sealed in line {self.seal_line} of the public file."
        lines = [f"{first}{told(self.summary)}", *self.intake.told(self.folder.parents[1]), where]
        return "\n".join([*lines, *(f"NOT READ: {name}: {why}" for name, why in self.unreadable.items())])

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        facts = {
            "day": self.day.isoformat(),
            "folder": str(self.folder),
            "was_decided": self.was_decided,
            "seal_line": self.seal_line,
        }
        return {**facts, "intake": self.intake.to_dict(), "summary": self.summary}


def daily(desk: Desk, day: date, *, now: datetime | None = None) -> Day:
    """Do the daily call for a day; called again it changes nothing, killed it is finished by the next call.

    Parameters
    ----------
    desk
        The desk.
    day
        The day to decide: everything lodged by its end that was not decided before.
    now
        The present, with time zone; the machine's where none is given.

    Raises
    ------
    RandomArmError
        The public file does not verify or is of another programme, or the day's secret is missing, was revealed, is not
        the one committed to or was never committed to. The day is not begun.
    DeskError
        The day has not begun by the programme's clock, a later one was decided, the bundle in force knows what came
        after the day, another call is at work, or something of the desk was changed by hand.
    SelectivityError
        The bundle does not load.

    Notes
    -----
    A refused call has still finished what an earlier one, cut short, had begun. A file that cannot be read refuses
    nothing: it is named in `Day.unreadable`.
    """
    moment = desk.clock(now)
    with desk.locked():
        begin(desk, moment)
        was_decided = day in desk.days()
        key = b"" if was_decided else _key(desk, day, moment)
        bundle = desk.bundle()
        if not was_decided:
            _check_knows_no_future(bundle.manifest, day)
        intake = take_in(desk, desk.ledger(), bundle.scorer, moment)
        finish(desk, moment)
        if not was_decided:
            _decide(desk, bundle, day, key, moment, intake.unreadable)
            finish(desk, moment)
        folder = desk.day_folder(day)
        return Day(day, folder, was_decided, intake, read_json(folder / "summary.json"), _seal_line(desk, day))


def _seal_line(desk: Desk, day: date) -> int:
    lines = random_arm.read(desk.chain).entries
    return next(one.number for one in lines if (one.kind, one.date) == (random_arm.Kind.SEAL, day))


def _key(desk: Desk, day: date, now: datetime) -> bytes:
    """Return the day's secret, before anything is read or written."""
    if day > now.date():
        raise DeskError(f"{day} has not begun: its declarations are not lodged yet. Call on the day or after it.")
    if (days := desk.days()) and day < days[-1]:
        raise DeskError(
            f"{days[-1]} was decided, which is later than {day}: what was lodged on {day} was decided with it, or will "
            "be with the next day. Call for a later day."
        )
    return random_arm.key_of_day(desk.chain, desk.keys, day, programme=desk.programme, now=now)


def _check_knows_no_future(manifest: Manifest, day: date) -> None:
    """Refuse a bundle that learnt from what was recorded after the day: nobody knew it when the day was lodged."""
    known = max(datetime.fromisoformat(text) for text in (manifest.trained_as_of, profiles_as_of(manifest)))
    if known > end_of(day):
        raise DeskError(
            f"Bundle {manifest.version} knows what was recorded until {known}, after the end of {day}: nobody knew it "
            f"then. Call for {(known - timedelta.resolution).date()} or later; to rehearse {day}, refresh no "
            "further than the day before it, or adopt a bundle from before it (bundles/ of the desk keeps them all)."
        )


def _decide(
    desk: Desk, bundle: ScoringBundle, day: date, key: bytes, now: datetime, unreadable: Mapping[str, str]
) -> None:
    came = arrived(desk, desk.ledger(), bundle.scorer.mapping, day, now)
    decided = decide(bundle.scorer, came, day, _counters(desk), key)
    committed = random_arm.read(desk.chain).of(day, random_arm.Kind.COMMIT)
    summary = day_summary(day, came, decided, bundle.manifest.version, committed.trial if committed else "")
    summary["unreadable"] |= unreadable
    before = looking_back(desk, day, None, bundle.scorer.policy.random_lane, known_by=day)
    summary["weeks_before"] = before.to_dict()
    parts: dict[str, pl.DataFrame | str] = {
        DECISIONS: decided.decisions,
        "declarations.parquet": decided.declarations,
        "hits.parquet": decided.hits,
        "quarantine.parquet": decided.quarantine,
        "set_aside.parquet": came.set_aside,
        _COUNTERS: counters_json(desk.programme, decided.counters),
        random_arm.POLICY_FILE: random_arm.policy_json(bundle.scorer.policy),
        "summary.json": json.dumps(summary, indent=1, ensure_ascii=False, default=str) + "\n",
    }
    facts = {
        "bundle": bundle.manifest.version,
        "rows": summary["rows"],
        "dated_before": came.dated_before.isoformat(),
    }
    write_step(desk, DAY, day.isoformat(), parts, came.inputs, facts, now=now)


def _counters(desk: Desk) -> dict[str, int]:
    """Return the hits passed over in a row up to the last day decided."""
    days = desk.days()
    return read_counters(desk.day_folder(days[-1]) / _COUNTERS, desk.programme) if days else {}
