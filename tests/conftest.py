"""Fixtures that several test modules share."""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from workbench.tracking import Store


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
