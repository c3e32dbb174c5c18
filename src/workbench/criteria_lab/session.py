"""A session of the lab: one run's history and one criteria file, ready to answer for any criterion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from workbench.criteria.history import History
from workbench.criteria_lab.answers import Answers
from workbench.criteria_lab.drafts import NEW
from workbench.criteria_lab.evidence import Evidence
from workbench.criteria_lab.vocabulary import Word, words
from workbench.errors import ConfigError
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.stages.folder import RunFolder
from workbench.stages.past import history_of, period

_OVERVIEW = {
    "criterion": pl.String,
    "lane": pl.String,
    "hits": pl.Int64,
    "unique_hits": pl.Int64,
    "not_evaluable": pl.Int64,
    "labelled_hits": pl.Int64,
    "known_violations": pl.Int64,
    "hit_rate_of_controlled": pl.Float64,
    "low_95": pl.Float64,
    "high_95": pl.Float64,
}


@dataclass(frozen=True)
class Session:
    """What an analyst works on: a period of declarations, and the criteria file that a new criterion would join.

    Build it with :func:`open_lab`.

    Parameters
    ----------
    run
        The run whose tables and model are used.
    criteria_file
        The file that drafts are saved to.
    present
        The criteria set of that file.
    history
        Every declaration of the run, as known at lodgement.
    evidence
        The chosen period of it with the set's hits.
    author
        Name of the key that signs drafts; empty to leave the journal alone.
    """

    run: RunFolder
    criteria_file: Path
    present: CriteriaSet
    history: History
    evidence: Evidence
    author: str = ""

    @cached_property
    def words(self) -> list[Word]:
        """What can be written in a condition."""
        return words(self.history.columns, self.present.lists)

    @property
    def period(self) -> History:
        """The chosen part of the history."""
        return self.evidence.history

    def answer(self, criterion: Criterion) -> Answers:
        """Return what is known of `criterion` in the chosen period (see :meth:`Evidence.answer`)."""
        return self.evidence.answer(criterion)

    def criterion(self, name: str = "") -> Criterion:
        """Return the criterion of the set with the id `name`: the first one, or an empty draft, where it is empty.

        Raises
        ------
        CriterionError
            There is none of that id.
        """
        return self.present.named(name) if name else next(iter(self.present.criteria), NEW)

    def reads(self, criterion: Criterion) -> frozenset[str]:
        """Return the columns that an accepted criterion reads."""
        return frozenset(replace(self.present, criteria=(criterion,)).compile(self.history.columns).columns)

    def between(self, start: str, end: str) -> Session:
        """Return the session for another period of the same run.

        Parameters
        ----------
        start, end
            First and last day of lodgement, both included, ISO 8601; empty for the run's own.

        Raises
        ------
        ConfigError
            A text is no day, the period ends before it starts, or a year is none of declarations.
        SourceError
            Nothing was lodged in the period.
        """
        first, after = period(_day(start), _day(end))
        chosen = self.history.between(first or self.history.start, after or self.history.end)
        return replace(self, evidence=Evidence(chosen, self.present))

    def reread(self) -> Session:
        """Return the session with the criteria file as it is now, after a draft was saved to it."""
        present = CriteriaSet.from_toml(self.criteria_file)
        return replace(self, present=present, evidence=Evidence(self.period, present))

    def overview(self) -> pl.DataFrame:
        """Return the key figures of each criterion of the set; see :class:`~.answers.Figures` for what they mean."""
        rows = []
        for criterion in self.present.criteria:
            figures = self.answer(criterion).figures
            assert figures is not None  # the set was refused otherwise
            hits, added = figures.hits, figures.beyond_set
            rate = (hits.hit_rate.value, hits.hit_rate.low_95, hits.hit_rate.high_95)
            counts = (hits.items, added.items, figures.not_evaluable, hits.controlled, hits.violations)
            rows.append((criterion.id, criterion.lane, *counts, *rate))
        return pl.DataFrame(rows, schema=_OVERVIEW, orient="row")

    def _repr_html_(self) -> str:
        from workbench.criteria_lab.static import session_html

        return session_html(self)


def open_lab(
    run_dir: str | Path,
    criteria_file: str | Path = "",
    *,
    start: str = "",
    end: str = "",
    author: str = "",
    tell: Tell | None = None,
) -> Session:
    """Open a finished run for work on criteria; in IPython the cell magic ``%%criterion`` is there from then on.

    Parameters
    ----------
    run_dir
        Folder of a run that has been prepared and trained.
    criteria_file
        The set that a new criterion would join, and that drafts are saved to; the run's own where it is empty.
    start, end
        First and last day of lodgement of the period, both included; the whole run where they are empty.
    author
        Name of the key with which a saved draft is signed and entered into the journal.
    tell
        Told phase and rows done, since profiles of years take a while.

    Raises
    ------
    SourceError
        The folder is no run, or an earlier notebook has not run yet.
    CriterionError
        The criteria file cannot be read or has faults; all are named.
    """
    from workbench.criteria_lab.magic import offer  # which opens sessions itself

    run = RunFolder.open(Path(run_dir).resolve())
    file = Path(criteria_file).expanduser() if criteria_file else _own_file(run)
    present = CriteriaSet.from_toml(file)
    history = history_of(run, tell=tell)
    offer()
    session = Session(run, file.absolute(), present, history, Evidence(history, present), author)
    return session.between(start, end) if start or end else session


def days(period: History) -> tuple[str, str]:
    """Return the first and the last day of lodgement of a period, ISO 8601."""
    return f"{period.start:%Y-%m-%d}", f"{period.end - timedelta(microseconds=1):%Y-%m-%d}"


def _own_file(run: RunFolder) -> Path:
    named = run.pipeline.criteria.path
    if not named:
        raise ConfigError(
            f"The pipeline of {run.path} names no criteria file. Give one: criteria_file = 'criteria.toml'."
        )
    return run.pipeline.resolve(named)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date() if text else None
    except ValueError:
        raise ConfigError(f"{text!r} is no day; give one such as 2026-01-31.") from None
