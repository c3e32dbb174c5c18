"""Whole programmes: raw tables in, a decision for every row out, with report, registered model and scorer."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workbench.config import load_pipeline
from workbench.errors import SelectivityError
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.scorer import DECISIONS
from workbench.stages.evaluating import evaluate
from workbench.stages.explaining import explain_judged
from workbench.stages.exporting import export
from workbench.stages.folder import RunFolder
from workbench.stages.prepare import prepare
from workbench.stages.reporting import report
from workbench.stages.selecting import select_lanes
from workbench.stages.training import train_and_judge

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
LABELS = ["Fraud", "Critical Fraud"]
LATER = datetime(2030, 1, 1)
ROUTES = ["CN", "JP", "US", "DE", "VN", "KR"]


def kcs_table(rows: int, first: datetime, days: int, seed: int) -> pl.DataFrame:
    """Make up declarations in the columns of the Korea Customs Service; fraud depends on goods, origin and duty."""
    rng = np.random.default_rng(seed)
    goods = rng.integers(0, 40, rows)
    origin, departure = rng.integers(0, len(ROUTES), (2, rows))
    duty = rng.choice([0.0, 6.5, 8.0, 13.0], rows)
    fraud = rng.random(rows) < np.where((goods * 7 + origin * 3) % 11 < 2, 0.8, 0.08)
    mass = rng.lognormal(4, 1, rows).round(1)
    names = {name: rng.integers(0, 300, rows) for name in ("Declarant", "Importer", "Seller", "Courier")}
    return pl.DataFrame(
        {
            "Declaration ID": rng.permutation(rows) + 10_000_000 * (seed + 1),
            "Date": [(first + timedelta(days=int(day))).date().isoformat() for day in rng.integers(0, days, rows)],
            "Office ID": rng.choice([10, 20, 30, 40], rows),
            "Process Type": "B",
            "Import Type": 11,
            "Import Use": 21,
            "Payment Type": 11,
            "Mode of Transport": rng.choice([10, 40], rows),
            **{f"{name} ID": [f"{name[0]}{number}" for number in numbers] for name, numbers in names.items()},
            "HS6 Code": [f"{10_000 + number * 18_021:06d}" for number in goods],
            "Country of Departure": [ROUTES[place] for place in departure],
            "Country of Origin": [ROUTES[place] for place in origin],
            "Tax Rate": duty,
            "Tax Type": rng.choice(["A", "C", "FCN1"], rows),
            "Country of Origin Indicator": rng.choice(["E", "G", "Y"], rows),
            "Net Mass": mass,
            "Item Price": (mass * rng.lognormal(9, 0.5, rows)).round(1),
            "Fraud": fraud.astype(int),
            "Critical Fraud": np.where(fraud, rng.choice([1, 2], rows), 0),
        }
    )


TRAIN = kcs_table(3000, datetime(2020, 1, 1), 366, seed=0)
VALID = kcs_table(800, datetime(2021, 1, 1), 90, seed=1)
TEST = kcs_table(700, datetime(2021, 4, 1), 90, seed=2)
TEST[5, "Net Mass"] = -1.0
POISON = {name: pl.lit("none of your business") for name in LABELS}


def run_stages(run: RunFolder) -> RunFolder:
    """Do what the notebooks do, without kernels."""
    prepare(run, as_of=LATER)
    train_and_judge(run)
    evaluate(run, replicates=10, seed=17)
    explain_judged(run, top_rows=20, sample_rows=50, seed=17)
    select_lanes(run, as_of=LATER)
    report(run)
    export(run)
    return run


@pytest.fixture(scope="session")
def make_kcs(tmp_path_factory) -> Callable[[pl.DataFrame], RunFolder]:
    """Make the directory of a run of pipelines/kcs.toml on the made-up tables and the given test table."""

    def make(test: pl.DataFrame) -> RunFolder:
        folder = tmp_path_factory.mktemp("kcs")
        files = {"train": TRAIN, "valid": VALID, "test": test}
        for name, table in files.items():
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(table.write_csv().encode()))
        given = {name: str(folder / f"{name}.csv.gz") for name in files}
        return RunFolder.create(folder / "run", load_pipeline(PIPELINES / "kcs.toml", given))

    return make


@pytest.fixture(scope="session")
def kcs_run(make_kcs) -> RunFolder:
    return run_stages(make_kcs(TEST))


def test_kcs_decides_every_row_of_the_test_file_in_its_order(kcs_run):
    decisions = kcs_run.read("decisions")
    assert decisions.columns == list(DECISIONS)
    assert decisions["declaration_id"].to_list() == TEST["Declaration ID"].cast(pl.String).to_list()
    assert decisions["lane"].null_count() == 0
    assert decisions["score"].is_between(0, 1, closed="none").sum() == TEST.height - 1


def test_kcs_decides_the_row_that_cannot_be_scored(kcs_run):
    (row,) = kcs_run.read("decisions").filter(pl.col("score").is_null()).to_dicts()
    assert row["declaration_id"] == str(TEST[5, "Declaration ID"])
    assert (row["lane"], row["cause"]) == ("yellow", "quarantine:negative_mass")
    assert kcs_run.read("quarantine")["part"].to_list() == ["decide"]


def test_kcs_finds_the_fraud_that_was_planted(kcs_run):
    metrics = kcs_run.read_json("metrics")
    base_rate = VALID["Fraud"].mean()
    assert metrics["auc"] > 0.75
    assert metrics["precision_at_5pct"] > 2 * base_rate
    ranked = kcs_run.read("decisions").with_columns(fraud=TEST["Fraud"]).sort("score", descending=True, nulls_last=True)
    assert ranked["fraud"].head(35).mean() > 2 * base_rate


def test_kcs_never_reads_the_labels_of_the_test_file(kcs_run, make_kcs):
    """Text in the label columns changes nothing that is learnt from and nothing that is decided."""
    poisoned = make_kcs(TEST.with_columns(**POISON))
    prepare(poisoned, as_of=LATER)
    for table in ("declarations", "outcomes", "quarantine", "decide_raw"):
        assert_frame_equal(poisoned.read(table), kcs_run.read(table), check_exact=True)
    assert not set(LABELS) & set(poisoned.read("decide_raw").columns)
    shutil.copytree(kcs_run.path / "models", poisoned.path / "models")
    shutil.copy(kcs_run.path / "random.key", poisoned.path)
    select_lanes(poisoned, as_of=LATER)
    assert_frame_equal(poisoned.read("decisions"), kcs_run.read("decisions"), check_exact=True)


def test_the_labels_of_a_part_that_teaches_are_read(make_kcs):
    """The poison works: where labels are read it stops the run, so its silence above means that they are not."""
    run = make_kcs(TEST)
    train = Path(run.pipeline.source.tables[0].path)
    train.write_bytes(gzip.compress(TRAIN.with_columns(**POISON).write_csv().encode()))
    with pytest.raises(SelectivityError, match="No label is known among the 3,000"):
        run_stages(run)


def test_kcs_decides_without_label_columns_at_all(kcs_run):
    bundle = ScoringBundle.load(kcs_run.path / "bundle")
    raw = TEST.drop(LABELS).with_columns(pl.all().cast(pl.String))
    assert_frame_equal(bundle.score(raw), kcs_run.read("decisions"), check_exact=True)


def test_kcs_reports_the_question_of_its_programme(kcs_run):
    page = json.loads((kcs_run.path / "report.json").read_bytes())
    assert "Which import declarations should be inspected?" in json.dumps(page)
    assert (kcs_run.path / "report.html").stat().st_size > 10_000


def test_no_declaration_of_a_run_is_lost(finished_run, small_world):
    """Decided and quarantined rows together are the rows read, and the deciding part is decided whole."""
    key = ["declaration_id", "item_no"]
    declarations, quarantine = finished_run.read("declarations"), finished_run.read("quarantine")
    assert declarations.height + quarantine.height == small_world.declarations.height
    decided = finished_run.read("decisions").select(key)
    to_decide = declarations.filter(pl.col("part") == "decide").select(key)
    assert to_decide.height > 0
    assert to_decide.join(decided, on=key, how="anti").is_empty()
    assert_frame_equal(decided, finished_run.read("decide_raw").select(key), check_dtypes=False)


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a user with an MLflow store of their own."""
    store = tmp_path_factory.mktemp("store")
    return {**os.environ, "WORKBENCH_MLRUNS": str(store), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}


