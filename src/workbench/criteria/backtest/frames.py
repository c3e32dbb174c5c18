"""Result tables as plain JSON values, and back again with their types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from workbench.errors import SchemaError

Schema = Mapping[str, pl.DataType]


def typed(table: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the columns of `schema`, in its order and types."""
    return table.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def as_json(value: Any) -> Any:
    """Return a field of a result as JSON holds it: a table as a list of rows, a date as ISO text.

    >>> as_json(pl.DataFrame({"day": [date(2025, 3, 1)], "hits": [4]}))
    [{'day': '2025-03-01', 'hits': 4}]
    """
    if isinstance(value, pl.DataFrame):
        return value.with_columns(pl.selectors.date().dt.to_string("iso")).to_dicts()
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def from_rows(name: str, rows: Any, schema: Schema) -> pl.DataFrame:
    """Return the table `name` that :func:`as_json` gave.

    Raises
    ------
    SchemaError
        The rows have other columns or types: they were written by another version.
    """
    days = {column: dtype for column, dtype in schema.items() if dtype == pl.Date()}
    try:
        if rows and list(rows[0]) != list(schema):
            raise ValueError(f"it has the columns {list(rows[0])}")
        table = pl.DataFrame(rows, schema={**schema, **dict.fromkeys(days, pl.String())}, orient="row")
        return table.with_columns(pl.col(column).str.to_date() for column in days)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise SchemaError(f"The table {name!r} was written by another version ({error}). Make it again.") from None
