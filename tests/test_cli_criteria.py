"""The commands on criteria: from a draft to active, and every trial on the way, as a user calls them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.criteria.backtest.results import Backtest
from workbench.runner import RunResult
from workbench.scorer.criteria import CriteriaSet

USER_MISTAKE = 2

NEW = """
[[criterion]]
id = "heavy-and-cheap"
title = "Heavy and cheap"  # the comment stays
when = "net_mass_kg > :least AND unit_value_usd_per_kg < 3"
parameters = { least = { value = 1000, range = [100, 5000] } }
lane = "yellow"
hit_percentage = 50
reason = "More than {least} kg at less than 3 USD a kilogram."
"""


@pytest.fixture
def call(workbench, monkeypatch, tmp_path) -> Callable[..., Any]:
    """Call the command line in a folder of its own, with private keys of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "private"))
    monkeypatch.delenv("WORKBENCH_KEY_PASSPHRASE", raising=False)
    return workbench


@pytest.fixture
def case(finished_run, tmp_path) -> tuple[Path, Path, Path]:
    """A set with a new criterion, the pipeline that reads its columns, and the run to try it on."""
    home = finished_run.pipeline.path.parent
    shutil.copy(home / "criteria.toml", tmp_path / "criteria.toml")
    shutil.copy(home / "small.toml", tmp_path / "small.toml")
    (tmp_path / "criteria.toml").write_text((home / "criteria.toml").read_text() + NEW)
    return tmp_path / "criteria.toml", tmp_path / "small.toml", finished_run.path


def test_a_sound_set_passes_and_a_faulty_one_is_refused_with_every_place(call, case):
    criteria, pipeline, _ = case
    assert call("criteria", "check", criteria, "--pipeline", pipeline).code == 0
    criteria.write_text(criteria.read_text().replace("net_mass_kg > :least", "net_mas_kg > :least AND flow = 1"))
    line = (
        criteria.read_text().splitlines().index(next(t for t in criteria.read_text().splitlines() if "net_mas_kg" in t))
    )
    refused = call("criteria", "check", criteria, "--pipeline", pipeline)
    assert refused.code == 1
    assert f"criteria.toml:{line + 1}:9: error" in refused.out
    assert "net_mass_kg" in refused.out
    assert "[type]" in refused.out


def test_without_a_pipeline_only_a_declarations_own_columns_are_known(call, case):
    found = call("criteria", "check", case[0])
    assert "--pipeline" in found.err
    assert found.code == 1
    assert "hs6_origin_median_unit_value_usd_per_kg" in found.out


def test_a_set_is_written_as_sql(call, case, tmp_path):
    criteria, pipeline, _ = case
    told = call("criteria", "export", criteria, "--dialect", "postgres", "--pipeline", pipeline)
    assert '"heavy-and-cheap"' in told.out
    written = call(
        *("criteria", "export", criteria, "--dialect", "postgres", "--pipeline", pipeline),
        *("--out", tmp_path / "set.sql"),
    )
    assert written.code == 0
    assert (tmp_path / "set.sql").read_text().strip() == told.out.strip()
    unknown = call("criteria", "export", criteria, "--dialect", "postgre", "--pipeline", pipeline)
    assert unknown.code == USER_MISTAKE
    assert "did you mean 'postgres'" in unknown.err


def test_a_back_test_is_told_and_written(call, case, tmp_path):
    criteria, _, run = case
    found = call("criteria", "backtest", criteria, "--data", run, "--out", tmp_path / "tried")
    assert found.code == 0
    assert "heavy-and-cheap" in found.out
    read = Backtest.from_dict(json.loads((tmp_path / "tried" / "backtest.json").read_text()))
    assert read.criteria.height == len(CriteriaSet.from_toml(criteria).criteria)
    assert "heavy-and-cheap" in (tmp_path / "tried" / "report.html").read_text()
    part = call("criteria", "backtest", criteria, "--data", run, "--from", "2025-03-01", "--to", "2025-03-31")
    assert "2025-03-01 to 2025-03-31" in part.out


