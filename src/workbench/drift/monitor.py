"""The monitor: thresholds are learnt on a reference, and the weeks after it are set against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from workbench.drift.concerns import SHOWN, Concern, concerns
from workbench.drift.detectors import Detector, Subject
from workbench.drift.report import STATISTICS, DriftReport, Finding
from workbench.drift.statistics import page_hinkley
from workbench.drift.thresholds import SUBJECT, Measured, Thresholds, learn_thresholds, measure
from workbench.drift.weeks import DIMENSIONS, Weeks
from workbench.errors import LabelError
from workbench.progress import Tell

_QUIET_WEEKS = 4


def watch(
    weeks: Weeks,
    detectors: Sequence[Detector],
    *,
    reference_weeks: int = 65,
    false_alarms_per_year: float = 1.0,
    tell: Tell | None = None,
) -> DriftReport:
    """Learn thresholds on the first weeks and check all that follow; each statistic is worked out once.

    Parameters
    ----------
    weeks
        Reference and what is checked, without a gap.
    detectors
        See `detectors.detectors`.
    reference_weeks
        Weeks at the beginning in which nothing is known to have drifted.
    false_alarms_per_year
        See :func:`~workbench.drift.thresholds.learn_thresholds`.
    tell
        Told the detector at work and how many are done.

    Raises
    ------
    LabelError
        No week is left to check, or the reference is too short.
    """
    if reference_weeks >= weeks.count:
        raise LabelError(
            f"Nothing is left to check: the data have {weeks.count} whole weeks, and {reference_weeks} are the "
            "reference. Give a longer period or fewer reference weeks."
        )
    measured = measure(weeks, detectors, tell=tell)
    past = {code: table.filter(pl.col("week") < reference_weeks) for code, table in measured.items()}
    thresholds = learn_thresholds(
        weeks.until(reference_weeks), detectors, false_alarms_per_year=false_alarms_per_year, measured=past
    )
    return _report(weeks, detectors, thresholds, measured, reference_weeks)


def check(
    weeks: Weeks, detectors: Sequence[Detector], thresholds: Thresholds, *, last: int, tell: Tell | None = None
) -> DriftReport:
    """Set weeks against thresholds that were learnt before.

    Parameters
    ----------
    weeks
        The weeks to check, and those before that they are compared with: twice ``weeks.baseline``, or more.
    detectors
        The ones that the thresholds were learnt for.
    thresholds
        See :func:`~workbench.drift.thresholds.learn_thresholds`.
    last
        Number of weeks to check, at the end.
    tell
        Told the detector at work and how many are done.

    Raises
    ------
    LabelError
        The weeks before those to check are too few, the thresholds compare with another number, or they were learnt on
        the weeks to check.
    """
    if weeks.baseline != thresholds.baseline or weeks.count < last + 2 * weeks.baseline:
        raise LabelError(
            f"{last} of {weeks.count} whole weeks cannot be checked, with {weeks.baseline} to compare each with: give "
            f"{last + 2 * thresholds.baseline} weeks or more, and a baseline of {thresholds.baseline}."
        )
    first = weeks.count - last
    if thresholds.end > weeks.moment(first):
        raise LabelError(
            f"The thresholds were learnt on weeks up to {thresholds.end:%Y-%m-%d}, and the first week to check begins "
            f"on {weeks.moment(first):%Y-%m-%d}. Check weeks after the reference, or learn thresholds before it."
        )
    return _report(weeks, detectors, thresholds, measure(weeks, detectors, since=first, tell=tell), first)


def _report(
    weeks: Weeks, detectors: Sequence[Detector], thresholds: Thresholds, measured: Measured, first: int
) -> DriftReport:
    charted = [_charted(one, measured[one.code].filter(pl.col("week") >= first), thresholds) for one in detectors]
    findings = [
        finding for one, table in zip(detectors, charted, strict=True) for finding in _findings(one, weeks, table)
    ]
    dated = pl.concat(charted, how="diagonal").with_columns(
        week_start=pl.lit(weeks.start.date()) + pl.duration(weeks=pl.col("week"))
    )
    return DriftReport(
        start=weeks.moment(first).date(),
        end=weeks.end.date(),
        weeks=weeks.count - first,
        items=weeks.cut(weeks.goods, first, weeks.count).height,
        results=weeks.cut(weeks.results, first, weeks.count).height,
        thresholds=thresholds,
        findings=tuple(sorted(findings, key=lambda one: (-one.change, one.code, one.subject, one.group))),
        statistics=dated.select(pl.col(name).cast(kind) for name, kind in STATISTICS.items()),
    )


def _charted(detector: Detector, measured: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Put what is usual, and the chart's value and limit, beside each statistic that there is a limit for."""
    limits = thresholds.limits.filter(pl.col("code") == detector.code)
    beside = measured.join(limits.rename({"weeks": "learnt_on"}), on=SUBJECT, how="inner").sort(*SUBJECT, "week")
    parts = [_chart(detector, part) for part in beside.partition_by(SUBJECT, maintain_order=True)]
    return pl.concat(parts) if parts else pl.DataFrame(schema={**STATISTICS, "week": pl.Int64()}).drop("week_start")


