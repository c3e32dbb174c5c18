"""Verifying a day from outside: the commitment came first, the key fits, and the arm is the one that it draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from workbench.chain import now_or
from workbench.random_arm.daily_keys import mismatch, read_key
from workbench.random_arm.entries import Entry, Kind, RandomArmError
from workbench.random_arm.policy_file import policy_sha256
from workbench.random_arm.publishing import file_sha256
from workbench.random_arm.record import PublicRecord, existing
from workbench.random_arm.replay import Replay, replay, with_key
from workbench.random_arm.words import number_of
from workbench.scorer.intake.reading import read_table
from workbench.scorer.lanes.policy import SelectionPolicy

_SHOWN = 20


@dataclass(frozen=True)
class Verification:
    """What verifying a day found.

    Parameters
    ----------
    programme, day
        What was verified.
    faults
        Everything that does not hold, each a sentence; empty where all does.
    notes
        What the reader should know beside: what was not proved, and why.
    replayed
        The draw done again; ``None`` where there was no key to do it with.
    """

    programme: str
    day: date
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    replayed: Replay | None

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.faults

    def describe(self) -> str:
        """Say it in a few lines."""
        lines = [f"{self.programme or 'unknown programme'}, {self.day}: {'holds' if self.ok else 'DOES NOT HOLD'}"]
        if self.replayed is not None:
            found = self.replayed
            lines.append(f"{number_of(found.declarations, 'declaration')} to draw from, {found.drawn:,} drawn again")
            lines += _listed("drawn, and should not have been", found.should_not)
            lines += _listed("not drawn, and should have been", found.should_have)
        return "\n".join([*lines, *(f"fault: {fault}" for fault in self.faults), *(f"note: {n}" for n in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON, with every declaration named."""
        return {**asdict(self), "day": self.day.isoformat(), "ok": self.ok}


def verify(
    decisions: str | Path,
    file: str | Path | PublicRecord,
    day: date,
    policy: SelectionPolicy,
    *,
    key_file: str | Path | None = None,
    published: Sequence[str] = (),
    trial: str = "",
    open_changed: bool = False,
    now: datetime | None = None,
) -> Verification:
    """Verify the random arm of a day from its decisions, the public file and the key.

    Parameters
    ----------
    decisions
        CSV or Parquet file of all decisions of the day, with the columns of :data:`~.replay.NEEDED`.
    file
        The public file, or what was read of it.
    day
        The day of decision.
    policy
        Share, lane and limits in force, which the seal has to name; its key is not read.
    key_file
        File of the day's key, where the public file has not revealed it.
    published
        Heads (SHA-256) of the public file that were kept elsewhere: each has to be the hash of one of its lines.
    trial
        Name of the trial that the day belongs to; without it a commitment after the day began is a fault.
    open_changed
        Whether to draw from decisions or by a policy too that are not the sealed ones, to name what differs. They are
        not opened otherwise: Parquet's readers are not safe on damaged bytes.
    now
        The present, for another clock than this machine's: lines ahead of it are told.

    Raises
    ------
    SelectivityError
        A file is missing or cannot be read, or the decisions lack a column.
    """
    record = file if isinstance(file, PublicRecord) else existing(file)
    faults = [*record.faults, *_rewritten(record, published)]
    key, key_faults = _key(record, day, key_file)
    faults += [*_commitment_faults(record, day, trial), *key_faults]
    sealed = record.of(day, Kind.SEAL)
    seal_faults = list(_seal_faults(day, sealed, file_sha256(Path(decisions)), policy_sha256(policy)))
    may_open = open_changed or not seal_faults
    replayed = replay(read_table(decisions), day, with_key(policy, key)) if key and may_open else None
    faults += [*seal_faults, *_replay_faults(replayed)]
    notes = tuple(_notes(record, day, published, now_or(now)))
    return Verification(record.programme, day, tuple(faults), notes, replayed)


def _rewritten(record: PublicRecord, published: Sequence[str]) -> Iterator[str]:
    known = {entry.sha256 for entry in record.entries}
    for head in published:
        if head.strip().lower() not in known:
            yield f"no line has the hash {head}, which was published as the head: the file was rewritten since"


def _commitment_faults(record: PublicRecord, day: date, trial: str) -> Iterator[str]:
    committed = record.of(day, Kind.COMMIT)
    if committed is None:
        yield f"nothing commits to a key of {day}"
    elif committed.moment.date() >= day and committed.trial != trial:
        named = f" (trial {committed.trial!r})" if committed.trial else ""
        yield f"the commitment in line {committed.number} is of {committed.at}, when {day} had begun{named}"


