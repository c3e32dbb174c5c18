"""One `[[criterion]]` table as TOML: written from a criterion, or changed where a criterion differs."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, String, StringType, Trivia

from workbench.scorer.criteria import CriteriaSet, Criterion


def written_keys(criterion: Criterion) -> dict[str, Any]:
    """Return the keys of a criterion as a file holds them; what has its default is left out."""
    table: dict[str, Any] = CriteriaSet((criterion,)).to_dict()["criterion"][0]
    dates = {name: dt.date.fromisoformat(table[name]) for name in ("valid_from", "valid_to") if name in table}
    return table | dates


def new_table(criterion: Criterion, comment: str) -> str:
    """Return a ``[[criterion]]`` table, with the lines of `comment` under its header."""
    table = tomlkit.document()
    for line in comment.splitlines():
        # A control character would end the comment, or the file's being TOML.
        table.add(tomlkit.comment("".join(character if character.isprintable() else " " for character in line)))
    for key, value in written_keys(criterion).items():
        table.add(key, _item(value))
    return f"[[criterion]]\n{tomlkit.dumps(table)}"


def as_written(before: Criterion, after: Criterion) -> Criterion:
    """Return `after` with everything that is equal written as in `before`: 60 and 60.0 are one number and two texts."""
    present = {one.name: getattr(before, one.name) for one in dataclasses.fields(Criterion)}
    equal = {name: value for name, value in present.items() if value == getattr(after, name)}
    parts = {
        name: {key: _same(present[name], key, value) for key, value in getattr(after, name).items()}
        for name in ("parameters", "ranges")
    }
    return dataclasses.replace(after, **equal | parts)


def _same(present: Mapping[str, Any], key: str, value: Any) -> Any:
    return present[key] if present.get(key) == value else value


def changed_keys(before: Criterion, after: Criterion) -> tuple[str, ...]:
    """Return the keys in which two versions differ, those of parameters as ``parameters.NAME``."""
    old, new = written_keys(before), written_keys(after)
    changed = [key for key in {**old, **new} if key != "parameters" and old.get(key) != new.get(key)]
    mine, others = old.get("parameters", {}), new.get("parameters", {})
    return (*changed, *(f"parameters.{name}" for name in {**mine, **others} if mine.get(name) != others.get(name)))


def updated_table(text: str, before: Criterion, after: Criterion) -> str:
    """Return the text of a ``[[criterion]]`` table with the values of `after`; what is equal is left as it stands."""
    document: Any = tomlkit.parse(text)
    table = document["criterion"][0]
    old, new = written_keys(before), written_keys(after)
    for key in [key for key in {**old, **new} if old.get(key) != new.get(key)]:
        if key not in new:
            table.remove(key)
        elif key == "parameters" and _is_updatable(table.get(key), old, new):
            _update_parameters(table[key], old[key], new[key])
        else:
            table[key] = _item(new[key])
    return tomlkit.dumps(document)


def _item(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        body = tomlkit.string(value, multiline=True).as_string()[3:-3]
        # TOML drops the line break after the opening quotes, so the text may start on a line of its own.
        return String(StringType.MLB, value, body if body.startswith("\n") else f"\n{body}", Trivia())
    if isinstance(value, dict):
        inner = (f"{tomlkit.key(name).as_string()} = {_item(part).as_string()}" for name, part in value.items())
        return tomlkit.value(f"{{ {', '.join(inner)} }}")
    return tomlkit.item(value)


def _is_updatable(table: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether parameters can be changed one by one; a line of other names than before is written anew."""
    same_names = set(old.get("parameters", ())) == set(new["parameters"])
    return table is not None and (same_names or not isinstance(table, InlineTable))


def _update_parameters(table: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for name in [name for name in old if name not in new]:
        table.remove(name)
    for name, value in new.items():
        if old.get(name) == value:
            continue
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            for key in [key for key in value if old[name][key] != value[key]]:
                table[name][key] = value[key]
        else:
            table[name] = _item(value)
