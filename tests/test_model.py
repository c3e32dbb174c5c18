"""Training: the same data give the same bytes, additive explanations, refusals that say what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import BundleError, LabelError
from workbench.model import Training, earlier_and_later, grow, label_weights, train, train_again
from workbench.scorer.risk.riskmodel import RiskModel, booster_bytes
from workbench.scorer.schema import KEY
from workbench.stages.folder import MEASURED, RunFolder
from workbench.synthetic.world import Tables
from workbench.timeline import as_of

T = datetime(2025, 5, 1)
FEATURES = FeaturesConfig(
    folds=4, rates=(("importer_id",), ("hs6",)), prices=(("hs6",),), codes=("hs2",), numbers=("duty_rate",)
)
MODEL = ModelConfig(rounds=15, early_stopping_rounds=5, recovery_rounds=5, parameters={"eta": 0.2, "subsample": 0.7})


def learn(declarations: pl.DataFrame, outcomes: pl.DataFrame, config: ModelConfig = MODEL) -> Training:
    return train(declarations, outcomes, T, FEATURES, config)


def frames(model: RiskModel) -> dict[str, pl.DataFrame]:
    return {name: part for name, part in model.to_files().items() if isinstance(part, pl.DataFrame)}


def identical(one: RiskModel, other: RiskModel) -> bool:
    first, second = one.to_files(), other.to_files()
    same_tables = all(table.equals(frames(other)[name]) for name, table in frames(one).items())
    rest = [name for name in first if name not in frames(one)]
    return first.keys() == second.keys() and same_tables and all(first[name] == second[name] for name in rest)


@pytest.fixture(scope="module")
def training(small_world: Tables) -> Training:
    return learn(small_world.declarations, small_world.outcomes)


# --- determinism ---------------------------------------------------------------------------------------------------


def test_training_twice_gives_identical_bytes(small_world: Tables, training: Training) -> None:
    assert identical(learn(small_world.declarations, small_world.outcomes).model, training.model)


def test_order_of_rows_changes_no_byte_of_the_trees(small_world: Tables, training: Training) -> None:
    shuffled = small_world.declarations.sample(fraction=1.0, shuffle=True, seed=9)
    assert identical(learn(shuffled, small_world.outcomes.reverse()).model, training.model)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_tree(training: Training, threads: int) -> None:
    def trees(count: int) -> list[str]:
        config = MODEL.model_copy(update={"parameters": {**MODEL.parameters, "nthread": count}})
        return grow(training.fitted.matrix, training.fitted.labels, config, 10).get_dump(with_stats=True)

    assert trees(threads) == grow(training.fitted.matrix, training.fitted.labels, MODEL, 10).get_dump(with_stats=True)


def test_another_seed_gives_other_trees(training: Training) -> None:
    other = MODEL.model_copy(update={"seed": MODEL.seed + 1})
    matrix, labels = training.fitted.matrix, training.fitted.labels
    assert booster_bytes(grow(matrix, labels, MODEL, 5)) != booster_bytes(grow(matrix, labels, other, 5))


# --- time ------------------------------------------------------------------------------------------------------------


def test_deleting_all_data_after_t_changes_no_byte_of_the_model(small_world: Tables, training: Training) -> None:
    declarations = small_world.declarations.filter(pl.col("lodged_at") < T)
    known = pl.col("label_known_at") < T
    after = ["violation", "recovered_duty_usd", "label_known_at"]
    outcomes = small_world.outcomes.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in after)
    assert identical(learn(declarations, outcomes).model, training.model)


def test_the_period_that_stops_the_training_teaches_it_nothing(small_world: Tables) -> None:
    past = as_of(small_world.declarations, small_world.outcomes, T)
    early, later = earlier_and_later(small_world.declarations, small_world.outcomes, past, 0.15, FEATURES)
    flipped = small_world.outcomes.join(later.select(*KEY, later=True), on=list(KEY), how="left").with_columns(
        violation=pl.when(pl.col("later")).then(1 - pl.col("violation")).otherwise("violation")
    )
    past = as_of(small_world.declarations, flipped, T)
    again, changed = earlier_and_later(small_world.declarations, flipped, past, 0.15, FEATURES)
    assert changed["violation"].sum() != later["violation"].sum()
    assert early.rows["lodged_at"].max() < later["lodged_at"].min()
    assert np.array_equal(again.matrix, early.matrix, equal_nan=True)
    assert np.array_equal(again.labels, early.labels)


def test_early_stopping_grows_no_more_than_the_rounds_allowed(training: Training) -> None:
    assert 1 <= training.rounds <= MODEL.rounds
    assert 0 < training.stop_loss < 0.7


def test_training_again_holds_nothing_back_and_measures_nothing(small_world: Tables, training: Training) -> None:
    again = train_again(
        small_world.declarations, small_world.outcomes, T, FEATURES, MODEL,
        rounds=training.rounds, calibration=training.model.calibration,
    )  # fmt: skip
    assert again.stop_loss is None
    assert identical(again.model, training.model)
    assert training.stop_loss is not None


# --- scores ----------------------------------------------------------------------------------------------------------


def test_scores_are_probabilities_that_agree_with_the_rate_of_violations(
    small_world: Tables, training: Training
) -> None:
    later = as_of(small_world.declarations, small_world.outcomes, datetime(2026, 1, 1))
    later = later.filter((pl.col("lodged_at") >= T) & pl.col("violation").is_not_null())
    scores = training.model.scores(training.model.features.matrix(training.model.features.read(later)))
    assert (scores.score > 0).all()
    assert (scores.score < 1).all()
    assert scores.score.mean() == pytest.approx(later["violation"].mean(), rel=0.35)
    assert (scores.expected_recovery >= 0).all()


def test_the_model_finds_more_than_chance_in_a_later_period(small_world: Tables, training: Training) -> None:
    later = as_of(small_world.declarations, small_world.outcomes, datetime(2026, 1, 1))
    later = later.filter((pl.col("lodged_at") >= T) & pl.col("violation").is_not_null())
    score = training.model.scores(training.model.features.matrix(training.model.features.read(later))).score
    top = np.argsort(-score)[: len(score) // 20]
    assert later["violation"].to_numpy()[top].mean() > 2 * later["violation"].mean()


def test_no_rows_have_no_scores(training: Training) -> None:
    empty = np.empty((0, len(training.model.features.names)), dtype=np.float32)
    assert len(training.model.scores(empty).score) == 0


def test_without_revenue_expected_recovery_is_not_known(small_world: Tables) -> None:
    outcomes = small_world.outcomes.with_columns(recovered_duty_usd=pl.lit(None, pl.Float64))
    model = learn(small_world.declarations, outcomes).model
    assert model.recovery is None
    matrix = model.features.matrix(model.features.read(small_world.declarations.tail(3)))
    assert np.isnan(model.scores(matrix).expected_recovery).all()


# --- explanations are additive -------------------------------------------------------------------------------------


@pytest.mark.parametrize("approximate", [False, True], ids=["TreeSHAP", "Saabas"])
def test_base_and_contributions_add_up_to_the_margin(
    small_world: Tables, training: Training, approximate: bool
) -> None:
    model = training.model
    matrix = model.features.matrix(model.features.read(small_world.declarations.tail(300)))
    found = model.contributions(matrix, approximate=approximate)
    assert found.shape == (300, len(model.features.names) + 1)
    assert found.sum(axis=1) == pytest.approx(model.margins(matrix), abs=1e-4)


def test_contributions_equal_those_of_the_shap_library(small_world: Tables, training: Training) -> None:
    shap = pytest.importorskip("shap")
    model = training.model
    matrix = model.features.matrix(model.features.read(small_world.declarations.tail(100)))
    theirs = shap.TreeExplainer(model.booster)(matrix)
    ours = model.contributions(matrix)
    assert np.abs(ours[:, :-1] - theirs.values).max() < 1e-3
    assert ours[:, -1] == pytest.approx(theirs.base_values, abs=1e-3)


# --- parts and refusals --------------------------------------------------------------------------------------------


def test_a_model_kept_in_a_run_gives_the_same_scores_bit_for_bit(
    training: Training, make_run: Callable[..., RunFolder], small_world: Tables
) -> None:
    run = make_run()
    run.write_model(MEASURED, training.model)
    again, rows = run.read_model(MEASURED), small_world.declarations.tail(500)
    ours = training.model.scores(training.model.features.matrix(training.model.features.read(rows)))
    theirs = again.scores(again.features.matrix(again.features.read(rows)))
    assert np.array_equal(ours.score, theirs.score)
    assert np.array_equal(ours.expected_recovery, theirs.expected_recovery)


def test_a_model_without_its_trees_is_refused(training: Training) -> None:
    files = training.model.to_files()
    with pytest.raises(BundleError, match=r"lacks 'violation.ubj'.*Export"):
        RiskModel.from_files(files["model.json"] | {"recovery": False}, {}, frames(training.model))


def test_labels_of_one_class_in_the_later_part_are_refused_with_what_to_do(small_world: Tables) -> None:
    late = small_world.declarations.filter(pl.col("lodged_at") >= datetime(2025, 3, 15)).select(
        "declaration_id", "item_no", late=True
    )
    outcomes = small_world.outcomes.join(late, on=["declaration_id", "item_no"], how="left").with_columns(
        violation=pl.when(pl.col("late")).then(pl.col("violation").clip(0, 0)).otherwise("violation")
    )
    with pytest.raises(LabelError, match=r"last 15%.*one class.*stop_share"):
        learn(small_world.declarations, outcomes)


def test_no_label_known_by_then_is_refused(small_world: Tables) -> None:
    with pytest.raises(LabelError, match="No label is known"):
        train(small_world.declarations, small_world.outcomes, datetime(2025, 1, 1, 6), FEATURES, MODEL)


def test_old_labels_fade_by_half_and_unlikely_ones_keep_their_weight() -> None:
    lodged = [T - timedelta(weeks=8), T - timedelta(weeks=4), T, T]
    rows = pl.DataFrame({"lodged_at": lodged, "inclusion_probability": [1.0, 1.0, 1.0, 0.5]})
    fading = label_weights(rows, ModelConfig(rounds=1, half_life_weeks=4))
    assert fading / fading[-1] == pytest.approx([0.25, 0.5, 1.0, 1.0])
    both = label_weights(rows, ModelConfig(rounds=1, half_life_weeks=4, weights="inclusion"))
    assert both / both[2] == pytest.approx([0.25, 0.5, 1.0, 2.0])
    assert both.mean() == pytest.approx(1.0)


def test_a_scheme_that_moved_is_followed_sooner_where_old_labels_fade() -> None:
    rng = np.random.default_rng(5)
    moved, place = np.arange(3_000) >= 2_700, rng.random(3_000) < 0.5
    violation = (place == moved) & (rng.random(3_000) < 0.3)
    matrix = place.astype(np.float32)[:, None]
    rows = pl.DataFrame({"lodged_at": [T + timedelta(hours=number) for number in range(3_000)]})

    def score_of_new_place(config: ModelConfig) -> float:
        booster = grow(matrix, violation.astype(float), config, config.rounds, weights=label_weights(rows, config))
        old, new = booster.inplace_predict(np.array([[0], [1]], dtype=np.float32))
        return float(new - old)

    assert score_of_new_place(MODEL) < 0 < score_of_new_place(MODEL.model_copy(update={"half_life_weeks": 1.0}))
