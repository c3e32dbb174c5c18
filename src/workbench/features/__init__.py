"""Features: fitted on the past only, out-of-fold for training rows; an unseen group gets the prior."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from workbench.config import FeaturesConfig
from workbench.errors import ConfigError, LabelError, did_you_mean
from workbench.features import plain
from workbench.features.learners import Learner
from workbench.features.novelty import Frequency
from workbench.features.past import Past
from workbench.features.profiles import HitRate
from workbench.features.quantiles import MeasureQuantiles
from workbench.scorer.risk.featureset import FeatureSet, Matrix, Recipe, compute
from workbench.scorer.risk.lookups import KeySpace, Lookup, Values, profile_name
from workbench.scorer.schema import derive, known_at_lodgement, lodgement_types

__all__ = ["TrainingFeatures", "fit_features", "learners", "readable_columns"]


@dataclass(frozen=True)
class TrainingFeatures:
    """A fitted feature set and the matrix of the rows that it was fitted on.

    Parameters
    ----------
    features
        Fitted on all of the past; transforms later rows.
    matrix
        float32, shape (labelled rows, features), column-major: each row's values were learnt without its own fold.
    labels
        float64, shape (labelled rows,), 0.0 or 1.0.
    rows
        The labelled rows themselves, in the matrix's order.
    """

    features: FeatureSet
    matrix: Matrix
    labels: Values
    rows: pl.DataFrame


def fit_features(past: pl.DataFrame, config: FeaturesConfig) -> TrainingFeatures:
    """Learn the features of `config` from the past.

    Parameters
    ----------
    past
        What `timeline.as_of` returned: canonical columns, ``violation`` null where no label was known by then. Rows
        without a label teach prices and frequencies; those with one train the model.
    config
        The pipeline's [features].

    Raises
    ------
    LabelError
        No label was known, or all are of one class.
    ConfigError
        A column is unknown or is known only after the control.
    """
    every, plain_recipes = learners(config), _plain_recipes(config)
    key_columns = _key_columns(every, config)
    _check_columns({*key_columns, *config.numbers})
    _check_labels(past)
    derived = derive(past)
    table = Past(derived, KeySpace.learn(derived, key_columns), config.folds)
    lookups: dict[str, Lookup] = {}
    values: dict[tuple[str, str], Values] = {}
    for learner in every:
        lookup, out_of_fold = learner.learn(table)
        lookups[learner.name] = lookup
        values |= {(learner.name, value): column for value, column in out_of_fold.items()}
    recipes = tuple([recipe for learner in every for recipe in learner.recipes()] + plain_recipes)
    features = FeatureSet(table.space, lookups, recipes)
    matrix = compute(recipes, table.training_input(values))
    return TrainingFeatures(features, matrix, table.labels, derived.filter(table.labelled))


def readable_columns(config: FeaturesConfig) -> dict[str, pl.DataType]:
    """Return the type of every column that criteria may read beside a model of these features, before it is trained.

    They are those known at lodgement, those derived from them, and the profile columns, as
    `scorer.scorer.criteria_columns` gives them once there is a model.

    Raises
    ------
    ConfigError
        A column is unknown or is known only after the control.

    Examples
    --------
    >>> "importer_hit_rate" in readable_columns(FeaturesConfig(rates=(("importer_id",),)))
    True
    """
    every = learners(config)
    _check_columns({*_key_columns(every, config), *config.numbers})
    profiles = [profile_name(learner.columns, value) for learner in every for value in learner.values]
    return lodgement_types() | dict.fromkeys(profiles, pl.Float64())


def _key_columns(every: Iterable[Learner], config: FeaturesConfig) -> set[str]:
    return {*config.codes, *(name for learner in every for name in learner.columns)}


def learners(config: FeaturesConfig) -> list[Learner]:
    """Return what learns the profiles of `config`, one for each of its crosses."""
    return [
        *(HitRate(columns, config.smoothing) for columns in config.rates),
        *(MeasureQuantiles(columns, "unit_value_usd_per_kg") for columns in config.prices),
        *(MeasureQuantiles(columns, "net_mass_kg_per_quantity") for columns in config.quantities),
        *(Frequency(columns) for columns in config.frequencies),
    ]


def _plain_recipes(config: FeaturesConfig) -> list[Recipe]:
    return plain.codes(config.codes) + plain.numbers(config.numbers) + (plain.calendar() if config.calendar else [])


def _check_columns(columns: Iterable[str]) -> None:
    allowed = known_at_lodgement()
    faults = [f"{name!r}{did_you_mean(name, allowed)}" for name in sorted(columns) if name not in allowed]
    if faults:
        raise ConfigError(
            f"[features] names {', '.join(faults)}, which is no column known at lodgement. A feature reads only: "
            f"{', '.join(allowed)}."
        )


def _check_labels(past: pl.DataFrame) -> None:
    labels = past["violation"].drop_nulls()
    if not len(labels):
        raise LabelError(
            f"No label is known among the {past.height:,} declaration items to learn from. Give a later moment, a "
            "longer period or a source with outcomes."
        )
    if labels.n_unique() == 1:
        raise LabelError(
            f"All {len(labels):,} known labels are {labels[0]}: a model learns nothing from one class. Check the "
            "mapping of 'violation', or give a longer period."
        )
