"""Criteria sets from plain dictionaries, as TOML and JSON hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ..expressions import Fault
from ..expressions.characters import hidden_character
from ..expressions.faults import nearest
from ..expressions.terms import ListEntry, NamedList, Value
from ..schema import Lane
from . import fields
from .criterion import Criterion
from .writing import ALWAYS_WRITTEN, KEYS

MAX_CRITERIA = 10_000
MAX_LISTS = 1_000
MAX_LIST_ENTRIES = 1_000_000
MAX_PARAMETERS = 200
MAX_FAULTS = 20
"""At most so many faults are told of one table or one list."""

_TOP = ("criterion", "lists", "points", "shadow")
SHADOW_IN_FILE = Fault(
    "unknown_key",
    "'shadow' is no key of a criteria file: the journal says which criteria run in shadow.",
    suggestion="leave it out",
    key=("shadow",),
)


_SEVEREST = str(list(Lane)[-1])
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(KEYS, fields.prose),
    **dict.fromkeys(("title", "owner", "agency", "legal_basis"), fields.line),
    "when": fields.text,
    "hit_percentage": fields.number,
    "priority": fields.whole,
    "offices": fields.codes,
    "valid_from": fields.day,
    "valid_to": fields.day,
    "tags": fields.codes,
    "points": fields.number,
    "forced_after": fields.whole,
}


def criteria(data: Mapping[str, Any], faults: list[Fault]) -> tuple[Criterion, ...]:
    """Return the criteria of `data`; what cannot be read has a stand-in and is added to `faults`."""
    faults += _unknown(data, _TOP, "a criteria set", ())
    tables = data.get("criterion", [])
    if not isinstance(tables, list | tuple) or not all(isinstance(table, Mapping) for table in tables):
        message = "'criterion' has to be an array of tables."
        faults.append(Fault("value", message, suggestion="[[criterion]]", key=("criterion",)))
        return ()
    if len(tables) > MAX_CRITERIA:
        faults.append(_too_many("criteria", len(tables), MAX_CRITERIA, ("criterion", MAX_CRITERIA)))
        return ()
    return tuple(_criterion(table, number, faults) for number, table in enumerate(tables))


def _too_many(what: str, count: int, allowed: int, key: tuple[str | int, ...]) -> Fault:
    """Return the fault of a set that holds more than it may."""
    message = f"The set has {count:,} {what}; at most {allowed:,} are allowed."
    return Fault("too_large", message, suggestion="split it into several files", key=key)


def _criterion(table: Mapping[str, Any], number: int, faults: list[Fault]) -> Criterion:
    owner, key = str(table.get("id", f"number {number + 1}"))[:64], ("criterion", number)
    faults += _unknown(table, KEYS, "a criterion", key, owner)
    values: dict[str, Any] = {"id": owner, "title": "", "when": "", "lane": _SEVEREST}
    for name in _missing(table):
        faults.append(Fault("missing_key", f"The key {name!r} is missing.", criterion=owner, key=(*key, name)))
    if "lane" not in table and not _needs_lane(table):
        values["lane"] = str(Lane.GREEN)
    for name in [name for name in table if name in _READERS and name != "parameters"]:
        try:
            values[name] = _READERS[name](table[name])
        except fields.Wrong as expected:
            faults.append(_value_fault(f"{name!r}", table[name], expected, (*key, name), owner))
    return Criterion(**values, **_parameters(table.get("parameters", {}), faults, (*key, "parameters"), owner))


def _needs_lane(table: Mapping[str, Any]) -> bool:
    # A criterion that only adds points proposes no lane by itself.
    return not table.get("points", 0)


def _missing(table: Mapping[str, Any]) -> list[str]:
    return [name for name in ALWAYS_WRITTEN if name not in table and (name != "lane" or _needs_lane(table))]


def _parameters(tables: Any, wrong: list[Fault], key: tuple[str | int, ...], owner: str) -> dict[str, Any]:
    """Return the values and the ranges of a criterion's parameters."""
    values: dict[str, Value] = {}
    ranges: dict[str, tuple[float, float]] = {}
    if not isinstance(tables, Mapping) or len(tables) > MAX_PARAMETERS:
        expected = fields.Wrong(f"a table of texts and numbers, at most {MAX_PARAMETERS},")
        wrong.append(_value_fault("'parameters'", tables, expected, key, owner))
        return {}
    for name, written in tables.items():
        table = written if isinstance(written, Mapping) else {"value": written}
        wrong += _unknown(table, ["value", "range"], f"the parameter {name!r}", (*key, name), owner)
        try:
            values[name] = fields.scalar(table.get("value"))
            if "range" in table:
                ranges[name] = fields.bounds(table["range"])
        except fields.Wrong as expected:
            wrong.append(_value_fault(f"The parameter {name!r}", written, expected, (*key, name), owner))
    return {"parameters": values, "ranges": ranges}


def _value_fault(
    what: str, found: Any, expected: fields.Wrong, key: tuple[str | int, ...], owner: str | None = None
) -> Fault:
    return Fault("value", f"{what} is {_shown(found)}; {expected} is expected.", criterion=owner, key=key)


