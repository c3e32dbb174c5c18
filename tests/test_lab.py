"""The lab listens on this machine only and stays off the internet."""

from __future__ import annotations

import json
import socket
import sys

import pytest

from workbench import lab
from workbench.tracking import Store


def test_both_servers_are_bound_to_the_loopback_address(tmp_path):
    jupyter = lab._jupyter_command(8888, open_browser=False)
    mlflow = lab._mlflow_command(Store(tmp_path), 5000)
    assert "--ServerApp.ip=127.0.0.1" in jupyter
    assert mlflow[mlflow.index("--host") + 1] == "127.0.0.1"
    assert not any("token" in option or "password" in option for option in jupyter)


def test_jupyterlab_looks_for_no_news_and_no_updates():
    command = lab._jupyter_command(8888, open_browser=False)
    assert "--LabApp.news_url=None" in command
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in command
    with lab._settings() as settings:
        page = json.loads((settings / "labconfig" / "page_config.json").read_text())
    assert page["disabledExtensions"]["@jupyterlab/apputils-extension:announcements"] is True


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(lab.LabError, match="no folder notebooks/"):
        lab.lab(tmp_path)


def test_a_taken_port_is_named(tmp_path):
    (tmp_path / "notebooks").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(lab.LabError, match=f"Port {port} of 127.0.0.1 cannot be used"):
            lab.lab(tmp_path, port=port)


def test_a_server_that_ends_by_itself_is_named_and_the_other_is_stopped(tmp_path, monkeypatch, capfd):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(Store, "client", lambda self: self.root.mkdir())
    monkeypatch.setattr(lab, "_jupyter_command", lambda port, browser: ["sleep", "60"])
    monkeypatch.setattr(lab, "_mlflow_command", lambda store, port: ["false"])
    started: list = []
    real = lab._start
    monkeypatch.setattr(lab, "_start", lambda *given: started.append(real(*given)) or started[-1])
    with pytest.raises(lab.LabError, match="MLflow ended by itself with exit code 1"):
        lab.lab(tmp_path, port=0, mlflow_port=0)
    assert all(server.poll() is not None for server in started)
    assert capfd.readouterr().out == ""  # no address is told before it answers


ANSWERS = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == sys.argv[2] else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_addresses_are_told_once_they_answer_the_one_with_the_token_last(tmp_path, monkeypatch, capfd):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("JUPYTER_TOKEN", "abc")
    monkeypatch.setattr(Store, "client", lambda self: self.root.mkdir())
    answering = [sys.executable, "-c", ANSWERS]
    monkeypatch.setattr(lab, "_jupyter_command", lambda port, browser: [*answering, str(port), "/api"])
    monkeypatch.setattr(lab, "_mlflow_command", lambda store, port: [*answering, str(port), "/health"])
    folders: list = []
    real_start, real_wait = lab._start, lab._wait
    monkeypatch.setattr(lab, "_start", lambda *given: folders.append(given[1]) or real_start(*given))

    def wait(servers, until=None):
        if until is None:
            raise KeyboardInterrupt
        real_wait(servers, until)

    monkeypatch.setattr(lab, "_wait", wait)
    port, mlflow_port = free_port(), free_port()
    lab.lab(tmp_path, port=port, mlflow_port=mlflow_port)
    assert folders == [tmp_path / "mlruns", tmp_path]  # criteria and runs lie below JupyterLab's root
    assert capfd.readouterr().out.splitlines() == [
        f"MLflow     http://127.0.0.1:{mlflow_port}/#/experiments",
        f"JupyterLab http://127.0.0.1:{port}/lab/tree/notebooks?token=abc",
        "Stopping JupyterLab and MLflow.",
    ]


def test_jupyterlab_opens_on_the_notebooks_and_its_kernels_cut_no_table(tmp_path):
    assert "--LabApp.default_url=/lab/tree/notebooks" in lab._jupyter_command(8888, open_browser=False)
    environment = lab._environment(tmp_path, "abc")
    assert (environment["POLARS_FMT_STR_LEN"], environment["JUPYTER_TOKEN"]) == ("200", "abc")
