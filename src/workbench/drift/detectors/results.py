"""What controls find: the label rate in the random arm, hit rates by method, chapter and kind, and calibration.

All of it is known for controlled goods only. The random arm speaks of all goods that it is drawn from; every other
method speaks of what it selects, and a change of its hit rate may be a change of the selection.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from workbench.drift.arrays import Floats
from workbench.drift.detectors.base import Detector, Marks, Subject, measured, usual_rate
from workbench.drift.scales import Rate, Scale
from workbench.drift.weeks import DIMENSIONS, Weeks
from workbench.scorer.schema import OFFICER

RANDOM = "random"
"""The method of selection of the random arm."""

RANDOM_ARM, CONTROLLED = Subject("random arm"), Subject("controlled goods")

_KIND = "violation_kind"
_MOST_WEIGHT = 10.0


class _Results(Detector):
    """A rate of results by the week in which they count."""

    scale: ClassVar[Scale] = Rate()
    adds_up: ClassVar[bool] = True
    least_expected: ClassVar[float] = 1.0

    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Mark each result by what the statistic adds up: the rate is their mean."""
        rows = self._rows(weeks, subject)
        before, current = weeks.cut(rows, week - weeks.baseline, week), weeks.cut(rows, week, week + 1)
        return Marks(before.select(*DIMENSIONS), current.select(*DIMENSIONS), self._mark(before), self._mark(current))

    @abstractmethod
    def _rows(self, weeks: Weeks, subject: Subject) -> pl.DataFrame:
        """Return the results of a subject with ``weight`` and ``expected``; see :func:`_by_week`."""

    def _mark(self, rows: pl.DataFrame) -> Floats:
        return rows["violation"].cast(pl.Float64).to_numpy()


def _by_week(weeks: Weeks, results: pl.DataFrame, subject: Subject, since: int) -> Iterator[dict[str, Any]]:
    """Yield what was found over what `expected` adds up to, for each week, beside the same of the weeks before.

    A row of `results` adds ``weight`` x ``violation`` to what was found and ``weight`` x ``expected`` to the other. The
    size is that of a Poisson count with the same relative variance.
    """
    weight, expected, violation = (
        results[name].cast(pl.Float64).to_numpy() for name in ("weight", "expected", "violation")
    )
    week_of = results["week"].to_numpy()
    found, promised, squared, rows = (
        np.bincount(week_of, weights=values, minlength=weeks.count).astype(np.float64)
        for values in (weight * violation, weight * expected, weight**2 * expected, np.ones(len(week_of)))
    )
    told = {"subject": subject.name, "dimension": subject.dimension, "group": subject.group}
    for week in range(max(since, weeks.baseline), weeks.count):
        past = slice(week - weeks.baseline, week)
        if promised[week] > 0 and promised[past].any():
            size, usual = promised[week] ** 2 / squared[week], usual_rate(found[past], promised[past])
            statistic = found[week] / promised[week]
            yield {"week": week, **told, "statistic": statistic, "size": size, "usual": usual, "rows": int(rows[week])}


def _levels(weeks: Weeks, column: str) -> list[str]:
    return [str(name) for name in weeks.results[column].drop_nulls().unique().sort()]


def _counted(results: pl.DataFrame) -> pl.DataFrame:
    """Let each result count one, so that what was found is set against the number of results."""
    return results.with_columns(weight=pl.lit(1.0), expected=pl.lit(1.0))


@dataclass(frozen=True)
class LabelRate(_Results):
    """Watches the share of violations in the random arm, which nobody's suspicion chose."""

    code: str = "drift.label_rate"

    @property
    def lacking(self) -> str:
        """Say what is not there."""
        return "the reference has no results of the random arm"

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return the share of violations among the arm's results, for each week."""
        return measured([*_by_week(weeks, self._rows(weeks, RANDOM_ARM), RANDOM_ARM, since)])

    def sentence(self, subject: Subject) -> str:
        """Say what moved."""
        return "The share of violations in the random arm has moved"

    def advice(self, subject: Subject) -> str:
        """Say what it means."""
        return (
            "What the arm finds holds for all goods that it is drawn from: measure the model on results since then, "
            "and train it on them."
        )

    def _rows(self, weeks: Weeks, subject: Subject) -> pl.DataFrame:
        return _counted(weeks.results.filter(pl.col("method") == RANDOM))


