"""The ranked outcome table: labelled rows in order of score, equal scores kept together.

A ranked outcome table has the key, ``score`` (larger means inspect sooner), ``violation`` (null where nobody looked)
and, where the source has revenue, ``recovered_duty_usd``. Rows with equal scores stand in random order: a metric is
its expected value over those orders, so the order in which rows arrive changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.scorer.errors import SchemaError
from workbench.scorer.schema import KEY

from .intervals import Array
from .tables import Coverage, refuse, require_columns, require_labels, with_amounts, with_labels


@dataclass(frozen=True)
class RankedOutcomes:
    """The labelled rows of a ranked outcome table, best score first; rows of one score form a block.

    Parameters
    ----------
    frame
        Labelled rows in the order score (falling), key: the canonical order makes sums exactly repeatable.
    coverage
        Counts of the whole table.
    """

    frame: pl.DataFrame
    coverage: Coverage

    @classmethod
    def from_table(cls, table: pl.DataFrame, where: str) -> RankedOutcomes:
        """Check a ranked outcome table for the metric `where` and put its labelled rows in order.

        Raises
        ------
        SchemaError
            A column is missing, a key occurs twice, a score is null, NaN or infinite, an amount is negative.
        LabelError
            No row is labelled, or all labels are of one class.
        """
        table = with_amounts(_with_scores(with_labels(table, where), where), where)
        coverage = Coverage.of(table)
        require_labels(coverage, where, both_classes=True)
        labelled = table.filter(pl.col("violation").is_not_null())
        return cls(labelled.sort("score", *KEY, descending=[True, *(False for _ in KEY)]), coverage)

    @cached_property
    def score(self) -> Array:
        """Scores, falling."""
        return self.frame["score"].to_numpy()

    @cached_property
    def violation(self) -> Array:
        """1.0 for a violation, 0.0 for none."""
        return self.frame["violation"].cast(pl.Float64).to_numpy()

    @cached_property
    def revenue_usd(self) -> Array | None:
        """Recovered duty; null amounts count as 0. ``None`` when the source has no revenue at all."""
        amount = self.frame["recovered_duty_usd"]
        return amount.fill_null(0.0).to_numpy() if amount.count() else None

    @cached_property
    def declaration(self) -> NDArray[np.int64]:
        """Number of each row's declaration in the order of their ids: the cluster that the bootstrap draws."""
        return (self.frame["declaration_id"].rank("dense").cast(pl.Int64) - 1).to_numpy()

    @cached_property
    def block_start(self) -> NDArray[np.int64]:
        """Index of the first row of each block."""
        return np.flatnonzero(np.r_[True, np.diff(self.score) != 0])

    def block_sums(self, values: Array) -> Array:
        """Sum row values over each block."""
        return np.asarray(np.add.reduceat(values, self.block_start))

    def cumulative(self, values: Array) -> Array:
        """Return the sum of row values from the top to the end of each block, led by 0."""
        return np.concatenate([[0.0], np.cumsum(self.block_sums(values))])

    def selected_weight(self, selected: int) -> Array:
        """Return each row's probability of being among the top `selected` rows: 1, 0, or between in a tied block."""
        size = np.diff(self.block_start, append=self.frame.height)
        return np.repeat(np.clip((selected - self.block_start) / size, 0, 1), size)


def _with_scores(table: pl.DataFrame, where: str) -> pl.DataFrame:
    require_columns(table, ("score",), where)
    if not table["score"].dtype.is_numeric():
        raise SchemaError(
            f"{where} found 'score' of type {table['score'].dtype}; it needs numbers. Cast it to Float64."
        )
    table = table.with_columns(pl.col("score").cast(pl.Float64))
    absent, broken = table.filter(pl.col("score").is_null()), table.filter(~pl.col("score").is_finite())
    refuse(absent, where, "no 'score'", "leave out rows that were not scored, such as quarantined ones")
    refuse(broken, where, "a 'score' that is NaN or infinite", "find out why the model gave it")
    return table
