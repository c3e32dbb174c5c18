"""Drift of a run's tables, or of a source's files: opened, scored where a model can be trained before, and watched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from workbench.config import Pipeline
from workbench.criteria.history import History, read_tables, train_as_of
from workbench.drift.detectors import detectors
from workbench.drift.monitor import check, watch
from workbench.drift.report import DriftReport
from workbench.drift.thresholds import Thresholds
from workbench.drift.weeks import Weeks
from workbench.errors import ConfigError, SourceError
from workbench.evaluation import Refusal
from workbench.progress import Tell
from workbench.scorer.schema import KEY
from workbench.stages.folder import RunFolder
from workbench.stages.past import is_run, period
from workbench.timeline import before, since_or_undated, whole_days


@dataclass(frozen=True)
class _Tables:
    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    pipeline: Pipeline


def watch_for_drift(
    data: Path,
    pipeline: Pipeline | None = None,
    *,
    outcomes: Path | None = None,
    start: date | None = None,
    end: date | None = None,
    reference_weeks: int | None = None,
    thresholds: Path | None = None,
    with_model: bool = True,
    tell: Tell | None = None,
) -> DriftReport:
    """Look for drift in a period, against thresholds learnt on the weeks before it.

    Parameters
    ----------
    data
        Folder of a run, or raw declarations (see `workbench.criteria.history.read_tables`).
    pipeline
        Reads raw declarations; a run has its own.
    outcomes
        Raw outcomes, where they lie apart from raw declarations.
    start, end
        First and last day to check, in whole weeks counted back from the last: up to six days before the first are
        checked with it. By default all that follows the reference.
    reference_weeks
        Weeks right before `start` to learn on, or the first ones of the data without it; the pipeline's [drift] by
        default.
    thresholds
        A file ``thresholds.json`` of an earlier check to go by; nothing is learnt then.
    with_model
        Whether to score the goods with the pipeline's model, trained on what was known when the reference began.
        Without labels from before it there is no score, and what watches scores is refused by name.
    tell
        Told what is being done.

    Raises
    ------
    ConfigError
        A run comes with a pipeline, or raw declarations without one; or the days are no period.
    LabelError
        Too few weeks to learn on, or none to check.
    SourceError
        The data or the thresholds cannot be read.
    """
    tables, given = _opened(data, pipeline, outcomes), None if thresholds is None else _read(thresholds)
    config, every = tables.pipeline.drift, detectors(tables.pipeline.drift.seed)
    lead = 2 * given.baseline if given else reference_weeks or config.reference_weeks
    goods, begins = _lasting(tables.declarations, period(start, end), lead)
    if with_model:
        goods = _scored(goods, tables, begins, tell)
    recent = goods.filter(since_or_undated(goods["lodged_at"], begins))
    baseline = given.baseline if given else config.baseline_weeks
    weeks = Weeks.of(recent, tables.outcomes, baseline=baseline, result_weeks=config.result_weeks)
    if given is not None:
        return check(weeks, every, given, last=max(weeks.count - lead, 1), tell=tell)
    rate = config.false_alarms_per_year
    return watch(weeks, every, reference_weeks=lead, false_alarms_per_year=rate, tell=tell)


def _lasting(
    declarations: pl.DataFrame, days: tuple[datetime | None, datetime | None], lead: int
) -> tuple[pl.DataFrame, datetime]:
    """Return what was lodged before the end of the period, and when the `lead` weeks before its start begin."""
    start, end = days
    lodged = declarations if end is None else before(declarations, end)
    first, after = whole_days(lodged)
    if start is None:
        return lodged, first
    checked = -(-(after - start).days // 7)
    return lodged, after - timedelta(weeks=checked + lead)


def _opened(data: Path, pipeline: Pipeline | None, outcomes: Path | None) -> _Tables:
    if is_run(data):
        run = RunFolder.open(data)
        if pipeline is not None:
            raise ConfigError(f"{data} is a run, which has its own pipeline: leave --pipeline out.")
        return _Tables(run.read("declarations"), run.read("outcomes"), run.pipeline)
    if pipeline is None:
        raise ConfigError(f"{data} is no run, and nothing says how to read it: give its pipeline with --pipeline.")
    opened = read_tables(data, pipeline, outcomes=outcomes)
    return _Tables(opened.declarations, opened.outcomes, pipeline)


def _scored(declarations: pl.DataFrame, tables: _Tables, moment: datetime, tell: Tell | None) -> pl.DataFrame:
    """Score what was lodged from `moment` on by a model that knew nothing of it, where its past can teach one."""
    if before(declarations, moment).is_empty():
        return declarations
    if tell:
        tell("model", 0)
    training = train_as_of(declarations, tables.outcomes, moment, tables.pipeline)
    if isinstance(training, Refusal):
        return declarations
    first, after = whole_days(declarations)
    history = History.build(
        declarations,
        tables.outcomes,
        tables.pipeline.features,
        start=max(first, moment),
        end=after,
        model=training.model,
        model_from=moment,
        used=(),
        tell=tell,
    )
    return declarations.join(history.rows.select(*KEY, "score"), on=list(KEY), how="left", maintain_order="left")


def _read(file: Path) -> Thresholds:
    try:
        state = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{file} holds no thresholds: {error}. Give the thresholds.json of an earlier check."
        ) from None
    return Thresholds.from_dict(state)
