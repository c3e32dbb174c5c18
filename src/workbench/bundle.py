"""Export: write a scorer as a bundle directory and as an installable wheel, both the same bytes for the same scorer."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench import __version__
from workbench.errors import BundleError
from workbench.scorer.bundle import (
    GOLDEN_DECISIONS,
    GOLDEN_INPUT,
    MANIFEST,
    PROTOCOL,
    Manifest,
    ScoringBundle,
    file_entry,
)
from workbench.scorer.files import written_atomically
from workbench.scorer.scorer import Scorer

WHEEL_PACKAGE = "selectivity_scorer"
_RUNTIME = Path(__file__).parent / "scorer"
_FIRST_ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)

WHEEL_REQUIREMENTS = (
    "polars>=1.35,<3",
    "sqlglot>=30,<31",
    "xgboost-cpu>=3.2,<4; sys_platform != 'darwin'",
    "xgboost>=3.2,<4; sys_platform == 'darwin'",
)
"""What the wheel needs and nothing else (numpy comes with xgboost); the ranges are those of the workbench itself."""


def bundle_files(
    scorer: Scorer, *, programme: str, trained_as_of: str, golden: pl.DataFrame, facts: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return every file of the bundle by its path, the manifest included.

    Parameters
    ----------
    scorer
        What is exported.
    programme
        Name of the selection problem.
    trained_as_of
        Moment of knowledge of the model, ISO 8601.
    golden
        Raw rows that every loader scores again and compares.
    facts
        What the manifest tells people: data period, fingerprints, metrics.
    """
    files = {
        "mapping.json": _json(scorer.mapping.to_dict()),
        "criteria.json": _json(scorer.criteria.to_dict()),
        "policy.json": _json(scorer.policy.to_dict()),
        GOLDEN_INPUT: _parquet(golden),
        GOLDEN_DECISIONS: _parquet(scorer.score(golden)),
    }
    for name, part in scorer.model.to_files().items():
        content = part if isinstance(part, bytes) else _json(part) if isinstance(part, dict) else _parquet(part)
        files[f"model/{name}"] = content
    entries = {name: file_entry(content) for name, content in sorted(files.items())}
    version = f"{__version__}+{hashlib.sha256(_json(entries)).hexdigest()[:12]}"
    manifest = Manifest(PROTOCOL, programme, version, trained_as_of, dict(facts), entries)
    return files | {MANIFEST: manifest.to_bytes()}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, default=str).encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, statistics=False)
    return buffer.getvalue()


def write_bundle(files: Mapping[str, bytes], folder: Path) -> ScoringBundle:
    """Write a bundle into a folder that does not exist yet, whole or not at all, and load it as its users will.

    Raises
    ------
    BundleError
        The folder exists, or the written bundle does not load.
    """
    if folder.exists():
        raise BundleError(f"{folder} exists already; a bundle is never written over another. Give a new folder.")
    _make_folder(folder.parent)
    with written_atomically(folder) as partial:
        for name, content in files.items():
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return ScoringBundle.load(partial)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BundleError(f"{folder} cannot be made: {error.strerror}. Give another folder for the export.") from None


def write_wheel(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write ``selectivity_scorer-<version>-py3-none-any.whl``: the scoring runtime with the bundle inside.

    Returns
    -------
    Path
        The wheel. It holds no compiled code and is the same bytes for the same bundle.
    """
    version = Manifest.from_bytes(files[MANIFEST]).version
    _make_folder(folder)
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        package = project / WHEEL_PACKAGE
        shutil.copytree(_RUNTIME, package, ignore=shutil.ignore_patterns("__pycache__"))
        for name, content in files.items():
            target = package / "bundle" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (project / "pyproject.toml").write_text(_wheel_project(version), encoding="utf-8")
        built = _build(project)
        with written_atomically(folder / built.name) as partial:
            shutil.copyfile(built, partial)
    return folder / built.name


def _build(project: Path) -> Path:
    from flit_core.wheel import WheelBuilder

    beside = project / "built.whl"
    with beside.open("w+b") as target:
        builder = WheelBuilder.from_ini_path(project / "pyproject.toml", target)
        builder.source_time_stamp = _FIRST_ZIP_MOMENT
        builder.build(editable=False)
    return beside.rename(project / builder.wheel_filename)


def _wheel_project(version: str) -> str:
    requirements = "\n".join(f'  "{requirement}",' for requirement in WHEEL_REQUIREMENTS)
    return f"""[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "{WHEEL_PACKAGE}"
version = "{version}"
description = "Scores declarations with one exported selectivity bundle"
license = "Apache-2.0"
requires-python = ">=3.11"
dependencies = [
{requirements}
]

[project.scripts]
selectivity-scorer = "{WHEEL_PACKAGE}.__main__:main"
"""
