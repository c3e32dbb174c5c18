"""Checkpoints: how far a simulation has come, kept so that one that was killed goes on as if it had not been.

A checkpoint is one folder, written whole or not at all: tables as Parquet, states as JSON. The one before is removed
once the next stands.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench.errors import RunDirectoryError
from workbench.scorer.files import written_atomically

from .knowledge import Knowledge

_FOLDER = "checkpoints"
_STATE = "state.json"
_TABLES = ("goods", "controls", "weeks", "arms")


@dataclass(frozen=True)
class Checkpoint:
    """How far a simulation has come.

    Parameters
    ----------
    fingerprint
        Of policy, settings and world: no other simulation goes on from here.
    next_week
        Number of the first week that is not done.
    learnt_until
        Moment up to which the policy has learnt what became known; ``None`` before the first week.
    knowledge
        Goods and controls so far.
    weeks, arms
        Tables so far.
    policy, world
        States, as plain JSON values.
    """

    fingerprint: str
    next_week: int
    learnt_until: datetime | None
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
        before = list(place.iterdir())
        with written_atomically(place / f"week-{self.next_week:05d}") as partial:
            partial.mkdir()
            for name, table in self._tables().items():
                table.write_parquet(partial / f"{name}.parquet")
            (partial / _STATE).write_text(json.dumps(self._state(), allow_nan=False), encoding="utf-8")
        for old in before:
            shutil.rmtree(old)

    def _tables(self) -> dict[str, pl.DataFrame]:
        tables = (self.knowledge.goods, self.knowledge.controls, self.weeks, self.arms)
        return dict(zip(_TABLES, tables, strict=True))

    def _state(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "next_week": self.next_week,
            "learnt_until": None if self.learnt_until is None else self.learnt_until.isoformat(),
            "policy": dict(self.policy),
            "world": dict(self.world),
        }

    @classmethod
    def read(cls, folder: Path, fingerprint: str) -> Checkpoint | None:
        """Return the latest checkpoint in a simulation's folder; nothing where there is none.

        Raises
        ------
        RunDirectoryError
            It is of another policy, of other settings or of another world, or cannot be read.
        """
        if not (kept := _kept(folder)):
            return None
        latest = kept[-1]
        try:
            state = json.loads((latest / _STATE).read_bytes())
            goods, controls, weeks, arms = (pl.read_parquet(latest / f"{name}.parquet") for name in _TABLES)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise RunDirectoryError(f"{latest} cannot be read ({error}). Remove it to start again.") from None
        if state["fingerprint"] != fingerprint:
            raise RunDirectoryError(
                f"{latest} is of another simulation: its policy, settings or data differ. Give another folder, or "
                "remove this one."
            )
        until = state["learnt_until"]
        return cls(
            fingerprint,
            state["next_week"],
            until if until is None else datetime.fromisoformat(until),
            Knowledge(goods, controls),
            weeks,
            arms,
            state["policy"],
            state["world"],
        )


def _kept(folder: Path) -> list[Path]:
    return sorted((folder / _FOLDER).glob("week-*"))
