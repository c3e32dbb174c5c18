"""Baselines: simpler means on the same past and the same rows."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from workbench.baselines import baseline_scores, past_rate
from workbench.config import FeaturesConfig
from workbench.features import fit_features
from workbench.synthetic.world import Tables
from workbench.timeline import as_of

T = datetime(2025, 3, 1)
CONFIG = FeaturesConfig(folds=3, rates=(("importer_id",),), prices=(("hs6",),), numbers=("duty_rate", "gross_mass_kg"))


@pytest.fixture(scope="module")
def past(small_world: Tables) -> pl.DataFrame:
    return as_of(small_world.declarations, small_world.outcomes, T)


@pytest.fixture(scope="module")
def later(small_world: Tables) -> pl.DataFrame:
    return small_world.declarations.filter(pl.col("lodged_at") >= T).head(500)


def test_every_baseline_scores_every_row_and_repeats_itself(past: pl.DataFrame, later: pl.DataFrame) -> None:
    training = fit_features(past, CONFIG)
    first, second = (baseline_scores(training, past, later, seed=1) for _ in range(2))
    assert set(first) == {
        "base rate", "importer's past rate", "past rate of HS x origin", "logistic regression", "random forest"
    }  # fmt: skip
    for name, scores in first.items():
        assert scores.shape == (later.height,)
        assert np.isfinite(scores).all()
        assert np.array_equal(scores, second[name])
    assert first["base rate"] == pytest.approx(training.labels.mean())


def test_the_past_rate_of_an_unseen_importer_is_the_base_rate(past: pl.DataFrame, later: pl.DataFrame) -> None:
    unseen = later.head(3).with_columns(importer_id=pl.lit("never seen"))
    assert past_rate(past, unseen, ("importer_id",)) == pytest.approx(past["violation"].mean())


def test_the_past_rate_is_smoothed(past: pl.DataFrame) -> None:
    labelled = past.drop_nulls("violation")
    importer = labelled.group_by("importer_id").agg(pl.len(), pl.col("violation").sum()).sort("violation").row(-1)
    row = past.filter(pl.col("importer_id") == importer[0]).head(1)
    expected = (importer[2] + 20 * labelled["violation"].mean()) / (importer[1] + 20)
    assert past_rate(past, row, ("importer_id",))[0] == pytest.approx(expected)
