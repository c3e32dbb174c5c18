"""Labels: what training on selected labels costs, on a run's tables, on a source's files or on a generated world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from workbench.config import Pipeline
from workbench.criteria.history import read_tables
from workbench.progress import Tell
from workbench.selected_labels import Comparison, compare
from workbench.stages.folder import RunFolder
from workbench.stages.past import period, run_or_pipeline
from workbench.timeline import start_of, whole_days

_JUDGED = timedelta(weeks=8)


@dataclass(frozen=True)
class _Tables:
    """What is compared: canonical tables, the truth where there is one, the pipeline, and the days by default."""

    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    truth: pl.DataFrame | None
    pipeline: Pipeline
    moment: datetime
    until: datetime


def compare_labels(
    data: Path,
    pipeline: Pipeline | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    tell: Tell | None = None,
) -> Comparison:
    """Compare ways to train on selected labels (see `workbench.selected_labels`).

    Parameters
    ----------
    data
        Folder of a run, of a generated world (its truth is read too, to judge by), or raw declarations with outcomes.
    pipeline
        Reads what is no run; a run has its own.
    start, end
        First and last day of the goods judged; what was known on the first day teaches. By default a run's judging
        part, and the last eight weeks of everything else.
    tell
        Told each variant that is done.

    Raises
    ------
    ConfigError
        A run with a pipeline, something else without one, or days that are no period.
    LabelError
        The labels do not suffice, or have no inclusion probability.
    """
    opened = run_or_pipeline(data, pipeline)
    tables = _of_run(opened, data) if isinstance(opened, RunFolder) else _of_source(data, opened)
    first, after = period(start, end)
    return compare(
        tables.declarations,
        tables.outcomes,
        moment=first or tables.moment,
        until=after or tables.until,
        features=tables.pipeline.features,
        config=tables.pipeline.model,
        truth=tables.truth,
        tell=tell,
    )


def _of_run(run: RunFolder, data: Path) -> _Tables:
    declarations = run.read("declarations")
    _, after = whole_days(declarations)
    judge, decide = start_of(declarations, "judge"), start_of(declarations, "decide")
    moment, until = judge or after - _JUDGED, decide or after
    return _Tables(declarations, run.read("outcomes"), _truth(data / "source"), run.pipeline, moment, until)


def _of_source(data: Path, pipeline: Pipeline) -> _Tables:
    opened = read_tables(data, pipeline)
    _, after = whole_days(opened.declarations)
    return _Tables(opened.declarations, opened.outcomes, _truth(data), pipeline, after - _JUDGED, after)


def _truth(world: Path) -> pl.DataFrame | None:
    """Read the truth of a generated world, ``None`` where there is none: only comparisons like this one may."""
    if not (world / "generation.json").is_file():
        return None
    truth = pl.read_parquet(world / "truth" / "*.parquet")
    return truth.select("declaration_id", "item_no", violation="fraudulent")
