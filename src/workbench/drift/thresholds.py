"""Thresholds learnt on a reference: what each statistic does while nothing drifts, and how far is too far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.drift.arrays import Floats
from workbench.drift.charts import prediction_limit, sum_limit, tail_limit
from workbench.drift.detectors import Detector
from workbench.drift.limits import LEAST_WEEKS, LIMITS, SUBJECT, WEEKS_A_YEAR, Refused, Thresholds
from workbench.drift.weeks import Weeks
from workbench.errors import ConfigError, LabelError
from workbench.progress import Tell

__all__ = ["SUBJECT", "Measured", "Thresholds", "learn_thresholds", "measure"]

Measured = Mapping[str, pl.DataFrame]
"""What each detector measured, by its code."""


def measure(weeks: Weeks, detectors: Sequence[Detector], *, since: int = 0, tell: Tell | None = None) -> Measured:
    """Return what each detector measures from week `since` on, by its code; `tell` hears of each in turn."""
    tables = {}
    for done, detector in enumerate(detectors):
        if tell:
            tell(detector.code, done)
        tables[detector.code] = detector.measure(weeks, since)
    return tables


def learn_thresholds(
    reference: Weeks,
    detectors: Sequence[Detector],
    *,
    false_alarms_per_year: float = 1.0,
    seed: int = 0,
    measured: Measured | None = None,
) -> Thresholds:
    """Learn how far each statistic goes by itself, by comparing each week of a reference with the weeks before it.

    The expected number of findings in a year without drift is shared evenly by the detectors, and by the subjects of
    each; no independence is assumed.

    Parameters
    ----------
    reference
        A period in which nothing drifted as far as is known; it should have every season of the year, since a season
        that it lacks will look like drift. The first ``reference.baseline`` weeks are only compared with.
    detectors
        See `detectors.detectors`.
    false_alarms_per_year
        Expected number of findings, over everything, in a year in which nothing drifts; more than 0.
    seed
        Of the bootstrap of Page-Hinkley's limits.
    measured
        What :func:`measure` gave for the weeks of the reference, where that is known already.

    Raises
    ------
    ConfigError
        The number of false findings is none.
    LabelError
        The reference is too short for any detector.
    """
    if not 0 < false_alarms_per_year < float("inf"):
        raise ConfigError(f"false_alarms_per_year is {false_alarms_per_year}; it must be above 0, such as 1.0.")
    if reference.count < reference.baseline + LEAST_WEEKS:
        raise LabelError(
            f"The reference is too short: it has {reference.count} whole weeks ({reference.start:%Y-%m-%d} to "
            f"{reference.end:%Y-%m-%d}), expected {reference.baseline + LEAST_WEEKS} or more: {reference.baseline} to "
            f"compare with and {LEAST_WEEKS} to learn from, {WEEKS_A_YEAR} for every season. Give a longer one."
        )
    tables = measured or measure(reference, detectors)
    rate = false_alarms_per_year / len(detectors)
    learnt = [_learn(one, tables[one.code], rate, seed) for one in detectors]
    limits = pl.concat([one for one in learnt if isinstance(one, pl.DataFrame)] or [pl.DataFrame(schema=LIMITS)])
    return Thresholds(
        start=reference.start,
        end=reference.end,
        weeks=reference.count,
        items=reference.goods.height,
        baseline=reference.baseline,
        false_alarms_per_year=false_alarms_per_year,
        limits=limits,
        refused=tuple(one for one in learnt if isinstance(one, Refused)),
    )


@dataclass(frozen=True)
class _Usual:
    """A subject's usual level and spread, its standardised residuals by week, and whether its statistic ever varied."""

    key: tuple[str, str, str]
    centre: float
    spread: float
    residuals: Floats
    varied: bool


def _learn(detector: Detector, measured: pl.DataFrame, rate: float, seed: int) -> pl.DataFrame | Refused:
    usual = list(_usual(detector, measured))
    if not usual:
        return Refused(detector.code, _why(detector, measured))
    limits = _limits(detector, usual, rate / len(usual), seed)
    rows = [
        (detector.code, *one.key, one.centre, one.spread, *limit, len(one.residuals))
        for one, limit in zip(usual, limits, strict=True)
    ]
    return pl.DataFrame(rows, schema=LIMITS, orient="row")


def _usual(detector: Detector, measured: pl.DataFrame) -> Iterator[_Usual]:
    for key, rows in measured.sort(*SUBJECT, "week").group_by(SUBJECT, maintain_order=True):
        if len(rows) < LEAST_WEEKS or _counts(rows) < detector.least_expected:
            continue
        centre = detector.scale.centre(rows)
        residuals = detector.scale.residual(rows, centre)
        spread = max(float(np.sqrt((residuals**2).sum() / (len(rows) - 1))), detector.scale.floor(rows))
        name = str(key[0]), str(key[1]), str(key[2])
        yield _Usual(name, centre, spread, residuals / spread, rows["statistic"].n_unique() > 1)


def _counts(rows: pl.DataFrame) -> float:
    """Return the count of an ordinary week, for rates."""
    return float((rows["statistic"] * rows["size"]).sum()) / len(rows)


def _limits(detector: Detector, usual: list[_Usual], rate: float, seed: int) -> list[tuple[float, float | None]]:
    """Return each subject's two limits at an expected `rate` of findings a year, shared by the charts.

    What never varied, such as a column that is always empty, tells nothing of the tails of what does.
    """
    two_sided = detector.scale.two_sided
    share = rate / 2 if detector.adds_up else rate
    chance = share / WEEKS_A_YEAR
    telling = [one.residuals for one in usual if one.varied] or [one.residuals for one in usual]
    pooled = np.concatenate(telling)
    tail = tail_limit(np.abs(pooled) if two_sided else pooled, chance)
    one_side = chance / 2 if two_sided else chance
    added = sum_limit(telling, share, seed, two_sided=two_sided) if detector.adds_up else None
    return [(max(prediction_limit(one_side, len(one.residuals)), tail), added) for one in usual]


def _why(detector: Detector, measured: pl.DataFrame) -> str:
    if measured.is_empty():
        return detector.lacking
    longest = measured.group_by(SUBJECT).len()["len"].max()
    if isinstance(longest, int) and longest < LEAST_WEEKS:
        return f"{longest} weeks of the reference have a statistic, expected {LEAST_WEEKS} or more"
    return f"fewer than {detector.least_expected:g} finding is to be expected a week, too few to watch"
