"""`summary.json`: what a run came to, read from its state and from the files that its steps wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.runner.state import SUMMARY_FILE, RunState
from workbench.scorer.files import write_text_atomically
from workbench.tracking import read_json

METRICS_FILE = "metrics.json"
DATA_FILE = "data.json"
SELECTION_FILE = "selection.json"
_OUTPUTS = {
    "report": "report.html",
    "report_data": "report.json",
    "metrics": METRICS_FILE,
    "decisions": "decisions.parquet",
    "bundle": "bundle",
    "wheel": "dist/*.whl",
}


def write_summary(state: RunState, run_dir: Path) -> dict[str, Any]:
    """Write `summary.json` and return its content.

    `metrics` are the numbers at the top of `metrics.json`, `data_fingerprint` is the entry `fingerprint` of
    `data.json`, `criteria_in_force` is that of `selection.json`, and `outputs` are the paths, relative to the run
    directory, of what exists.
    """
    summary: dict[str, Any] = {
        "status": state.status,
        "error": state.error,
        "programme": state.programme,
        "pipeline_fingerprint": state.fingerprint,
        "data_fingerprint": read_json(run_dir / DATA_FILE).get("fingerprint"),
        "started_at": state.started_at.isoformat(),
        "finished_at": state.finished_at.isoformat() if state.finished_at else None,
        "seconds": round(sum(step.seconds or 0.0 for step in state.steps), 3),
        "steps": [
            {"step": step.label, "status": step.status, "seconds": step.seconds, "error": step.error}
            for step in state.steps
        ],
        "metrics": {
            name: value
            for name, value in read_json(run_dir / METRICS_FILE).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        "criteria_in_force": read_json(run_dir / SELECTION_FILE).get("criteria_in_force"),
        "outputs": _outputs(run_dir),
        "mlflow_run_id": state.mlflow_run_id or None,
        "model_version": state.model_version,
        "versions": state.versions,
    }
    write_text_atomically(json.dumps(summary, indent=2, ensure_ascii=False), run_dir / SUMMARY_FILE)
    return summary


def _outputs(run_dir: Path) -> dict[str, str]:
    found = {name: sorted(run_dir.glob(pattern)) for name, pattern in _OUTPUTS.items()}
    return {name: paths[-1].relative_to(run_dir).as_posix() for name, paths in found.items() if paths}
