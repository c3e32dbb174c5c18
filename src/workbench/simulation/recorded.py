"""A world that replays records: labelled declarations in order of date, week by week.

It does not react. What a control of goods would find is what their record says; goods whose record says nothing can be
controlled and reveal nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from workbench.config import Pipeline, Table
from workbench.declarations import Prepared, prepare_declarations
from workbench.errors import ConfigError, LabelError, SourceError
from workbench.scorer.intake.mapping import Mapping as ColumnMapping
from workbench.scorer.schema import KEY, Role, names
from workbench.sources import FileSource, Source, open_source
from workbench.timeline import before, in_order, weeks, whole_days

from .digests import digest_of
from .policy import Counts
from .settings import Settings
from .world import Start, Week

TRUTH = (*KEY, "violation", "recovered_duty_usd", "label_known_at")
"""Columns of the truth about goods."""


@dataclass(frozen=True)
class RecordedWorld:
    """Records cut into weeks of seven days from midnight before the first of them; the last week may be cut short.

    Parameters
    ----------
    goods
        All declarations, canonical columns known at lodgement, in canonical order.
    truth
        The columns of `TRUTH`, one row for each of the goods, in their order; ``violation`` null where not known.
    bounds
        First moments: of the start, of each week, and the moment after the last week.
    """

    goods: pl.DataFrame
    truth: pl.DataFrame
    bounds: tuple[datetime, ...]

    @classmethod
    def of(
        cls, declarations: pl.DataFrame, outcomes: pl.DataFrame, *, start_weeks: int, delay_days: int = 0
    ) -> RecordedWorld:
        """Cut canonical declarations and their outcomes into a start and weeks.

        Parameters
        ----------
        declarations
            Canonical declarations, in any order.
        outcomes
            Key, ``violation``, ``label_known_at`` and, where the source has it, ``recovered_duty_usd``; rows may be
            missing.
        start_weeks
            Weeks before the first simulated one.
        delay_days
            Days added to when each label was recorded, for sources that do not say how long a result takes.

        Raises
        ------
        LabelError
            No week is left after the start, or no label is known at all.
        """
        goods = in_order(declarations).select(*names(Role.IDENTITY, Role.LODGEMENT))
        truth = _truth(goods, outcomes, timedelta(days=delay_days))
        bounds = _bounds(goods, start_weeks)
        if not truth["violation"].count():
            raise LabelError(
                f"None of the {goods.height:,} declaration items has a known label: a simulation has nothing to "
                "reveal. Give a source with outcomes."
            )
        return cls(goods, truth, bounds)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all goods, of the truth about each and of the bounds of the weeks."""
        bounds = pl.DataFrame({"bounds": self.bounds}, schema={"bounds": pl.Datetime("us")})
        return digest_of(self.goods, self.truth, bounds)

    @property
    def weeks(self) -> int:
        """Number of weeks after the start."""
        return len(self.bounds) - 2

    def start(self) -> Start:
        """Return the goods of the start, and all that is known about them; a known label was a control."""
        rows = self._rows(0)
        outcomes = self.truth[rows].filter(pl.col("violation").is_not_null())
        return Start(self.goods[rows], outcomes.with_columns(controlled=pl.lit(value=True)))

    def week(self, number: int) -> Week:
        """Return a week's goods."""
        rows = self._rows(number + 1)
        first, end = self.bounds[number + 1 : number + 3]
        return Week(number, first, end, self.goods[rows], self.truth[rows])

    def _rows(self, window: int) -> slice:
        first, last = self.bounds[window : window + 2]
        return slice(before(self.goods, first).height, before(self.goods, last).height)

    def controlled(self, week: Week, places: Counts) -> None:
        """Do nothing: records do not react."""

    @property
    def state(self) -> Mapping[str, Any]:
        """Nothing: records do not change."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up nothing."""


def _truth(goods: pl.DataFrame, outcomes: pl.DataFrame, delay: timedelta) -> pl.DataFrame:
    revenue = pl.col("recovered_duty_usd") if "recovered_duty_usd" in outcomes.columns else pl.lit(None)
    labels = outcomes.select(*KEY, "violation", "label_known_at", recovered_duty_usd=revenue.cast(pl.Float64))
    joined = goods.select(*KEY, "lodged_at").join(labels, on=list(KEY), how="left", maintain_order="left")
    # A result without a date is taken to be recorded on the day of lodgement, the earliest it can be.
    known_at = pl.coalesce("label_known_at", "lodged_at") + delay
    return joined.with_columns(label_known_at=known_at).select(TRUTH)


def _bounds(goods: pl.DataFrame, start_weeks: int) -> tuple[datetime, ...]:
    first, last = whole_days(goods)
    begins = [start for start, _ in weeks(first, last - timedelta(microseconds=1))]
    if len(begins) <= start_weeks:
        raise LabelError(
            f"The records span {len(begins)} week(s), {first:%Y-%m-%d} to {last:%Y-%m-%d}, and the start takes "
            f"{start_weeks}: no week is left to simulate. Give a longer period or fewer start weeks."
        )
    return (first, *begins[start_weeks:], begins[-1] + timedelta(weeks=1))


def recorded_world(pipeline: Pipeline, settings: Settings) -> RecordedWorld:
    """Read every table of a pipeline's parameters, labels included, as one stream of records.

    The parts that a run makes of them (learn, judge, decide) mean nothing here: what is known when follows from dates.

    Raises
    ------
    ConfigError
        The pipeline reads no records but generates its data.
    SourceError
        A table cannot be read, or an item stands in more than one.
    LabelError
        A table has no label columns, or no week is left after the start.
    """
    if pipeline.source.generate is not None:
        raise ConfigError(
            f"{pipeline.path.name} generates its declarations and has no records to replay. Give a pipeline with "
            "[[source.tables]]."
        )
    prepared = list(_prepared(pipeline))
    declarations = pl.concat([one.declarations for one in prepared])
    _refuse_repeated(declarations)
    outcomes = pl.concat([one.outcomes for one in prepared])
    delay = settings.learning.simulation.label_delay_days
    return RecordedWorld.of(declarations, outcomes, start_weeks=settings.start_weeks, delay_days=delay)


def _prepared(pipeline: Pipeline) -> Iterator[Prepared[pl.DataFrame]]:
    mapping = ColumnMapping.from_toml(pipeline.resolve(pipeline.source.mapping))
    for table in pipeline.source.tables:
        if table.path or table.query or not table.optional:
            raw = _source(pipeline, table, table.path, mapping).read()
            labels = _source(pipeline, table, table.outcomes, mapping).read() if table.outcomes else None
            yield prepare_declarations(raw, mapping, as_of=None, outcomes=labels)


def _source(pipeline: Pipeline, table: Table, path: str, mapping: ColumnMapping) -> Source:
    if table.url:
        return open_source({"url": table.url, "query": table.query})
    return FileSource(pipeline.resolve(path), mapping.csv)


def _refuse_repeated(declarations: pl.DataFrame) -> None:
    repeated = declarations.filter(declarations.select(KEY).is_duplicated())
    if repeated.height:
        example = f"{repeated['declaration_id'][0]}/{repeated['item_no'][0]}"
        raise SourceError(
            f"{repeated.select(KEY).n_unique():,} declaration items stand in more than one table, for example "
            f"{example}: each would be simulated twice. Keep each in one table."
        )