def _shown(value: Any) -> str:
    """Return a value in at most 60 characters; what is hostile is not repeated in full."""
    if isinstance(value, Mapping | list | tuple) and len(value) > 5:
        return f"a {'table' if isinstance(value, Mapping) else 'list'} of {len(value):,} values"
    try:
        text = repr(value[:60] if isinstance(value, str) else value)
    except (ValueError, RecursionError):
        return "a value too large to show"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unknown(
    table: Mapping[str, Any], known: Iterable[str], what: str, key: tuple[str | int, ...], owner: str | None = None
) -> Iterator[Fault]:
    allowed = list(known)
    for name in islice((name for name in table if name not in allowed), MAX_FAULTS):
        advice = nearest(str(name)[:64], allowed) or f"one of {', '.join(allowed)}"
        message = f"{_shown(name)} is no key of {what}."
        yield Fault("unknown_key", message, suggestion=advice, criterion=owner, key=(*key, name))


def lists(data: Mapping[str, Any], faults: list[Fault]) -> dict[str, NamedList]:
    """Return the named lists of `data`; what cannot be read is left out and added to `faults`."""
    tables = data.get("lists", {})
    if not isinstance(tables, Mapping):
        message = "'lists' has to hold tables."
        faults.append(Fault("value", message, suggestion='[lists."watch.importers"]', key=("lists",)))
        return {}
    found = [(name, _sequence(table["entries"])) for name, table in islice(_named(tables, "", faults), MAX_LISTS + 1)]
    if len(found) > MAX_LISTS:
        faults.append(_too_many("lists", sum(1 for _ in _named(tables, "", [])), MAX_LISTS, ("lists",)))
        return {}
    if (count := sum(len(values) for _, values in found)) > MAX_LIST_ENTRIES:
        faults.append(_too_many("list entries", count, MAX_LIST_ENTRIES, ("lists",)))
        return {}
    faults += _repeated_names([name for name, _ in found])
    faults += _unseen_names([name for name, _ in found])
    read: dict[str, NamedList] = {}
    for name, values in found:
        wrong: list[Fault] = []
        read[name] = NamedList.of(_entries(name, values, wrong))
        faults += wrong[:MAX_FAULTS]
    return read


def _sequence(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list | tuple) else [values]


def _repeated_names(names: list[str]) -> Iterator[Fault]:
    """Yield a fault a name that ``[lists.a.b]`` and ``[lists."a.b"]`` both give."""
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
        yield Fault("duplicate_list", f"Two lists have the name {name!r}.", suggestion="join them", key=("lists", name))


def _unseen_names(names: list[str]) -> Iterator[Fault]:
    """Yield a fault a name that holds what cannot be seen: no condition could name it."""
    unseen = ((name, hidden_character(name)) for name in names)
    for name, character in islice(((name, found) for name, found in unseen if found), MAX_FAULTS):
        message = f"The name of the list {_shown(name)} holds a character that is not allowed: {character}."
        yield Fault("value", message, suggestion="letters, digits and dots", key=("lists", name))


def _named(tables: Mapping[str, Any], prefix: str, faults: list[Fault]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield lists by dotted name: TOML reads ``[lists.watch.importers]`` as a table in a table."""
    for part, table in tables.items():
        name = prefix + part
        if not isinstance(table, Mapping):
            message = f"The list {_shown(name)} has to be a table."
            faults.append(Fault("value", message, suggestion='entries = ["A1"]', key=("lists", name)))
        elif "entries" in table:
            faults += _unknown(table, ["entries"], f"the list {_shown(name)}", ("lists", name))
            yield name, table
        elif table:
            yield from _named(table, f"{name}.", faults)
        else:
            message = f"The list {_shown(name)} has no entries."
            faults.append(Fault("missing_key", message, suggestion="entries = []", key=("lists", name)))


def _entries(name: str, values: Sequence[Any], faults: list[Fault]) -> Iterator[ListEntry]:
    for index, value in enumerate(values):
        key = ("lists", name, index)
        table = value if isinstance(value, Mapping) else {"value": value}
        if table is value and len(faults) < MAX_FAULTS:
            faults += _unknown(table, ["value", "expires"], f"an entry of the list {_shown(name)}", key)
        try:
            expires = table.get("expires")
            yield ListEntry(fields.scalar(table.get("value")), None if expires is None else fields.day(expires))
        except fields.Wrong as expected:
            if len(faults) < MAX_FAULTS:
                faults.append(_value_fault(f"An entry of the list {_shown(name)}", value, expected, key))


def points(data: Mapping[str, Any], faults: list[Fault]) -> dict[str, float]:
    """Return the sum of points from which a declaration gets each lane."""
    table = data.get("points", {})
    if not isinstance(table, Mapping):
        faults.append(_value_fault("'points'", table, fields.Wrong("a table of lanes such as red = 60"), ("points",)))
        return {}
    found: dict[str, float] = {}
    for lane, value in islice(table.items(), MAX_FAULTS):
        try:
            found[lane] = fields.number(value)
        except fields.Wrong as expected:
            faults.append(_value_fault(f"The points of {_shown(lane)}", value, expected, ("points", lane)))
    return found


def shadow(data: Mapping[str, Any], faults: list[Fault]) -> frozenset[str]:
    """Return the ids of the criteria that run in shadow."""
    try:
        return frozenset(fields.texts(data.get("shadow", [])))
    except fields.Wrong as expected:
        faults.append(_value_fault("'shadow'", data["shadow"], expected, ("shadow",)))
        return frozenset()
