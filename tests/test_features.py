"""Fitting features on the past: nothing of the future, nothing known after the control, readable refusals."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from workbench.config import FeaturesConfig
from workbench.errors import ConfigError, LabelError
from workbench.features import TrainingFeatures, fit_features
from workbench.scorer.schema import DERIVED, Role, known_at_lodgement, names
from workbench.synthetic.world import Tables
from workbench.timeline import as_of

T = datetime(2025, 4, 1)
CONFIG = FeaturesConfig(
    folds=4,
    rates=(("importer_id",), ("hs6", "origin_country_code")),
    prices=(("hs6",),),
    quantities=(("hs4",),),
    frequencies=(("importer_id",),),
    codes=("regime_code",),
    numbers=("duty_rate", "customs_value_usd"),
)


@pytest.fixture(scope="module")
def past(small_world: Tables) -> pl.DataFrame:
    return as_of(small_world.declarations, small_world.outcomes, T)


@pytest.fixture(scope="module")
def fitted(past: pl.DataFrame) -> TrainingFeatures:
    return fit_features(past, CONFIG)


def same(one: TrainingFeatures, other: TrainingFeatures) -> bool:
    tables, others = one.features.to_tables(), other.features.to_tables()
    return (
        np.array_equal(one.matrix, other.matrix, equal_nan=True)
        and np.array_equal(one.labels, other.labels)
        and one.features.to_dict() == other.features.to_dict()
        and tables.keys() == others.keys()
        and all(table.equals(others[name]) for name, table in tables.items())
    )


def test_deleting_all_data_after_t_changes_no_feature_at_t(small_world: Tables, fitted: TrainingFeatures) -> None:
    known = pl.col("label_known_at") < T
    declarations = small_world.declarations.filter(pl.col("lodged_at") < T)
    after = ["violation", "critical_violation", "violation_kind", "recovered_duty_usd", "label_known_at"]
    outcomes = small_world.outcomes.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in after)
    outcomes = outcomes.join(declarations, on=["declaration_id", "item_no"], how="semi")
    assert outcomes["violation"].count() < small_world.outcomes["violation"].count()
    assert same(fit_features(as_of(declarations, outcomes, T), CONFIG), fitted)


def test_order_of_rows_changes_no_feature(small_world: Tables, fitted: TrainingFeatures) -> None:
    shuffled = small_world.declarations.sample(fraction=1.0, shuffle=True, seed=3)
    assert same(fit_features(as_of(shuffled, small_world.outcomes.reverse(), T), CONFIG), fitted)


def test_an_unseen_importer_gets_the_prior(small_world: Tables, fitted: TrainingFeatures) -> None:
    rows = small_world.declarations.head(5).with_columns(importer_id=pl.lit("never seen"))
    features = fitted.features
    matrix = features.matrix(features.read(rows))
    at = features.names.index("importer_hit_rate")
    assert matrix[:, at] == pytest.approx(fitted.labels.mean(), rel=1e-6)
    assert (matrix[:, features.names.index("importer_controls")] == 0).all()
    assert (matrix[:, features.names.index("importer_declarations")] == 0).all()


def test_training_values_are_out_of_fold_and_serving_values_are_not(fitted: TrainingFeatures) -> None:
    features = fitted.features
    served = features.matrix(features.read(fitted.rows))
    at = features.names.index("importer_hit_rate")
    assert served.shape == fitted.matrix.shape

    def told_by(matrix: np.ndarray) -> float:
        return float(np.corrcoef(matrix[:, at], fitted.labels)[0, 1])

    # In-sample rates have seen the label that they are to predict; out-of-fold rates have not.
    assert told_by(served) > told_by(fitted.matrix) + 0.05


def test_matrix_columns_are_the_recipes_in_order(fitted: TrainingFeatures) -> None:
    assert fitted.matrix.dtype == np.float32
    assert fitted.matrix.flags.f_contiguous
    assert fitted.matrix.shape == (fitted.rows.height, len(fitted.features.names))
    assert len(set(fitted.features.names)) == len(fitted.features.names)
    assert set(np.unique(fitted.labels)) == {0.0, 1.0}


@pytest.mark.parametrize("name", [*names(Role.DECISION), *names(Role.OUTCOME), *names(Role.IDENTITY)])
@pytest.mark.parametrize("kind", ["rates", "codes"])
def test_a_column_known_after_lodgement_is_refused_as_a_feature(past: pl.DataFrame, name: str, kind: str) -> None:
    given = {"rates": ((name,),)} if kind == "rates" else {"codes": (name,)}
    with pytest.raises(ConfigError, match=f"'{name}'.*no column known at lodgement"):
        fit_features(past, FeaturesConfig(**given))


def test_a_misspelt_column_is_refused_with_a_suggestion(past: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"'importer' .did you mean 'importer_id'"):
        fit_features(past, FeaturesConfig(rates=(("importer",),)))


def test_no_column_of_a_later_role_can_be_derived() -> None:
    later = set(names(Role.DECISION, Role.OUTCOME))
    read = {root for _, expression in DERIVED.values() for root in expression.meta.root_names()}
    assert not later & (read | set(known_at_lodgement()))


def test_no_label_and_labels_of_one_class_are_refused(past: pl.DataFrame) -> None:
    with pytest.raises(LabelError, match=f"No label is known among the {past.height:,}.*longer period"):
        fit_features(past.with_columns(violation=pl.lit(None, pl.Int8)), CONFIG)
    with pytest.raises(LabelError, match=r"labels are 0.*mapping of 'violation'"):
        fit_features(past.with_columns(pl.col("violation").clip(0, 0)), CONFIG)
