"""Properties of every metric, over random tables with many ties."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.metrics import average_precision_score, roc_auc_score

from workbench.evaluation import (
    SHARES,
    auc,
    average_precision,
    by_group,
    calibration_table,
    cumulative_gain,
    metrics_at,
    ranking_summary,
    wilson_interval,
)

CASES = settings(max_examples=60, deadline=None)
ALL = (*SHARES, 0.5, 1.0)


@st.composite
def ranked_tables(draw: st.DrawFn) -> pl.DataFrame:
    """Draw a ranked outcome table with tied scores, several items a declaration, unlabelled rows, both classes."""
    rows = draw(st.integers(4, 60))
    levels = draw(st.sampled_from([1, 3, 10, 1024]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    violation = generator.choice([0, 1, None], rows, p=[0.6, 0.25, 0.15])
    violation[:2] = [0, 1]
    return pl.DataFrame(
        {
            "declaration_id": [f"D{number // 2}" for number in range(rows)],
            "item_no": [number % 2 + 1 for number in range(rows)],
            "score": generator.integers(0, levels, rows) / levels,
            "violation": pl.Series(violation.tolist(), dtype=pl.Int8),
            "recovered_duty_usd": np.round(generator.lognormal(5, 2, rows), 2),
            "office_id": generator.choice(["N", "S", "E"], rows),
        }
    ).sample(fraction=1, shuffle=True, seed=draw(st.integers(0, 99)))


@CASES
@given(ranked_tables(), st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(table, seed):
    shuffled = table.sample(fraction=1, shuffle=True, seed=seed)
    for compute in (metrics_at, cumulative_gain, calibration_table):
        assert_frame_equal(compute(table), compute(shuffled), check_exact=True)
    first, second = (by_group(frame, "office_id", 0.3, minimum_rows=5) for frame in (table, shuffled))
    assert_frame_equal(first, second, check_exact=True)
    assert ranking_summary(table, replicates=10) == ranking_summary(shuffled, replicates=10)


@CASES
@given(ranked_tables())
def test_precision_at_n_is_the_base_rate_exactly(table):
    whole = metrics_at(table, [1.0], replicates=0)
    base_rate = whole["violations"][0] / whole["labelled"][0]
    assert whole["value"].to_list() == [base_rate, 1.0, 1.0, 1.0]


@CASES
@given(ranked_tables(), st.sampled_from(ALL))
def test_a_constant_score_has_the_base_rate_as_precision(table, share):
    constant = table.with_columns(score=pl.lit(0.5))
    row = metrics_at(constant, [share], replicates=0).row(0, named=True)
    assert (
        row["value"] is None
        if row["selected"] == 0
        else row["value"] == pytest.approx(row["violations"] / row["labelled"])
    )
    assert auc(constant) == 0.5


@CASES
@given(ranked_tables(), st.sampled_from([lambda x: 4 * x - 3, lambda x: x / 2, np.exp2, lambda x: (x + 1) ** 3]))
def test_a_monotone_transform_of_the_score_changes_no_ranking_metric(table, transform):
    other = table.with_columns(score=pl.Series(transform(table["score"].to_numpy())))
    assert_frame_equal(metrics_at(table, replicates=10), metrics_at(other, replicates=10), check_exact=True)
    assert_frame_equal(cumulative_gain(table), cumulative_gain(other), check_exact=True)
    first, second = ranking_summary(table, replicates=5), ranking_summary(other, replicates=5)
    assert (first.auc, first.average_precision) == (second.auc, second.average_precision)


@CASES
@given(ranked_tables())
def test_values_stay_below_their_upper_bounds_and_normalised_in_the_unit_interval(table):
    values = metrics_at(table, ALL, replicates=0).drop_nulls(["value", "upper_bound"])
    assert values.select((pl.col("value") <= pl.col("upper_bound") + 1e-12).all()).item()
    assert values.select(pl.col("normalised").drop_nulls().is_between(0, 1).all()).item()


@CASES
@given(ranked_tables())
def test_sorting_by_recovered_duty_reaches_the_upper_bound_of_revenue(table):
    perfect = table.with_columns(score=pl.col("recovered_duty_usd"))
    revenue = metrics_at(perfect, ALL, replicates=0).filter(pl.col("metric") == "revenue")
    assert revenue["value"].to_list() == pytest.approx(revenue["upper_bound"].to_list())


@CASES
@given(ranked_tables())
def test_sorting_by_violation_reaches_the_upper_bounds_of_precision_and_recall(table):
    perfect = table.with_columns(score=pl.col("violation").fill_null(0).cast(pl.Float64))
    values = metrics_at(perfect, ALL, replicates=0).filter(pl.col("metric") != "revenue", pl.col("selected") > 0)
    assert values["normalised"].to_list() == pytest.approx([1.0] * values.height)


@CASES
@given(ranked_tables())
def test_auc_and_average_precision_equal_scikit_learns_on_ties(table):
    labelled = table.drop_nulls("violation")
    violation, score = labelled["violation"].to_numpy(), labelled["score"].to_numpy()
    assert auc(table) == pytest.approx(roc_auc_score(violation, score), abs=1e-12)
    assert average_precision(table) == pytest.approx(average_precision_score(violation, score), abs=1e-12)


@CASES
@given(ranked_tables(), st.integers(1, 80))
def test_bins_and_groups_lose_no_labelled_row(table, bins):
    labelled, violations = table["violation"].count(), table["violation"].sum()
    binned = calibration_table(table, bins)
    assert (binned["labelled"].sum(), binned["violations"].sum()) == (labelled, violations)
    groups = by_group(table, "office_id", minimum_rows=8)
    assert (groups["rows"].sum(), groups["labelled"].sum()) == (table.height, labelled)


@given(st.integers(1, 10**7), st.floats(0, 1))
def test_a_wilson_interval_stays_in_the_unit_interval_and_contains_the_estimate(trials, share):
    interval = wilson_interval(round(trials * share), trials)
    assert 0 <= interval.low_95 <= interval.value <= interval.high_95 <= 1


@given(st.integers(1, 10**4))
def test_a_wilson_interval_mirrors_and_narrows(trials):
    none, all_ = wilson_interval(0, trials), wilson_interval(trials, trials)
    assert none.low_95 == 0
    assert all_.high_95 == 1
    assert none.high_95 == pytest.approx(1 - all_.low_95)
    assert wilson_interval(0, trials * 2).high_95 < none.high_95
