"""Criteria sets as plain dictionaries that TOML and JSON hold."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from ..expressions.terms import ListEntry, Value
from .criterion import Criterion

_FIELDS = {one.name: one for one in dataclasses.fields(Criterion) if one.name != "ranges"}
KEYS = tuple(_FIELDS)
"""Every key of a criterion; a range stands beside the value of its parameter."""

ALWAYS_WRITTEN = ("id", "title", "when", "lane")


def to_dict(
    criteria: Iterable[Criterion],
    lists: Mapping[str, Iterable[ListEntry]],
    points: Mapping[str, float],
    shadow: Iterable[str],
) -> dict[str, Any]:
    """Return a set as JSON and TOML hold it: dates as ISO texts, what has its default left out."""
    named = {name: {"entries": [_entry(entry) for entry in entries]} for name, entries in lists.items()}
    optional = {"lists": named, "points": dict(points), "shadow": sorted(shadow)}
    return {"criterion": [_written(criterion) for criterion in criteria]} | {
        name: value for name, value in optional.items() if value
    }


def _written(criterion: Criterion) -> dict[str, Any]:
    values = {name: getattr(criterion, name) for name in KEYS}
    written = {
        name: _plain(value) for name, value in values.items() if name in ALWAYS_WRITTEN or value != _default(name)
    }
    for name, bounds in criterion.ranges.items():
        written["parameters"][name] = {"value": criterion.parameters[name], "range": list(bounds)}
    return written


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
