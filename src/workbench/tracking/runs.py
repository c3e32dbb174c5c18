"""One MLflow run a pipeline run, owned by the parent process: whatever happens, it ends."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from workbench.errors import SourceError
from workbench.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

_HOST, _PID, _PROCESS_STARTED = "workbench.host", "workbench.pid", "workbench.process_started_at"
_ARTIFACTS = (
    "report.html",
    "report.json",
    "metrics.json",
    "summary.json",
    "pipeline.json",
    "notebooks",
    "figures",
    "bundle",
    "dist/*.whl",
)
_NAME_REFUSED = re.compile(r"[^\w.\- /]")
_PARAMS_A_CALL, _METRICS_A_CALL, _VALUE_LENGTH = 100, 1000, 6000


@dataclass(frozen=True)
class Run:
    """An MLflow run that this process owns; get it from :func:`start_run`."""

    store: Store
    client: MlflowClient
    run_id: str

    def log_run_dir(self, run_dir: Path) -> None:
        """Record what a run directory holds; what is absent is left out.

        Parameters are `pipeline.json`, flattened, and the values `given` in `run.json`; metrics are the numbers of
        `metrics.json`, flattened; the data set is `data.json` with its `fingerprint`; artifacts are the report, the
        executed notebooks, figures, bundle and wheel. The data itself is not copied.
        """
        pipeline = read_json(run_dir / "pipeline.json")
        given = {f"given/{name}": text for name, text in read_json(run_dir / "run.json").get("given", {}).items()}
        with self.store.speaking():
            self._log_parameters({**dict(_flatten(pipeline)), **given})
            self._log_metrics(dict(_flatten(read_json(run_dir / "metrics.json"))))
            self._log_data(read_json(run_dir / "data.json"))
            for pattern in _ARTIFACTS:
                for path in sorted(run_dir.glob(pattern)):
                    self._log_artifact(path, run_dir)

    def end(self, status: RunStatus) -> None:
        """Set the run's final status."""
        with self.store.speaking():
            self.client.set_terminated(self.run_id, status)

    def _log_parameters(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        found = [Param(_name(key), _text(value)) for key, value in values.items()]
        for at in range(0, len(found), _PARAMS_A_CALL):
            self.client.log_batch(self.run_id, params=found[at : at + _PARAMS_A_CALL])

    def _log_metrics(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(_name(key), float(value), now, 0) for key, value in values.items() if _is_number(value)]
        for at in range(0, len(found), _METRICS_A_CALL):
            self.client.log_batch(self.run_id, metrics=found[at : at + _METRICS_A_CALL])

    def _log_data(self, data: Mapping[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput

        if not (fingerprint := str(data.get("fingerprint", ""))):
            return
        self.client.set_tag(self.run_id, "data_fingerprint", fingerprint)
        name = self.client.get_run(self.run_id).data.tags["programme"]
        # MLflow keeps 36 characters of a digest; the tag keeps the whole.
        data_set = Dataset(name, fingerprint[:36], "local", json.dumps(data, sort_keys=True))
        self.client.log_inputs(self.run_id, datasets=[DatasetInput(data_set)])

    def _log_artifact(self, path: Path, run_dir: Path) -> None:
        parent = path.relative_to(run_dir).parent.as_posix()
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), path.name)
        else:
            self.client.log_artifact(self.run_id, str(path), None if parent == "." else parent)


def start_run(store: Store, programme: str, run_name: str, *, tags: Mapping[str, str], run_id: str = "") -> Run:
    """Start a run that this process owns, or go on with the run `run_id` where the store still has it.

    Runs that died on this host are closed first.
    """
    client = store.client()
    marks = {**tags, **_owner(), "programme": programme}
    with store.speaking():
        close_stale_runs(store, client)
        if run_id and _take_over(client, run_id, marks):
            return Run(store, client, run_id)
        experiment = store.experiment_id(client, programme)
        return Run(store, client, client.create_run(experiment, tags=marks, run_name=run_name).info.run_id)


def _take_over(client: MlflowClient, run_id: str, marks: Mapping[str, str]) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        # The owner first: a reaper must not find a running run of a dead process.
        for key, value in marks.items():
            client.set_tag(run_id, key, value)
        client.update_run(run_id, status="RUNNING")
    except MlflowException:
        return False
    return True


def close_stale_runs(store: Store, client: MlflowClient | None = None) -> list[str]:
    """End as FAILED every RUNNING run of this host whose process is dead, and return their ids."""
    client = client or store.client()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    running = client.search_runs(experiments, f"attributes.status = 'RUNNING' and tags.`{_HOST}` = '{_host()}'")
    stale = [run.info.run_id for run in running if not _is_alive(run.data.tags)]
    for run_id in stale:
        client.set_terminated(run_id, "FAILED")
    return stale


def _owner() -> dict[str, str]:
    import psutil

    return {_HOST: _host(), _PID: str(os.getpid()), _PROCESS_STARTED: str(psutil.Process().create_time())}


def _host() -> str:
    return socket.gethostname()


def _is_alive(tags: Mapping[str, str]) -> bool:
    """Say whether the owner of a run lives; a process id used again by another process does not count."""
    import psutil

    try:
        started = psutil.Process(int(tags.get(_PID, "-1"))).create_time()
    except (psutil.NoSuchProcess, ValueError):
        return False
    return bool(abs(started - float(tags.get(_PROCESS_STARTED, "0"))) < 1.0)


class Tracker:
    """A run that opens in the background, while the first step runs, and ends with the block that it is held for.

    MLflow takes seconds to import; a kernel of its own process runs meanwhile. The run ends as FINISHED, as KILLED
    where the block was interrupted, and as FAILED after any other exception, with the run directory recorded as
    far as it got.
    """

    def __init__(
        self, store: Store, programme: str, run_dir: Path, *, tags: Mapping[str, str], run_id: str = ""
    ) -> None:
        self._run_dir = run_dir
        self._open = lambda: start_run(store, programme, run_dir.name, tags=tags, run_id=run_id)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mlflow")
        self._opening: Future[Run] = self._pool.submit(self._open)
        return self

    @property
    def run(self) -> Run:
        """The run, once it is open."""
        return self._opening.result()

    @property
    def run_id(self) -> str:
        """The run's id, once it is open; empty where it could not be opened."""
        return "" if self._opening.exception() else self.run.run_id

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end(_status(kind))
        except Exception:
            # The block's own exception is what the user has to know.
            if kind is None:
                raise
        finally:
            self._pool.shutdown()

    def _end(self, status: RunStatus) -> None:
        try:
            if status == "FAILED":
                self.run.log_run_dir(self._run_dir)
        finally:
            self.run.end(status)


def _status(kind: type[BaseException] | None) -> RunStatus:
    if kind is None:
        return "FINISHED"
    return "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested objects under names joined by `/`; lists are leaves."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, item in value.items():
        yield from _flatten(item, f"{prefix}/{key}" if prefix else str(key))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _name(key: str) -> str:
    return _NAME_REFUSED.sub("_", key)[:250]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_VALUE_LENGTH]


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that a step wrote; empty where there is none.

    Raises
    ------
    SourceError
        The file is not JSON.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}. The step that writes it has a fault.") from None
    return content if isinstance(content, dict) else {}
