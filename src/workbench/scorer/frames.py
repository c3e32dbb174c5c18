"""The door: public functions take pandas, Polars or Arrow tables and give back what they were given."""

from __future__ import annotations

from typing import Any, TypeVar

import polars as pl

from .errors import SchemaError

Frame = TypeVar("Frame")
"""A table of any kind that :func:`to_polars` takes."""


def to_polars(frame: Any) -> pl.DataFrame:
    """Return a table as a Polars frame.

    Parameters
    ----------
    frame
        ``polars.DataFrame``, ``polars.LazyFrame`` (collected), ``pandas.DataFrame`` (NaN becomes null, the index is
        left out) or ``pyarrow.Table`` / ``RecordBatch``.

    Raises
    ------
    SchemaError
        If `frame` is no table, or a pandas column mixes types so that its values have no one meaning.

    Examples
    --------
    >>> to_polars(pl.LazyFrame({"item_no": [1]})).shape
    (1, 1)
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    kind = _library(frame)
    try:
        if kind == "pandas":
            return _from_pandas(frame)
        if kind == "pyarrow":
            converted = pl.from_arrow(frame)
            if isinstance(converted, pl.DataFrame):
                return converted
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise SchemaError(f"the {kind} table cannot be read as columns of one type each: {error}") from error
    raise SchemaError(f"expected a pandas, Polars or Arrow table, found {type(frame).__name__}.")


def like(original: Frame, result: pl.DataFrame) -> Frame:
    """Return `result` as the kind of table that `original` is, with the same rows and columns.

    Examples
    --------
    >>> like(pl.LazyFrame({"a": [1]}), pl.DataFrame({"b": [2]})).collect().item()
    2
    """
    given: Any = result
    if isinstance(original, pl.LazyFrame):
        given = result.lazy()
    elif _library(original) == "pandas":
        given = result.to_pandas()
    elif _library(original) == "pyarrow":
        given = result.to_arrow()
    kept: Frame = given
    return kept


def _library(frame: object) -> str:
    return type(frame).__module__.partition(".")[0]


def _from_pandas(frame: Any) -> pl.DataFrame:
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SchemaError(f"more than one column is named {', '.join(map(repr, repeated))}: give each its own name.")
    columns = [_pandas_column(name, frame.iloc[:, position]) for position, name in enumerate(names)]
    return pl.DataFrame(columns)


def _pandas_column(name: str, values: Any) -> pl.Series:
    try:
        return pl.Series(name, pl.from_pandas(values))
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise SchemaError(
            f"pandas column {name!r} ({values.dtype}) mixes types: {error}. Convert it to one type, such as text."
        ) from error
