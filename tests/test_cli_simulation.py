"""The commands simulate and experiments: as a user calls them, stops them, goes on with them and gets them wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from workbench.cli.simulation import _Lines
from workbench.config import load_pipeline
from workbench.errors import SourceError
from workbench.runner.kernels import execute
from workbench.simulation.course import Course
from workbench.simulation.jobs import Failure, SimulationError
from workbench.simulation.parallel import run_all
from workbench.simulation.recorded import RecordedWorld
from workbench.simulation.results import SimulationResults
from workbench.simulation.settings import Learning, Settings
from workbench.simulation.study import Study
from workbench.simulation.worlds import open_worlds, repeated_share
from workbench.synthetic.config import WorldConfig
from workbench.synthetic.world import simulate_world

ROOT = Path(__file__).resolve().parents[1]
USER_MISTAKE, STEP_FAILED, INTERRUPTED = 2, 3, 130
START_WEEKS, WEEKS = 4, 9
PIPELINE = f"""
[programme]
name = "small"
title = "A small programme"
unit = "declaration item"
question = "Does it hold?"

[source]
mapping = "{ROOT / "data" / "mappings" / "generated.toml"}"

[[source.tables]]
path = "declarations.parquet"
outcomes = "outcomes.parquet"

[split]
judge_weeks = 4
decide_weeks = 3

[features]
folds = 3
rates = [["importer_id"], ["hs2"]]
numbers = ["duty_rate", "customs_value_usd"]

[model]
rounds = 10

[simulation]
rounds = 5
checkpoint_weeks = 1

[selection]
model_lanes = ["red"]

[[selection.capacity]]
lane = "red"
share = 0.10

[[steps]]
notebook = "10_prepare"
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    """The TOML of a programme of 2,400 items over 13 weeks, all of whose labels are known."""
    folder = tmp_path_factory.mktemp("programme")
    world = simulate_world(rows=2400, months=3, seed=5, config=WorldConfig(violation_rate=0.2))
    known = world.outcomes.with_columns(
        violation=world.truth["fraudulent"].cast(pl.Int8),
        critical_violation=pl.lit(None, pl.Int8),
        recovered_duty_usd=world.truth["duty_evaded_usd"],
        label_known_at=world.declarations["lodged_at"] + pl.duration(days=2),
    )
    world.declarations.write_parquet(folder / "declarations.parquet")
    known.write_parquet(folder / "outcomes.parquet")
    (folder / "small.toml").write_text(PIPELINE)
    return folder / "small.toml"


@pytest.fixture(scope="module")
def study(pipeline) -> Study:
    programme = load_pipeline(pipeline)
    return Study.of(programme, ["model", "model+random:0.2"], Settings(Learning.of(programme)))


@pytest.fixture(scope="module")
def finished(study, tmp_path_factory) -> Path:
    """The folder of a finished simulation of two policies; tests only read it."""
    folder = tmp_path_factory.mktemp("simulated") / "sim"
    study.run(folder)
    return folder


