"""Criteria sets from and to plain dictionaries, as TOML and JSON hold them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..expressions import Fault
from ..expressions.faults import nearest
from ..expressions.terms import Value
from .criterion import Criterion, ListEntry

_TOP = ("criterion", "lists")


class _Wrong(Exception):  # noqa: N818 - a signal inside this module, its text is what was expected
    """A value is not of the type that its key takes."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("a text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong("a finite number")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong("a whole number")
    return value


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Wrong("a date such as 2026-01-31") from None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise _Wrong("a list of texts")
    return tuple(value)


def _scalar(value: Any) -> Value:
    return value if isinstance(value, str) else _number(value)


def _parameters(value: Any) -> dict[str, Value]:
    if not isinstance(value, Mapping):
        raise _Wrong("a table of texts and numbers")
    return {name: _scalar(item) for name, item in value.items()}


_FIELDS: dict[str, dataclasses.Field[Any]] = {one.name: one for one in dataclasses.fields(Criterion)}
_REQUIRED = [name for name, one in _FIELDS.items() if one.default is one.default_factory is dataclasses.MISSING]
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_FIELDS, _text),
    "hit_percentage": _number,
    "priority": _whole,
    "offices": _texts,
    "valid_from": _date,
    "valid_to": _date,
    "tags": _texts,
    "points": _number,
    "parameters": _parameters,
}


def criteria(data: Mapping[str, Any], faults: list[Fault]) -> tuple[Criterion, ...]:
    """Return the criteria of `data`; what cannot be read is left out and added to `faults`."""
    faults += _unknown(data, _TOP, "a criteria set")
    tables = data.get("criterion", [])
    if not isinstance(tables, list | tuple) or not all(isinstance(table, Mapping) for table in tables):
        faults.append(Fault("value", "'criterion' has to be an array of tables.", suggestion="[[criterion]]"))
        return ()
    found = [_criterion(table, number, faults) for number, table in enumerate(tables, start=1)]
    return tuple(criterion for criterion in found if criterion is not None)


def _criterion(table: Mapping[str, Any], number: int, faults: list[Fault]) -> Criterion | None:
    owner = str(table.get("id", f"number {number}"))
    wrong = list(_unknown(table, _FIELDS, "a criterion", owner))
    missing = [name for name in _REQUIRED if name not in table]
    wrong += [Fault("missing_key", f"The key {name!r} is missing.", criterion=owner) for name in missing]
    values: dict[str, Any] = {}
    for name in [name for name in table if name in _FIELDS]:
        try:
            values[name] = _READERS[name](table[name])
        except _Wrong as expected:
            wrong.append(Fault("value", f"{name!r} is {table[name]!r}; {expected} is expected.", criterion=owner))
    faults += wrong
    return None if wrong else Criterion(**values)


def _unknown(table: Mapping[str, Any], known: Iterable[str], what: str, owner: str | None = None) -> Iterator[Fault]:
    allowed = list(known)
    for name in table:
        if name not in allowed:
            advice = nearest(name, allowed) or f"one of {', '.join(allowed)}"
            yield Fault("unknown_key", f"{name!r} is no key of {what}.", suggestion=advice, criterion=owner)


def lists(data: Mapping[str, Any], faults: list[Fault]) -> dict[str, tuple[ListEntry, ...]]:
    """Return the named lists of `data`; what cannot be read is left out and added to `faults`."""
    tables = data.get("lists", {})
    if not isinstance(tables, Mapping):
        faults.append(Fault("value", "'lists' has to hold tables.", suggestion='[lists."watch.importers"]'))
        return {}
    return {name: tuple(_entries(name, table["entries"], faults)) for name, table in _named(tables, "", faults)}


def _named(tables: Mapping[str, Any], prefix: str, faults: list[Fault]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield lists by dotted name: TOML reads ``[lists.watch.importers]`` as a table in a table."""
    for key, table in tables.items():
        name = prefix + key
        if not isinstance(table, Mapping):
            faults.append(Fault("value", f"The list {name!r} has to be a table.", suggestion='entries = ["A1"]'))
        elif "entries" in table:
            faults += _unknown(table, ["entries"], f"the list {name!r}")
            yield name, table
        else:
            yield from _named(table, f"{name}.", faults)


def _entries(name: str, values: Any, faults: list[Fault]) -> Iterator[ListEntry]:
    for value in values if isinstance(values, list | tuple) else [values]:
        table = value if isinstance(value, Mapping) else {"value": value}
        faults += _unknown(table, ["value", "expires"], f"an entry of the list {name!r}")
        try:
            expires = table.get("expires")
            yield ListEntry(_scalar(table.get("value")), None if expires is None else _date(expires))
        except _Wrong as expected:
            faults.append(Fault("value", f"The list {name!r} holds {value!r}; {expected} is expected."))


def to_dict(criteria: Iterable[Criterion], lists: Mapping[str, Iterable[ListEntry]]) -> dict[str, Any]:
    """Return a set as JSON and TOML hold it: dates as ISO texts, what has its default left out."""
    written: dict[str, Any] = {"criterion": [_written(criterion) for criterion in criteria]}
    if lists:
        written["lists"] = {name: {"entries": [_entry(entry) for entry in entries]} for name, entries in lists.items()}
    return written


def _written(criterion: Criterion) -> dict[str, Any]:
    values = {name: getattr(criterion, name) for name in _FIELDS}
    return {name: _plain(value) for name, value in values.items() if name in _REQUIRED or value != _default(name)}


def _default(name: str) -> Any:
    one = _FIELDS[name]
    return one.default if one.default_factory is dataclasses.MISSING else one.default_factory()


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _entry(entry: ListEntry) -> Value | dict[str, Value]:
    return entry.value if entry.expires is None else {"value": entry.value, "expires": entry.expires.isoformat()}
