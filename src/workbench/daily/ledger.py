"""The ledger of a desk: one chained line for everything that was done, with the hashes of what went in and came out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.chain import NO_LINE, ChainedFile, Head, canonical_json, head_faults, whole_lines
from workbench.errors import SelectivityError


class DeskError(SelectivityError):
    """A desk cannot be used, or what is asked of it is refused; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """One line of the ledger.

    Parameters
    ----------
    number
        Number of the line, from 1.
    kind
        ``init``, ``adopt``, ``intent`` (to write the folder of a step), ``intake``, ``day``, ``refresh`` or
        ``retrain``.
    name
        What of that kind: a day, the number of an intake, a week; of an intent the kind of step too.
    at
        Moment of writing, ISO 8601 with offset.
    previous
        SHA-256 of the line before.
    detail
        What went in and came out.
    """

    number: int
    kind: str
    name: str
    at: str
    previous: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the line without its line feed, ASCII."""
        return canonical_json(self.__dict__).encode()

    @property
    def sha256(self) -> str:
        """SHA-256 of the line: what the next one names as its `previous`."""
        return hashlib.sha256(self.content()).hexdigest()


@dataclass(frozen=True)
class Ledger:
    """A ledger that verifies.

    Parameters
    ----------
    file
        The file.
    lines
        Its lines.
    """

    file: Path
    lines: tuple[Line, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Ledger:
        """Read and verify a ledger.

        Raises
        ------
        DeskError
            It cannot be read, or a line was changed, moved, cut or removed; names the line.
        """
        chained = _chained(file)
        head, content = chained.contents()
        found, cut = whole_lines(content)
        lines, faults = list[Line](), list(cut)
        for number, text in enumerate(found, 1):
            line = _parsed(text)
            faults += [f"line {number} {fault}" for fault in _faults(number, line, lines)]
            lines += [line] if line else []
        if not faults:
            faults += head_faults(head, [line.sha256 for line in lines], lambda known: len(lines) - known <= 1)
        if faults:
            raise DeskError(
                f"{file} does not verify: {'; '.join(faults)}. Restore the desk from its last copy; never mend it by "
                "hand."
            )
        return cls(file, tuple(lines))

    def with_line(self, kind: str, name: str, detail: Mapping[str, Any], now: datetime) -> Ledger:
        """Append a line, under the desk's lock."""
        previous = self.lines[-1].sha256 if self.lines else NO_LINE
        moment = now.isoformat(timespec="seconds")
        lines = (*self.lines, Line(len(self.lines) + 1, kind, name, moment, previous, detail))
        before = Head(len(self.lines), previous) if self.lines else None
        _chained(self.file).replace([line.content() for line in lines], before, Head(len(lines), lines[-1].sha256))
        return Ledger(self.file, lines)

    def of(self, kind: str) -> list[Line]:
        """Return the lines of a kind, in order."""
        return [line for line in self.lines if line.kind == kind]

    def find(self, kind: str, name: str) -> Line | None:
        """Return the last line of that kind and name."""
        return next((line for line in reversed(self.lines) if (line.kind, line.name) == (kind, name)), None)


def _chained(file: Path) -> ChainedFile:
    return ChainedFile(file, file.with_suffix(".head"), DeskError)


def _parsed(text: bytes) -> Line | None:
    try:
        line = Line(**json.loads(text))
        return line if line.content() == text else None
    except (TypeError, ValueError, RecursionError):
        return None


def _faults(number: int, line: Line | None, before: list[Line]) -> Iterator[str]:
    if line is None:
        yield "is no line that the workbench writes: it was cut or changed by hand"
    elif line.number != number:
        yield f"is number {line.number}: a line was removed, added, repeated or moved before it"
    elif line.previous != (before[-1].sha256 if before else NO_LINE):
        yield "does not follow the line before it: that line was changed or another one stood there"
