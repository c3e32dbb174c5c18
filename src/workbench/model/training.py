"""Training: from what was known at one moment to a fitted risk model.

The trees are grown twice. First on the earlier part of the past, stopped early on its later part, which also calibrates
the probabilities; then on all of it with the number of rounds found. No row is ever judged by trees that saw it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import LabelError
from workbench.features import TrainingFeatures, fit_features
from workbench.scorer.risk.calibration import Calibration
from workbench.scorer.risk.riskmodel import RiskModel
from workbench.timeline import as_of, earlier_share

from .boosters import grow, grow_recovery
from .calibrating import calibrate
from .weights import label_weights

if TYPE_CHECKING:
    import xgboost


@dataclass(frozen=True)
class Training:
    """A trained model and how it came about.

    Parameters
    ----------
    model
        Grown on everything known at `as_of`.
    rounds
        Trees grown, found by early stopping on the later period.
    stop_loss
        Log loss on the later period at that number of rounds, smaller is better; ``None`` where nothing was held back.
    fitted
        The features, with the out-of-fold matrix and the labels that the model learnt from.
    as_of
        Moment of knowledge.
    """

    model: RiskModel
    rounds: int
    stop_loss: float | None
    fitted: TrainingFeatures
    as_of: datetime


def train(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    moment: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
) -> Training:
    """Train on what was known at `moment`.

    Parameters
    ----------
    declarations, outcomes
        Canonical tables; rows lodged and labels recorded at or after `moment` are not read.
    moment
        The moment of knowledge.
    features, config
        The pipeline's [features] and [model].

    Raises
    ------
    LabelError
        Too few labels, or all of one class, in the earlier or in the later part.
    """
    past = as_of(declarations, outcomes, moment)
    stopped = stop_early(declarations, outcomes, past, features, config)
    again = train_again(
        declarations, outcomes, moment, features, config, rounds=stopped.rounds, calibration=stopped.calibration
    )
    return replace(again, stop_loss=stopped.loss)


def train_again(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    moment: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
    *,
    rounds: int,
    calibration: Calibration,
) -> Training:
    """Train on what was known at `moment` with the rounds and the calibration that an earlier training found.

    Nothing is held back to stop or calibrate on, so nothing is measured either: `stop_loss` is ``None``.
    """
    whole = fit_features(as_of(declarations, outcomes, moment), features)
    booster = grow(whole.matrix, whole.labels, config, rounds, weights=label_weights(whole.rows, config))
    model = RiskModel(whole.features, booster, calibration, grow_recovery(whole, config))
    return Training(model, rounds, None, whole, moment)


@dataclass(frozen=True)
class Stopped:
    """What the later period tells: how many rounds to grow, the loss there, and how to calibrate."""

    rounds: int
    loss: float
    calibration: Calibration


def stop_early(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    past: pl.DataFrame,
    features: FeaturesConfig,
    config: ModelConfig,
) -> Stopped:
    """Grow trees on the earlier part of the past until the later part gets no better, and calibrate there."""
    early, later = earlier_and_later(declarations, outcomes, past, config.stop_share, features)
    labels = later["violation"].cast(pl.Float64).to_numpy()
    matrix, weights = early.features.matrix(early.features.read(later)), label_weights(later, config)
    booster = grow(
        early.matrix,
        early.labels,
        config,
        config.rounds,
        weights=label_weights(early.rows, config),
        watch=(matrix, labels, weights),
    )
    rounds = booster.best_iteration + 1
    _require_splits(booster, early)
    margins = booster.inplace_predict(matrix, iteration_range=(0, rounds), predict_type="margin")
    return Stopped(rounds, float(booster.best_score), calibrate(np.asarray(margins, dtype=np.float64), labels, weights))


def _require_splits(booster: xgboost.Booster, early: TrainingFeatures) -> None:
    if not booster.get_score():
        raise LabelError(
            f"The trees found nothing to split on among {len(early.labels):,} labels with {int(early.labels.sum()):,} "
            "violations: every score would be the same. Learn from a longer period, or lower min_child_weight in "
            "[model.parameters]."
        )


def earlier_and_later(
    declarations: pl.DataFrame, outcomes: pl.DataFrame, past: pl.DataFrame, later_share: float, features: FeaturesConfig
) -> tuple[TrainingFeatures, pl.DataFrame]:
    """Split the past in two by time: features learnt as of the cut, and the labelled rows lodged from the cut on."""
    labelled = past.filter(pl.col("violation").is_not_null())
    if not labelled.height:
        fit_features(past, features)  # raises, naming what is missing
    later = labelled.filter(~earlier_share(labelled, 1 - later_share))
    if later["violation"].n_unique() < 2:
        raise LabelError(
            f"The last {later_share:.0%} of the {labelled.height:,} labelled items, which stop the training, hold one "
            "class only. Give a longer period, or raise [model] stop_share."
        )
    cut = later["lodged_at"].dt.truncate("1d").min()
    assert isinstance(cut, datetime)  # a non-empty Datetime column has a first moment
    return fit_features(as_of(declarations, outcomes, cut), features), later