def _key(record: PublicRecord, day: date, key_file: str | Path | None) -> tuple[bytes | None, list[str]]:
    """Return the day's key, and what is wrong with it; a key that does not fit is not replayed with."""
    revealed = record.of(day, Kind.REVEAL)
    if key_file is None and revealed is None:
        return None, [f"the key of {day} is not revealed: wait until it is, or give it with --key"]
    try:
        given = None if key_file is None else read_key(Path(key_file))
    except RandomArmError as error:
        return None, [str(error)]
    out = None if revealed is None else bytes.fromhex(revealed.key)
    if given is not None and out is not None and given != out:
        return None, [f"{key_file} is not the key of {day} that line {revealed.number if revealed else 0} reveals"]
    key = given or out
    fault = "" if key is None else mismatch(record, day, key)
    return (None, [fault]) if fault else (key, [])


def _seal_faults(day: date, sealed: Entry | None, decisions: str, policy: str) -> Iterator[str]:
    """Yield what decisions and policy, by their hashes, are not; whoever knows the key could choose either to fit."""
    if sealed is None:
        yield f"nothing seals the decisions of {day}: they may be of any time since (--changed draws from them anyway)"
        return
    if decisions != sealed.decisions:
        yield (
            f"the decisions are not the file that line {sealed.number} seals: they were changed since (--changed draws "
            "from them anyway)"
        )
    if policy != sealed.policy:
        yield (
            f"the policy is not the one that line {sealed.number} seals: another share, lane or limit draws others "
            "(--changed draws by it anyway)"
        )


def _replay_faults(replayed: Replay | None) -> Iterator[str]:
    if replayed is None:
        return
    if many := len(replayed.should_not):
        told = number_of(many, "declaration counts", "declarations count")
        yield f"{told} as drawn and should not have been"
    if many := len(replayed.should_have):
        yield f"{number_of(many, 'declaration')} should have been drawn and {'was' if many == 1 else 'were'} not"
    yield from replayed.faults


def _notes(record: PublicRecord, day: date, published: Sequence[str], now: datetime) -> Iterator[str]:
    if (committed := record.of(day, Kind.COMMIT)) is not None and committed.trial:
        yield f"trial {committed.trial!r}: the key may have been chosen after the day, so nothing is proved of the past"
    if record.entries:
        yield f"days begin at midnight by the clock of line 1: {record.clock}"
    yield from record.ahead_of(now)
    yield from _uncovered(record, day, published)
    yield from _waited(record, day)
    yield from _other_policy(record, day)


def _uncovered(record: PublicRecord, day: date, published: Sequence[str]) -> Iterator[str]:
    """Yield what no given head proves: whoever can write the public file may have written later lines anew."""
    if not published:
        yield "no head kept elsewhere was given (--head): whoever can write the public file may have written it anew"
        return
    heads = {head.strip().lower() for head in published}
    kept = [entry.number for entry in record.entries if entry.sha256 in heads]
    steps = [record.of(day, kind) for kind in (Kind.COMMIT, Kind.SEAL, Kind.REVEAL)]
    for entry, following, what in ((steps[0], steps[1], "another key"), (steps[1], steps[2], "other decisions")):
        end = following.number if following else len(record.entries) + 1
        if entry is not None and not any(entry.number <= number < end for number in kept):
            yield (
                f"no given head is of lines {entry.number} ({entry.kind}) to {end - 1}: {what} may have come there "
                f"later. Keep the head that every call tells, and give that of the {entry.kind} with --head"
            )


def _waited(record: PublicRecord, day: date) -> Iterator[str]:
    """Yield the days right before `day` that nobody decided: whoever waits chooses among keys."""
    sealed = set(record.days(Kind.SEAL))
    before = [one for one in record.days(Kind.COMMIT) if one < day]
    last = max((one for one in sealed if one < day), default=None)
    if skipped := [one for one in before if last is None or one > last]:
        yield (
            f"{day} may have decided what was lodged from {skipped[0]} on: keys were committed to for {len(skipped)} "
            "of the days before it, and nothing is sealed of them. Ask why it waited: whoever waits can choose the key"
        )


def _other_policy(record: PublicRecord, day: date) -> Iterator[str]:
    seals = {date.fromisoformat(one.day): one for one in record.entries if one.kind == Kind.SEAL}
    before = max((one for one in seals if one < day), default=None)
    if before and day in seals and seals[before].policy != seals[day].policy:
        yield (
            f"the policy is another than that of {before}: its share, lanes and limits are chosen by whoever decides, "
            "who may know the key. Ask who changed it, when and why"
        )


def _listed(what: str, declarations: Sequence[str]) -> list[str]:
    more = f" and {len(declarations) - _SHOWN:,} more" if len(declarations) > _SHOWN else ""
    return [f"{what}: {', '.join(declarations[:_SHOWN])}{more}"] if declarations else []
