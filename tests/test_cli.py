"""The command line: what each command does, and that a user's mistake is told in a sentence."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import typer
from polars.testing import assert_frame_equal

from workbench import __version__
from workbench.cli import app
from workbench.errors import StepError
from workbench.features import readable_columns
from workbench.runner import RunResult
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.scorer import DECISIONS, criteria_columns
from workbench.stages.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]
DECLARATIONS, KCS = ROOT / "pipelines" / "declarations.toml", ROOT / "pipelines" / "kcs.toml"
GROUPS = {group.name: group.typer_instance for group in app.registered_groups}
COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands]
COMMANDS += [f"{name} {one.callback.__name__}" for name, group in GROUPS.items() for one in group.registered_commands]

USER_MISTAKE, STEP_FAILED, NOTHING_READ, INTERRUPTED = 2, 3, 4, 130


@pytest.fixture
def refused(workbench) -> Callable[..., str]:
    """Call the command line with a mistake; return the message, which stands last, after a run's progress."""

    def call(*arguments: object, code: int = USER_MISTAKE) -> str:
        called = workbench(*arguments)
        assert called.code == code, called
        assert "Traceback" not in called.err + called.out
        messages = re.split(r"^workbench: ", called.err, flags=re.MULTILINE)[1:]
        assert len(messages) == 1, called.err
        return messages[0]

    return call


@pytest.fixture(scope="session")
def bundle(finished_run: RunFolder) -> Path:
    return finished_run.path / "bundle"


@pytest.fixture(scope="session")
def wheel(finished_run: RunFolder) -> Path:
    (found,) = (finished_run.path / "dist").glob("selectivity_scorer-*-py3-none-any.whl")
    return found


@pytest.fixture(scope="session")
def raw(finished_run: RunFolder, tmp_path_factory) -> Path:
    """Raw rows to decide, as a CSV file."""
    file = tmp_path_factory.mktemp("raw") / "declarations.csv"
    finished_run.read("decide_raw").head(400).write_csv(file)
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(workbench, command):
    called = workbench(*command.split(), "--help")
    assert called.code == 0
    assert f"Example: workbench {command} " in called.out


def test_every_option_of_every_command_is_explained():
    found = [typer.main.get_command(app), *map(typer.main.get_command, GROUPS.values())]
    commands = {name: command for group in found for name, command in group.commands.items()}
    assert [f"{name} {p.name}" for name in commands for p in commands[name].params if not p.help] == []


def test_the_version_is_told(workbench):
    called = workbench("--version")
    assert (called.code, called.out, called.err) == (0, f"{__version__}\n", "")


def test_without_a_command_the_commands_are_listed(workbench):
    called = workbench()
    assert all(command.split()[0] in called.out + called.err for command in COMMANDS)


def test_the_package_is_a_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", "row=5"], r"unknown parameter 'row' \(did you mean 'rows'\?\)"),
        (["-p", "replicate=5"], r"did you mean 'replicates'\?"),
        (["-p", "rows"], r"-p 'rows' is not KEY=VALUE\. Write for example"),
        (["-p", "=5"], "is not KEY=VALUE"),
        (["-p", "rows=1", "-p", "rows=2"], "rows is given twice: as '1' and as '2'"),
        (["-p", "rows=many"], "'rows' must be a whole number; found 'many'"),
        (["-p", "rows=-5"], "greater than 0; found -5, given by the parameter 'rows'"),
        (["-p", "replicates=1.5"], "'replicates' must be a whole number"),
        (["-p", "run_dir=elsewhere"], "run_dir"),
    ],
)
def test_a_faulty_parameter_is_refused_before_anything_starts(refused, tmp_path, arguments, told):
    assert re.search(told, refused("run", DECLARATIONS, "--out", tmp_path / "run", *arguments))
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_that_must_be_given_is_named_with_its_meaning(refused, tmp_path):
    message = refused("run", KCS, "--out", tmp_path / "run", "-p", "trian=x.csv")
    assert "Parameter 'train' is missing" in message
    assert "'trian' (did you mean 'train'?)" in message


def test_a_misspelt_pipeline_is_suggested(refused, tmp_path):
    message = refused("run", ROOT / "pipelines" / "declaration.toml", "--out", tmp_path / "run")
    assert "did you mean 'declarations.toml'?" in message


def test_a_new_run_cannot_go_on_with_an_old_one(refused, tmp_path):
    assert "not both" in refused("run", DECLARATIONS, "--out", tmp_path / "a", "--resume", tmp_path / "b")


