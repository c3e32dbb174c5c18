"""The history table: one row a declaration item, with what was known at lodgement and what a control found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from workbench.config import FeaturesConfig
from workbench.criteria.history.profiles import as_of_profiles
from workbench.errors import ConfigError, SourceError
from workbench.features import readable_columns
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet, Hits
from workbench.scorer.risk.riskmodel import RiskModel
from workbench.scorer.schema import KEY, SCHEMA, Role, derive, lodgement_types, names
from workbench.timeline import before, in_order, since_or_undated

FOUND = names(Role.DECISION, Role.OUTCOME)
"""Columns of the history that no criterion may read: what was decided, and what the control found."""

_ROWS_AT_ONCE = 250_000


@dataclass(frozen=True)
class History:
    """Declarations of a period as they were known at lodgement, with what controls found later.

    Parameters
    ----------
    rows
        One row a declaration item in order of time: key, all lodgement, derived and profile columns, ``score`` (null
        where no model without a view of the future was given), and the decision and outcome columns, null where
        nothing was decided, nobody looked, or the source does not say.
    columns
        Type of every column that a criterion may read.
    start, end
        First moment of the period, and the moment after it.
    score_from
        Moment from which rows have a score; ``None`` without a model.
    """

    rows: pl.DataFrame
    columns: Mapping[str, pl.DataType]
    start: datetime
    end: datetime
    score_from: datetime | None = None

    @classmethod
    def build(
        cls,
        declarations: pl.DataFrame,
        outcomes: pl.DataFrame,
        features: FeaturesConfig,
        *,
        start: datetime,
        end: datetime,
        model: RiskModel | None = None,
        model_from: datetime | None = None,
        refresh: str = "1mo",
        used: Iterable[str] | None = None,
        tell: Tell | None = None,
    ) -> History:
        """Put a period together, each row with what was known when it was lodged.

        Profile columns are learnt as of the start of the calendar's window (month, by default) that a row lies in, as
        a service that renews its lookups at every such moment would have had them: from declarations lodged and labels
        recorded before it. A window without a past has none; a criterion that reads them is not evaluable there.

        Parameters
        ----------
        declarations
            Canonical declarations of the period **and of its past**, in any order.
        outcomes
            Key, decision and outcome columns; rows may be missing, columns too.
        features
            The pipeline's [features]: which profiles there are.
        start, end
            The period: lodged at `start` or later, and before `end`.
        model, model_from
            A model and the moment of its knowledge: rows lodged from then on get its score. Both or neither.
        refresh
            Length of a window, in Polars' words: ``1mo``, ``1w``, ``1d``.
        used
            Profile columns that are needed (see `profiles_used`); ``None`` learns all, which takes longer.
        tell
            Told phase and rows done.

        Raises
        ------
        ConfigError
            The period ends before it starts, `refresh` is no length, a feature reads what it must not, or a model
            comes without its moment.
        SourceError
            No declaration was lodged in the period, or there are outcomes and none is of these declarations.
        SchemaError
            A column is missing.
        """
        if (model is None) != (model_from is None):
            raise ConfigError("A model needs the moment of its knowledge, and the moment a model: give both or none.")
        refuse_strangers(declarations, outcomes)
        known = _known(declarations, outcomes, end)
        wanted = None if used is None else set(used)
        period = since_or_undated(known["lodged_at"], start)
        _refuse_empty(known, period, start, end)
        profiles = as_of_profiles(known, features, start, refresh=refresh, used=wanted, tell=tell)
        types = lodgement_types() | {name: readable_columns(features)[name] for name in profiles.columns}
        rows = known.filter(period).hstack(profiles).with_columns(score=pl.lit(None, pl.Float64))
        history = cls(rows.select(*KEY, *types, "score", *FOUND), types, start, end)
        return history if model is None or model_from is None else history.scored(model, model_from, tell=tell)

    def scored(self, model: RiskModel, model_from: datetime, *, tell: Tell | None = None) -> History:
        """Return the history with the scores of a model that knew nothing from `model_from` on."""
        later = since_or_undated(self.rows["lodged_at"], model_from).to_numpy()
        scores = np.full(self.rows.height, np.nan)
        places = np.flatnonzero(later)
        for first in range(0, len(places), _ROWS_AT_ONCE):
            part = places[first : first + _ROWS_AT_ONCE]
            features = model.features
            scores[part] = model.scores(features.matrix(features.read(self.rows[part]))).score
            if tell:
                tell("scores", first + len(part))
        rows = self.rows.with_columns(pl.Series("score", scores, nan_to_null=True))
        return replace(self, rows=rows, score_from=max(model_from, self.start))

    def hits(self, criteria: CriteriaSet) -> Hits:
        """Evaluate `criteria` on every row, each at its own day of lodgement.

        Raises
        ------
        RefusedCriterionError
            A criterion reads a column that the history does not have, or has another fault; all are named.
        CriterionError
            A criterion failed on some row.
        """
        return criteria.compile(self.columns).hits(self.rows)

    def between(self, start: datetime, end: datetime) -> History:
        """Return the part of the history lodged at `start` or later, and before `end`.

        Each row keeps what was known when it was lodged, so this is what `build` would give for the shorter period.
        """
        rows = before(self.rows, end)
        rows = rows.filter(since_or_undated(rows["lodged_at"], start))
        _refuse_empty(rows, pl.repeat(value=True, n=rows.height, eager=True), start, end)
        score_from = None if self.score_from is None else max(self.score_from, start)
        return History(rows, self.columns, max(start, self.start), min(end, self.end), score_from)

    @property
    def labelled(self) -> pl.DataFrame:
        """The rows with a recorded result: controlled goods, which do not stand for the others."""
        return self.rows.filter(pl.col("violation").is_not_null())


def _known(declarations: pl.DataFrame, outcomes: pl.DataFrame, end: datetime) -> pl.DataFrame:
    """Return what was lodged before `end`, in order of time, with derived columns and what was found."""
    lodged = derive(in_order(before(declarations, end)))
    lodged = lodged.select(name for name in lodged.columns if name not in FOUND)
    given = outcomes.select(*KEY, *(name for name in FOUND if name in outcomes.columns))
    absent = [pl.lit(None, SCHEMA[name].dtype).alias(name) for name in FOUND if name not in outcomes.columns]
    return lodged.join(given, on=list(KEY), how="left", maintain_order="left").with_columns(absent)


def refuse_strangers(declarations: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    """Refuse outcomes none of which is of one of the declarations: it would look as if nobody had controlled anything.

    Some that match nothing are no fault: a table of outcomes may reach further back than one of declarations.

    Raises
    ------
    SourceError
        No outcome has the key of a declaration; says how many there are, and shows a key of each.
    """
    if outcomes.is_empty() or not outcomes.join(declarations, on=list(KEY), how="semi").is_empty():
        return
    theirs, ours = (_first_key(frame) for frame in (outcomes, declarations))
    raise SourceError(
        f"None of the {outcomes.height:,} outcomes is of one of the {declarations.height:,} declaration items: the "
        f"first outcome is of {theirs}, the first item is {ours}. Give outcomes of the same source, and let the "
        "mapping write declaration numbers and item numbers alike in both."
    )


def _first_key(frame: pl.DataFrame) -> str:
    number, item = frame.select(KEY).head(1).rows()[0] if frame.height else ("none", "none")
    return f"declaration {str(number)[:40]!r}, item {item}"


def _refuse_empty(known: pl.DataFrame, period: pl.Series, start: datetime, end: datetime) -> None:
    # People name a period by its last day, not by the moment after it.
    last = end - timedelta(microseconds=1)
    if end <= start:
        raise ConfigError(f"The period ends on {last:%Y-%m-%d}, before it starts on {start:%Y-%m-%d}.")
    if not period.any():
        days = known["lodged_at"].dt.date()
        span = (
            f"those before lie between {days.min()!s} and {days.max()!s}" if known.height else "there are none before"
        )
        raise SourceError(f"No declaration was lodged from {start:%Y-%m-%d} to {last:%Y-%m-%d}; {span}.")
