"""What the commands on criteria share: their options, the set, its programme, and the past it is tried on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import ConfigError, ParameterError
from workbench.progress import Tell, progress

if TYPE_CHECKING:
    import polars as pl

    from workbench.config import Pipeline
    from workbench.criteria.history import History
    from workbench.scorer.criteria import CriteriaSet
    from workbench.stages.past import Past

LATEST = Path("runs/latest")
"""Where the last finished run lies."""

File = Annotated[Path, typer.Argument(metavar="SET", help="The criteria set, a TOML file.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Criteria; all whose turn it is by default.")]
Recorded = Annotated[list[str] | None, typer.Option("--id", help="Criteria to record, with --by; repeatable.")]
By = Annotated[str, typer.Option(help="Who signs: the name of a key made with: workbench keys new NAME")]
Recorder = Annotated[str, typer.Option("--by", help="Record that they passed, signed by this key.")]
Programme = Annotated[
    Path | None,
    typer.Option("--pipeline", help="Pipeline whose columns, mapping and capacity count. Default: the set's own."),
]
Data = Annotated[
    Path, typer.Option(help="Folder of a run, or raw declarations that --pipeline's mapping reads.", show_default=True)
]
Outcomes = Annotated[Path | None, typer.Option(help="Raw outcomes, where they lie apart from raw declarations.")]
Start = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; what lies before teaches profiles.")
]
End = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")]
Out = Annotated[Path | None, typer.Option(help="Folder for report.html and the tables as JSON and Parquet.")]


def read(criteria_file: Path) -> CriteriaSet:
    """Read a set; faults are told together."""
    from workbench.scorer.criteria import CriteriaSet

    return CriteriaSet.from_toml(criteria_file)


def programme(criteria_file: Path, given: Path | None) -> Pipeline | None:
    """Return the pipeline given, else the one beside the project's others that names the set; ``None`` if none does."""
    from workbench.config import load_pipeline

    if given is not None:
        return load_pipeline(given, without_inputs=True)
    for file in sorted(Path("pipelines").glob("*.toml")):
        pipeline = load_pipeline(file, without_inputs=True)
        if pipeline.criteria.path and pipeline.resolve(pipeline.criteria.path) == criteria_file.resolve():
            return pipeline
    return None


def columns(pipeline: Pipeline | None) -> dict[str, pl.DataType]:
    """Return what criteria may read: without a pipeline, only what a declaration itself says."""
    from workbench.features import readable_columns
    from workbench.scorer.schema import lodgement_types

    if pipeline is None:
        print("No pipeline names this set: profile columns are unknown. Give one with --pipeline.", file=sys.stderr)
        return lodgement_types()
    return readable_columns(pipeline.features)


def past(
    criteria_file: Path,
    data: Path,
    pipeline: Path | None,
    outcomes: Path | None,
    days: tuple[datetime | None, datetime | None],
    tell: Tell,
    *,
    criteria: Sequence[CriteriaSet] = (),
    with_model: bool = True,
) -> Past:
    """Open the past that the options name; only the profiles that `criteria` read are learnt."""
    from workbench.stages.past import is_run, open_past

    if not data.exists() and not any(data.parent.glob(data.name)):
        raise ParameterError(f"{data} does not exist. Give --data: the folder of a run, or raw declarations.")
    start, end = days
    return open_past(
        data,
        # A run has its own pipeline; only one that was given beside it is a mistake.
        None if pipeline is None and is_run(data) else programme(criteria_file, pipeline),
        outcomes=outcomes,
        start=start.date() if start else None,
        end=end.date() if end else None,
        criteria=criteria,
        with_model=with_model,
        tell=tell,
    )


def parted(past: Past, confirm_from: datetime | None) -> tuple[History, History]:
    """Cut a period in two: what proposals are found in, and the later part that only confirms them."""
    history = past.history
    cut = confirm_from or history.start + timedelta(days=(history.end - history.start).days * 2 // 3)
    if not history.start < cut < history.end:
        raise ConfigError(
            f"--confirm-from {cut:%Y-%m-%d} leaves nothing to search or to confirm: the period goes from "
            f"{history.start:%Y-%m-%d} to {history.end:%Y-%m-%d}."
        )
    return history.between(history.start, cut), history.between(cut, history.end)


def told() -> AbstractContextManager[Tell]:
    """Show how far long work has come, on a terminal."""
    return progress(None)
