"""From files to a history: a source's raw tables through its mapping, and a model that may score the period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.config import FeaturesConfig, Pipeline
from workbench.criteria.history.table import History, refuse_strangers
from workbench.declarations import prepare_declarations
from workbench.errors import LabelError, SourceError
from workbench.evaluation import Refusal
from workbench.features import readable_columns
from workbench.model import Training, train
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.schema import known_at_lodgement
from workbench.sources import FileSource
from workbench.timeline import before, known_labels, whole_days


@dataclass(frozen=True)
class Opened:
    """Canonical tables of a source.

    Parameters
    ----------
    declarations
        Identity and lodgement columns.
    outcomes
        Key, decision and outcome columns; without rows for a source without labels.
    quarantined
        Rows of the declarations that could not be read, and have no part in a history.
    """

    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    quarantined: int


def profiles_used(criteria: CriteriaSet, features: FeaturesConfig) -> frozenset[str]:
    """Return the profile columns that the criteria read, for ``History.build(used=...)``.

    Raises
    ------
    RefusedCriterionError
        A criterion does not fit the columns of `features`; every fault is named.
    """
    read = criteria.compile(readable_columns(features)).columns
    return frozenset(read) - set(known_at_lodgement())


def read_tables(data: str | Path, pipeline: Pipeline, *, outcomes: str | Path | None = None) -> Opened:
    """Read a source's files by the pipeline's mapping.

    Parameters
    ----------
    data
        Table of declarations: a file, folder or glob of CSV or Parquet. A folder that holds ``declarations`` and
        ``outcomes`` stands for both.
    pipeline
        Its mapping is used.
    outcomes
        Table of outcomes, where it lies apart. Without it they are read from the declarations' own table if that has
        all columns of the mapping's [outcomes], and there are no labels otherwise.

    Raises
    ------
    SourceError
        Nothing can be read, every row went to quarantine, or no outcome is of one of the declarations.
    MappingError
        The mapping does not fit the table.
    """
    mapping = Mapping.from_toml(pipeline.resolve(pipeline.source.mapping))
    place = Path(data)
    if outcomes is None and (place / "declarations").is_dir() and (place / "outcomes").is_dir():
        place, outcomes = place / "declarations", place / "outcomes"
    raw = FileSource(place, mapping.csv).read()
    labels = None if outcomes is None else FileSource(outcomes, mapping.csv).read()
    labelled = labels is not None or (bool(mapping.outcomes) and not mapping.absent_outcome_columns(raw.columns))
    prepared = prepare_declarations(raw, mapping, as_of=None, outcomes=labels, labelled=labelled)
    if prepared.declarations.is_empty():
        found = "; ".join(finding.sentence() for finding in prepared.findings[:3])
        raise SourceError(f"Every row of {place} went to quarantine: {found}.")
    if prepared.outcomes.is_empty():
        refuse_strangers(prepared.declarations, prepared.rejected_outcomes)
    return Opened(prepared.declarations, prepared.outcomes, prepared.quarantine.height)


def open_history(
    data: str | Path,
    pipeline: Pipeline,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    outcomes: str | Path | None = None,
    used: Iterable[str] | None = None,
    with_model: bool = False,
    refresh: str = "1mo",
    tell: Tell | None = None,
) -> History:
    """Read a source and put the history of a period together.

    Parameters
    ----------
    data, pipeline
        See `read_tables`; the pipeline also says which profiles there are.
    start, end
        The period; the source's first day and the day after its last one where they are not given. Rows before
        `start` are its past and teach the profiles.
    outcomes
        See `read_tables`.
    used
        Profile columns that are needed (see `profiles_used`); all of them for ``None``.
    with_model
        Whether to train the pipeline's model on what was known at `start`, and score the period with it. Where the
        labels do not suffice the history has no scores.
    refresh, tell
        See `History.build`.
    """
    opened = read_tables(data, pipeline, outcomes=outcomes)
    first, after = whole_days(opened.declarations)
    start, end = start or first, end or after
    history = History.build(
        opened.declarations,
        opened.outcomes,
        pipeline.features,
        start=start,
        end=end,
        refresh=refresh,
        used=used,
        tell=tell,
    )
    if not with_model:
        return history
    if tell:
        tell("model", 0)
    training = train_as_of(opened.declarations, opened.outcomes, start, pipeline)
    return history if isinstance(training, Refusal) else history.scored(training.model, training.as_of, tell=tell)


def train_as_of(
    declarations: pl.DataFrame, outcomes: pl.DataFrame, moment: datetime, pipeline: Pipeline
) -> Training | Refusal:
    """Train the pipeline's model on what was known at `moment`.

    Returns
    -------
    Training or Refusal
        A refusal (code ``model_without_labels``) where the labels known by then do not suffice: a result to show.
    """
    try:
        return train(declarations, outcomes, moment, pipeline.features, pipeline.model)
    except LabelError as error:
        past = before(declarations, moment).select("declaration_id", "item_no")
        found = known_labels(outcomes, moment).join(past, on=past.columns, how="semi").height
        return Refusal("model_without_labels", found, found + 1, str(error))
