"""Plans: the frontier covers the truth, what keeps detection is read off it, and a path says what it rests on."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError, SchemaError
from workbench.evaluation import Estimate
from workbench.planning import Frontier, Ground, Kept, frontier, lowest_rates, make_plan, path
from workbench.planning.ground import Today, chosen, passed_over
from workbench.planning.path import noticed_rise
from workbench.reports.planning_page import planning_page, write_planning_page

GOODS, INSPECTED, DRAWN = 12_000, 0.06, 0.04
TODAY = Today(10_000, 1_000, 0.1, 50, 1_000.0, 73)


@pytest.fixture(scope="module")
def goods() -> pl.DataFrame:
    """Return goods whose score tells something of who cheats, and the truth about all of them."""
    rng = np.random.default_rng(7)
    score = rng.beta(1, 15, GOODS)
    return pl.DataFrame(
        {
            "declaration_id": [f"D{number:06}" for number in range(GOODS)],
            "item_no": 1,
            "lodged_at": [datetime(2026, 1, 5) + timedelta(minutes=7 * number) for number in range(GOODS)],
            "office_id": np.where(np.arange(GOODS) % 3 == 0, "A", "B"),
            "regime_code": "40",
            "score": score,
            "expected_recovery": 100.0,
            "cheats": rng.random(GOODS) < score,
        }
    )


def decided(goods: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Let half-blind criteria and the lot control some of the goods, with the probabilities that decisions store."""
    rng = np.random.default_rng(seed)
    blurred = goods["score"].to_numpy() + np.random.default_rng(1).normal(0, 0.08, GOODS)
    named = blurred >= np.quantile(blurred, 1 - INSPECTED)
    lot = np.zeros(GOODS, dtype=bool)
    free = np.flatnonzero(~named)
    drawn = round(DRAWN * GOODS)
    lot[rng.choice(free, drawn, replace=False)] = True
    by_lot = np.where(named, 0.0, drawn / len(free))
    return goods.with_columns(
        would_be_lane=pl.Series(np.where(named, "red", "green")),
        lane=pl.Series(np.where(named | lot, "red", "green")),
        cause=pl.Series(np.where(named, "criterion:old", np.where(lot, "random", "none"))),
        random_probability=pl.Series(by_lot),
        full_control_probability=pl.Series(np.where(named, 1.0, by_lot)),
        violation=pl.when(pl.Series(named | lot)).then(pl.col("cheats").cast(pl.Int8)),
        recovered_duty_usd=pl.when(pl.Series(named | lot)).then(pl.col("cheats") * 80.0),
    )


