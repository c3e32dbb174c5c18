"""The hit matrix: every criterion on every row, in one pass, with a failure named and never skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ..errors import CriterionError, SchemaError
from ..expressions.terms import quantity

_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Hits:
    """Which criterion hits which row.

    Parameters
    ----------
    matrix
        One nullable Boolean column a criterion, one row a declaration item, in the order of the frame:
        true for a hit, false for none (also outside the criterion's scope), null for not evaluable.
    """

    matrix: pl.DataFrame

    @property
    def not_evaluable(self) -> dict[str, int]:
        """Number of rows, by criterion, for which a missing value left the question open."""
        return dict(zip(self.matrix.columns, (column.null_count() for column in self.matrix), strict=True))


@dataclass(frozen=True)
class CompiledCriteria:
    """A set checked against the columns of a table and ready to run on any number of its batches."""

    expressions: Mapping[str, pl.Expr]
    columns: Mapping[str, pl.DataType]

    def hits(self, frame: pl.DataFrame) -> Hits:
        """Evaluate every criterion on every row of `frame`.

        Raises
        ------
        SchemaError
            A column has vanished from the frame or has another type.
        CriterionError
            A criterion failed on some row; it is named, and nothing is returned.
        """
        self._check_frame(frame)
        if not self.expressions:
            return Hits(pl.DataFrame(height=frame.height))
        try:
            matrix = self._evaluate(frame, self.expressions)
        except _FAILURES as error:
            raise self._culprit(frame, error) from error
        # A matrix that is not aligned with its frame would give a declaration its neighbour's lane.
        if matrix.height != frame.height:
            raise CriterionError(f"The criteria gave {matrix.height} rows for {frame.height}; no row was decided.")
        return Hits(matrix)

    def _check_frame(self, frame: pl.DataFrame) -> None:
        if missing := [name for name in self.columns if name not in frame.columns]:
            raise SchemaError.missing_columns(missing, frame.columns, "The criteria set")
        for name, dtype in self.columns.items():
            if frame.schema[name] != dtype:
                found = frame.schema[name]
                raise SchemaError(f"Column {name!r} is {found}; the criteria were checked for {dtype}. Cast it first.")

    def _evaluate(self, frame: pl.DataFrame, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
        # What is no quantity is made null once a column, not once a criterion.
        columns = {
            name: quantity(pl.col(name)) if dtype.is_float() else pl.col(name) for name, dtype in self.columns.items()
        }
        return frame.lazy().select(**columns).select(**expressions).collect()

    def _culprit(self, frame: pl.DataFrame, error: BaseException) -> CriterionError:
        for name, expression in self.expressions.items():
            try:
                self._evaluate(frame, {name: expression})
            except _FAILURES as failure:
                return CriterionError(f"The criterion {name!r} failed on a row; no row was decided. Cause: {failure}")
        return CriterionError(f"The criteria failed together and none alone; no row was decided. Cause: {error}")