def call(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done


FEWER = ("-p", "rows=40000", "-p", "replicates=20", "-p", "sample_rows=200")
"""About one item in a thousand has a violation that was found: fewer rows leave the model nothing to learn."""


@pytest.fixture(scope="session")
def demo(environment, tmp_path_factory) -> Path:
    """The directory of `workbench run pipelines/declarations.toml` on fewer items: kernels, MLflow and all."""
    out = tmp_path_factory.mktemp("demo") / "run"
    call(environment, "-m", "workbench.cli", "run", PIPELINES / "declarations.toml", *FEWER, "--out", out)
    return out


@pytest.mark.slow
def test_a_run_finishes_and_says_so(demo):
    summary = json.loads((demo / "summary.json").read_bytes())
    assert summary["status"] == "finished"
    assert [step["status"] for step in summary["steps"]] == ["finished"] * 7
    assert set(summary["outputs"]) >= {"report", "report_data", "metrics", "decisions", "bundle", "wheel"}
    assert all((demo / path).exists() for path in summary["outputs"].values())
    assert 0 <= summary["metrics"]["auc"] <= 1
    assert summary["data_fingerprint"]


@pytest.mark.slow
def test_a_run_leaves_executed_notebooks_and_logs(demo):
    executed = {file.stem: json.loads(file.read_bytes()) for file in (demo / "notebooks").glob("*.ipynb")}
    assert len(executed) == 7
    assert {file.stem for file in (demo / "logs").glob("*.log")} == set(executed)
    for notebook in executed.values():
        counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert None not in counts
    text = (demo / "report.html").read_text("utf-8")
    assert "Which declarations should be controlled" in text
    assert "Content-Security-Policy" in text


@pytest.mark.slow
def test_a_runs_decisions_cover_the_part_to_decide(demo):
    run = RunFolder.open(demo)
    decisions, raw = run.read("decisions"), run.read("decide_raw")
    assert_frame_equal(
        decisions.select("declaration_id", "item_no"), raw.select("declaration_id", "item_no"), check_dtypes=False
    )
    to_decide = run.read("declarations").filter(pl.col("part") == "decide")
    assert to_decide.join(decisions, on=["declaration_id", "item_no"], how="anti").is_empty()
    assert {"model", "random", "none"} <= set(decisions["cause"])


_LOOK_UP = """
import json, sys
from pathlib import Path
from workbench.tracking import Store
store = Store.of(Path())
client = store.client()
version = client.get_model_version_by_alias("declarations", "challenger")
run = client.get_run(version.run_id)
artifacts = [file.path for file in client.list_artifacts(version.run_id)]
found = {"status": run.info.status, "version": int(version.version), "metrics": run.data.metrics,
         "params": run.data.params, "artifacts": artifacts,
         "active": len(client.search_runs([run.info.experiment_id], "attributes.status = 'RUNNING'"))}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_mlflow_keeps_the_run_and_the_challenger(demo, environment):
    found = json.loads(call(environment, "-c", _LOOK_UP).stdout.splitlines()[-1])
    summary = json.loads((demo / "summary.json").read_bytes())
    assert found["status"] == "FINISHED"
    assert found["active"] == 0
    assert found["version"] == summary["model_version"]
    assert found["metrics"]["auc"] == pytest.approx(summary["metrics"]["auc"])
    assert found["params"]
    assert {"report.html", "report.json", "notebooks", "bundle"} <= set(found["artifacts"])


_PREDICT = """
import sys
import mlflow, polars as pl
from pathlib import Path
from workbench.tracking import Store
store = Store.of(Path())
mlflow.set_tracking_uri(store.uri)
mlflow.set_registry_uri(store.uri)
model = mlflow.pyfunc.load_model("models:/declarations@challenger")
raw = pl.read_parquet(sys.argv[1]).to_pandas()
pl.from_pandas(model.predict(raw)).write_parquet(sys.argv[2])
"""


@pytest.mark.slow
def test_the_challenger_scores_raw_rows_as_the_bundle_does_without_any_pickle(demo, environment, tmp_path):
    raw = RunFolder.open(demo).read("decide_raw").head(200)
    raw.write_parquet(tmp_path / "raw.parquet")
    refusing = {**environment, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    call(refusing, "-c", _PREDICT, tmp_path / "raw.parquet", tmp_path / "answer.parquet")
    expected = ScoringBundle.load(demo / "bundle").score(raw)
    assert expected["score"].n_unique() > 10, (
        "equal scores for all would prove nothing: take other rows or another seed"
    )
    answer = pl.read_parquet(tmp_path / "answer.parquet")
    assert_frame_equal(answer.cast(expected.schema), expected, check_exact=True)


@pytest.mark.slow
def test_a_finished_run_is_resumed_without_running_a_step_again(demo, environment):
    before = {file: file.stat().st_mtime_ns for file in (demo / "notebooks").iterdir()}
    version = json.loads((demo / "summary.json").read_bytes())["model_version"]
    call(environment, "-m", "workbench.cli", "run", PIPELINES / "declarations.toml", "--resume", demo)
    assert {file: file.stat().st_mtime_ns for file in (demo / "notebooks").iterdir()} == before
    assert json.loads(call(environment, "-c", _LOOK_UP).stdout.splitlines()[-1])["version"] == version


@pytest.fixture(scope="session")
def clean_python(demo, tmp_path_factory) -> Path:
    """An interpreter whose environment holds the exported wheel, what it requires, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = (demo / "dist").glob("*.whl")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the wheel needs the package index to be installed:\n{done.stderr}"
    return python


def _isolated() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


@pytest.mark.slow
def test_the_wheel_scores_alone_as_the_workbench_does(demo, clean_python, environment, tmp_path):
    RunFolder.open(demo).read("decide_raw").write_parquet(tmp_path / "raw.parquet")
    alone, within = tmp_path / "alone.parquet", tmp_path / "within.parquet"
    subprocess.run(
        [clean_python, "-m", "selectivity_scorer", tmp_path / "raw.parquet", "--out", alone],
        env=_isolated(),
        check=True,
        cwd=tmp_path,
    )
    call(environment, "-m", "workbench.cli", "score", demo / "bundle", tmp_path / "raw.parquet", "--out", within)
    assert_frame_equal(pl.read_parquet(alone), pl.read_parquet(within), check_exact=True)
    assert_frame_equal(pl.read_parquet(alone), RunFolder.open(demo).read("decisions"), check_exact=True)


@pytest.mark.slow
def test_the_wheel_brings_no_notebook_and_no_training_library(clean_python):
    listing = subprocess.run(
        [clean_python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        env=_isolated(),
        capture_output=True,
        text=True,
        check=True,
    )
    installed = {package["name"].lower().replace("_", "-") for package in json.loads(listing.stdout)}
    assert {"selectivity-scorer", "polars", "sqlglot"} <= installed
    heavy = (
        "jupyter",
        "mlflow",
        "pandas",
        "scikit-learn",
        "papermill",
        "shap",
        "matplotlib",
        "pyarrow",
        "selectivity-w",
    )
    assert [name for name in installed if name.startswith(heavy)] == []


@pytest.mark.slow
def test_the_wheels_own_command_tells_a_mistake_in_a_sentence(clean_python, tmp_path):
    done = subprocess.run(
        [clean_python, "-m", "selectivity_scorer", tmp_path / "absent.csv", "--out", tmp_path / "d.parquet"],
        env=_isolated(),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "absent.csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d.parquet").exists()
    assert shutil.which("jupyter", path=str(clean_python.parent)) is None
