"""One rule of a mapping: which raw column a canonical column comes from, and how its values are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

import polars as pl

from ..errors import did_you_mean
from ..schema import Column

# A unit is (multiply by, divide by): 57 / 100 is 0.57 exactly as written, 57 * 0.01 is not.
_MASS = {"kg": (1.0, 1.0), "g": (1.0, 1000.0), "t": (1000.0, 1.0), "lb": (0.45359237, 1.0)}
_SHARE = {"share": (1.0, 1.0), "percent": (1.0, 100.0)}
_CENTURY_DAYS = 36_525
_NO_UNITS: Mapping[str, tuple[float, float]] = MappingProxyType({})

Constant = str | int | float


@dataclass(frozen=True)
class Rule:
    """How one canonical column is read from the raw table.

    Parameters
    ----------
    column
        Name of the raw column; exactly one of `column` and `constant` is given.
    constant
        Value of every row.
    format
        ``strptime`` format of a date held as text or whole number. Without it only ISO 8601 dates and moments
        without an offset are read: the order of day and month is never guessed.
    plus_days
        Days added to a date: a label recorded `plus_days` after the date that the source keeps.
    unit
        Unit of the raw values: ``kg g t lb`` for a mass, ``share percent`` for a share, ``USD`` or a unit of the
        mapping's ``[units]`` for money. Without it the canonical unit is meant.
    width
        Number of digits of the source's HS codes.
    leading_zeros
        What becomes of an HS code one digit shorter than `width`: ``refuse`` it or ``pad`` it.
    decimal, thousands
        Decimal mark and separator of thousands of numbers held as text.
    values
        Recode table, raw text to canonical value. A raw value that is not in it cannot be read.
    """

    column: str | None = None
    constant: Constant | None = None
    format: str | None = None
    plus_days: float = 0
    unit: str | None = None
    width: int | None = None
    leading_zeros: str = "refuse"
    decimal: str = "."
    thousands: str = ""
    values: Mapping[str, Constant] | None = None

    @classmethod
    def from_value(cls, value: Any) -> tuple[Rule, list[str]]:
        """Read a rule from its TOML value; return it with the faults found, if any.

        >>> Rule.from_value("Net Mass")[0].column
        'Net Mass'
        >>> Rule.from_value({"column": "Net Mass", "units": "kg"})[1]
        ["unknown option 'units' (did you mean 'unit'?)"]
        """
        if isinstance(value, str):
            return cls(column=value), []
        if not isinstance(value, Mapping):
            return cls(column=""), [f"expected a raw column's name or a table of options, found {value!r}"]
        known = {option: given for option, given in value.items() if option in _KINDS}
        faults = [f"unknown option {name!r}{did_you_mean(name, _KINDS)}" for name in value if name not in _KINDS]
        faults += [
            f"option {option!r} must be {_KINDS[option][1]}, found {given!r}"
            for option, given in known.items()
            if not isinstance(given, _KINDS[option][0]) or isinstance(given, bool)
        ]
        return (cls(column=""), faults) if faults else (cls(**known), _combination_faults(known))

    def to_value(self) -> Any:
        """Return the shortest TOML value that :meth:`from_value` reads back as this rule."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if "values" in given:
            given["values"] = dict(given["values"])
        return self.column if set(given) == {"column"} else given

    def faults(self, column: Column, money: Mapping[str, float]) -> Iterator[str]:
        """Yield what does not fit together between this rule and the canonical `column`."""
        numeric, moment = column.dtype.is_numeric(), column.dtype.is_temporal()
        units = units_of(column, money)
        if self.unit is not None and self.unit not in units:
            allowed = ", ".join(units) if units else "none, because the column has no unit"
            yield f"unknown unit {self.unit!r}{did_you_mean(self.unit, units)}; expected one of: {allowed}"
        if not moment and (self.format is not None or self.plus_days):
            yield "'format' and 'plus_days' are for dates only"
        if self.format is not None and ("%z" in self.format or "%Z" in self.format):
            yield "'format' reads a time zone, but dates are local time of the office: convert them in the source"
        elif self.format is not None and not _reads_a_day(self.format):
            yield f"'format' {self.format!r} does not read year, month and day: write it like '%d/%m/%Y %H:%M'"
        if not numeric and (self.decimal, self.thousands) != (".", ""):
            yield "'decimal' and 'thousands' are for numbers only"
        if column.name != "hs_code" and (self.width is not None or self.leading_zeros != "refuse"):
            yield "'width' and 'leading_zeros' are for hs_code only"
        if column.name == "declaration_id" and self.constant is not None:
            yield "a key cannot be one constant: name the raw column that numbers the declarations"
        for option, given in (("constant", self.constant), ("values", self.values)):
            if given is not None and not _holds(column, given):
                yield f"{option!r} must give values of the column's type, {column.dtype}"


