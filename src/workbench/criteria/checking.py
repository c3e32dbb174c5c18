"""A criteria file checked: every fault at once, with file, line and column."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.criteria.places import Places
from workbench.scorer.criteria import CriteriaSet, reading, toml_text
from workbench.scorer.criteria.toml_scan import UnreadableError
from workbench.scorer.expressions import Fault

_AT_THE_KEY = {"unknown_key", "unused_parameter", "lane", "no_effect", "missing_key"}


@dataclass(frozen=True)
class PlacedFault:
    """A fault with its place in the file.

    Parameters
    ----------
    path
        The file.
    line, column
        Place in the file, from 1.
    fault
        What is wrong; its own line and column count within the condition.
    """

    path: Path
    line: int
    column: int
    fault: Fault

    def __str__(self) -> str:
        """Return place, kind, criterion, message, suggestion and code in one line."""
        fault = self.fault
        kind = "warning" if fault.warning else "error"
        owner = f"criterion {fault.criterion!r}: " if fault.criterion else ""
        advice = f" Try: {fault.suggestion}" if fault.suggestion else ""
        return f"{self.path}:{self.line}:{self.column}: {kind}: {owner}{fault.message}{advice} [{fault.code}]"

    def to_dict(self) -> dict[str, Any]:
        """Return the fault for JSON."""
        told = {name: getattr(self.fault, name) for name in ("code", "message", "suggestion", "criterion", "warning")}
        return {"line": self.line, "column": self.column, **told}


@dataclass(frozen=True)
class CheckedFile:
    """What the check of a criteria file found.

    Parameters
    ----------
    path
        The file.
    criteria
        The set, ``None`` where it was refused.
    faults
        In the order of the file.
    """

    path: Path
    criteria: CriteriaSet | None
    faults: tuple[PlacedFault, ...]

    @property
    def refused(self) -> bool:
        """Whether there is a fault that is no warning."""
        return any(not placed.fault.warning for placed in self.faults)

    def describe(self) -> str:
        """Return one line a fault and a line that sums up."""
        kinds = Counter("warning" if placed.fault.warning else "error" for placed in self.faults)
        found = " and ".join(_counted(kinds[kind], kind) for kind in ("error", "warning") if kinds[kind]) or "no fault"
        held = "refused" if self.criteria is None else _counted(len(self.criteria.criteria), "criterion", "criteria")
        return "\n".join([*map(str, self.faults), f"{self.path}: {held}, {found}."])

    def to_dict(self) -> dict[str, Any]:
        """Return path, verdict and faults for JSON."""
        faults = [placed.to_dict() for placed in self.faults]
        return {"path": str(self.path), "refused": self.refused, "faults": faults}


def check_file(path: str | Path, columns: Mapping[str, pl.DataType], *, on: dt.date | None = None) -> CheckedFile:
    """Check a criteria file against the columns of a table.

    Parameters
    ----------
    path
        A TOML file of at most 10 MB.
    columns
        Polars type by name of the columns that criteria may read: those known at lodgement, derived from them, and
        the profile columns of a pipeline.
    on
        Day for which entries and criteria that have expired are warned of.

    Raises
    ------
    CriterionError
        There is no such file. A file that is no TOML, or too large, is a fault like others.
    """
    file = Path(path)
    try:
        text = toml_text.read(file)
        data = toml_text.parse(text)
    except UnreadableError as error:
        return CheckedFile(file, None, (_unreadable(file, error),))
    criteria, faults = CriteriaSet.examine(data, columns, on=on)
    if "shadow" in data:
        faults = [*(fault for fault in faults if fault.key[:1] != ("shadow",)), reading.SHADOW_IN_FILE]
    placed = _placed(file, text, faults)
    refused = any(not fault.warning for fault in faults)
    return CheckedFile(file, None if refused else criteria, placed)


def _unreadable(file: Path, error: UnreadableError) -> PlacedFault:
    return PlacedFault(file, error.line or 1, error.column or 1, Fault("toml", f"{error}."))


def _placed(file: Path, text: str, faults: list[Fault]) -> tuple[PlacedFault, ...]:
    places = Places(text, [fault.key for fault in faults])
    found = (PlacedFault(file, *_place(places, fault), fault) for fault in faults)
    return tuple(sorted(found, key=lambda placed: (placed.line, placed.column)))


def _place(places: Places, fault: Fault) -> tuple[int, int]:
    if fault.line:
        return places.inside(fault.key, fault.line, fault.column)
    return places.of(fault.key, key=fault.code in _AT_THE_KEY)


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
