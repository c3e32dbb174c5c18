"""Steps: a folder that appears whole or not at all, then its seal, its inputs in the archive, its line in the ledger.

The ledger announces a folder before it appears, by the hash of its manifest. What comes after the folder can be done
again without harm. A step that was announced and whose own line is missing was cut short, and the next call finishes it
before it does anything else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench import random_arm
from workbench.daily.desk import Desk, read_json
from workbench.daily.ledger import DeskError, Ledger
from workbench.daily.recorded import DAY, DECISIONS, INTAKE, check_file, check_recorded, folder_of
from workbench.random_arm.publishing import file_sha256
from workbench.scorer.files import write_parquet_atomically, write_text_atomically, written_atomically

MANIFEST = "manifest.json"

_INTENT = "intent"


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
    waiting_until
        Last day that one of them is for, ISO 8601; empty where none waits.
    """

    drop: str
    name: str
    sha256: str
    rows: int
    waiting: int = 0
    waiting_until: str = ""


def write_step(
    desk: Desk,
    kind: str,
    name: str,
    parts: Mapping[str, pl.DataFrame | str],
    inputs: Sequence[InputFile],
    facts: Mapping[str, Any],
    *,
    now: datetime,
) -> Path:
    """Announce the folder of a step in the ledger and write it, whole or not at all.

    Parameters
    ----------
    desk
        The desk, locked.
    kind, name
        :data:`~.recorded.DAY` and the day, or :data:`~.recorded.INTAKE` and its number.
    parts
        Tables and texts by file name.
    inputs
        What was read.
    facts
        What the ledger says beside.
    now
        The present, with time zone.
    """
    folder = folder_of(desk, kind, name)
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
        announced = {"manifest": file_sha256(partial / MANIFEST), "inputs": [one.sha256 for one in inputs]}
        desk.ledger().with_line(_INTENT, f"{kind} {name}", announced, now)
    return folder


def begin(desk: Desk, now: datetime) -> None:
    """Clean up and finish what a killed call left, then check what is recorded, before anything is read.

    Raises
    ------
    DeskError
        A file of a step is not the one that was written.
    """
    desk.clean()
    finish(desk, now)
    check_recorded(desk)


def finish(desk: Desk, now: datetime) -> None:
    """Seal, archive and record every step whose line is missing; without any, do nothing.

    Raises
    ------
    DeskError
        The ledger announces no such step, or a file of it is not the one that its manifest names.
    """
    ledger = desk.ledger()
    for kind, folders in ((INTAKE, desk.intakes()), (DAY, [desk.day_folder(day) for day in desk.days()])):
        recorded = {line.name for line in ledger.of(kind)}
        for folder in folders:
            if folder.name not in recorded:
                manifest = _checked(ledger, kind, folder)
                if kind == DAY:
                    _seal(desk, folder, now)
                _archive(desk, folder.name, manifest["inputs"])
                ledger = ledger.with_line(kind, folder.name, manifest, now)


def _checked(ledger: Ledger, kind: str, folder: Path) -> dict[str, Any]:
    """Return the manifest of a step that was cut short; a folder that somebody put there is none."""
    intent = ledger.find(_INTENT, f"{kind} {folder.name}")
    if intent is None or file_sha256(folder / MANIFEST) != intent.detail["manifest"]:
        raise DeskError(
            f"{folder} is not what the ledger announced, so no call of the workbench left it like this. Move it away "
            "and call again."
        )
    manifest = read_json(folder / MANIFEST)
    for name, digest in manifest["files"].items():
        check_file(folder / name, digest)
    return manifest


def _seal(desk: Desk, folder: Path, now: datetime) -> None:
    """Publish the hashes of a day's decisions and policy: the public file reveals no key before."""
    decisions = folder / DECISIONS
    policy = random_arm.policy_beside(decisions)
    random_arm.seal(desk.chain, date.fromisoformat(folder.name), decisions, policy, now=now)


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
        if file.is_symlink():
            # A link that is moved may lead nowhere, and what it leads to may change: the archive keeps the content.
            with written_atomically(target) as partial:
                shutil.copyfile(file, partial)
            file.unlink()
        else:
            os.replace(file, target)
    except OSError as error:
        raise DeskError(
            f"{file} cannot be moved to {target.parent}: {error.strerror}. A desk lies on one file system, and its "
            "account may write there: mend it and call again."
        ) from None
