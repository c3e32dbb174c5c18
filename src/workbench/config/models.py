"""What a programme's TOML may say, as frozen models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.errors import did_you_mean
from workbench.scorer.lanes.policy import lots_above_the_model
from workbench.scorer.schema import Lane

PART = Literal["learn", "judge", "decide"]
"""What a table is for: its labels teach (learn), only measure (judge), or are never read (decide)."""

BOOSTER_PARAMETERS = (
    "alpha",
    "colsample_bylevel",
    "colsample_bynode",
    "colsample_bytree",
    "eta",
    "gamma",
    "grow_policy",
    "lambda",
    "learning_rate",
    "max_bin",
    "max_delta_step",
    "max_depth",
    "max_leaves",
    "min_child_weight",
    "min_split_loss",
    "nthread",
    "reg_alpha",
    "reg_lambda",
    "scale_pos_weight",
    "subsample",
)
"""XGBoost's parameters that a pipeline may set: XGBoost itself passes over a misspelt name without a word."""

ParameterType = Literal["int", "float", "str", "bool", "path"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    """Dials of the embedded data (see `workbench.synthetic`); the last three are the published rates by default."""

    rows: int = Field(gt=0)
    months: int = Field(gt=0)
    seed: int
    violation_rate: float | None = None
    random_arm_rate: float | None = None
    red_share: float | None = None

    @property
    def rates(self) -> dict[str, Any]:
        """The rates that are given."""
        named = ("violation_rate", "random_arm_rate", "red_share")
        return {name: value for name in named if (value := getattr(self, name)) is not None}


class SourceConfig(_Model):
    """Where the declarations come from and which mapping makes them canonical.

    `lot_frame` says what past controls by lot were drawn from: all goods, before anything else selected, or those that
    nothing else had selected.
    """

    mapping: str
    lot_frame: Literal["all", "unselected"] = "unselected"
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

    @model_validator(mode="after")
    def _crosses_are_sound(self) -> FeaturesConfig:
        for kind in ("rates", "prices", "quantities", "frequencies", "codes", "numbers"):
            listed = [(name,) if isinstance(name, str) else name for name in getattr(self, kind)]
            for cross in listed:
                if not cross or len(set(cross)) < len(cross):
                    raise ValueError(f"{kind}: {list(cross)} must name one column or more, each once")
            if repeated := {cross for cross in listed if listed.count(cross) > 1}:
                raise ValueError(f"{kind}: {[list(cross) for cross in sorted(repeated)]} stands more than once")
        return self


class TuningConfig(_Model):
    """Bounds of the search: it stops at whichever comes first; `space` gives [low, high] or a list of choices."""

    trials: int = Field(default=20, gt=0)
    minutes: float = Field(default=20.0, gt=0)
    space: dict[str, tuple[float, float] | tuple[str, ...]] = {}


class ModelConfig(_Model):
    """XGBoost's parameters (the tuned result), how many rounds may be grown, and what each label counts.

    With ``weights = "inclusion"`` a label counts 1 / inclusion probability, at most `weight_limit` times the mean; with
    `half_life_weeks` half as much for each so many weeks that its goods are older than the newest.
    """

    rounds: int = Field(gt=0)
    early_stopping_rounds: int = Field(default=30, gt=0)
    stop_share: float = Field(default=0.15, gt=0, lt=0.5)
    seed: int = 17
    parameters: dict[str, int | float | str] = {}
    recovery_rounds: int = Field(default=60, gt=0)
    weights: Literal["none", "inclusion"] = "none"
    half_life_weeks: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    weight_limit: float = Field(default=20.0, ge=1)
    tuning: TuningConfig = TuningConfig()

    @model_validator(mode="after")
    def _parameters_exist(self) -> ModelConfig:
        _refuse_unknown([*self.parameters, *self.tuning.space])
        return self


def _refuse_unknown(parameters: Iterable[str]) -> None:
    for name in parameters:
        if name not in BOOSTER_PARAMETERS:
            known = ", ".join(BOOSTER_PARAMETERS)
            raise ValueError(f"unknown parameter {name!r}{did_you_mean(name, BOOSTER_PARAMETERS)}; known: {known}")


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
    """The policy: capacity of each lane and what tops it up, the random arm, and what a fault is given."""

    capacity: tuple[LaneCapacity, ...]
    model_lanes: tuple[Lane, ...] = (Lane.RED,)
    lot_lanes: tuple[Lane, ...] = ()
    random_share: float = Field(default=0.01, ge=0, le=1)
    random_lane: Lane = Lane.RED
    fallback_lane: Lane = Lane.YELLOW

    @model_validator(mode="after")
    def _safe(self) -> SelectionConfig:
        if self.fallback_lane is Lane.GREEN:
            raise ValueError("fallback_lane must not be green: a fault never releases goods")
        if Lane.GREEN in (self.random_lane, *self.model_lanes, *self.lot_lanes):
            raise ValueError("green is no control: random_lane, model_lanes and lot_lanes name lanes with a control")
        if both := sorted({*self.model_lanes} & {*self.lot_lanes}):
            raise ValueError(f"{', '.join(both)} stands in model_lanes and in lot_lanes: top it up by one of them")
        if above := lots_above_the_model(self.model_lanes, self.lot_lanes):
            raise ValueError(above)
        return self

    @model_validator(mode="after")
    def _one_capacity_a_lane(self) -> SelectionConfig:
        limited = [limit.lane for limit in self.capacity]
        if len(set(limited)) < len(limited):
            raise ValueError(f"a lane has more than one [[selection.capacity]]: {', '.join(limited)}; keep one")
        if unlimited := [lane for lane in (*self.model_lanes, *self.lot_lanes) if lane not in limited]:
            raise ValueError(f"{', '.join(unlimited)} is topped up and has no [[selection.capacity]]; state one")
        return self


class CriteriaConfig(_Model):
    """The criteria set that the policy applies beside the model; `drafts` lets those decide that nobody approved."""

    path: str = ""
    drafts: bool = False


class SchemeChangeConfig(_Model):
    """A change of some schemes from a week of the simulation on; see `workbench.synthetic.changes`."""

    week: int
    schemes: tuple[str, ...] = Field(min_length=1)
    intensity: float = Field(default=1.0, ge=0)
    moves: bool = False
    share: float = Field(default=0.05, gt=0, le=1)


class SimulationWorldConfig(_Model):
    """Dials of the generated world of a simulation; without `changes` nothing moves but the traders' reactions."""

    violation_rate: float = Field(default=0.08, ge=0, le=0.3)
    deterrence: float = Field(default=4.0, ge=0, le=100)
    changes: tuple[SchemeChangeConfig, ...] = ()


class SimulationConfig(_Model):
    """What a weekly simulation learns with; what is not given is as in [model].

    `rounds` are given, since no label is kept back to stop early on.
    """

    rounds: int = Field(default=100, gt=0)
    parameters: dict[str, int | float | str] = {}
    weights: Literal["none", "inclusion"] | None = None
    half_life_weeks: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    label_delay_days: int = Field(default=0, ge=0)
    checkpoint_weeks: int = Field(default=5, gt=0)
    world: SimulationWorldConfig = SimulationWorldConfig()

    @model_validator(mode="after")
    def _parameters_exist(self) -> SimulationConfig:
        _refuse_unknown(self.parameters)
        return self


class DailyConfig(_Model):
    """The daily cycle: the weeks that a day's summary and the report look back on."""

    report_weeks: int = Field(default=8, gt=0)


class DriftConfig(_Model):
    """How drift is looked for: the reference that thresholds are learnt on, and how often they may be wrong.

    The first `baseline_weeks` of the reference are only compared with: 13 and 65 leave a year with every season.
    Results count if they are recorded within `result_weeks`, that of lodgement included.
    """

    reference_weeks: int = Field(default=65, gt=0)
    baseline_weeks: int = Field(default=13, ge=4)
    result_weeks: int = Field(default=2, ge=1)
    false_alarms_per_year: float = Field(default=1.0, gt=0, le=12)
    seed: int = Field(default=17, ge=0)


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
    simulation: SimulationConfig = SimulationConfig()
    daily: DailyConfig = DailyConfig()
    drift: DriftConfig = DriftConfig()
    steps: tuple[Step, ...] = Field(min_length=1)

    def resolve(self, path: str) -> Path:
        """Return `path`, taken relative to the folder of the pipeline's TOML unless it is absolute."""
        return (self.path.parent / path).resolve()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the TOML and the given parameters say."""
        return hashlib.sha256(self.model_dump_json(exclude={"path"}).encode()).hexdigest()
