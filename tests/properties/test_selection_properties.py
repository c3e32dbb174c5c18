"""Resolution over random hits and policies: capacity, lots, shadow, order of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.arm import ARM_COLUMNS, draw_arm
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.resolution import resolve
from workbench.scorer.lanes.room import slots_by_office_day
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import Lane

CONTROLS = [lane for lane in Lane if lane is not Lane.GREEN]
CELL = ["office_id", "lodged_on"]

rows = st.fixed_dictionaries(
    {
        "office_id": st.sampled_from(["A", "B", None]),
        "regime_code": st.sampled_from(["40", "51", None]),
        "lodged_on": st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)]),
        "score": st.one_of(st.none(), st.sampled_from([0.1, 0.5, 0.5, 0.9]), st.floats(0, 1)),
        "proposed_severity": st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
        "priority": st.integers(-1, 1),
        "criteria_probability": st.sampled_from([0.3, 1.0]),
    }
)
limits = st.builds(
    lambda lane, share, count: LaneLimit(lane, share, 3 if share is None and count is None else count),
    st.sampled_from(CONTROLS),
    st.one_of(st.none(), st.sampled_from([0.0, 0.05, 0.3, 1.0])),
    st.one_of(st.none(), st.integers(0, 4)),
)
policies = st.builds(
    lambda lanes, cut, **more: SelectionPolicy(
        # The model's lanes are the more severe ones.
        model_lanes=tuple(lane for lane in lanes if lane.severity > cut),
        lot_lanes=tuple(lane for lane in lanes if lane.severity <= cut),
        **more,
    ),
    lanes=st.sets(st.sampled_from(CONTROLS)),
    cut=st.integers(0, 4),
    limits=st.lists(limits, max_size=4, unique_by=lambda limit: limit.lane).map(tuple),
    random_share=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    random_lane=st.sampled_from(CONTROLS),
    fallback_lane=st.just(Lane.YELLOW),
    key=st.binary(min_size=32, max_size=32),
)


wild_policies = st.builds(
    lambda policy, share, lane: replace(policy, random_share=share, random_lane=lane),
    policies,
    st.one_of(st.sampled_from([0.0, 1e-17, 1.0]), st.floats(0, 1)),
    st.sampled_from(CONTROLS),
)


def table(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    for number, row in enumerate(drawn):
        is_named = row["proposed_severity"] > 0
        row |= {
            "declaration_id": f"D{number}",
            "proposed_cause": f"criterion:c{row['proposed_severity']}" if is_named else None,
            "criteria_probability": row["criteria_probability"] if is_named else 0.0,
            "severity_if_drawn": row["proposed_severity"],
            "priority_if_drawn": row["priority"],
        }
    return pl.DataFrame(drawn, schema=CANDIDATE_TYPES)


candidates = st.lists(rows, max_size=40).map(table)

declared = st.fixed_dictionaries(
    {
        "office_id": st.sampled_from(["A", "B", None]),
        "regime_code": st.sampled_from(["40", "51", None]),
        "lodged_at": st.integers(0, 2879).map(lambda minute: datetime(2026, 1, 1) + timedelta(minutes=minute)),
        "score": st.one_of(st.none(), st.sampled_from([0.1, 0.5, 0.5, 0.9])),
        "hits": st.sets(st.integers(0, 3)),
    }
)
criteria = st.fixed_dictionaries(
    {
        "lane": st.sampled_from([str(lane) for lane in CONTROLS]),
        "hit_percentage": st.sampled_from([0, 20, 50, 100]),
        "priority": st.integers(-1, 1),
        "points": st.sampled_from([0, 5, 20]),
    },
    optional={"forced_after": st.integers(0, 3)},
)


def items(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    """Make items of declarations of up to two items each."""
    table = [
        {name: row[name] for name in ("office_id", "regime_code", "lodged_at", "score")}
        | {"declaration_id": f"D{number // 2}", "item_no": number % 2 + 1}
        | {f"hit:c{one}": one in row["hits"] for one in range(4)}
        for number, row in enumerate(drawn)
    ]
    types = {
        "declaration_id": pl.String,
        "item_no": pl.Int32,
        "office_id": pl.String,
        "regime_code": pl.String,
        "score": pl.Float64,
    }
    hits = {f"hit:c{one}": pl.Boolean for one in range(4)}
    return pl.DataFrame(table, schema={**types, "lodged_at": pl.Datetime("us"), **hits})


def set_of(drawn: list[dict[str, Any]], shadow: set[int]) -> CriteriaSet:
    tables = [{"id": f"c{one}", "title": "", "when": "net_mass_kg > 0", **given} for one, given in enumerate(drawn)]
    points = {"yellow": 10.0, "red": 25.0}
    return CriteriaSet.from_dict({"criterion": tables, "points": points, "shadow": [f"c{one}" for one in shadow]})


def holds(decided: pl.DataFrame, policy: SelectionPolicy) -> None:
    """Assert that probabilities are some, and that whatever came about had one above nought."""
    full = pl.col("lane").to_physical() >= policy.random_lane.severity
    came_about = {
        "inclusion_probability": pl.col("lane") != "green",
        "criteria_probability": pl.col("would_be_cause").str.contains("^(criterion:|points)"),
        "model_probability": pl.col("would_be_cause").is_in(["model", "lot"]),
        "random_probability": pl.col("cause") == "random",
        "full_control_probability": full,
    }
    for name, of_it in came_about.items():
        assert decided[name].is_between(0, 1).all()
        assert decided.filter(of_it, pl.col(name) <= 0).is_empty()
    assert (decided["random_probability"] <= decided["full_control_probability"]).all()


def joined(one: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    return one.join(select(one, policy), on="declaration_id")


@given(candidates, policies)
@settings(max_examples=150, deadline=None)
def test_capacity_is_never_exceeded(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    taken = joined(one, policy).group_by(*CELL, "lane").len()
    cells = slots_by_office_day(one, policy)
    for limit in policy.limits:
        of_lane = taken.filter(pl.col("lane") == str(limit.lane))
        both = cells.join(of_lane, on=CELL, how="left", nulls_equal=True)
        assert (both["len"].fill_null(0) <= both[f"{limit.lane}_slots"]).all()


@given(candidates, policies)
@settings(max_examples=200, deadline=None)
def test_lanes_that_are_topped_up_are_full_before_the_arm_when_there_are_candidates(
    one: pl.DataFrame, policy: SelectionPolicy
) -> None:
    decided = joined(one, policy)
    waiting = decided.filter(pl.col("would_be_lane") == "green")
    slots = slots_by_office_day(one, policy)
    for lane in policy.top_up_lanes:
        able = waiting.filter(pl.col("score").is_not_null()) if lane in policy.model_lanes else waiting
        cells = slots.join(able.select(CELL).unique(), on=CELL, how="semi", nulls_equal=True)
        of_lane = decided.filter(pl.col("would_be_lane") == str(lane)).group_by(CELL).len()
        both = cells.join(of_lane, on=CELL, how="left", nulls_equal=True)
        of_others = both[f"{lane}_slots"] - both["random_seats"] * (lane is policy.random_lane)
        assert (both["len"].fill_null(0) == of_others).all()


@given(candidates, policies)
@settings(max_examples=200, deadline=None)
def test_the_arm_has_exactly_its_seats_or_nobody_milder_is_left(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    severity = pl.col("lane").to_physical().cast(pl.Int64)
    found = (
        joined(one, policy)
        .group_by(CELL)
        .agg(drawn=(pl.col("cause") == "random").sum(), milder=(severity < policy.random_lane.severity).sum())
    )
    both = slots_by_office_day(one, policy).join(found, on=CELL, nulls_equal=True)
    assert both.height == found.height
    assert both.filter(
        (pl.col("drawn") > pl.col("random_seats")).or_(
            (pl.col("drawn") < pl.col("random_seats")) & (pl.col("milder") > 0)
        )
    ).is_empty()


@given(candidates, policies)
@settings(max_examples=100, deadline=None)
def test_only_the_arm_moves_a_declaration_from_its_would_be_lane(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    decided = select(one, policy)
    is_drawn = pl.col("cause") == "random"
    others = decided.filter(~is_drawn)
    assert others.select("lane", "cause").equals(others.select(lane="would_be_lane", cause="would_be_cause"))
    drawn = decided.filter(is_drawn)
    assert (drawn["lane"] == str(policy.random_lane)).all()
    assert (drawn["would_be_lane"].to_physical() < policy.random_lane.severity).all()
    assert (drawn["would_be_cause"] != "random").all()


@given(candidates, policies)
@settings(max_examples=150, deadline=None)
def test_a_stratum_gets_its_share_of_the_arm_to_within_one(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    eligible = pl.col("would_be_lane").to_physical() < policy.random_lane.severity
    decided = joined(one, policy).filter(eligible).with_columns(is_drawn=pl.col("cause") == "random")
    of_day = decided.group_by(CELL).agg(share=pl.col("is_drawn").mean())
    strata = decided.group_by(*CELL, "regime_code", "would_be_lane").agg(pl.len(), drawn=pl.col("is_drawn").sum())
    both = strata.join(of_day, on=CELL, nulls_equal=True)
    proportional = (both["len"] * both["share"]).to_numpy()
    assert (abs(both["drawn"].to_numpy() - proportional) < 1).all()


@given(candidates, policies, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_arm_is_drawn_again_from_the_decisions_alone(
    one: pl.DataFrame, policy: SelectionPolicy, random: Any
) -> None:
    decided, order = joined(one, policy), list(range(one.height))
    random.shuffle(order)
    again = draw_arm(decided[order].select(ARM_COLUMNS), policy)
    was_drawn = decided.filter(pl.col("cause") == "random")
    assert set(again.filter("is_drawn")["declaration_id"]) == set(was_drawn["declaration_id"])
    both = again.join(decided, on="declaration_id", suffix="_decided")
    assert both["random_stratum"].equals(both["random_stratum_decided"])
    assert both.filter("is_drawn", pl.col("random_probability") <= 0).is_empty()


@given(candidates, policies)
@settings(max_examples=100, deadline=None)
def test_no_proposal_is_lost_and_none_is_raised_by_its_criterion(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    decided = joined(one, policy).with_columns(severity=pl.col("would_be_lane").to_physical().cast(pl.Int8))
    by_criterion = decided.filter(pl.col("would_be_cause").str.starts_with("criterion:"))
    assert (by_criterion["would_be_cause"] == by_criterion["proposed_cause"]).all()
    assert (by_criterion["severity"] <= by_criterion["proposed_severity"]).all()
    assert decided.filter((pl.col("proposed_severity") > 0) & (pl.col("would_be_cause") == "none")).is_empty()


@given(candidates, policies)
@settings(max_examples=100, deadline=None)
def test_probabilities_lie_between_0_and_1_and_none_is_0_for_whom_it_speaks_of(
    one: pl.DataFrame, policy: SelectionPolicy
) -> None:
    holds(select(one, policy), policy)


declared_wildly = st.fixed_dictionaries(
    {
        "office_id": st.sampled_from(["A", "B", None]),
        "regime_code": st.sampled_from(["40", "51", None]),
        "lodged_at": st.sampled_from([datetime(2026, 1, 1), datetime(2026, 1, 2), None]),
        "score": st.one_of(
            st.none(), st.sampled_from([0.5, float("nan"), float("inf"), -float("inf")]), st.floats(0, 1)
        ),
        "hits": st.sets(st.integers(0, 3)),
    }
)
wild_criteria = st.builds(
    lambda one, percentage: one | {"hit_percentage": percentage},
    criteria,
    st.one_of(st.sampled_from([0, 1e-12, 50, 100]), st.floats(0, 100)),
)


@given(
    st.lists(declared_wildly, max_size=40),
    st.lists(wild_criteria, min_size=4, max_size=4),
    wild_policies,
    st.dictionaries(st.sampled_from(["c0", "c1", "c2", "c3"]), st.integers(0, 5)),
)
@settings(max_examples=300, deadline=None)
def test_whatever_was_selected_had_a_probability_above_nought(
    drawn: list[dict[str, Any]],
    given_criteria: list[dict[str, Any]],
    policy: SelectionPolicy,
    counters: dict[str, int],
) -> None:
    decided = resolve(items(drawn), set_of(given_criteria, {3}), policy, counters).decisions
    holds(decided, policy)
    by_model = decided.filter(pl.col("would_be_cause") == "model")["declaration_id"]
    finite = items(drawn).filter(pl.col("score").is_finite())["declaration_id"]
    assert set(by_model) <= set(finite)


@given(
    st.lists(declared_wildly, max_size=40),
    st.lists(wild_criteria, min_size=4, max_size=4),
    wild_policies,
    st.sampled_from(["lot", "model", "arm"]),
)
@settings(max_examples=200, deadline=None)
def test_where_every_declaration_finds_a_control_whatever_is_drawn_all_are_certain(
    drawn: list[dict[str, Any]], given_criteria: list[dict[str, Any]], policy: SelectionPolicy, by: str
) -> None:
    rows = items(drawn)
    everyone = tuple(LaneLimit(lane, share=1.0) for lane in CONTROLS)
    if by == "arm":
        policy = replace(policy, limits=(), random_share=1.0)
    elif by == "lot":
        policy = replace(policy, limits=everyone, model_lanes=(Lane.RED,), lot_lanes=(Lane.BLUE,))
    else:
        policy = replace(policy, limits=everyone, model_lanes=(Lane.RED,), lot_lanes=())
        rows = rows.with_columns(pl.lit(0.5).alias("score"))
    decided = resolve(rows, set_of(given_criteria, set()), policy).decisions
    chance = pl.col("cause") == "none"
    assert decided.filter(chance).is_empty()
    assert (decided["inclusion_probability"] == 1).all()


@given(candidates, policies, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_order_of_rows_changes_no_lane(one: pl.DataFrame, policy: SelectionPolicy, random: Any) -> None:
    order = list(range(one.height))
    random.shuffle(order)
    shuffled = select(one[order], policy).sort("declaration_id")
    assert shuffled.equals(select(one, policy).sort("declaration_id"))


@given(candidates, policies)
@settings(max_examples=40, deadline=None)
def test_the_same_key_gives_the_same_decisions(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    assert select(one, policy).equals(select(one, policy))


@given(
    st.lists(declared, max_size=30), st.lists(criteria, min_size=4, max_size=4), st.sets(st.integers(0, 3)), policies
)
@settings(max_examples=120, deadline=None)
def test_adding_any_criterion_in_shadow_changes_no_decision(
    drawn: list[dict[str, Any]], given_criteria: list[dict[str, Any]], shadow: set[int], policy: SelectionPolicy
) -> None:
    rows, all_of_them = items(drawn), set_of(given_criteria, shadow)
    active = [one for number, one in enumerate(all_of_them.criteria) if number not in shadow]
    alone = resolve(rows, CriteriaSet(tuple(active), points=all_of_them.points), policy)
    beside = resolve(rows, all_of_them, policy)
    assert beside.decisions.equals(alone.decisions)
    assert beside.points_told.equals(alone.points_told)
    assert {name: beside.counters[name] for name in alone.counters} == alone.counters
    as_text = pl.col("criterion").cast(pl.String)
    of_active = beside.hits.filter(pl.col("mode") == "active").with_columns(as_text)
    assert of_active.equals(alone.hits.with_columns(as_text))


@given(
    st.lists(declared, max_size=30),
    st.lists(criteria, min_size=4, max_size=4),
    policies,
    st.randoms(use_true_random=False),
)
@settings(max_examples=80, deadline=None)
def test_order_of_items_changes_no_decision_no_hit_and_no_counter(
    drawn: list[dict[str, Any]], given_criteria: list[dict[str, Any]], policy: SelectionPolicy, random: Any
) -> None:
    rows, criteria_set = items(drawn), set_of(given_criteria, {3})
    order = list(range(rows.height))
    random.shuffle(order)
    straight, shuffled = resolve(rows, criteria_set, policy), resolve(rows[order], criteria_set, policy)
    assert shuffled.decisions.sort("declaration_id").equals(straight.decisions.sort("declaration_id"))
    keys = ["criterion", "declaration_id", "item_no"]
    assert shuffled.hits.sort(keys).equals(straight.hits.sort(keys))
    assert shuffled.counters == straight.counters


@given(st.lists(declared, max_size=30), st.lists(criteria, min_size=4, max_size=4), policies)
@settings(max_examples=80, deadline=None)
def test_every_hit_is_recorded_once_and_no_declaration_is_lost(
    drawn: list[dict[str, Any]], given_criteria: list[dict[str, Any]], policy: SelectionPolicy
) -> None:
    rows = items(drawn)
    resolved = resolve(rows, set_of(given_criteria, {0}), policy)
    assert sorted(resolved.decisions["declaration_id"]) == sorted(rows["declaration_id"].unique())
    for one in range(4):
        hit = rows.filter(f"hit:c{one}").select("declaration_id", "item_no")
        found = resolved.hits.filter(pl.col("criterion") == f"c{one}")
        assert found.select("declaration_id", "item_no").equals(hit)
        assert found["selection_probability"].is_between(0, 1).all()


@given(st.lists(declared, max_size=30), st.lists(criteria, min_size=4, max_size=4), st.integers(0, 29))
@settings(max_examples=80, deadline=None)
def test_forced_selection_goes_on_from_yesterdays_counters(
    drawn: list[dict[str, Any]], given_criteria: list[dict[str, Any]], cut: int
) -> None:
    """Two parts one after the other, with the counters handed on, take the same hits as both at once."""
    rows = items(drawn).sort("lodged_at", "declaration_id").with_columns(item_no=pl.lit(1, pl.Int32))
    rows = rows.with_columns(declaration_id=pl.format("D{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(3)))
    policy = SelectionPolicy((), (), 0.0, Lane.RED, Lane.YELLOW, bytes(32))
    together = resolve(rows, set_of(given_criteria, set()), policy)
    before = resolve(rows[:cut], set_of(given_criteria, set()), policy)
    after = resolve(rows[cut:], set_of(given_criteria, set()), policy, before.counters)
    columns = ["declaration_id", "lane", "cause"]
    assert pl.concat([before.decisions, after.decisions]).select(columns).equals(together.decisions.select(columns))
    assert after.counters == together.counters


def may_be_named(one: pl.DataFrame, drawn: list[bool]) -> pl.DataFrame:
    """Let criteria's own draws have passed over some whom they propose; all of these were uncertain."""
    passed_over = pl.Series(drawn, dtype=pl.Boolean)
    named = pl.col("proposed_severity") > 0
    return one.with_columns(
        criteria_probability=pl.when(named & passed_over).then(0.3).otherwise("criteria_probability"),
        proposed_severity=pl.when(passed_over).then(0).otherwise("proposed_severity").cast(pl.Int8),
        proposed_cause=pl.when(~passed_over).then("proposed_cause"),
    )


