"""The past that criteria are tried on: a run's declarations or a source's own files, as known at lodgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from workbench.config import Pipeline
from workbench.criteria.history import History, open_history, profiles_used
from workbench.errors import ConfigError
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.policy import LaneLimit
from workbench.selection import limits, new_key
from workbench.stages.folder import MEASURED, RunFolder
from workbench.stages.selecting import kept_key
from workbench.timeline import start_of, whole_days

_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@dataclass(frozen=True)
class Past:
    """A period of the past, the pipeline that says how it was read and what capacity there is, and a key of draws.

    The key is the run's own, so that what is drawn for it can be drawn again; a fresh one where nothing was drawn yet.
    """

    history: History
    pipeline: Pipeline
    key: bytes

    @property
    def limits(self) -> tuple[LaneLimit, ...]:
        """Capacity of the lanes, by the pipeline's policy."""
        return limits(self.pipeline.selection)


def open_past(
    data: Path,
    pipeline: Pipeline | None = None,
    *,
    outcomes: Path | None = None,
    start: date | None = None,
    end: date | None = None,
    criteria: Sequence[CriteriaSet] = (),
    with_model: bool = True,
    tell: Tell | None = None,
) -> Past:
    """Open a period of a run or of a source's files.

    Parameters
    ----------
    data
        Folder of a run, or raw declarations (see `workbench.criteria.history.read_tables`).
    pipeline
        Reads raw declarations; a run has its own.
    outcomes
        Raw outcomes, where they lie apart from raw declarations.
    start, end
        First and last day of lodgement, both included; those of the data where they are not given. What lies before
        `start` is not lost: profiles are learnt from it.
    criteria
        Only the profiles that these sets read are learnt; without a set, all of them.
    with_model
        Whether the rows get the score of a model that had not seen them: the run's measured model for its judging
        and deciding weeks, and for raw declarations the pipeline's model, trained on what was known at `start`.
    tell
        Told phase and rows done.

    Raises
    ------
    ConfigError
        Raw declarations come without a pipeline, or a run with one; the days are no period (see :func:`period`).
    SelectivityError
        The data cannot be read, or nothing was lodged in the period.
    """
    first, after = period(start, end)
    opened = run_or_pipeline(data, pipeline)
    if isinstance(opened, RunFolder):
        history = history_of(opened, start=first, end=after, criteria=criteria, with_model=with_model, tell=tell)
        return Past(history, opened.pipeline, kept_key(opened) or new_key())
    history = open_history(
        data,
        opened,
        start=first,
        end=after,
        outcomes=outcomes,
        used=_used(criteria, opened),
        with_model=with_model,
        tell=tell,
    )
    return Past(history, opened, new_key())


def is_run(data: Path) -> bool:
    """Say whether a path is the folder of a run: it has its own pipeline, and raw declarations need one."""
    return (data / "pipeline.json").is_file()


def run_or_pipeline(data: Path, pipeline: Pipeline | None) -> RunFolder | Pipeline:
    """Open the run that lies in `data`, or return the pipeline that reads it.

    Raises
    ------
    ConfigError
        A run comes with a pipeline, anything else without one, or `data` is itself a pipeline or not there.
    """
    if is_run(data):
        if pipeline is not None:
            raise ConfigError(f"{data} is a run, which has its own pipeline: leave --pipeline out.")
        return RunFolder.open(data)
    if data.suffix == ".toml":
        raise ConfigError(
            f"{data} is a pipeline and holds no declarations. Give the folder of a run of it, such as runs/latest, or "
            f"raw declarations with --pipeline {data}."
        )
    if pipeline is None and not data.exists():
        raise ConfigError(
            f"{data} does not exist. Give the folder of a run, or raw declarations with --pipeline; a run is made by: "
            "workbench run PIPELINE"
        )
    if pipeline is None:
        raise ConfigError(
            f"{data} is no run, and nothing says how to read it: give the pipeline with --pipeline, or the folder of a "
            "run, such as runs/latest."
        )
    return pipeline


def period(start: date | None, end: date | None) -> tuple[datetime | None, datetime | None]:
    """Return the first moment of a period and the moment after it; ``None`` where it is open.

    Parameters
    ----------
    start, end
        First and last day, both included.

    Raises
    ------
    ConfigError
        It ends before it starts, or a year is none of declarations: before 1900 or after 2200.

    Examples
    --------
    >>> period(date(2026, 1, 1), date(2026, 1, 31))
    (datetime.datetime(2026, 1, 1, 0, 0), datetime.datetime(2026, 2, 1, 0, 0))
    """
    for day in (start, end):
        if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise ConfigError(f"{day} is no day of declarations: give a year from {_FIRST_YEAR} to {_LAST_YEAR}.")
    if start is not None and end is not None and end < start:
        raise ConfigError(f"The period ends on {end}, before it starts on {start}. Exchange the two days.")
    return _moment(start), None if end is None else _moment(end + timedelta(days=1))


def history_of(
    run: RunFolder,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    criteria: Sequence[CriteriaSet] = (),
    with_model: bool = True,
    tell: Tell | None = None,
) -> History:
    """Return a run's declarations as known at lodgement, scored from where its measured model knew nothing.

    Parameters
    ----------
    run
        A run that has been prepared and, for `with_model`, trained.
    start, end
        First moment of the period and the moment after it; the run's own where they are not given.
    criteria, with_model, tell
        See :func:`open_past`.
    """
    declarations = run.read("declarations")
    judge_from = start_of(declarations, "judge") if with_model else None
    first, after = whole_days(declarations)
    features = run.pipeline.features
    return History.build(
        declarations,
        run.read("outcomes"),
        features,
        start=start or first,
        end=end or after,
        model=None if judge_from is None else run.read_model(MEASURED),
        model_from=judge_from,
        used=_used(criteria, run.pipeline),
        tell=tell,
    )


def _used(criteria: Sequence[CriteriaSet], pipeline: Pipeline) -> frozenset[str] | None:
    used = [profiles_used(one, pipeline.features) for one in criteria]
    return frozenset[str]().union(*used) if used else None


def _moment(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min)
