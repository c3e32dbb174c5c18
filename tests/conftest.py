"""Fixtures that several test modules share."""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from workbench.cli import main
from workbench.config import load_pipeline
from workbench.criteria import lifecycle
from workbench.features import readable_columns
from workbench.scorer.scorer import Scorer
from workbench.stages.folder import RunFolder
from workbench.stages.prepare import prepare
from workbench.stages.selecting import scorer_of
from workbench.stages.training import train_and_judge
from workbench.synthetic.config import WorldConfig
from workbench.synthetic.world import Tables, simulate_world
from workbench.tracking import Store

# How long an example takes says how busy the machine is, and nothing of the code: suites run side by side.
settings.register_profile("workbench", deadline=None)
settings.load_profile("workbench")

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory) -> Path:
    """One empty MLflow database: its creation takes seconds, a copy none."""
    store = Store(tmp_path_factory.mktemp("mlflow"))
    store.client()
    return store.root / "mlflow.db"


@pytest.fixture
def fresh_store(mlflow_template) -> Callable[[Path], Store]:
    """Make an empty store in a folder."""

    def make(root: Path) -> Store:
        root.mkdir(parents=True, exist_ok=True)
        shutil.copy(mlflow_template, root / "mlflow.db")
        return Store(root)

    return make


@dataclass(frozen=True)
class Called:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def workbench(monkeypatch, capsys) -> Callable[..., Called]:
    """Call the command line in this process, as its console script does."""

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        return Called(code, *capsys.readouterr())

    return call


class StandInBundle:
    """What the registry needs of a scoring bundle, without a trained model: half of everybody's value."""

    @classmethod
    def load(cls, folder: Path) -> StandInBundle:
        assert (folder / "manifest.json").is_file()
        return cls()

    def score(self, raw: pl.DataFrame) -> pl.DataFrame:
        assert raw.schema["packages"] == pl.Int64
        return raw.select("declaration_id", score=pl.col("value_usd") / 2, lane=pl.lit("red"))


@pytest.fixture
def stand_in_bundle(monkeypatch) -> Iterator[Callable[[Path], Path]]:
    """Make a run directory with a bundle of `StandInBundle` and its example, for code that loads scoring bundles."""
    module = types.ModuleType("workbench.scorer.bundle")
    module.ScoringBundle, module.GOLDEN_INPUT = StandInBundle, "input.parquet"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    # It holds the real bundle's names once it was imported.
    monkeypatch.delitem(sys.modules, "workbench.mlflow_model", raising=False)

    def make(run_dir: Path) -> Path:
        bundle = run_dir / "bundle"
        bundle.mkdir(parents=True)
        (bundle / "manifest.json").write_text("{}")
        rows = pl.DataFrame({"declaration_id": ["D1", "D2"], "value_usd": [10.0, 50.0], "packages": [3, None]})
        rows.write_parquet(bundle / "input.parquet")
        rows.write_parquet(run_dir / "input_example.parquet")
        return bundle

    yield make
    sys.modules.pop("workbench.mlflow_model", None)


SMALL_PIPELINE = f"""
[programme]
name = "small"
title = "A small programme"
unit = "declaration item"
question = "Does the spine hold?"

[source]
mapping = "{DATA / "mappings" / "generated.toml"}"
lot_frame = "all"

[[source.tables]]
path = "declarations.parquet"
outcomes = "outcomes.parquet"

[split]
judge_weeks = 4
decide_weeks = 3

[features]
folds = 4
rates = [["importer_id"], ["hs6", "origin_country_code"], ["hs2"]]
prices = [["hs6"], ["hs6", "origin_country_code"]]
quantities = [["hs4"]]
frequencies = [["importer_id"], ["importer_id", "seller_id"]]
codes = ["regime_code", "hs2"]
numbers = ["duty_rate", "net_mass_kg", "customs_value_usd"]

[model]
rounds = 30
early_stopping_rounds = 5
recovery_rounds = 10

[model.parameters]
eta = 0.2  # a large step: few rounds
max_depth = 4

[criteria]
path = "criteria.toml"

[selection]
model_lanes = ["red", "yellow"]
random_share = 0.02

[[selection.capacity]]
lane = "red"
share = 0.10

[[selection.capacity]]
lane = "orange"
count = 2

[[selection.capacity]]
lane = "yellow"
share = 0.30

[[steps]]
notebook = "10_prepare"
"""
SMALL_CRITERIA = """
[[criterion]]
id = "cheap-for-origin"
title = "Cheap for its origin"
when = "unit_value_usd_per_kg < :share * hs6_origin_median_unit_value_usd_per_kg"
parameters = { share = 0.4 }
lane = "yellow"
hit_percentage = 30
reason = "The unit value is less than 40 % of what is usual from this origin."

[[criterion]]
id = "preference-claimed"
title = "Preference claimed"
when = "preference_code <> 'MFN' AND duty_rate < 0.02"
lane = "orange"
hit_percentage = 50

[[criterion]]
id = "gross-below-net"
title = "Gross mass below net mass"
when = "gross_mass_kg < net_mass_kg"
lane = "red"

[[criterion]]
id = "audit-large"
title = "Large consignment"
when = "customs_value_usd > 200000"
lane = "blue"
"""

