"""Selected labels: what each variant trains on, that nothing of the future teaches, and what the comparison says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import ConfigError, LabelError
from workbench.evaluation import Estimate
from workbench.model import calibrate, label_weights, train
from workbench.reports.selected_labels_page import selected_labels_page, write_selected_labels_page
from workbench.selected_labels import GOODS, VARIANTS, Comparison, Ground, compare
from workbench.selected_labels.compare import _for_all
from workbench.selected_labels.ground import prepare
from workbench.synthetic.world import Tables

FEATURES = FeaturesConfig(
    rates=(("importer_id",), ("hs6", "origin_country_code")), prices=(("hs6",),), numbers=("duty_rate",)
)
MODEL = ModelConfig(rounds=25, early_stopping_rounds=5, recovery_rounds=5, parameters={"eta": 0.3, "max_depth": 3})
MOMENT, UNTIL = datetime(2025, 5, 1), datetime(2025, 7, 1)


def truth_of(world: Tables) -> pl.DataFrame:
    return world.truth.select("declaration_id", "item_no", violation="fraudulent")


@pytest.fixture(scope="module")
def compared(small_world: Tables) -> Comparison:
    return compare(
        small_world.declarations,
        small_world.outcomes,
        moment=MOMENT,
        until=UNTIL,
        features=FEATURES,
        config=MODEL,
        truth=truth_of(small_world),
        replicates=40,
    )


def ground(labelled: int = 40, others: int = 30, seed: int = 0) -> Ground:
    rng = np.random.default_rng(seed)
    return Ground(
        matrix=rng.random((labelled, 3), dtype=np.float32),
        labels=(rng.random(labelled) < 0.3).astype(float),
        inclusion=rng.uniform(0.05, 1.0, labelled),
        in_arm=rng.random(labelled) < 0.4,
        unlabelled=rng.random((others, 3), dtype=np.float32),
        stands_for=4.0,
        guessed=rng.uniform(0.01, 0.9, others),
        propensity=rng.uniform(0.05, 1.0, labelled),
        seed=seed,
    )


@given(st.sampled_from(VARIANTS), st.integers(2, 60), st.integers(1, 60), st.integers(0, 9))
def test_every_variant_makes_a_sound_training_set(variant, labelled, others, seed):
    given_ground = ground(labelled, others, seed)
    made = variant().training_set(given_ground)
    assert len(made.matrix) == len(made.labels) == len(made.weights)
    assert set(np.unique(made.labels)) <= {0.0, 1.0}
    assert (made.weights > 0).all()
    if len(made.labels):
        assert made.effective_size <= len(made.labels) * (1 + 1e-12)


@pytest.mark.parametrize("name", ["all others clean", "fuzzy augmentation", "parcelling", "hard cut"])
def test_inferred_goods_count_as_many_as_there_are(name):
    given_ground = ground()
    variant = next(one for one in VARIANTS if one.name == name)
    made = variant().training_set(given_ground)
    assert made.weights.sum() == pytest.approx(40 + 30 * 4.0)


def test_fuzzy_augmentation_counts_violations_by_the_guess():
    given_ground = ground()
    made = next(one for one in VARIANTS if one.name == "fuzzy augmentation")().training_set(given_ground)
    assert made.weights[40:] @ made.labels[40:] == pytest.approx(4.0 * given_ground.guessed.sum())


def test_the_hard_cut_takes_the_most_suspicious():
    given_ground = ground()
    made = next(one for one in VARIANTS if one.name == "hard cut")().training_set(given_ground)
    taken = made.labels[40:] == 1
    assert taken.sum() == round(given_ground.labels[given_ground.in_arm].mean() * 30)
    assert given_ground.guessed[taken].min() >= given_ground.guessed[~taken].max()


def test_inclusion_weights_stand_for_what_was_as_unlikely_to_be_controlled():
    given_ground = replace(ground(), inclusion=np.where(np.arange(40) < 20, 1.0, 0.5))
    made = next(one for one in VARIANTS if one.name == "inclusion weights")().training_set(given_ground)
    assert made.weights[20:] == pytest.approx(2 * made.weights[0])


def test_weights_have_mean_one_and_a_limit():
    rows = pl.DataFrame({"inclusion_probability": [1.0] * 99 + [0.001]})
    weights = label_weights(rows, ModelConfig(rounds=1, weights="inclusion", weight_limit=5.0))
    assert weights.mean() == pytest.approx(1.0)
    assert weights.max() / weights.min() == pytest.approx(5.0 * (99 + 1000) / 100)


@pytest.mark.parametrize("probability", [None, 0.0, 1.5])
def test_a_label_without_a_sound_probability_is_named(probability):
    rows = pl.DataFrame({"inclusion_probability": [0.5, probability]}, schema={"inclusion_probability": pl.Float64})
    with pytest.raises(LabelError, match="1 of 2 have none"):
        label_weights(rows, ModelConfig(rounds=1, weights="inclusion"))


def test_weights_without_recorded_probabilities_are_refused(small_world: Tables):
    outcomes = small_world.outcomes.drop("inclusion_probability")
    config = MODEL.model_copy(update={"weights": "inclusion"})
    with pytest.raises(LabelError, match=r"weights = \"none\""):
        train(small_world.declarations, outcomes, MOMENT, FEATURES, config)


def test_weighted_calibration_holds_for_all_goods_and_not_for_controlled_ones_only():
    rng = np.random.default_rng(3)
    margins = rng.normal(size=2_000)
    labels = (rng.random(2_000) < 0.03).astype(float)
    weights = np.where(labels == 1, 0.2, 1.0)
    calibrated = calibrate(margins, labels, weights / weights.mean())
    expected = np.average(calibrated.probability(margins), weights=weights)
    assert expected == pytest.approx(np.average(labels, weights=weights), rel=0.01)
    assert expected < 0.5 * labels.mean()


def test_nothing_known_later_teaches(small_world: Tables):
    outcomes = small_world.outcomes
    future = outcomes.filter(pl.col("label_known_at") >= MOMENT)
    forged = outcomes.with_columns(
        violation=pl.when(pl.col("label_known_at") >= MOMENT).then(~pl.col("violation")).otherwise("violation")
    )
    assert future["violation"].count() > 100
    one, other = (
        prepare(small_world.declarations, table, MOMENT, FEATURES, MODEL).ground for table in (outcomes, forged)
    )
    assert np.array_equal(one.matrix, other.matrix, equal_nan=True)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.guessed, other.guessed)
    assert np.array_equal(one.propensity, other.propensity)


def test_the_sample_of_goods_without_a_label_stands_for_all_of_them(small_world: Tables):
    prepared = prepare(small_world.declarations, small_world.outcomes, MOMENT, FEATURES, MODEL).ground
    lodged = small_world.declarations.filter(pl.col("lodged_at") < MOMENT).height
    assert len(prepared.labels) + len(prepared.unlabelled) * prepared.stands_for == pytest.approx(lodged)


def test_every_variant_is_judged_on_every_kind_of_goods(compared: Comparison):
    pairs = set(compared.table.select("variant", "goods").rows())
    assert pairs == {(variant.name, goods) for variant in VARIANTS for goods in GOODS}
    judged = dict(compared.table.select("goods", "judged_on").unique().rows())
    assert judged["truth"] > judged["controlled"] > judged["random arm"]


def test_taking_all_others_for_clean_misjudges_how_many_cheat(compared: Comparison):
    truth = compared.table.filter(pl.col("goods") == "truth")
    share = dict(truth.select("variant", "expected_over_observed").rows())
    assert share["all others clean"] < share["as found"] < 1.5


def test_the_gain_is_over_training_as_found(compared: Comparison):
    rows = compared.table.filter(pl.col("goods") == "truth")
    first = rows["average_precision"][0]
    assert rows["variant"][0] == "as found"
    assert rows["gain"][0] is None
    gains = rows["average_precision"][1:] - first
    assert rows["gain"][1:].to_list() == pytest.approx(gains.to_list(), abs=1e-9)


def test_goods_of_one_class_are_told_without_figures(small_world: Tables):
    clean = truth_of(small_world).with_columns(violation=pl.lit(value=False))
    only = compare(
        small_world.declarations,
        small_world.outcomes,
        moment=MOMENT,
        until=MOMENT + timedelta(days=7),
        features=FEATURES,
        config=MODEL,
        truth=clean,
        replicates=5,
    )
    truth = only.table.filter(pl.col("goods") == "truth")
    assert truth["violations"].to_list() == [0] * truth.height
    assert truth["average_precision"].null_count() == truth.height
    items = f"{truth['judged_on'][0]:,} items with 0 violations."
    assert f"truth: all later goods, by the truth about them, {items}\nToo few to judge by" in only.describe()
    page = selected_labels_page(only.to_dict())
    few = next(section for section in page.sections if section.title == "Too few to judge by")
    assert few.text[0].startswith("By the truth about all goods: ")


def test_one_violation_judges_nothing(small_world: Tables):
    """A single violation would give every variant an interval without width."""
    first = truth_of(small_world).filter(pl.col("violation"))
    last = small_world.declarations.filter(pl.col("lodged_at") >= MOMENT).join(first, on=["declaration_id", "item_no"])
    lone = pl.col("declaration_id") == last["declaration_id"][0]
    one = compare(
        small_world.declarations,
        small_world.outcomes,
        moment=MOMENT,
        until=MOMENT + timedelta(days=2),
        features=FEATURES,
        config=MODEL,
        truth=truth_of(small_world).with_columns(violation=lone & pl.col("violation")),
        replicates=5,
    )
    judged = one.table.filter(pl.col("goods") == "truth")
    assert 0 < judged["violations"][0] < 10
    assert judged["gain"].null_count() == judged.height


def test_the_text_names_what_it_rests_on(compared: Comparison):
    text = compared.describe()
    for goods, judged, violations in compared.table.select("goods", "judged_on", "violations").unique().rows():
        assert f"{goods}: {GOODS[goods]}, {judged:,} items with {violations:,} violations." in text
    assert "Known for controlled goods only" in text
    assert not re.search(r"\d\.\d\d\d", text), "no more digits than intervals carry"
    assert max(map(len, text.splitlines())) <= 120


def test_parcelling_draws_violations_at_the_mean_guess_of_their_band():
    given_ground = replace(ground(others=4000), guessed=np.repeat([0.0, 0.5, 1.0], [1000, 2000, 1000]))
    made = next(one for one in VARIANTS if one.name == "parcelling")().training_set(given_ground)
    drawn = made.labels[40:]
    assert (drawn[:1000].mean(), drawn[3000:].mean()) == (0.0, 1.0)
    assert drawn[1000:3000].mean() == pytest.approx(0.5, abs=0.05)


def test_days_without_goods_are_named(small_world: Tables):
    with pytest.raises(LabelError, match="Nothing was lodged"):
        compare(
            small_world.declarations, small_world.outcomes, moment=UNTIL, until=UNTIL, features=FEATURES, config=MODEL
        )


def test_a_source_without_uncontrolled_goods_is_refused(small_world: Tables):
    labelled = small_world.outcomes.filter(pl.col("violation").is_not_null()).select("declaration_id", "item_no")
    controlled = small_world.declarations.join(labelled, on=labelled.columns, how="semi")
    known = small_world.outcomes.with_columns(label_known_at=pl.lit(datetime(2025, 1, 2)))
    with pytest.raises(LabelError, match="nothing to infer"):
        prepare(controlled, known, MOMENT, FEATURES, MODEL)


def test_the_page_says_what_gained_and_holds_the_table(compared: Comparison, tmp_path):
    page = write_selected_labels_page(compared, tmp_path, sources={"Data": "a world"})
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert pl.read_parquet(tmp_path / "variants.parquet").equals(compared.table)
    assert [section.title for section in page.sections][-1] == "The variants"
    assert len(page.sections) == 1 + len(GOODS)
    assert page == selected_labels_page(compared.to_dict(), sources={"Data": "a world"})


def judged(**gains: tuple[float, float, float]) -> dict[str, Any]:
    """Return a comparison as JSON in which variants gained so much, judged by the random arm."""
    variants = {variant.name.replace(" ", "_"): variant.name for variant in VARIANTS}
    nothing = (0.0, -0.01, 0.01)
    rows = [
        {
            **dict.fromkeys(("trained_on", "effective_size", "judged_on", "violations"), 50),
            **dict.fromkeys(("average_precision", "auc", "precision_at_5pct", "recall_at_5pct"), 0.3),
            "expected_over_observed": 1.0,
            "variant": name,
            "goods": "random arm",
            **dict(zip(("gain", "gain_low_95", "gain_high_95"), gains.get(key, nothing), strict=True)),
        }
        for key, name in variants.items()
    ]
    rows[0] |= dict.fromkeys(("gain", "gain_low_95", "gain_high_95"))
    return {"first_day": "2025-10-09", "last_day": "2025-12-03", "variants": [], "table": rows}


@pytest.mark.parametrize(
    ("gains", "said", "advised"),
    [
        ({"inclusion_weights": (0.0002, 0.00015, 0.0003)}, "None of 7 variants is shown to rank better", "Leave"),
        ({"inclusion_weights": (0.02, 0.01, 0.03)}, "Of 7 variants 'inclusion weights' ranks best", "Set [model]"),
        ({"parcelling": (0.02, 0.01, 0.03)}, "Of 7 variants 'parcelling' ranks best", "'parcelling' does, and no"),
        ({"hard_cut": (-0.02, -0.03, -0.01)}, "Worse: hard cut.", "no other way to train is shown to rank better"),
    ],
)
def test_the_advice_follows_the_answer(gains, said, advised):
    page = selected_labels_page(judged(**gains))
    assert said in page.answer
    assert advised in page.next_steps[0]
    shown = "Gained most" if "ranks best" in said else "No gain is shown"
    assert next(page.figures()).title.startswith(shown)


def test_intervals_hold_for_all_variants_together():
    alone = Estimate(0.02, 0.01, 0.04)
    together = _for_all(alone)
    # Seven at once: each may be wrong in .05 / 7 of all cases, 2.69 standard deviations instead of 1.96.
    assert (together.low_95, together.high_95) == pytest.approx((0.02 - 0.01 * 1.3728, 0.02 + 0.02 * 1.3728), abs=1e-5)


def test_the_period_judged_ends_with_its_last_day(compared: Comparison):
    last = f"{UNTIL - timedelta(days=1):%Y-%m-%d}"
    assert compared.to_dict()["last_day"] == last
    assert f"judged on goods lodged from {MOMENT:%Y-%m-%d} to {last}." in compared.describe()


def test_the_command_reads_a_generated_world_and_its_truth(workbench, tmp_path):
    world, out = tmp_path / "world", tmp_path / "out"
    made = workbench("generate", "--rows", 6000, "--months", 6, "--violation-rate", 0.2, "--out", world)
    assert made.code == 0, made.err
    told = workbench("selected-labels", world, "--pipeline", "pipelines/declarations.toml", "--out", out)
    assert told.code == 0, told.err
    assert "truth: all later goods" in told.out
    assert (out / "report.html").is_file()


def test_a_source_without_a_pipeline_is_refused(tmp_path):
    from workbench.stages.labels import compare_labels

    with pytest.raises(ConfigError, match="--pipeline"):
        compare_labels(tmp_path)