@given(candidates, policies, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_inclusion_probability_is_that_of_both_ways_the_own_draws_may_go(
    one: pl.DataFrame, policy: SelectionPolicy, random: Any
) -> None:
    """Made certain of being named, and of not being named, a declaration has the two parts of its probability."""
    drawn = may_be_named(one, [random.random() < 0.4 for _ in range(one.height)])
    stated = select(drawn, policy)["inclusion_probability"]
    uncertain = drawn["criteria_probability"].is_between(0, 1, closed="none").arg_true()
    for at in random.sample(list(uncertain), min(len(uncertain), 3)):
        row = pl.int_range(pl.len()) == at
        named = drawn.with_columns(
            pl.when(row).then(1.0).otherwise("criteria_probability").alias("criteria_probability"),
            pl.when(row).then("severity_if_drawn").otherwise("proposed_severity").alias("proposed_severity"),
            pl.when(row).then("priority_if_drawn").otherwise("priority").alias("priority"),
        )
        unnamed = drawn.with_columns(
            pl.when(row).then(0.0).otherwise("criteria_probability").alias("criteria_probability"),
            pl.when(row).then(pl.lit(0, pl.Int8)).otherwise("proposed_severity").alias("proposed_severity"),
        )
        if_named, if_not = (select(way, policy)["inclusion_probability"][at] for way in (named, unnamed))
        chance = drawn["criteria_probability"][at]
        assert stated[at] == pytest.approx(chance * if_named + (1 - chance) * if_not, abs=1e-9)
