"""Tuning: a bounded search of XGBoost's parameters on the learning part, written into the pipeline's TOML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.config import ModelConfig, TuningConfig
from workbench.errors import ConfigError, LabelError
from workbench.features import TrainingFeatures
from workbench.model import earlier_and_later, grow, label_weights
from workbench.scorer.files import write_text_atomically
from workbench.scorer.risk.featureset import Matrix
from workbench.stages.folder import RunFolder
from workbench.timeline import as_of, start_of

_WHOLE = ("max_leaves", "max_depth", "max_bin")
_LOGARITHMIC = ("eta", "reg_lambda", "reg_alpha", "min_child_weight")


@dataclass(frozen=True)
class SearchResult:
    """The best parameters found.

    Parameters
    ----------
    parameters
        XGBoost's parameters by name, those that were not searched included.
    rounds
        Trees at which early stopping ended.
    log_loss, started_from
        Log loss on the later part of the learning period, smaller is better: of the best, and of the parameters before.
        It is what early stopping watches; with few violations a metric at the top of the ranking would chase noise.
    trials
        Trials done within the bounds.
    """

    parameters: dict[str, Any]
    rounds: int
    log_loss: float
    started_from: float
    trials: int

    @property
    def is_better(self) -> bool:
        """Whether a trial beat the parameters that the search started from."""
        return self.log_loss < self.started_from

    def describe(self) -> str:
        """Return the result as a few lines for people."""
        if not self.is_better:
            return (
                f"{self.trials} trials: log loss {self.started_from:.6f} on the later part of the learning period. No "
                "trial beat the present parameters; nothing to change."
            )
        return (
            f"{self.trials} trials: log loss {self.log_loss:.6f} on the later part of the learning period, "
            f"{self.started_from:.6f} before.\n{_listed(self.parameters)}; {self.rounds} rounds."
        )


def _listed(parameters: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in parameters.items()
    )


@dataclass(frozen=True)
class _Ground:
    """Where trials are compared: features of the earlier part, labelled rows of the later part."""

    early: TrainingFeatures
    later: pl.DataFrame
    matrix: Matrix

    def trial(self, config: ModelConfig, parameters: dict[str, Any]) -> tuple[float, int]:
        labels = self.later["violation"].cast(pl.Float64).to_numpy()
        tried = config.model_copy(update={"parameters": parameters})
        watch = (self.matrix, labels, label_weights(self.later, tried))
        counts = label_weights(self.early.rows, tried)
        booster = grow(self.early.matrix, self.early.labels, tried, config.rounds, weights=counts, watch=watch)
        return float(booster.best_score), booster.best_iteration + 1


def search(pipeline_path: Path, run_dir: Path, tell: Callable[[str], None] = lambda line: None) -> SearchResult:
    """Search within the bounds of [model.tuning]; the judging and deciding parts are never read.

    The first trial is the TOML's present parameters, so the result is never worse than they are. The same seed tries
    the same parameters in the same order. `tell` is given one line after each trial.
    """
    import optuna

    run = RunFolder.open(run_dir)
    config = run.pipeline.model
    if not config.tuning.space:
        raise ConfigError(f"{pipeline_path} has no [model.tuning.space]. State a range for each parameter to search.")
    ground = _ground(run)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=config.seed))
    before, rounds_before = ground.trial(config, config.parameters)
    best: list[tuple[float, int, dict[str, Any]]] = [(before, rounds_before, config.parameters)]
    tell(_line(best, config.tuning.trials))

    def objective(trial: optuna.Trial) -> float:
        parameters = config.parameters | _suggest(trial, config.tuning)
        value, rounds = ground.trial(config, parameters)
        best.append((value, rounds, parameters))
        tell(_line(best, config.tuning.trials))
        return value

    study.optimize(objective, n_trials=config.tuning.trials, timeout=60 * config.tuning.minutes)
    value, rounds, parameters = min(best, key=lambda found: found[0])
    return SearchResult(parameters, rounds, value, before, len(best))


def _line(done: list[tuple[float, int, dict[str, Any]]], trials: int) -> str:
    value, rounds, parameters = done[-1]
    place = f"trial {len(done) - 1}/{trials}" if len(done) > 1 else "present parameters"
    best = min(found[0] for found in done)
    return f"{place}: log loss {value:.6f}, best {best:.6f}; {_listed(parameters)}; {rounds} rounds"


def _ground(run: RunFolder) -> _Ground:
    declarations, outcomes = run.read("declarations"), run.read("outcomes")
    moment = start_of(declarations, "judge")
    if moment is None:
        raise LabelError(
            "The run has no part to judge, so it is not known where learning ends. Mend the pipeline's tables."
        )
    past = as_of(declarations, outcomes, moment)
    early, later = earlier_and_later(declarations, outcomes, past, run.pipeline.model.stop_share, run.pipeline.features)
    return _Ground(early, later, early.features.matrix(early.features.read(later)))


def _suggest(trial: Any, tuning: TuningConfig) -> dict[str, Any]:
    return {name: _suggest_one(trial, name, bounds) for name, bounds in tuning.space.items()}


def _suggest_one(trial: Any, name: str, bounds: tuple[Any, ...]) -> Any:
    if isinstance(bounds[0], str):
        return trial.suggest_categorical(name, list(bounds))
    low, high = bounds
    if name in _WHOLE:
        return trial.suggest_int(name, int(low), int(high))
    return trial.suggest_float(name, low, high, log=name in _LOGARITHMIC)


def write_result(pipeline_path: Path, result: SearchResult) -> None:
    """Write the parameters into [model.parameters] of the pipeline's TOML; comments and order stay as they are."""
    import tomlkit

    document = tomlkit.parse(pipeline_path.read_text(encoding="utf-8"))
    model: Any = document["model"]
    table = model.setdefault("parameters", {})
    for name, value in result.parameters.items():
        table[name] = round(value, 6) if isinstance(value, float) else value
    write_text_atomically(tomlkit.dumps(document), pipeline_path)
