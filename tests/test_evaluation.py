"""Evaluation: worked numbers, agreement with scikit-learn, refusals that speak."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn import metrics as sklearn_metrics

from workbench.evaluation import (
    auc,
    average_precision,
    bootstrap,
    by_group,
    calibration_table,
    cumulative_gain,
    decision_table,
    expected_calibration_error,
    hit_rates,
    metrics_at,
    ranking_summary,
    violations_in_top,
    wilson_interval,
)
from workbench.scorer.errors import ConfigError, LabelError, SchemaError

RANKED_METRICS = [
    metrics_at,
    auc,
    average_precision,
    ranking_summary,
    calibration_table,
    expected_calibration_error,
    cumulative_gain,
    violations_in_top,
]


def ranked(
    score: list[float] | np.ndarray, violation: list[int | None] | np.ndarray, **columns: object
) -> pl.DataFrame:
    """Build a ranked outcome table of single-item declarations."""
    ids = [f"D{number:06d}" for number in range(len(score))]
    return pl.DataFrame({"declaration_id": ids, "item_no": 1, "score": score, "violation": violation, **columns})


def simulated(rows: int, seed: int = 7, items: int = 3) -> pl.DataFrame:
    """Draw calibrated scores with ties, violations, revenue, groups; declarations of `items` items."""
    generator = np.random.default_rng(seed)
    score = np.round(generator.beta(1, 6, rows), 3)
    violation = (generator.random(rows) < score).astype(int)
    return pl.DataFrame(
        {
            "declaration_id": [f"D{number // items:06d}" for number in range(rows)],
            "item_no": [number % items + 1 for number in range(rows)],
            "score": score,
            "violation": violation,
            "recovered_duty_usd": violation * generator.lognormal(6, 1, rows),
            "office_id": generator.choice(["N", "S", "E"], rows, p=[0.6, 0.38, 0.02]),
        }
    )


def at(frame: pl.DataFrame, metric: str, share: float) -> dict[str, float]:
    """Return the row of one metric at one share."""
    return frame.filter((pl.col("metric") == metric) & (pl.col("share") == share)).row(0, named=True)


class TestMetricsAt:
    """Precision, recall, revenue and lift at a share, against numbers worked by hand."""

    table = ranked(
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        [1, 0, 1, 0, 0, 1, 0, 0, 0, 0],
        recovered_duty_usd=[100.0, 0, 300.0, 0, 0, 600.0, 0, 0, 0, 0],
    )

    @pytest.mark.parametrize(
        ("metric", "value", "upper_bound"),
        [("precision", 1 / 2, 1.0), ("recall", 1 / 3, 2 / 3), ("revenue", 0.1, 0.9), ("lift", 5 / 3, 10 / 3)],
    )
    def test_values_worked_by_hand(self, metric, value, upper_bound):
        row = at(metrics_at(self.table, [0.2], replicates=0), metric, 0.2)
        assert row["selected"] == 2
        assert row["value"] == pytest.approx(value)
        assert row["upper_bound"] == pytest.approx(upper_bound)
        assert row["normalised"] == pytest.approx(value / upper_bound)

    def test_precision_cannot_exceed_the_violations_there_are(self):
        assert at(metrics_at(self.table, [0.6], replicates=0), "precision", 0.6)["upper_bound"] == 0.5

    def test_selected_is_truncated_as_the_field_does(self):
        table = ranked(np.linspace(1, 0, 100), [1, 0] * 50)
        assert metrics_at(table, [0.29], replicates=0)["selected"][0] == int(100 * 0.29) == 28

    def test_unlabelled_rows_are_counted_and_otherwise_ignored(self):
        unseen = pl.DataFrame({"declaration_id": ["X", "Y"], "item_no": 1, "score": [1.0, 0.5], "violation": None})
        wider = pl.concat([self.table, unseen], how="diagonal_relaxed")
        values = metrics_at(wider, [0.2], replicates=20)
        assert values["rows"].unique().to_list() == [12]
        assert values["labelled"].unique().to_list() == [10]
        assert values["violations"].unique().to_list() == [3]
        assert_frame_equal(values.drop("rows"), metrics_at(self.table, [0.2], replicates=20).drop("rows"))

    def test_tied_scores_give_the_mean_over_random_orders(self):
        score, violation = np.array([3.0, 2, 2, 2, 1]), np.array([0, 1, 1, 0, 0])
        generator, precision = np.random.default_rng(0), []
        for _ in range(4000):
            order = np.lexsort([generator.random(5), -score])
            precision.append(violation[order][:2].mean())
        exact = at(metrics_at(ranked(score, violation), [0.4], replicates=0), "precision", 0.4)["value"]
        assert exact == pytest.approx(1 / 3)
        assert np.mean(precision) == pytest.approx(exact, abs=0.02)

    def test_an_empty_selection_has_no_precision_and_finds_nothing(self):
        values = metrics_at(self.table, [0.05], replicates=10)
        assert at(values, "precision", 0.05)["value"] is None
        assert at(values, "precision", 0.05)["low_95"] is None
        assert at(values, "recall", 0.05)["value"] == 0
        assert at(values, "recall", 0.05)["normalised"] is None

    @pytest.mark.parametrize("amounts", [None, [None] * 10, [0.0] * 10])
    def test_revenue_is_null_where_the_source_has_none(self, amounts):
        table = self.table.drop("recovered_duty_usd")
        if amounts is not None:
            table = table.with_columns(recovered_duty_usd=pl.Series(amounts, dtype=pl.Float64))
        row = at(metrics_at(table, [0.2], replicates=5), "revenue", 0.2)
        assert [row[name] for name in ("value", "low_95", "high_95", "upper_bound", "normalised")] == [None] * 5

    def test_the_seed_fixes_the_interval(self):
        table = simulated(600)
        assert_frame_equal(metrics_at(table, seed=3), metrics_at(table, seed=3))
        assert not metrics_at(table, seed=3).equals(metrics_at(table, seed=4))

    def test_intervals_surround_the_value(self):
        values = metrics_at(simulated(3000), [0.1])
        assert values.select((pl.col("low_95") <= pl.col("value")).all()).item()
        assert values.select((pl.col("value") <= pl.col("high_95")).all()).item()

    def test_intervals_agree_with_resampling_rows_one_by_one(self):
        table = simulated(900)
        groups = [group for _, group in table.group_by("declaration_id", maintain_order=True)]
        generator, values = np.random.default_rng(1), []
        for _ in range(300):
            drawn = pl.concat([groups[number] for number in generator.integers(0, len(groups), len(groups))])
            drawn = drawn.with_columns(declaration_id=pl.int_range(pl.len()).cast(pl.String))
            values.append(at(metrics_at(drawn, [0.1], replicates=0), "precision", 0.1)["value"])
        row = at(metrics_at(table, [0.1], replicates=300, seed=2), "precision", 0.1)
        assert [row["low_95"], row["high_95"]] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.04)

    @pytest.mark.parametrize("shares", [[], [0.0], [1.01], [-0.1], [float("nan")]])
    def test_impossible_shares_are_refused(self, shares):
        with pytest.raises(ConfigError, match=r"above 0 and at most 1"):
            metrics_at(self.table, shares)


class TestBootstrap:
    """The percentile interval over clusters."""

    def test_items_of_one_declaration_are_drawn_together(self):
        def disagreement(weights: np.ndarray) -> np.ndarray:
            return np.array([np.abs(weights[0::2] - weights[1::2]).max()])

        _, high = bootstrap(disagreement, np.repeat(np.arange(50), 2), replicates=30, seed=0)
        assert high.item() == 0

    def test_interval_of_a_mean_covers_the_truth_as_often_as_it_says(self):
        generator, covered = np.random.default_rng(5), 0
        for seed in range(200):
            sample = generator.random(80) < 0.4
            low, high = bootstrap(
                lambda weights, sample=sample: np.array([weights @ sample / weights.sum()]),
                np.arange(80),
                replicates=200,
                seed=seed,
            )
            covered += int(low[0] <= 0.4 <= high[0])
        assert 0.90 <= covered / 200 <= 0.98

    def test_interval_of_a_large_mean_is_the_normal_one(self):
        sample = np.random.default_rng(3).normal(10, 2, 2000)
        low, high = bootstrap(
            lambda weights: np.array([weights @ sample / weights.sum()]), np.arange(2000), replicates=2000, seed=1
        )
        half = 1.96 * sample.std() / math.sqrt(2000)
        assert [low[0], high[0]] == pytest.approx([sample.mean() - half, sample.mean() + half], abs=0.1 * half)

    def test_negative_replicates_are_refused(self):
        with pytest.raises(ConfigError, match="replicates is -1"):
            bootstrap(lambda weights: weights, np.arange(3), replicates=-1, seed=0)


def test_wilson_interval_of_a_textbook_case():
    interval = wilson_interval(10, 100)
    assert [interval.value, interval.low_95, interval.high_95] == pytest.approx([0.1, 0.05523, 0.17437], abs=1e-5)
    assert wilson_interval(0, 0).value is None


class TestWholeRanking:
    """AUC, average precision, Brier score and log loss, alone and with intervals."""

    def test_agrees_with_scikit_learn(self):
        table = simulated(2000)
        violation, score = table["violation"].to_numpy(), table["score"].to_numpy()
        summary = ranking_summary(table, replicates=0)
        assert summary.auc.value == pytest.approx(sklearn_metrics.roc_auc_score(violation, score), abs=1e-12)
        precision = sklearn_metrics.average_precision_score(violation, score)
        assert summary.average_precision.value == pytest.approx(precision, abs=1e-12)
        assert summary.brier_score.value == pytest.approx(sklearn_metrics.brier_score_loss(violation, score))
        assert summary.log_loss.value == pytest.approx(sklearn_metrics.log_loss(violation, score))

    def test_certain_scores_agree_with_scikit_learn(self):
        score, violation = [1.0, 0.0, 1.0, 0.0], [1, 0, 0, 1]
        expected = sklearn_metrics.log_loss(violation, score)
        assert ranking_summary(ranked(score, violation), replicates=0).log_loss.value == pytest.approx(expected)

    def test_intervals_surround_the_values_and_serialise(self):
        summary = ranking_summary(simulated(2000), replicates=100).to_dict()
        assert json.loads(json.dumps(summary)) == summary
        for name in ("auc", "average_precision", "brier_score", "log_loss"):
            assert summary[name]["low_95"] < summary[name]["value"] < summary[name]["high_95"]
        assert (summary["rows"], summary["labelled"]) == (2000, 2000)
        assert summary["base_rate"] == summary["violations"] / 2000

    def test_points_are_ranked_but_not_priced_as_probabilities(self):
        table = ranked([30, 20, 10], [1, 0, 0])
        summary = ranking_summary(table, replicates=5)
        assert summary.auc.value == 1.0
        assert summary.brier_score.value is None
        assert summary.log_loss.high_95 is None
        with pytest.raises(SchemaError, match=r"scores from 10 to 30.*probabilities in \[0, 1\]"):
            calibration_table(table)


class TestCalibration:
    """Equal-count bins and the expected calibration error."""

    def test_bins_hold_equal_counts_and_cover_all(self):
        table = ranked(np.linspace(0, 1, 105), [0, 1, 0] * 35)
        binned = calibration_table(table, bins=10)
        assert binned["bin"].to_list() == list(range(1, 11))
        assert set(binned["labelled"]) <= {10, 11}
        assert binned["labelled"].sum() == 105
        assert binned["violations"].sum() == 35

    def test_equal_scores_share_a_bin(self):
        binned = calibration_table(ranked([0.2] * 7 + [0.9] * 3, [1] + [0] * 6 + [1, 1, 0]), bins=5)
        assert binned.select("bin", "labelled", "violations").rows() == [(1, 7, 1), (2, 3, 2)]

    def test_calibrated_scores_lie_inside_their_intervals(self):
        binned = calibration_table(simulated(20_000), bins=10)
        inside = binned.filter(pl.col("mean_score").is_between("low_95", "high_95"))
        assert inside.height >= 8

    def test_error_is_the_weighted_mean_distance(self):
        table = ranked([0.1, 0.1, 0.1, 0.9], [0, 1, 0, 1])
        assert expected_calibration_error(table, bins=4) == pytest.approx(0.75 * (1 / 3 - 0.1) + 0.25 * 0.1)

    def test_no_bin_is_refused(self):
        with pytest.raises(ConfigError, match="bins is 0"):
            calibration_table(simulated(30), bins=0)


class TestGain:
    """Share of violations against share selected."""

    def test_runs_from_nothing_to_everything(self):
        curve = cumulative_gain(simulated(500), points=100)
        assert curve.height == 101
        assert curve.row(0)[:3] == (0.0, 0.0, 0.0)
        assert curve.row(-1)[:3] == (1.0, 1.0, 1.0)
        assert curve["violation_share"].is_sorted()

    def test_a_constant_score_gives_the_diagonal(self):
        curve = cumulative_gain(ranked([0.3] * 8, [1, 0] * 4), points=10)
        assert curve["violation_share"].to_list() == pytest.approx(curve["share"].to_list())
        assert curve["revenue_share"].to_list() == [None] * 11

    def test_top_shares_equal_recall_where_the_count_is_whole(self):
        table = simulated(1000)
        recall = metrics_at(table, [0.1, 0.2, 0.3], replicates=0).filter(pl.col("metric") == "recall")
        assert violations_in_top(table)["violation_share"].to_list() == pytest.approx(recall["value"].to_list())

    def test_no_step_is_refused(self):
        with pytest.raises(ConfigError, match="points is 0"):
            cumulative_gain(simulated(30), points=0)


class TestByGroup:
    """One selection seen group by group."""

    def test_small_groups_are_pooled_under_their_name_and_nothing_is_lost(self):
        table = simulated(1000)
        groups = by_group(table, "office_id", 0.1, minimum_rows=100)
        assert groups["group"].to_list() == ["N", "S", "other"]
        assert groups["pooled"].to_list() == [False, False, True]
        assert groups.select("rows", "labelled", "violations").sum().row(0) == (1000, 1000, table["violation"].sum())
        assert groups["selected"].sum() == pytest.approx(100)

    def test_hits_add_up_to_the_overall_precision(self):
        table = simulated(1000)
        groups = by_group(table, "office_id", 0.1, minimum_rows=1)
        overall = at(metrics_at(table, [0.1], replicates=0), "precision", 0.1)["value"]
        assert groups["hits"].sum() / groups["selected"].sum() == pytest.approx(overall)

    def test_rates_worked_by_hand(self):
        table = ranked(
            [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], [1, 0, 1, 0, 0, 0, None], office_id=["N", "N", "S", "N", "S", "N", "S"]
        )
        north, south = by_group(table, "office_id", 0.5, minimum_rows=1).rows(named=True)
        assert (north["rows"], north["labelled"], north["selected"], north["hits"]) == (4, 4, 2, 1)
        assert (north["base_rate"], north["selection_rate"], north["hit_rate"], north["lift"]) == (0.25, 0.5, 0.5, 2.0)
        assert (south["rows"], south["labelled"], south["hit_rate"], south["lift"]) == (3, 2, 1.0, 2.0)

    def test_a_tie_at_the_threshold_is_shared_by_its_rows(self):
        table = ranked([0.9, 0.5, 0.5, 0.5, 0.1, 0.1], [1, 1, 0, 0, 0, 0], office_id=["N", "N", "S", "S", "S", "S"])
        north, south = by_group(table, "office_id", 0.5, minimum_rows=1).sort("group").rows(named=True)
        assert (north["selected"], south["selected"]) == pytest.approx((1 + 2 / 3, 4 / 3))
        assert (north["hit_rate"], south["hit_rate"]) == pytest.approx((1.0, 0.0))

    def test_a_group_called_other_and_a_missing_group_stay_apart(self):
        office = ["other"] * 4 + [None] * 4 + ["tiny"]
        groups = by_group(ranked(np.linspace(1, 0, 9), [1, 0, 0] * 3, office_id=office), "office_id", minimum_rows=3)
        assert groups.select("group", "pooled", "groups").rows() == [
            ("missing", False, 1),
            ("other", False, 1),
            ("other", True, 1),
        ]

    def test_a_column_that_is_not_there_is_named_with_a_suggestion(self):
        with pytest.raises(SchemaError, match=r"'office'.*did you mean 'office_id'"):
            by_group(simulated(60), "office")


class TestMethods:
    """Historical outcomes by method and lane, and the random arm."""

    outcomes = pl.DataFrame(
        {
            "declaration_id": [f"D{number}" for number in range(7)],
            "item_no": 1,
            "cause": ["criterion:A", "criterion:B", "model", "random", "none", "quarantine:no_mass", None],
            "lane": ["red", "yellow", "red", "red", "green", "yellow", "green"],
            "violation": [1, 0, 1, 0, None, 0, None],
            "recovered_duty_usd": [500.0, None, 300.0, 0.0, None, None, None],
        }
    )

    def test_method_is_what_stands_before_the_colon(self):
        rates = hit_rates(self.outcomes)
        assert rates["method"].to_list() == ["criterion", "model", "quarantine", "random", "missing", "none"]
        criterion = rates.row(0, named=True)
        assert (criterion["controls"], criterion["violations"], criterion["hit_rate"]) == (2, 1, 0.5)
        assert criterion["recovered_duty_usd_per_control"] == 250.0

    def test_a_group_without_controls_has_no_hit_rate(self):
        idle = hit_rates(self.outcomes, by="lane").filter(pl.col("lane") == "green").row(0, named=True)
        assert idle["rows"] == 2
        assert [idle[name] for name in ("hit_rate", "low_95", "recovered_duty_usd_per_control")] == [None] * 3

    def test_duty_is_null_without_revenue_in_the_source(self):
        rates = hit_rates(self.outcomes.drop("recovered_duty_usd"), by="cause")
        assert rates["recovered_duty_usd_per_control"].null_count() == rates.height

    def test_the_interval_is_wilsons(self):
        row = hit_rates(self.outcomes, by="lane").filter(pl.col("lane") == "red").row(0, named=True)
        expected = wilson_interval(2, 3)
        assert (row["hit_rate"], row["low_95"], row["high_95"]) == (expected.value, expected.low_95, expected.high_95)

    def test_no_control_at_all_is_refused(self):
        with pytest.raises(LabelError, match=r"no recorded outcome \(7 rows, 0 labelled, 0 violations\)"):
            hit_rates(self.outcomes.with_columns(violation=pl.lit(None, pl.Int8)))

    @pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, "a lot"])
    def test_an_amount_that_cannot_be_is_refused_by_key(self, amount):
        with pytest.raises(SchemaError, match=r"'recovered_duty_usd' that is negative or not a finite.*D0/1"):
            hit_rates(self.outcomes.with_columns(recovered_duty_usd=pl.lit(amount)))


class TestDecisionTable:
    """Lanes decided against outcomes known."""

    decisions = TestMethods.outcomes.select("declaration_id", "item_no", "lane")

    def test_every_lane_is_listed_by_severity_and_no_row_is_lost(self):
        table = decision_table(self.decisions, TestMethods.outcomes)
        assert table["lane"].to_list() == ["green", "blue", "yellow", "orange", "red"]
        assert table["rows"].sum() == 7
        assert table["share"].sum() == pytest.approx(1)
        red = table.row(-1, named=True)
        assert (red["labelled"], red["violations"], red["violation_share"]) == (3, 2, 1.0)
        assert red["hit_rate"] == pytest.approx(2 / 3)

    def test_a_day_without_results_still_has_its_shares(self):
        table = decision_table(self.decisions, TestMethods.outcomes.clear())
        assert table["share"].to_list() == pytest.approx([2 / 7, 0, 2 / 7, 0, 3 / 7])
        assert table["hit_rate"].null_count() == table["violation_share"].null_count() == 5

    def test_an_unknown_lane_is_refused_with_the_allowed_ones(self):
        with pytest.raises(SchemaError, match="use one of green, blue, yellow, orange, red"):
            decision_table(self.decisions.with_columns(lane=pl.lit("purple")), TestMethods.outcomes)

    def test_a_key_decided_twice_is_refused(self):
        with pytest.raises(SchemaError, match=r"more than once on 14 row\(s\).*D0/1"):
            decision_table(pl.concat([self.decisions, self.decisions]), TestMethods.outcomes)


class TestRefusals:
    """What every ranked metric refuses, and how it says so."""

    @pytest.mark.parametrize("metric", RANKED_METRICS)
    def test_no_label(self, metric):
        with pytest.raises(LabelError, match=r"no recorded outcome.*Join the results of controls"):
            metric(ranked([0.1, 0.2], [None, None]).with_columns(pl.col("violation").cast(pl.Int8)))

    @pytest.mark.parametrize("metric", RANKED_METRICS)
    @pytest.mark.parametrize(("label", "kind"), [(0, "compliant"), (1, "a violation")])
    def test_one_class(self, metric, label, kind):
        with pytest.raises(LabelError, match=f"every labelled row is {kind} .*2 rows, 2 labelled"):
            metric(ranked([0.1, 0.2], [label, label]))

    @pytest.mark.parametrize("metric", RANKED_METRICS)
    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
    def test_a_score_that_is_no_number_is_named_by_key(self, metric, score):
        with pytest.raises(SchemaError, match=r"NaN or infinite on 1 row\(s\), first: D000001/1"):
            metric(ranked([0.1, score, 0.3], [0, 1, 0]))

    def test_a_missing_score(self):
        with pytest.raises(SchemaError, match=r"no 'score'.*quarantined"):
            metrics_at(ranked([0.1, None], [0, 1]))

    def test_a_score_that_is_text(self):
        with pytest.raises(SchemaError, match="'score' of type String"):
            metrics_at(ranked([0.1, 0.2], [0, 1]).with_columns(pl.col("score").cast(pl.String)))

    @pytest.mark.parametrize("violation", [[0, 2], [0.5, 1.0], ["yes", "no"]])
    def test_a_label_that_is_not_zero_or_one(self, violation):
        with pytest.raises(SchemaError, match="'violation' other than 0, 1 or null"):
            metrics_at(ranked([0.1, 0.2], violation))

    def test_a_missing_column_is_named(self):
        with pytest.raises(SchemaError, match=r"metrics_at needs the column.*'score'"):
            metrics_at(simulated(30).drop("score"))

    def test_a_duplicate_key(self):
        table = ranked([0.1, 0.2], [0, 1]).with_columns(declaration_id=pl.lit("D"))
        with pytest.raises(SchemaError, match=r"more than once on 2 row\(s\), first: D/1, D/1"):
            auc(table)

    def test_a_missing_key(self):
        table = ranked([0.1, 0.2], [0, 1]).with_columns(declaration_id=pl.lit(None, pl.String))
        with pytest.raises(SchemaError, match=r"no key \(declaration_id \+ item_no\) on 2 row\(s\)"):
            auc(table)
