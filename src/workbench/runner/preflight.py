"""What a pipeline names outside itself, checked before a run's folder is made: mapping, criteria, features, inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.config import Pipeline, Table
from workbench.errors import ConfigError, CriterionError, SourceError
from workbench.features import readable_columns
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.intake.reading import parts


def check_inputs(pipeline: Pipeline) -> None:
    """Refuse what would fail a later step: a wrong path, mapping, feature or criterion costs no kernel.

    Databases are not asked: they may be reachable only when their step comes.

    Raises
    ------
    SourceError, MappingError, ConfigError, CriterionError
        The first of these that is wrong; a criteria set with all its faults.
    """
    Mapping.from_toml(pipeline.resolve(pipeline.source.mapping))
    _check_criteria(pipeline)
    for number, table in enumerate(pipeline.source.tables, 1):
        _check_table(pipeline, table, number)


def _check_criteria(pipeline: Pipeline) -> None:
    columns = readable_columns(pipeline.features)
    if not pipeline.criteria.path:
        return
    file = pipeline.resolve(pipeline.criteria.path)
    criteria = CriteriaSet.from_toml(file)
    try:
        criteria.compile(columns)
    except CriterionError as error:
        raise CriterionError(f"The criteria of {file} were refused, nothing was started:\n{error}") from None


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


def digests(pipeline: Pipeline) -> dict[str, str]:
    """Return the SHA-256 of the files that the pipeline names beside its data, by what they are."""
    files = {"mapping": pipeline.source.mapping, "criteria": pipeline.criteria.path}
    return {name: _digest(pipeline.resolve(path)) for name, path in files.items() if path}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}. Put it back, or mend the pipeline.") from None
