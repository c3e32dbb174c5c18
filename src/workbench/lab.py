"""JupyterLab on the notebooks with MLflow's page beside it, both for this machine only and without the internet."""

from __future__ import annotations

import http
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workbench.errors import SelectivityError
from workbench.runner.interrupts import terminable
from workbench.runner.kernels import TABLE_DISPLAY
from workbench.tracking import Store

LOOPBACK = "127.0.0.1"
_STOP_SECONDS = 10.0
_START_PAGE = "/lab/tree/notebooks"
_OFFLINE_EXTENSIONS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
# MLflow's page otherwise keeps ten job processes for features that the workbench does not use.
_MLFLOW_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


class LabError(SelectivityError):
    """JupyterLab or MLflow's page could not be started, or ended by itself."""


def lab(root: str | Path, port: int = 8888, mlflow_port: int = 5000, *, open_browser: bool = True) -> None:
    """Serve the project, from its notebooks on, and its MLflow store until Ctrl-C, SIGTERM or the end of either.

    Both listen on the loopback address only; JupyterLab asks for its token, and neither looks for news or updates.
    The addresses are printed once they answer, JupyterLab's with its token last.

    Parameters
    ----------
    root
        The project: the folder that holds `notebooks/`.
    port, mlflow_port
        Ports of JupyterLab and of MLflow's page.
    open_browser
        Whether a browser opens on JupyterLab.

    Raises
    ------
    LabError
        There are no notebooks, a port is taken, or one of the two ended by itself.
    """
    project = Path(root).expanduser().absolute()
    if not (project / "notebooks").is_dir():
        raise LabError(f"There is no folder notebooks/ in {project}. Start from the folder of the project.")
    for number in (port, mlflow_port):
        _refuse_taken(number)
    store = Store.of(project)
    store.client()
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    with terminable(), _settings() as settings, ExitStack() as stack:
        environment = _environment(settings, token)
        servers: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(_stop, servers)
        try:
            servers["MLflow"] = _start(_mlflow_command(store, mlflow_port), store.root, environment)
            servers["JupyterLab"] = _start(_jupyter_command(port, open_browser), project, environment)
            _wait(servers, until=lambda: _answers(mlflow_port, "/health") and _answers(port, "/api"))
            print(f"MLflow     http://{LOOPBACK}:{mlflow_port}/#/experiments", flush=True)
            print(f"JupyterLab http://{LOOPBACK}:{port}{_START_PAGE}?token={token}", flush=True)
            _wait(servers)
        except KeyboardInterrupt:
            print("Stopping JupyterLab and MLflow.", flush=True)


def _jupyter_command(port: int, open_browser: bool) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.ip={LOOPBACK}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.open_browser={open_browser}",
        f"--LabApp.default_url={_START_PAGE}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # Jupyter refuses the superuser, whom containers run as; loopback and token still guard it.
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def _mlflow_command(store: Store, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", LOOPBACK, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts.as_uri()),
    ]


@contextmanager
def _settings() -> Iterator[Path]:
    """Give a folder of Jupyter settings, which command-line options cannot express."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "labconfig" / "page_config.json"
        page.parent.mkdir()
        page.write_text(json.dumps(_OFFLINE_EXTENSIONS), encoding="utf-8")
        yield Path(folder)


def _environment(settings: Path, token: str) -> dict[str, str]:
    """Return the servers' environment; the token stands there because other users see a command line."""
    paths = os.pathsep.join(filter(None, [str(settings), os.environ.get("JUPYTER_CONFIG_PATH")]))
    own = {**_MLFLOW_SETTINGS, "JUPYTER_CONFIG_PATH": paths, "JUPYTER_TOKEN": token}
    return {**TABLE_DISPLAY, **os.environ, **own}


def _start(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches only this process, which then stops both in order.
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)


def _wait(servers: dict[str, subprocess.Popen[bytes]], until: Callable[[], bool] = lambda: False) -> None:
    """Wait until something holds; complain when one of the servers ends by itself."""
    while not until():
        for name, server in servers.items():
            if (code := server.poll()) is not None:
                raise LabError(f"{name} ended by itself with exit code {code}; its last lines above say why.")
        time.sleep(0.5)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(servers: dict[str, subprocess.Popen[bytes]]) -> None:
    running = [server for server in servers.values() if server.poll() is None]
    for server in running:
        server.terminate()
    for server in running:
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise LabError(f"Port {port} of {LOOPBACK} cannot be used: {error.strerror}. Give another one.") from None
