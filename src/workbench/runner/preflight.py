"""What a pipeline names outside itself, checked before a run's folder is made: mapping, criteria, features, inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.config import Pipeline, Table
from workbench.criteria.lifecycle import journal_file
from workbench.errors import ConfigError, SourceError
from workbench.features import readable_columns
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.intake.reading import parts
from workbench.stages.criteria import criteria_in_force


def check_inputs(pipeline: Pipeline) -> None:
    """Refuse what would fail a later step: a wrong path, mapping, feature or criterion costs no kernel.

    Databases are not asked: they may be reachable only when their step comes.

    Raises
    ------
    SourceError, MappingError, ConfigError, CriterionError
        The first of these that is wrong; a criteria set with all its faults.
    """
    Mapping.from_toml(pipeline.resolve(pipeline.source.mapping))
    # Features are checked here too where there are no criteria to read them.
    readable_columns(pipeline.features)
    criteria_in_force(pipeline)
    for number, table in enumerate(pipeline.source.tables, 1):
        _check_table(pipeline, table, number)


def _check_table(pipeline: Pipeline, table: Table, number: int) -> None:
    if table.url or (table.optional and not table.path):
        return
    place = f"[[source.tables]] {number}" + (f" (part {table.part!r})" if table.part else "")
    if not table.path:
        raise ConfigError(f"{place} names neither a path nor a url. Give one, or write: optional = true.")
    for path in filter(None, [table.path, table.outcomes if table.part != "decide" else ""]):
        try:
            parts(pipeline.resolve(path))
        except SourceError as error:
            raise SourceError(f"{place}: {error}") from None


def input_files(pipeline: Pipeline) -> dict[str, Path]:
    """Return the files that the pipeline names beside its data, by what they are; a journal need not exist."""
    files = {"mapping": pipeline.resolve(pipeline.source.mapping)}
    if pipeline.criteria.path:
        files["criteria"] = pipeline.resolve(pipeline.criteria.path)
        files["journal"] = journal_file(files["criteria"])
    return files


def digests(pipeline: Pipeline) -> dict[str, str]:
    """Return the SHA-256 of :func:`input_files`, of a journal that does not exist that of nothing."""
    return {name: _digest(file, may_lack=name == "journal") for name, file in input_files(pipeline).items()}


def _digest(file: Path, *, may_lack: bool) -> str:
    try:
        return hashlib.sha256(b"" if may_lack and not file.exists() else file.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}. Put it back, or mend the pipeline.") from None