def _chart(detector: Detector, rows: pl.DataFrame) -> pl.DataFrame:
    centre, spread, week_limit = (float(rows[name][0]) for name in ("centre", "spread", "week_limit"))
    scale, two_sided = detector.scale, detector.scale.two_sided
    change = scale.residual(rows, centre) / spread
    alone = (np.abs(change) if two_sided else change) / week_limit
    added = np.zeros(len(rows))
    if detector.adds_up:
        path = page_hinkley(change[:, None], int(rows["learnt_on"][0]), two_sided=two_sided)
        added = path[:, 0] / float(rows["sum_limit"][0])
    return rows.select("code", *SUBJECT, "week", "rows", "statistic").with_columns(
        usual=pl.Series(scale.statistic(0.0, rows, centre)),
        threshold=pl.Series(scale.statistic(week_limit * spread, rows, centre)),
        change=pl.Series(change),
        added_up=pl.Series(added),
        of_limit=pl.Series(np.maximum(alone, added)),
        over=pl.Series(np.maximum(alone, added) > 1),
    )


@dataclass(frozen=True)
class _Run:
    """Consecutive weeks beyond the limit, as rows of a table."""

    since: int
    found: int
    last: int
    peak: int


def _findings(detector: Detector, weeks: Weeks, table: pl.DataFrame) -> Iterator[Finding]:
    over = table.filter(pl.col("over").any().over(SUBJECT))
    for rows in over.partition_by(SUBJECT, maintain_order=True):
        for run in _runs(rows):
            yield _finding(detector, weeks, rows, run)


def _runs(rows: pl.DataFrame) -> Iterator[_Run]:
    """Yield the runs of weeks over the limit; up to four quiet weeks do not end a run."""
    week, change, added = (rows[name].to_numpy() for name in ("week", "change", "added_up"))
    over = np.flatnonzero(rows["over"].to_numpy())
    for run in np.split(over, np.flatnonzero(np.diff(week[over]) > _QUIET_WEEKS) + 1):
        found, last = int(run[0]), int(run[-1])
        calm = np.flatnonzero(added[: found + 1] == 0)
        # Where the sum gave it away, the likeliest beginning is the week after it last lay at 0 (Page, 1954).
        began = int(calm[-1]) + 1 if len(calm) else 0
        since = began if added[found] > 1 else found
        peak = since + int(np.abs(change[since : last + 1]).argmax())
        yield _Run(since, found, last, peak)


def _finding(detector: Detector, weeks: Weeks, rows: pl.DataFrame, run: _Run) -> Finding:
    at, days = rows.row(run.peak, named=True), [weeks.moment(week).date() for week in rows["week"]]
    subject = Subject(at["subject"], at["dimension"], at["group"])
    who = concerns(detector.marks(weeks, subject, at["week"]), besides=subject.dimension)
    return Finding(
        code=detector.code,
        subject=subject.name,
        dimension=subject.dimension,
        group=subject.group,
        since=days[run.since],
        found=days[run.found],
        last=days[run.last],
        statistic=at["statistic"],
        usual=at["usual"],
        threshold=at["threshold"],
        change=abs(at["change"]),
        concerns=who,
        sentence=_sentence(detector.sentence(subject), at, days[run.since], who),
        advice=detector.advice(subject),
    )


def _sentence(begins: str, at: dict[str, Any], since: date, who: tuple[Concern, ...]) -> str:
    said = (
        f"{begins}, since the week from {since}: {at['statistic']:.3g}, usually {at['usual']:.3g}, threshold of a "
        f"single week {at['threshold']:.3g}; {abs(at['change']):.1f} times the usual spread away."
    )
    largest = sorted(who, key=lambda one: -one.share)[:SHOWN]
    named = ", ".join(f"{DIMENSIONS[one.dimension]} {one.group} ({one.share:.0%})" for one in largest)
    return f"{said} Most of it: {named}." if named else said
