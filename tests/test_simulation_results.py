"""Results of simulations: means and intervals over weeks, ranks and differences, curves, files, several rates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from workbench.errors import ParameterError, SourceError
from workbench.evaluation import Estimate
from workbench.simulation.compared import Compared
from workbench.simulation.curves import curves, window_weeks
from workbench.simulation.experiments import Experiments
from workbench.simulation.metrics import ARM_COLUMNS, WEEK_COLUMNS
from workbench.simulation.policies.registry import arms, explores
from workbench.simulation.results import SimulationResults, is_finished
from workbench.simulation.uncertainty import (
    FEWEST_WEEKS,
    Draws,
    Sums,
    block_weeks,
    mean_over_weeks,
    ratio_over_weeks,
)

SEATS, GOODS = 40, 400


def tables(
    found: Mapping[str, Any], *, there: int = 80, explored: Mapping[str, int] | None = None, replications: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return weeks, arms and runs of policies that find so many violations a week; shape (weeks,) or (reps, weeks)."""
    weeks, arms = [], []
    for policy, counts in found.items():
        grid = np.broadcast_to(np.atleast_2d(np.asarray(counts)), (replications, np.asarray(counts).shape[-1]))
        lot = (explored or {}).get(policy, 0)
        for (replication, week), count in np.ndenumerate(grid):
            who = {"week": week, "policy": policy, "replication": replication}
            weeks.append(who | one_week(week, int(count), there))
            for arm, controls in (("model", SEATS - lot), ("random", lot)):
                if controls:
                    hits = int(count) if arm == "model" else 0
                    arms.append(who | {"arm": arm, "controls": controls, "violations_found": min(hits, controls)})
    runs = [
        {"policy": policy, "replication": number, "seconds": 2.0} for policy in found for number in range(replications)
    ]
    arm_rows = [{"controls_unknown": 0, "duty_found_usd": None} | row for row in arms]
    return pl.DataFrame(weeks, WEEK_COLUMNS), pl.DataFrame(arm_rows, ARM_COLUMNS), pl.DataFrame(runs)


def one_week(week: int, found: int, there: int) -> dict[str, Any]:
    shares = {"precision": found / SEATS, "recall": found / there, "revenue": None}
    upper = {"precision": min(there / SEATS, 1.0), "recall": min(SEATS / there, 1.0), "revenue": None}
    normal = {name: None if value is None else value / upper[name] for name, value in shares.items()}
    return {
        "week_start": datetime(2025, 1, 6) + timedelta(weeks=week),
        "goods": GOODS,
        "goods_unknown": 0,
        "seats": SEATS,
        "controls": SEATS,
        "controls_unknown": 0,
        "labels_known": week * SEATS,
        "violations_found": found,
        "violations": there,
        "duty_found_usd": None,
        "duty_usd": None,
        **shares,
        **{f"upper_{name}": value for name, value in upper.items()},
        **{f"normalised_{name}": value for name, value in normal.items()},
    }


def results(found: Mapping[str, Any], *, rate: float = 0.1, events: Any = (), **changes: Any) -> SimulationResults:
    options = {"rate": rate, "title": "A programme", "pipeline": "small.toml", "mask": "none", "start_weeks": 4}
    return SimulationResults.of(*tables(found, **changes), {**options, "plan": "direct"}, events)


def of(found: SimulationResults, policy: str) -> dict[str, Any]:
    return next(row for row in found.summary["policies"] if row["policy"] == policy)


# --- intervals -------------------------------------------------------------------------------------------------------


