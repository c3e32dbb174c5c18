"""The only place that cuts by time: what was known when, and which rows teach, judge and are decided.

Two moments rule everything: ``lodged_at``, when a declaration's own columns become known, and ``label_known_at``,
when the result of its control was recorded. A model of moment T may read rows lodged before T and labels recorded
before T, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

from workbench.errors import LabelError, SchemaError
from workbench.scorer.schema import KEY

PARTS = ("learn", "judge", "decide")
"""Parts of a run, in order of time: labels teach, labels only measure, labels are never read."""


def before(frame: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return the rows lodged strictly before `moment`."""
    return frame.filter(pl.col("lodged_at") < moment)


def since_or_undated(lodged: pl.Series, moment: datetime) -> pl.Series:
    """Return a mask of what was lodged at `moment` or later; a row without a date stays in, since none may be lost."""
    return lodged.is_null() | (lodged >= moment)


def known_labels(outcomes: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return the outcomes whose label was recorded strictly before `as_of`.

    A control done but not yet recorded teaches nothing: its label is of the future.
    """
    return outcomes.filter(pl.col("violation").is_not_null() & (pl.col("label_known_at") < as_of))


def as_of(declarations: pl.DataFrame, outcomes: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return what was known at `moment`: declarations lodged before it, with the labels recorded by then.

    Parameters
    ----------
    declarations
        Canonical declarations; key and ``lodged_at`` are needed.
    outcomes
        Key, ``violation``, ``recovered_duty_usd``, ``label_known_at`` and, where it is known how the goods came to be
        controlled, ``cause`` and ``inclusion_probability``.
    moment
        The moment of knowledge.

    Returns
    -------
    polars.DataFrame
        One row a declaration item in canonical order, with ``violation`` and ``recovered_duty_usd``, and ``cause`` and
        ``inclusion_probability`` where the outcomes have them; null where no label was known.
    """
    how = [name for name in ("cause", "inclusion_probability") if name in outcomes.columns]
    labels = known_labels(outcomes, moment).select(*KEY, "violation", "recovered_duty_usd", *how)
    return in_order(before(declarations, moment)).join(labels, on=list(KEY), how="left", maintain_order="left")


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in canonical order, by time of lodgement, then key: training depends on the order of rows."""
    return frame.sort("lodged_at", *KEY)


@dataclass(frozen=True)
class TimeSplit:
    """Cut a table into learn, judge and decide by time of lodgement.

    Parameters
    ----------
    judge_from
        First moment of the judging part; learning ends here and so does what its labels may know.
    decide_from
        First moment of the deciding part.
    """

    judge_from: datetime
    decide_from: datetime

    @classmethod
    def last_weeks(cls, frame: pl.DataFrame, *, judge_weeks: int, decide_weeks: int) -> TimeSplit:
        """Cut the last weeks off, in whole days: `decide_weeks` are decided, `judge_weeks` before them judge."""
        first, last = first_and_last(frame)
        decide_from = datetime(last.year, last.month, last.day) + timedelta(days=1) - timedelta(weeks=decide_weeks)
        judge_from = decide_from - timedelta(weeks=judge_weeks)
        if judge_from <= first:
            raise LabelError(
                f"Nothing is left to learn from: the data span {first:%Y-%m-%d} to {last:%Y-%m-%d}, and the split "
                f"keeps {judge_weeks} + {decide_weeks} weeks at the end. Give a longer period or smaller [split] weeks."
            )
        return cls(judge_from, decide_from)

    def parts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with the column ``part``: learn, judge or decide."""
        lodged = pl.col("lodged_at")
        part = pl.when(lodged < self.judge_from).then(pl.lit("learn"))
        return frame.with_columns(
            part=part.when(lodged < self.decide_from).then(pl.lit("judge")).otherwise(pl.lit("decide"))
        )


def start_of(frame: pl.DataFrame, *parts: str) -> datetime | None:
    """Return the first moment of lodgement among the rows of `parts`; ``None`` if there is none."""
    first = frame.filter(pl.col("part").is_in(parts))["lodged_at"].min()
    return first if isinstance(first, datetime) else None


def check_order(frame: pl.DataFrame) -> None:
    """Refuse parts that overlap in time: what teaches was lodged before all that is judged, and that before the rest.

    Of the rows to decide only the middle one is asked: an odd date among strangers' declarations must not stop a day.
    """
    moments = {part: frame.filter(pl.col("part") == part)["lodged_at"] for part in PARTS}
    begins = {"judge": moments["judge"].min(), "decide": moments["decide"].median()}
    for earlier, later in pairwise(part for part in PARTS if len(moments[part])):
        last, first = moments[earlier].max(), begins[later]
        if isinstance(last, datetime) and isinstance(first, datetime) and last >= first:
            raise LabelError(
                f"The rows for {later!r} begin on {first:%Y-%m-%d}, before those for {earlier!r} end on "
                f"{last:%Y-%m-%d} ({_outlying(frame, earlier, first)}): the model would know the future of what it "
                "is judged on. Give tables that follow one another in time, or mend the dates."
            )


def _outlying(frame: pl.DataFrame, part: str, moment: datetime) -> str:
    late = frame.filter((pl.col("part") == part) & (pl.col("lodged_at") >= moment)).sort("lodged_at", descending=True)
    return f"{late.height:,} rows, for example declaration {late['declaration_id'][0]}"


def earlier_share(frame: pl.DataFrame, share: float) -> pl.Series:
    """Return a mask of the earliest `share` of the rows by time; a moment is never split in two.

    Used to stop training early on a later period: the rows that are False come strictly after those that are True.
    """
    cut = frame["lodged_at"].dt.date().sort().gather([min(int(frame.height * share), frame.height - 1)])[0]
    return frame.select(pl.col("lodged_at").dt.date() < cut).to_series()


def weeks(
    first: datetime, last: datetime, *, step: timedelta = timedelta(weeks=1)
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the half-open windows of `step` that cover `first` to `last`, in order.

    >>> [(a.day, b.day) for a, b in weeks(datetime(2025, 1, 1), datetime(2025, 1, 10))]
    [(1, 8), (8, 15)]
    """
    start = first
    while start <= last:
        yield start, start + step
        start += step


def months(column: str = "lodged_at") -> pl.Expr:
    """Return the first day of the month of `column`, for tables by month."""
    return pl.col(column).dt.truncate("1mo").dt.date()


def whole_days(frame: pl.DataFrame) -> tuple[datetime, datetime]:
    """Return the midnight before the first lodgement and the one after the last.

    >>> whole_days(pl.DataFrame({"lodged_at": [datetime(2025, 1, 1, 9), datetime(2025, 1, 3, 8)]}))[1]
    datetime.datetime(2025, 1, 4, 0, 0)
    """
    first, last = (datetime(one.year, one.month, one.day) for one in first_and_last(frame))
    return first, last + timedelta(days=1)


def first_and_last(frame: pl.DataFrame) -> tuple[datetime, datetime]:
    """Return the moments of the first and the last lodgement; refuse a table without rows."""
    if "lodged_at" not in frame.columns:
        raise SchemaError.missing_columns(["lodged_at"], frame.columns, "The split in time")
    first, last = frame["lodged_at"].min(), frame["lodged_at"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise LabelError("The table is empty, so it cannot be split in time. Check the source and its quarantine file.")
    return first, last
