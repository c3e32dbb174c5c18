"""The desk: a folder with everything that the daily cycle of one programme needs and leaves behind."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.chain import now_or
from workbench.config import Pipeline
from workbench.daily.ledger import DeskError, Ledger, Line
from workbench.locks import LOCK_FILE, held
from workbench.random_arm.record import public_file, read
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.files import write_text_atomically
from workbench.stages.folder import read_pipeline

_DESK_FILE = "desk.toml"
_LOCK_SECONDS = 5

DROPS = ("incoming", "results", "officers")
"""Folders into which others put files: declarations, results of controls, re-routings by officers."""

_FOLDERS = (*DROPS, "days", "intakes", "archive", "bundles", "challengers", "history")


@dataclass(frozen=True)
class Desk:
    """The folder of a programme's daily cycle.

    Parameters
    ----------
    path
        The folder.
    programme
        Name of the selection problem.
    keys, chain
        Folder of the daily secrets, and public file of commitments.
    """

    path: Path
    programme: str
    keys: Path
    chain: Path

    @classmethod
    def open(cls, path: str | Path) -> Desk:
        """Open a desk that :func:`workbench.daily.init` made.

        Raises
        ------
        DeskError
            The folder is none, or its desk.toml cannot be read.
        """
        folder = Path(path).absolute()
        file = folder / _DESK_FILE
        if not file.is_file():
            raise DeskError(f"{folder} is no desk: it holds no {_DESK_FILE}. Make one with: workbench daily init")
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            keys, chain = (folder / Path(data[name]).expanduser() for name in ("keys", "chain"))
            return cls(folder, data["programme"], keys, chain)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeskError(f"{file} cannot be read: {error!r}. It states programme, keys and chain.") from None

    @classmethod
    def create(cls, path: str | Path, programme: str, *, keys: Path, chain: Path, pipeline: Pipeline) -> Desk:
        """Make the folders and files of a new desk; `desk.toml` comes last, so that half a desk is none."""
        folder = Path(path).absolute()
        if (folder / _DESK_FILE).exists():
            raise DeskError(f"{folder} is a desk already. Name a new folder, or go on with the one that is there.")
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_text_atomically(pipeline.model_dump_json(indent=2), folder / "pipeline.json")
        chain.parent.mkdir(parents=True, exist_ok=True)
        return cls(folder, programme, keys.absolute(), chain.absolute())

    def confirm(self) -> None:
        """Write `desk.toml`: from here on the folder is a desk."""
        values = {"programme": self.programme, "keys": self._told(self.keys), "chain": self._told(self.chain)}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        write_text_atomically(f"# Written by `workbench daily init`.\n{text}", self.path / _DESK_FILE)

    def _told(self, path: Path) -> str:
        # What lies in the desk is found there wherever the desk is moved to.
        return path.relative_to(self.path).as_posix() if path.is_relative_to(self.path) else str(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the desk for this process alone; refuse soon, so that two calls of a timetable do not queue up."""
        busy = f"Another call is at work on {self.path}. Call again when it ended."
        with held(self.path / LOCK_FILE, seconds=_LOCK_SECONDS, error=DeskError, busy=busy, advice="Mend its rights."):
            yield

    def clock(self, now: datetime | None = None) -> datetime:
        """Return the present, or `now`, by the programme's clock: the offset from UTC that the public file pins."""
        return read(self.chain).by_its_clock(now_or(now))

    @cached_property
    def pipeline(self) -> Pipeline:
        """The programme's pipeline as it was when the desk was made."""
        return read_pipeline(self.path)

    @property
    def ledger_file(self) -> Path:
        """Where the ledger lies."""
        return self.path / "ledger.jsonl"

    def ledger(self) -> Ledger:
        """Read the ledger; refuse one that does not verify."""
        return Ledger.read(self.ledger_file)

    def day_folder(self, day: date) -> Path:
        """Return where the decisions of a day lie, or will."""
        return self.path / "days" / day.isoformat()

    def days(self) -> list[date]:
        """Return the days that were decided, in order."""
        folders = _steps(self.path / "days")
        try:
            return sorted(date.fromisoformat(folder.name) for folder in folders)
        except ValueError as error:
            raise DeskError(f"{self.path / 'days'} holds something that is no day ({error}). Move it away.") from None

    def intakes(self) -> list[Path]:
        """Return the folders of what was taken in, in order."""
        return _steps(self.path / "intakes")

    def lying_in(self, drop: str) -> list[Path]:
        """Return what lies in one of the :data:`DROPS`, in order of name; what is hidden or unfinished is left out."""
        return sorted(found for found in (self.path / drop).iterdir() if not _is_unfinished(found))

    def bundle_line(self) -> Line:
        """Return the ledger's line that put the present bundle in force."""
        lines = [line for line in self.ledger().lines if line.kind in ("init", "adopt", "refresh")]
        if not lines:
            raise DeskError(f"{self.ledger_file} names no bundle. Make the desk anew with: workbench daily init")
        return lines[-1]

    def bundle_folder(self, version: str | None = None) -> Path:
        """Return the folder of a version of the bundle; of the one in force where none is given."""
        return self.path / "bundles" / (version or str(self.bundle_line().detail["bundle"]))

    def bundle(self) -> ScoringBundle:
        """Load the bundle in force, checked and replayed as every load is."""
        return ScoringBundle.load(self.bundle_folder())

    def clean(self) -> None:
        """Remove what a killed call left half-written; nobody else writes here under the lock."""
        for parent in (".", "days", "intakes", "bundles", "challengers", "history", "archive/*/*"):
            for partial in self.path.glob(f"{parent}/.*.partial"):
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
        public_file(self.chain).tidy()


def read_json(file: Path) -> dict[str, Any]:
    """Return a JSON object that the workbench wrote.

    Raises
    ------
    DeskError
        It is missing or was changed by hand.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DeskError(f"{file} cannot be read ({error}). Restore it from the desk's last copy.") from None
    return content


def _steps(parent: Path) -> list[Path]:
    return sorted(folder for folder in parent.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _is_unfinished(file: Path) -> bool:
    return file.name.startswith(".") or file.suffix in (".partial", ".tmp", ".part", ".filepart")
