"""What surrounds the code: environments, locks, ignored files, documentation, licence, versions."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import workbench
from workbench.bundle import WHEEL_REQUIREMENTS
from workbench.cli import app
from workbench.config import load_pipeline
from workbench.criteria.checking import check_file
from workbench.features import readable_columns

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))

REGISTRY = re.compile(
    r"--((extra-)?index-url|find-links)[ =][\"']?(https?:|file:|/)|https?://[^\s/]+/(\S+/)?simple(/|\b)|files\.pythonhosted\.org|"
    r"registry\.npmjs\.org|_authToken"
)
TOKEN = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
PASSWORD = re.compile(r"(?i:password|secret|api_key|token)\s*[=:]\s*[\"'][^\"'\s{}$<]{8,}[\"']")
"""Looked for outside tests/ only: tests make passwords up, to see that they are refused and never shown."""

each_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)


def requirements(*extras: str) -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return [Requirement(text) for text in texts]


def locked(lock: Path) -> dict[str, dict[Version, int]]:
    """Return the versions of each package in a lock, with the number of their hashes."""
    found: dict[str, dict[Version, int]] = defaultdict(dict)
    name, version = "", Version("0")
    for line in lock.read_text("utf-8").splitlines():
        if entry := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", line):
            name, version = canonicalize_name(entry[1]), Version(entry[2])
            found[name].setdefault(version, 0)
        found[name][version] = found[name].get(version, 0) + line.count("--hash=sha256:") if name else 0
    found.pop("", None)
    return found


def git(*arguments: str, check: bool = True) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.skip(f"not a git checkout: {done.stderr.strip()}")
    return done.stdout.splitlines()


def test_the_conda_environment_installs_what_pyproject_states():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    *conda, pip = environment["dependencies"]
    assert environment["channels"] == ["conda-forge"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    (editable,) = pip["pip"]
    extras = re.fullmatch(r"-e \.\[(.+)\]", editable)
    assert extras
    assert extras[1].split(",") == list(PROJECT["optional-dependencies"])


@each_lock
def test_every_entry_of_a_lock_has_hashes(lock):
    entries = locked(lock)
    assert entries
    assert [name for name, versions in entries.items() if not all(versions.values())] == []
    stray = [
        line for line in lock.read_text("utf-8").splitlines() if not re.match(r"[a-z0-9]\S*==|    (--hash|#)|#|$", line)
    ]
    assert stray == []


@each_lock
def test_a_lock_names_no_address(lock):
    assert re.findall(r"\w+://\S+", lock.read_text("utf-8")) == []


def test_the_lock_satisfies_every_stated_range():
    entries = locked(ROOT / "requirements" / "dev.lock")
    faults = [
        str(requirement)
        for requirement in requirements(*PROJECT["optional-dependencies"])
        if not (versions := entries.get(canonicalize_name(requirement.name)))
        or not all(version in requirement.specifier for version in versions)
    ]
    assert faults == []


def test_every_range_has_a_lower_bound():
    unbounded = [
        str(requirement)
        for requirement in requirements(*PROJECT["optional-dependencies"])
        if not any(part.operator in (">=", "==", "~=") for part in requirement.specifier)
    ]
    assert unbounded == []


def test_the_wheels_requirements_are_the_packages_own():
    own = {str(requirement) for requirement in requirements()}
    assert [text for text in WHEEL_REQUIREMENTS if str(Requirement(text)) not in own] == []
    assert {Requirement(text).name for text in WHEEL_REQUIREMENTS} == {"polars", "sqlglot", "xgboost", "xgboost-cpu"}


def test_tracked_files_hold_no_registry_and_no_secret():
    faults = []
    for name in [*git("ls-files"), *git("ls-files", "--others", "--exclude-standard")]:
        file = ROOT / name
        if not file.is_file() or file.suffix in (".parquet", ".png", ".gz", ".ubj") or file == Path(__file__):
            continue
        for pattern in (REGISTRY, TOKEN) if name.startswith("tests/") else (REGISTRY, TOKEN, PASSWORD):
            faults += [f"{name}: {found[0][:40]}" for found in pattern.finditer(file.read_text("utf-8"))]
    assert faults == []


@pytest.mark.parametrize(
    "text",
    [
        "pip install --index-url http://10.0.0.1/pypi",
        "url = 'https://mirror.example/root/simple/'",
        "password = 'correct-horse'",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_a_registry_or_a_secret_would_be_seen(text):
    assert any(pattern.search(text) for pattern in (REGISTRY, TOKEN, PASSWORD))


def test_git_ignores_what_runs_write_and_keeps_what_people_write():
    written = [
        ".venv/bin/python",
        "runs/declarations-1/report.html",
        "mlruns/mlflow.db",
        "mlruns/artifacts/kcs/x",
        "data/generated/declarations/part-0.parquet",
        "data/anything.csv",
        "decisions.parquet",
        "dist/selectivity_scorer.whl",
    ]
    kept = [
        "mlruns/README.md",
        "data/README.md",
        "data/mappings/kcs.toml",
        "data/criteria/declarations.toml",
        "tests/golden/bundle/golden/input.parquet",
    ]
    git("rev-parse")
    assert git("check-ignore", "--no-index", *written, *kept, check=False) == written


def documentation() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(page.read_text("utf-8") for page in pages if page.is_file())


def make_targets() -> list[str]:
    return re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_is_documented(target):
    assert re.search(rf"\bmake {target}\b(?!-)", documentation())


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_says_what_it_does_and_is_no_file(target):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE)
    phony = re.search(r"^\.PHONY:(.+)$", makefile, re.MULTILINE)
    assert phony
    assert target in phony[1].split()


COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands] + [
    f"{group.name} {command.callback.__name__}"
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert f"workbench {command}" in documentation()


def test_the_licence_is_the_one_that_is_stated():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert re.match(r"\s*Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_is_the_same_everywhere():
    assert workbench.__version__ == PROJECT["version"]


def test_python_is_required_as_the_lock_was_made():
    assert PROJECT["requires-python"] == ">=3.11"
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text("utf-8")


def test_ci_runs_what_people_run():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert {"make lint", "make test"} <= set(script)


TOML_EXAMPLES = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "criteria.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", TOML_EXAMPLES, ids=range(len(TOML_EXAMPLES)))
def test_the_criteria_of_the_guide_pass_the_check(example, tmp_path):
    columns = readable_columns(load_pipeline(ROOT / "pipelines" / "declarations.toml").features)
    (tmp_path / "example.toml").write_text(example, encoding="utf-8")
    assert check_file(tmp_path / "example.toml", columns, on=date(2026, 1, 1)).faults == ()