def test_a_folder_that_holds_something_is_not_written_into(refused, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    assert "is not empty" in refused("run", DECLARATIONS, "--out", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_no_run_cannot_be_resumed_exported_or_tuned(refused, tmp_path):
    assert "run.json cannot be read" in refused("run", DECLARATIONS, "--resume", tmp_path)
    assert "is no run: it holds no pipeline.json" in refused("export", tmp_path, "--out", tmp_path / "exported")
    assert "is no run" in refused("tune", DECLARATIONS, "--run", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(refused, tmp_path):
    (tmp_path / "file").write_text("a file is no folder")
    out = tmp_path / "file" / "run"
    assert str(out) in refused("run", DECLARATIONS, "--out", out)
    assert str(out) in refused("generate", "--rows", 10, "--months", 1, "--out", out)


@pytest.fixture
def small_kcs(tmp_path) -> Callable[[bytes], Path]:
    """Write a table in the columns of the Korea Customs Service with the given rows, gzipped."""
    header = (
        b"Declaration ID,Date,Office ID,Process Type,Import Type,Import Use,Payment Type,Mode of Transport,"
        b"Declarant ID,Importer ID,Seller ID,Courier ID,HS6 Code,Country of Departure,Country of Origin,Tax Rate,"
        b"Tax Type,Country of Origin Indicator,Net Mass,Item Price,Fraud,Critical Fraud\n"
    )

    def write(rows: bytes, name: str = "train.csv.gz") -> Path:
        (tmp_path / name).write_bytes(gzip.compress(header + rows))
        return tmp_path / name

    return write


KCS_ROW = b"97061800,2020-01-01,30,B,11,21,11,10,ZZ,QL,0V,,440890,BE,BE,0.0,FEU1,G,108.0,372254.4,0,0\n"


def _run_kcs(refused: Callable[..., str], file: Path, out: Path, **paths: Path) -> str:
    given = {"train": file, "valid": file} | paths
    parameters = [part for name, path in given.items() for part in ("-p", f"{name}={path}")]
    return refused("run", KCS, *parameters, "--out", out, "--no-track", code=STEP_FAILED)


def test_a_truncated_file_stops_the_run_at_the_step_that_reads_it(refused, small_kcs, tmp_path):
    file = small_kcs(KCS_ROW * 500)
    file.write_bytes(file.read_bytes()[:-20])
    message = _run_kcs(refused, file, tmp_path / "run")
    assert "10_prepare" in message
    assert file.name in message
    assert not (tmp_path / "run" / "decisions.parquet").exists()
    assert not (tmp_path / "run" / "data" / "declarations.parquet").exists()


def test_a_missing_file_is_named_before_anything_starts(refused, small_kcs, tmp_path):
    given = ["-p", f"train={small_kcs(KCS_ROW)}", "-p", f"valid={tmp_path / 'absent.csv'}"]
    message = refused("run", KCS, *given, "--out", tmp_path / "run", "--no-track")
    assert "[[source.tables]] 2 (part 'judge')" in message
    assert "absent.csv does not exist" in message
    assert not (tmp_path / "run").exists()


@pytest.fixture
def stand_in_run(monkeypatch, tmp_path) -> dict[str, object]:
    """Let the runner do nothing but make the folder; `raises` in the answer makes it fail."""
    monkeypatch.chdir(tmp_path)
    told: dict[str, object] = {"raises": None, "folders": []}

    def run_pipeline(pipeline, given, out, **options):
        run_dir = Path(out).absolute()
        run_dir.mkdir(parents=True, exist_ok=True)
        told["folders"].append(run_dir)
        if told["raises"]:
            raise told["raises"]
        return RunResult(run_dir, {"outputs": {"report": "report.html"}}, "", None)

    monkeypatch.setattr("workbench.runner.run_pipeline", run_pipeline)
    return told


def test_a_finished_run_says_where_things_lie_and_what_to_do_next(workbench, stand_in_run):
    called = workbench("run", DECLARATIONS, "--out", "runs/mine")
    assert called.out.splitlines() == [
        "report       runs/mine/report.html",
        "Open runs/mine/report.html in a browser; then: make lab",
    ]
    assert not Path("runs/latest").exists()


def test_the_latest_run_of_the_default_folder_has_a_link(workbench, stand_in_run):
    assert workbench("run", DECLARATIONS).code == 0
    first = stand_in_run["folders"][0]
    assert first.parent.name == "runs"
    assert Path("runs/latest").resolve() == first
    first.rename(first.with_name("older"))
    assert workbench("run", DECLARATIONS).code == 0
    assert Path("runs/latest").resolve() == stand_in_run["folders"][1]
    workbench("run", DECLARATIONS, "--resume", "runs/latest")
    assert stand_in_run["folders"][2] == stand_in_run["folders"][1]
    assert Path("runs/latest").resolve() == stand_in_run["folders"][1]


def test_a_folder_named_latest_is_left_alone(workbench, stand_in_run):
    (Path("runs") / "latest").mkdir(parents=True)
    assert workbench("run", DECLARATIONS).code == 0
    assert not Path("runs/latest").is_symlink()
    assert sorted(path.name for path in Path("runs").iterdir()) == [stand_in_run["folders"][0].name, "latest"]


@pytest.mark.parametrize(
    ("error", "code"), [(StepError("Step failed."), STEP_FAILED), (KeyboardInterrupt(), INTERRUPTED)]
)
def test_a_run_that_stopped_says_how_to_go_on(workbench, stand_in_run, error, code):
    stand_in_run["raises"] = error
    called = workbench("run", "pipelines/my own.toml", "--out", "runs/mine")
    assert called.code == code
    assert "Go on with: workbench run 'pipelines/my own.toml' --resume runs/mine\n" in called.err


def test_a_mapping_that_does_not_fit_the_file_names_the_column(refused, tmp_path):
    file = tmp_path / "other.csv"
    file.write_text("number,day\n1,2020-01-01\n")
    assert "Declaration ID" in _run_kcs(refused, file, tmp_path / "run")


def test_generate_writes_declarations_outcomes_and_truth(workbench, tmp_path):
    called = workbench("generate", "--rows", 300, "--months", 2, "--seed", 3, "--out", tmp_path / "made")
    assert called.code == 0, called.err
    tables = {name: pl.read_parquet(tmp_path / "made" / name) for name in ("declarations", "outcomes", "truth")}
    assert tables["declarations"].height == 300
    assert tables["outcomes"].select("declaration_id", "item_no").is_duplicated().sum() == 0


def test_generate_writes_over_nothing(refused, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    refused("generate", "--rows", 10, "--months", 1, "--out", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("rows", ["0", "-1", "many"])
def test_generate_refuses_an_impossible_number_of_rows(workbench, tmp_path, rows):
    called = workbench("generate", "--rows", rows, "--out", tmp_path / "made")
    assert called.code == USER_MISTAKE
    assert "--rows" in called.err
    assert not (tmp_path / "made").exists()


def test_export_writes_a_bundle_that_loads_and_a_wheel(workbench, finished_run, tmp_path):
    called = workbench("export", finished_run.path, "--out", tmp_path / "exported")
    assert called.code == 0, called.err
    exported = ScoringBundle.load(tmp_path / "exported" / "bundle")
    before = ScoringBundle.load(finished_run.path / "bundle")
    assert exported.manifest.version == before.manifest.version
    assert [file.suffix for file in (tmp_path / "exported" / "dist").iterdir()] == [".whl"]


def test_export_writes_over_no_bundle(refused, finished_run, tmp_path):
    (tmp_path / "bundle").mkdir()
    assert "exists already" in refused("export", finished_run.path, "--out", tmp_path)
    assert list((tmp_path / "bundle").iterdir()) == []


def test_score_decides_every_row_as_the_run_did(workbench, bundle, finished_run, tmp_path):
    rows, out = tmp_path / "rows.parquet", tmp_path / "decisions.parquet"
    finished_run.read("decide_raw").write_parquet(rows)
    called = workbench("score", bundle, rows, "--out", out)
    assert called.code == 0, called.err
    decisions = pl.read_parquet(out)
    assert decisions.columns == list(DECISIONS)
    assert_frame_equal(decisions, finished_run.read("decisions"), check_exact=True)
    assert f"{decisions.height:,} rows decided" in called.out


def test_score_gives_the_same_from_the_wheel_and_from_the_bundle(workbench, bundle, wheel, raw, tmp_path):
    for name, source in (("bundle", bundle), ("wheel", wheel)):
        assert workbench("score", source, raw, "--out", tmp_path / f"{name}.parquet").code == 0
    assert (tmp_path / "bundle.parquet").read_bytes() == (tmp_path / "wheel.parquet").read_bytes()


def test_score_leaves_reasons_out_when_told(workbench, bundle, raw, tmp_path):
    assert workbench("score", bundle, raw, "--no-reasons", "--out", tmp_path / "d.parquet").code == 0
    decisions = pl.read_parquet(tmp_path / "d.parquet")
    assert decisions.height == 400
    assert decisions["reasons"].null_count() == 400


def test_score_puts_later_lodgements_into_quarantine(workbench, bundle, raw, tmp_path):
    called = workbench("score", bundle, raw, "--as-of", "2001-01-01", "--out", tmp_path / "d.parquet")
    assert called.code == NOTHING_READ
    assert "400 of them could not be read: future_date 400" in called.out
    assert re.search(
        r"workbench: No row of .* could be read\. future_date: 400 row\(s\), first .*found .*, expected", called.err
    )
    assert set(pl.read_parquet(tmp_path / "d.parquet")["lane"]) == {"yellow"}


@pytest.fixture
def unscored(refused, raw, bundle, tmp_path) -> Callable[..., str]:
    """Score with a mistake; nothing may be left where the decisions would have been."""

    def call(*, source: object = raw, scorer: object = bundle, out: Path = tmp_path / "out" / "d.parquet") -> str:
        (tmp_path / "out").mkdir()
        message = refused("score", scorer, source, "--out", out)
        assert list((tmp_path / "out").iterdir()) == []
        return message

    return call


def test_score_names_an_input_that_is_missing(unscored, tmp_path):
    assert "absent.csv" in unscored(source=tmp_path / "absent.csv")


def test_score_names_a_column_that_the_input_lacks(unscored, raw, tmp_path):
    file = tmp_path / "less.csv"
    pl.read_csv(raw, infer_schema=False).drop("net_mass_kg").write_csv(file)
    assert "net_mass_kg" in unscored(source=file)


def test_score_refuses_a_truncated_file(unscored, raw, tmp_path):
    file = tmp_path / "cut.csv.gz"
    file.write_bytes(gzip.compress(raw.read_bytes())[:-100])
    message = unscored(source=file)
    assert "cut.csv.gz" in message
    assert "truncated" in message


def test_score_refuses_a_file_of_another_kind(unscored, tmp_path):
    file = tmp_path / "table.parquet"
    file.write_bytes(b"this is no Parquet file")
    assert "table.parquet" in unscored(source=file)


def test_score_refuses_an_empty_file(unscored, tmp_path):
    (tmp_path / "empty.csv").touch()
    assert "empty.csv" in unscored(source=tmp_path / "empty.csv")


def test_score_refuses_to_write_anything_but_parquet(unscored, tmp_path):
    assert "must end in .parquet" in unscored(out=tmp_path / "out" / "d.csv")


def test_score_names_a_folder_that_does_not_exist(unscored, tmp_path):
    assert "its folder does not exist" in unscored(out=tmp_path / "nowhere" / "d.parquet")


def test_score_refuses_a_bundle_that_was_changed(unscored, bundle, tmp_path):
    changed = shutil.copytree(bundle, tmp_path / "changed")
    policy = changed / "policy.json"
    policy.write_text(policy.read_text("utf-8").replace("0.1", "0.9", 1), encoding="utf-8")
    assert "policy.json was changed after export" in unscored(scorer=changed)


def test_score_refuses_a_bundle_that_lost_a_file(unscored, bundle, tmp_path):
    lost = shutil.copytree(bundle, tmp_path / "lost")
    (lost / "criteria.json").unlink()
    assert "criteria.json (missing)" in unscored(scorer=lost)


def test_score_refuses_a_truncated_wheel(unscored, wheel, tmp_path):
    cut = tmp_path / wheel.name
    cut.write_bytes(wheel.read_bytes()[:-200])
    assert "not a readable wheel" in unscored(scorer=cut)


def test_score_given_a_run_names_its_bundle(unscored, finished_run):
    assert f"Did you mean {finished_run.path / 'bundle'}?" in unscored(scorer=finished_run.path)


@pytest.mark.parametrize("name", ["absent", "absent.whl", "notes.txt"])
def test_score_refuses_what_is_no_bundle(unscored, tmp_path, name):
    (tmp_path / "notes.txt").write_text("no bundle")
    assert "is neither a bundle directory nor a .whl file" in unscored(scorer=tmp_path / name)


def test_the_columns_checked_before_a_run_are_those_that_its_scorer_gives(finished_run):
    given = criteria_columns(finished_run.read_model("final"))
    assert readable_columns(finished_run.pipeline.features) == given


def test_the_lab_needs_notebooks(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no folder notebooks/" in refused("lab", "--no-browser")


def test_an_interruption_is_no_stack_trace(workbench, monkeypatch, tmp_path):
    def interrupted(*given: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.synthetic.generate", interrupted)
    called = workbench("generate", "--out", tmp_path / "made")
    assert called.code == INTERRUPTED
    assert "Traceback" not in called.err
