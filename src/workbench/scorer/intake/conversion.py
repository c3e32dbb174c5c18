"""Expressions that read raw values as canonical ones; what cannot be read becomes null, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from ..schema import Column
from .rules import Rule, units_of

_ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
# A year with its century lost ("0020-01-01") parses; no customs record in use is that old.
_EARLIEST = datetime(1900, 1, 1)
_FIRST_DAY, _LAST_DAY = ((datetime(*day) - datetime(1970, 1, 1)).days for day in ((1, 1, 2), (9999, 12, 30)))
_LARGEST_WHOLE_FLOAT = 2.0**53


def is_readable(dtype: pl.DataType, column: Column, rule: Rule) -> bool:
    """Tell whether raw values of `dtype` can be read as `column` at all: a list or a clock time never can."""
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Time, pl.Duration):
        return False
    if _is_text(dtype) or dtype == pl.Null or rule.values is not None:
        return True
    if column.dtype.is_temporal():
        return dtype.is_temporal() or (dtype.is_integer() and rule.format is not None)
    if column.dtype.is_numeric():
        return dtype.is_numeric() or (dtype == pl.Boolean and column.dtype == pl.Int8)
    return True


def padded_columns(raw: pl.DataFrame) -> set[str]:
    """Return the text columns of `raw` in which some value is empty or has spaces around it.

    Looking costs a quarter of stripping, and most tables have no such column.
    """
    text = pl.col(pl.String)
    found = raw.select((text.str.starts_with(" ") | text.str.ends_with(" ") | (text == "")).any())
    return {name for name in found.columns if found.item(0, name)}


def cleaned(name: str, dtype: pl.DataType, column: Column, rule: Rule, *, padded: bool) -> pl.Expr:
    """Return the raw column as the text or number that :func:`converted` reads.

    Spaces around text are taken off and empty text is null; `padded` says whether there is any (see
    :func:`padded_columns`).
    """
    raw = pl.col(name)
    if _is_text(dtype):
        text = raw if dtype == pl.String else raw.cast(pl.String)
        stripped = text.str.strip_chars(" ")
        return pl.when(stripped != "").then(stripped) if padded or dtype != pl.String else text
    is_coded_date = rule.format is not None and dtype.is_integer()
    as_text = rule.values is not None or is_coded_date or not _is_typed(column)
    return _number_text(raw, dtype) if as_text else raw


def converted(clean: pl.Expr, dtype: pl.DataType, column: Column, rule: Rule, money: Mapping[str, float]) -> pl.Expr:
    """Return the canonical values of `column` from its :func:`cleaned` raw values of type `dtype`."""
    if rule.values is not None:
        return _recoded(clean, column, rule)
    if column.dtype.is_temporal():
        return _moment(clean, dtype, rule)
    if column.dtype.is_numeric():
        return _number(clean, dtype, column, rule, money)
    if rule.width is not None:
        return _hs_code(clean, rule)
    return clean.cast(column.dtype, strict=False)


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or dtype in (pl.Categorical, pl.Enum)


def _is_typed(column: Column) -> bool:
    return column.dtype.is_numeric() or column.dtype.is_temporal()


def _number_text(raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write codes held as numbers without a decimal part: 40 and 40.0 are the office "40"."""
    if not dtype.is_float():
        return raw.cast(pl.String)
    is_whole = raw.is_finite() & (raw == raw.round()) & (raw.abs() < _LARGEST_WHOLE_FLOAT)
    return pl.when(is_whole).then(raw.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(raw.cast(pl.String))


def _recoded(clean: pl.Expr, column: Column, rule: Rule) -> pl.Expr:
    values = dict(rule.values or {})
    return clean.replace_strict(list(values), pl.Series(list(values.values())), default=None, return_dtype=column.dtype)


def _moment(clean: pl.Expr, dtype: pl.DataType, rule: Rule) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        # The wall clock of the office is kept: the moment is local time by definition.
        moment = _within_calendar(clean, dtype).dt.replace_time_zone(None).cast(pl.Datetime("us"))
    elif dtype in (pl.Date, pl.Null):
        moment = _within_calendar(clean, dtype).cast(pl.Datetime("us"))
    else:
        formats = (rule.format,) if rule.format else _ISO_FORMATS
        moment = pl.coalesce(clean.str.to_datetime(form, strict=False, time_unit="us") for form in formats)
    recent = pl.when(moment >= _EARLIEST).then(moment)
    return recent + timedelta(days=rule.plus_days) if rule.plus_days else recent


def _within_calendar(clean: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Keep the moments that a calendar of four-digit years has: Polars panics on writing any other."""
    if dtype == pl.Null:
        return clean
    ticks = {"ms": 10**3, "us": 10**6, "ns": 10**9}[dtype.time_unit] * 86_400 if isinstance(dtype, pl.Datetime) else 1
    day = clean.to_physical() // ticks
    return pl.when(day.is_between(_FIRST_DAY, _LAST_DAY)).then(clean)


def _number(clean: pl.Expr, dtype: pl.DataType, column: Column, rule: Rule, money: Mapping[str, float]) -> pl.Expr:
    number = _parsed_number(clean, rule) if _is_text(dtype) else clean
    if column.dtype.is_integer():
        return _whole(number, dtype, column)
    multiplier, divisor = units_of(column, money).get(rule.unit or "", (1.0, 1.0))
    number = number.cast(pl.Float64)
    if multiplier != 1:
        return number * multiplier
    return _divided(number, divisor) if divisor != 1 else number


def _divided(number: pl.Expr, divisor: float) -> pl.Expr:
    """Divide correctly rounded, in a table of one row as in any other.

    By a literal Polars multiplies with the reciprocal, except in a table of one row: 35 / 100 would be 0.35 alone and
    0.35000000000000003 in a batch. By a column it divides, always; only a computed column is not folded to a literal.
    """
    return number / (pl.int_range(pl.len()) * 0 + divisor)


def _parsed_number(clean: pl.Expr, rule: Rule) -> pl.Expr:
    plain = clean
    if rule.decimal == ",":
        # A point that is not the separator of thousands would silently pass for a decimal point.
        plain = pl.when(~plain.str.contains(".", literal=True) | (rule.thousands == ".")).then(plain)
    if rule.thousands:
        plain = plain.str.replace_all(rule.thousands, "", literal=True)
    if rule.decimal == ",":
        plain = plain.str.replace(",", ".", literal=True)
    return plain.cast(pl.Float64, strict=False)


def _whole(number: pl.Expr, dtype: pl.DataType, column: Column) -> pl.Expr:
    if not (_is_text(dtype) or dtype.is_float() or dtype.is_decimal()):
        return number.cast(column.dtype, strict=False)
    number = number.cast(pl.Float64)
    return pl.when(number == number.round()).then(number).cast(column.dtype, strict=False)


def _hs_code(clean: pl.Expr, rule: Rule) -> pl.Expr:
    """Keep codes of the stated width; under ``pad`` give back the one zero that a spreadsheet takes away.

    No chapter is 00, so a code that lacks two digits lost more than its leading zero.
    """
    width = rule.width or 0
    complete = pl.when(clean.str.len_chars() == width).then(clean)
    if rule.leading_zeros == "refuse":
        return complete
    return pl.when(clean.str.len_chars() == width - 1).then(pl.concat_str(pl.lit("0"), clean)).otherwise(complete)