def test_raw_files_are_back_tested_by_a_pipelines_mapping(call, case, small_world, tmp_path):
    criteria, pipeline, _ = case
    small_world.declarations.write_parquet(tmp_path / "lodged.parquet")
    small_world.outcomes.write_parquet(tmp_path / "found.parquet")
    raw = ("--data", tmp_path / "lodged.parquet", "--outcomes", tmp_path / "found.parquet", "--no-model")
    found = call("criteria", "backtest", criteria, *raw, "--pipeline", pipeline)
    assert found.code == 0
    assert f"{small_world.declarations.height:,} items" in found.out
    assert call("criteria", "backtest", criteria, *raw).code == USER_MISTAKE
    assert "does not exist" in call("criteria", "backtest", criteria, "--data", "nowhere").err


def test_two_sets_are_compared(call, case, tmp_path):
    criteria, _, run = case
    wider = tmp_path / "wider.toml"
    wider.write_text(criteria.read_text().replace("value = 1000", "value = 200"))
    found = call("criteria", "diff", criteria, wider, "--data", run, "--out", tmp_path / "diff")
    assert found.code == 0
    assert "parameters.least: 1000 -> 200" in found.out
    assert (tmp_path / "diff" / "report.html").is_file()


def test_a_parameter_is_swept_and_the_chosen_value_written_with_comments_kept(call, case, tmp_path):
    criteria, _, run = case
    swept = call("criteria", "tune", criteria, "heavy-and-cheap", "--data", run, "--out", tmp_path / "tune")
    assert swept.code == 0
    assert "beaten by no other" in swept.out
    assert (tmp_path / "tune" / "report.html").is_file()
    written = call("criteria", "tune", criteria, "heavy-and-cheap", "--set", "least=2000")
    assert written.code == 0
    assert CriteriaSet.from_toml(criteria).named("heavy-and-cheap").parameters == {"least": 2000}
    assert "# the comment stays" in criteria.read_text()
    assert call("criteria", "tune", criteria, "heavy-and-cheap", "--set", "least").code == USER_MISTAKE
    assert "goes from 100 to 5000" in call("criteria", "tune", criteria, "heavy-and-cheap", "--set", "least=9000").err
    unknown = call("criteria", "tune", criteria, "heavy-and-cheep", "--data", run)
    assert "did you mean 'heavy-and-cheap'" in unknown.err


def test_proposals_are_mined_and_written_as_drafts(call, case, tmp_path):
    criteria, pipeline, run = case
    mined, page = tmp_path / "mined.toml", tmp_path / "page"
    found = call(
        *("criteria", "mine", criteria, "--data", run, "--proposals", 3),
        *("--drafts", mined, "--out", page),
    )
    assert found.code == 0
    drafts = CriteriaSet.from_toml(mined).criteria
    assert 0 < len(drafts) <= 3
    assert all(draft.id in found.out for draft in drafts)
    assert call("criteria", "check", mined, "--pipeline", pipeline).code == 0
    assert (page / "report.html").is_file()
    late = call("criteria", "mine", criteria, "--data", run, "--confirm-from", "2030-01-01")
    assert late.code == USER_MISTAKE
    assert "--confirm-from" in late.err


def test_a_criterion_goes_from_draft_to_active_and_its_way_is_audited(call, case, tmp_path):
    criteria, pipeline, run = case
    for name in ("lan", "minh"):
        assert call("keys", "new", name, "--beside", tmp_path).code == 0
    one = "heavy-and-cheap"
    assert call("criteria", "draft", criteria, one, "--by", "lan").code == 0
    early = call("criteria", "approve", criteria, one, "--by", "minh")
    assert early.code == USER_MISTAKE
    assert "draft" in early.err
    assert call("criteria", "check", criteria, "--pipeline", pipeline, "--id", one, "--by", "lan").code == 0
    tested = call("criteria", "backtest", criteria, "--data", run, "--id", one, "--by", "lan")
    assert "backtested, signed by lan" in tested.out
    assert "drafted" in call("criteria", "approve", criteria, one, "--by", "lan").err
    for step in ("approve", "shadow"):
        assert call("criteria", step, criteria, one, "--by", "minh").code == 0
    assert call("criteria", "activate", criteria, one, "--by", "minh", "--pipeline", pipeline).code == 0
    audited = call("criteria", "audit", criteria, "--json")
    assert audited.code == 0
    assert json.loads(audited.out)["criteria"][one]["state"] == "active"
    criteria.write_text(criteria.read_text().replace("hit_percentage = 50\nreason", "hit_percentage = 51\nreason"))
    edited = call("criteria", "audit", criteria)
    assert edited.code == 1
    assert "hit_percentage" in edited.out
    retired = call("criteria", "retire", criteria, one, "--by", "minh", "--reason", "it was an experiment")
    assert retired.code == 0
    assert call("criteria", "audit", criteria).code == 0
    assert call("criteria", "expire", criteria, "--by", "minh").code == USER_MISTAKE


