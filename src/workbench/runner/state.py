"""State of a run on disk: `pipeline.json`, `run.json` and `summary.json` of a run directory, and its lock.

Each file is written beside and then renamed, so that a reader never sees half of one.
"""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.config import Pipeline, Step
from workbench.errors import RunDirectoryError
from workbench.locks import LOCK_FILE
from workbench.runner.preflight import input_files
from workbench.scorer.files import write_text_atomically
from workbench.stages.folder import read_pipeline, unreadable

Status = Literal["pending", "running", "finished", "failed", "interrupted"]

STATE_FILE = "run.json"
SUMMARY_FILE = "summary.json"

_VERSIONED = ("selectivity-workbench", "polars", "numpy", "xgboost", "xgboost-cpu", "sqlglot", "papermill", "mlflow")


class StepState(BaseModel):
    """One step's place in a run; `label` names its notebook and log files."""

    model_config = ConfigDict(extra="forbid")

    notebook: str
    label: str
    parameters: dict[str, Any]
    status: Status = "pending"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    error: str = ""

    def begin(self) -> None:
        """Mark the step as running from now."""
        self.status, self.started_at, self.finished_at, self.seconds, self.error = "running", _now(), None, None, ""

    def end(self, status: Status, error: str = "") -> None:
        """Mark the step as ended now."""
        self.status, self.finished_at, self.error = status, _now(), error
        if self.started_at is not None:
            self.seconds = round((self.finished_at - self.started_at).total_seconds(), 3)


class RunState(BaseModel):
    """Everything that `run.json` says about a run; :meth:`save` it after every change.

    `given` are the parameters given by name, `inputs` the SHA-256 of the mapping, the criteria file and its journal.
    """

    model_config = ConfigDict(extra="forbid")

    protocol: Literal[1] = 1
    programme: str
    pipeline_path: str
    fingerprint: str
    given: dict[str, str]
    inputs: dict[str, str] = {}
    status: Status = "pending"
    error: str = ""
    host: str
    pid: int
    started_at: datetime
    finished_at: datetime | None = None
    versions: dict[str, str]
    mlflow_run_id: str = ""
    model_version: int | None = None
    steps: list[StepState]

    @classmethod
    def new(
        cls, pipeline: Pipeline, steps: list[Step], given: Mapping[str, str], inputs: Mapping[str, str]
    ) -> RunState:
        """Return the state of a run that has not started."""
        labels = _labels([step.notebook for step in steps])
        return cls(
            programme=pipeline.programme.name,
            pipeline_path=str(pipeline.path),
            fingerprint=pipeline.fingerprint,
            given=dict(given),
            inputs=dict(inputs),
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=_now(),
            versions=_versions(),
            steps=[
                StepState(notebook=step.notebook, label=label, parameters=step.parameters)
                for step, label in zip(steps, labels, strict=True)
            ],
        )

    def begin(self) -> None:
        """Take the run over for this process and mark it as running."""
        self.status, self.error, self.finished_at = "running", "", None
        self.host, self.pid, self.versions = socket.gethostname(), os.getpid(), _versions()

    def end(self, status: Status, error: str = "") -> None:
        """Mark the run as ended now."""
        self.status, self.error, self.finished_at = status, error, _now()

    def save(self, run_dir: Path) -> None:
        """Write `run.json`."""
        write_text_atomically(self.model_dump_json(indent=2), run_dir / STATE_FILE)

    @classmethod
    def load(cls, run_dir: Path) -> RunState:
        """Read `run.json` of a run directory; without a readable one it is no run directory."""
        try:
            return cls.model_validate_json((run_dir / STATE_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise unreadable(run_dir / STATE_FILE, error) from None


def refuse_occupied(run_dir: Path) -> None:
    """Refuse a directory that already holds files: a run overwrites nothing."""
    if run_dir.is_file() or (run_dir.is_dir() and any(entry.name != LOCK_FILE for entry in run_dir.iterdir())):
        advice = "Give --out a folder that does not exist yet."
        if (run_dir / STATE_FILE).is_file():
            advice = (
                f"--resume {run_dir} goes on with the parameters it was started with; for others delete it or give "
                "another --out."
            )
        raise RunDirectoryError(f"{run_dir} is not empty. {advice}")


def check_same(
    state: RunState, run_dir: Path, pipeline: Pipeline, steps: list[Step], inputs: Mapping[str, str]
) -> None:
    """Refuse to go on with a run whose pipeline, parameters or input files are no longer those of its start."""
    if changed := _changes(state, read_pipeline(run_dir), pipeline, steps, inputs):
        raise RunDirectoryError(
            f"The run in {run_dir} was started with {', '.join(changed)} than {pipeline.path} gives now. Undo the "
            "change to go on, or start a new run with --out."
        )


def _changes(
    state: RunState, before: Pipeline, pipeline: Pipeline, steps: list[Step], inputs: Mapping[str, str]
) -> list[str]:
    values = [
        name for name in {**before.values, **pipeline.values} if before.values.get(name) != pipeline.values.get(name)
    ]
    changed = [f"other parameter values ({', '.join(values)})"] if values else []
    if not values:
        # Parameters are put in all over the pipeline: with other values its tables differ without having been changed.
        tables, now = before.model_dump(), pipeline.model_dump(exclude={"path", "steps", "values"})
        changed = [f"another [{name}]" for name, table in now.items() if tables[name] != table]
    if [(step.notebook, step.parameters) for step in state.steps] != [(s.notebook, s.parameters) for s in steps]:
        changed.append("other steps or parameters of steps")
    files = input_files(pipeline)
    return changed + [
        f"another content of the {name} file {files[name]}"
        for name, digest in state.inputs.items()
        if inputs.get(name, digest) != digest
    ]


def _labels(names: list[str]) -> list[str]:
    """Return file names of the steps: the notebook's, with a number where one notebook is used again."""
    return [
        name if (seen := names[:index].count(name)) == 0 else f"{name}-{seen + 1}" for index, name in enumerate(names)
    ]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _now() -> datetime:
    return datetime.now(UTC)
