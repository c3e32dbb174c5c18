"""One line of the public file: a commitment ahead of its day, a seal on its decisions, or its key revealed after."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from workbench.chain import canonical_json
from workbench.errors import SelectivityError
from workbench.scorer.lanes.draw import KEY_BYTES

_PROGRAMME = re.compile(r"[a-z][a-z0-9_]*")
_DOMAIN = b"selectivity workbench, daily secret of the random arm, 1"


class RandomArmError(SelectivityError):
    """A secret, a commitment or the public file is missing, does not fit or does not verify; nothing was written."""


class Kind(StrEnum):
    """What a line of the public file says."""

    COMMIT = "commit"
    SEAL = "seal"
    REVEAL = "reveal"


def commitment(programme: str, day: date, key: bytes) -> str:
    """Return the SHA-256 that commits to a day's key without telling it, in hexadecimal digits.

    The hash is over a sentence that no other use of the key shares, the programme, the day and the key, parted by NUL:
    none of the first three can hold one, so that two different inputs never read the same. A key of 32 random bytes
    cannot be guessed from it (hiding), and no second key, day or programme fits it (binding). Source: Blum (1983),
    "Coin flipping by telephone", SIGACT News 15(1); FIPS 180-4.

    >>> commitment("imports", date(2026, 3, 1), bytes(32))[:16]
    'ec636a8f7e6c4eb5'
    """
    return hashlib.sha256(b"\0".join([_DOMAIN, programme.encode(), day.isoformat().encode(), key])).hexdigest()


_OFFSETS = (timedelta(hours=-12), timedelta(hours=14))
"""Clocks on Earth are this far from UTC."""

_CARRIED = {Kind.COMMIT: {"commitment"}, Kind.SEAL: {"decisions", "policy"}, Kind.REVEAL: {"key"}}


@dataclass(frozen=True)
class Entry:
    """A line of the public file.

    Parameters
    ----------
    number
        Number of the line, from 1.
    kind
        ``commit``, ``seal`` or ``reveal``.
    programme
        The selection problem; a file has one.
    day
        The day that the line is about, ISO 8601.
    at
        Moment of publishing, ISO 8601 to the second. The first line's offset from UTC is the programme's: all lines
        have it, and every day begins at its midnight.
    previous
        `sha256` of the line before, :data:`~workbench.chain.NO_LINE` for the first.
    commitment
        See :func:`commitment`; on a ``commit``.
    trial
        Name of the trial that a ``commit`` of a day that had begun is for, empty otherwise.
    decisions, policy
        SHA-256 of the file of the day's decisions, and of the policy that they were taken by; on a ``seal``.
    key
        The day's key in hexadecimal digits; on a ``reveal``.
    """

    number: int
    kind: str
    programme: str
    day: str
    at: str
    previous: str
    commitment: str = ""
    trial: str = ""
    decisions: str = ""
    policy: str = ""
    key: str = ""

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Read a line; anything that is not, to the byte, what :meth:`line` writes is a ``ValueError``."""
        try:
            data = json.loads(line)
            del data["sha256"]
            entry = cls(**data)
            sound = entry._is_typed() and entry.line() == line and entry.is_sound()
        except (TypeError, ValueError, KeyError, RecursionError):
            sound = False
        if not sound:
            raise ValueError("this is no line that the workbench writes")
        return entry

    def _is_typed(self) -> bool:
        texts: list[Any] = [value for name, value in asdict(self).items() if name != "number"]
        return type(self.number) is int and all(isinstance(text, str) for text in texts)

    def is_sound(self) -> bool:
        """Say whether day and moment can be read, and the line carries what its kind does and nothing else."""
        hashes = {name: getattr(self, name) for name in ("commitment", "decisions", "policy", "key")}
        carried = {name for name, text in hashes.items() if text} == _CARRIED[Kind(self.kind)]
        named = is_programme(self.programme) and (not self.trial or self.kind == Kind.COMMIT)
        dated = written_moment(self.moment) == self.at and self.date.isoformat() == self.day and self._is_of_a_clock()
        return carried and named and dated and all(_is_hex(text) for text in hashes.values() if text)

    def _is_of_a_clock(self) -> bool:
        return self.offset is not None and _OFFSETS[0] <= self.offset <= _OFFSETS[1]

    @property
    def date(self) -> date:
        """The day that the line is about."""
        return date.fromisoformat(self.day)

    @property
    def moment(self) -> datetime:
        """The moment of publishing, with its offset from UTC."""
        return datetime.fromisoformat(self.at)

    @property
    def offset(self) -> timedelta | None:
        """The offset from UTC of the clock that it was written by."""
        return self.moment.utcoffset()

    @property
    def sha256(self) -> str:
        """SHA-256 of everything else on the line: what the next line names as its `previous`."""
        return hashlib.sha256(canonical_json(self._content()).encode()).hexdigest()

    def line(self) -> bytes:
        """Return the line without its line feed, ASCII."""
        return canonical_json({**self._content(), "sha256": self.sha256}).encode()

    def _content(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value != ""}


def is_programme(name: str) -> bool:
    """Say whether a text can name a programme."""
    return _PROGRAMME.fullmatch(name) is not None


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == KEY_BYTES and text == text.lower()
    except ValueError:
        return False


def written_moment(moment: datetime) -> str:
    """Return a moment as the file writes it: to the second, with its offset from UTC.

    >>> from datetime import timedelta, timezone
    >>> written_moment(datetime(2026, 3, 1, 23, 5, tzinfo=timezone(timedelta(hours=7))))
    '2026-03-01T23:05:00+07:00'

    Raises
    ------
    ValueError
        The moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment of publishing needs a time zone")
    return moment.isoformat(timespec="seconds")
