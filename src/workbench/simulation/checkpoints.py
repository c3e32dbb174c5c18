"""Checkpoints: how far a simulation has come, kept so that one that was killed goes on as if it had not been.

A checkpoint is one folder, written whole or not at all: tables as Parquet, states as JSON, and the digest of each. The
one before is removed once the next stands. What was changed or cut off since is named and never gone on from.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench.errors import RunDirectoryError
from workbench.scorer.files import written_atomically

from .digests import parquet_bytes, sha256
from .knowledge import Knowledge

_FOLDER = "checkpoints"
_WEEK = re.compile(r"week-([0-9]{5,})")
_STATE, _DIGESTS = "state.json", "sha256.json"
_TABLES = ("goods", "controls", "weeks", "arms")


@dataclass(frozen=True)
class Checkpoint:
    """How far a simulation has come.

    Parameters
    ----------
    identity
        What makes the simulation another one than others, by name; no other goes on from here.
    next_week
        Number of the first week that is not done.
    learnt_until
        Moment up to which the policy has learnt what became known; ``None`` before the first week.
    seconds
        Time that the weeks took, in whatever processes.
    knowledge
        Goods and controls so far.
    weeks, arms
        Tables so far.
    policy, world
        States, as plain JSON values.
    """

    identity: Mapping[str, str]
    next_week: int
    learnt_until: datetime | None
    seconds: float
    knowledge: Knowledge
    weeks: pl.DataFrame
    arms: pl.DataFrame
    policy: Mapping[str, Any]
    world: Mapping[str, Any]

    def write(self, folder: Path) -> None:
        """Keep the checkpoint in a simulation's folder, in place of the one before."""
        place = folder / _FOLDER
        place.mkdir(parents=True, exist_ok=True)
        # What a killed process left half-written is among them.
        before = [one for one in place.iterdir() if one.is_dir()]
        contents = self._contents()
        digests = {name: sha256(content) for name, content in contents.items()}
        with written_atomically(place / f"week-{self.next_week:05d}") as partial:
            partial.mkdir()
            for name, content in (contents | {_DIGESTS: json.dumps(digests).encode()}).items():
                (partial / name).write_bytes(content)
        for old in before:
            shutil.rmtree(old)

    def _contents(self) -> dict[str, bytes]:
        tables = (self.knowledge.goods, self.knowledge.controls, self.weeks, self.arms)
        state = json.dumps(self._state(), allow_nan=False).encode()
        return {f"{name}.parquet": parquet_bytes(table) for name, table in zip(_TABLES, tables, strict=True)} | {
            _STATE: state
        }

    def _state(self) -> dict[str, Any]:
        return {
            "identity": dict(self.identity),
            "next_week": self.next_week,
            "learnt_until": None if self.learnt_until is None else self.learnt_until.isoformat(),
            "seconds": self.seconds,
            "policy": dict(self.policy),
            "world": dict(self.world),
        }

    @classmethod
    def read(cls, folder: Path, identity: Mapping[str, str]) -> Checkpoint | None:
        """Return the latest checkpoint in a simulation's folder; nothing where there is none.

        Raises
        ------
        RunDirectoryError
            It cannot be read or was changed (the file is named), or is of a simulation with another `identity` (what
            differs is named).
        """
        if not (kept := _kept(folder)):
            return None
        found = _read(kept[-1])
        if found.identity != identity:
            differing = [name for name in identity if found.identity.get(name) != identity[name]]
            raise RunDirectoryError(
                f"{kept[-1]} is of another simulation: it has other {' and '.join(differing)}. Give another folder, or "
                "remove this one."
            )
        return found

    @classmethod
    def _of(cls, contents: Mapping[str, bytes]) -> Checkpoint:
        state = json.loads(contents[_STATE])
        goods, controls, weeks, arms = (pl.read_parquet(io.BytesIO(contents[f"{name}.parquet"])) for name in _TABLES)
        until = state["learnt_until"]
        return cls(
            identity=state["identity"],
            next_week=state["next_week"],
            learnt_until=None if until is None else datetime.fromisoformat(until),
            seconds=state["seconds"],
            knowledge=Knowledge(goods, controls),
            weeks=weeks,
            arms=arms,
            policy=state["policy"],
            world=state["world"],
        )


def weeks_kept(folder: Path) -> int:
    """Return how many weeks of the simulation in `folder` are done and kept; 0 where none is."""
    kept = _kept(folder)
    found = _WEEK.fullmatch(kept[-1].name) if kept else None
    return int(found[1]) if found else 0


def _kept(folder: Path) -> list[Path]:
    return sorted(one for one in (folder / _FOLDER).glob("week-*") if _WEEK.fullmatch(one.name))


def _read(latest: Path) -> Checkpoint:
    try:
        return Checkpoint._of(_unchanged(latest))
    except OSError as error:
        cause = f"{Path(str(error.filename)).name} cannot be read ({error.strerror})"
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        cause = str(error)
    raise RunDirectoryError(
        f"The checkpoint {latest} cannot be gone on from: {cause}. Remove it to start this run again."
    )


def _unchanged(latest: Path) -> dict[str, bytes]:
    """Return the files by name, whose digests hold: a corrupt Parquet file is often read as other data without a word.

    Raises
    ------
    ValueError
        Names the file that is not as it was written.
    """
    sealed = (latest / _DIGESTS).read_bytes()
    contents = {name: (latest / name).read_bytes() for name in (_STATE, *(f"{table}.parquet" for table in _TABLES))}
    try:
        digests: dict[str, str] = dict(json.loads(sealed))
    except (TypeError, ValueError):
        raise ValueError(f"{_DIGESTS} is not as it was written") from None
    for name, content in contents.items():
        if sha256(content) != digests.get(name):
            raise ValueError(f"{name} is not as it was written")
    return contents
