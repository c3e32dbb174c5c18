"""A study: which policies are simulated on which pipeline, in a folder that it is kept in and goes on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.config import Pipeline
from workbench.errors import ParameterError, RunDirectoryError
from workbench.locks import LOCK_FILE, folder_held
from workbench.progress import Tell
from workbench.scorer.files import write_text_atomically

from .checkpoints import weeks_kept
from .jobs import STUDY_FILE, Job, jobs_of
from .parallel import run_all
from .policies.spec import canonical_text, parse_policy
from .results import SimulationResults, is_finished
from .run import RunOfPolicy
from .settings import Settings
from .worlds import Worlds, open_worlds

DEFAULT_POLICIES = ("model", "model+random:0.1")
_NOT_SIMULATED = ("programme", "parameters", "split", "selection", "steps")
"""Tables of a pipeline that a simulation does not hang on."""


@dataclass(frozen=True)
class Study:
    """What is simulated; build it with :meth:`of`, which checks all of it and writes nothing.

    Parameters
    ----------
    pipeline
        The programme.
    policies
        As tables name them.
    settings
        What is the same for all of them.
    replications
        How often each policy is simulated.
    worlds
        Where the goods come from.
    """

    pipeline: Pipeline
    policies: tuple[str, ...]
    settings: Settings
    replications: int
    worlds: Worlds

    @classmethod
    def of(cls, pipeline: Pipeline, policies: Sequence[str], settings: Settings, *, replications: int = 1) -> Study:
        """Check what was asked for.

        Raises
        ------
        ParameterError
            An unknown policy, one given twice, no seat for anybody, no replication, or more weeks than there are.
        SelectivityError
            The pipeline's data cannot be simulated.
        """
        names = [canonical_text(text) for text in policies or DEFAULT_POLICIES]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ParameterError(f"The policy {repeated[0]!r} is given twice. Give each --policy once.")
        if settings.rate == 0:
            raise ParameterError(
                "A rate of 0 controls nothing, so nothing is found or learnt. Give such as --rate 0.1."
            )
        if replications < 1:
            raise ParameterError(f"{replications} replications simulate nothing. Give 1 or more.")
        return cls(pipeline, tuple(names), settings, replications, open_worlds(pipeline, settings))

    @property
    def weeks_in_all(self) -> int:
        """Weeks of all runs together, for showing progress."""
        return self.worlds.weeks * len(self.policies) * self.replications

    def weeks_kept(self, folder: Path) -> int:
        """Return how many of these weeks are done and kept in `folder`."""
        return sum(weeks_kept(job.folder) for job in self.jobs(folder))

    def describe(self) -> str:
        """Return what will be done in a line for a terminal."""
        noun = "policy" if len(self.policies) == 1 else "policies"
        times = f", {self.replications} times each" if self.replications > 1 else ""
        items, rate = f"about {self.worlds.goods_a_week:,.0f} declaration items", f"{100 * self.settings.rate:g} %"
        return (
            f"{len(self.policies)} {noun}{times}: {', '.join(self.policies)}. {self.worlds.weeks} {self.worlds.kind} "
            f"weeks of {items}, {rate} controlled."
        )

    def check_folder(self, folder: Path, *, resume: bool) -> None:
        """Refuse a folder that is not this study's, before anything is written to it.

        Raises
        ------
        RunDirectoryError
            It holds something else, was begun with other settings (which are named), or holds nothing to go on with.
        """
        begun = (folder / STUDY_FILE).is_file()
        if resume and not begun:
            raise RunDirectoryError(f"{folder} holds no simulation to go on with. Leave out --resume to begin one.")
        if resume:
            self._refuse_changes(folder)
        elif begun:
            raise RunDirectoryError(
                f"{folder} holds a simulation already. Go on with --resume, or give --out a folder that does not exist."
            )
        elif folder.is_file() or (folder.is_dir() and any(one.name != LOCK_FILE for one in folder.iterdir())):
            raise RunDirectoryError(f"{folder} is not empty. Give --out a folder that does not exist yet.")

    def run(
        self, folder: Path, *, workers: int = 1, scheduler: str = "", tell: Tell | None = None
    ) -> SimulationResults:
        """Simulate what is not done yet, and write the results into `folder`.

        Parameters
        ----------
        folder
            Made if it does not exist; see :meth:`check_folder`.
        workers, scheduler, tell
            See :func:`.parallel.run_all`.

        Raises
        ------
        SimulationError
            A run failed; what is done is kept, and no results are written.
        RunDirectoryError
            Another process simulates in `folder`, or it cannot be written.
        """
        with folder_held(folder):
            write_text_atomically(json.dumps(self._identity(), indent=1), folder / STUDY_FILE)
            found = run_all(self.jobs(folder), workers=workers, scheduler=scheduler, tell=tell)
            results = self._results(found)
            results.write(folder)
        return results

    def results_in(self, folder: Path, *, workers: int = 1, tell: Tell | None = None) -> SimulationResults:
        """Return the study's results: read where they are there, else simulated; errors as :meth:`check_folder`."""
        self.check_folder(folder, resume=(folder / STUDY_FILE).is_file())
        return SimulationResults.read(folder) if is_finished(folder) else self.run(folder, workers=workers, tell=tell)

    def jobs(self, folder: Path) -> list[Job]:
        """Return the runs, replications first, so that all policies come along together."""
        return jobs_of(self.worlds.world_of, self.policies, self.settings, folder, replications=self.replications)

    def _results(self, found: Sequence[RunOfPolicy]) -> SimulationResults:
        # Only some policies tell numbers, each its own.
        weeks = pl.concat([one.weeks for one in found], how="diagonal")
        runs = pl.DataFrame([(one.policy, one.replication, one.seconds) for one in found], _RUNS, orient="row")
        return SimulationResults.of(
            weeks, pl.concat([one.arms for one in found]), runs, self._told(), self.worlds.events
        )

    def _told(self) -> dict[str, Any]:
        """Return what the summary and the page say of the settings."""
        return {
            **self._options(),
            "title": self.pipeline.programme.title,
            "world": self.worlds.kind,
            "repeated_share": self.worlds.repeated_share,
            "policies": {name: parse_policy(name).explain() for name in self.policies},
        }

    def _options(self) -> dict[str, Any]:
        names = ("rate", "plan", "start_rate", "weeks", "start_weeks", "mask", "seed")
        return {"pipeline": self.pipeline.path.name} | {name: getattr(self.settings, name) for name in names}

    def _identity(self) -> dict[str, Any]:
        """Return what must be the same for a study to go on; of the pipeline's tables a digest each."""
        tables = self.pipeline.model_dump(mode="json", exclude={"path", *_NOT_SIMULATED})
        digests = {
            f"[{name}]": hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
            for name, table in tables.items()
        }
        asked = {
            "policies": sorted(self.policies),
            "replications": self.replications,
            "weeks_each": self.worlds.weeks,
        }
        return {**self._options(), **asked, **digests, _DATA: self.worlds.fingerprint}

    def _refuse_changes(self, folder: Path) -> None:
        file = folder / STUDY_FILE
        try:
            before = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise RunDirectoryError(f"{file} cannot be read: {error}. Begin anew with another --out.") from None
        now = self._identity()
        changed = [_change(name, before.get(name), now.get(name)) for name in now if before.get(name) != now[name]]
        if changed:
            raise RunDirectoryError(
                f"The simulation in {folder} was begun with other settings: {'; '.join(changed)}. Give the same to go "
                "on, or another --out."
            )


_RUNS = ["policy", "replication", "seconds"]
_DATA = "data"


def _change(name: str, before: Any, now: Any) -> str:
    """Name a setting that differs; of the data and of a table of the pipeline only a digest is known."""
    if name == _DATA:
        return "its goods or their results were others"
    return f"another {name}" if name.startswith("[") else f"{name} was {_shown(before)}, is now {_shown(now)}"


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "not given" if value is None else str(value)
