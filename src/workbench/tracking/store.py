"""Where MLflow keeps its records: one SQLite database and one folder of artifacts, created once under a lock."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from workbench.errors import SelectivityError

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCATION_VARIABLE = "WORKBENCH_MLRUNS"


class TrackingError(SelectivityError):
    """MLflow's store could not be opened, or refused a record."""


def project_root(pipeline_path: Path) -> Path:
    """Return the folder that holds the pipeline's `pipelines/`, or else the working directory."""
    folder = pipeline_path.expanduser().absolute().parent
    return folder.parent if folder.name == "pipelines" else Path.cwd()


@dataclass(frozen=True)
class Store:
    """MLflow's database and artifacts in the folder `root`."""

    root: Path

    @classmethod
    def of(cls, project: Path) -> Store:
        """Return the project's store: `mlruns/`, or the folder that the environment's WORKBENCH_MLRUNS names."""
        return cls(Path(os.environ.get(LOCATION_VARIABLE) or project / "mlruns").expanduser().absolute())

    @property
    def uri(self) -> str:
        """Address of the database, for MLflow."""
        return f"sqlite:///{(self.root / 'mlflow.db').as_posix()}"

    @property
    def artifacts(self) -> Path:
        """Folder of the artifacts, one below it an experiment."""
        return self.root / "artifacts"

    def client(self) -> MlflowClient:
        """Open the store, and create its database first where there is none.

        Raises
        ------
        TrackingError
            The folder cannot be written, or the database is not one of this MLflow version.
        """
        mlflow = quiet_mlflow()
        with self.speaking(), self.lock():
            client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            # The first question creates the tables; two processes at once would both try to.
            client.search_experiments(max_results=1)
        return client

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Turn what MLflow, its database or the disk raises in the block into a TrackingError that names the store."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (OSError, SQLAlchemyError, MlflowException) as error:
            cause = next(iter(str(error).splitlines()), "")
            raise TrackingError(
                f"MLflow's store {self.root} failed: {cause} Mend it, or name another folder in the environment "
                f"variable {LOCATION_VARIABLE}; then --resume the run."
            ) from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store against other processes while something is created in it."""
        from filelock import FileLock

        self.artifacts.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            yield

    def experiment_id(self, client: MlflowClient, programme: str) -> str:
        """Return the experiment of a programme, created where it is new."""
        with self.lock():
            if experiment := client.get_experiment_by_name(programme):
                return str(experiment.experiment_id)
            location = (self.artifacts / programme).as_uri()
            return str(client.create_experiment(programme, artifact_location=location))


def quiet_mlflow() -> ModuleType:
    """Import MLflow with its telemetry off and without its chatter on the terminal."""
    # Telemetry is decided once, when MLflow is imported.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow  # type: ignore[no-any-return]
