"""The audit: every line of the journal verified, the state of every criterion, and what does not fit the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from workbench.chain import Head, now_or
from workbench.criteria.lifecycle.journal import Journal, read
from workbench.criteria.lifecycle.ledger import Standing
from workbench.criteria.lifecycle.places import set_file
from workbench.criteria.lifecycle.states import UNENDED, State, next_step
from workbench.criteria.lifecycle.texts import Text, texts
from workbench.scorer.criteria import CriteriaSet

_UNSIGNED = (
    "no journal: nothing was ever signed here, so every criterion is a draft and none decides. Where there was a "
    "journal, restore it and its head from the repository's history"
)


@dataclass(frozen=True)
class CriterionStatus:
    """Where a criterion of the file stands.

    Parameters
    ----------
    id, title
        As in the file.
    state
        State of exactly this text on the day of the question; draft where the journal does not know it.
    note
        Why it ended, or what the journal knows instead of this text; empty where there is nothing to add.
    line, since, by
        Number, moment (UTC) and signer of the line that brought it there; 0 and empty where there is none.
    """

    id: str
    title: str
    state: State
    note: str = ""
    line: int = 0
    since: str = ""
    by: str = ""

    @property
    def next_step(self) -> str:
        """The command that leads on, empty where the way ends; a text that nobody signed is drafted first."""
        return next_step(self.state) if self.line else State.DRAFT.command

    @property
    def why_left_out(self) -> str:
        """Say in a few words why the criterion is not in force."""
        note = f": {self.note}" if self.note else ""
        following = f"; next step: {self.next_step}" if self.state in UNENDED else ""
        return f"{self.state.value}{note}{following}"


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    file
        The criteria set.
    criteria
        Where each criterion of the file stands, in the file's order; nothing where the journal does not verify.
    journal_faults
        What is wrong with journal, head or clock, each naming its line.
    file_faults
        Criteria in production that the file changed or left out without a signature.
    head
        Number of lines and hash of the last, ``None`` without a journal.
    signers
        Fingerprint of the key of everybody who signed a line, by name.
    """

    file: Path
    criteria: tuple[CriterionStatus, ...]
    journal_faults: tuple[str, ...]
    file_faults: tuple[str, ...]
    head: Head | None
    signers: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether everything verifies and the file holds what was signed."""
        return not self.journal_faults and not self.file_faults

    def describe(self) -> str:
        """Return the audit as text: the verdict, the criteria, the signers."""
        count = self.head.count if self.head else 0
        faults = [*self.journal_faults, *self.file_faults]
        verdict = f"{len(faults)} fault(s)" if faults else "all lines verify" if count else _UNSIGNED
        width = max((len(one.id) for one in self.criteria), default=0)
        lines = [f"{self.file}: {len(self.criteria)} criteria, {count} lines in the journal, {verdict}."]
        lines += [f"  fault: {fault}" for fault in faults]
        lines += [f"  {one.id:{width}}  {one.state.value:10}  {_history(one)}".rstrip() for one in self.criteria]
        lines += [f"  signed by {name}, key {fingerprint}" for name, fingerprint in self.signers.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit for JSON."""
        return {
            "ok": self.ok,
            "faults": [*self.journal_faults, *self.file_faults],
            "criteria": {one.id: {"state": one.state.value, "note": one.note} for one in self.criteria},
            "head": self.head.__dict__ if self.head else None,
            "signers": self.signers,
        }


def _history(one: CriterionStatus) -> str:
    signed = f"since {one.since[:10]} by {one.by} (line {one.line})" if one.line else ""
    return "; ".join(part for part in (signed, one.note) if part)


def audit(criteria_file: str | Path, *, on: date | None = None, now: datetime | None = None) -> Audit:
    """Verify the journal of a criteria set and say where every criterion stands.

    Parameters
    ----------
    criteria_file
        The set's TOML file; journal, head and ``keys/`` lie beside it.
    on
        Day for which validity is judged; today where none is given.
    now
        Moment before which every line has to lie; the present where none is given.

    Raises
    ------
    CriterionError
        The set itself cannot be read, or ``keys/`` holds something else than public keys.
    """
    file = set_file(criteria_file)
    return audit_of(file, CriteriaSet.from_toml(file), on=on, now=now)


def audit_of(file: Path, criteria: CriteriaSet, *, on: date | None = None, now: datetime | None = None) -> Audit:
    """Audit a set that was read from `file`: what is audited is then what is used; otherwise as :func:`audit`."""
    journal, written = read(file), texts(criteria)
    faults, day = journal.faults_at(now_or(now)), on or now_or(now).astimezone(UTC).date()
    sound = not journal.faults
    return Audit(
        file,
        tuple(status_of(one.id, one.title, written[one.id], journal, day) for one in criteria.criteria)
        if sound
        else (),
        faults,
        tuple(_file_faults(written, journal, day)) if sound else (),
        journal.head if sound else None,
        {entry.by: entry.key for entry in journal.entries},
    )


def status_of(name: str, title: str, text: Text, journal: Journal, day: date) -> CriterionStatus:
    """Return where the criterion `name`, with exactly this `text`, stands on `day`."""
    standing = journal.ledger.of(name, text.sha256)
    if standing is None:
        return CriterionStatus(name, title, State.DRAFT, _other_text(text, journal.ledger.texts_of(name)))
    state, last = standing.state_on(day), standing.last
    note = f"on {standing.last_day}" if state is State.EXPIRED else _printable(standing.reason)
    return CriterionStatus(name, title, state, note, last.seq, last.at, last.by)


def _printable(reason: str) -> str:
    """Return a reason as a terminal may show it: a line that was signed by hand can hold anything."""
    return "".join(character if character.isprintable() else " " for character in reason)


def _other_text(text: Text, others: list[Standing]) -> str:
    if not others:
        return "not in the journal"
    changed = ", ".join(text.changed_keys(others[-1].text))
    return f"changed since line {others[-1].last.seq} ({changed}), which voids what was signed"


def _file_faults(written: dict[str, Text], journal: Journal, day: date) -> Iterator[str]:
    """Yield what would turn goods green unseen: a criterion in production that the file no longer holds as signed."""
    for name, standing in journal.ledger.in_production(day).items():
        was = f"criterion {name!r} is {standing.state.value} since line {standing.last.seq}"
        text = written.get(name)
        if text is None:
            yield f"{was} and is no longer in the file. Put it back, or retire it"
        elif text.sha256 != standing.text.sha256:
            changed = ", ".join(text.changed_keys(standing.text))
            yield f"{was}, and its text was changed ({changed}). Have it approved, restore the old text, or retire it"