@pytest.mark.parametrize("more", [("--write",), ("--parameter", "least"), ("--out", "swept")])
def test_a_value_is_set_or_a_parameter_is_swept_and_not_both(call, case, more):
    criteria, _, _ = case
    before = criteria.read_bytes()
    refused = call("criteria", "tune", criteria, "heavy-and-cheap", "--set", "least=500", *more)
    assert refused.code == USER_MISTAKE
    assert "--set writes a value and sweeps nothing" in refused.err
    assert criteria.read_bytes() == before


def test_a_back_test_signs_only_the_text_that_it_read(call, case, tmp_path, monkeypatch):
    criteria, _, run = case
    assert call("keys", "new", "lan", "--beside", tmp_path).code == 0
    one = "heavy-and-cheap"
    assert call("criteria", "draft", criteria, one, "--by", "lan").code == 0
    monkeypatch.setattr("workbench.cli.criteria._evidence", lambda *_: _edited(criteria))
    refused = call("criteria", "backtest", criteria, "--data", run, "--id", one, "--by", "lan")
    assert refused.code == USER_MISTAKE
    assert "changed in" in refused.err
    assert "backtested" not in criteria.with_suffix(".journal.jsonl").read_text()


def _edited(criteria: Path) -> dict[str, str]:
    """Change the set as a colleague would while a back-test runs."""
    criteria.write_text(criteria.read_text().replace("value = 1000", "value = 200"))
    return {"period": "all"}


def test_a_run_says_which_criteria_did_not_decide(call, monkeypatch, tmp_path):
    standing = {"in_force": {}, "left_out": {"a": "draft"}, "journal_head": None, "trial": False}
    summary: dict[str, Any] = {"outputs": {}, "criteria_in_force": standing}
    run = RunResult(tmp_path / "run", summary, "", None)
    monkeypatch.setattr("workbench.runner.run_pipeline", lambda *_, **__: run)
    called = call("run", "x.toml", "--out", "run")
    assert called.out == (
        "0 of 1 criteria decided; 1 left out: a (draft). Nothing was ever signed for the set: it has no journal.\n"
    )
    summary["criteria_in_force"] = standing | {"in_force": {"a": "active"}, "left_out": {}}
    assert call("run", "x.toml", "--out", "run").out == ""


def test_hits_are_written_beside_the_decisions(call, finished_run, tmp_path):
    finished_run.read("decide_raw").write_parquet(tmp_path / "raw.parquet")
    scored = call(
        *("score", finished_run.path / "bundle", tmp_path / "raw.parquet", "--as-of", "2030-01-01"),
        *("--out", tmp_path / "decisions.parquet", "--hits", tmp_path / "hits.parquet", "--no-reasons"),
    )
    assert scored.code == 0
    hits = pl.read_parquet(tmp_path / "hits.parquet")
    assert hits.height > 0
    assert set(hits["criterion"]) <= {
        one.id for one in CriteriaSet.from_toml(finished_run.pipeline.resolve("criteria.toml")).criteria
    }


def test_a_trial_on_a_run_that_has_not_drawn_writes_nothing_into_it(workbench, trained_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained_run.path, run)
    (run / "random.key").unlink()
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    criteria = trained_run.pipeline.resolve("criteria.toml")
    assert workbench("criteria", "diff", criteria, criteria, "--data", run).code == 0
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == before
