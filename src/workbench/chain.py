"""Hash-chained files: each line names the hash of the line before, a head beside the file says where it ends.

A line that was changed, moved, added or removed breaks the chain from there on, and the head tells when the last lines
were cut. Whoever may write both files can still write another chain altogether: what proves more is a head that was
published elsewhere, or signatures on the lines.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import SelectivityError, SourceError
from workbench.locks import held
from workbench.scorer.files import write_bytes_atomically

NO_LINE = "0" * 64
"""What the first line of a chain names as the hash of the line before it."""

_LOCK_SECONDS = 30


def canonical_json(value: Any) -> str:
    """Return `value` as the one JSON text that stands for it: sorted keys, no spaces, ASCII, no NaN.

    >>> canonical_json({"day": "2026-03-01", "at": 1})
    '{"at":1,"day":"2026-03-01"}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def now_or(moment: datetime | None) -> datetime:
    """Return `moment`, the present by this machine's clock and offset where none is given."""
    return moment or datetime.now().astimezone()


@dataclass(frozen=True)
class Head:
    """What a head file says: how many lines the chain has, and the SHA-256 of the last."""

    count: int
    sha256: str

    def to_bytes(self) -> bytes:
        """Return the content of the head file."""
        return canonical_json({"count": self.count, "sha256": self.sha256}).encode() + b"\n"


def whole_lines(content: bytes | None) -> tuple[list[bytes], list[str]]:
    r"""Return the lines of a chain's file, and a fault where the last of them does not end.

    >>> whole_lines(b'{"a":1}\n{"b"')
    ([b'{"a":1}'], ['line 2 is cut: it does not end'])
    """
    *lines, rest = content.split(b"\n") if content is not None else [b""]
    is_cut = rest or content == b""
    return lines, [f"line {len(lines) + 1} is cut: it does not end"] if is_cut else []


def head_faults(head: bytes | None, hashes: Sequence[str], is_one_step: Callable[[int], bool]) -> Iterator[str]:
    """Yield what is wrong with a head, as sentences about the lines.

    Parameters
    ----------
    head
        Content of the head file, ``None`` where there is none.
    hashes
        SHA-256 of every line, in order.
    is_one_step
        Says of a number of lines whether all that follow them were written at once: what a crash leaves that came
        between the lines and their head. The next writer heals it.
    """
    if head is None:
        if not is_one_step(0):
            yield "the head file is missing: nobody can tell whether the last lines were cut"
        return
    try:
        found = Head(**json.loads(head))
        sound = type(found.count) is int and found.to_bytes() == head and found.count > 0
    except (TypeError, ValueError, RecursionError):
        sound = False
    if not sound:
        yield "the head file is not what the workbench writes: it was cut or changed by hand"
    elif found.count > len(hashes):
        yield f"the head knows {found.count} lines and the file has {len(hashes)}: the last were cut"
    elif hashes[found.count - 1] != found.sha256:
        yield f"line {found.count} is not the one that the head knows"
    elif not is_one_step(found.count):
        yield f"the head knows {found.count} of {len(hashes)} lines: the head is older than one step"


@dataclass(frozen=True)
class ChainedFile:
    """A file of lines and its head file, read as of one moment and replaced as a whole under a lock.

    Parameters
    ----------
    path, head_path
        The file and its head; neither needs to exist.
    error
        What is raised when a file cannot be read, locked or written.
    """

    path: Path
    head_path: Path
    error: type[SelectivityError] = SourceError

    def contents(self) -> tuple[bytes | None, bytes | None]:
        """Return head and file of one moment: read again while somebody is between writing the two."""
        while True:
            before = self._bytes(self.head_path)
            content = self._bytes(self.path)
            if self._bytes(self.head_path) == before:
                return before, content

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file for this process alone; refuse after 30 s in which another one held it."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        busy = f"Another process has held {self.path} for {_LOCK_SECONDS} s. Try again when it ended."
        with held(lock, seconds=_LOCK_SECONDS, error=self.error, busy=busy, advice="Mend the rights of the folder."):
            yield

    def replace(self, lines: Sequence[bytes], before: Head | None, after: Head) -> None:
        """Write all `lines`, under the lock under which they were read; all of them or none.

        The file is replaced as a whole, so that a crash leaves no half line, and its head after it. Lines that an
        earlier crash left without their head get it first: a second crash would leave those of two steps.

        Parameters
        ----------
        lines
            Old and new lines, without line feeds.
        before, after
            The head of the old lines, ``None`` where there were none, and that of all.
        """
        self._remove_partial()
        if before and self._bytes(self.head_path) != before.to_bytes():
            write_bytes_atomically(before.to_bytes(), self.head_path)
        write_bytes_atomically(b"".join(line + b"\n" for line in lines), self.path)
        write_bytes_atomically(after.to_bytes(), self.head_path)

    def tidy(self) -> None:
        """Remove what a writer that was killed left beside the file, under its lock."""
        if self.path.parent.is_dir():
            with self.locked():
                self._remove_partial()

    def _bytes(self, file: Path) -> bytes | None:
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.error(f"{file} cannot be read: {error.strerror}. Mend its rights.") from None

    def _remove_partial(self) -> None:
        """Remove what a killed writer left; nobody else writes these files under the lock."""
        for file in (self.path, self.head_path):
            for partial in file.parent.glob(f".{glob.escape(file.name)}.*.partial"):
                partial.unlink(missing_ok=True)
