"""The words of a condition, for completion: columns with type, unit and meaning, profiles, functions, lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass

import polars as pl

from workbench.scorer.expressions.lexer import FUNCTIONS, KEYWORDS
from workbench.scorer.expressions.terms import kind_of
from workbench.scorer.risk.lookups import stem
from workbench.scorer.schema import DERIVED, SCHEMA

_FUNCTIONS = {
    "ABS": ("ABS(", "number", "the number without its sign"),
    "ROUND": ("ROUND(", "number", "the nearest whole number, halves away from zero"),
    "LOWER": ("LOWER(", "text", "the text in small letters"),
    "UPPER": ("UPPER(", "text", "the text in capitals"),
    "LENGTH": ("LENGTH(", "text", "number of characters"),
    "SUBSTRING": ("SUBSTRING(", "text, start, length", "part of a text, counted from 1"),
    "COALESCE": ("COALESCE(", "value, value", "the first value that is not missing"),
    "NULLIF": ("NULLIF(", "value, value", "missing where the two are equal, else the first"),
    "EXTRACT": ("EXTRACT(", "YEAR, MONTH, DAY or HOUR FROM date", "part of a moment"),
    "STARTS_WITH": ("STARTS_WITH(", "text, 'start'", "whether a text starts so"),
    "REGEXP_LIKE": ("REGEXP_LIKE(", "text, 'pattern'", "whether a bounded pattern is found in a text"),
    "LIST": ("LIST('", "'name'", "a named list, after IN"),
}

_PROFILES = {
    "hit_rate": ("share", "smoothed share of violations among past controls of the same {}"),
    "controls": ("controls", "past controls of the same {}"),
    "violations": ("violations", "violations that past controls found for the same {}"),
    "declarations": ("items", "items lodged before for the same {}"),
    "median": (None, "median of {measure} among earlier goods of the same {}"),
    "p25": (None, "lower quartile of {measure} among earlier goods of the same {}"),
    "p75": (None, "upper quartile of {measure} among earlier goods of the same {}"),
}
"""Unit and meaning of a profile column by the last part of its name, or the part in front of its measure."""

_PROFILE = re.compile(r"(?P<group>\w+?)_(?:(?P<quantile>median|p25|p75)_(?P<measure>\w+)|(?P<value>[a-z]+(?:_rate)?))")
_UNIT = re.compile(r"(?P<unit>usd|kg)(?:_per_(?P<per>kg|quantity))?$")
_UNIT_WORDS = {"usd": "USD", "kg": "kg", "quantity": "unit"}


@dataclass(frozen=True)
class Word:
    """One thing that can be written in a condition.

    Parameters
    ----------
    label
        How it is shown.
    insert
        What completion writes.
    kind
        ``column``, ``profile``, ``function``, ``list`` or ``keyword``.
    note
        Type and unit, or arguments.
    meaning
        What it stands for, in a few words.
    """

    label: str
    insert: str
    kind: str
    note: str = ""
    meaning: str = ""


def words(columns: Mapping[str, pl.DataType], lists: Mapping[str, Sized]) -> list[Word]:
    """Return every word of a condition over `columns` and `lists`, columns first.

    Examples
    --------
    >>> [found] = [word for word in words({"net_mass_kg": pl.Float64()}, {}) if word.kind == "column"]
    >>> found.note, found.meaning
    ('a number, kg', 'declared net mass')
    """
    return [
        *(_column(name, dtype) for name, dtype in columns.items() if name in SCHEMA or name in DERIVED),
        *(_profile(name, dtype) for name, dtype in columns.items() if name not in SCHEMA and name not in DERIVED),
        *_functions(),
        *(_named_list(name, len(entries)) for name, entries in lists.items()),
        *(Word(name, f"{name} ", "keyword") for name in sorted(KEYWORDS)),
    ]


def _column(name: str, dtype: pl.DataType) -> Word:
    meaning = SCHEMA[name].meaning if name in SCHEMA else DERIVED[name][0]
    return Word(name, name, "column", _note(dtype, unit_of(name)), meaning)


def _profile(name: str, dtype: pl.DataType) -> Word:
    found = _PROFILE.fullmatch(name)
    last = found and (found["quantile"] or found["value"])
    unit, meaning = _PROFILES.get(last or "", (None, "learnt from earlier declarations"))
    if found is None:
        return Word(name, name, "profile", _note(dtype, unit), meaning)
    measure = found["measure"] or ""
    told = meaning.format(_group(found["group"]), measure=measure.replace("_", " "))
    return Word(name, name, "profile", _note(dtype, unit or unit_of(measure)), told)


def _group(short: str) -> str:
    """Return the columns of a cross, whose short name lost their endings, as words.

    >>> _group("hs6_origin")
    'hs6, origin'
    """
    known = sorted((stem([name]) for name in [*SCHEMA, *DERIVED]), key=len, reverse=True)
    found, rest = [], short
    while rest:
        part = next((one for one in known if rest == one or rest.startswith(f"{one}_")), rest)
        found.append(part.replace("_", " "))
        rest = rest[len(part) :].removeprefix("_")
    return ", ".join(found)


def _functions() -> Iterator[Word]:
    for name in sorted(FUNCTIONS):
        insert, arguments, meaning = _FUNCTIONS[name]
        yield Word(name, insert, "function", arguments, meaning)


def _named_list(name: str, entries: int) -> Word:
    return Word(f"LIST('{name}')", f"LIST('{name}')", "list", f"{entries:,} entries", "named list, after IN")


def _note(dtype: pl.DataType, unit: str | None) -> str:
    kind = kind_of(dtype)
    return ", ".join(part for part in (str(kind) if kind else str(dtype), unit) if part)


def heading(name: str) -> str:
    """Return a column's name as words, with the unit that it carries behind them.

    >>> heading("hs6_origin_median_unit_value_usd_per_kg"), heading("net_mass_kg"), heading("hs_code")
    ('HS6 origin median unit value (USD/kg)', 'net mass (kg)', 'HS code')
    """
    found = _UNIT.search(name)
    bare, unit = (name[: found.start()], f" ({unit_of(name)})") if found else (name, "")
    bare = bare.removesuffix("_id") if bare == name else bare
    return re.sub(r"\bhs", "HS", bare.replace("_", " ").strip()) + unit


def unit_of(name: str) -> str | None:
    """Return a column's unit: the schema's, or the one that its name carries.

    >>> unit_of("unit_value_usd_per_kg"), unit_of("net_mass_kg"), unit_of("hs_code")
    ('USD/kg', 'kg', None)
    """
    if name in SCHEMA:
        return SCHEMA[name].unit
    found = _UNIT.search(name)
    if found is None:
        return None
    parts = [_UNIT_WORDS[part] for part in (found["unit"], found["per"]) if part]
    return "/".join(parts)
