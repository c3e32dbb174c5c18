"""Criteria in force for a run: those that somebody approved, or all of the file where the pipeline asks for a trial."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from workbench.config import Pipeline
from workbench.criteria.lifecycle import InForce, in_force
from workbench.errors import CriterionError, RunDirectoryError
from workbench.features import readable_columns
from workbench.scorer.criteria import CriteriaSet
from workbench.stages.folder import RunFolder


def criteria_in_force(pipeline: Pipeline, on: date | None = None) -> InForce:
    """Return the criteria that decide in runs of a pipeline, and why the file's others do not.

    Parameters
    ----------
    pipeline
        ``[criteria] path`` names the set, and ``drafts = true`` makes every run a trial, in which drafts decide too.
    on
        Day for which validity is judged; today where none is given.

    Raises
    ------
    CriterionError
        The set, its journal or a criterion in force is refused: then nothing is in force.
    """
    if not pipeline.criteria.path:
        return InForce(CriteriaSet(), {}, {}, is_trial=pipeline.criteria.drafts)
    file = pipeline.resolve(pipeline.criteria.path)
    return in_force(file, readable_columns(pipeline.features), on, drafts=pipeline.criteria.drafts)


def why_no_export(run: RunFolder) -> str:
    """Return why nothing of a run may be exported, empty where it may: in a trial, drafts decided."""
    if not run.pipeline.criteria.drafts:
        return ""
    return (
        f"{run.path.name} is a trial: criteria that nobody approved decided in it, so nothing of it is exported. Have "
        "them approved, then run the pipeline without -p drafts=true."
    )


def refuse_others(run: RunFolder, present: InForce) -> None:
    """Refuse criteria that are not those with which a run decided: its figures would say nothing about them.

    Raises
    ------
    RunDirectoryError
        The run is of an earlier version.
    CriterionError
        A criterion came, went, or has another state or text; each is named.
    """
    decided, now = run.read_json("selection").get("criteria_in_force", {}), present.to_dict()
    if "text_sha256" not in decided:
        raise RunDirectoryError(
            f"{run.path.name} is of an earlier version and does not say which texts decided. Run the pipeline again."
        )
    names = dict.fromkeys([*decided["in_force"], *now["in_force"]])
    if changes := [f"  {name}: {change}" for name in names if (change := _change(name, decided, now))]:
        listed = "\n".join(changes)
        raise CriterionError(
            f"Nothing was exported: other criteria are in force than those with which {run.path.name} decided:\n"
            f"{listed}\nRun the pipeline again, and export that run."
        )


def _change(name: str, decided: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    before, after = (found["in_force"].get(name, "not in force") for found in (decided, now))
    if before != after:
        return f"{before} then, {after} now"
    return "" if decided["text_sha256"][name] == now["text_sha256"][name] else "its text is another one now"