def inspected_before(goods: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Let the lot draw from all goods, at two rates, before half-blind criteria choose; no probability is stored."""
    rng = np.random.default_rng(seed)
    rate = np.where(goods["office_id"].to_numpy() == "A", 0.08, 0.03)
    lot = rng.random(GOODS) < rate
    blurred = goods["score"].to_numpy() + np.random.default_rng(1).normal(0, 0.08, GOODS)
    named = ~lot & (blurred >= np.quantile(blurred, 1 - INSPECTED))
    return goods.with_columns(
        lane=pl.Series(np.where(named | lot, "red", "green")),
        cause=pl.Series(np.where(lot, "random", np.where(named, "criterion:old", "none"))),
        violation=pl.when(pl.Series(named | lot)).then(pl.col("cheats").cast(pl.Int8)),
        recovered_duty_usd=pl.when(pl.Series(named | lot)).then(pl.col("cheats") * 80.0),
    )


def of_history(goods: pl.DataFrame, seed: int, rates) -> Ground:
    return Ground.of(inspected_before(goods, seed), rates, random_share=0.01, lot_frame="all")


def ground(goods: pl.DataFrame, seed: int = 0, rates=(0.05, 0.1, 0.2)) -> Ground:
    return Ground.of(decided(goods, seed), rates, random_share=0.01, lot_frame=None)


def test_a_policys_probabilities_add_up_to_its_rate_each_week(goods):
    items = ground(goods).record.items
    for rate in (0.05, 0.1, 0.2):
        weekly = items.group_by(pl.col("lodged_at").dt.truncate("1w")).agg(pl.col(chosen(rate)).sum(), goods=pl.len())
        assert weekly.select((pl.col(chosen(rate)) - pl.col("goods") * rate).abs().max()).item() <= 1.0
        assert items.select((pl.col(chosen(rate)) + pl.col(passed_over(rate)) - 1).abs().max()).item() < 1e-12


def test_the_lot_may_take_any_of_the_goods_and_the_model_the_highest(goods):
    items = ground(goods).record.items
    assert items[chosen(0.1)].min() > 0
    week = items.filter(pl.col("lodged_at").dt.truncate("1w") == datetime(2026, 1, 5))
    surely, rest = (week.filter((pl.col(chosen(0.1)) == 1) == flag)["score"] for flag in (True, False))
    assert surely.min() >= rest.max()


@pytest.mark.parametrize("make", [ground, of_history], ids=["stored probabilities", "a history"])
def test_intervals_of_the_frontier_cover_the_truth(goods, make):
    """Of 30 intervals of each measure 95 % should; fewer than 26 have a chance below 2 in 100."""
    items = ground(goods).record.items
    cheats = items["cheats"].to_numpy()
    found = float(items[chosen(0.1)].to_numpy() @ cheats)
    truth, hits = {"found": found, "detection": found / cheats.sum()}, dict.fromkeys(("found", "detection"), 0)
    for seed in range(30):
        estimated = frontier(make(goods, seed, (0.1,)))
        for measure, true in truth.items():
            at = estimated.estimate(0.1, measure)
            hits[measure] += at.low_95 <= true <= at.high_95
    assert all(count >= 26 for count in hits.values()), hits


def test_lots_of_a_part_of_the_goods_carry_no_plan(goods):
    with pytest.raises(ConfigError, match="lot_frame"):
        Ground.of(inspected_before(goods, 0), (0.1,), random_share=0.01, lot_frame="unselected")


def test_the_frontier_says_how_much_more_than_today_is_found(goods):
    made = ground(goods)
    estimated = frontier(made)
    for rate in (0.05, 0.1, 0.2):
        found, more = estimated.estimate(rate), estimated.estimate(rate, "more_than_today")
        assert more.value == pytest.approx(found.value - made.today.violations)
    rows = estimated.table
    assert rows["detection"].is_sorted()
    assert rows["duty_usd"].null_count() == 0
    assert (rows["hit_rate"] * rows["controls"] - rows["found"]).abs().max() < 1e-6


def test_today_is_counted_not_estimated(goods):
    today, table = ground(goods).today, decided(goods, 0)
    full = table.filter(pl.col("lane") == "red")
    assert today.controlled == full.height
    assert today.rate == pytest.approx(full.height / GOODS)
    assert today.violations == full["violation"].sum()
    assert today.recovered_duty_usd == pytest.approx(80.0 * today.violations)


def test_a_model_that_ranks_better_keeps_detection_at_a_lower_rate(goods):
    made = ground(goods, rates=(0.03, 0.05, 0.07, 0.1, 0.15, 0.2))
    kept = make_plan(made).kept[0]
    assert kept.likely is not None
    assert kept.likely < made.today.rate


def test_too_few_controls_by_lot_are_refused_with_what_to_do(goods):
    few = decided(goods, 0)
    lone = few.with_columns(
        violation=pl.when(pl.col("cause") != "random").then("violation"),
        recovered_duty_usd=pl.when(pl.col("cause") != "random").then("recovered_duty_usd"),
    )
    made = frontier(Ground.of(lone, (0.1,), random_share=0.01, lot_frame=None))
    assert made.table["refused"][0] is not None
    assert made.table["advice"][0]
    assert made.estimated.is_empty()
    plan = make_plan(Ground.of(lone, (0.1,), random_share=0.01, lot_frame=None), steps=(0.1,))
    assert plan.path["found"].to_list() == [None]
    text = plan.describe()
    assert text.count("Not estimated at 10 %: Raise the share of the random arm") == 1
    assert "likely" not in text
    assert "Without an estimate there is no lowest rate and no path." in text
    page = planning_page(plan.to_dict())
    assert "The random arm has too few results. Raise the share of the random arm" in page.answer
    assert page.sections == ()
    assert [one.label for one in page.key_figures] == ["Inspected", "Violations found"]


def test_rates_refused_for_one_reason_are_told_once(goods):
    few = decided(goods, 0).with_columns(
        violation=pl.when(pl.col("cause") != "random").then("violation"),
        recovered_duty_usd=pl.when(pl.col("cause") != "random").then("recovered_duty_usd"),
    )
    plan = make_plan(Ground.of(few, (0.05, 0.06, 0.07, 0.08, 0.1), random_share=0.01, lot_frame=None))
    assert "Not estimated at 5 rates from 5 % to 10 %: " in plan.describe()
    assert len(plan.describe().splitlines()) == 4


def test_one_violation_is_one():
    assert lowest_rates(straight((0.02,), (20.0,)), 1.0, "an aim").describe().startswith("To find 1 violation (an aim)")
    unknown = Kept(4.0, "an aim", None, None, None).describe()
    assert unknown == "To find 4 violations (an aim): not known, since no rate could be estimated."


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0, "0 is no share of declarations"),
        (1.2, "1.2 is no share of declarations: give one above 0 and at most 1, such as 0.05"),
        (2.0, "2 is no share of declarations"),
        (math.nan, "nan is no share"),
        (0.01, "leaves the model nothing: it must be above 0.01"),
    ],
)
def test_a_rate_that_is_none_is_refused(goods, rate, said):
    with pytest.raises(ConfigError, match=said):
        Ground.of(decided(goods, 0), (rate,), random_share=0.01, lot_frame=None)


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan, math.inf])
def test_a_random_share_that_is_none_is_refused(goods, share):
    with pytest.raises(ConfigError, match="expected 0 or more and below 1"):
        Ground.of(decided(goods, 0), (0.1,), random_share=share, lot_frame=None)


@pytest.mark.parametrize("keep", [-1.0, 0.0, math.nan, math.inf, 1e9])
def test_a_detection_to_keep_that_is_none_is_refused_before_anything_is_estimated(goods, keep):
    with pytest.raises(ConfigError, match=r"times today's, expected above 0 and at most 1,000, such as 1\.1"):
        make_plan(ground(goods), keep=(keep,), tell=lambda *_: pytest.fail("estimated"))


@pytest.mark.parametrize("column", ["recovered_duty_usd", "declared_duty_usd"])
def test_an_amount_beyond_belief_is_refused_by_key(goods, column):
    table = decided(goods, 0).with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(1e308).otherwise(5.0).alias(column)
    )
    with pytest.raises(SchemaError, match=r"above 1,000,000,000,000 USD on 1 row\(s\), first: D000003/1"):
        Ground.of(table, (0.1,), random_share=0.01, lot_frame=None)


def test_predictions_beyond_belief_never_reach_a_figure(goods):
    wild = decided(goods, 0).with_columns(expected_recovery=pl.lit(1e308))
    plan = make_plan(Ground.of(wild, (0.1,), random_share=0.01, lot_frame=None), steps=(0.1,))
    figures = [one for row in (*plan.frontier.table.rows(), *plan.path.rows()) for one in row if isinstance(one, float)]
    assert np.isfinite(figures).all()


def test_a_lane_that_is_none_is_refused(goods):
    table = decided(goods, 0).with_columns(lane=pl.col("lane").str.replace("red", "rouge"))
    with pytest.raises(SchemaError, match="found 'rouge' in 'lane' on"):
        Ground.of(table, (0.1,), random_share=0.01, lot_frame=None)


def test_a_model_that_chose_what_no_control_fell_into_is_refused():
    """The random arm drew 100 of 10,000 and, by chance, none of the 50 that the model would take."""
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{number:05}" for number in range(10_000)],
            "item_no": 1,
            "lodged_at": datetime(2026, 1, 5),
            "office_id": "A",
            "regime_code": "40",
            "score": np.linspace(0, 0.5, 10_000),
            "lane": ["red"] * 100 + ["green"] * 9_900,
            "cause": ["random"] * 100 + ["none"] * 9_900,
            "violation": [1] * 5 + [0] * 95 + [None] * 9_900,
        }
    )
    row = frontier(Ground.of(table, (0.015,), random_share=0.01, lot_frame="all")).table.row(0, named=True)
    assert (row["refused"], row["found"]) == ("overlap_too_thin", None)


def test_goods_without_a_score_are_refused_and_unscored_ones_come_last(goods):
    with pytest.raises(SchemaError, match="score"):
        Ground.of(decided(goods, 0).drop("score"), (0.1,), random_share=0.01, lot_frame=None)
    partly = decided(goods, 0).with_columns(score=pl.when(pl.col("score") < 0.3).then("score"))
    items = Ground.of(partly, (0.1,), random_share=0.01, lot_frame=None).record.items
    assert items.filter(pl.col("score") == 0)[chosen(0.1)].max() < 1


def straight(rates, found) -> Frontier:
    rows = [
        {"rate": rate, "found": one, "found_low_95": 0.8 * one, "found_high_95": 1.2 * one, "detection": one / 200}
        | {"detection_low_95": one / 250, "detection_high_95": one / 160}
        for rate, one in zip(rates, found, strict=True)
    ]
    return Frontier(pl.DataFrame(rows))


def test_the_lowest_rate_lies_between_two_rates_by_a_straight_line():
    kept = lowest_rates(straight((0.02, 0.04, 0.06), (20.0, 40.0, 60.0)), 32.0, "an aim")
    assert kept.likely == pytest.approx(0.032)
    assert kept.sure == pytest.approx(0.04)


def test_luck_at_one_rate_is_not_kept_for_all_higher_ones():
    """At 3 % the estimate is high by chance: the closest rising line goes through the mean of it and the next."""
    kept = lowest_rates(straight((0.02, 0.03, 0.04, 0.05), (20.0, 60.0, 40.0, 80.0)), 55.0, "an aim")
    assert kept.likely == pytest.approx(0.04 + 0.01 * 5 / 30)
    assert lowest_rates(straight((0.02, 0.03, 0.04, 0.05), (20.0, 60.0, 40.0, 80.0)), 45.0, "an aim").sure > 0.04


def test_the_likely_rate_is_too_low_as_often_as_too_high():
    rates, rng = np.array((0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30)), np.random.default_rng(4)
    truth = 300 * (rates / 0.3) ** 0.35
    strayed = (truth + rng.normal(0, 25, len(rates)) for _ in range(200))
    likely = [lowest_rates(straight(rates, one), truth[5], "an aim").likely for one in strayed]
    assert np.mean([one is not None and one < rates[5] for one in likely]) == pytest.approx(0.5, abs=0.1)


def test_a_rate_is_sure_where_all_higher_ones_are():
    dips = straight((0.02, 0.04, 0.06), (60.0, 70.0, 50.0))
    assert lowest_rates(dips, 45.0, "an aim").sure is None
    assert lowest_rates(dips, 40.0, "an aim").sure == pytest.approx(0.02)


def test_what_no_rate_reaches_is_not_known():
    kept = lowest_rates(straight((0.02, 0.04), (20.0, 40.0)), 41.0, "an aim")
    assert (kept.likely, kept.sure) == (None, None)
    assert "no rate tried" in kept.describe()


@given(st.lists(st.floats(1, 100), min_size=2, max_size=8), st.floats(1, 120))
def test_more_controls_never_keep_less(found, aim):
    rates = tuple(0.01 * (number + 1) for number in range(len(found)))
    kept = lowest_rates(straight(rates, found), aim, "an aim")
    more = lowest_rates(straight(rates, found), aim * 1.1, "an aim")
    assert kept.likely is None or more.likely is None or more.likely >= kept.likely - 1e-12


def test_a_path_grows_with_trade_and_its_uncertainty_with_the_years():
    made = path(straight((0.05, 0.1), (60.0, 80.0)), TODAY, (0.1, 0.1, 0.05), random_share=0.01, growth=0.1)
    assert made["declarations"].to_list() == pytest.approx([10_000 * 5 * 1.1**year for year in (1, 2, 3)])
    assert made["controls"].to_list() == pytest.approx((made["declarations"] * made["rate"]).to_list())
    assert made["change"].to_list() == pytest.approx([0.6, 0.6, 0.2])
    spread = made["change_high_95"] - made["change_low_95"]
    assert spread[1] > spread[0]
    assert made["noticed_rise"].is_not_null().all()
    # Of 200 violations a year 80 are found at 10 %; the lot draws 1 % of all from the 91 % that the model leaves.
    drawn = 0.01 / 0.91
    first = noticed_rise(120 * 5 * 1.1 * drawn / (1 - drawn))
    assert made["noticed_rise"][0] == pytest.approx(first)


def test_without_yearly_change_only_sampling_is_left():
    made = path(straight((0.1,), (80.0,)), TODAY, (0.1, 0.1), random_share=0.01, growth=0.0, yearly_change=0.0)
    assert made["found_low_95"].to_list() == pytest.approx([0.8 * 80 * 5] * 2)
    assert made["found_high_95"].to_list() == pytest.approx([1.2 * 80 * 5] * 2)


@pytest.mark.parametrize("wrong", [-1.5, math.nan, math.inf, -math.inf, 1e300])
@pytest.mark.parametrize("dial", ["growth", "yearly_change"])
def test_a_path_refuses_dials_outside_their_domain(goods, dial, wrong):
    with pytest.raises(ConfigError, match=f"{dial} is .*, expected a share"):
        path(straight((0.1,), (80.0,)), TODAY, (0.1,), random_share=0.01, **{dial: wrong})
    with pytest.raises(ConfigError, match=f"{dial} is .*, expected a share"):
        make_plan(ground(goods), **{dial: wrong}, tell=lambda *_: pytest.fail("estimated"))


def test_the_rise_that_is_noticed_is_noticed_in_four_cases_of_five():
    mean, rng = 60.0, np.random.default_rng(2)
    rise = noticed_rise(mean)
    bar = np.quantile(rng.poisson(mean, 200_000), 0.95)
    assert (rng.poisson(mean * (1 + rise), 200_000) > bar).mean() == pytest.approx(0.8, abs=0.04)
    assert noticed_rise(0.0) is None


def test_a_plan_says_that_its_intervals_hold_missing_results(goods):
    table = decided(goods, 0)
    late = (pl.col("cause") == "random") & (pl.int_range(pl.len()) % 20 == 0)
    late_too = table.with_columns(violation=pl.when(~late).then("violation"))
    plan, whole = (make_plan(Ground.of(one, (0.1,), random_share=0.01, lot_frame=None)) for one in (late_too, table))
    said = f"{plan.missing:,} missing results"
    assert (plan.missing, whole.missing) == (table.filter(late).height, 0)
    assert said in plan.describe()
    assert "missing" not in whole.describe()
    assert plan.frontier.estimate(0.1).low_95 < whole.frontier.estimate(0.1).low_95
    for one, tells in ((plan, True), (whole, False)):
        text = " ".join(planning_page(one.to_dict()).sections[0].text)
        assert ("results of controls drawn are not recorded yet. The intervals hold" in text) is tells


def test_violations_without_an_amount_leave_a_plan_no_duty(goods):
    table = decided(goods, 0)
    half = table.with_columns(recovered_duty_usd=pl.when(pl.int_range(pl.len()) % 2 == 0).then("recovered_duty_usd"))
    row = frontier(Ground.of(half, (0.1,), random_share=0.01, lot_frame=None)).table.row(0, named=True)
    assert row["found"] is not None
    assert row["duty_usd"] is None


def test_a_plan_is_written_whole_and_read_back(goods, tmp_path):
    plan = make_plan(ground(goods), keep=(1.1,), steps=(0.2, 0.1, 0.05))
    page = write_planning_page(plan, tmp_path, sources={"Data": "a test"})
    assert page == planning_page(plan.to_dict(), sources={"Data": "a test"})
    assert pl.read_parquet(tmp_path / "frontier.parquet").equals(plan.frontier.table)
    assert pl.read_parquet(tmp_path / "path.parquet").equals(plan.path)
    assert len(plan.kept) == 2
    assert {"What each rate finds", "What keeps detection", "The path"} <= {one.title for one in page.sections}


def test_an_estimate_of_nothing_stays_nothing():
    nothing = Frontier(
        pl.DataFrame(
            [
                dict.fromkeys(("found", "found_low_95", "detection", "detection_low_95"), 0.0)
                | {"rate": 0.1, "found_high_95": 9.0, "detection_high_95": 0.1}
            ]
        )
    )
    made = path(nothing, TODAY, (0.1,), random_share=0.01)
    assert made.select("found", "found_low_95").row(0) == (0.0, 0.0)
    assert made["change"][0] == -1.0
    assert nothing.estimate(0.1) == Estimate(0.0, 0.0, 9.0)


def test_the_command_plans_from_a_run(workbench, finished_run, tmp_path):
    told = workbench(
        "plan", finished_run.path, "--rate", 0.05, "--rate", 0.1, "--step", 0.1, "--out", tmp_path / "plan"
    )
    assert told.code == 0, told.err
    assert "were inspected" in told.out
    assert (tmp_path / "plan" / "report.html").is_file()
