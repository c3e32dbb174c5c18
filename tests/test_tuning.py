"""Tuning: bounded, never worse than the start, blind to what judges, and kind to the analyst's TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from workbench.config import load_pipeline
from workbench.errors import ConfigError, LabelError
from workbench.stages.folder import RunFolder
from workbench.stages.prepare import prepare
from workbench.tuning import SearchResult, search, write_result

pytest.importorskip("optuna")

SPACE = """
[model.tuning]
trials = 2
minutes = 1.0

[model.tuning.space]
eta = [0.05, 0.5]
max_depth = [2, 5]
grow_policy = ["depthwise", "lossguide"]

[criteria]
"""
FEW_ROUNDS = ("rounds = 30\n", "rounds = 10\n")
SEARCHED = ("\n[criteria]\n", SPACE)


@pytest.fixture(scope="module")
def prepared(make_run: Callable[..., RunFolder]) -> RunFolder:
    run = make_run(SEARCHED, FEW_ROUNDS)
    prepare(run, as_of=datetime(2030, 1, 1))
    return run


@pytest.fixture(scope="module")
def found(prepared: RunFolder) -> SearchResult:
    return search(prepared.pipeline.path, prepared.path)


def test_the_search_keeps_to_its_bounds_and_is_never_worse_than_its_start(found: SearchResult) -> None:
    assert found.trials == 3  # the parameters of the TOML, and two more
    assert 0 < found.log_loss <= found.started_from
    assert found.rounds >= 1
    assert set(found.parameters) >= {"eta", "max_depth"}
    assert 0.05 <= found.parameters["eta"] <= 0.5
    assert found.parameters["max_depth"] in range(2, 6)
    assert found.describe().startswith("3 trials: log loss 0.")


def test_each_trial_is_told_as_it_ends(prepared: RunFolder, found: SearchResult) -> None:
    lines: list[str] = []
    assert search(prepared.pipeline.path, prepared.path, lines.append) == found
    assert [line.partition(":")[0] for line in lines] == ["present parameters", "trial 1/2", "trial 2/2"]
    assert f"best {found.log_loss:.6f}" in lines[-1]


def test_a_search_without_gain_says_so() -> None:
    result = SearchResult({"eta": 0.1}, 9, 0.5, 0.5, 3)
    assert not result.is_better
    assert result.describe().endswith("No trial beat the present parameters; nothing to change.")
    assert SearchResult({"eta": 0.1}, 9, 0.4, 0.5, 3).is_better


def test_the_same_seed_finds_the_same_parameters(prepared: RunFolder, found: SearchResult) -> None:
    assert search(prepared.pipeline.path, prepared.path) == found


def test_no_time_left_keeps_the_parameters_of_the_toml(make_run: Callable[..., RunFolder], prepared: RunFolder) -> None:
    run = make_run(("\n[criteria]\n", SPACE.replace("minutes = 1.0", "minutes = 1e-9")))
    for table in ("declarations", "outcomes"):
        run.write(table, prepared.read(table))
    result = search(run.pipeline.path, run.path)
    assert result.log_loss <= result.started_from
    assert result.trials <= 2


def test_the_judging_and_deciding_parts_are_never_read(
    make_run: Callable[..., RunFolder], prepared: RunFolder, found: SearchResult
) -> None:
    """Poison both parts: every label flipped, every number another. The search must not notice."""
    declarations, outcomes = prepared.read("declarations"), prepared.read("outcomes")
    later = pl.col("part") != "learn"
    poisoned = declarations.with_columns(
        pl.when(later).then(pl.lit(1e9)).otherwise("customs_value_usd").alias("customs_value_usd"),
        pl.when(later).then(pl.lit("POISON")).otherwise("importer_id").alias("importer_id"),
        pl.when(later).then(pl.lit("999999")).otherwise("hs_code").alias("hs_code"),
    )
    keys = declarations.filter(later).select("declaration_id", "item_no", later=True)
    flipped = outcomes.join(keys, on=["declaration_id", "item_no"], how="left").with_columns(
        violation=pl.when(pl.col("later")).then(1 - pl.col("violation")).otherwise("violation")
    )
    run = make_run(SEARCHED, FEW_ROUNDS)
    run.write("declarations", poisoned)
    run.write("outcomes", flipped.drop("later"))
    assert flipped["violation"].sum() != outcomes["violation"].sum()
    assert search(run.pipeline.path, run.path) == found


def test_labels_recorded_after_judging_began_are_never_read(
    make_run: Callable[..., RunFolder], prepared: RunFolder, found: SearchResult
) -> None:
    declarations, outcomes = prepared.read("declarations"), prepared.read("outcomes")
    judge_from = declarations.filter(pl.col("part") == "judge")["lodged_at"].min()
    late = pl.col("label_known_at") >= judge_from
    run = make_run(SEARCHED, FEW_ROUNDS)
    run.write("declarations", declarations)
    run.write(
        "outcomes", outcomes.with_columns(violation=pl.when(late).then(1 - pl.col("violation")).otherwise("violation"))
    )
    assert search(run.pipeline.path, run.path) == found


def test_the_result_is_written_into_the_toml_with_comments_and_order_kept(prepared: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    text = prepared.pipeline.path.read_text()
    file.write_text("# the analyst's own words\n" + text)
    result = SearchResult({"eta": 0.12345678, "max_depth": 3, "reg_lambda": 2.5}, 9, 0.5, 0.4, 4)
    write_result(file, result)
    after = file.read_text()
    assert after.startswith("# the analyst's own words\n")
    assert "eta = 0.123457  # a large step: few rounds" in after or "eta = 0.123457 # a large step: few rounds" in after
    assert load_pipeline(file).model.parameters == {"eta": 0.123457, "max_depth": 3, "reg_lambda": 2.5}
    before, now = tomllib.loads(text), tomllib.loads(after)
    del before["model"]["parameters"], now["model"]["parameters"]
    assert now == before


def test_a_toml_without_parameters_gets_them(tmp_path: Path) -> None:
    file = tmp_path / "bare.toml"
    file.write_text("[model]\nrounds = 5\n")
    write_result(file, SearchResult({"eta": 0.1}, 1, 0.5, 0.4, 1))
    assert tomllib.loads(file.read_text()) == {"model": {"rounds": 5, "parameters": {"eta": 0.1}}}


def test_without_a_space_or_a_part_to_judge_the_search_is_refused(
    trained_run: RunFolder, make_run: Callable[..., RunFolder], prepared: RunFolder
) -> None:
    with pytest.raises(ConfigError, match=r"no \[model.tuning.space\].*State a range"):
        search(trained_run.pipeline.path, trained_run.path)
    run = make_run(SEARCHED, FEW_ROUNDS)
    run.write("declarations", prepared.read("declarations").filter(pl.col("part") == "learn"))
    run.write("outcomes", prepared.read("outcomes"))
    with pytest.raises(LabelError, match="no part to judge"):
        search(run.pipeline.path, run.path)