@given(values=st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_mean_is_that_of_the_weeks_that_have_a_value_and_lies_in_its_interval(values):
    numbers = np.array([[np.nan if value is None else value for value in values]])
    found = mean_over_weeks(numbers, Draws.of(len(values), 1))
    known = [value for value in values if value is not None]
    if not known:
        assert found.value is None
        return
    assert found.value == pytest.approx(np.mean(known))
    if len(known) < FEWEST_WEEKS:
        assert found.low_95 is None
    else:
        assert min(known) - 1e-12 <= found.low_95 <= found.value <= found.high_95 <= max(known) + 1e-12


def test_the_interval_covers_the_mean_of_weeks_that_resemble_their_neighbours():
    generator, draws, hits, trials = np.random.default_rng(3), Draws.of(120, 1), 0, 300
    for _ in range(trials):
        shocks = generator.normal(size=140)
        weeks = np.zeros(140)
        for week in range(1, 140):
            weeks[week] = 0.4 * weeks[week - 1] + shocks[week]
        found = mean_over_weeks(weeks[None, 20:], draws)
        hits += found.low_95 <= 0 <= found.high_95
    # Blocks of five weeks see most of the likeness, and a percentile interval of 120 weeks is a little too short.
    assert 0.87 <= hits / trials <= 0.98


def test_blocks_give_a_wider_interval_than_weeks_taken_as_independent():
    weeks = np.repeat(np.random.default_rng(1).normal(size=16), 4)[None]
    blocks, alone = Draws.of(64, 1), Draws.of(64, 1)
    independent = np.random.default_rng(2).multinomial(64, [1 / 64] * 64, size=1000).astype(float)
    alone = Draws(independent, alone.of_replications)
    wide, narrow = (mean_over_weeks(weeks, draws) for draws in (blocks, alone))
    assert wide.high_95 - wide.low_95 > 1.3 * (narrow.high_95 - narrow.low_95)


def test_replications_that_differ_widen_the_interval():
    same, apart = np.tile([0.4, 0.6], (4, 20)), np.tile([0.4, 0.6], (4, 20)) + np.array([[-0.2], [-0.1], [0.1], [0.2]])
    draws = Draws.of(40, 4)
    narrow, wide = (mean_over_weeks(values, draws) for values in (same, apart))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high_95 - wide.low_95 > 2 * (narrow.high_95 - narrow.low_95)


def test_draws_are_the_same_every_time_and_keep_neighbours_together():
    assert np.array_equal(Draws.of(30, 3).of_weeks, Draws.of(30, 3).of_weeks)
    assert (Draws.of(30, 3).of_replications.sum(axis=1) == 3).all()
    assert [block_weeks(weeks) for weeks in (1, 4, 27, 500)] == [1, 2, 3, 8]


# --- policies against each other -------------------------------------------------------------------------------------


def test_policies_are_ranked_by_precision_and_compared_week_by_week():
    weekly = np.random.default_rng(5).integers(10, 30, 30)
    found = results({"random": weekly // 3, "model": weekly, "model+random:0.1": weekly - 2}, explored={"random": 40})
    assert [row["policy"] for row in found.summary["policies"]] == ["model", "model+random:0.1", "random"]
    assert of(found, "model")["whole"]["precision"]["value"] == pytest.approx(weekly.mean() / SEATS)
    behind = of(found, "model+random:0.1")["whole"]["less_best"]["precision"]
    # Weeks differ by much, the policies always by the same: paired, nothing is left to chance.
    assert [behind[name] for name in ("value", "low_95", "high_95")] == pytest.approx([-2 / SEATS] * 3)


def test_all_weeks_together_rank_and_the_mean_of_the_weeks_is_kept():
    calm, busy = [20] * 10, [80] * 10
    weeks, arms, runs = tables({"calm": np.array([18, 10] * 10), "busy": np.array([12, 24] * 10)})
    there = pl.when(pl.col("week") % 2 == 0).then(20).otherwise(80)
    shares = {"violations": there, "recall": pl.col("violations_found") / there}
    found = SimulationResults.of(weeks.with_columns(**shares), arms, runs, {"rate": 0.1, "world": "generated"})
    # In the mean of the weeks a find in a calm week counts four times as much as one in a busy week.
    means = {name: of(found, name)["whole"]["recall"]["value"] for name in ("calm", "busy")}
    assert means == pytest.approx({"calm": (18 / 20 + 10 / 80) / 2, "busy": (12 / 20 + 24 / 80) / 2})
    totals = {name: of(found, name)["totals"]["whole"] for name in ("calm", "busy")}
    assert totals["calm"]["recall"]["value"] == pytest.approx(280 / sum(calm + busy))
    assert totals["busy"]["recall"]["value"] == pytest.approx(360 / sum(calm + busy))
    assert found.summary["policies"][0]["policy"] == "busy"
    behind = totals["calm"]["less_best"]["recall"]
    assert behind["value"] == pytest.approx(-80 / 1000)
    assert behind["low_95"] < behind["value"] < behind["high_95"] < 0


@given(seed=st.integers(0, 99), replications=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_a_ratio_over_weeks_is_that_of_the_sums_and_less_itself_nothing(seed, replications):
    generator = np.random.default_rng(seed)
    whole = generator.integers(0, 50, (replications, 20)).astype(float)
    sums, draws = Sums(np.floor(whole * generator.random(whole.shape)), whole), Draws.of(20, replications)
    found = ratio_over_weeks(sums, draws)
    assert found.value == pytest.approx(sums.part.sum() / whole.sum())
    assert found.low_95 <= found.value <= found.high_95
    assert ratio_over_weeks(sums, draws, less=sums) == Estimate(0.0, 0.0, 0.0)
    assert ratio_over_weeks(Sums(whole * 0, whole * 0), draws).value is None


def test_what_explores_is_set_against_the_best_that_never_does():
    weekly = np.arange(10, 26)
    found = results({"a": weekly + 2, "model": weekly, "worse": weekly - 3}, explored={"a": 8})
    assert found.summary["reference"] == "model"
    assert of(found, "a")["exploration_share"] == pytest.approx(0.2)
    assert of(found, "a")["whole"]["less_reference"]["precision"]["value"] == pytest.approx(2 / SEATS)
    assert "less_reference" not in of(found, "model")["whole"]
    assert "less_best" not in of(found, "a")["whole"]


def test_every_arm_either_exploits_or_explores():
    learning = {name for name in [*arms(), "lot", "blend"] if explores(name)}
    assert learning == {"lot", "random", "entropy", "margin", "diversity", "thompson"}


def test_where_everything_explores_there_is_no_reference():
    assert results({"a": np.arange(12), "b": np.arange(12)}, explored={"a": 8, "b": 40}).summary["reference"] is None


def test_where_traders_react_recall_ranks():
    weekly = np.full(12, 20)
    deterring, other = tables({"deterring": weekly - 2}, there=50), tables({"other": weekly}, there=100)
    weeks, arms, runs = (pl.concat(pair) for pair in zip(deterring, other, strict=True))
    options = {"rate": 0.1, "title": "t", "world": "generated"}
    found = SimulationResults.of(weeks, arms, runs, options).summary
    assert (found["reacts"], found["headline"]) == (True, "recall")
    # It finds less, of still less that there is.
    assert [row["policy"] for row in found["policies"]] == ["deterring", "other"]


def test_the_kind_of_the_world_says_whether_it_reacts_and_not_what_a_single_policy_met():
    alone = tables({"model": np.full(12, 20)})
    kinds = {kind: SimulationResults.of(*alone, {"rate": 0.1, "world": kind}) for kind in ("generated", "recorded")}
    assert {kind: found.summary["headline"] for kind, found in kinds.items()} == {
        "generated": "recall",
        "recorded": "precision",
    }


@pytest.mark.parametrize(("weeks", "part"), [(1, 0), (4, 2), (26, 13), (100, 13)])
def test_first_and_last_weeks_are_a_quarter_of_a_year_or_half_of_what_there_is(weeks, part):
    rising = np.minimum(np.arange(weeks), SEATS)
    row = of(results({"model": rising}), "model")
    assert row["part_weeks"] == part
    if part:
        assert row["first"]["precision"]["value"] == pytest.approx(rising[:part].mean() / SEATS)
        assert row["last"]["precision"]["value"] == pytest.approx(rising[-part:].mean() / SEATS)


def test_figures_in_all_are_means_of_replications():
    found = results({"model": np.array([[10, 20, 30], [20, 30, 40]])}, replications=2)
    row = of(found, "model")
    assert row["in_all"]["violations_found"] == 75
    assert row["totals"]["whole"]["precision"]["value"] == pytest.approx(150 / (6 * SEATS))
    assert found.summary["arms"][0]["controls"] == 3 * SEATS


def test_few_weeks_give_values_without_intervals():
    whole = of(results({"model": np.array([10, 20, 30, 40])}), "model")["whole"]
    assert whole["precision"] == {"value": 0.625, "low_95": None, "high_95": None}


@given(seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_changes_nothing(seed):
    weekly = np.arange(10, 22)
    weeks, arms, runs = tables({"a": weekly, "b": weekly[::-1]}, explored={"b": 5})
    common = {"rate": 0.1, "title": "t"}
    shuffled = (frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (weeks, arms, runs))
    assert (
        SimulationResults.of(*shuffled, common).to_dict() == SimulationResults.of(weeks, arms, runs, common).to_dict()
    )


def test_policies_of_different_weeks_are_refused():
    weeks, arms, runs = tables({"a": np.arange(12), "b": np.arange(12)})
    with pytest.raises(SourceError, match="--resume"):
        SimulationResults.of(weeks.filter((pl.col("policy") == "a") | (pl.col("week") < 9)), arms, runs, {})


# --- curves and changes ----------------------------------------------------------------------------------------------


def test_curves_are_ratios_of_sums_and_know_no_later_week():
    weekly = np.random.default_rng(1).integers(0, SEATS, 40)
    before, after = (results({"model": counts}) for counts in (weekly, np.where(np.arange(40) < 30, weekly, 0)))
    whole = curves(Compared(before.weeks, before.arms))["policies"]["model"]
    assert whole["cumulative_precision"] == pytest.approx((weekly.cumsum() / (SEATS * np.arange(1, 41))).tolist())
    window = window_weeks(40)
    assert whole["smoothed_precision"][20] == pytest.approx(weekly[21 - window : 21].mean() / SEATS)
    other = curves(Compared(after.weeks, after.arms))["policies"]["model"]
    for name, line in whole.items():
        assert line[:30] == other[name][:30]


def test_the_bound_of_a_curve_is_what_a_perfect_choice_would_have_found():
    found = curves(Compared(*tables({"model": np.array([5, 10])}, there=20)[:2]))
    assert found["bound_precision"] == [0.5, 0.5]
    assert found["bound_recall"] == [1.0, 1.0]
    assert found["bound_revenue"] == [None, None]


def test_recall_is_told_before_and_after_each_change_of_the_world():
    weekly = np.concatenate([np.full(20, 30), np.full(10, 10), np.full(10, 20)])
    events = [
        {"week": 30, "what": "b"},
        {"week": 20, "what": "a"},
        {"week": 20, "what": "also"},
        {"week": 99, "what": "-"},
    ]
    changes = results({"model": weekly}, events=events).summary["changes"]
    assert [(one["week"], one["until"], one["what"]) for one in changes] == [(20, 30, "a; also"), (30, 40, "b")]
    first = changes[0]["policies"][0]
    assert (first["before"]["value"], first["after"]["value"]) == pytest.approx((30 / 80, 10 / 80))


# --- files -----------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path):
    found = results({"a": np.arange(12), "b": np.arange(12)}, events=[{"week": 3, "what": "x"}])
    found.write(tmp_path)
    again = SimulationResults.read(tmp_path)
    assert again.to_dict() == found.to_dict()
    assert_frame_equal(again.weeks, found.weeks)
    assert_frame_equal(again.arms, found.arms)
    assert is_finished(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_bytes())["settings"]["rate"] == 0.1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["arms.parquet", "summary.json", "weeks.parquet"]


def test_a_changed_table_is_refused(tmp_path):
    results({"a": np.arange(12)}).write(tmp_path)
    pl.read_parquet(tmp_path / "arms.parquet").head(3).write_parquet(tmp_path / "arms.parquet")
    with pytest.raises(SourceError, match=r"arms\.parquet was changed"):
        SimulationResults.read(tmp_path)


@pytest.mark.parametrize(
    "text", ["{}", "{", '{"protocol": 99, "settings": {}, "runs": [], "events": [], "sha256": {}}']
)
def test_a_summary_of_something_else_is_refused(tmp_path, text):
    results({"a": np.arange(12)}).write(tmp_path)
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(SourceError, match="Simulate again"):
        SimulationResults.read(tmp_path)


def test_a_folder_without_a_simulation_is_named(tmp_path):
    with pytest.raises(SourceError, match="no finished simulation"):
        SimulationResults.read(tmp_path)


def test_a_terminal_shows_a_line_a_policy_with_intervals():
    lines = results({"model": np.arange(10, 30), "model+random:0.1": np.arange(5, 25)}).describe().splitlines()
    assert lines[0].startswith("20 weeks, 10 % of the goods controlled")
    assert "Means of the weeks" in lines[1]
    assert lines[3].split()[0] == "model"
    assert "48.8 (" in lines[3]
    assert "revenue" not in lines[2]


def test_the_tidy_table_has_a_row_a_policy_part_and_metric():
    table = results({"a": np.arange(12), "b": np.arange(12) + 2}).policies
    assert table.height == 2 * 3 * 3
    row = table.row(
        by_predicate=(pl.col("policy") == "a") & (pl.col("part") == "whole") & (pl.col("metric") == "recall"),
        named=True,
    )
    assert row["behind_best"] == pytest.approx(-2 / 80)


# --- several simulations ---------------------------------------------------------------------------------------------


@pytest.fixture
def three_rates(tmp_path):
    weekly = np.random.default_rng(2).integers(8, 30, 30)
    noise = np.random.default_rng(3).integers(-4, 5, 30)
    for rate, best, other in ((0.1, weekly + 4, weekly), (0.01, weekly, weekly + 4), (0.05, weekly, weekly + noise)):
        folder = tmp_path / f"at-{rate:g}"
        folder.mkdir()
        results({"model": best, "mixed": other}, rate=rate, explored={"mixed": 4}).write(folder)
    return tmp_path


def test_simulations_stand_in_the_order_of_their_rates_each_with_its_best(three_rates):
    found = Experiments.read([three_rates / name for name in ("at-0.1", "at-0.01", "at-0.05")])
    rows = found.to_dict()["simulations"]
    assert [row["rate"] for row in rows] == [0.01, 0.05, 0.1]
    assert [row["best"] for row in (rows[0], rows[2])] == ["mixed", "model"]
    assert [bool(row["rivals"]) for row in rows] == [False, True, False]
    assert found.points.height == 6
    assert found.describe().count("may be chance") == 1


@pytest.mark.parametrize(
    ("changes", "weeks", "named"),
    [
        ({"rate": 0.2}, 20, r"at-0.1 has weeks 30, goods 12000; other has weeks 20, goods 8000"),
        ({"rate": 0.2, "pipeline": "other.toml"}, 30, r"at-0.1 has pipeline small.toml; other has pipeline other.toml"),
        ({"rate": 0.2, "world": "generated"}, 30, r"other has kind of goods generated"),
    ],
)
def test_simulations_of_other_weeks_or_goods_are_not_set_side_by_side(three_rates, changes, weeks, named):
    one = results({"model": np.arange(9, 9 + weeks)})
    (three_rates / "other").mkdir()
    replace(one, settings={**one.settings, **changes}).write(three_rates / "other")
    with pytest.raises(ParameterError, match=rf"Only simulations of the same weeks of the same goods.*{named}"):
        Experiments.read([three_rates / "at-0.1", three_rates / "other"])


def test_other_dials_than_the_rate_are_told(three_rates):
    one = results({"model": np.arange(9, 39)})
    (three_rates / "other").mkdir()
    replace(one, settings={**one.settings, "mask": "random:0.1"}).write(three_rates / "other")
    both = Experiments.read([three_rates / "at-0.1", three_rates / "other"])
    assert both.to_dict()["differing"] == ["the labels known at the start"]
    assert Experiments.read([three_rates / name for name in ("at-0.1", "at-0.05")]).to_dict()["differing"] == []


def test_folders_that_cannot_be_compared_are_refused(three_rates, tmp_path):
    with pytest.raises(ParameterError, match="given twice"):
        Experiments.read([three_rates / "at-0.1", three_rates / ".." / three_rates.name / "at-0.1"])
    with pytest.raises(ParameterError, match="nothing to set side by side"):
        Experiments.read([three_rates / "at-0.1"])
    with pytest.raises(SourceError, match="no finished simulation"):
        Experiments.read([tmp_path / "nowhere"])