"""A programme on `small_world`, and its criteria; each stage takes a second; tests change lines by replacing text."""


@pytest.fixture(scope="session")
def small_world() -> Tables:
    """Six months of 20,000 items in which a fifth of the declarations is fraudulent."""
    return simulate_world(rows=20_000, months=6, seed=5, config=WorldConfig(violation_rate=0.2, random_arm_rate=0.04))


@pytest.fixture(scope="session")
def key_ring(tmp_path_factory) -> Path:
    """A folder with the private keys of `author`, `approver` and `other`, and with `keys/` of their public halves."""
    folder = tmp_path_factory.mktemp("key_ring")
    for name in ("author", "approver", "other"):
        lifecycle.new_key(name, folder, keys=folder)
    return folder


@pytest.fixture(scope="session")
def bring_into_force(key_ring) -> Callable[..., None]:
    """Sign every step of every criterion of a set, up to active."""

    def sign(file: Path, columns: dict[str, pl.DataType], at: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> None:
        shutil.copytree(key_ring / "keys", file.parent / "keys", dirs_exist_ok=True)
        author, approver = ({"by": name, "keys": key_ring, "now": at} for name in ("author", "approver"))
        lifecycle.draft(file, **author)
        lifecycle.check(file, **author, columns=columns)
        lifecycle.record_backtest(file, **author, evidence={"file": "backtest.json"})
        lifecycle.approve(file, **approver)
        lifecycle.shadow(file, **approver)
        lifecycle.activate(file, **approver, columns=columns)

    return sign


@pytest.fixture(scope="session")
def make_run(small_world, bring_into_force, tmp_path_factory) -> Callable[..., RunFolder]:
    """Make the directory of a run of `SMALL_PIPELINE` that has done nothing yet; `changes` are (old, new) texts."""

    def make(
        *changes: tuple[str, str], declarations: pl.DataFrame | None = None, outcomes: pl.DataFrame | None = None
    ) -> RunFolder:
        folder = tmp_path_factory.mktemp("small")
        (small_world.declarations if declarations is None else declarations).write_parquet(
            folder / "declarations.parquet"
        )
        (small_world.outcomes if outcomes is None else outcomes).write_parquet(folder / "outcomes.parquet")
        text = SMALL_PIPELINE
        for old, new in changes:
            assert old in text, f"{old!r} is not in the pipeline"
            text = text.replace(old, new)
        (folder / "small.toml").write_text(text, encoding="utf-8")
        (folder / "criteria.toml").write_text(SMALL_CRITERIA, encoding="utf-8")
        pipeline = load_pipeline(folder / "small.toml")
        bring_into_force(folder / "criteria.toml", readable_columns(pipeline.features))
        run = RunFolder.create(folder / "run", pipeline)
        (run.path / "random.key").write_bytes(bytes(range(32)))
        return run

    return make


@pytest.fixture(scope="session")
def trained_run(make_run) -> RunFolder:
    """A run that is prepared and trained; tests read it and write into it only what they read."""
    run = make_run()
    prepare(run, as_of=datetime(2030, 1, 1))
    train_and_judge(run)
    return run


@pytest.fixture(scope="session")
def small_scorer(trained_run) -> Scorer:
    """The scorer of `trained_run`."""
    return scorer_of(trained_run)


@pytest.fixture(scope="session")
def small_raw(trained_run) -> pl.DataFrame:
    """The raw rows that `trained_run` decides: about 2,400 items."""
    return trained_run.read("decide_raw")


@pytest.fixture(scope="session")
def finished_run(trained_run, tmp_path_factory) -> RunFolder:
    """A copy of `trained_run` that went through every stage, without kernels: report, decisions, bundle, wheel."""
    from workbench.stages.backtesting import backtest_criteria
    from workbench.stages.evaluating import evaluate
    from workbench.stages.explaining import explain_judged
    from workbench.stages.exporting import export
    from workbench.stages.reporting import report
    from workbench.stages.selecting import select_lanes

    folder = tmp_path_factory.mktemp("finished") / "run"
    shutil.copytree(trained_run.path, folder)
    run = RunFolder.open(folder)
    evaluate(run, replicates=20, seed=17)
    backtest_criteria(run)
    explain_judged(run, top_rows=20, sample_rows=50, seed=17)
    select_lanes(run, as_of=datetime(2030, 1, 1))
    report(run)
    export(run)
    return run
