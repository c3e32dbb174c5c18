"""Bundles of a desk: every version that was ever in force is kept, the ledger says which one is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.chain import now_or
from workbench.config import Pipeline
from workbench.daily.desk import Desk
from workbench.daily.ledger import DeskError
from workbench.daily.recorded import INIT
from workbench.random_arm.publishing import file_sha256
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.files import write_bytes_atomically, written_atomically
from workbench.stages.folder import RunFolder

_HISTORY = ("declarations", "outcomes")


@dataclass(frozen=True)
class InForce:
    """A bundle that was put in force.

    Parameters
    ----------
    desk
        The desk.
    version
        The bundle's version.
    has_history
        Whether the desk knows what the model was trained on, which refreshing and retraining need.
    """

    desk: Desk
    version: str
    has_history: bool

    def describe(self) -> str:
        """Say what is in force, and what comes next."""
        lines = [
            f"Desk {self.desk.path}, programme {self.desk.programme}: bundle {self.version} is in force.",
            f"Secrets {self.desk.keys}; public file {self.desk.chain}.",
        ]
        if not self.has_history:
            lines.append("It has no history (--run): profiles cannot be refreshed and no challenger trained.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {"desk": str(self.desk.path), "bundle": self.version, "has_history": self.has_history}


def init(
    path: str | Path,
    pipeline: Pipeline,
    *,
    keys: str | Path | None = None,
    chain: str | Path | None = None,
    bundle: str | Path | None = None,
    run: str | Path | None = None,
    now: datetime | None = None,
) -> InForce:
    """Make a desk.

    Parameters
    ----------
    path
        Folder of the desk; it must not be one already.
    pipeline
        The programme's pipeline: features and model for refreshing and retraining.
    keys, chain
        Folder of the daily secrets and public file; ``secrets/`` and ``public/arm.jsonl`` of the desk by default. No
        other folder of the desk may hold the secrets, nor the public file's: others read them.
    bundle
        Folder of an exported bundle.
    run
        Folder of a run that exported one: its declarations and outcomes become the desk's history too. Give this or
        `bundle`.
    now
        The present, with time zone.

    Raises
    ------
    DeskError
        Both or neither of `bundle` and `run` are given, the folder is a desk already, or the secrets would lie where
        others read.
    SelectivityError
        The bundle does not load or is of another programme.
    """
    if (bundle is None) == (run is None):
        raise DeskError("Give either --bundle, an exported bundle, or --run, the run that exported it.")
    source = RunFolder.open(run) if run is not None else None
    folder = Path(bundle) if bundle is not None else Path(str(run)) / "bundle"
    loaded = _checked(folder, pipeline.programme.name)
    root = Path(path).absolute()
    places = {"keys": Path(keys or root / "secrets"), "chain": Path(chain or root / "public" / "arm.jsonl")}
    _check_secrets(root, **places)
    desk = Desk.create(root, pipeline.programme.name, **places, pipeline=pipeline)
    with desk.locked():
        keep(desk, folder, loaded.manifest.version)
        if source is not None:
            _keep_history(desk, source)
        detail = {"bundle": loaded.manifest.version, "files": _learnt_from(desk)}
        desk.ledger().with_line(INIT, "", detail, now_or(now))
        desk.confirm()
    return InForce(desk, loaded.manifest.version, source is not None)


def _check_secrets(root: Path, keys: Path, chain: Path) -> None:
    secrets, public, desk = keys.resolve(), chain.resolve().parent, root.resolve()
    if secrets.is_relative_to(public):
        raise DeskError(
            f"{keys} lies in the folder of the public file: secrets would be published. Name another --keys."
        )
    if secrets.is_relative_to(desk) and secrets != desk / "secrets":
        raise DeskError(
            f"{keys} lies in the desk, where others read and drop files. Name a folder elsewhere with --keys, or leave "
            f"it out: then {root / 'secrets'} holds them."
        )


def _learnt_from(desk: Desk) -> dict[str, str]:
    """Return the hashes of what profiles and challengers are learnt from beside the days."""
    files = [desk.path / "pipeline.json", *sorted((desk.path / "history").iterdir())]
    return {file.relative_to(desk.path).as_posix(): file_sha256(file) for file in files}


def adopt(desk: Desk, bundle: str | Path, reason: str, *, now: datetime | None = None) -> InForce:
    """Put another bundle in force, such as a challenger that was promoted; the old one is kept.

    Raises
    ------
    DeskError
        No reason is given, or it is in force already.
    SelectivityError
        The bundle does not load or is of another programme.
    """
    if not reason.strip():
        raise DeskError("Say why with --reason: it goes into the ledger.")
    loaded = _checked(Path(bundle), desk.programme)
    version = loaded.manifest.version
    with desk.locked():
        if desk.bundle_line().detail["bundle"] == version:
            raise DeskError(f"{version} is in force already.")
        keep(desk, Path(bundle), version)
        detail = {"bundle": version, "before": desk.bundle_line().detail["bundle"], "reason": reason}
        desk.ledger().with_line("adopt", version, detail, now_or(now))
    return InForce(desk, version, has_history(desk))


def _keep_history(desk: Desk, run: RunFolder) -> None:
    for table in _HISTORY:
        write_bytes_atomically(run.file(table).read_bytes(), desk.path / "history" / f"{table}.parquet")


def keep(desk: Desk, folder: Path, version: str) -> None:
    """Copy a bundle to the desk, whole or not at all; one that is there is the same, its version says so."""
    target = desk.path / "bundles" / version
    if not target.exists():
        with written_atomically(target) as partial:
            shutil.copytree(folder, partial)


def has_history(desk: Desk) -> bool:
    """Say whether the desk knows what was lodged and controlled before it was made."""
    return (desk.path / "history" / "declarations.parquet").is_file()


def _checked(folder: Path, programme: str) -> ScoringBundle:
    loaded = ScoringBundle.load(folder)
    if loaded.manifest.programme != programme:
        raise DeskError(f"{folder} is a bundle of {loaded.manifest.programme!r}, not of {programme!r}. Give another.")
    return loaded