def units_of(column: Column, money: Mapping[str, float]) -> Mapping[str, tuple[float, float]]:
    """Return the units in which a source may state `column`: (multiply by, divide by) for each name.

    Parameters
    ----------
    column
        Canonical column.
    money
        USD for one unit of each currency of the mapping.
    """
    if column.unit == "USD":
        return {"USD": (1.0, 1.0)} | {name: (rate, 1.0) for name, rate in money.items()}
    return {"kg": _MASS, "share": _SHARE}.get(column.unit or "", _NO_UNITS)


def money_faults(money: Any) -> list[str]:
    """Return what is wrong with a mapping's ``[units]`` table: each rate must be a positive, finite number.

    >>> money_faults({"KRW": 0})
    ['[units] KRW: expected the USD that one KRW is worth, a number above 0, found 0']
    """
    if not isinstance(money, Mapping):
        return [f"[units] must be a table of currencies, found {money!r}"]
    return [
        f"[units] {name}: expected the USD that one {name} is worth, a number above 0, found {rate!r}"
        for name, rate in money.items()
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not (0 < rate < math.inf)
    ]


def _reads_a_day(form: str) -> bool:
    """Tell whether a format that writes a moment reads the day of it back; Polars refuses some formats by an error."""
    moment = pl.Series([datetime(2024, 11, 23, 16, 17, 18)])
    try:
        read = moment.dt.to_string(form).str.to_datetime(form, strict=False, time_unit="us")
    except (pl.exceptions.PolarsError, ValueError):
        return False
    return bool((read.dt.date() == moment.dt.date()).any())


def _holds(column: Column, given: Constant | Mapping[str, Constant]) -> bool:
    values = list(given.values()) if isinstance(given, Mapping) else [given]
    if column.dtype.is_temporal():
        return False
    try:
        pl.Series(values).cast(column.dtype)
    except (pl.exceptions.PolarsError, TypeError):
        return False
    return True


_TEXT: tuple[type, str] = (str, "text")
_KINDS: dict[str, tuple[Any, str]] = {
    "column": _TEXT,
    "constant": (str | int | float, "text or a number"),
    "format": _TEXT,
    "plus_days": (int | float, "a number of days"),
    "unit": _TEXT,
    "width": (int, "a whole number of digits"),
    "leading_zeros": _TEXT,
    "decimal": _TEXT,
    "thousands": _TEXT,
    "values": (Mapping, "a table of raw value to canonical value"),
}


def _combination_faults(given: Mapping[str, Any]) -> list[str]:
    leading_zeros, width = given.get("leading_zeros", "refuse"), given.get("width")
    decimal, thousands = given.get("decimal", "."), given.get("thousands", "")
    values = given.get("values", {"": 0})
    checks = {
        "expected exactly one of 'column' and 'constant'": ("column" in given) != ("constant" in given),
        "'leading_zeros' must be 'refuse' or 'pad'": leading_zeros in ("refuse", "pad"),
        "'leading_zeros' needs 'width', the number of digits": "leading_zeros" not in given or width is not None,
        "'width' must be from 6 to 12 digits": width is None or 6 <= width <= 12,
        "'decimal' must be '.' or ','": decimal in (".", ","),
        "'thousands' must be one character other than 'decimal'": len(thousands) <= 1 and thousands != decimal,
        "'values' must be a table that is not empty, of text or numbers": bool(values)
        and all(isinstance(value, str | int | float) for value in values.values()),
        "'plus_days' must be within a hundred years": abs(given.get("plus_days", 0)) <= _CENTURY_DAYS,
    }
    return [fault for fault, holds in checks.items() if not holds]
