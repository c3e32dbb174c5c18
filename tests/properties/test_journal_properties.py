"""Properties of the journal: a legal life verifies, a changed line never does, a text stands for itself alone."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.criteria import lifecycle
from workbench.criteria.lifecycle import LifecycleError
from workbench.criteria.lifecycle.texts import texts
from workbench.scorer.criteria import CriteriaSet, Criterion, ListEntry

COLUMNS = {"net_mass_kg": pl.Float64()}
NAMES = ("a", "b")
TABLE = '[[criterion]]\nid = "{}"\ntitle = "T"\nwhen = "net_mass_kg > {}"\nlane = "red"\n'
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2026, 3, 2)

NEXT = {
    None: ["draft"],
    "draft": ["check", "retire"],
    "checked": ["record_backtest", "retire"],
    "backtested": ["approve", "retire"],
    "approved": ["shadow", "retire"],
    "shadow": ["activate", "retire"],
    "active": ["retire"],
    "retired": ["draft"],
}
"""The legal steps, written down a second time."""
REACHED = {
    "draft": "draft",
    "check": "checked",
    "record_backtest": "backtested",
    "approve": "approved",
    "shadow": "shadow",
    "activate": "active",
    "retire": "retired",
}
MORE: dict[str, dict[str, Any]] = {
    "check": {"columns": COLUMNS},
    "record_backtest": {"evidence": {"tables_sha256": "ab" * 32}},
    "activate": {"columns": COLUMNS},
    "retire": {"reason": "finds nothing"},
}

choices = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 9)), min_size=2, max_size=9)
"""Whose turn it is, and which of the legal steps is taken: small numbers lead on, 9 retires."""


@contextmanager
def life(key_ring: Path, chosen: list[tuple[str, int]]) -> Iterator[tuple[Path, datetime, dict[str, str]]]:
    """Give a set whose criteria took the chosen steps, the moment of the last, and the states that they must be in."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "set.toml"
        file.write_text("".join(TABLE.format(name, 1) for name in NAMES))
        shutil.copytree(key_ring / "keys", file.parent / "keys")
        now, states = START, dict.fromkeys(NAMES)
        for name, number in chosen:
            legal = NEXT[states[name]]
            step = legal[-1] if number == 9 else legal[0]
            by = "author" if step in ("draft", "check", "record_backtest") else "approver"
            now += timedelta(hours=1)
            getattr(lifecycle, step)(file, [name], by=by, keys=key_ring, now=now, **MORE.get(step, {}))
            states[name] = REACHED[step]
        yield file, now, {name: state or "draft" for name, state in states.items()}


def audit(file: Path, now: datetime) -> lifecycle.Audit:
    return lifecycle.audit(file, on=DAY, now=now)


@settings(max_examples=30, deadline=None)
@given(chosen=choices)
def test_every_legal_life_verifies_and_ends_where_its_steps_lead(key_ring: Path, chosen: list[tuple[str, int]]) -> None:
    with life(key_ring, chosen) as (file, now, states):
        found = audit(file, now)
        assert found.ok
        assert {one.id: one.state.value for one in found.criteria} == states
        in_force = lifecycle.in_force(file, COLUMNS, DAY, now=now)
        assert set(in_force.states) == {name for name, s in states.items() if s in ("approved", "shadow", "active")}
        assert in_force.criteria.shadow == {name for name, s in states.items() if s in ("approved", "shadow")}
        assert set(in_force.left_out) == set(NAMES) - set(in_force.states)


@settings(max_examples=20, deadline=None)
@given(chosen=choices, name=st.sampled_from(NAMES), step=st.sampled_from(list(REACHED)))
def test_a_step_out_of_turn_is_refused_and_writes_nothing(
    key_ring: Path, chosen: list[tuple[str, int]], name: str, step: str
) -> None:
    with life(key_ring, chosen) as (file, now, states):
        lines = lifecycle.journal_file(file).read_bytes()
        known = any(f'"criterion":"{name}"'.encode() in line for line in lines.splitlines())
        is_legal = step in NEXT[states[name] if known else None]
        call = {"by": "other", "keys": key_ring, "now": now, **MORE.get(step, {})}
        if is_legal:
            getattr(lifecycle, step)(file, [name], **call)
        else:
            with pytest.raises(LifecycleError):
                getattr(lifecycle, step)(file, [name], **call)
        assert (lifecycle.journal_file(file).read_bytes() == lines) is not is_legal
        assert audit(file, now).ok


