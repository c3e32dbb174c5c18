"""A programme's TOML as frozen models: the only description of a selection problem that the code reads.

Paths in a pipeline's TOML are relative to the TOML's own folder; ``${name}`` takes the value of a parameter
declared under ``[parameters]``, which ``workbench run -p name=value`` may set.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import ConfigError, ParameterError, SourceError, did_you_mean
from workbench.scorer.schema import Lane

PART = Literal["learn", "judge", "decide"]
"""What a table is for: its labels teach (learn), only measure (judge), or are never read (decide)."""

ParameterType = Literal["int", "float", "str", "bool", "path"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Programme(_Model):
    """Names of the selection problem, for people."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    unit: str
    question: str


class Parameter(_Model):
    """A value that ``-p`` may set; without a default it must be given unless it is optional."""

    type: ParameterType
    help: str
    default: int | float | str | bool | None = None
    optional: bool = False


class Table(_Model):
    """One input: a file, folder or glob (`path`), or a SQL `query`; `outcomes` where labels lie in another table."""

    part: PART | None = None
    path: str = ""
    outcomes: str = ""
    url: str = ""
    query: str = ""
    optional: bool = False


class Generation(_Model):
    """Dials of the embedded data (see `workbench.synthetic`)."""

    rows: int = Field(gt=0)
    months: int = Field(gt=0)
    seed: int


class SourceConfig(_Model):
    """Where the declarations come from and which mapping makes them canonical."""

    mapping: str
    tables: tuple[Table, ...] = ()
    generate: Generation | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> SourceConfig:
        if bool(self.tables) == (self.generate is not None):
            raise ValueError("state either [[source.tables]] or [source.generate], and only one of them")
        return self


class Split(_Model):
    """Cut in time for sources whose tables name no part: the last weeks are decided, those before them judge."""

    judge_weeks: int = Field(gt=0)
    decide_weeks: int = Field(gt=0)


class FeaturesConfig(_Model):
    """Which features are learnt; every kind is one module of `workbench.features`."""

    folds: int = Field(default=5, ge=2, le=20)
    smoothing: float = Field(default=20.0, gt=0)
    rates: tuple[tuple[str, ...], ...] = ()
    prices: tuple[tuple[str, ...], ...] = ()
    quantities: tuple[tuple[str, ...], ...] = ()
    frequencies: tuple[tuple[str, ...], ...] = ()
    codes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    calendar: bool = True


class TuningConfig(_Model):
    """Bounds of the search: it stops at whichever comes first; `space` gives [low, high] or a list of choices."""

    trials: int = Field(default=20, gt=0)
    minutes: float = Field(default=20.0, gt=0)
    space: dict[str, tuple[float, float] | tuple[str, ...]] = {}


class ModelConfig(_Model):
    """XGBoost's parameters (the tuned result) and how many rounds may be grown."""

    rounds: int = Field(gt=0)
    early_stopping_rounds: int = Field(default=30, gt=0)
    stop_share: float = Field(default=0.15, gt=0, lt=0.5)
    seed: int = 17
    parameters: dict[str, int | float | str] = {}
    recovery_rounds: int = Field(default=60, gt=0)
    tuning: TuningConfig = TuningConfig()


class LaneCapacity(_Model):
    """Controls that one office can do in a day: a share of its declarations, a count, or the lesser of both."""

    lane: Lane
    share: float | None = Field(default=None, ge=0, le=1)
    count: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> LaneCapacity:
        if self.share is None and self.count is None:
            raise ValueError(f"lane {self.lane} needs a share, a count or both")
        if self.lane is Lane.GREEN:
            raise ValueError("green is what remains; it has no capacity")
        return self


class SelectionConfig(_Model):
    """The policy: capacity of each lane, the random arm, and what a fault is given."""

    capacity: tuple[LaneCapacity, ...]
    model_lanes: tuple[Lane, ...] = (Lane.RED,)
    random_share: float = Field(default=0.01, ge=0, le=1)
    random_lane: Lane = Lane.RED
    fallback_lane: Lane = Lane.YELLOW

    @model_validator(mode="after")
    def _safe(self) -> SelectionConfig:
        if self.fallback_lane is Lane.GREEN:
            raise ValueError("fallback_lane must not be green: a fault never releases goods")
        if self.random_lane is Lane.GREEN or Lane.GREEN in self.model_lanes:
            raise ValueError("green is no control: random_lane and model_lanes name lanes with a control")
        return self

    @model_validator(mode="after")
    def _one_capacity_a_lane(self) -> SelectionConfig:
        limited = [limit.lane for limit in self.capacity]
        if len(set(limited)) < len(limited):
            raise ValueError(f"a lane has more than one [[selection.capacity]]: {', '.join(limited)}; keep one")
        if unlimited := [lane for lane in self.model_lanes if lane not in limited]:
            raise ValueError(f"the model fills {', '.join(unlimited)}, which has no [[selection.capacity]]; state one")
        return self


class CriteriaConfig(_Model):
    """The criteria set that the policy applies beside the model."""

    path: str = ""


class Step(_Model):
    """One notebook of the pipeline, by its name in `notebooks/`, with values for its typed parameters."""

    notebook: str
    parameters: dict[str, Any] = {}


class Pipeline(_Model):
    """A whole programme; build it with :func:`load_pipeline`."""

    path: Path
    parameters: dict[str, Parameter] = {}
    values: dict[str, int | float | str | bool | None] = {}
    programme: Programme
    source: SourceConfig
    split: Split | None = None
    features: FeaturesConfig
    model: ModelConfig
    criteria: CriteriaConfig = CriteriaConfig()
    selection: SelectionConfig
    steps: tuple[Step, ...] = Field(min_length=1)

    def resolve(self, path: str) -> Path:
        """Return `path`, taken relative to the folder of the pipeline's TOML unless it is absolute."""
        return (self.path.parent / path).resolve()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the TOML and the given parameters say."""
        return hashlib.sha256(self.model_dump_json(exclude={"path"}).encode()).hexdigest()


def load_pipeline(path: str | Path, given: Mapping[str, str] | None = None) -> Pipeline:
    """Read a pipeline's TOML, put the `given` parameters into it and check all of it at once.

    Parameters
    ----------
    path
        The TOML file.
    given
        Parameters by name, as text from the command line; each is converted to its declared type.

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
    values = _parameter_values(declared, given or {})
    filled = _fill(data | {"parameters": {}}, values)
    try:
        return Pipeline(**(filled | {"path": file.resolve(), "parameters": declared, "values": values}))
    except ValidationError as error:
        raise ConfigError(_faults(file, error)) from None


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
    declared: Mapping[str, Parameter], given: Mapping[str, str]
) -> dict[str, int | float | str | bool | None]:
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ParameterError(f"Unknown parameter {name!r}{did_you_mean(name, declared)}. Known: {known}.")
    values: dict[str, int | float | str | bool | None] = {}
    for name, parameter in declared.items():
        if name in given:
            values[name] = convert(name, given[name], parameter.type)
        elif parameter.default is None and not parameter.optional:
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


def _faults(file: Path, error: ValidationError) -> str:
    lines = [f"  {'.'.join(map(str, fault['loc'])) or 'file'}: {_advice(fault)}" for fault in error.errors()]
    return f"{file} is not a pipeline, {len(lines)} fault(s):\n" + "\n".join(lines)


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
