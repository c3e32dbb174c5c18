"""Where a public file stands: what is committed ahead, what waits to be revealed, which secrets are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.chain import Head, now_or
from workbench.random_arm.daily_keys import key_file
from workbench.random_arm.entries import Kind
from workbench.random_arm.record import PublicRecord, existing
from workbench.random_arm.words import number_of


def head_told(head: Head | None) -> str:
    """Return the head as a sentence that says what to do with it."""
    if head is None:
        return "The file has no line yet."
    return (
        f"Head: line {head.count}, {head.sha256}\n"
        "Publish the head where you cannot change it later (a gazette, a partner, a signed mail): whoever can write "
        "this file could write another chain altogether, and only a head kept elsewhere would show it."
    )


@dataclass(frozen=True)
class Status:
    """Where a public file stands on a day.

    Parameters
    ----------
    record
        The file.
    today
        The day.
    missing
        Days from today on that are committed to and whose secret is not in the folder asked about.
    """

    record: PublicRecord
    today: date
    missing: tuple[date, ...]

    @property
    def ok(self) -> bool:
        """Whether the file verifies and no secret is missing."""
        return not self.record.faults and not self.missing

    @property
    def ahead(self) -> int:
        """Days after today that are committed to without a gap: how long the arm can go on."""
        committed = set(self.record.days(Kind.COMMIT))
        return next(n for n in range(len(committed) + 1) if self.today + timedelta(days=n + 1) not in committed)

    @property
    def unrevealed(self) -> list[date]:
        """Days before today that are sealed and whose key is still secret."""
        revealed = set(self.record.days(Kind.REVEAL))
        return [day for day in self.record.days(Kind.SEAL) if day < self.today and day not in revealed]

    @property
    def unsealed(self) -> list[date]:
        """Days before today that are committed to and without sealed decisions: none were taken, or none verify."""
        sealed = set(self.record.days(Kind.SEAL))
        return [day for day in self.record.days(Kind.COMMIT) if day < self.today and day not in sealed]

    @property
    def trials(self) -> dict[str, int]:
        """Days by the name of the trial that they were committed to for: their draws prove nothing."""
        return dict(sorted(Counter(one.trial for one in self.record.entries if one.trial).items()))

    def describe(self) -> str:
        """Say it in a few lines."""
        committed, sealed, revealed = (len(self.record.days(kind)) for kind in Kind)
        lines = [
            f"{self.record.file}: programme {self.record.programme or 'none yet'}, "
            f"{number_of(committed, 'commitment')}, {number_of(sealed, 'sealed day')}, "
            f"{number_of(revealed, 'key')} revealed",
            *(f"trial {name!r}: proves nothing ({number_of(days, 'day')})" for name, days in self.trials.items()),
            *([f"Days begin at midnight by its clock, {self.record.clock}."] if self.record.entries else []),
            f"committed ahead of {self.today}: {number_of(self.ahead, 'day')} without a gap",
            *([f"not revealed yet: {_listed(self.unrevealed)}"] if self.unrevealed else []),
            *([f"past, and no decisions sealed: {_listed(self.unsealed)}"] if self.unsealed else []),
            *([f"SECRET MISSING: {_listed(self.missing)}"] if self.missing else []),
            *(f"DOES NOT VERIFY: {fault}" for fault in self.record.faults),
            head_told(self.record.head),
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {
            "file": str(self.record.file),
            "programme": self.record.programme,
            "today": str(self.today),
            "ahead": self.ahead,
            "trials": self.trials,
            "unrevealed": [str(day) for day in self.unrevealed],
            "unsealed": [str(day) for day in self.unsealed],
            "missing": [str(day) for day in self.missing],
            "faults": list(self.record.faults),
        }


def status(file: str | Path, keys: str | Path | None = None, *, now: datetime | None = None) -> Status:
    """Return where a public file stands, and with `keys` which secrets of the days to come are missing.

    Raises
    ------
    RandomArmError
        There is no such file, or it cannot be opened.
    """
    record = existing(file)
    today = record.by_its_clock(now_or(now)).date()
    missing: tuple[date, ...] = ()
    if keys is not None:
        coming = [day for day in record.days(Kind.COMMIT) if day >= today]
        missing = tuple(day for day in coming if not key_file(Path(keys), record.programme, day).is_file())
    return Status(record, today, missing)


def _listed(days: Sequence[date]) -> str:
    more = f" and {len(days) - 5} more" if len(days) > 5 else ""
    return ", ".join(str(day) for day in days[:5]) + more
