"""The contract of a detector: statistics by week and subject, and which rows make up a change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from workbench.drift.arrays import Floats
from workbench.drift.scales import Scale
from workbench.drift.weeks import Weeks

MEASURED = pl.Schema(
    {
        "week": pl.Int64(),
        "subject": pl.String(),
        "dimension": pl.String(),
        "group": pl.String(),
        "statistic": pl.Float64(),
        "size": pl.Float64(),
        "degrees": pl.Float64(),
        "usual": pl.Float64(),
        "rows": pl.Int64(),
    }
)
"""What :meth:`Detector.measure` returns. `size`, `degrees` and `usual` are what its scale needs, `degrees` of distances
and `usual` of rates, null elsewhere. `rows` are the week's goods or results."""

LEAST_ROWS = 20
"""Goods or results that a week needs before anything is said about it."""


@dataclass(frozen=True)
class Subject:
    """What a statistic is about.

    Parameters
    ----------
    name
        A column, a method of selection, or a part of the goods.
    dimension, group
        Column and value that the goods are restricted to; both empty for all goods.
    """

    name: str
    dimension: str = ""
    group: str = ""


@dataclass(frozen=True)
class Marks:
    """How much each row counts in a change: the change is the current mean less the mean of before.

    Parameters
    ----------
    before, current
        Rows with the columns of :data:`~workbench.drift.weeks.DIMENSIONS`.
    before_marks, current_marks
        One number a row.
    """

    before: pl.DataFrame
    current: pl.DataFrame
    before_marks: Floats
    current_marks: Floats


class Detector(ABC):
    """Watches one aspect of the goods or of what controls find.

    A week's statistic compares it with the weeks before it, never with later ones: the same function learns thresholds
    on a reference and applies them afterwards.
    """

    code: str
    """Begins with ``drift.``: findings carry it."""
    scale: ClassVar[Scale]
    """How a statistic becomes a residual of a known spread."""
    adds_up: ClassVar[bool] = False
    """Whether weeks are added up too, to find what is small and lasts: for rates, which have few counts a week."""
    least_expected: ClassVar[float] = 0.0
    """Count that an ordinary week must have before a subject is watched; only for rates."""

    @property
    def lacking(self) -> str:
        """Say what a reference lacks in which nothing could be measured, as part of a sentence."""
        return "the goods or results of the reference have nothing of what it looks at"

    @abstractmethod
    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return the columns of :data:`MEASURED`, one row a week and subject.

        Parameters
        ----------
        weeks
            Weeks to measure, and those that they are compared with.
        since
            First week to measure; none before ``weeks.baseline`` is, which has too few before it. A week that says too
            little has no row.
        """

    @abstractmethod
    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Return how much each row counts in the change of `subject` in `week`."""

    @abstractmethod
    def sentence(self, subject: Subject) -> str:
        """Say what has changed, as the beginning of a sentence."""

    @abstractmethod
    def advice(self, subject: Subject) -> str:
        """Say what to do about it, in a sentence."""


def measured(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a table of :data:`MEASURED`; statistics that are not numbers are left out."""
    defaults = {"dimension": "", "group": "", "degrees": None, "usual": None}
    table = pl.DataFrame([defaults | row for row in rows], schema=MEASURED)
    return table.filter(pl.col("statistic").is_finite() & pl.col("size").is_finite() & (pl.col("size") > 0))


def usual_rate(counts: Floats, sizes: Floats) -> float:
    """Return the rate of the weeks before, half a count being added: what never happened may happen once."""
    return float((counts.sum() + 0.5) / sizes.sum())
