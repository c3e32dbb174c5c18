"""Small pieces that all sections use: rows as they lie in JSON, estimates, percentages, dates, tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from workbench.reports.numbers import Estimate, Kind, date_text
from workbench.reports.page import Column, Table

Row = Mapping[str, Any]
"""A row of a table, or a whole JSON object, as the stages wrote it."""

Spec = tuple[str, Kind] | tuple[str, Kind, int]
"""A column: label, kind and, where it matters, decimals."""

SHARE = 0.05
"""The share of declarations controlled at which the first screen speaks."""


def at(metrics: Row, metric: str, share: float = SHARE) -> Row:
    """Return the row of one metric at one share controlled."""
    found: Row = next(row for row in metrics["metrics_at"] if row["metric"] == metric and row["share"] == share)
    return found


def estimate(row: Row, value: str = "value") -> Estimate | None:
    """Return a row's value with its 95 % interval, ``None`` where either is not known."""
    if row[value] is None or row["low_95"] is None:
        return None
    # A bootstrap interval of a metric at its bound may miss the point by a rounding error.
    return Estimate(row[value], min(row["low_95"], row[value]), max(row["high_95"], row[value]))


def percent(value: float, digits: int = 3) -> str:
    """Write a share in percent, with that many significant digits.

    >>> percent(0.0024).replace(chr(160), " ")
    '0.24 %'
    """
    return f"{100 * float(f'{value:.{digits}g}'):.15g}\u00a0%"


def decimals(rate: float) -> int:
    """Return how many decimals a percentage of that size needs to say something."""
    return 1 if rate >= 0.02 else 2 if rate >= 0.001 else 3


def counted(number: int, noun: str) -> str:
    """Write a number of things, the noun in the form that fits it.

    >>> counted(1, "violation"), counted(1234, "control")
    ('1 violation', '1,234 controls')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def day(moment: str) -> str:
    """Write the day of an ISO moment as tables do: 31 Oct 2022."""
    return date_text(str(moment))


def period(first: str, last: str) -> str:
    """Write the days from one ISO moment to another, the year once where it is the same.

    >>> period("2025-01-01 00:00:36", "2025-12-02").replace(chr(160), " ")
    '1 Jan to 2 Dec 2025'
    """
    start, end, year = day(first), day(last), str(first)[:4]
    return f"{start.removesuffix(year).rstrip() if end.endswith(year) else start} to {end}"


def cause(name: str) -> str:
    """Name a cause as a manager reads it.

    >>> cause("random"), cause("criterion:C7")
    ('by lot', 'criterion:C7')
    """
    return {"random": "by lot", "none": "nothing selected it"}.get(name, name)


def table(caption: str, of: Iterable[Row], **columns: Spec) -> Table:
    """Return a table of the rows `of`: each column takes the entry of its name.

    >>> table("Lanes", [{"lane": "red", "rows": 3}], lane=("Lane", "text"), rows=("Items", "count")).rows
    (('red', 3),)
    """
    made = tuple(Column(name, *spec) for name, spec in columns.items())
    return Table(caption, made, tuple(tuple(row[name] for name in columns) for row in of))


def laid_out(made: Table, *, under: Collection[str], bars: Collection[str] = ()) -> Table:
    """Return the table with some of its columns written small under the one before, and some drawn as bars too."""
    columns = [(column.name, column.label, column.kind, column.decimals) for column in made.columns]
    placed = tuple(Column(*column, bars=column[0] in bars, under=column[0] in under) for column in columns)
    return Table(made.caption, placed, made.rows)
