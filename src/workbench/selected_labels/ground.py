"""Ground: the past as known at one moment, with goods that nobody looked at beside those that were controlled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import LabelError
from workbench.features import TrainingFeatures, fit_features
from workbench.model import grow, inclusion_probability, stop_early
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import Values
from workbench.selected_labels.variants import Ground, TrainingSet
from workbench.timeline import as_of

_UNLABELLED_A_LABEL = 2.0
"""Goods without a label that are taken in for each labelled one: more cost time and add little."""

_LEAST_PROPENSITY = 0.002
_PROPENSITY_ROUNDS = 60


@dataclass(frozen=True)
class Prepared:
    """What every variant is trained with.

    Parameters
    ----------
    ground
        The past.
    fitted
        The features, to read later goods with.
    rounds
        Trees that each variant grows: as many as early stopping found for controlled goods.
    config
        The pipeline's [model].
    """

    ground: Ground
    fitted: TrainingFeatures
    rounds: int
    config: ModelConfig

    def scores(self, made: TrainingSet, later: Matrix) -> Values:
        """Train on a variant's set and return the score of each later row, in (0, 1)."""
        booster = grow(made.matrix, made.labels, self.config, self.rounds, weights=made.weights)
        return np.asarray(booster.inplace_predict(later), dtype=np.float64)


def prepare(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    moment: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
) -> Prepared:
    """Put the past of `moment` together: features, labels known by then, and a sample of goods without one.

    Parameters
    ----------
    declarations, outcomes
        Canonical tables; outcomes with ``cause`` and ``inclusion_probability`` of what was controlled.
    moment
        The moment of knowledge.
    features, config
        The pipeline's [features] and [model].

    Raises
    ------
    LabelError
        Too few labels, all of one class, no goods without a label, or a label without an inclusion probability.
    """
    config = config.model_copy(update={"weights": "none", "half_life_weeks": None})
    past = as_of(declarations, outcomes, moment)
    rounds = stop_early(declarations, outcomes, past, features, config).rounds
    fitted = fit_features(past, features)
    unlabelled = _sample(past.filter(pl.col("violation").is_null()), len(fitted.labels), config.seed)
    others = fitted.features.matrix(fitted.features.read(unlabelled))
    guess = grow(fitted.matrix, fitted.labels, config, rounds)
    count = past.height - len(fitted.labels)
    ground = Ground(
        matrix=fitted.matrix,
        labels=fitted.labels,
        inclusion=inclusion_probability(fitted.rows),
        in_arm=(fitted.rows["cause"] == "random").fill_null(value=False).to_numpy(),
        unlabelled=others,
        stands_for=count / len(others),
        guessed=np.asarray(guess.inplace_predict(others), dtype=np.float64),
        propensity=np.ones(len(fitted.labels)),
        seed=config.seed,
    )
    return Prepared(replace(ground, propensity=_propensity(ground, config)), fitted, rounds, config)


def _sample(goods: pl.DataFrame, labels: int, seed: int) -> pl.DataFrame:
    """Take some of the goods without a label, in their order."""
    if goods.is_empty():
        raise LabelError(
            "Every declaration item has a label: there is nothing to infer. Give a source of which part was controlled."
        )
    most = min(goods.height, int(_UNLABELLED_A_LABEL * labels))
    drawn = np.random.default_rng(seed).choice(goods.height, most, replace=False)
    return goods[np.sort(drawn)]


def _propensity(ground: Ground, config: ModelConfig) -> Values:
    """Learn who was controlled from the goods themselves, each half by trees grown on the other half."""
    size = len(ground.labels)
    matrix = np.vstack([ground.matrix, ground.unlabelled])
    controlled = np.concatenate([np.ones(size), np.zeros(len(ground.unlabelled))])
    weights = np.concatenate([np.ones(size), np.full(len(ground.unlabelled), ground.stands_for)])
    half: npt.NDArray[np.bool_] = np.random.default_rng(config.seed).random(len(controlled)) < 0.5
    learnt = np.empty(len(controlled))
    for part in (half, ~half):
        booster = grow(matrix[~part], controlled[~part], config, _PROPENSITY_ROUNDS, weights=weights[~part])
        learnt[part] = booster.inplace_predict(matrix[part])
    propensity: Values = np.maximum(learnt[:size], _LEAST_PROPENSITY)
    return propensity
