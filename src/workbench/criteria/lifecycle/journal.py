"""The journal of a criteria set: one signed line a step, each naming the hash of the line before.

`declarations.toml` has its journal in `declarations.journal.jsonl`. `declarations.journal.head` beside it says how many
lines there are and what the last one's hash is, so that a cut last line is noticed too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workbench.chain import NO_LINE, ChainedFile, Head, head_faults, whole_lines
from workbench.criteria.lifecycle.entries import Entry, written_moment
from workbench.criteria.lifecycle.keys import Person, people
from workbench.criteria.lifecycle.ledger import Ledger
from workbench.criteria.lifecycle.places import head_file, journal_file, set_file
from workbench.criteria.lifecycle.states import LifecycleError, State

ADVICE = (
    "Set the clock right, or restore the journal, its head and the keys from the repository's history; never mend them "
    "by hand."
)


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
    head, content = _chained(criteria_file).contents()
    reader = _Reader(set_file(criteria_file).stem, known)
    lines, cut = whole_lines(content)
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    reader.faults += cut
    if not reader.faults:
        entries = reader.entries
        hashes = [entry.sha256() for entry in entries]
        reader.faults += head_faults(head, hashes, lambda known: _is_one_command(entries[known:]))
    return Journal(journal_file(criteria_file), known, tuple(reader.entries), reader.ledger, tuple(reader.faults))


def _chained(criteria_file: Path) -> ChainedFile:
    return ChainedFile(journal_file(criteria_file), head_file(criteria_file), LifecycleError)


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


def locked(criteria_file: Path) -> AbstractContextManager[None]:
    """Hold a set's journal for this process alone."""
    return _chained(criteria_file).locked()


def append(criteria_file: Path, journal: Journal, added: Iterable[Entry]) -> None:
    """Write lines after those of `journal`, which was read under the same lock; all of them or none."""
    entries = [*journal.entries, *added]
    lines = [entry.line() for entry in entries]
    _chained(criteria_file).replace(lines, journal.head, Head(len(entries), entries[-1].sha256()))
