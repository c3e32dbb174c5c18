"""The runner: contracts refuse before a kernel starts, and every end of a run is told and recorded."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from workbench import runner
from workbench.errors import ParameterError, SelectivityError, StepError
from workbench.locks import folder_held
from workbench.runner import Event, RunDirectoryError, RunState, read_contract, read_pipeline, run_pipeline
from workbench.runner.contracts import NotebookParameter
from workbench.runner.plan import refuse_secrets
from workbench.runner.progress import display
from workbench.tracking import TrackingError

PARAMETERS = """\
run_dir: str = ""  # directory of the run
rows: int = 3  # how many rows
shares: list[float] = [0.01, 0.05]  # shares of the declarations
# that are controlled
"""
WRITES = "import json, pathlib\npathlib.Path('metrics.json').write_text(json.dumps({'auc': 0.8, 'rows': rows}))"

PIPELINE = """\
[programme]
name = "declarations"
title = "Declarations"
unit = "item"
question = "Which items are controlled?"

[parameters.months]
type = "int"
help = "months of data"
default = 6

[source]
mapping = "mapping.toml"
generate = { rows = 100, months = "${months}", seed = 1 }

[features]

[model]
rounds = 10

[selection]
capacity = [{ lane = "red", share = 0.05 }]
"""


class Project:
    """A small project in a temporary folder: notebooks made of cells, and a pipeline that runs them."""

    def __init__(self, root: Path) -> None:
        self.root, self.out, self.events = root, root / "run", []
        (root / "notebooks").mkdir()
        (root / "pipelines").mkdir()
        self.path = root / "pipelines" / "declarations.toml"
        self.mapping = root / "pipelines" / "mapping.toml"
        shutil.copy(Path(__file__).parents[1] / "data" / "mappings" / "generated.toml", self.mapping)

    def notebook(self, name: str, *cells: str, parameters: str = PARAMETERS) -> None:
        content = nbformat.v4.new_notebook()
        first = nbformat.v4.new_code_cell(parameters)
        first.metadata["tags"] = ["parameters"]
        content.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
        nbformat.write(content, self.root / "notebooks" / f"{name}.ipynb")

    def pipeline(self, *steps: str, extra: str = "") -> None:
        blocks = "".join(f"[[steps]]\n{step}\n" for step in steps)
        self.path.write_text(PIPELINE + extra + blocks)

    def run(self, given: dict[str, str] | None = None, **options):
        options = {"track": False, "console": Console(file=io.StringIO()), **options}
        return run_pipeline(self.path, given or {}, self.out, on_event=self.events.append, **options)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events if event.kind != "cell"]

    def json(self, name: str) -> dict:
        return json.loads((self.out / name).read_text())


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("WORKBENCH_MLRUNS", raising=False)
    # Kernels start in the run directory, where a relative search path would lead nowhere.
    monkeypatch.setenv("PYTHONPATH", str(Path(runner.__file__).resolve().parents[2]))
    return Project(tmp_path)


def mlflow_statuses(project: Project) -> list[str]:
    from workbench.tracking import Store

    client = Store.of(project.root).client()
    experiment = client.get_experiment_by_name("declarations")
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]


# Contracts


def test_a_contract_is_read_with_types_defaults_and_help(project):
    project.notebook("10_prepare", "raise SystemExit('a contract is never executed')")
    contract = read_contract(project.root / "notebooks" / "10_prepare.ipynb")
    assert contract.parameters["rows"] == NotebookParameter("rows", "int", False, 3, "how many rows")
    assert contract.parameters["shares"].help == "shares of the declarations that are controlled"
    assert contract.settable == ["rows", "shares"]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("rows = 3  # rows", "is not 'name: type = value"),
        ("import os", "is not 'name: type = value"),
        ("rows: int = 3", "lacks the comment"),
        ("rows: dict = {}  # rows", "the type must be one of"),
        ("rows: int | str = 3  # rows", "the type must be one of"),
        ("rows: int = len('abc')  # rows", "must be a literal"),
        ("rows: int = 0.5  # rows", "'rows' must be int; found 0.5"),
        ("rows: int = ", "invalid syntax"),
    ],
)
def test_a_faulty_parameters_cell_is_refused(project, cell, fault):
    project.notebook("10_prepare", parameters=cell)
    with pytest.raises(ParameterError, match="10_prepare") as refused:
        read_contract(project.root / "notebooks" / "10_prepare.ipynb")
    assert fault in str(refused.value)


def test_a_notebook_without_a_parameters_cell_is_refused(project):
    file = project.root / "notebooks" / "bare.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), file)
    with pytest.raises(ParameterError, match="has 0 cells tagged 'parameters'"):
        read_contract(file)


@given(value=st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none()))
def test_a_value_is_taken_only_as_its_own_type(value):
    accepted = set()
    for kind in ("int", "float", "str", "bool"):
        try:
            taken = NotebookParameter("x", kind, False, None, "").check(value)
        except ParameterError:
            continue
        assert type(taken).__name__ == kind
        accepted.add(kind)
    expected = {int: {"int", "float"}, float: {"float"}, str: {"str"}, bool: {"bool"}, type(None): set()}
    assert accepted == expected[type(value)]


@given(st.lists(st.floats(allow_nan=False), max_size=5))
def test_a_list_parses_back_from_its_text(numbers):
    parameter = NotebookParameter("shares", "list[float]", False, [], "")
    assert parameter.parse(",".join(map(repr, numbers))) == numbers
    assert parameter.check(numbers) == numbers


def test_optional_parameters_take_none():
    parameter = NotebookParameter("limit", "int", True, None, "")
    assert parameter.parse("none") is None
    assert parameter.check(None) is None
    assert parameter.annotation == "int | None"


def test_a_url_with_a_password_is_refused_and_not_repeated():
    with pytest.raises(ParameterError, match=r"pipeline\.url\[0\]") as refused:
        refuse_secrets({"url": ["postgresql://reader:hunter2@host/db"]}, "pipeline")
    assert "hunter2" not in str(refused.value)
    refuse_secrets({"url": "postgresql://reader@host/db", "note": "see https://example.org:8080/a@b"}, "pipeline")


def test_a_url_that_names_the_variable_of_its_password_is_taken():
    refuse_secrets({"url": "postgresql://reader:${DB_PASSWORD}@host/db"}, "pipeline")


# Refused before a kernel starts


@pytest.mark.parametrize(
    ("given", "step", "fault"),
    [
        ({"rowz": "3"}, "", r"unknown parameter 'rowz' \(did you mean 'rows'\?\); .* take: months, rows, shares"),
        ({"rows": "many"}, "", "'rows' must be a whole number; found 'many'"),
        ({"months": "soon"}, "", "'months' must be a whole number"),
        ({"run_dir": "/tmp"}, "", "unknown parameter 'run_dir'"),
        ({}, "parameters = { rows = 0.5 }", "20_train: 'rows' must be int; found 0.5"),
        ({}, "parameters = { rowz = 5 }", r"20_train: unknown parameter 'rowz' \(did you mean 'rows'"),
        ({}, "parameters = { run_dir = 'x' }", "filled by the runner"),
    ],
)
def test_bad_parameters_start_no_kernel(project, given, step, fault):
    project.notebook("10_prepare")
    project.notebook("20_train")
    project.pipeline('notebook = "10_prepare"', f'notebook = "20_train"\n{step}')
    with pytest.raises(ParameterError, match=fault):
        project.run(given)
    assert project.events == []
    assert not project.out.exists()


def test_every_fault_of_every_step_is_told_at_once(project):
    project.notebook("10_prepare")
    project.notebook("20_train")
    project.pipeline(
        'notebook = "10_prepare"\nparameters = { rows = "x" }', 'notebook = "20_train"\nparameters = { shares = 1 }'
    )
    with pytest.raises(ParameterError, match=r"(?s)10_prepare: 'rows'.*20_train: 'shares'.*unknown|(?s:.*)") as refused:
        project.run({"nothing": "1"})
    assert all(part in str(refused.value) for part in ("10_prepare: 'rows'", "20_train: 'shares'", "'nothing'"))


def test_a_missing_notebook_is_named_with_its_nearest(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepair"')
    with pytest.raises(ParameterError, match=r"no notebook '10_prepair' .* \(did you mean '10_prepare'"):
        project.run()


def test_a_directory_with_files_in_it_is_left_alone(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    project.out.mkdir()
    (project.out / "mine.txt").write_text("kept")
    with pytest.raises(RunDirectoryError, match="is not empty"):
        project.run()
    assert [path.name for path in project.out.iterdir()] == ["mine.txt"]


# Runs


def test_a_run_leaves_notebooks_logs_state_and_summary(project, capfd):
    project.out = project.root / "run {a}"  # braces: papermill takes paths for format strings
    project.notebook("10_prepare", "print('prepared', rows, shares)", WRITES)
    project.notebook(
        "20_train", "import os\nassert os.getcwd() == run_dir\nassert os.environ['OMP_NUM_THREADS'] == '1'"
    )
    project.pipeline('notebook = "10_prepare"\nparameters = { rows = 7 }', 'notebook = "20_train"')
    result = project.run({"months": "4", "shares": "0.02"})
    assert project.kinds == ["started", "finished"] * 2
    assert "prepared 7 [0.02]" in (project.out / "logs" / "10_prepare.log").read_text()
    assert nbformat.read(project.out / "notebooks" / "20_train.ipynb", 4).metadata.papermill.exception is None
    assert read_pipeline(project.out).source.generate.months == 4
    assert result.summary == project.json("summary.json")
    assert result.summary["metrics"] == {"auc": 0.8, "rows": 7}
    assert result.summary["outputs"] == {"metrics": "metrics.json"}
    assert [step["status"] for step in project.json("run.json")["steps"]] == ["finished", "finished"]
    assert capfd.readouterr() == ("", "")


def test_a_failing_cell_names_step_cell_and_cause(project):
    project.notebook("10_prepare", "def load():\n    1 / 0\nload()")
    project.pipeline('notebook = "10_prepare"', 'notebook = "10_prepare"')
    with pytest.raises(StepError) as failed:
        project.run()
    assert str(failed.value).startswith("Step 10_prepare failed in cell [3]: ZeroDivisionError: division by zero")
    assert failed.value.exit_code == 3
    log = (project.out / "logs" / "10_prepare.log").read_text()
    assert "Traceback" in log
    assert "\x1b" not in log
    assert [step["status"] for step in project.json("run.json")["steps"]] == ["failed", "pending"]
    assert project.json("summary.json")["status"] == "failed"


def test_an_error_that_speaks_is_shown_without_its_class_or_a_trace(project):
    project.notebook(
        "10_prepare",
        "from workbench.errors import LabelError\nraise LabelError('No label is known. Widen the window.')",
    )
    project.pipeline('notebook = "10_prepare"')
    with pytest.raises(StepError) as failed:
        project.run()
    assert str(failed.value) == "Step 10_prepare failed in cell [3]: No label is known. Widen the window."


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_kernel_is_named_as_such(project):
    project.notebook("10_prepare", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    project.pipeline('notebook = "10_prepare"')
    with pytest.raises(StepError, match=r"cell \[3\]: its kernel was killed \(SIGKILL\), .* memory"):
        project.run()
    assert project.json("run.json")["status"] == "failed"


def test_a_resumed_run_goes_on_at_the_first_step_that_has_not_finished(project):
    project.notebook("10_prepare", "open('count', 'a').write('x')")
    project.notebook("20_train", "raise ValueError('not yet')")
    project.pipeline('notebook = "10_prepare"', 'notebook = "20_train"')
    with pytest.raises(StepError):
        project.run({"rows": "5"})
    project.notebook("20_train", "assert rows == 5")
    project.events.clear()
    result = project.run(resume=True)
    assert project.kinds == ["skipped", "started", "finished"]
    assert (project.out / "count").read_text() == "x"
    assert result.summary["status"] == "finished"


def test_a_run_of_another_pipeline_is_not_resumed(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    project.run()
    project.path.write_text(project.path.read_text().replace("rounds = 10", "rounds = 11"))
    with pytest.raises(RunDirectoryError, match=r"started with another \[model\] than .*--out"):
        project.run(resume=True)
    with pytest.raises(RunDirectoryError, match=r"another \[model\], other steps or parameters of steps than"):
        project.run({"rows": "9"}, resume=True)
    with pytest.raises(RunDirectoryError, match=r"started with other parameter values \(months\) than"):
        project.run({"months": "9"}, resume=True)


CRITERION = '[[criterion]]\nid = "a"\ntitle = "A"\nwhen = "{when}"\nlane = "yellow"\n'


@pytest.mark.parametrize("changed", ["mapping", "criteria"])
def test_a_run_whose_mapping_or_criteria_changed_is_not_resumed(project, changed):
    criteria = project.root / "pipelines" / "criteria.toml"
    criteria.write_text(CRITERION.format(when="hs2 = '87'"))
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"', extra='[criteria]\npath = "criteria.toml"\n')
    project.run()
    file = {"mapping": project.mapping, "criteria": criteria}[changed]
    file.write_text(file.read_text() + "# a remark\n")
    with pytest.raises(RunDirectoryError, match=rf"another content of the {changed} file .*{file.name} than"):
        project.run(resume=True)


def test_a_run_whose_journal_came_into_being_is_not_resumed(project):
    """The journal says which criteria are in force: a run has one such set from its first step to its last."""
    criteria = project.root / "pipelines" / "criteria.toml"
    criteria.write_text(CRITERION.format(when="hs2 = '87'"))
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"', extra='[criteria]\npath = "criteria.toml"\n')
    project.run()
    criteria.with_suffix(".journal.jsonl").write_text("{}\n")
    with pytest.raises(RunDirectoryError, match=r"another content of the journal file .*criteria\.journal\.jsonl than"):
        project.run(resume=True)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"mapping.toml"', '"absent.toml"', "absent.toml"),
        ("[features]", '[features]\nrates = [["importer"]]', r"'importer' \(did you mean 'importer_id'"),
        ("[features]", '[features]\nnumbers = ["violation"]', "'violation'.*no column known at lodgement"),
        ("[features]", '[criteria]\npath = "absent.toml"\n[features]', "criteria file .*absent.toml cannot be read"),
        (
            "[features]",
            '[criteria]\npath = "criteria.toml"\ndrafts = true\n[features]',
            r"criteria.toml .*\n.*hs4_hit_rate",
        ),
        (
            "generate = { rows = 100",
            'tables = [{ path = "absent.csv" }]\nold = { rows = 100',
            r"\[\[source.tables\]\] 1: .*absent.csv does not exist",
        ),
        (
            "generate = { rows = 100",
            'tables = [{ path = "mapping.csv", outcomes = "absent.csv" }]\nold = { rows = 100',
            "absent.csv does not exist",
        ),
        ("generate = { rows = 100", 'tables = [{ part = "judge" }]\nold = { rows = 100', "neither a path nor a url"),
    ],
)
def test_what_a_later_step_would_refuse_is_refused_before_the_folder_is_made(project, old, new, fault):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    (project.root / "pipelines" / "mapping.csv").write_text("number\n1\n")
    (project.root / "pipelines" / "criteria.toml").write_text(CRITERION.format(when="hs4_hit_rate > 0.5"))
    text = project.path.read_text().replace(old, new)
    project.path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("old = ")))
    with pytest.raises(SelectivityError, match=fault) as refused:
        project.run()
    assert refused.value.exit_code == 2
    assert project.events == []
    assert not project.out.exists()


def test_criteria_may_read_the_profile_columns_that_the_features_will_give(project):
    (project.root / "pipelines" / "criteria.toml").write_text(CRITERION.format(when="hs4_hit_rate > 0.5"))
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"', extra='[criteria]\npath = "criteria.toml"\ndrafts = true\n')
    project.path.write_text(project.path.read_text().replace("[features]", '[features]\nrates = [["hs4"]]'))
    assert project.run().summary["status"] == "finished"


def test_an_optional_table_that_is_not_given_is_not_looked_for(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    (project.root / "pipelines" / "rows.csv").write_text("number\n1\n")
    tables = 'tables = [{ path = "rows.csv" }, { part = "decide", optional = true }]\n'
    lines = project.path.read_text().splitlines(keepends=True)
    project.path.write_text("".join(tables if line.startswith("generate") else line for line in lines))
    assert project.run().summary["status"] == "finished"


def test_an_occupied_run_says_what_resuming_means(project):
    project.notebook("10_prepare", "1 / 0")
    project.pipeline('notebook = "10_prepare"')
    with pytest.raises(StepError):
        project.run()
    with pytest.raises(RunDirectoryError, match=r"--resume .* goes on with the parameters it was started with; for"):
        project.run({"rows": "5"})


def test_kernels_show_tables_whole(project):
    project.notebook("10_prepare", "import polars as pl\nprint(pl.DataFrame({'x': ['a' * 150] * 40}))")
    project.pipeline('notebook = "10_prepare"')
    project.run()
    assert (project.out / "logs" / "10_prepare.log").read_text().count("a" * 150) == 40


def test_what_is_no_run_is_not_resumed(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    with pytest.raises(RunDirectoryError, match=r"run\.json cannot be read"):
        project.run(resume=True)


def test_two_processes_cannot_run_in_one_directory(project):
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    code = "import sys, pathlib, time; from workbench.locks import folder_held\n"
    code += "with folder_held(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, project.out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunDirectoryError, match="Another process is running"):
            project.run()
    with folder_held(project.out):
        assert project.events == []


# Tracking around a run


def test_mlflow_keeps_a_finished_and_a_failed_run(project, fresh_store):
    fresh_store(project.root / "mlruns")
    project.notebook("10_prepare", WRITES)
    project.pipeline('notebook = "10_prepare"')
    result = project.run(track=True)
    assert [event.step for event in project.events[-2:]] == ["tracking", "tracking"]
    assert project.kinds[-2:] == ["started", "finished"]
    assert mlflow_statuses(project) == ["FINISHED"]
    assert result.mlflow_run_id == RunState.load(project.out).mlflow_run_id != ""
    project.run(resume=True, track=True)
    assert mlflow_statuses(project) == ["FINISHED"]  # the same run, gone on with
    project.notebook("10_prepare", "1 / 0")
    project.out = project.root / "second"
    with pytest.raises(StepError):
        project.run(track=True)
    assert sorted(mlflow_statuses(project)) == ["FAILED", "FINISHED"]
    assert project.json("summary.json")["mlflow_run_id"]


def test_a_bundle_that_a_step_wrote_is_registered(project, fresh_store, stand_in_bundle, tmp_path, capfd):
    store = fresh_store(project.root / "mlruns")
    stand_in_bundle(tmp_path / "made")
    copies = f"import shutil\nshutil.copytree({str(tmp_path / 'made')!r}, run_dir, dirs_exist_ok=True)"
    project.notebook("70_export", copies)
    project.pipeline('notebook = "70_export"')
    result = project.run(track=True)
    assert result.model_version == result.summary["model_version"] == 1
    assert result.summary["outputs"] == {"bundle": "bundle"}
    assert int(store.client().get_model_version_by_alias("declarations", "challenger").version) == 1
    assert mlflow_statuses(project) == ["FINISHED"]
    assert capfd.readouterr() == ("", "")


def test_a_store_that_fails_leaves_a_run_that_can_be_resumed(project):
    (project.root / "mlruns").write_text("no folder")
    project.notebook("10_prepare")
    project.pipeline('notebook = "10_prepare"')
    with pytest.raises(TrackingError, match="--resume"):
        project.run(track=True)
    assert (project.json("run.json")["status"], project.json("run.json")["steps"][0]["status"]) == (
        "failed",
        "finished",
    )
    assert project.run(resume=True).summary["status"] == "finished"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("signum", "track"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_an_interrupted_run_says_so_and_leaves_no_kernel(project, fresh_store, signum, track):
    fresh_store(project.root / "mlruns")
    project.notebook(
        "10_prepare", "import os, pathlib, time\npathlib.Path('kernel').write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    project.pipeline('notebook = "10_prepare"')
    code = "import sys; from workbench.runner import run_pipeline\n"
    code += f"run_pipeline(sys.argv[1], {{}}, sys.argv[2], track={track})"
    process = subprocess.Popen([sys.executable, "-c", code, project.path, project.out], stderr=subprocess.PIPE)
    kernel = int(wait_for(project.out / "kernel"))
    process.send_signal(signum)
    assert b"KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert project.json("run.json")["status"] == "interrupted"
    assert project.json("summary.json")["steps"][0]["status"] == "interrupted"
    assert not track or mlflow_statuses(project) == ["KILLED"]
    assert track == bool(project.json("summary.json")["mlflow_run_id"])
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.1)
    raise AssertionError(f"{path} was not written in 20 s")


# Display


def test_progress_is_plain_lines_without_a_terminal():
    sink = io.StringIO()
    with display(Console(file=sink)) as show:
        show(Event("started", "10_prepare", 1, 2))
        show(Event("cell", "10_prepare", 1, 2, cell=1, cells=4))
        show(Event("finished", "10_prepare", 1, 2, seconds=1.25))
    assert sink.getvalue() == "[1/2] 10_prepare started\n[1/2] 10_prepare finished in 1.2 s\n"


def test_progress_is_a_bar_on_a_terminal():
    sink = io.StringIO()
    with display(Console(file=sink, force_terminal=True, width=100)) as show:
        show(Event("skipped", "10_prepare", 1, 2))
        show(Event("started", "20_train", 2, 2, cells=4))
        show(Event("cell", "20_train", 2, 2, cell=1, cells=4))
        show(Event("failed", "20_train", 2, 2, cells=4, seconds=2.0))
    assert all(part in sink.getvalue() for part in ("already finished", "20_train", "failed", "0:00:0"))


def test_every_error_of_the_runner_speaks_without_a_trace():
    assert issubclass(RunDirectoryError, SelectivityError)
