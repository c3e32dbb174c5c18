"""What a check for drift found: findings, and every statistic by week beside its threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from workbench.drift.concerns import Concern
from workbench.drift.limits import SUBJECT, Thresholds

STATISTICS = pl.Schema(
    {
        "code": pl.String(),
        "subject": pl.String(),
        "dimension": pl.String(),
        "group": pl.String(),
        "week_start": pl.Date(),
        "rows": pl.Int64(),
        "statistic": pl.Float64(),
        "usual": pl.Float64(),
        "threshold": pl.Float64(),
        "change": pl.Float64(),
        "added_up": pl.Float64(),
        "of_limit": pl.Float64(),
        "over": pl.Boolean(),
    }
)
"""One row a week, detector and subject: the week's goods or results, the statistic, what is usual, what is too much
for one week; `change` from usual in spreads of the reference; weeks added up, and the larger of both charts, in
parts of their limit: above 1 is over."""


_TOLD, _RANKED = 12, 20


@dataclass(frozen=True)
class Finding:
    """A subject beyond its threshold, in consecutive weeks.

    Parameters
    ----------
    code
        The detector's code, such as ``drift.feature.psi``.
    subject, dimension, group
        The column or method, and the part of the goods it is restricted to; see `detectors.Subject`.
    since
        First day of the week in which it began, as far as can be told.
    found
        First day of the week at whose end it was found.
    last
        First day of the last week beyond the threshold.
    statistic, usual, threshold
        Of the week that was furthest out; the threshold is that of a single week, and weeks added up may exceed
        theirs without it.
    change
        How far that week was from usual, in spreads of the reference; findings are ranked by it.
    concerns
        Who makes up most of the change in that week.
    sentence, advice
        What happened, and what to do.
    """

    code: str
    subject: str
    dimension: str
    group: str
    since: date
    found: date
    last: date
    statistic: float
    usual: float
    threshold: float
    change: float
    concerns: tuple[Concern, ...]
    sentence: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        days = {name: getattr(self, name).isoformat() for name in ("since", "found", "last")}
        return asdict(self) | days


@dataclass(frozen=True)
class DriftReport:
    """The outcome of a check.

    Parameters
    ----------
    start, end
        First day that was checked, and the day after the last.
    weeks, items, results
        Weeks that were checked, goods lodged in them and results that count in them.
    thresholds
        What the weeks were set against.
    findings
        Ordered by how far their subject moved, the furthest first.
    statistics
        See :data:`STATISTICS`.
    """

    start: date
    end: date
    weeks: int
    items: int
    results: int
    thresholds: Thresholds
    findings: tuple[Finding, ...]
    statistics: pl.DataFrame

    def describe(self) -> str:
        """Return the outcome for a terminal."""
        lines = [self.answer()]
        lines += [f"{at}. {one.sentence}\n   {one.advice}" for at, one in enumerate(self.findings[:_TOLD], start=1)]
        if len(self.findings) > _TOLD:
            lines.append(f"... and {len(self.findings) - _TOLD} more.")
        lines += [f"{one.code} watches nothing: {one.reason}." for one in self.thresholds.refused]
        return "\n".join(lines)

    def answer(self) -> str:
        """Say in a few sentences whether anything drifts, and what could not be watched."""
        learnt = self.thresholds
        rate, weeks = learnt.false_alarms_per_year, "1 week" if self.weeks == 1 else f"{self.weeks} weeks"
        about = (
            f"{weeks} from {self.start} with {self.items:,} items stand against {learnt.weeks} weeks of reference; if "
            f"nothing drifts, {rate:g} {'finding' if rate == 1 else 'findings'} a year may be expected."
        )
        return " ".join([self._found(), about, *self._left_open()])

    def _found(self) -> str:
        if not self.findings:
            return "Nothing drifts beyond what is usual."
        count = len(self.findings)
        subjects = len({(one.subject, one.dimension, one.group) for one in self.findings})
        on = "1 subject" if subjects == 1 else f"{subjects} subjects"
        found = "1 finding" if count == 1 else f"{count} findings on {on}"
        return f"{found}, the first at the end of the week from {min(one.found for one in self.findings)}."

    def _left_open(self) -> Iterator[str]:
        learnt = self.thresholds
        if learnt.refused:
            every = learnt.limits["code"].n_unique() + len(learnt.refused)
            yield f"Not watched by {len(learnt.refused)} of {every} detectors: {', '.join(learnt.not_watched)}."
        if learnt.lacks_seasons:
            yield "The reference is shorter than a year: a season that it lacks looks like drift."

    def table(self) -> pl.DataFrame:
        """Return the findings as a tidy table, `concerns` as a list of structs."""
        rows = [asdict(one) for one in self.findings]
        concern = pl.Struct({"dimension": pl.String, "group": pl.String, "share": pl.Float64})
        text = dict.fromkeys(("code", "subject", "dimension", "group"), pl.String())
        days = dict.fromkeys(("since", "found", "last"), pl.Date())
        numbers = dict.fromkeys(("statistic", "usual", "threshold", "change"), pl.Float64())
        words = dict.fromkeys(("sentence", "advice"), pl.String())
        return pl.DataFrame(rows, schema={**text, **days, **numbers, "concerns": pl.List(concern), **words})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: findings, how far subjects moved, and the weeks of what moved most."""
        learnt = self.thresholds.to_dict()
        learnt.pop("limits")
        return {
            "start": self.start.isoformat(),
            "last_day": _last_day(self.end),
            "weeks": self.weeks,
            "items": self.items,
            "results": self.results,
            "answer": self.answer(),
            "reference": learnt
            | {
                "subjects": self.thresholds.limits.height,
                "last_day": _last_day(self.thresholds.end),
                "lacks_seasons": self.thresholds.lacks_seasons,
            },
            "findings": [one.to_dict() for one in self.findings],
            "ranking": self.ranking().head(_RANKED).to_dicts(),
            "weekly": self._weekly(),
        }

    def _weekly(self) -> list[dict[str, Any]]:
        most = self.ranking().head(_RANKED).select("code", *SUBJECT)
        rows = most.join(self.statistics, on=["code", *SUBJECT], how="left", maintain_order="left")
        return rows.with_columns(week_start=pl.col("week_start").cast(pl.String)).to_dicts()

    def ranking(self) -> pl.DataFrame:
        """Return every subject with the weeks it was over, and how far it moved at most in spreads of the reference.

        What was over comes first, then what came nearest to it.
        """
        rows = self.statistics.group_by("code", *SUBJECT).agg(
            change=pl.col("change").abs().max(),
            of_limit=pl.col("of_limit").max(),
            weeks=pl.len(),
            weeks_over=pl.col("over").sum(),
        )
        over = (pl.col("weeks_over") > 0).not_()
        return rows.sort(over, -pl.col("change"), "code", "subject", "group")


def _last_day(end: date) -> str:
    return (end - timedelta(days=1)).isoformat()[:10]
