"""Drift of a run's tables, or of a source's files: opened, scored where a model can be trained before, and watched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from workbench.config import DriftConfig, Pipeline
from workbench.criteria.history import History, read_tables, train_as_of
from workbench.drift.detectors import Detector, detectors
from workbench.drift.kept import thresholds_from
from workbench.drift.limits import LEAST_WEEKS, WEEKS_A_YEAR, Thresholds
from workbench.drift.monitor import check, watch
from workbench.drift.report import DriftReport
from workbench.drift.weeks import Weeks
from workbench.errors import ConfigError, LabelError, SourceError
from workbench.evaluation import Refusal
from workbench.progress import Tell
from workbench.scorer.schema import KEY
from workbench.stages.folder import RunFolder
from workbench.stages.past import period, run_or_pipeline
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
        Weeks right before `start` to learn on, or the first ones of the data without it. By default the pipeline's
        [drift], or as many as there are where data are shorter: all before `start`, three quarters without it.
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
        A run comes with a pipeline, or raw declarations without one; the days are no period; or the reference that is
        asked for is too short.
    LabelError
        Too few weeks to learn on, or none to check.
    SourceError
        The data or the thresholds cannot be read.
    """
    tables = _opened(data, pipeline, outcomes)
    config, every = tables.pipeline.drift, detectors(tables.pipeline.drift.seed)
    given = None if thresholds is None else _read(thresholds, every)
    baseline = config.baseline_weeks if given is None else given.baseline
    lead = _Lead.of_learning(config, reference_weeks) if given is None else _Lead.of_comparing(given)
    goods, begins, checked = _lasting(tables.declarations, period(start, end), lead)
    if with_model:
        goods = _scored(goods, tables, begins, tell)
    recent = goods.filter(since_or_undated(goods["lodged_at"], begins))
    weeks = Weeks.of(recent, tables.outcomes, baseline=baseline, result_weeks=config.result_weeks)
    if given is not None:
        return check(weeks, every, given, last=checked, tell=tell)
    rate = config.false_alarms_per_year
    return watch(weeks, every, reference_weeks=weeks.count - checked, false_alarms_per_year=rate, tell=tell)


@dataclass(frozen=True)
class _Lead:
    """Weeks that have to lie before those to check.

    Parameters
    ----------
    wanted, least
        Weeks to take where there are as many, and weeks without which there is no check.
    does
        What they are for, in words.
    """

    wanted: int
    least: int
    does: str

    @classmethod
    def of_learning(cls, config: DriftConfig, asked: int | None) -> _Lead:
        """Take as many as were asked for, or else as the pipeline wants and the data have."""
        least = config.baseline_weeks + LEAST_WEEKS
        wanted = config.reference_weeks if asked is None else asked
        if wanted < least:
            raise ConfigError(
                f"{wanted} weeks of reference are too few, expected {least} or more: {config.baseline_weeks} to "
                f"compare with and {LEAST_WEEKS} to learn from, {WEEKS_A_YEAR} for every season."
            )
        return cls(wanted, least if asked is None else asked, "to learn thresholds on")

    @classmethod
    def of_comparing(cls, given: Thresholds) -> _Lead:
        """Weeks to compare with and, for what is new in a week, those that these are compared with."""
        return cls(2 * given.baseline, 2 * given.baseline, "to compare with")


def _lasting(
    declarations: pl.DataFrame, days: tuple[datetime | None, datetime | None], lead: _Lead
) -> tuple[pl.DataFrame, datetime, int]:
    """Return what was lodged before the end of the period, the first moment to read from, and the weeks to check."""
    start, end = days
    lodged = declarations if end is None else before(declarations, end)
    if lodged["lodged_at"].count() == 0:
        raise LabelError(f"Nothing was lodged before {end:%Y-%m-%d}, the day after --to. Give a later day.")
    first, after = whole_days(lodged)
    there = (after - first).days // 7
    told = f"the data have {there} whole weeks, {first:%Y-%m-%d} to {after - timedelta(days=1):%Y-%m-%d}"
    if start is not None and start >= after:
        raise LabelError(f"Nothing was lodged from {start:%Y-%m-%d} on: {told}. Give an earlier --from.")
    checked = _weeks_to_check(there, lead) if start is None else -(-(after - start).days // 7)
    if checked < 1 or there - checked < lead.least:
        before_them = there if start is None else max(there - checked, 0)
        raise LabelError(
            f"Too few weeks {lead.does}: {told}, of which {before_them} can lie before those to check, and "
            f"{lead.least} have to{' with one to check after them' if start is None else ''}. Give longer data, fewer "
            "--reference-weeks, or a later --from."
        )
    if start is None:
        return lodged, first, checked
    return lodged, after - timedelta(weeks=checked + min(there - checked, lead.wanted)), checked


def _weeks_to_check(there: int, lead: _Lead) -> int:
    """Return the weeks after those that are wanted before; of shorter data the last quarter."""
    if there > lead.wanted or lead.wanted == lead.least:
        return there - lead.wanted
    return there - max(there * 3 // 4, lead.least)


def _opened(data: Path, pipeline: Pipeline | None, outcomes: Path | None) -> _Tables:
    source = run_or_pipeline(data, pipeline)
    if isinstance(source, RunFolder):
        return _Tables(source.read("declarations"), source.read("outcomes"), source.pipeline)
    opened = read_tables(data, source, outcomes=outcomes)
    return _Tables(opened.declarations, opened.outcomes, source)


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


def _read(file: Path, every: Sequence[Detector]) -> Thresholds:
    try:
        state = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror}. Give the thresholds.json of an earlier check.") from None
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{file} holds no thresholds: {error}. Give the thresholds.json of an earlier check."
        ) from None
    return thresholds_from(state, every)
