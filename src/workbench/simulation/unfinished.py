"""What a study that was stopped still lacks: its runs by name, and how far each has come."""

from __future__ import annotations

import json
from pathlib import Path

from .checkpoints import weeks_kept
from .jobs import RUNS, STUDY_FILE, folder_name

_MOST_NAMED = 5


def unfinished_runs(folder: Path) -> str:
    """Return which runs of the study in `folder` lack weeks, in words; the empty string where no study was begun."""
    try:
        study = json.loads((folder / STUDY_FILE).read_bytes())
        weeks = int(study["weeks_each"])
        runs = [(policy, number) for number in range(study["replications"]) for policy in study["policies"]]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    done = {run: weeks_kept(folder / RUNS / folder_name(*run)) for run in runs}
    lacking = [run for run in runs if done[run] < weeks]
    if not lacking:
        return f"all {len(runs)} runs are done, but their results are not written"
    named = [f"{policy}, replication {n} ({done[policy, n]} of {weeks} weeks)" for policy, n in lacking[:_MOST_NAMED]]
    more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
    return f"{len(lacking)} of {len(runs)} runs are unfinished: {'; '.join(named)}{more}"
