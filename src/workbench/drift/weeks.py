"""Goods and results of controls by week: what every detector looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from workbench.drift.arrays import Ints
from workbench.drift.counting import has_order, level_codes, level_counts, quantile_bins
from workbench.drift.measures import with_measures
from workbench.errors import LabelError, SchemaError
from workbench.scorer.schema import KEY, SCHEMA, derive, empty
from workbench.timeline import before, in_order, known_labels, since_or_undated, whole_days

DIMENSIONS = {"office_id": "office", "importer_id": "importer", "hs2": "chapter", "origin_country_code": "origin"}
"""Columns that a change is broken down by, to say whom it concerns, and what people call them."""

RESOLUTION = 1_000
"""Quantiles that a column of numbers is cut into before weeks are compared: the edge of a bin of PSI lies within a
thousandth of the rows from where it belongs, in the reference as after it."""

_RESULT_COLUMNS = ("violation", "violation_kind", "label_known_at", "cause", "inclusion_probability")


@dataclass(frozen=True)
class Weeks:
    """Goods by the week of their lodgement, and results by the week in which those of all goods count.

    A finding takes longer to record than none. Among the latest goods, findings are too few; among what was recorded
    in a quiet week, when little is lodged, they are too many. So the results of a week's goods count together, in the
    week after (see :meth:`of`), and only those that were recorded by its end.

    Parameters
    ----------
    goods
        Canonical columns known at lodgement, derived columns, those of :mod:`.measures`, ``score`` where the rows have
        one, and ``week``; sorted by week.
    results
        Results of controls: key, ``violation``, ``violation_kind``, ``method``, ``inclusion_probability``, ``score``,
        the :data:`DIMENSIONS` and ``week``, the one in which they count; sorted by week.
    start
        First moment of week 0.
    count
        Number of weeks, all of them whole.
    baseline
        Weeks right before a week that it is compared with.
    """

    goods: pl.DataFrame
    results: pl.DataFrame
    start: datetime
    count: int
    baseline: int
    _codes: dict[str, tuple[Ints, int]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        declarations: pl.DataFrame,
        outcomes: pl.DataFrame | None = None,
        *,
        baseline: int = 13,
        result_weeks: int = 2,
    ) -> Weeks:
        """Sort tables into whole weeks, counted back from the end of the last day.

        Parameters
        ----------
        declarations
            Canonical columns known at lodgement, and ``score`` where there is one: a probability that a model gave
            which knew nothing of these rows. Days before the first whole week, and rows without a date, are left out.
        outcomes
            Key, ``violation``, ``label_known_at`` and, where the source has them, ``violation_kind``, ``cause`` and
            ``inclusion_probability``; ``None`` for a source without results.
        baseline
            Weeks right before a week that it is compared with; 4 or more.
        result_weeks
            Weeks that results have to be recorded, that of lodgement included. They count in the last of these weeks;
            what takes longer does not count, and what is recorded after the last week of all is of the future.

        Raises
        ------
        SchemaError
            A column is missing.
        LabelError
            The table has no dated row.
        """
        first, end = whole_days(declarations)
        count = (end - first).days // 7
        start = end - timedelta(weeks=count)
        if not count:
            raise LabelError(f"The data span {(end - first).days} days: drift is looked for by week. Give more weeks.")
        dated = before(declarations.drop_nulls("lodged_at"), end)
        lasting = in_order(dated.filter(since_or_undated(dated["lodged_at"], start)))
        goods = with_measures(_numbered(derive(lasting), "lodged_at", start), baseline)
        results = _counted(_results(goods, outcomes, start, end), result_weeks, count)
        return cls(goods.rechunk(), results, start, count, baseline)

    @property
    def end(self) -> datetime:
        """The moment after the last week."""
        return self.moment(self.count)

    def moment(self, week: int) -> datetime:
        """Return the first moment of a week."""
        return self.start + timedelta(weeks=week)

    def until(self, week: int) -> Weeks:
        """Return the weeks before `week` alone: what was known when it began."""
        goods, results = (self.cut(table, 0, week) for table in (self.goods, self.results))
        return Weeks(goods, results, self.start, week, self.baseline)

    def codes(self, column: str) -> tuple[Ints, int]:
        """Return the level of each of the goods in a column, and how many there are; worked out once.

        A column of numbers with more than 1,000 levels is cut into 1,000 by the quantiles of the first weeks.
        """
        if column not in self._codes:
            codes, levels = level_codes(self.goods[column])
            if levels > RESOLUTION and has_order(self.goods[column]):
                first = level_counts(codes[: int(self.edges(self.goods)[min(self.baseline, self.count)])], levels)
                codes, levels = quantile_bins(first, RESOLUTION)[codes], RESOLUTION
            self._codes[column] = codes, levels
        return self._codes[column]

    def edges(self, table: pl.DataFrame) -> Ints:
        """Return the first row of each week in a table sorted by ``week``, and its height at the end."""
        return np.searchsorted(table["week"].to_numpy(), np.arange(self.count + 1)).astype(np.int64)

    def cut(self, table: pl.DataFrame, first: int, after: int) -> pl.DataFrame:
        """Return the rows of the weeks from `first` up to `after`, the end excluded, of a table sorted by ``week``."""
        edges = self.edges(table)
        return table[int(edges[max(first, 0)]) : int(edges[after])]


def _numbered(frame: pl.DataFrame, moment: str, start: datetime) -> pl.DataFrame:
    # Of whole days half a day before the start would be the first one.
    passed = (pl.col(moment) - start).dt.total_microseconds()
    return frame.with_columns(week=passed // (timedelta(weeks=1) // timedelta(microseconds=1)))


def _results(goods: pl.DataFrame, outcomes: pl.DataFrame | None, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the results known at `end` with the goods' ``week`` and the one in which each was ``recorded``."""
    if outcomes is None:
        outcomes = empty([*KEY, *_RESULT_COLUMNS])
    if missing := [name for name in (*KEY, "violation", "label_known_at") if name not in outcomes.columns]:
        raise SchemaError.missing_columns(missing, outcomes.columns, "The results of controls")
    absent = [pl.lit(None, SCHEMA[name].dtype).alias(name) for name in _RESULT_COLUMNS if name not in outcomes.columns]
    known = known_labels(outcomes.with_columns(absent).select(*KEY, *_RESULT_COLUMNS), end)
    method = pl.col("cause").cast(pl.String).str.split(":").list.first().fill_null("unknown")
    dated = _numbered(known, "label_known_at", start).with_columns(method=method).rename({"week": "recorded"})
    score = pl.col("score") if "score" in goods.columns else pl.lit(None, pl.Float64).alias("score")
    beside = goods.select(*KEY, *DIMENSIONS, score, "week")
    return dated.drop("cause", "label_known_at").join(beside, on=list(KEY), how="inner")


def _counted(results: pl.DataFrame, result_weeks: int, count: int) -> pl.DataFrame:
    """Return the results that were recorded in time, in the week in which they count."""
    counts_in = pl.col("week") + result_weeks - 1
    in_time = results.filter((pl.col("recorded") <= counts_in) & (counts_in < count))
    return in_time.with_columns(week=counts_in).drop("recorded").sort("week", *KEY)
