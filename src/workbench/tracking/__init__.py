"""MLflow in its one place: where runs are kept, one run a pipeline run that always ends, and the model registry."""

from workbench.tracking.registry import BUNDLE_DIR, CHALLENGER, read_example, register_model
from workbench.tracking.runs import Run, Tracker, close_stale_runs, read_json, start_run
from workbench.tracking.store import Store, TrackingError, project_root

__all__ = [
    "BUNDLE_DIR",
    "CHALLENGER",
    "Run",
    "Store",
    "Tracker",
    "TrackingError",
    "close_stale_runs",
    "project_root",
    "read_example",
    "read_json",
    "register_model",
    "start_run",
]
