"""Typed contracts of notebooks: what each accepts is read from its `parameters` cell, which is never executed.

Papermill only warns about an unknown parameter and checks no type; here both are refused before a kernel starts.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.config import convert
from workbench.errors import ParameterError, did_you_mean

FILLED_BY_RUNNER = ("run_dir", "pipeline_path")
"""Parameters that a notebook may declare and only the runner gives."""

_ELEMENTS: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
_KINDS = (*_ELEMENTS, "list[str]", "list[float]")


@dataclass(frozen=True)
class NotebookParameter:
    """One typed parameter of a notebook: its `kind` is int, float, str, bool, list[str] or list[float]."""

    name: str
    kind: str
    optional: bool
    default: Any
    help: str

    @property
    def annotation(self) -> str:
        """The type as the notebook states it."""
        return f"{self.kind} | None" if self.optional else self.kind

    def parse(self, text: str) -> Any:
        """Return the value that a command line's `text` means; lists are separated by commas.

        >>> NotebookParameter("shares", "list[float]", False, [], "").parse("0.01,0.05")
        [0.01, 0.05]
        """
        if self.optional and text.lower() == "none":
            return None
        if not self.kind.startswith("list["):
            return convert(self.name, text, self.kind)
        element = self.kind[5:-1]
        return [convert(self.name, part.strip(), element) for part in text.split(",") if part.strip()]

    def check(self, value: Any) -> Any:
        """Return `value` as this parameter takes it (a whole number becomes a float where one is asked for).

        Raises
        ------
        ParameterError
            The value is of another type.
        """
        if value is None and self.optional:
            return None
        if self.kind.startswith("list["):
            element = _ELEMENTS[self.kind[5:-1]]
            if isinstance(value, list) and all(_is(item, element) for item in value):
                return [element(item) for item in value]
        elif _is(value, _ELEMENTS[self.kind]):
            return _ELEMENTS[self.kind](value)
        raise ParameterError(f"{self.name!r} must be {self.annotation}; found {value!r} ({type(value).__name__})")


def _is(value: Any, kind: type) -> bool:
    """Say whether `value` is of `kind`; a bool is no number, and a whole number is a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


@dataclass(frozen=True)
class Contract:
    """What one notebook accepts; build it with :func:`read_contract`."""

    notebook: Path
    parameters: Mapping[str, NotebookParameter]
    cells: int

    def fill(self, values: Mapping[str, Any], overrides: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """Return `values`, overridden by what `overrides` says as text, as the notebook takes them; and all faults."""
        mine = [name for name in self.settable if name in overrides]
        filled: dict[str, Any] = {}
        faults: list[str] = []
        for name in [*(name for name in values if name not in mine), *mine]:
            try:
                parameter = self._parameter(name)
                filled[name] = parameter.parse(overrides[name]) if name in mine else parameter.check(values[name])
            except ParameterError as error:
                faults.append(str(error))
        return filled, faults

    def _parameter(self, name: str) -> NotebookParameter:
        if name in FILLED_BY_RUNNER:
            raise ParameterError(f"{name!r} is filled by the runner; do not set it")
        if name not in self.parameters:
            raise ParameterError(f"unknown parameter {name!r}{did_you_mean(name, self.settable)}")
        return self.parameters[name]

    @property
    def settable(self) -> list[str]:
        """Names that a pipeline or a command line may set."""
        return [name for name in self.parameters if name not in FILLED_BY_RUNNER]


def read_contract(notebook: Path) -> Contract:
    """Read a notebook's contract from its one cell tagged `parameters`, without executing it.

    Every line of that cell is an annotated assignment of a literal, and a comment on the same line (which may go
    on over the lines below) says what it is: ``replicates: int = 200  # bootstrap replicates of each interval``.

    Raises
    ------
    ParameterError
        The file is no notebook, has no such cell or more than one, or the cell holds anything else.
    """
    import nbformat

    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise ParameterError(f"{notebook} is no notebook that can be read: {error}. Save it again.") from None
    cells = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ParameterError(f"{notebook} has {len(cells)} cells tagged 'parameters'; it needs exactly one.")
    try:
        parameters = _parse_cell(cells[0].source)
    except (ParameterError, SyntaxError, tokenize.TokenError) as error:
        raise ParameterError(f"Parameters cell of {notebook}: {error}.") from None
    return Contract(notebook, {parameter.name: parameter for parameter in parameters}, len(content.cells))


def _parse_cell(source: str) -> list[NotebookParameter]:
    comments = _comments(source)
    return [_parse_statement(statement, comments) for statement in ast.parse(source).body]


def _parse_statement(statement: ast.stmt, comments: Mapping[int, str]) -> NotebookParameter:
    where = f"line {statement.lineno}"
    if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value):
        raise ParameterError(f"{where} is not 'name: type = value  # what it is'")
    name = statement.target.id
    kind, optional = _parse_annotation(statement.annotation, f"{where}, {name!r}")
    last = statement.end_lineno or statement.lineno
    if last not in comments:
        raise ParameterError(f"{where}, {name!r} lacks the comment that says what it is")
    parameter = NotebookParameter(name, kind, optional, None, comments[last])
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise ParameterError(f"{where}, {name!r}: the default must be a literal, not an expression") from None
    return NotebookParameter(name, kind, optional, parameter.check(default), parameter.help)


def _parse_annotation(annotation: ast.expr, where: str) -> tuple[str, bool]:
    parts = [part.strip() for part in ast.unparse(annotation).split("|")]
    kinds = [part for part in parts if part != "None"]
    if len(kinds) != 1 or kinds[0] not in _KINDS or len(parts) > 2:
        raise ParameterError(f"{where}: the type must be one of {', '.join(_KINDS)} (or one of them '| None')")
    return kinds[0], len(parts) == 2


def _comments(source: str) -> dict[int, str]:
    """Return the comment of each line, joined with the lines below it that hold a comment and nothing else."""
    found: dict[int, str] = {}
    current = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text, alone = token.string.lstrip("#").strip(), not token.line[: token.start[1]].strip()
        if alone and found:
            found[current] += f" {text}"
        elif not alone:
            current = token.start[0]
            found[current] = text
    return found
