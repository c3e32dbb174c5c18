"""The daily secrets: one file a day that its owner alone may read, never overwritten."""

from __future__ import annotations

import os
import secrets
from datetime import date
from pathlib import Path

from workbench.random_arm.entries import Kind, RandomArmError, commitment
from workbench.random_arm.record import PublicRecord
from workbench.scorer.keys import key_in
from workbench.scorer.lanes.draw import KEY_BYTES


def key_file(folder: Path, programme: str, day: date) -> Path:
    """Return where the secret of a day lies.

    >>> key_file(Path("secrets"), "imports", date(2026, 3, 1)).name
    'imports.2026-03-01.key'
    """
    return folder / f"{programme}.{day.isoformat()}.key"


def kept_or_new(file: Path) -> bytes:
    """Return the secret that a file holds, made where there is none; one that is there is never overwritten.

    A secret without a commitment is what a crash left between the two; it was shown to nobody and serves.

    Raises
    ------
    RandomArmError
        The folder or file cannot be written, or what is there is no secret.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            _write_new(file, secrets.token_bytes(KEY_BYTES))
    except OSError as error:
        raise RandomArmError(f"{file} cannot be written: {error.strerror}. Name another folder of secrets.") from None
    return read_key(file)


def _write_new(file: Path, key: bytes) -> None:
    """Write a secret for its owner alone, whole or not at all, and on the disk before anything commits to it."""
    partial = file.with_name(f".{file.name}.{secrets.token_hex(6)}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            target.write(f"{key.hex()}\n")
            target.flush()
            os.fsync(target.fileno())
        # Unlike a rename a link never takes the place of a file that came to be there meanwhile.
        os.link(partial, file)
    finally:
        partial.unlink()
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    # Windows opens no folder; there the file's own sync has to do.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key(file: Path) -> bytes:
    """Return the 32 bytes that a file of a secret holds in hexadecimal digits.

    Raises
    ------
    RandomArmError
        It is missing, others may read it, or it holds something else.
    """
    if not file.exists():
        raise RandomArmError(
            f"{file} is missing: the secret of that day is needed, and nobody can make it again. Restore it from where "
            "it is kept, or name its folder."
        )
    return key_in(file, "Restore it from where it is kept.", RandomArmError)


def mismatch(record: PublicRecord, day: date, key: bytes) -> str:
    """Say why a key is not the one that the file commits to for `day`, empty where it is."""
    committed = record.of(day, Kind.COMMIT)
    if committed is None:
        return f"nothing in {record.file} commits to a key of {day}"
    if commitment(record.programme, day, key) == committed.commitment:
        return ""
    commits = [one for one in record.entries if one.kind == Kind.COMMIT]
    other = next((one for one in commits if commitment(one.programme, one.date, key) == one.commitment), None)
    owner = f"it is the key of {other.day}" if other else "it is another key"
    return f"the key does not match the commitment to {day} in line {committed.number}: {owner}"
