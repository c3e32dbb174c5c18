"""Checks that every metric makes on its table, and what the table can say at all.

Customs knows the truth about controlled goods only. A metric therefore uses the *labelled* rows (``violation`` is 0
or 1, not null), and every result carries its counts: rows, labelled rows, violations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.scorer.errors import LabelError, SchemaError
from workbench.scorer.schema import KEY

OTHER = "other"
"""Name of the row that pools the groups too small to be shown alone."""

MISSING = "missing"
"""Name of the group of rows that have no value in the grouping column."""


@dataclass(frozen=True)
class Coverage:
    """How much of a table a result rests on.

    Parameters
    ----------
    rows
        All rows of the table.
    labelled
        Rows with a recorded outcome: controlled goods.
    violations
        Labelled rows with a violation.
    """

    rows: int
    labelled: int
    violations: int

    @classmethod
    def of(cls, table: pl.DataFrame) -> Coverage:
        """Count the rows of a table whose ``violation`` is 0, 1 or null."""
        violation = table["violation"]
        return cls(table.height, violation.count(), int(violation.sum()))

    @property
    def base_rate(self) -> float | None:
        """Violations over labelled rows, in [0, 1]; ``None`` without a label."""
        return self.violations / self.labelled if self.labelled else None

    def statement(self) -> str:
        """Say in one sentence for whom the result holds.

        >>> Coverage(rows=1000, labelled=50, violations=5).statement()
        'Known for 50 of 1,000 rows (5.0 %), 5 of them violations: what was not controlled is unknown.'
        """
        if self.labelled == self.rows:
            return f"Known for all {self.rows:,} rows, {self.violations:,} of them violations."
        share = 100 * self.labelled / self.rows
        return (
            f"Known for {self.labelled:,} of {self.rows:,} rows ({share:.1f} %), {self.violations:,} of them "
            "violations: what was not controlled is unknown."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON values."""
        return asdict(self)


def require_columns(table: pl.DataFrame, columns: Iterable[str], where: str) -> None:
    """Raise :class:`SchemaError` that names the columns which `where` needs and `table` lacks."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise SchemaError.missing_columns(missing, table.columns, where)


def with_labels(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return `table` with ``violation`` as Int8 after checking its values and that its keys are complete and unique.

    Raises
    ------
    SchemaError
        A column or a key is missing, a key occurs twice, or ``violation`` holds something other than 0, 1 and null.
    """
    require_columns(table, (*KEY, "violation"), where)
    require_unique_keys(table, where)
    # Compared before the cast to Int8, which would cut 0.5 down to 0 and hide it.
    number = pl.col("violation").cast(pl.Float64, strict=False)
    wrong = table.filter(pl.col("violation").is_not_null() & ~number.is_in([0.0, 1.0]).fill_null(False))
    refuse(wrong, where, "'violation' other than 0, 1 or null", "map the labels to 0 and 1")
    return table.with_columns(pl.col("violation").cast(pl.Float64).cast(pl.Int8))


def require_unique_keys(table: pl.DataFrame, where: str) -> None:
    """Raise :class:`SchemaError` when a key is missing, or is on more than one row and would be counted twice."""
    missing = table.filter(pl.any_horizontal(pl.col(KEY).is_null()))
    refuse(missing, where, f"no key ({' + '.join(KEY)})", "leave out rows without a key: they cannot be joined")
    duplicated = table.filter(pl.struct(KEY).is_duplicated())
    refuse(duplicated, where, f"a key ({' + '.join(KEY)}) that occurs more than once", "keep one row for each key")


def with_amounts(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return `table` with ``recovered_duty_usd`` as Float64, null throughout when the source has no revenue.

    Raises
    ------
    SchemaError
        An amount is not a number, negative, NaN or infinite; null is allowed.
    """
    if "recovered_duty_usd" not in table.columns:
        return table.with_columns(recovered_duty_usd=pl.lit(None, pl.Float64))
    amount = pl.col("recovered_duty_usd")
    number = amount.cast(pl.Float64, strict=False)
    wrong = table.filter(amount.is_not_null() & ~(number.is_finite() & (number >= 0)).fill_null(False))
    remedy = "give amounts of 0 or more, null where unknown"
    refuse(wrong, where, "'recovered_duty_usd' that is negative or not a finite number", remedy)
    return table.with_columns(number)


def require_labels(coverage: Coverage, where: str, *, both_classes: bool) -> None:
    """Raise :class:`LabelError` when the table has no label or, on request, labels of one class only."""
    found = f"{coverage.rows:,} rows, {coverage.labelled:,} labelled, {coverage.violations:,} violations"
    if not coverage.labelled:
        raise LabelError(
            f"{where} found no recorded outcome ({found}); it needs rows whose 'violation' is 0 or 1. "
            "Join the results of controls to the table, or choose a period whose results are known."
        )
    if both_classes and coverage.violations in (0, coverage.labelled):
        kind = "a violation" if coverage.violations else "compliant"
        raise LabelError(
            f"{where} found labels of one class only: every labelled row is {kind} ({found}); it needs at least one "
            "row of each class. Choose a longer period, or include the random arm."
        )


def refuse(wrong: pl.DataFrame, where: str, what: str, remedy: str) -> None:
    """Raise :class:`SchemaError` that counts the `wrong` rows and names the first three keys, if there are any."""
    if wrong.is_empty():
        return
    first = ", ".join(f"{declaration}/{item}" for declaration, item in wrong.select(KEY).head(3).iter_rows())
    raise SchemaError(f"{where} found {what} on {wrong.height:,} row(s), first: {first}. To go on, {remedy}.")


def ratio(numerator: str, denominator: str) -> pl.Expr:
    """Return the quotient of two columns, null where the denominator is zero."""
    return pl.when(pl.col(denominator) > 0).then(pl.col(numerator) / pl.col(denominator))


def group_name(column: str) -> pl.Expr:
    """Return a column's values as names of groups, null as :data:`MISSING`."""
    return pl.col(column).cast(pl.String).fill_null(MISSING)
