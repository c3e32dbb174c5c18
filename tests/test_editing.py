"""Criteria files changed in one place: what was asked for is written, and not a character elsewhere."""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
from pathlib import Path

import polars as pl
import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.criteria.editing import append_criterion, replace_criterion, save_draft, set_parameters
from workbench.errors import CriterionError
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions.characters import is_hidden, unsuited_to_a_line

SET = '''# The unit's criteria.

[[criterion]]
id = "cheap"            # never change it
title = "Cheap goods"
when = """
unit_value_usd_per_kg < :ratio * hs6_median_unit_value_usd_per_kg
AND customs_value_usd > :floor_usd
"""
# Tuned in March.
parameters = { ratio = { value = 0.4, range = [0.1, 0.9] }, floor_usd = 1000 } # by desk work
lane = "yellow"
hit_percentage = 60     # by lot

[[criterion]]
id = "far"
title = "Far away"
when = "origin_country_code = :country"
lane = "red"

[criterion.parameters]
country = "LA" # for now
weight = { value = 1.5, range = [1.0, 2.0] }

# Lists come last.
[lists."watch.importers"]
entries = ["T1", { value = "T2", expires = 2026-06-30 }]
'''
NEW = Criterion(
    "new-one",
    'Title with "quotes" and ümlaut',
    "net_mass_kg > :limit\nAND hs2 = '87'",
    "orange",
    valid_to=dt.date(2027, 1, 31),
    tags=("mined", "x"),
    parameters={"limit": 1000, "word": 'a\\b"'},
    ranges={"limit": (10, 5000)},
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "set.toml"
    path.write_text(SET, encoding="utf-8")
    return path


def difference(file: Path) -> list[str]:
    """Return removed and added lines."""
    lines = difflib.ndiff(SET.splitlines(), file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line[0] in "+-"]


def criterion(file: Path, name: str) -> Criterion:
    return next(one for one in CriteriaSet.from_toml(file).criteria if one.id == name)


# --- parameters --------------------------------------------------------------------------------------------------


def test_parameters_keep_their_form_their_range_and_every_comment(file: Path) -> None:
    edited = set_parameters(file, "cheap", {"ratio": 0.35, "floor_usd": 2000.0})
    assert difference(file) == [
        "- parameters = { ratio = { value = 0.4, range = [0.1, 0.9] }, floor_usd = 1000 } # by desk work",
        "+ parameters = { ratio = { value = 0.35, range = [0.1, 0.9] }, floor_usd = 2000 } # by desk work",
    ]
    assert edited.keys == ("parameters.ratio", "parameters.floor_usd")
    assert "cheap changed (parameters.ratio, parameters.floor_usd). It is a draft." in edited.describe()


def test_parameters_in_a_table_of_their_own_are_changed_line_by_line(file: Path) -> None:
    set_parameters(file, "far", {"country": "KH", "weight": 2})
    assert difference(file) == [
        '- country = "LA" # for now',
        '+ country = "KH" # for now',
        "- weight = { value = 1.5, range = [1.0, 2.0] }",
        "+ weight = { value = 2.0, range = [1.0, 2.0] }",
    ]


@pytest.mark.parametrize(
    ("name", "values", "fault"),
    [
        ("cheap", {"ratio": 0.05}, r"'ratio' of 'cheap' goes from 0.1 to 0.9; found 0.05"),
        ("cheap", {"ratio": 0.95}, "goes from 0.1 to 0.9"),
        ("cheap", {"ratio": float("nan")}, "goes from 0.1 to 0.9; found nan"),
        ("cheap", {"floor_usd": float("inf")}, "found inf"),
        ("cheap", {"ratio": True}, "is a number; found True"),
        ("cheap", {"ratio": "0.4"}, "is a number; found '0.4'"),
        ("far", {"country": 3}, "is a text; found 3"),
        ("cheap", {"rati": 0.3}, r"no parameter 'rati' \(did you mean 'ratio'\?\). It has: ratio, floor_usd"),
        ("cheep", {"ratio": 0.3}, r"no criterion 'cheep' \(did you mean 'cheap'\?\)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(file: Path, name, values, fault) -> None:
    with pytest.raises(CriterionError, match=fault):
        set_parameters(file, name, values)
    assert difference(file) == []


def test_the_present_values_write_nothing(file: Path) -> None:
    before = file.stat().st_mtime_ns
    edited = set_parameters(file, "cheap", {"ratio": 0.4})
    assert edited.keys == ()
    assert "nothing was written" in edited.describe()
    assert file.stat().st_mtime_ns == before


# --- criteria ----------------------------------------------------------------------------------------------------


def test_a_new_criterion_stands_after_the_others_with_its_evidence_as_comments(file: Path) -> None:
    edited = append_criterion(file, NEW, comment="Proposed from history.\n[[criterion]]\nbell \x07")
    assert edited.is_new
    assert criterion(file, "new-one") == NEW
    assert [line[2:] for line in difference(file)] == [
        "[[criterion]]",
        "# Proposed from history.",
        "# [[criterion]]",
        "# bell  ",
        'id = "new-one"',
        'title = "Title with \\"quotes\\" and ümlaut"',
        'when = """',
        "net_mass_kg > :limit",
        'AND hs2 = \'87\'"""',
        'lane = "orange"',
        "valid_to = 2027-01-31",
        'tags = ["mined", "x"]',
        'parameters = { limit = { value = 1000, range = [10, 5000] }, word = "a\\\\b\\"" }',
        "",
    ]
    with pytest.raises(CriterionError, match="holds a criterion 'new-one'"):
        append_criterion(file, NEW)


def test_a_file_that_does_not_exist_is_made_and_a_failure_leaves_none(tmp_path: Path) -> None:
    new = tmp_path / "mined.toml"
    with pytest.raises(CriterionError, match="was left as it is: 'new-one' cannot be written"):
        save_draft(new, dataclasses.replace(NEW, hit_percentage=float("nan")))
    assert not new.exists()
    save_draft(new, NEW, comment="First.")
    save_draft(new, dataclasses.replace(NEW, id="second"))
    assert [one.id for one in CriteriaSet.from_toml(new).criteria] == ["new-one", "second"]
    assert new.read_text().count("\n\n") == 1
    assert new.read_text().endswith(" }\n")


def test_a_criterion_is_replaced_key_by_key(file: Path) -> None:
    changed = dataclasses.replace(criterion(file, "cheap"), hit_percentage=80, title="Cheap", flow="import")
    assert replace_criterion(file, changed).keys == ("title", "hit_percentage", "flow")
    assert criterion(file, "cheap") == changed
    assert difference(file) == [
        '- title = "Cheap goods"',
        '+ title = "Cheap"',
        "- hit_percentage = 60     # by lot",
        "+ hit_percentage = 80     # by lot",
        '+ flow = "import"',
    ]


def test_what_a_new_version_lacks_is_removed(file: Path) -> None:
    changed = dataclasses.replace(
        criterion(file, "cheap"), parameters={"ratio": 0.5, "top": 3}, ranges={}, hit_percentage=100
    )
    save_draft(file, changed)
    assert criterion(file, "cheap") == changed
    assert "parameters = { ratio = 0.5, top = 3 }" in file.read_text()
    assert "hit_percentage" not in file.read_text()


def test_an_unknown_criterion_is_not_replaced(file: Path) -> None:
    with pytest.raises(CriterionError, match="has no criterion 'new-one'"):
        replace_criterion(file, NEW)


def test_a_file_that_is_no_toml_or_holds_faults_is_not_touched(tmp_path: Path) -> None:
    for content in (
        b"[[criterion]\n",
        b"\xff\xfe",
        b'criterion = [{ id = "a", title = "A", when = "b", lane = "red" }]\n',
    ):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(CriterionError, match=r"bad\.toml"):
            save_draft(tmp_path / "bad.toml", NEW)
        assert (tmp_path / "bad.toml").read_bytes() == content


def test_a_change_that_cannot_be_written_alone_is_refused(file: Path, monkeypatch) -> None:
    """A writer that spoils a neighbour is caught by reading the result before it reaches the disk."""
    right = tomlkit.dumps
    monkeypatch.setattr(tomlkit, "dumps", lambda document: right(document).replace("Cheap goods", "Cheap"))
    with pytest.raises(CriterionError, match="would change something else too"):
        set_parameters(file, "cheap", {"ratio": 0.3})
    assert difference(file) == []


# A set takes no control characters and no changes of direction, which could hide text from a reader.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]) | st.just("\n"), max_size=30)


seen = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
lines = st.text(seen.filter(lambda one: unsuited_to_a_line(one) is None), max_size=30)
codes = st.text(seen.filter(lambda one: not is_hidden(one)), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(when=texts, title=lines, comment=texts, word=texts, tags=st.lists(codes, max_size=2))
def test_any_text_comes_back_as_it_was_given(tmp_path_factory, when, title, comment, word, tags) -> None:
    file = tmp_path_factory.mktemp("any") / "set.toml"
    file.write_text(SET, encoding="utf-8")
    new = dataclasses.replace(NEW, when=when, title=title, tags=tuple(tags), parameters={"limit": 1000, "word": word})
    save_draft(file, new, comment=comment)
    assert criterion(file, "new-one") == new
    save_draft(file, dataclasses.replace(criterion(file, "cheap"), when=when, title=title))
    assert criterion(file, "cheap").when == when
    assert criterion(file, "new-one") == new


@pytest.mark.parametrize("share", [60.0, 55, 62.5])
def test_a_number_that_is_equal_stays_as_it_is_written(file: Path, share: float) -> None:
    """A form sends 60.0 for 60: what is equal is not rewritten, and stops no other change."""
    cheap = criterion(file, "cheap")
    parameters = {"ratio": 0.4, "floor_usd": 1000.0}
    edited = replace_criterion(
        file, dataclasses.replace(cheap, title="Cheaper goods", hit_percentage=share, parameters=parameters)
    )
    assert edited.keys == ("title",) if share == 60 else ("title", "hit_percentage")
    assert "floor_usd = 1000 }" in file.read_text("utf-8")
    assert criterion(file, "cheap").hit_percentage == share


def test_a_byte_order_mark_stays(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    set_parameters(file, "cheap", {"ratio": 0.3})
    assert file.read_bytes().startswith(b"\xef\xbb\xbf# The unit")
    assert file.read_bytes().count(b"\xef\xbb\xbf") == 1
    assert criterion(file, "cheap").parameters["ratio"] == 0.3


def test_a_link_stays_a_link_and_its_file_is_changed(file: Path) -> None:
    link = file.with_name("link.toml")
    link.symlink_to(file)
    assert set_parameters(link, "cheap", {"ratio": 0.3}).path == file
    assert link.is_symlink()
    assert criterion(file, "cheap").parameters["ratio"] == 0.3


def test_changing_a_text_in_production_says_that_runs_stop_and_restoring_it_that_it_is_active(
    tmp_path: Path, bring_into_force
) -> None:
    file = tmp_path / "one.toml"
    save_draft(file, Criterion("heavy", "Heavy", "net_mass_kg > :least", "red", parameters={"least": 10}))
    assert "no run starts" not in set_parameters(file, "heavy", {"least": 20}).describe()
    bring_into_force(file, {"net_mass_kg": pl.Float64()})
    changed = set_parameters(file, "heavy", {"least": 30}).describe()
    assert "It is a draft now" in changed
    assert "The text it replaces is active since line 6: no run starts until" in changed
    restored = set_parameters(file, "heavy", {"least": 20}).describe()
    assert restored.endswith("The journal knows this text: it is active since line 6.")
