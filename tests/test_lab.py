"""The lab listens on this machine only and stays off the internet."""

from __future__ import annotations

import json
import socket

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
    assert "JupyterLab http://127.0.0.1" in capfd.readouterr().out
