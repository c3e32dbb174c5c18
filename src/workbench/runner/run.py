"""A pipeline run: steps in order, state on disk after every change, one MLflow run that always ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RunDirectoryError
from workbench.locks import folder_held
from workbench.runner.contracts import Contract
from workbench.runner.interrupts import terminable
from workbench.runner.kernels import execute
from workbench.runner.plan import Plan, make_plan
from workbench.runner.preflight import check_inputs, digests
from workbench.runner.progress import Event, display
from workbench.runner.state import (
    RunState,
    StepState,
    check_same,
    refuse_occupied,
)
from workbench.runner.summary import write_summary
from workbench.stages.folder import RunFolder
from workbench.tracking import BUNDLE_DIR, Store, Tracker, project_root, read_example, register_model

if TYPE_CHECKING:
    from rich.console import Console

EndStatus = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class RunResult:
    """A finished run: its directory, the content of its `summary.json`, and where MLflow keeps it."""

    run_dir: Path
    summary: Mapping[str, Any]
    mlflow_run_id: str
    model_version: int | None


def run_pipeline(
    pipeline_path: str | Path,
    given: Mapping[str, str],
    out: str | Path,
    *,
    resume: bool = False,
    notebooks: Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    console: Console | None = None,
    track: bool = True,
) -> RunResult:
    """Execute the notebooks of a pipeline in order and leave everything that they made in one directory.

    Parameters
    ----------
    pipeline_path
        The programme's TOML.
    given
        Values by name, as text: parameters that the pipeline declares, or parameters of its notebooks. A resumed
        run takes those it was started with where none are given.
    out
        Run directory; it must not exist or be empty, unless the run is resumed.
    resume
        Go on at the first step that has not finished.
    notebooks
        Folder of the notebooks; `notebooks/` of the project where none is given.
    on_event
        Told of every step and cell.
    console
        Where progress is shown; standard error where none is given.
    track
        Whether MLflow keeps the run.

    Raises
    ------
    ParameterError, ConfigError, SourceError, MappingError, CriterionError
        The pipeline, a parameter, a notebook, or a file that the pipeline names is refused; nothing was started.
    RunDirectoryError
        The directory is not empty, is in use, or is of another pipeline, mapping or criteria set.
    StepError
        A step failed; `run.json` and `summary.json` say which.
    KeyboardInterrupt
        The run was interrupted, by the keyboard or by SIGTERM, and says so in its state.
    """
    run_dir = Path(out).expanduser().absolute()
    if not resume:
        refuse_occupied(run_dir)
    elif not given:
        given = RunState.load(run_dir).given
    folder = notebooks or project_root(Path(pipeline_path)) / "notebooks"
    plan = make_plan(Path(pipeline_path), given, folder)
    if not resume:
        check_inputs(plan.pipeline)
    with _disk_errors(run_dir), folder_held(run_dir), terminable(), display(console) as show:

        def tell(event: Event) -> None:
            show(event)
            on_event(event)

        state = _resume(plan, run_dir) if resume else _start(plan, run_dir)
        return _Run(plan, state, run_dir, tell).execute(track=track)


@contextmanager
def _disk_errors(run_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"The run in {run_dir} stopped: {error.strerror or error}. Free the disk or mend its rights, then --resume."
        ) from None


def _start(plan: Plan, run_dir: Path) -> RunState:
    refuse_occupied(run_dir)
    for folder in ("notebooks", "logs"):
        (run_dir / folder).mkdir()
    RunFolder.create(run_dir, plan.pipeline)
    return RunState.new(plan.pipeline, plan.steps, plan.given, digests(plan.pipeline))


def _resume(plan: Plan, run_dir: Path) -> RunState:
    state = RunState.load(run_dir)
    check_same(state, run_dir, plan.pipeline, plan.steps, digests(plan.pipeline))
    return state


class _Run:
    """One run under way; owns its state file."""

    def __init__(self, plan: Plan, state: RunState, run_dir: Path, tell: Callable[[Event], None]) -> None:
        self.plan, self.state, self.run_dir, self.tell = plan, state, run_dir, tell

    def execute(self, *, track: bool) -> RunResult:
        self.state.begin()
        self.state.save(self.run_dir)
        with self._tracker() if track else nullcontext() as tracker:
            with self._closing(tracker):
                for number, (step, contract) in enumerate(zip(self.state.steps, self.plan.contracts, strict=True), 1):
                    self._step(step, contract, number)
            if tracker:
                with self._closing(tracker):
                    self._record(tracker)
        summary = write_summary(self.state, self.run_dir)
        return RunResult(self.run_dir, summary, self.state.mlflow_run_id, self.state.model_version)

    def _tracker(self) -> Tracker:
        store = Store.of(project_root(self.plan.pipeline.path))
        tags = {"pipeline_fingerprint": self.state.fingerprint, "run_dir": str(self.run_dir)}
        return Tracker(store, self.state.programme, self.run_dir, tags=tags, run_id=self.state.mlflow_run_id)

    def _step(self, step: StepState, contract: Contract, number: int) -> None:
        """Execute one step unless it is finished."""
        event = Event("skipped", step.label, number, len(self.state.steps))
        if step.status == "finished":
            self.tell(event)
            return
        parameters = {**step.parameters, **self._filled(contract)}
        event = replace(event, cells=contract.cells + bool(parameters))
        step.begin()
        self.state.save(self.run_dir)
        self.tell(replace(event, kind="started"))
        with self._ending(step, event):
            execute(
                contract.notebook,
                self.run_dir / "notebooks" / f"{step.label}.ipynb",
                self.run_dir / "logs" / f"{step.label}.log",
                parameters,
                run_dir=self.run_dir,
                step=step.label,
                on_cell=lambda cell: self.tell(replace(event, kind="cell", cell=cell)),
            )

    def _filled(self, contract: Contract) -> dict[str, str]:
        values = {"run_dir": str(self.run_dir), "pipeline_path": str(self.plan.pipeline.path)}
        return {name: value for name, value in values.items() if name in contract.parameters}

    @contextmanager
    def _ending(self, step: StepState, event: Event) -> Iterator[None]:
        """Say in the state and to the listeners how a step ended."""
        status: EndStatus = "finished"
        message = ""
        try:
            yield
        except BaseException as error:
            status, message = _outcome(error)
            raise
        finally:
            step.end(status, message)
            self.state.save(self.run_dir)
            self.tell(replace(event, kind=status, seconds=step.seconds))

    @contextmanager
    def _closing(self, tracker: Tracker | None) -> Iterator[None]:
        """Say in the state and in the summary how the run ended."""
        status: EndStatus = "finished"
        message = ""
        try:
            yield
        except BaseException as error:
            status, message = _outcome(error)
            raise
        finally:
            self.state.end(status, message)
            self.state.mlflow_run_id = tracker.run_id if tracker else ""
            self.state.save(self.run_dir)
            write_summary(self.state, self.run_dir)

    def _record(self, tracker: Tracker) -> None:
        """Give MLflow what the steps made, and register the model where they made one."""
        count = len(self.state.steps)
        self.tell(Event("started", "tracking", count, count))
        began = time.monotonic()
        tracker.run.log_run_dir(self.run_dir)
        # A finished run that is resumed has its version already; another would put the same bundle up twice.
        if (self.run_dir / BUNDLE_DIR).is_dir() and self.state.model_version is None:
            self.state.model_version = register_model(
                tracker.run,
                self.run_dir / BUNDLE_DIR,
                self.state.programme,
                input_example=read_example(self.run_dir),
            )
        self.tell(Event("finished", "tracking", count, count, seconds=time.monotonic() - began))


def _outcome(error: BaseException) -> tuple[EndStatus, str]:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "Interrupted from the keyboard or by the system."
    return "failed", str(error)
