"""Reading a programme's TOML: parameters are put in, and all of it is checked at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from workbench.config.models import Parameter, Pipeline
from workbench.errors import ConfigError, ParameterError, SourceError, did_you_mean


def load_pipeline(
    path: str | Path, given: Mapping[str, str] | None = None, *, without_inputs: bool = False
) -> Pipeline:
    """Read a pipeline's TOML, put the `given` parameters into it and check all of it at once.

    Parameters
    ----------
    path
        The TOML file.
    given
        Parameters by name, as text from the command line; each is converted to its declared type.
    without_inputs
        Whether parameters that have to be given may stay empty: for callers who want mapping, features or policy and
        read no source of the pipeline.

    Raises
    ------
    SourceError
        The file does not exist or is not TOML.
    ParameterError
        A parameter is unknown, of another type, or missing.
    ConfigError
        The content is not a pipeline; every fault is listed with its place.
    """
    file = Path(path)
    data = _read_toml(file)
    declared = _declared_parameters(file, data)
    values = _parameter_values(declared, given or {}, without_inputs=without_inputs)
    filled = _fill(data | {"parameters": {}}, values)
    try:
        return Pipeline(**(filled | {"path": file.resolve(), "parameters": declared, "values": values}))
    except ValidationError as error:
        raise ConfigError(_faults(file, error, data)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    if not file.is_file():
        near = did_you_mean(file.name, (other.name for other in file.parent.glob("*.toml")))
        raise SourceError(f"There is no pipeline at {file}{near}. Give the path of a TOML file in pipelines/.")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}. Mend the line it names.") from None


def _declared_parameters(file: Path, data: Mapping[str, Any]) -> dict[str, Parameter]:
    try:
        return {name: Parameter(**spec) for name, spec in data.get("parameters", {}).items()}
    except (ValidationError, TypeError) as error:
        detail = _faults(file, error) if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"[parameters] of {file}: {detail}") from None


def _parameter_values(
    declared: Mapping[str, Parameter], given: Mapping[str, str], *, without_inputs: bool
) -> dict[str, int | float | str | bool | None]:
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ParameterError(f"Unknown parameter {name!r}{did_you_mean(name, declared)}. Known: {known}.")
    values: dict[str, int | float | str | bool | None] = {}
    for name, parameter in declared.items():
        if name in given:
            values[name] = convert(name, given[name], parameter.type)
        elif parameter.default is None and not (parameter.optional or without_inputs):
            raise ParameterError(f"Parameter {name!r} is missing: give -p {name}=... ({parameter.help}).")
        else:
            values[name] = parameter.default
    return values


def convert(name: str, text: str, kind: str) -> int | float | str | bool:
    """Convert a parameter's text to its declared type; paths become absolute from the working directory.

    >>> convert("rows", "2_000", "int")
    2000
    """
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        raise ParameterError(f"Parameter {name!r} must be {_ARTICLE[kind]}; found {text!r}.") from None
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ParameterError(f"Parameter {name!r} must be true or false; found {text!r}.")
        return text.lower() == "true"
    if kind == "path":
        if not text:
            raise ParameterError(f"Parameter {name!r} must be a path; found nothing after '='.")
        return str(Path(text).expanduser().absolute())
    return text


_ARTICLE = {"int": "a whole number", "float": "a number"}
_PLACEHOLDER = re.compile(r"\$\{([a-z_][a-z0-9_]*)\}")


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Replace ``${name}`` everywhere; a text that is nothing but one placeholder keeps the value's own type."""
    if isinstance(value, dict):
        return {key: _fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if (whole := _PLACEHOLDER.fullmatch(value)) and whole[1] in values:
        return "" if values[whole[1]] is None else values[whole[1]]
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), value)


def _faults(file: Path, error: ValidationError, unfilled: Mapping[str, Any] | None = None) -> str:
    lines = [
        f"  {'.'.join(map(str, fault['loc'])) or 'file'}: {_advice(fault)}{_origin(fault, unfilled or {})}"
        for fault in error.errors()
    ]
    return f"{file} is not a pipeline, {len(lines)} fault(s):\n" + "\n".join(lines)


def _origin(fault: Mapping[str, Any], unfilled: Mapping[str, Any]) -> str:
    """Name the parameter that put the refused value there, where one did."""
    value: Any = unfilled
    try:
        for part in fault["loc"]:
            value = value[part]
    except (LookupError, TypeError):
        return ""
    found = _PLACEHOLDER.search(value) if isinstance(value, str) else None
    return f"; found {fault['input']!r}, given by the parameter {found[1]!r}" if found else ""


def _advice(fault: Mapping[str, Any]) -> str:
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"])
    *path, name = fault["loc"]
    known = _keys_at(path)
    return f"unknown key{did_you_mean(str(name), known)}; known: {', '.join(known)}"


def _keys_at(path: list[str | int]) -> list[str]:
    """Return the keys that the table at `path` of a pipeline may have."""
    model: type[BaseModel] = Pipeline
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return [name for name in model.model_fields if name not in ("path", "values") or model is not Pipeline]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
