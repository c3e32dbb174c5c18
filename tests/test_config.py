"""Pipelines as TOML: every fault named with its place, before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.config import Pipeline, load_pipeline
from workbench.errors import ConfigError, ParameterError, SourceError

PIPELINES = Path(__file__).parents[1] / "pipelines"
TEXT = """
[programme]
name = "p"
title = "P"
unit = "item"
question = "?"
[parameters]
rows = { type = "int", default = 100, help = "rows" }
table = { type = "path", optional = true, help = "a table" }
rate = { type = "float", default = 0.5, help = "a rate" }
fast = { type = "bool", default = false, help = "fast" }
[source]
mapping = "m.toml"
[source.generate]
rows = "${rows}"
months = 12
seed = 1
[features]
rates = [["importer_id"]]
[model]
rounds = 10
[selection]
random_share = "${rate}"
[[selection.capacity]]
lane = "red"
share = 0.05
[[steps]]
notebook = "10_prepare"
parameters = { note = "rows ${rows} and ${unknown}" }
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "p.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_parameters_fill_their_places_with_their_own_types(written) -> None:
    pipeline = load_pipeline(written(), {"rows": "2_000", "rate": "0.25"})
    assert pipeline.source.generate.rows == 2000
    assert pipeline.selection.random_share == 0.25
    assert pipeline.steps[0].parameters["note"] == "rows 2000 and ${unknown}"
    assert pipeline.values == {"rows": 2000, "table": None, "rate": 0.25, "fast": False}


def test_paths_are_relative_to_the_toml_and_given_ones_to_the_working_directory(written, tmp_path: Path) -> None:
    pipeline = load_pipeline(written(), {"table": "x.csv"})
    assert pipeline.resolve("m.toml") == tmp_path.resolve() / "m.toml"
    assert pipeline.values["table"] == str(Path.cwd() / "x.csv")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"row": "1"}, "Unknown parameter 'row' .did you mean 'rows'.*Known: rows, table"),
        ({"rows": "many"}, "'rows' must be a whole number; found 'many'"),
        ({"rate": "half"}, "'rate' must be a number; found 'half'"),
        ({"fast": "yes"}, "'fast' must be true or false; found 'yes'"),
        ({"table": ""}, "'table' must be a path"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(written, given: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_pipeline(written(), given)


def test_a_parameter_without_default_must_be_given(written) -> None:
    file = written(("default = 100, ", ""))
    with pytest.raises(ParameterError, match=r"'rows' is missing: give -p rows=\.\.\. \(rows\)"):
        load_pipeline(file)
    assert load_pipeline(file, {"rows": "7"}).source.generate.rows == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rounds = 10", "round = 10"), r"model\.rounds: Field required.*model\.round: unknown key"),
        (("share = 0.05", "share = 1.5"), r"selection\.capacity\.0\.share"),
        (("share = 0.05", ""), "lane red needs a share, a count or both"),
        (('lane = "red"', 'lane = "green"'), "green is what remains"),
        (("random_share =", 'fallback_lane = "green"\nrandom_share ='), "a fault never releases goods"),
        (("random_share =", 'random_lane = "green"\nrandom_share ='), "green is no control"),
        (("rounds = 10", "rounds = 10\nstop_share = 0.9"), r"model\.stop_share"),
        (('[["importer_id"]]', '["importer_id"]'), r"features\.rates\.0"),
        (
            ('[source.generate]\nrows = "${rows}"\nmonths = 12\nseed = 1\n', ""),
            r"source: .*\[\[source.tables\]\] or \[source.generate\]",
        ),
        (('[[steps]]\nnotebook = "10_prepare"', "[[step]]"), "steps: Field required"),
        (('{ type = "int"', '{ type = "date"'), r"\[parameters\] of .*type"),
    ],
)
def test_a_faulty_pipeline_is_refused_with_the_place_of_every_fault(written, change, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_pipeline(written(change))
    assert re.search(message, str(refused.value), re.DOTALL)
    assert "p.toml" in str(refused.value)


def test_what_is_no_toml_and_what_is_not_there_is_refused(written, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"p.toml is not TOML"):
        load_pipeline(written(("[model]", "[model")))
    with pytest.raises(SourceError, match=r"no pipeline at .*pp.toml .did you mean 'p.toml'"):
        load_pipeline(tmp_path / "pp.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "caf\xe9"')
    with pytest.raises(ConfigError, match=r"latin.toml is not TOML"):
        load_pipeline(tmp_path / "latin.toml")


def test_a_pipeline_survives_a_round_trip_through_json(written) -> None:
    pipeline = load_pipeline(written())
    assert Pipeline.model_validate_json(pipeline.model_dump_json()) == pipeline


def test_the_fingerprint_is_of_what_the_pipeline_says_and_not_of_where_it_lies(written, tmp_path: Path) -> None:
    one = load_pipeline(written())
    moved = tmp_path / "elsewhere.toml"
    moved.write_text(written().read_text())
    assert load_pipeline(moved).fingerprint == one.fingerprint
    assert load_pipeline(moved, {"rows": "101"}).fingerprint != one.fingerprint


@pytest.mark.parametrize("file", sorted(PIPELINES.glob("*.toml")), ids=lambda file: file.stem)
def test_the_shipped_pipelines_load_and_name_files_that_exist(file: Path, tmp_path: Path) -> None:
    given = {"train": "a.csv", "valid": "b.csv"} if file.stem == "kcs" else {}
    pipeline = load_pipeline(file, given)
    assert pipeline.resolve(pipeline.source.mapping).is_file()
    assert pipeline.resolve(pipeline.criteria.path).is_file()
    assert pipeline.programme.name == file.stem
