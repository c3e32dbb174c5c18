"""What was changed in a set: criteria added and removed, fields before and after, entries of lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import polars as pl

from workbench.scorer.criteria import CriteriaSet, Criterion, ListEntry

CHANGES = ("what", "name", "change", "field", "before", "after")
"""Columns of the table of changes, all texts."""

_Change = tuple[str, str, str, str | None, str | None, str | None]
_ENTRIES_SHOWN = 10


def changes_table(before: CriteriaSet, after: CriteriaSet) -> pl.DataFrame:
    """Return one row a change between two sets.

    Returns
    -------
    polars.DataFrame
        ``what`` (criterion, list, points), its ``name``, the ``change`` (added, removed, changed), the ``field``
        (``parameters.max_ratio`` for one parameter), and the values ``before`` and ``after``; of a list, the entries
        that went and those that came.
    """
    rows = [*_criteria(before, after), *_lists(before, after), *_points(before, after)]
    return pl.DataFrame(rows, schema=dict.fromkeys(CHANGES, pl.String), orient="row")


def _criteria(before: CriteriaSet, after: CriteriaSet) -> Iterator[_Change]:
    old, new = ({one.id: one for one in given.criteria} for given in (before, after))
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield "criterion", name, "removed", None, old[name].when, None
        elif name not in old:
            yield "criterion", name, "added", None, None, new[name].when
        else:
            for key, was, now in _differences(changed_fields(old[name], new[name])):
                yield "criterion", name, "changed", key, _shown(was), _shown(now)
            modes = ["shadow" if name in given.shadow else "active" for given in (before, after)]
            if modes[0] != modes[1]:
                yield "criterion", name, "changed", "mode", modes[0], modes[1]


def changed_fields(before: Criterion, after: Criterion) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two criteria of one id differ, with both values.

    >>> changed_fields(Criterion("a", "", "TRUE", "red"), Criterion("a", "", "TRUE", "blue"))
    {'lane': ('red', 'blue')}
    """
    pairs = {one.name: (getattr(before, one.name), getattr(after, one.name)) for one in fields(Criterion)}
    return {name: (was, now) for name, (was, now) in pairs.items() if was != now}


def _differences(changed: Mapping[str, tuple[Any, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """Yield field and both values; of a table such as the parameters, each key that differs."""
    for name, (was, now) in changed.items():
        if isinstance(was, Mapping):
            for key in {**was, **now}:
                if was.get(key) != now.get(key):
                    yield f"{name}.{key}", was.get(key), now.get(key)
        else:
            yield name, was, now


def _lists(before: CriteriaSet, after: CriteriaSet) -> Iterator[_Change]:
    for name in [*before.lists, *(name for name in after.lists if name not in before.lists)]:
        old, new = before.lists.get(name, ()), after.lists.get(name, ())
        change = "added" if name not in before.lists else "removed" if name not in after.lists else "changed"
        gone, come = [entry for entry in old if entry not in new], [entry for entry in new if entry not in old]
        if change != "changed" or gone or come:
            yield "list", name, change, "entries", _entries(gone), _entries(come)


def _points(before: CriteriaSet, after: CriteriaSet) -> Iterator[_Change]:
    for lane in sorted({*before.points, *after.points}):
        old, new = before.points.get(lane), after.points.get(lane)
        if old != new:
            change = "added" if old is None else "removed" if new is None else "changed"
            yield "points", lane, change, "threshold", _shown(old), _shown(new)


def _entries(entries: list[ListEntry]) -> str | None:
    shown = [str(entry.value) + (f" until {entry.expires}" if entry.expires else "") for entry in entries]
    left = len(shown) - _ENTRIES_SHOWN
    return ", ".join(shown[:_ENTRIES_SHOWN]) + (f" and {left:,} more" if left > 0 else "") or None


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
