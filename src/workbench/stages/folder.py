"""A run's directory: the one place that knows which file holds what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from workbench.config import Pipeline
from workbench.errors import BundleError, RunDirectoryError, SourceError
from workbench.scorer.files import write_bytes_atomically, write_parquet_atomically, write_text_atomically
from workbench.scorer.risk.riskmodel import RiskModel

TABLES = {
    "declarations": "data/declarations.parquet",
    "outcomes": "data/outcomes.parquet",
    "quarantine": "data/quarantine.parquet",
    "findings": "data/findings.parquet",
    "decide_raw": "data/decide_raw.parquet",
    "judged": "data/judged.parquet",
    "reasons": "data/reasons.parquet",
    "decisions": "decisions.parquet",
    "hits": "hits.parquet",
    "input_example": "input_example.parquet",
}
"""Tables of a run and their files."""

JSON_FILES = {
    "data": "data.json",
    "training": "training.json",
    "metrics": "metrics.json",
    "backtest": "backtest.json",
    "selection": "selection.json",
}
"""What the stages say in numbers, by stage."""

MEASURED, FINAL = "measured", "final"
"""The model that the judging part measures, and the one grown on its labels too, which decides and is exported."""


_PIPELINE_FILE = "pipeline.json"


def read_pipeline(folder: str | Path) -> Pipeline:
    """Return the pipeline of a run's directory, as filled for the run.

    Raises
    ------
    RunDirectoryError
        The folder holds no ``pipeline.json``, or one of another version of the workbench.
    """
    file = Path(folder) / _PIPELINE_FILE
    try:
        return Pipeline.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> RunDirectoryError:
    """Build the error for a file of a run's directory that cannot be read."""
    cause = error.strerror if isinstance(error, OSError) else "it was written by another version, or changed by hand"
    return RunDirectoryError(
        f"{file} cannot be read: {cause}. Give the folder of a run, or start a new one with --out."
    )


@dataclass(frozen=True)
class RunFolder:
    """A run's directory.

    Parameters
    ----------
    path
        The directory; it holds ``pipeline.json``.
    """

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Open a directory that a run was started in; refuse any other by name."""
        folder = Path(path).absolute()
        if not (folder / _PIPELINE_FILE).is_file():
            raise SourceError(
                f"{folder} is no run: it holds no pipeline.json. Start one with: workbench run PIPELINE --out {folder}"
            )
        return cls(folder)

    @classmethod
    def create(cls, path: str | Path, pipeline: Pipeline) -> RunFolder:
        """Start a run's directory by hand, as the runner does: for tests and for work in a notebook."""
        folder = Path(path).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(pipeline.model_dump_json(indent=2), folder / _PIPELINE_FILE)
        return cls(folder)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline with its parameters filled in."""
        return read_pipeline(self.path)

    def file(self, table: str) -> Path:
        """Return the file of a table."""
        return self.path / TABLES[table]

    def read(self, table: str) -> pl.DataFrame:
        """Read a table that an earlier stage wrote; say which stage is missing if it did not."""
        if not self.file(table).is_file():
            raise SourceError(f"{self.file(table)} is missing: run the earlier notebooks of the pipeline first.")
        return pl.read_parquet(self.file(table))

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Write a table, whole or not at all."""
        self.file(table).parent.mkdir(parents=True, exist_ok=True)
        write_parquet_atomically(frame, self.file(table))

    def read_json(self, name: str) -> dict[str, Any]:
        """Read what a stage said in numbers."""
        file = self.path / JSON_FILES[name]
        if not file.is_file():
            raise SourceError(f"{file} is missing: run the earlier notebooks of the pipeline first.")
        content: dict[str, Any] = json.loads(file.read_bytes())
        return content

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write what a stage says in numbers; NaN has no place in it."""
        text = json.dumps(content, indent=1, default=str, allow_nan=False, ensure_ascii=False)
        write_text_atomically(text, self.path / JSON_FILES[name])

    def write_model(self, name: str, model: RiskModel) -> None:
        """Keep a model in the run, without pickle."""
        folder = self.path / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, part in model.to_files().items():
            if isinstance(part, bytes):
                write_bytes_atomically(part, folder / file)
            elif isinstance(part, dict):
                write_text_atomically(json.dumps(part, indent=1), folder / file)
            else:
                write_parquet_atomically(part, folder / file)

    def read_model(self, name: str) -> RiskModel:
        """Read a model that :meth:`write_model` kept in this run."""
        folder = self.path / "models" / name
        if not (folder / "model.json").is_file():
            raise BundleError(f"{folder} holds no model: run the training notebook first.")
        raw = {file.name: file.read_bytes() for file in folder.glob("*.ubj")}
        tables = {file.stem: pl.read_parquet(file) for file in folder.glob("*.parquet")}
        return RiskModel.from_files(json.loads((folder / "model.json").read_bytes()), raw, tables)
