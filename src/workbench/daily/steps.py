"""Steps: a folder that appears whole or not at all, then its seal, its inputs in the archive, its line in the ledger.

What comes after the folder can be done again without harm. A step whose line is missing was cut short, and the next
call finishes it before it does anything else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.desk import Desk, read_json
from workbench.daily.ledger import DeskError
from workbench.random_arm import Kind
from workbench.random_arm.publishing import file_sha256
from workbench.scorer.files import write_parquet_atomically, write_text_atomically, written_atomically

MANIFEST = "manifest.json"
DAY, INTAKE = "day", "intake"
_PARENTS = {DAY: "days", INTAKE: "intakes"}


@dataclass(frozen=True)
class InputFile:
    """A file that a step read.

    Parameters
    ----------
    drop, name
        Folder that it lay in, and its name.
    sha256
        Hash of its content: the same content under another name is the same file.
    rows
        Rows read.
    waiting
        Rows that are for later days: while there are some, the file stays where it lies.
    """

    drop: str
    name: str
    sha256: str
    rows: int
    waiting: int = 0


def write_step(
    desk: Desk,
    kind: str,
    name: str,
    parts: Mapping[str, pl.DataFrame | str],
    inputs: Sequence[InputFile],
    facts: Mapping[str, Any],
) -> Path:
    """Write the folder of a step, whole or not at all.

    Parameters
    ----------
    desk
        The desk, locked.
    kind, name
        :data:`DAY` and the day, or :data:`INTAKE` and its number.
    parts
        Tables and texts by file name.
    inputs
        What was read.
    facts
        What the ledger says beside.
    """
    folder = desk.path / _PARENTS[kind] / name
    with written_atomically(folder) as partial:
        partial.mkdir()
        for file, part in parts.items():
            if isinstance(part, str):
                write_text_atomically(part, partial / file)
            else:
                write_parquet_atomically(part, partial / file)
        hashes = {file: file_sha256(partial / file) for file in sorted(parts)}
        manifest = {**facts, "inputs": [asdict(one) for one in inputs], "files": hashes}
        write_text_atomically(json.dumps(manifest, indent=1, sort_keys=True) + "\n", partial / MANIFEST)
    return folder


def finish(desk: Desk, now: datetime) -> None:
    """Seal, archive and record every step whose line is missing; without any, do nothing.

    Raises
    ------
    DeskError
        A file of such a step is not the one that its manifest names.
    """
    ledger = desk.ledger()
    for kind, folders in ((INTAKE, desk.intakes()), (DAY, [desk.day_folder(day) for day in desk.days()])):
        recorded = {line.name for line in ledger.of(kind)}
        for folder in folders:
            if folder.name not in recorded:
                manifest = _checked(folder)
                sealed = {"sealed": _seal(desk, folder, now)} if kind == DAY else {}
                _archive(desk, folder.name, manifest["inputs"])
                ledger = ledger.with_line(kind, folder.name, manifest | sealed, now)


def _checked(folder: Path) -> dict[str, Any]:
    manifest = read_json(folder / MANIFEST)
    for name, digest in manifest["files"].items():
        if file_sha256(folder / name) != digest:
            raise DeskError(f"{folder / name} was changed since it was written: restore it from the desk's last copy.")
    return manifest


def _seal(desk: Desk, folder: Path, now: datetime) -> bool:
    """Publish the hash of a day's decisions; a key that is out by now cannot be sealed before any more."""
    day = date.fromisoformat(folder.name)
    record = random_arm.read(desk.chain)
    if record.of(day, Kind.REVEAL) is not None and record.of(day, Kind.SEAL) is None:
        return False
    random_arm.seal(desk.chain, day, folder / "decisions.parquet", now=now)
    return True


def _archive(desk: Desk, step: str, inputs: Sequence[Mapping[str, Any]]) -> None:
    """Move the files of which nothing waits any more out of the drops."""
    for one in inputs:
        file = desk.path / one["drop"] / one["name"]
        # A new file may have come under the old name: it is not this one.
        if not one["waiting"] and file.is_file() and file_sha256(file) == one["sha256"]:
            target = desk.path / "archive" / one["drop"] / step / one["name"]
            _move(file, target)


def _move(file: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
    except OSError as error:
        raise DeskError(
            f"{file} cannot be moved to {target.parent}: {error.strerror}. A desk lies on one file system, and its "
            "account may write there: mend it and call again."
        ) from None