def tables(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.read_parquet(folder / "weeks.parquet"), pl.read_parquet(folder / "arms.parquet")


def assert_same(one: Path, other: Path) -> None:
    for left, right in zip(tables(one), tables(other), strict=True):
        assert_frame_equal(left, right, check_exact=True)


# --- what a user sees ------------------------------------------------------------------------------------------------


def test_policies_are_simulated_told_and_reported(workbench, pipeline, tmp_path):
    out = tmp_path / "sim"
    asked = ("--policy", "model", "--policy", "random", "--rate", "0.2", "--weeks", "5", "--workers", "1")
    done = workbench("simulate", pipeline, "--out", out, *asked)
    assert done.code == 0, done.err
    assert done.out.startswith("5 weeks, 20 % of the goods controlled")
    assert "report.html" in done.out
    found = SimulationResults.read(out)
    assert found.settings["title"] == "A small programme"
    assert found.weeks.group_by("policy").agg(pl.col("seats").sum())["seats"].n_unique() == 1
    assert set(found.arms["arm"]) == {"model", "random"}
    assert "Which policy should choose the controls" in (out / "report.html").read_text()


def test_without_a_policy_the_model_is_tried_with_and_without_a_lot(workbench, pipeline, tmp_path):
    out = tmp_path / "sim"
    assert workbench("simulate", pipeline, "--out", out, "--weeks", "2", "--workers", "1").code == 0
    assert set(SimulationResults.read(out).weeks["policy"]) == {"model", "model+random:0.1"}


def test_simulations_are_set_side_by_side(workbench, study, finished, tmp_path):
    again = shutil.copytree(finished, tmp_path / "again")
    done = workbench("experiments", finished, again, "--out", tmp_path / "experiments")
    assert done.code == 0
    assert "sim, 10 % controlled: " in done.out
    assert (tmp_path / "experiments" / "report.html").is_file()
    alone = workbench("experiments", finished, "--out", tmp_path / "more")
    assert alone.code == USER_MISTAKE
    assert "give two folders" in alone.err
    refused = workbench("experiments", finished, tmp_path / "nowhere", "--out", tmp_path / "more")
    assert refused.code == USER_MISTAKE
    assert "no finished simulation" in refused.err
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "modle"), "did you mean 'model'"),
        (("--policy", "model", "--policy", " model"), "given twice"),
        (("--rate", "1.5"), "rate is 1.5"),
        (("--rate", "-0.1"), "rate is -0.1"),
        (("--rate", "0"), "controls nothing"),
        (("--plan", "lineer"), "did you mean 'linear'"),
        (("--weeks", "99"), "--weeks 99 is more than there are: the records have 9 weeks after a start of 4"),
        (("--weeks", "0"), "weeks is 0"),
        (("--start-weeks", "40"), "no week is left to simulate"),
        (("--mask", "randm:0.1"), "mask"),
        (("--replications", "0"), "0 replications"),
        (("--workers", "0"), "--workers 0 can simulate nothing"),
        (("--policy", "m" * 9_999), "has 9,999 characters; expected at most 500"),
        (("-p", "rows=3"), "Unknown parameter 'rows'"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_left_behind(workbench, pipeline, tmp_path, options, said):
    done = workbench("simulate", pipeline, "--out", tmp_path / "sim", *options)
    assert done.code in (USER_MISTAKE, STEP_FAILED)
    assert said in done.err
    assert not (tmp_path / "sim").exists()


def test_a_pipeline_without_its_data_is_named(workbench, pipeline, tmp_path):
    shutil.copy(pipeline, tmp_path / "alone.toml")
    done = workbench("simulate", tmp_path / "alone.toml", "--out", tmp_path / "sim")
    assert done.code == USER_MISTAKE
    assert "declarations.parquet" in done.err
    assert not (tmp_path / "sim").exists()


# --- a folder is one simulation --------------------------------------------------------------------------------------


def test_a_folder_with_something_else_is_refused_and_stays_as_it_was(workbench, pipeline, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    done = workbench("simulate", pipeline, "--out", tmp_path)
    assert done.code == USER_MISTAKE
    assert "is not empty" in done.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("command", ["plan", "drift", "selected-labels"])
def test_a_page_of_another_command_does_not_take_its_place(workbench, finished, command):
    before = sorted(finished.iterdir())
    done = workbench(command, finished, "--out", finished)
    assert done.code != 0
    assert "is not empty and holds no" in done.err
    assert sorted(finished.iterdir()) == before


def test_a_simulation_is_neither_overwritten_nor_gone_on_with_by_other_settings(workbench, pipeline, finished):
    same = ("--policy", "model", "--policy", "model+random:0.2", "--workers", "1")
    again = workbench("simulate", pipeline, "--out", finished, *same)
    assert again.code == USER_MISTAKE
    assert "--resume" in again.err
    other = workbench("simulate", pipeline, "--out", finished, *same, "--resume", "--rate", "0.2", "--seed", "3")
    assert other.code == USER_MISTAKE
    assert "rate was 0.1, is now 0.2; seed was 17, is now 3" in other.err
    fewer = workbench("simulate", pipeline, "--out", finished, "--policy", "model", "--resume")
    assert "policies was model, model+random:0.2, is now model" in fewer.err


def test_another_model_in_the_pipeline_is_named(workbench, pipeline, finished, tmp_path):
    for file in pipeline.parent.iterdir():
        shutil.copy(file, tmp_path)
    text = pipeline.read_text().replace("rounds = 5", "rounds = 6")
    (tmp_path / "small.toml").write_text(text)
    policies = ("--policy", "model", "--policy", "model+random:0.2")
    done = workbench("simulate", tmp_path / "small.toml", "--out", finished, *policies, "--resume")
    assert "another [simulation]" in done.err


def test_there_must_be_something_to_go_on_with(workbench, pipeline, tmp_path):
    done = workbench("simulate", pipeline, "--out", tmp_path / "sim", "--resume")
    assert done.code == USER_MISTAKE
    assert "no simulation to go on with" in done.err
    assert not (tmp_path / "sim").exists()


def test_what_is_finished_is_not_simulated_again(study, finished, tmp_path, monkeypatch):
    folder = tmp_path / "sim"
    shutil.copytree(finished, folder)
    (folder / "weeks.parquet").unlink()

    def nothing_to_do(self: Course, weeks: int) -> None:
        raise AssertionError("a week was simulated again")

    monkeypatch.setattr(Course, "go_on", nothing_to_do)
    told: list[int] = []
    study.run(folder, tell=lambda phase, done: told.append(done))
    assert_same(folder, finished)
    assert told[-1] == study.weeks_in_all == 2 * WEEKS


def test_what_was_stopped_goes_on_as_if_it_had_not_been(study, finished, tmp_path):
    def stop(phase: str, done: int) -> None:
        if done == WEEKS + 3:
            raise KeyboardInterrupt

    folder = tmp_path / "sim"
    with pytest.raises(KeyboardInterrupt):
        study.run(folder, tell=stop)
    assert not (folder / "weeks.parquet").exists()
    study.check_folder(folder, resume=True)
    study.run(folder)
    assert_same(folder, finished)


def test_a_run_that_raises_is_named_and_what_the_others_found_is_kept(study, finished, tmp_path, monkeypatch):
    folder, go_on = tmp_path / "sim", Course.go_on

    def raises_in_week_4(self: Course, weeks: int) -> None:
        if self.next_week == 4 and "random" in self.name:
            raise ZeroDivisionError("by the policy")
        go_on(self, weeks)

    with monkeypatch.context() as broken:
        broken.setattr(Course, "go_on", raises_in_week_4)
        with pytest.raises(SimulationError) as error:
            study.run(folder)
    assert str(error.value).startswith(
        "1 of 2 runs failed:\n  policy 'model+random:0.2', replication 0, week 4: ZeroDivisionError: by the policy"
    )
    (log,) = folder.glob("runs/*/error.log")
    assert "raises_in_week_4" in log.read_text()
    assert len(list(folder.glob("runs/model-*/checkpoints/week-*"))) == 1
    assert not (folder / "weeks.parquet").exists()
    study.run(folder)
    assert_same(folder, finished)


def test_many_failures_are_told_in_few_lines():
    failures = [Failure(f"p{number}", 0, number, "no reason") for number in range(5)]
    message = str(SimulationError.of(failures, 9))
    assert "policy 'p1', replication 0, week 1: no reason" in message
    assert "and 2 more" in message
    assert "p4" not in message


def test_lines_tell_how_long_it_will_take(monkeypatch, capsys):
    clock = iter([100.0, 104.0, 140.0, 141.0, 180.0, 190.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = _Lines(100)
    for done in (50, 51, 59, 60, 75, 100):
        lines("weeks simulated", done)
    # From 50 on: the first half was done by an earlier call. The line at 51 comes too soon after the one before.
    assert capsys.readouterr().err.splitlines() == [
        "weeks simulated: 50 of 100",
        "weeks simulated: 59 of 100, about 3 min left",
        "weeks simulated: 60 of 100, about 3 min left",
        "weeks simulated: 75 of 100, about 80 s left",
        "weeks simulated: 100 of 100",
    ]


@pytest.mark.parametrize(("done_before", "kept"), [(0, 0), (1, 1), (3, 3)])
def test_an_interrupt_says_what_is_kept_and_going_on_ends_it(
    workbench, pipeline, tmp_path, monkeypatch, done_before, kept
):
    out, go_on = tmp_path / "sim", Course.go_on
    asked = ("simulate", pipeline, "--out", out, "--policy", "model", "--workers", "1", "--weeks", "4")

    def interrupted(self: Course, weeks: int) -> None:
        if self.next_week == done_before:
            raise KeyboardInterrupt
        go_on(self, weeks)

    with monkeypatch.context() as broken:
        broken.setattr(Course, "go_on", interrupted)
        stopped = workbench(*asked)
    assert stopped.code == INTERRUPTED
    assert (f"{kept} of 4 weeks are kept in" if kept else "No week was done, so none is kept in") in stopped.err
    refused = workbench("experiments", out, "--out", tmp_path / "page")
    assert f"1 of 1 runs are unfinished: model, replication 0 ({kept} of 4 weeks)" in refused.err
    assert workbench(*asked, "--resume").code == 0


def test_other_data_under_the_same_names_are_not_gone_on_with(workbench, pipeline, tmp_path):
    for file in pipeline.parent.iterdir():
        shutil.copy(file, tmp_path)
    asked = ("simulate", tmp_path / "small.toml", "--out", tmp_path / "sim", "--policy", "random", "--workers", "1")
    assert workbench(*asked).code == 0
    outcomes = pl.read_parquet(tmp_path / "outcomes.parquet")
    turned = pl.when(pl.int_range(pl.len()) == pl.len() - 1).then(1 - pl.col("violation")).otherwise("violation")
    outcomes.with_columns(violation=turned.cast(pl.Int8)).write_parquet(tmp_path / "outcomes.parquet")
    again = workbench(*asked, "--resume")
    assert again.code == USER_MISTAKE
    assert "its goods or their results were others" in again.err


def test_a_study_that_lacks_only_its_results_says_so(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "sim")
    (tmp_path / "sim" / "weeks.parquet").unlink()
    with pytest.raises(SourceError, match=r"all 2 runs are done, but their results are not written.*--resume"):
        SimulationResults.read(tmp_path / "sim")


def test_the_grammar_of_policies_is_listed(workbench):
    listed = workbench("simulate", "--policies")
    assert listed.code == 0
    assert "the arm without a share takes the rest" in listed.out
    assert "thompson: By a rate drawn" in listed.out


def test_the_share_of_repeated_records_counts_what_was_lodged_before(study):
    world = study.worlds.world_of(0)
    assert isinstance(world, RecordedWorld)
    again = world.goods.with_columns(
        declaration_id=pl.col("declaration_id") + "x", lodged_at=pl.col("lodged_at").dt.offset_by("1s")
    )
    twice = RecordedWorld.of(pl.concat([world.goods, again]), _labels(world), start_weeks=START_WEEKS)
    alone = repeated_share(world, WEEKS)
    assert alone < 0.05
    assert repeated_share(twice, WEEKS) == pytest.approx(0.5, abs=0.05)


def _labels(world: RecordedWorld) -> pl.DataFrame:
    return world.truth.head(50)


def test_a_pipeline_that_generates_its_data_has_a_world_that_reacts():
    programme = load_pipeline(ROOT / "pipelines" / "declarations.toml")
    worlds = open_worlds(programme, Settings(Learning.of(programme), weeks=12))
    assert (worlds.kind, worlds.weeks, worlds.repeated_share) == ("generated", 12, None)
    assert [event["week"] for event in worlds.events] == [
        change.week for change in programme.simulation.world.changes if 0 <= change.week < 12
    ]


# --- the notebook ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_notebook_simulates_and_opens_what_is_there(pipeline, finished, tmp_path):
    notebook = ROOT / "notebooks" / "simulation.ipynb"
    small = {"pipeline": str(pipeline), "weeks": 3, "policies": ["model", "random"]}
    for name, parameters in (
        ("made", {"run_dir": str(tmp_path / "new"), **small}),
        ("opened", {"run_dir": str(finished)}),
    ):
        output = tmp_path / f"{name}.ipynb"
        log = tmp_path / "log.txt"
        execute(notebook, output, log, parameters, run_dir=tmp_path, step="simulation", on_cell=lambda cell: None)
        outputs = [out for cell in nbformat.read(output, 4).cells for out in cell.get("outputs", [])]
        said = " ".join(out.get("text", "") for out in outputs)
        assert "With 10" in said
        html = [out["data"]["text/html"] for out in outputs if "data" in out]
        assert len(html) == 5
        assert "<iframe" in "".join(html[-1])
    assert SimulationResults.read(tmp_path / "new").weeks["week"].n_unique() == 3
    assert (tmp_path / "new" / "report.html").is_file()


@pytest.mark.slow
def test_the_notebook_runs_a_small_world_where_nothing_is_to_be_opened(tmp_path):
    notebook, out = ROOT / "notebooks" / "simulation.ipynb", tmp_path / "new"
    execute(
        *(notebook, tmp_path / "made.ipynb", tmp_path / "log.txt", {"run_dir": str(out), "policies": ["random"]}),
        run_dir=notebook.parent,
        step="simulation",
        on_cell=lambda cell: None,
    )
    assert SimulationResults.read(out).weeks["week"].n_unique() == 12
    assert (out / "report.html").is_file()


# --- several processes -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_workers_find_what_one_does(study, finished, tmp_path):
    told: list[int] = []
    study.run(tmp_path / "sim", workers=2, tell=lambda phase, done: told.append(done))
    assert_same(tmp_path / "sim", finished)
    assert max(told) == study.weeks_in_all


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(study, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.simulation.parallel._START_SECONDS", 1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Exception, match="No Dask scheduler answers") as error:
            run_all(study.jobs(tmp_path), scheduler=address)
    assert "--scheduler" in str(error.value)


@pytest.fixture
def begun(pipeline, tmp_path) -> Callable[..., tuple[subprocess.Popen[str], list[psutil.Process], Path]]:
    """Begin a simulation in a process of its own; give it, its two workers and its folder once a week is done."""
    out = tmp_path / "sim"

    def begin() -> tuple[subprocess.Popen[str], list[psutil.Process], Path]:
        command = ["simulate", pipeline, "--out", out, "--policy", "model", "--policy", "model+random:0.2"]
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.cli", *map(str, command), "--workers", "2"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while not list(out.glob("runs/*/checkpoints/week-*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        return process, [one for one in children if "spawn_main" in " ".join(one.cmdline())], out

    return begin


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_and_nobody_else_is_listened_to(begun, finished):
    process, workers, out = begun()
    for one in (psutil.Process(process.pid), *workers):
        listening = [c.laddr.ip for c in one.net_connections() if c.status == psutil.CONN_LISTEN]
        assert set(listening) <= {"127.0.0.1"}
    assert len(workers) == 2
    workers[0].kill()
    told, faults = process.communicate(timeout=120)
    assert process.returncode == 0, faults
    assert "model+random:0.2" in told
    assert_same(out, finished)


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(begun, study, finished):
    process, workers, out = begun()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "--resume" in said
    assert "Traceback" not in said
    psutil.wait_procs(workers, timeout=10)
    assert not [one for one in workers if one.is_running()]
    assert json.loads((out / "study.json").read_bytes())["rate"] == 0.1
    study.check_folder(out, resume=True)
    study.run(out)
    assert_same(out, finished)
