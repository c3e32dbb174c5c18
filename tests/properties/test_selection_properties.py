"""Selection over random candidates and policies: capacity, lots, order of rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.room import slots_by_office_day
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import Lane

CONTROLS = [lane for lane in Lane if lane is not Lane.GREEN]
CELL = ["office_id", "lodged_on"]

rows = st.fixed_dictionaries(
    {
        "office_id": st.sampled_from(["A", "B", None]),
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
    SelectionPolicy,
    limits=st.lists(limits, max_size=4, unique_by=lambda limit: limit.lane).map(tuple),
    model_lanes=st.lists(st.sampled_from(CONTROLS), max_size=3, unique=True).map(tuple),
    random_share=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    random_lane=st.sampled_from(CONTROLS),
    fallback_lane=st.just(Lane.YELLOW),
    key=st.binary(min_size=32, max_size=32),
)


def table(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    for number, row in enumerate(drawn):
        is_named = row["proposed_severity"] > 0
        row |= {
            "declaration_id": f"D{number}",
            "proposed_by": f"c{row['proposed_severity']}" if is_named else None,
            "criteria_probability": row["criteria_probability"] if is_named else 0.0,
        }
    return pl.DataFrame(drawn, schema=CANDIDATE_TYPES)


candidates = st.lists(rows, max_size=40).map(table)


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
@settings(max_examples=150, deadline=None)
def test_capacity_of_the_models_lanes_is_filled_when_there_are_candidates(
    one: pl.DataFrame, policy: SelectionPolicy
) -> None:
    decided = joined(one, policy)
    waiting = decided.filter((pl.col("lane") == "green") & pl.col("score").is_not_null()).select(CELL).unique()
    cells = slots_by_office_day(one, policy).join(waiting, on=CELL, how="semi", nulls_equal=True)
    for lane in {limit.lane for limit in policy.limits} & set(policy.model_lanes):
        of_lane = decided.filter(pl.col("lane") == str(lane)).group_by(CELL).len()
        both = cells.join(of_lane, on=CELL, how="left", nulls_equal=True)
        assert (both["len"].fill_null(0) == both[f"{lane}_slots"]).all()


@given(candidates, policies)
@settings(max_examples=100, deadline=None)
def test_no_proposal_is_lost_and_none_is_raised_by_its_criterion(one: pl.DataFrame, policy: SelectionPolicy) -> None:
    decided = joined(one, policy).with_columns(severity=pl.col("lane").to_physical().cast(pl.Int8))
    by_criterion = decided.filter(pl.col("cause").str.starts_with("criterion:"))
    assert (by_criterion["cause"] == "criterion:" + by_criterion["proposed_by"]).all()
    assert (by_criterion["severity"] <= by_criterion["proposed_severity"]).all()
    assert decided.filter((pl.col("proposed_severity") > 0) & (pl.col("cause") == "none")).is_empty()
    assert decided.filter((pl.col("cause") == "random") & (pl.col("lane") != str(policy.random_lane))).is_empty()


@given(candidates, policies)
@settings(max_examples=100, deadline=None)
def test_the_inclusion_probability_is_a_probability_and_no_selected_declaration_has_none(
    one: pl.DataFrame, policy: SelectionPolicy
) -> None:
    decided = select(one, policy)
    assert decided["inclusion_probability"].is_between(0, 1).all()
    assert decided.filter((pl.col("lane") != "green") & (pl.col("inclusion_probability") <= 0)).is_empty()


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
