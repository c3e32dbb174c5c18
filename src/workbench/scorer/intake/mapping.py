"""Mapping: which raw column becomes which canonical column, in which type and unit.

A mapping is one TOML file (see ``data/mappings``). ``[columns]`` reads what is known at lodgement, ``[outcomes]``
what is known after the control; a scorer reads ``[columns]`` only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import MappingError, SourceError, did_you_mean
from ..schema import KEY, SCHEMA, Role, names
from .conversion import cleaned, converted, is_readable, padded_columns
from .csv_reading import CsvFormat
from .rules import Rule, money_faults

_FINDINGS = ("violation", "critical_violation", "violation_kind", "recovered_duty_usd")
_SECTIONS = ("name", "description", "csv", "columns", "outcomes", "units")


@dataclass(frozen=True)
class Canonical:
    """A table in canonical columns, with what could not be read.

    Parameters
    ----------
    frame
        One row for each raw row, in the same order, with the types of the schema.
    unparsed
        For each canonical column with unreadable values, a text column aligned with `frame`: the raw value where it
        could not be read, null elsewhere. Columns without such values are absent.
    """

    frame: pl.DataFrame
    unparsed: dict[str, pl.Series]


@dataclass(frozen=True)
class Mapping:
    """Rules from a source's columns to the canonical tables.

    Build it with :meth:`from_dict` or :meth:`from_toml`, which check it against the schema.

    Parameters
    ----------
    name, description
        What the source is called and what it is.
    columns
        Rule of each canonical column known at lodgement. Columns that are not mapped become null.
    outcomes
        Rule of each decision and outcome column; empty for a source without labels. It names the key columns too
        when the outcomes live in a table of their own that calls them otherwise.
    units
        USD that one unit of each currency is worth.
    csv
        How the source writes CSV, where it does.

    Examples
    --------
    >>> raw = pl.DataFrame({"No": ["A1"], "Date": ["31.12.2024"], "HS": ["10129"], "From": ["VN"],
    ...                     "Price": ["1,5"], "Mass": ["250"]})
    >>> mapping = Mapping.from_dict({"name": "example", "columns": {
    ...     "declaration_id": "No",
    ...     "item_no": {"constant": 1},
    ...     "lodged_at": {"column": "Date", "format": "%d.%m.%Y"},
    ...     "hs_code": {"column": "HS", "width": 6, "leading_zeros": "pad"},
    ...     "origin_country_code": "From",
    ...     "customs_value_usd": {"column": "Price", "decimal": ","},
    ...     "net_mass_kg": {"column": "Mass", "unit": "g"},
    ... }})
    >>> mapping.apply(raw).frame.select("hs_code", "customs_value_usd", "net_mass_kg").row(0)
    ('010129', 1.5, 0.25)
    """

    name: str
    description: str
    columns: dict[str, Rule]
    outcomes: dict[str, Rule]
    units: dict[str, float]
    csv: CsvFormat = field(default_factory=CsvFormat)

    @classmethod
    def from_dict(cls, table: Table[str, Any]) -> Mapping:
        """Build a mapping from its TOML or JSON table.

        Raises
        ------
        MappingError
            If it names columns or units that do not exist, leaves out a required column, or gives options that do not
            fit; every fault is listed.
        """
        faults = [
            f"unknown key {key!r}{did_you_mean(key, _SECTIONS)}; expected {', '.join(_SECTIONS)}"
            for key in table
            if key not in _SECTIONS
        ]
        units = table.get("units", {})
        unit_faults = money_faults(units)
        money = {} if unit_faults else dict(units)
        columns, column_faults = _rules(table, "columns", (Role.IDENTITY, Role.LODGEMENT), money)
        outcomes, outcome_faults = _rules(table, "outcomes", (Role.IDENTITY, Role.DECISION, Role.OUTCOME), money)
        form, csv_faults = _csv_format(table.get("csv", {}))
        faults += list(_labels_as_features(columns, outcomes))
        faults += [*csv_faults, *unit_faults, *column_faults, *outcome_faults]
        name = table.get("name")
        if not isinstance(name, str) or not name:
            faults.append("'name' is missing: say what the source is called")
        _refuse(faults, f"mapping {name!r}")
        return cls(str(name), str(table.get("description", "")), columns, outcomes, money, form)

    @classmethod
    def from_toml(cls, path: str | Path) -> Mapping:
        """Read a mapping from a TOML file; raise :class:`MappingError` if it is missing or faulty."""
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise MappingError(f"mapping {path}: {error.strerror}. Give the path of a mapping's TOML file.") from error
        except (ValueError, RecursionError) as error:
            raise MappingError(f"mapping {path} is not valid TOML: {error}") from error
        try:
            return cls.from_dict(table)
        except MappingError as error:
            raise MappingError(f"{path}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the table that :meth:`from_dict` reads back as an equal mapping; JSON and TOML can hold it."""
        return {
            "name": self.name,
            "description": self.description,
            "csv": asdict(self.csv),
            "columns": {name: rule.to_value() for name, rule in self.columns.items()},
            "outcomes": {name: rule.to_value() for name, rule in self.outcomes.items()},
            "units": dict(self.units),
        }

    def raw_columns(self, canonical: Iterable[str] | None = None) -> list[str]:
        """Return the raw columns that :meth:`apply` reads, or those behind the `canonical` columns given.

        >>> Mapping("m", "", {"declaration_id": Rule("No"), "item_no": Rule(constant=1)}, {}, {}).raw_columns()
        ['No']
        """
        rules = [self.columns[name] for name in (canonical or self.columns) if name in self.columns]
        return list(dict.fromkeys(rule.column for rule in rules if rule.column is not None))

    def apply(self, raw: pl.DataFrame) -> Canonical:
        """Read the identity and lodgement columns of every row of `raw`; outcomes are never touched.

        Raises
        ------
        MappingError
            If raw columns are absent or hold values of another kind; every fault is listed.
        """
        return _read(raw, self.columns, names(Role.IDENTITY, Role.LODGEMENT), self)

    def apply_keys(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Read only ``declaration_id`` and ``item_no``, for a first look over a table that is read in chunks."""
        return _read(raw, {name: self.columns[name] for name in KEY}, list(KEY), self).frame

    def apply_outcomes(self, raw: pl.DataFrame) -> Canonical:
        """Read the key, decision and outcome columns of a table that holds labels.

        Raises
        ------
        MappingError
            As :meth:`apply`; also if the mapping has no ``[outcomes]``.
        """
        if not self.outcomes:
            raise MappingError(f"mapping {self.name!r} has no [outcomes]: map 'violation' and 'label_known_at' there.")
        keys = {name: self.columns[name] for name in KEY}
        return _read(raw, keys | self.outcomes, names(Role.IDENTITY, Role.DECISION, Role.OUTCOME), self)

    def absent_outcome_columns(self, available: Iterable[str]) -> list[str]:
        """Return the raw columns that ``[outcomes]`` names and `available` does not have."""
        present = set(available)
        needed = dict.fromkeys(rule.column for rule in self.outcomes.values() if rule.column is not None)
        return [column for column in needed if column not in present]


def _labels_as_features(columns: Table[str, Rule], outcomes: Table[str, Rule]) -> Iterator[str]:
    """Yield raw columns that hold what a control found and are mapped as if they were known at lodgement."""
    found = {rule.column: name for name, rule in outcomes.items() if name in _FINDINGS and rule.column is not None}
    for name, rule in columns.items():
        if rule.column in found:
            yield (
                f"[columns] {name}: column {rule.column!r} is {found[rule.column]!r} of [outcomes], known only "
                "after the control. Map another column"
            )


def _csv_format(given: Any) -> tuple[CsvFormat, list[str]]:
    try:
        return CsvFormat(**given), []
    except (TypeError, SourceError) as error:
        return CsvFormat(), [f"[csv] takes encoding and separator: {error}"]


def _rules(
    table: Table[str, Any], section: str, roles: tuple[Role, ...], money: Table[str, float]
) -> tuple[dict[str, Rule], list[str]]:
    given = table.get(section, {})
    if not isinstance(given, Table):
        return {}, [f"[{section}] must be a table, found {given!r}"]
    allowed, rules, faults = names(*roles), {}, []
    for name, value in given.items():
        if name not in allowed:
            elsewhere = f": a column of role '{SCHEMA[name].role}' has no place here" if name in SCHEMA else ""
            faults.append(f"[{section}] unknown canonical column {name!r}{elsewhere or did_you_mean(name, allowed)}")
            continue
        rules[name], own = Rule.from_value(value)
        own += [] if own else rules[name].faults(SCHEMA[name], money)
        faults += [f"[{section}] {name}: {fault}" for fault in own]
    return rules, faults + [f"[{section}] {fault}" for fault in _unmapped(section, given)]


def _unmapped(section: str, given: Table[str, Any]) -> Iterator[str]:
    required = {name for name, column in SCHEMA.items() if column.required} | set(KEY)
    if section == "outcomes":
        required = {"violation", "label_known_at"} if given else set()
    for name in SCHEMA:
        if name in required and name not in given:
            hint = " (use { constant = 1 } if a declaration has one item)" if name == "item_no" else ""
            yield f"required column {name!r} is not mapped{hint}"


def _read(raw: pl.DataFrame, rules: Table[str, Rule], wanted: Iterable[str], mapping: Mapping) -> Canonical:
    _refuse(list(_raw_faults(raw.schema, rules)), f"mapping {mapping.name!r} does not fit the table")
    read = {name: rule for name, rule in rules.items() if rule.column is not None}
    dtypes = {name: raw.schema[str(rule.column)] for name, rule in read.items()}
    padded = padded_columns(raw.select({str(rule.column) for rule in read.values()}))
    clean = raw.select(
        cleaned(str(rule.column), dtypes[name], SCHEMA[name], rule, padded=rule.column in padded).alias(name)
        for name, rule in read.items()
    )
    values = [
        converted(pl.col(name), dtypes[name], SCHEMA[name], rule, mapping.units).alias(name)
        for name, rule in read.items()
    ]
    constants = [
        pl.lit(rule.constant).cast(SCHEMA[name].dtype).alias(name)
        for name, rule in rules.items()
        if rule.column is None
    ]
    absent = [pl.lit(None, dtype=SCHEMA[name].dtype).alias(name) for name in wanted if name not in rules]
    frame = clean.select(*values, *constants, *absent).select(wanted)
    return Canonical(frame, _unparsed(clean, frame))


def _unparsed(clean: pl.DataFrame, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the raw values that became null, for the columns that have any (null counts make this free)."""
    return {
        name: clean.select(
            pl.when(frame[name].is_null()).then(_shown(name, clean.schema[name])).alias(name)
        ).to_series()
        for name in clean.columns
        if frame[name].null_count() > clean[name].null_count()
    }


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    # A moment outside the calendar cannot be written as a date: Polars panics. Its count of units can.
    return (pl.col(name).to_physical() if dtype.is_temporal() else pl.col(name)).cast(pl.String)


def _raw_faults(schema: pl.Schema, rules: Table[str, Rule]) -> Iterator[str]:
    for name, rule in rules.items():
        if rule.column is None:
            continue
        if rule.column not in schema:
            yield f"{name}: the table has no column {rule.column!r}{did_you_mean(rule.column, schema)}"
        elif not is_readable(schema[rule.column], SCHEMA[name], rule):
            found, expected = schema[rule.column], SCHEMA[name].dtype
            dated = " with a 'format'" if expected.is_temporal() and found.is_integer() else ""
            yield f"{name}: column {rule.column!r} holds {found}, expected text or {expected}{dated}"


def _refuse(faults: list[str], where: str) -> None:
    if faults:
        raise MappingError(f"{where}: {len(faults)} fault(s).\n" + "\n".join(f"  - {fault}" for fault in faults))