@dataclass(frozen=True)
class HitRate(_Results):
    """Watches the hit rate of each method but the random arm, of each chapter, and of each kind of violation.

    The rate of a kind is how many results find it: a scheme that ends, or a new one, moves kinds before it moves rates.
    """

    code: str = "drift.hit_rate"

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return the hit rate for each week, by method, by chapter and by kind."""
        methods = [Subject(name) for name in _levels(weeks, "method") if name != RANDOM]
        groups = [Subject("all methods", of, name) for of in ("hs2", _KIND) for name in _levels(weeks, of)]
        rows = []
        for subject in (*methods, *groups):
            rows += [*_by_week(weeks, self._rows(weeks, subject), subject, since)]
        return measured(rows)

    def sentence(self, subject: Subject) -> str:
        """Say whose hit rate moved."""
        if subject.dimension == _KIND:
            return f"The share of results that find {subject.group.replace('_', ' ')} has moved"
        whose = f"{DIMENSIONS[subject.dimension]} {subject.group}" if subject.dimension else f"method {subject.name}"
        return f"The hit rate of {whose} has moved"

    def advice(self, subject: Subject) -> str:
        """Say what it may mean."""
        return (
            "It is known for controlled goods only: see whether the selection changed, then whether the random arm "
            "moved too; look at what was found since."
        )

    def _rows(self, weeks: Weeks, subject: Subject) -> pl.DataFrame:
        if subject.dimension == _KIND:
            found = (pl.col("violation") == 1) & (pl.col(_KIND) == subject.group)
            return _counted(weeks.results.with_columns(violation=found.fill_null(False).cast(pl.Int8)))
        if subject.dimension:
            return _counted(weeks.results.filter(pl.col(subject.dimension) == subject.group))
        return _counted(weeks.results.filter(pl.col("method") == subject.name))


@dataclass(frozen=True)
class Calibration(_Results):
    """Watches findings over the findings that the scores promise, in the random arm and among all controlled goods.

    Controlled goods count 1 / inclusion probability, at most 10: then they speak of all goods that could have been
    controlled, as far as the score tells why some were.
    """

    code: str = "drift.calibration"

    @property
    def lacking(self) -> str:
        """Say what is not there."""
        return "no results of the reference have a score, since no labels from before it could teach a model"

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return findings over promised findings for each week."""
        subjects = (RANDOM_ARM, CONTROLLED)
        return measured([row for one in subjects for row in _by_week(weeks, self._rows(weeks, one), one, since)])

    def sentence(self, subject: Subject) -> str:
        """Say where scores promise other than what is found."""
        return f"Among the {subject.name} scores no longer promise what controls find"

    def advice(self, subject: Subject) -> str:
        """Say what to do about scores."""
        return "Calibrate the model anew on results since then; if its ranking suffers too, train it anew."

    def _rows(self, weeks: Weeks, subject: Subject) -> pl.DataFrame:
        scored = weeks.results.filter(pl.col("score").is_finite()).with_columns(expected="score")
        if subject == RANDOM_ARM:
            return scored.filter(pl.col("method") == RANDOM).with_columns(weight=pl.lit(1.0))
        chance = pl.col("inclusion_probability").fill_null(1.0)
        is_draw = (chance > 0) & (pl.col("method") != OFFICER)
        return scored.filter(is_draw).with_columns(weight=(1 / chance).clip(upper_bound=_MOST_WEIGHT))

    def _mark(self, rows: pl.DataFrame) -> Floats:
        excess: Floats = (rows["violation"] - rows["score"]).to_numpy() * rows["weight"].to_numpy()
        return excess