def refused(file: Path, now: datetime, content: bytes) -> bool:
    lifecycle.journal_file(file).write_bytes(content)
    return not audit(file, now).ok


@settings(max_examples=30, deadline=None)
@given(chosen=choices, data=st.data())
def test_any_changed_byte_is_noticed(key_ring: Path, chosen: list[tuple[str, int]], data: st.DataObject) -> None:
    with life(key_ring, chosen) as (file, now, _):
        content = lifecycle.journal_file(file).read_bytes()
        for _ in range(12):
            place = data.draw(st.integers(0, len(content) - 1))
            value = data.draw(st.integers(0, 255).filter(lambda value, old=content[place]: value != old))
            assert refused(file, now, content[:place] + bytes([value]) + content[place + 1 :])


@settings(max_examples=30, deadline=None)
@given(chosen=choices, data=st.data())
def test_any_cut_line_lost_line_moved_line_and_repeated_line_is_noticed(
    key_ring: Path, chosen: list[tuple[str, int]], data: st.DataObject
) -> None:
    with life(key_ring, chosen) as (file, now, _):
        content = lifecycle.journal_file(file).read_bytes()
        lines = content.splitlines(keepends=True)
        first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(lines) - 1)] * 2)))
        assert refused(file, now, b"".join(lines[:first] + lines[first + 1 :]))
        assert refused(file, now, b"".join([*lines[: second + 1], *lines[first:]]))
        assert refused(file, now, content[: data.draw(st.integers(0, len(content) - 1))])
        if first != second:
            swapped = [*lines]
            swapped[first], swapped[second] = swapped[second], swapped[first]
            assert refused(file, now, b"".join(swapped))
        assert not refused(file, now, content)


@settings(max_examples=20, deadline=None)
@given(chosen=choices, data=st.data())
def test_any_changed_byte_of_the_head_is_noticed(
    key_ring: Path, chosen: list[tuple[str, int]], data: st.DataObject
) -> None:
    with life(key_ring, chosen) as (file, now, _):
        head = lifecycle.head_file(file)
        content = head.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        value = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
        head.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
        assert not audit(file, now).ok


# --- texts -------------------------------------------------------------------------------------------------------

words = st.text(max_size=12)
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("title", "when", "lane", "owner", "agency", "legal_basis", "instruction", "reason"), words),
    "hit_percentage": st.floats(0, 100),
    "priority": st.integers(-9, 9),
    "flow": st.sampled_from([None, "import", "export"]),
    "offices": st.none() | st.tuples(words),
    "valid_from": st.none() | days,
    "valid_to": st.none() | days,
    "tags": st.lists(words, max_size=2).map(tuple),
    "points": st.floats(0, 9),
    "parameters": st.dictionaries(st.just("limit"), words | st.integers(-9, 9), max_size=1),
    "forced_after": st.none() | st.integers(0, 9),
    "ranges": st.just({}) | st.tuples(st.integers(0, 4), st.integers(5, 9)).map(lambda bounds: {"kept": bounds}),
}
FIXED = {"parameters": {"kept": 5}}


def made(values: dict[str, Any]) -> Criterion:
    parameters = FIXED["parameters"] | values.get("parameters", {})
    return Criterion("a", **{"title": "", "when": "", **values, "parameters": parameters})


def text(criterion: Criterion) -> str:
    return texts(CriteriaSet((criterion,)))["a"].sha256


def test_every_field_of_a_criterion_is_tried() -> None:
    assert {field.name for field in dataclasses.fields(Criterion)} == {"id", *FIELDS}


@given(data=st.data(), values=st.fixed_dictionaries(FIELDS), name=st.sampled_from(list(FIELDS)))
def test_a_text_is_another_where_a_field_is_and_only_there(
    data: st.DataObject, values: dict[str, Any], name: str
) -> None:
    one = made(values)
    other = made(values | {name: data.draw(FIELDS[name])})
    assert (text(one) == text(other)) == (one == other)
    assert text(one) == text(made(dict(reversed(values.items()))))


@given(
    entries=st.lists(st.builds(ListEntry, words, st.none() | days), min_size=1, max_size=4), name=st.sampled_from("xy")
)
def test_a_text_holds_the_entries_of_the_lists_that_it_names(entries: list[ListEntry], name: str) -> None:
    criterion = Criterion("a", "", "importer_id IN LIST('x')", "red")
    full, fewer = (texts(CriteriaSet((criterion,), {name: tuple(one)}))["a"] for one in (entries, entries[1:]))
    assert (full.sha256 == fewer.sha256) == (name == "y")
