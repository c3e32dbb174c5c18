"""The journal of a criteria set: one signed line a step, each naming the hash of the line before.

`declarations.toml` has its journal in `declarations.journal.jsonl`. `declarations.journal.head` beside it says how many
lines there are and what the last one's hash is, so that a cut last line is noticed too.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workbench.criteria.lifecycle.entries import NO_LINE, Entry, written_moment
from workbench.criteria.lifecycle.keys import Person, people
from workbench.criteria.lifecycle.ledger import Ledger
from workbench.criteria.lifecycle.places import head_file, journal_file, set_file
from workbench.criteria.lifecycle.states import LifecycleError, State
from workbench.criteria.lifecycle.texts import canonical_json
from workbench.scorer.files import write_bytes_atomically

ADVICE = (
    "Set the clock right, or restore the journal, its head and the keys from the repository's history; never mend them "
    "by hand."
)

_LOCK_SECONDS = 30


@dataclass(frozen=True)
class Head:
    """What the head file says: how many lines the journal has, and the SHA-256 of the last."""

    count: int
    sha256: str

    def to_bytes(self) -> bytes:
        """Return the content of the head file."""
        return canonical_json({"count": self.count, "sha256": self.sha256}).encode() + b"\n"


@dataclass(frozen=True)
class Journal:
    """A journal as read, with all that is wrong with it.

    Parameters
    ----------
    file
        The journal; it need not exist.
    people
        Whose signature counts, by name.
    entries
        The lines that could be read.
    ledger
        Where every text stands, up to the first fault.
    faults
        Everything that does not verify, each a sentence that names the line; empty where all is well.
    """

    file: Path
    people: Mapping[str, Person]
    entries: tuple[Entry, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    faults: tuple[str, ...] = ()

    @property
    def head(self) -> Head | None:
        """What the head file has to say, ``None`` for a journal without lines."""
        return Head(len(self.entries), self.entries[-1].sha256()) if self.entries else None

    def faults_at(self, now: datetime) -> tuple[str, ...]:
        """Return the faults, and that the journal is ahead of the clock where `now` lies before its last line."""
        last = self.entries[-1] if self.entries else None
        if last is None or last.at <= written_moment(now):
            return self.faults
        return (
            *self.faults,
            f"line {last.seq} is of {last.at} and the clock says {written_moment(now)}: the clock went back, or was "
            "ahead when the line was written; set it right",
        )

    def check(self, now: datetime) -> None:
        """Refuse a journal that does not verify, with every fault.

        Raises
        ------
        LifecycleError
            What is wrong, line by line, and what to do.
        """
        if faults := self.faults_at(now):
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise LifecycleError(
                f"{self.file} does not verify, so nothing is in force and no step can be taken:\n{listed}\n{ADVICE}"
            )


def read(criteria_file: Path) -> Journal:
    """Read and verify the journal of a criteria set; without one, nobody has taken a step yet.

    Raises
    ------
    LifecycleError
        A file cannot be opened, or ``keys/`` holds something else than public keys. Faults of the journal itself are
        in its `faults`.
    """
    known = people(criteria_file)
    head, content = _contents(criteria_file)
    reader = _Reader(set_file(criteria_file).stem, known)
    *lines, rest = content.split(b"\n") if content is not None else [b""]
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    if rest or content == b"":
        reader.faults.append(f"line {len(lines) + 1} is cut: it does not end")
    if not reader.faults:
        reader.faults += _head_faults(head, reader.entries)
    return Journal(journal_file(criteria_file), known, tuple(reader.entries), reader.ledger, tuple(reader.faults))


def _contents(criteria_file: Path) -> tuple[bytes | None, bytes | None]:
    """Return head and journal of one moment: read again while somebody is between writing the two."""
    while True:
        before = _bytes(head_file(criteria_file))
        content = _bytes(journal_file(criteria_file))
        if _bytes(head_file(criteria_file)) == before:
            return before, content


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LifecycleError(f"{file} cannot be read: {error.strerror}. Mend its rights.") from None


def _head_faults(head: bytes | None, entries: Sequence[Entry]) -> Iterator[str]:
    if head is None:
        if not _is_one_command(entries):
            yield "the head file is missing: nobody can tell whether the last lines were cut"
        return
    try:
        found = Head(**json.loads(head))
        sound = type(found.count) is int and found.to_bytes() == head and found.count > 0
    except (TypeError, ValueError, RecursionError):
        sound = False
    if not sound:
        yield "the head file is not what the workbench writes: it was cut or changed by hand"
    elif found.count > len(entries):
        yield f"the head knows {found.count} lines and the journal has {len(entries)}: the last were cut"
    elif entries[found.count - 1].sha256() != found.sha256:
        yield f"line {found.count} is not the one that the head knows"
    elif not _is_one_command(entries[found.count :]):
        yield f"the head knows {found.count} of {len(entries)} lines: the head is older than one step"


def _is_one_command(entries: Sequence[Entry]) -> bool:
    """Say whether lines without their head are what a crash between the two writes leaves; the next step heals it."""
    return len({(entry.at, entry.by, entry.step) for entry in entries}) <= 1


class _Reader:
    """Verifies line after line: form, chain, signature, order of steps."""

    def __init__(self, set_name: str, known: Mapping[str, Person]) -> None:
        self.set_name, self.known = set_name, known
        self.entries: list[Entry] = []
        self.ledger = Ledger()
        self.faults: list[str] = []
        self.previous = NO_LINE

    def read(self, number: int, line: bytes) -> None:
        try:
            entry = Entry.from_line(line)
        except ValueError:
            self.faults.append(f"line {number} is no line that the workbench writes: it was cut or changed by hand")
        else:
            self.faults += [f"line {number} {message}" for message in self._faults(number, entry)]
            self.entries.append(entry)
            if not self.faults:
                self.ledger.take(entry)
        self.previous = hashlib.sha256(line).hexdigest()

    def _faults(self, number: int, entry: Entry) -> Iterator[str]:
        if entry.set != self.set_name:
            yield f"belongs to the set {entry.set!r}; this is the journal of {self.set_name!r}"
        if entry.seq != number:
            yield f"is step {entry.seq}: a line was removed, added, repeated or moved before it"
        elif entry.previous != self.previous:
            yield "does not follow the line before it: that line was changed or another one stood there"
        if self.entries and entry.at < self.entries[-1].at:
            yield f"is of {entry.at}, before the line above it ({self.entries[-1].at}): a clock went back"
        yield from filter(None, [self._signature_fault(entry)])
        # After a fault nobody knows where a criterion stood.
        if not self.faults and (refusal := self.ledger.refusal(entry)):
            yield f"is an illegal step: {entry.criterion!r} {refusal}"

    def _signature_fault(self, entry: Entry) -> str:
        person = self.known.get(entry.by)
        if person is None or person.fingerprint != entry.key:
            return self._stranger(entry)
        if not person.signed(entry.payload(), entry.signature):
            return f"was changed after {entry.by!r} signed it: the signature does not fit"
        if entry.step == State.APPROVED and not self._is_approval(entry, person):
            return f"approves {entry.criterion!r} with a signature that does not fit its text"
        return ""

    def _is_approval(self, entry: Entry, person: Person) -> bool:
        standing = self.ledger.of(entry.criterion, entry.text_sha256)
        # Without a draft there is no text to verify, and the order of steps is at fault.
        return standing is None or person.signed(standing.text.canonical.encode(), entry.approval)

    def _stranger(self, entry: Entry) -> str:
        owner = next((one.name for one in self.known.values() if one.fingerprint == entry.key), None)
        if owner:
            return f"is signed with the key of {owner!r} under the name {entry.by!r}"
        if entry.by in self.known:
            return f"is signed with another key than keys/{entry.by}.pub: that file or the signer was exchanged"
        return f"is signed by {entry.by!r}, whose key is unknown: put keys/{entry.by}.pub back if it was removed"


@contextmanager
def locked(criteria_file: Path) -> Iterator[None]:
    """Hold a set's journal for this process alone."""
    from filelock import FileLock, Timeout

    file = journal_file(criteria_file)
    lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise LifecycleError(
            f"Another process has held {file} for {_LOCK_SECONDS} s. Try again when it ended."
        ) from None
    except OSError as error:
        raise LifecycleError(f"{file} cannot be written: {error.strerror}. Mend the rights of its folder.") from None
    try:
        yield
    finally:
        lock.release()


def append(criteria_file: Path, journal: Journal, added: Iterable[Entry]) -> None:
    """Write lines after those of `journal`, which was read under the same lock; all of them or none.

    The journal is replaced as a whole, so that a crash leaves no half line, and its head after it. Lines that an
    earlier crash left without their head get it first: a second crash would leave those of two commands.
    """
    head = head_file(criteria_file)
    _remove_partial(journal.file, head)
    entries = [*journal.entries, *added]
    if journal.head and _bytes(head) != journal.head.to_bytes():
        write_bytes_atomically(journal.head.to_bytes(), head)
    write_bytes_atomically(b"".join(entry.line() + b"\n" for entry in entries), journal.file)
    write_bytes_atomically(Head(len(entries), entries[-1].sha256()).to_bytes(), head)


def _remove_partial(*files: Path) -> None:
    """Remove what a killed writer left; nobody else writes them under the lock."""
    for file in files:
        for partial in file.parent.glob(f".{glob.escape(file.name)}.*.partial"):
            partial.unlink(missing_ok=True)


def now_or(moment: datetime | None) -> datetime:
    """Return `moment`, the present where none is given."""
    return moment or datetime.now(UTC)
