"""The model registry: a bundle becomes a version of its programme's model, and the alias moves last."""

from __future__ import annotations

import io
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

from workbench.tracking.runs import Run
from workbench.tracking.store import TrackingError, quiet_mlflow

if TYPE_CHECKING:
    import pandas as pd

BUNDLE_DIR = "bundle"
CHALLENGER = "challenger"

_EXAMPLE_FILE = "input_example.parquet"
_PACKAGE = Path(__file__).resolve().parents[1]
_MODEL_CODE = _PACKAGE / "mlflow_model.py"
_RUNTIME = ("mlflow", "numpy", "pandas", "polars", "pyarrow", "sqlglot", "xgboost", "xgboost-cpu")


def read_example(run_dir: Path) -> pd.DataFrame:
    """Return the few raw rows that the exporting step left beside the bundle in `input_example.parquet`."""
    import polars as pl

    file = run_dir / _EXAMPLE_FILE
    if not file.is_file():
        raise TrackingError(f"{file} is missing: the step that writes the bundle must write some raw rows there.")
    return pl.read_parquet(file).to_pandas()


def register_model(
    run: Run,
    bundle_dir: Path,
    programme: str,
    *,
    input_example: pd.DataFrame,
    pip_requirements: Sequence[str] | None = None,
) -> int:
    """Register a bundle as the next version of the programme's model and make it the challenger.

    The model is code that MLflow copies (`mlflow_model.py` and the scoring runtime), never a pickle; its signature
    is inferred from what the bundle answers to the example.

    Parameters
    ----------
    run
        The run that made the bundle.
    bundle_dir
        The bundle.
    programme
        Name of the registered model.
    input_example
        A few raw rows, as the source gives them.
    pip_requirements
        What the model needs to be loaded; the runtime's installed versions where none are given.

    Returns
    -------
    int
        The version. The alias `challenger` is set last: until then the former challenger stays.

    Raises
    ------
    TrackingError
        MLflow refused the model.
    """
    mlflow = quiet_mlflow()
    with run.store.speaking(), _quietly_at(mlflow, run.store.uri), _runtime_code() as code:
        signature = mlflow.models.infer_signature(input_example, _answer(bundle_dir, input_example))
        # This marks the run as finished on its way out; its owner says the last word when the pipeline ends.
        with mlflow.start_run(run_id=run.run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(_MODEL_CODE),
                code_paths=[str(code)],
                artifacts={"bundle": str(bundle_dir)},
                signature=signature,
                input_example=input_example,
                pip_requirements=list(pip_requirements or _requirements()),
                registered_model_name=programme,
            )
        number = int(info.registered_model_version)
        run.client.set_registered_model_alias(programme, CHALLENGER, str(number))
    return number


def _answer(bundle_dir: Path, example: pd.DataFrame) -> pd.DataFrame:
    """Return what the registered model will answer, by the very code that it will run."""
    from workbench.mlflow_model import SelectivityModel

    model = SelectivityModel()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(bundle_dir)}))
    return model.predict(None, example)


@contextmanager
def _quietly_at(mlflow: ModuleType, uri: str) -> Iterator[None]:
    """Point MLflow's process-wide settings at the store, and back; keep what it prints off the terminal."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])


@contextmanager
def _runtime_code() -> Iterator[Path]:
    """Give a copy of the scoring runtime that a model can carry.

    The package's own `__init__` is left out, so that an installed workbench, which has one, is found first.
    """
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "workbench"
        shutil.copytree(_PACKAGE / "scorer", package / "scorer", ignore=shutil.ignore_patterns("__pycache__"))
        yield package


def _requirements() -> list[str]:
    return [f"{name}=={found}" for name in _RUNTIME if (found := _installed(name))]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
