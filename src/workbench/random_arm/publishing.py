"""What is published and when: commitments ahead, a seal on the day's decisions, the key once the day is over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from workbench.chain import NO_LINE, Head, now_or
from workbench.errors import SourceError
from workbench.random_arm.daily_keys import kept_or_new, key_file, mismatch, read_key
from workbench.random_arm.entries import Entry, Kind, RandomArmError, commitment, is_programme
from workbench.random_arm.policy_file import policy_sha256
from workbench.random_arm.record import PublicRecord, opened, read
from workbench.random_arm.status import head_told
from workbench.random_arm.words import number_of
from workbench.scorer.lanes.policy import SelectionPolicy

_MOST_DAYS = 3660
"""Ten years: more at once is a mistake of the keyboard."""


@dataclass(frozen=True)
class Published:
    """Lines that were added to a public file.

    Parameters
    ----------
    file
        The public file.
    kind
        What the lines are.
    days
        Their days; empty where nothing was to be done.
    head
        The head after them.
    """

    file: Path
    kind: Kind
    days: tuple[date, ...]
    head: Head | None

    def describe(self) -> str:
        """Say what was added, and what the head is for."""
        noun = {Kind.COMMIT: "commitment", Kind.SEAL: "seal", Kind.REVEAL: "key"}[self.kind]
        if not self.days:
            return f"Nothing to add to {self.file}: it says so already."
        span = f"{self.days[0]}" if len(self.days) == 1 else f"{self.days[0]} to {self.days[-1]}"
        return f"{number_of(len(self.days), noun)} of {span} added to {self.file}.\n{head_told(self.head)}"

    def to_dict(self) -> dict[str, object]:
        """Return the same as JSON."""
        head = None if self.head is None else {"count": self.head.count, "sha256": self.head.sha256}
        return {"file": str(self.file), "kind": str(self.kind), "days": [str(day) for day in self.days], "head": head}


def commit(
    file: str | Path,
    keys: str | Path,
    days: int,
    *,
    first: date | None = None,
    programme: str = "",
    trial: str = "",
    now: datetime | None = None,
) -> Published:
    """Make the secrets of days to come and publish a commitment to each.

    Without `first` this tops up: called again it commits to what the next `days` days lack, and so a timetable that
    calls it every month stays that far ahead.

    Parameters
    ----------
    file
        The public file, JSON lines; its folder exists.
    keys
        Folder of the secrets, another one than that of the public file.
    days
        How many days ahead of today every one is to be committed to, from 1; with `first`, how many days from it on.
    first
        First day; none of the days may be committed to yet.
    programme
        The selection problem; the file's own where it has lines.
    trial
        Name of a trial, which may commit to days that have begun: such a key proves nothing.
    now
        Moment of publishing, with time zone; the present where none is given.

    Raises
    ------
    RandomArmError
        The file does not verify, a day has begun or is committed to already, or a secret cannot be kept. Nothing is
        published then; secrets made on the way serve the next call.
    """
    folder, path = Path(keys), Path(file)
    _check_call(path, folder, days)
    with opened(path, now) as editor:
        record, name = editor.record, programme or editor.record.programme
        _check_programme(path, name, record.programme)
        wanted = _days(record, days, first, editor.now)
        plain = [_plain(name, day, trial) for day in wanted]
        editor.linked(plain)  # refuses before a secret is made
        made = [_committed(one, kept_or_new(key_file(folder, name, one.date))) for one in plain]
        return Published(path, Kind.COMMIT, tuple(wanted), editor.append(made).head if made else record.head)


def _check_call(file: Path, keys: Path, days: int) -> None:
    if not 1 <= days <= _MOST_DAYS:
        raise RandomArmError(f"--days is {days}: give 1 to {_MOST_DAYS}.")
    if file.resolve().parent == keys.resolve():
        raise RandomArmError(f"{keys} holds the public file: secrets would be published with it. Name another folder.")


def _check_programme(file: Path, programme: str, own: str) -> None:
    if not programme:
        raise RandomArmError(f"{file} is new: say which programme it is for with --programme NAME.")
    if not is_programme(programme):
        raise RandomArmError(f"{programme!r} names no programme: write lower-case letters, digits and '_'.")
    # Where nothing is left to commit to no line would say so.
    if own and programme != own:
        raise RandomArmError(f"{file} is of the programme {own!r}, not of {programme!r}. Name its own.")


def _days(record: PublicRecord, days: int, first: date | None, now: datetime) -> list[date]:
    begin = first or now.date() + timedelta(days=1)
    done = set() if first else set(record.days(Kind.COMMIT))
    return [day for day in (begin + timedelta(days=number) for number in range(days)) if day not in done]


def _plain(programme: str, day: date, trial: str) -> Entry:
    return Entry(0, Kind.COMMIT, programme, day.isoformat(), "", "", commitment=NO_LINE, trial=trial)


def _committed(plain: Entry, key: bytes) -> Entry:
    return replace(plain, commitment=commitment(plain.programme, plain.date, key))


def seal(
    file: str | Path, day: date, decisions: str | Path, policy: SelectionPolicy, *, now: datetime | None = None
) -> Published:
    """Publish the SHA-256 of a day's decisions and of their policy before the key is known: neither can be changed.

    Sealing the same again changes nothing.

    Parameters
    ----------
    file
        The public file.
    day
        The day of decision.
    decisions
        File of all its decisions.
    policy
        Share, lane and limits in force; its key is not read.
    now
        Moment of publishing, with time zone; the present where none is given.

    Raises
    ------
    RandomArmError
        The file does not verify, nothing commits to the day, its key is out, or something else was sealed.
    """
    hashes = {"decisions": file_sha256(Path(decisions)), "policy": policy_sha256(policy)}
    with opened(file, now) as editor:
        record = editor.record
        sealed = record.of(day, Kind.SEAL)
        if sealed is not None and hashes == {"decisions": sealed.decisions, "policy": sealed.policy}:
            return Published(record.file, Kind.SEAL, (), record.head)
        entry = Entry(0, Kind.SEAL, record.programme, day.isoformat(), "", "", **hashes)
        return Published(record.file, Kind.SEAL, (day,), editor.append([entry]).head)


def reveal(file: str | Path, keys: str | Path, day: date, *, now: datetime | None = None) -> Published:
    """Publish the key of a day that has ended; once it is out, anybody can draw the day again.

    Revealing it again changes nothing.

    Raises
    ------
    RandomArmError
        The file does not verify, nothing commits to the day, it has not ended, its decisions are not sealed, or the
        secret is missing or another's.
    """
    with opened(file, now) as editor:
        record = editor.record
        if record.of(day, Kind.REVEAL) is not None:
            return Published(record.file, Kind.REVEAL, (), record.head)
        key = _own_key(record, Path(keys), day)
        entry = Entry(0, Kind.REVEAL, record.programme, day.isoformat(), "", "", key=key.hex())
        return Published(record.file, Kind.REVEAL, (day,), editor.append([entry]).head)


def key_of_day(
    file: str | Path, keys: str | Path, day: date, *, programme: str = "", now: datetime | None = None
) -> bytes:
    """Return the secret with which a day is drawn, after checking that it may be.

    Raises
    ------
    RandomArmError
        The public file does not verify or is of another programme than the one given, nothing commits to the day, the
        key was revealed (anybody could foresee the draws), decisions of the day are sealed (another draw would make a
        second truth), or the secret is missing or is not the one committed to.
    """
    record = read(file)
    record.check(record.by_its_clock(now_or(now)))
    if programme and record.programme not in ("", programme):
        raise RandomArmError(f"{file} is of the programme {record.programme!r}, not of {programme!r}. Name its own.")
    if (out := record.of(day, Kind.REVEAL)) is not None:
        raise RandomArmError(
            f"The key of {day} was revealed in line {out.number} of {record.file}: whoever read it foresees its draws. "
            "Decide what is left with the next day's key."
        )
    if (sealed := record.of(day, Kind.SEAL)) is not None:
        raise RandomArmError(
            f"Decisions of {day} are sealed in line {sealed.number} of {record.file}: the day was decided. Restore "
            "them from the last copy, or decide what is left with the next day's key."
        )
    return _own_key(record, Path(keys), day)


def _own_key(record: PublicRecord, keys: Path, day: date) -> bytes:
    if record.of(day, Kind.COMMIT) is None:
        raise RandomArmError(
            f"Nothing in {record.file} commits to a key of {day}. {_next_with_key(record, day)} Commit ahead with: "
            "workbench random new; for a trial on days that have begun add --trial NAME."
        )
    key = read_key(key_file(keys, record.programme, day))
    if fault := mismatch(record, day, key):
        raise RandomArmError(f"{key_file(keys, record.programme, day)}: {fault}. Restore the right one.")
    return key


def _next_with_key(record: PublicRecord, day: date) -> str:
    later = next((one for one in record.days(Kind.COMMIT) if one > day), None)
    if later is None:
        return "No later day has a key either."
    return f"The first later day with a key is {later}: once it has begun, call for it; it decides what is left too."


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}. Check the path.") from None
