"""The public file of a programme as read: its lines, what they say of each day, and everything that does not verify."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from pathlib import Path

from workbench.chain import ChainedFile, Head, head_faults, now_or, whole_lines
from workbench.random_arm.entries import Entry, Kind, RandomArmError, written_moment
from workbench.random_arm.lines import Lines

ADVICE = (
    "Restore the file and its head from where they were published, or set the clock right; never mend them by hand."
)


@dataclass(frozen=True)
class PublicRecord:
    """The public file of commitments, seals and revealed keys.

    Parameters
    ----------
    file
        The file; it need not exist.
    entries
        The lines that could be read.
    faults
        Everything that does not verify, each a sentence that names the line; empty where all is well.
    """

    file: Path
    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def programme(self) -> str:
        """The programme that the file belongs to; empty for a file without lines."""
        return self.entries[0].programme if self.entries else ""

    @property
    def head(self) -> Head | None:
        """How many lines there are and the hash of the last: what to publish elsewhere."""
        return Head(len(self.entries), self.entries[-1].sha256) if self.entries else None

    def of(self, day: date, kind: Kind) -> Entry | None:
        """Return what the file says of a day under one kind of line."""
        return next((one for one in self.entries if one.day == day.isoformat() and one.kind == kind), None)

    def days(self, kind: Kind) -> list[date]:
        """Return the days that have a line of a kind, in order."""
        return sorted(one.date for one in self.entries if one.kind == kind)

    @property
    def clock(self) -> tzinfo | None:
        """The programme's offset from UTC, which the first line pins; ``None`` for a file without lines."""
        return self.entries[0].moment.tzinfo if self.entries else None

    def by_its_clock(self, moment: datetime) -> datetime:
        """Return a moment with the programme's offset from UTC; as it is for a file without lines."""
        return moment.astimezone(self.clock) if self.entries else moment

    def ahead_of(self, now: datetime) -> Iterator[str]:
        """Yield a sentence if the last line is of a moment that has not come yet."""
        if self.entries and self.entries[-1].moment > now:
            yield (
                f"line {len(self.entries)} is of {self.entries[-1].at} and the clock says {written_moment(now)}: the "
                "clock went back, or was ahead when the line was written"
            )

    def check(self, now: datetime) -> None:
        """Refuse a file that does not verify, or is ahead of the clock, with every fault.

        Raises
        ------
        RandomArmError
            What is wrong, line by line, and what to do.
        """
        faults = [*self.faults, *self.ahead_of(now)]
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise RandomArmError(f"{self.file} does not verify:\n{listed}\n{ADVICE}")


def head_file(file: Path) -> Path:
    """Return where the head of a public file lies.

    >>> head_file(Path("public/imports.jsonl")).name
    'imports.jsonl.head'
    """
    return file.with_name(f"{file.name}.head")


def read(file: str | Path) -> PublicRecord:
    """Read and verify a public file; what is wrong with it is in its `faults`.

    Raises
    ------
    RandomArmError
        The file cannot be opened.
    """
    chained = public_file(Path(file))
    head, content = chained.contents()
    lines, cut = whole_lines(content)
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    entries, faults = reader.lines.entries, [*reader.faults, *cut]
    if not faults:
        hashes = [entry.sha256 for entry in entries]
        faults += head_faults(head, hashes, lambda known: _is_one_command(entries[known:]))
    return PublicRecord(chained.path, tuple(entries), tuple(faults))


def existing(file: str | Path) -> PublicRecord:
    """Read a public file as :func:`read` does, and refuse one that is not there.

    Raises
    ------
    RandomArmError
        There is none, or it cannot be opened.
    """
    if not Path(file).exists():
        raise RandomArmError(f"{file} does not exist. Check the path, or begin the file with: workbench random new")
    return read(file)


@contextmanager
def opened(file: str | Path, now: datetime | None) -> Iterator[Editor]:
    """Hold a public file that verifies, to add lines to it.

    Raises
    ------
    RandomArmError
        It does not verify, is held by another process or cannot be written.
    """
    chained = public_file(Path(file))
    if not chained.path.parent.is_dir():
        raise RandomArmError(f"{chained.path.parent} does not exist. Make the folder of the public file first.")
    with chained.locked():
        record = read(chained.path)
        moment = record.by_its_clock(now_or(now))
        record.check(moment)
        yield Editor(chained, record, moment)


@dataclass(frozen=True)
class Editor:
    """A public file held by this process.

    Parameters
    ----------
    chained
        The file, locked.
    record
        What it says.
    now
        Moment of publishing, by the clock of the programme.
    """

    chained: ChainedFile
    record: PublicRecord
    now: datetime

    def append(self, entries: Iterable[Entry]) -> PublicRecord:
        """Write lines, numbered and linked; all of them or none.

        Raises
        ------
        RandomArmError
            A line may not follow those that are there.
        """
        lines = self.linked(entries)
        after = replace(self.record, entries=tuple(lines))
        if after.head:
            self.chained.replace([line.line() for line in lines], self.record.head, after.head)
        return after

    def linked(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the lines that are there and those to come, numbered and linked; errors as :meth:`append`."""
        lines = Lines()
        for one in self.record.entries:
            lines.take(one)
        for entry in entries:
            linked = replace(
                entry, number=len(lines.entries) + 1, previous=lines.last_sha256, at=written_moment(self.now)
            )
            if refusal := next(lines.unfit(linked), ""):
                raise RandomArmError(f"The key of {linked.day}: {refusal}. Nothing was written.")
            lines.take(linked)
        return lines.entries


def _is_one_command(entries: Sequence[Entry]) -> bool:
    """Say whether lines without their head are what a crash between the two writes leaves."""
    return len({(entry.at, entry.kind) for entry in entries}) <= 1


def public_file(file: Path) -> ChainedFile:
    """Return the public file with its head and its lock."""
    return ChainedFile(file, head_file(file), RandomArmError)


class _Reader:
    """Verifies line after line: form, chain, order of time, and whether it may follow those before."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.faults: list[str] = []

    def read(self, number: int, line: bytes) -> None:
        try:
            entry = Entry.from_line(line)
        except ValueError:
            self.faults.append(f"line {number} is no line that the workbench writes: it was cut or changed by hand")
        else:
            self.faults += [f"line {number} {message}" for message in self._faults(number, entry)]
            self.lines.take(entry)

    def _faults(self, number: int, entry: Entry) -> Iterator[str]:
        if entry.number != number:
            yield f"is number {entry.number}: a line was removed, added, repeated or moved before it"
        elif entry.previous != self.lines.last_sha256 and not self.faults:
            yield "does not follow the line before it: that line was changed or another one stood there"
        if (before := self.lines.entries) and entry.moment < before[-1].moment:
            yield f"is of {entry.at}, before the line above it ({before[-1].at}): a clock went back"
        # After a fault nobody knows what stood before.
        if not self.faults:
            yield from (f"({entry.kind} of {entry.day}) cannot stand: {why}" for why in self.lines.unfit(entry))
