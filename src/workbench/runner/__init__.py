"""Runs of a pipeline: notebooks executed by Papermill, in order, behind typed contracts, with a state on disk."""

from workbench.errors import RunDirectoryError
from workbench.runner.contracts import Contract, NotebookParameter, read_contract
from workbench.runner.progress import Event
from workbench.runner.run import RunResult, run_pipeline
from workbench.runner.state import RunState, StepState
from workbench.stages.folder import read_pipeline

__all__ = [
    "Contract",
    "Event",
    "NotebookParameter",
    "RunDirectoryError",
    "RunResult",
    "RunState",
    "StepState",
    "read_contract",
    "read_pipeline",
    "run_pipeline",
]
