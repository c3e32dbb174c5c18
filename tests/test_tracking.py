"""Tracking: a run always ends, stale ones are closed, and the registered model is the bundle's own scorer."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from workbench.tracking import (
    CHALLENGER,
    Run,
    Store,
    Tracker,
    TrackingError,
    close_stale_runs,
    project_root,
    read_example,
    register_model,
    start_run,
)
from workbench.tracking.runs import _flatten


@pytest.fixture
def store(tmp_path, fresh_store) -> Store:
    return fresh_store(tmp_path / "mlruns")


@pytest.fixture
def run(store) -> Run:
    return start_run(store, "declarations", "run", tags={"pipeline_fingerprint": "f00d"})


def status(run: Run) -> str:
    return run.client.get_run(run.run_id).info.status


# The store


def test_the_store_lies_in_the_project_or_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_MLRUNS", raising=False)
    project = project_root(tmp_path / "pipelines" / "declarations.toml")
    assert project == tmp_path
    assert Store.of(project).uri == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    monkeypatch.setenv("WORKBENCH_MLRUNS", str(tmp_path / "elsewhere"))
    assert Store.of(project).root == tmp_path / "elsewhere"


def test_a_pipeline_outside_a_project_belongs_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_root(tmp_path / "mine" / "declarations.toml") == tmp_path


def test_a_store_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(TrackingError, match=r"failed: .*not a database.* WORKBENCH_MLRUNS"):
        Store(tmp_path).client()


def test_importing_the_package_loads_no_mlflow():
    code = "import sys, workbench.tracking, workbench.runner, workbench.lab; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Runs


def write_run_dir(folder: Path) -> Path:
    folder.mkdir()
    files = {
        "pipeline.json": {"model": {"rounds": 10, "parameters": {"eta": 0.1}}, "steps": ["a", "b"]},
        "run.json": {"given": {"rows": "5"}},
        "metrics.json": {"auc": 0.8, "precision": {"5%": 0.9, "n": 3, "bad": None, "ok": True, "inf": float("inf")}},
        "data.json": {"fingerprint": "ab" * 32, "rows": 100},
        "report.json": {},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    for name in ("notebooks/10_prepare.ipynb", "bundle/manifest.json", "dist/scorer-1-py3-none-any.whl", "dist/x.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "decisions.parquet").write_bytes(b"data stays out")
    return folder


def test_a_run_directory_is_recorded_without_its_data(run, tmp_path):
    run.log_run_dir(write_run_dir(tmp_path / "run"))
    found = run.client.get_run(run.run_id)
    assert found.data.metrics == {"auc": 0.8, "precision/5_": 0.9, "precision/n": 3.0}
    expected = {"model/rounds": "10", "model/parameters/eta": "0.1", "steps": '["a", "b"]', "given/rows": "5"}
    assert found.data.params == expected
    assert found.data.tags["data_fingerprint"] == "ab" * 32
    assert found.inputs.dataset_inputs[0].dataset.digest == "ab" * 18
    listed = {entry.path for entry in run.client.list_artifacts(run.run_id)}
    assert listed == {"bundle", "dist", "metrics.json", "notebooks", "pipeline.json", "report.json"}
    assert [entry.path for entry in run.client.list_artifacts(run.run_id, "dist")] == ["dist/scorer-1-py3-none-any.whl"]


def test_recording_twice_changes_nothing(run, tmp_path):
    folder = write_run_dir(tmp_path / "run")
    run.log_run_dir(folder)
    first = run.client.get_run(run.run_id).data.params
    run.log_run_dir(folder)
    assert run.client.get_run(run.run_id).data.params == first


def test_leaves_are_named_by_their_path():
    assert dict(_flatten({"a": {"b": 1, "c": {}}, "d": [1]})) == {"a/b": 1, "d": [1]}


@pytest.mark.parametrize(
    ("raised", "ended"), [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_tracked_block_ends_its_run_whatever_happens(store, tmp_path, raised, ended):
    tracker = Tracker(store, "declarations", tmp_path, tags={})
    with pytest.raises(raised) if raised else nullcontext(), tracker:
        assert status(tracker.run) == "RUNNING"
        if raised:
            raise raised
    assert status(tracker.run) == ended
    assert tracker.run_id == tracker.run.run_id


def test_a_store_that_fails_ends_a_good_block_with_its_error_and_never_hides_another(tmp_path):
    (tmp_path / "file").write_text("no folder")
    broken = Tracker(Store(tmp_path / "file"), "declarations", tmp_path, tags={})
    with pytest.raises(TrackingError), broken:
        pass
    assert broken.run_id == ""
    with pytest.raises(ValueError, match="the step's own"), broken:
        raise ValueError("the step's own")


def test_the_same_run_is_gone_on_with(store, run):
    run.end("FAILED")
    again = start_run(store, "declarations", "run", tags={}, run_id=run.run_id)
    assert (again.run_id, status(again)) == (run.run_id, "RUNNING")
    assert start_run(store, "declarations", "run", tags={}, run_id="0" * 32).run_id != run.run_id


def test_runs_of_dead_processes_of_this_host_are_closed_and_no_others(store, run):
    reused, dead, elsewhere = (start_run(store, "declarations", "other", tags={}) for _ in range(3))
    reused.client.set_tag(reused.run_id, "workbench.process_started_at", "1.0")
    for other in (dead, elsewhere):
        other.client.set_tag(other.run_id, "workbench.pid", str(_dead_pid()))
    elsewhere.client.set_tag(elsewhere.run_id, "workbench.host", "another-host")
    assert set(close_stale_runs(store)) == {reused.run_id, dead.run_id}
    assert {status(reused), status(dead)} == {"FAILED"}
    assert {status(run), status(elsewhere)} == {"RUNNING"}


def _dead_pid() -> int:
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join()
    return process.pid


# The registry


@pytest.fixture
def bundle(tmp_path, stand_in_bundle) -> Path:
    return stand_in_bundle(tmp_path / "run")


def test_a_registered_model_scores_as_the_bundle_does_and_takes_the_alias(run, bundle, monkeypatch):
    example = read_example(bundle.parent)
    assert register_model(run, bundle, "declarations", input_example=example) == 1
    assert register_model(run, bundle, "declarations", input_example=example) == 2
    assert int(run.client.get_model_version_by_alias("declarations", CHALLENGER).version) == 2
    run.end("FINISHED")

    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    source = run.client.get_model_version_download_uri("declarations", "2")
    model = mlflow.pyfunc.load_model(source)
    assert model.predict(example)["score"].tolist() == [5.0, 25.0]
    assert {column.name for column in model.metadata.signature.inputs} == {"declaration_id", "value_usd", "packages"}
    assert model.metadata.saved_input_example_info is not None
    folder = Path(source.removeprefix("file://"))
    assert not list(folder.rglob("*.pkl"))
    assert (folder / "code" / "workbench" / "scorer" / "schema.py").is_file()
    assert not (folder / "code" / "workbench" / "__init__.py").exists()


def test_registering_prints_nothing(run, bundle, capfd):
    register_model(run, bundle, "declarations", input_example=read_example(bundle.parent))
    assert capfd.readouterr() == ("", "")


def test_what_mlflow_refuses_is_told_with_the_store(run, bundle):
    with pytest.raises(TrackingError, match=r"mlruns failed: .*--resume"):
        register_model(run, bundle, "no/such:name", input_example=read_example(bundle.parent))


def test_a_bundle_without_an_example_is_refused(tmp_path):
    with pytest.raises(TrackingError, match=r"input_example\.parquet is missing"):
        read_example(tmp_path)
