"""What was recorded: history, pipeline, days and intakes are those that the ledger names, and the days are sealed.

Everything that is decided, learnt or reported reads them, so a file that was changed by hand stops the call by name.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from workbench import random_arm
from workbench.daily.desk import Desk
from workbench.daily.ledger import DeskError
from workbench.random_arm.publishing import file_sha256

INIT = "init"
"""Kind of the first line: it names history and pipeline."""

DAY, INTAKE = "day", "intake"
"""Kinds of steps, each with a folder of its own in ``days/`` or ``intakes/``."""

DECISIONS = "decisions.parquet"

_MOST_FILES = 100_000


def folder_of(desk: Desk, kind: str, name: str) -> Path:
    """Return the folder of a step."""
    return desk.path / f"{kind}s" / name


def check_recorded(desk: Desk) -> None:
    """Refuse a desk whose history, pipeline and recorded steps are not, byte for byte, what the ledger says.

    Raises
    ------
    DeskError
        A file was changed or is gone, or the public file does not seal the decisions of a day; names it.
    """
    ledger = desk.ledger()
    for line in ledger.of(INIT):
        for name, digest in line.detail["files"].items():
            check_file(desk.path / name, digest)
    seals = {one.day: one.decisions for one in random_arm.read(desk.chain).entries if one.kind == random_arm.Kind.SEAL}
    for line in (*ledger.of(INTAKE), *ledger.of(DAY)):
        for name, digest in line.detail["files"].items():
            check_file(folder_of(desk, line.kind, line.name) / name, digest)
        if line.kind == DAY and seals.get(line.name) != line.detail["files"][DECISIONS]:
            raise DeskError(
                f"{desk.chain} does not seal the decisions of {line.name} that the ledger names: it was cut or "
                "replaced. Restore it from where it was published."
            )


def check_file(file: Path, digest: str) -> None:
    """Refuse a file whose content has another hash than `digest`."""
    try:
        found = file.stat()
        same = _sha256(file, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) == digest
    except OSError:
        raise DeskError(f"{file} is gone or cannot be read: restore it from the desk's last copy.") from None
    if not same:
        raise DeskError(f"{file} was changed since it was written: restore it from the desk's last copy.")


@lru_cache(maxsize=_MOST_FILES)
def _sha256(file: Path, *_: int) -> str:
    """Return the hash of a file that has not been touched since it was asked for last."""
    return file_sha256(file)
