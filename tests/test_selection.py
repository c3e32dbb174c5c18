"""From scores and hits to lanes: order of resolution, overflow, top-up, the record of hits and what is stated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from workbench.config import LaneCapacity, SelectionConfig
from workbench.errors import BundleError, ConfigError
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.keys import KEY_VARIABLE
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.resolution import resolve
from workbench.scorer.lanes.room import slots_by_office_day
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import Lane
from workbench.selection import new_key, policy

DAY = date(2026, 1, 5)
RED, ORANGE, YELLOW, BLUE = Lane.RED, Lane.ORANGE, Lane.YELLOW, Lane.BLUE
DIGITS = "0123456789abcdef"


def plan(*limits: LaneLimit, **changes: Any) -> SelectionPolicy:
    given = {"model_lanes": (RED,), "random_share": 0.0, "random_lane": RED, "fallback_lane": YELLOW, "key": bytes(32)}
    return SelectionPolicy(limits=limits, **(given | changes))


def candidates(scores: list[float | None], **columns: list[Any]) -> pl.DataFrame:
    count = len(scores)
    given: dict[str, list[Any]] = {
        "declaration_id": [f"D{number:03}" for number in range(count)],
        "office_id": ["O1"] * count,
        "regime_code": ["40"] * count,
        "lodged_on": [DAY] * count,
        "score": scores,
        "proposed_severity": [0] * count,
        "proposed_cause": [None] * count,
        "priority": [0] * count,
        "criteria_probability": [0.0] * count,
        "severity_if_drawn": [0] * count,
        "priority_if_drawn": [0] * count,
    }
    return pl.DataFrame(given | columns, schema=CANDIDATE_TYPES)


def named(scores: list[float], lanes: list[Lane | None], priority: list[int] | None = None) -> pl.DataFrame:
    """Make candidates that a criterion named after its lane proposes for `lanes` with certainty."""
    return candidates(
        scores,
        proposed_severity=[lane.severity if lane else 0 for lane in lanes],
        proposed_cause=[f"criterion:{lane}" if lane else None for lane in lanes],
        priority=priority or [0] * len(lanes),
        criteria_probability=[1.0 if lane else 0.0 for lane in lanes],
    )


def criterion(name: str, lane: Lane = RED, percentage: float = 100, **more: Any) -> dict[str, Any]:
    """Make a criterion whose condition does not matter: hits are given by hand."""
    return {
        "id": name,
        "title": name,
        "when": "net_mass_kg > 0",
        "lane": str(lane),
        "hit_percentage": percentage,
        **more,
    }


def set_of(*criteria: dict[str, Any], **more: Any) -> CriteriaSet:
    return CriteriaSet.from_dict({"criterion": list(criteria), **more})


def items(scores: list[float | None], hits: dict[str, list[int]], **columns: list[Any]) -> pl.DataFrame:
    """Make one item a declaration, lodged a minute after each other; `hits` names the items that a criterion hits."""
    count = len(scores)
    given: dict[str, Any] = {
        "declaration_id": [f"D{number:03}" for number in range(count)],
        "item_no": [1] * count,
        "office_id": ["O1"] * count,
        "regime_code": ["40"] * count,
        "lodged_at": [datetime(2026, 1, 5) + timedelta(minutes=number) for number in range(count)],
        "score": scores,
    }
    matrix = {f"hit:{name}": [number in hit for number in range(count)] for name, hit in hits.items()}
    return pl.DataFrame(given | columns | matrix, schema_overrides={"score": pl.Float64})


def lanes_and_causes(decided: pl.DataFrame) -> list[tuple[str, str]]:
    return decided.select("lane", "cause").rows()


# --- order of filling --------------------------------------------------------------------------------------------


def test_the_model_fills_a_lane_with_its_highest_scores() -> None:
    decided = select(candidates([0.1, 0.9, 0.5, 0.7]), plan(LaneLimit(RED, count=2)))
    assert lanes_and_causes(decided) == [("green", "none"), ("red", "model"), ("green", "none"), ("red", "model")]
    assert decided["inclusion_probability"].to_list() == [0.0, 1.0, 0.0, 1.0]


def test_criteria_go_before_the_model() -> None:
    decided = select(named([0.9, 0.1], [None, RED]), plan(LaneLimit(RED, count=1)))
    assert lanes_and_causes(decided) == [("green", "none"), ("red", "criterion:red")]


def test_the_model_passes_over_a_declaration_without_a_score() -> None:
    decided = select(candidates([None, 0.1]), plan(LaneLimit(RED, count=2)))
    assert lanes_and_causes(decided) == [("green", "none"), ("red", "model")]


def test_the_model_takes_nothing_that_a_criterion_named_for_a_milder_lane() -> None:
    decided = select(named([0.9, 0.1, 0.5], [BLUE, YELLOW, None]), plan(LaneLimit(RED, count=1)))
    assert lanes_and_causes(decided) == [
        ("blue", "criterion:blue"),
        ("yellow", "criterion:yellow"),
        ("red", "model"),
    ]


def test_priority_then_score_decide_who_finds_room() -> None:
    table = named([0.2, 0.9, 0.5], [RED, RED, RED], priority=[5, 0, 0])
    decided = select(table, plan(LaneLimit(RED, count=2), model_lanes=()))
    assert decided["lane"].to_list() == ["red", "red", "orange"]


def test_a_lane_without_a_limit_takes_all_that_criteria_name_and_nothing_from_the_model() -> None:
    decided = select(named([0.9, 0.8, 0.7], [RED, RED, None]), plan(model_lanes=(RED,)))
    assert decided["lane"].to_list() == ["red", "red", "green"]


def test_the_arm_draws_after_criteria_and_top_up_among_all_that_are_milder_than_its_lane() -> None:
    policy = plan(LaneLimit(RED, count=1), random_share=1.0, random_lane=YELLOW)
    decided = select(named([0.9, 0.8, 0.1], [None, BLUE, None]), policy)
    assert lanes_and_causes(decided) == [("red", "model"), ("yellow", "random"), ("yellow", "random")]
    would_be = decided.select("would_be_lane", "would_be_cause").rows()
    assert would_be == [("red", "model"), ("blue", "criterion:blue"), ("green", "none")]
    assert decided["random_stratum"].to_list() == ["O1|40|red", "O1|40|blue", "O1|40|green"]


def test_the_arms_seats_are_those_that_criteria_and_top_up_do_not_get() -> None:
    policy = plan(LaneLimit(RED, count=2), random_share=0.25)
    decided = select(named([0.9, 0.8, 0.7, 0.1], [RED, RED, None, None]), policy)
    # One of two seats in red is the arm's: the second that the criterion named goes on to orange.
    assert decided["would_be_lane"].to_list() == ["red", "orange", "green", "green"]
    assert (decided["lane"] == "red").sum() == 2
    assert decided["full_control_probability"].to_list() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_an_arm_without_room_draws_nobody() -> None:
    limits = (LaneLimit(RED, count=1), LaneLimit(YELLOW, count=0))
    decided = select(candidates([0.9, 0.1]), plan(*limits, random_share=1.0, random_lane=YELLOW))
    assert lanes_and_causes(decided) == [("red", "model"), ("green", "none")]


def test_lanes_are_topped_up_from_the_most_severe_by_score_and_then_by_lot() -> None:
    limits = (LaneLimit(RED, count=1), LaneLimit(ORANGE, count=1), LaneLimit(YELLOW, count=2), LaneLimit(BLUE, count=9))
    policy = plan(*limits, model_lanes=(ORANGE, RED), lot_lanes=(YELLOW,))
    decided = select(candidates([0.1, 0.9, 0.5, 0.7, 0.2, None]), policy)
    assert decided["lane"][1] == "red"
    assert decided["lane"][3] == "orange"
    assert decided["cause"].to_list().count("lot") == 2
    assert decided.filter(pl.col("cause") == "lot")["lane"].to_list() == ["yellow"] * 2
    assert decided["inclusion_probability"].to_list() == pytest.approx([0.5, 1, 0.5, 1, 0.5, 0.5])


def test_a_lot_takes_others_under_another_key_and_the_same_under_the_same() -> None:
    def drawn(key: bytes) -> set[str]:
        decided = select(
            candidates([0.5] * 40), plan(LaneLimit(RED, count=9), model_lanes=(), lot_lanes=(RED,), key=key)
        )
        return set(decided.filter(pl.col("cause") == "lot")["declaration_id"])

    assert drawn(bytes(32)) == drawn(bytes(32)) != drawn(b"k" * 32)
    assert len(drawn(bytes(32))) == 9


def test_offices_and_days_have_capacities_of_their_own() -> None:
    table = candidates(
        [0.9, 0.8, 0.7, 0.6], office_id=["A", "A", "B", None], lodged_on=[DAY, date(2026, 1, 6), DAY, DAY]
    )
    decided = select(table, plan(LaneLimit(RED, count=1)))
    assert decided["lane"].to_list() == ["red"] * 4


# --- overflow ----------------------------------------------------------------------------------------------------


def test_overflow_goes_to_the_next_lane_under_the_same_cause() -> None:
    limits = (LaneLimit(RED, count=1), LaneLimit(ORANGE, count=0), LaneLimit(YELLOW, count=1))
    decided = select(named([0.9, 0.8, 0.7], [RED, RED, RED]), plan(*limits, model_lanes=()))
    assert decided["lane"].to_list() == ["red", "yellow", "blue"]
    assert decided["cause"].to_list() == ["criterion:red"] * 3
    assert decided["inclusion_probability"].to_list() == [1.0] * 3


def test_a_hit_that_finds_every_lane_full_stays_green_under_its_criterion_and_is_not_said_to_be_controlled() -> None:
    full = [LaneLimit(lane, count=0) for lane in (RED, ORANGE, YELLOW, BLUE)]
    decided = select(named([0.9, 0.8], [RED, None]), plan(*full))
    assert lanes_and_causes(decided) == [("green", "criterion:red"), ("green", "none")]
    assert decided["inclusion_probability"].to_list() == [0.0, 0.0]


# --- capacity ----------------------------------------------------------------------------------------------------


def test_a_limit_is_the_lesser_of_share_and_count() -> None:
    limit = LaneLimit(RED, share=0.5, count=2)
    assert limit.expected(np.array([2.0, 3.0, 10.0])).tolist() == [1.0, 1.5, 2.0]


def test_fractions_of_a_control_are_rounded_by_lot_so_that_small_offices_get_their_share() -> None:
    days = [date.fromordinal(DAY.toordinal() + number) for number in range(2000)]
    table = candidates([0.5] * 2000, lodged_on=days)
    slots = slots_by_office_day(table, plan(LaneLimit(RED, share=0.4)))["red_slots"]
    assert set(slots) == {0, 1}
    assert slots.mean() == pytest.approx(0.4, abs=4 * 0.011)


def test_missing_columns_are_named() -> None:
    with pytest.raises(BundleError, match="criteria_probability"):
        select(candidates([0.5]).drop("criteria_probability"), plan())


def test_no_candidates_give_no_decisions() -> None:
    assert select(candidates([]), plan(LaneLimit(RED, share=0.1), random_share=0.1)).height == 0


# --- criteria: draws, force, points, shadow ------------------------------------------------------------------------


def test_of_several_criteria_the_most_severe_gives_the_lane_and_every_hit_is_recorded() -> None:
    rows = pl.concat([items([0.5], {"a": [0], "b": [], "c": []}), items([0.5], {"a": [], "b": [0], "c": []})])
    rows = rows.with_columns(item_no=pl.Series([1, 2]))
    criteria = set_of(criterion("a", BLUE), criterion("b", RED), criterion("c", RED))
    resolved = resolve(rows, criteria, plan())
    assert lanes_and_causes(resolved.decisions) == [("red", "criterion:b")]
    assert resolved.hits.select("declaration_id", "item_no", "criterion", "lane", "mode", "drawn").rows() == [
        ("D000", 1, "a", "blue", "active", True),
        ("D000", 2, "b", "red", "active", True),
    ]


def test_after_so_many_hits_passed_over_the_next_is_selected_whatever_the_draw() -> None:
    rows = items([0.5] * 7, {"never": list(range(7))})
    forcing = set_of(criterion("never", RED, 0, forced_after=2))
    resolved = resolve(rows.reverse(), forcing, plan())
    red = resolved.decisions.filter(pl.col("lane") == "red")
    assert sorted(red["declaration_id"]) == ["D002", "D005"]
    assert resolved.counters == {"never": 1}
    assert resolve(rows, forcing, plan(), counters={"never": 1}).decisions["lane"].to_list()[1] == "red"
    assert resolved.hits.filter("forced")["declaration_id"].to_list() == ["D005", "D002"]


def test_a_declaration_counts_once_towards_the_force_and_order_is_by_lodgement_then_number() -> None:
    rows = items([0.5] * 6, {"c": [0, 1, 2, 3, 4, 5]}, declaration_id=["B", "B", "B", "A", "C", "D"])
    rows = rows.with_columns(
        item_no=pl.Series([1, 2, 3, 1, 1, 1]), lodged_at=pl.Series([datetime(2026, 1, 5)] * 5 + [datetime(2026, 1, 4)])
    )
    resolved = resolve(rows, set_of(criterion("c", RED, 0, forced_after=1)), plan())
    # In order: D (the day before), A, B, C.
    assert dict(resolved.decisions.select("declaration_id", "lane").iter_rows()) == {
        "D": "green",
        "A": "red",
        "B": "green",
        "C": "red",
    }


def test_the_day_may_stand_for_the_moment() -> None:
    rows = items([0.9, 0.1], {"c": [1]})
    by_day = rows.with_columns(lodged_on=pl.col("lodged_at").dt.date()).drop("lodged_at")
    criteria, policy = set_of(criterion("c", YELLOW)), plan(LaneLimit(RED, count=1))
    assert resolve(by_day, criteria, policy).decisions.equals(resolve(rows, criteria, policy).decisions)


def test_the_points_of_the_criteria_that_hit_add_up_to_a_lane() -> None:
    rows = items([0.5] * 4, {"a": [0, 1, 2], "b": [1, 2], "c": [2]})
    weighted = set_of(
        criterion("a", Lane.GREEN, 0, points=10),
        criterion("b", Lane.GREEN, 0, points=20.5),
        criterion("c", RED, points=-1),
        points={"yellow": 30, "red": 60},
    )
    resolved = resolve(rows, weighted, plan(model_lanes=()))
    assert lanes_and_causes(resolved.decisions) == [
        ("green", "none"),
        ("yellow", "points"),
        ("red", "criterion:c"),
        ("green", "none"),
    ]
    assert resolved.decisions["inclusion_probability"].to_list() == [0.0, 1.0, 1.0, 0.0]
    assert resolved.points_told.rows() == [("D001", "The criteria that hit it add up to 30.5 points: a 10, b 20.5.")]


def test_points_count_once_a_declaration_and_win_only_where_they_are_more_severe() -> None:
    rows = items([0.5] * 4, {"a": [0, 1, 2, 3], "y": [3]}, declaration_id=["D0", "D0", "D0", "D1"])
    rows = rows.with_columns(item_no=pl.Series([1, 2, 3, 1]))
    criteria = set_of(
        criterion("a", Lane.GREEN, points=10), criterion("y", YELLOW, points=10), points={"red": 30, "yellow": 20}
    )
    assert lanes_and_causes(resolve(rows, criteria, plan()).decisions) == [
        ("green", "none"),
        ("yellow", "criterion:y"),
    ]


def test_a_criterion_in_shadow_is_recorded_and_changes_nothing() -> None:
    rows = items([0.9, 0.5, 0.1], {"a": [2], "s": [0, 1, 2]})
    active = criterion("a", YELLOW, 60, points=5)
    shadow = criterion("s", RED, 50, points=50, forced_after=1)
    policy = plan(LaneLimit(RED, count=1), random_share=0.2)
    alone = resolve(rows, set_of(active, points={"red": 40}), policy)
    beside = resolve(rows, set_of(active, shadow, points={"red": 40}, shadow=["s"]), policy)
    assert beside.decisions.equals(alone.decisions)
    recorded = beside.hits.filter(pl.col("mode") == "shadow")
    assert recorded["criterion"].to_list() == ["s"] * 3
    assert recorded["selection_probability"].to_list() == [0.5, 0.75, 0.625]
    assert beside.by_criterion["mode"].to_list() == ["active", "shadow"]


def test_not_evaluable_is_no_hit_and_has_no_row_in_the_record() -> None:
    rows = items([0.5, 0.5], {}).with_columns(pl.Series("hit:a", [None, True]))
    resolved = resolve(rows, set_of(criterion("a")), plan())
    assert resolved.decisions["lane"].to_list() == ["green", "red"]
    assert resolved.hits["declaration_id"].to_list() == ["D001"]


def test_criteria_without_hits_and_rows_without_criteria_have_a_record_of_the_same_columns() -> None:
    none = resolve(items([0.5], {}), CriteriaSet(), plan()).hits
    empty = resolve(items([0.5], {"a": []}), set_of(criterion("a")), plan()).hits
    assert none.columns == empty.columns
    assert none.height == empty.height == 0


def test_hits_of_another_set_are_refused() -> None:
    with pytest.raises(BundleError, match=r"no column 'hit:a'.*same criteria"):
        resolve(items([0.5], {}), set_of(criterion("a")), plan())


# --- the probability stated is the frequency found -----------------------------------------------------------------

_KEYS, _DAYS = 100, 100


def _over_keys(size: int, criteria: CriteriaSet, hits: dict[str, list[int]], policy: SelectionPolicy) -> Any:
    """Decide the declarations of an office's day 10,000 times; return the mean probability stated, the share found.

    Copies of the day at other offices make many draws of one key: draws depend on the declaration's number.
    """
    scores = [0.1 + 0.8 * ((5 * number) % size) / size for number in range(size)]
    day = items(scores, hits)
    rows = pl.concat(
        day.with_columns(declaration_id=f"{copy:03}" + pl.col("declaration_id"), office_id=pl.lit(f"O{copy:03}"))
        for copy in range(_DAYS)
    )
    stated, controlled = np.zeros(size), np.zeros(size)
    for key in range(_KEYS):
        decided = resolve(rows, criteria, replace(policy, key=key.to_bytes(32, "big"))).decisions
        stated += decided["inclusion_probability"].to_numpy().reshape(_DAYS, size).sum(axis=0)
        controlled += (decided["lane"] != "green").to_numpy().reshape(_DAYS, size).sum(axis=0)
    return stated / (_KEYS * _DAYS), controlled / (_KEYS * _DAYS)


def _scenario(
    name: str, size: int, criteria: list[dict[str, Any]], hits: dict[str, list[int]], *limits: LaneLimit, **more: Any
) -> Any:
    points = more.pop("points", {})
    return pytest.param(
        size, set_of(*criteria, points=points), hits, plan(*limits, **({"model_lanes": ()} | more)), id=name
    )


_FULL = [
    LaneLimit(RED, share=0.1),
    LaneLimit(ORANGE, count=0),
    LaneLimit(YELLOW, share=0.1),
    LaneLimit(BLUE, share=0.1),
]


@pytest.mark.parametrize(
    ("size", "criteria", "hits", "policy"),
    [
        _scenario("room for all", 20, [], {}, LaneLimit(RED, share=1.0), random_share=0.2),
        _scenario("a lane that is all the arm's", 8, [], {}, LaneLimit(RED, share=0.3), random_share=0.4),
        _scenario("draws cut by capacity", 3, [], {}, LaneLimit(RED, share=0.3), random_share=0.2),
        _scenario("a fifth of a seat", 2, [], {}, LaneLimit(RED, share=0.1), random_share=0.2),
        _scenario("no limit", 5, [criterion("c", RED, 30)], {"c": [0, 1]}, random_share=0.2),
        _scenario(
            "criterion beside the arm",
            4,
            [criterion("c", RED, 30)],
            {"c": [0, 1]},
            LaneLimit(RED, share=0.3),
            random_share=0.2,
        ),
        _scenario(
            "criterion for a single seat",
            4,
            [criterion("c", RED, 30)],
            {"c": [0, 1, 2]},
            LaneLimit(RED, count=1),
            random_share=0.2,
        ),
        _scenario(
            "forced selection",
            5,
            [criterion("c", RED, 30, forced_after=2)],
            {"c": [0, 1, 2, 4]},
            LaneLimit(RED, share=0.5),
            random_share=0.1,
        ),
        _scenario(
            "points",
            6,
            [criterion("a", RED, 30, points=20), criterion("b", Lane.GREEN, points=20)],
            {"a": [0, 1, 2], "b": [1, 2, 3]},
            LaneLimit(RED, share=0.2),
            LaneLimit(YELLOW, share=0.4),
            points={"yellow": 30},
            random_share=0.1,
            model_lanes=(YELLOW,),
        ),
        _scenario(
            "overflow beside the model",
            12,
            [criterion("a", RED, 50), criterion("b", ORANGE, 40)],
            {"a": [0, 1, 2, 3, 4], "b": [3, 4, 5, 6]},
            LaneLimit(RED, share=0.1),
            LaneLimit(ORANGE, share=0.12),
            LaneLimit(YELLOW, share=0.3),
            random_share=0.05,
            model_lanes=(RED, YELLOW),
        ),
        _scenario("every lane full", 8, [criterion("a", RED, 50)], {"a": [0, 1, 2, 3, 4]}, *_FULL, random_share=0.05),
        _scenario(
            "every lane full beside the model",
            8,
            [criterion("b", BLUE, 60)],
            {"b": [3, 4, 5, 6]},
            *_FULL,
            random_share=0.05,
            model_lanes=(RED,),
        ),
        _scenario(
            "top-up by lot",
            10,
            [criterion("a", RED, 50)],
            {"a": [0, 1, 2]},
            LaneLimit(RED, share=0.1),
            LaneLimit(YELLOW, share=0.25),
            random_share=0.05,
            lot_lanes=(YELLOW, RED),
        ),
        _scenario(
            "top-up by the model and by lot",
            10,
            [criterion("a", RED, 50)],
            {"a": [0, 1, 2]},
            LaneLimit(RED, share=0.25),
            LaneLimit(YELLOW, share=0.25),
            random_share=0.05,
            model_lanes=(RED,),
            lot_lanes=(YELLOW,),
        ),
        _scenario(
            "an arm in a mild lane",
            9,
            [criterion("a", BLUE, 50), criterion("b", RED, 40)],
            {"a": [0, 1, 2, 3], "b": [3, 4, 5]},
            LaneLimit(RED, share=0.15),
            LaneLimit(YELLOW, share=0.3),
            LaneLimit(BLUE, share=0.15),
            random_share=0.12,
            random_lane=YELLOW,
            model_lanes=(RED, YELLOW),
        ),
    ],
)
def test_the_inclusion_probability_is_how_often_a_declaration_is_controlled(
    size: int, criteria: CriteriaSet, hits: dict[str, list[int]], policy: SelectionPolicy
) -> None:
    stated, controlled = _over_keys(size, criteria, hits, policy)
    error = np.sqrt(np.maximum(stated * (1 - stated), 1e-4) / (_KEYS * _DAYS))
    assert (np.abs(controlled - stated) < 4 * error).all()
    assert 0 < controlled.mean() < 1


def test_a_score_that_is_not_finite_takes_no_place_in_the_models_order() -> None:
    scores: list[float | None] = [float("inf"), 0.4, float("nan"), 0.6, None, -float("inf"), 0.2]
    policy = plan(LaneLimit(RED, count=0), LaneLimit(ORANGE, count=2), model_lanes=(RED, ORANGE))
    decided = resolve(items(scores, {}), CriteriaSet(), policy).decisions
    assert decided["cause"].to_list() == ["none", "model", "none", "model", "none", "none", "none"]
    assert decided["inclusion_probability"].to_list() == [0, 1, 0, 1, 0, 0, 0]
    assert select(candidates(scores), policy).equals(decided)


def test_an_item_whose_score_is_no_number_does_not_hide_that_of_another() -> None:
    rows = items([float("nan"), 0.9, 0.5], {}, declaration_id=["A", "A", "B"], item_no=[1, 2, 1])
    decided = resolve(rows, CriteriaSet(), plan(LaneLimit(RED, count=1))).decisions
    assert lanes_and_causes(decided) == [("red", "model"), ("green", "none")]


def test_whoever_was_refused_would_have_had_the_seat_and_left_the_models_to_the_next() -> None:
    """Two are named for one blue seat. The first was uncertain: were it not named, both would be controlled."""
    limits = [
        LaneLimit(RED, count=1),
        *(LaneLimit(lane, count=0) for lane in (ORANGE, YELLOW)),
        LaneLimit(BLUE, count=1),
    ]
    table = named([0.5, 0.9, 0.1], [BLUE, BLUE, None], priority=[1, 0, 0])
    uncertain = table.with_columns(criteria_probability=pl.Series([0.5, 1.0, 0.0]))
    decided = select(uncertain, plan(*limits))
    assert lanes_and_causes(decided) == [("blue", "criterion:blue"), ("red", "model"), ("green", "none")]
    assert decided["inclusion_probability"].to_list() == [1.0, 1.0, 0.0]


def crowded_days(rng: np.random.Generator, days: int, size: int) -> list[pl.DataFrame]:
    """Make offices' days on which criteria propose mild lanes for half, and their own draws took half of these."""
    made = []
    for day in range(days):
        severity = rng.choice([0, 0, 1, 1, 2, 3], size)
        chance = np.where(severity > 0, rng.choice([0.3, 1.0], size), 0.0)
        is_named = (chance == 1) | ((chance > 0) & (rng.random(size) < 0.6))
        table = candidates(
            rng.permutation(np.where(rng.random(size) < 0.2, np.nan, rng.random(size))).tolist(),
            declaration_id=[f"{day}-{at}" for at in range(size)],
            proposed_severity=np.where(is_named, severity, 0).tolist(),
            proposed_cause=["criterion:c" if one else None for one in is_named],
            priority=np.where(is_named, 1, 0).tolist(),
            criteria_probability=chance.tolist(),
            severity_if_drawn=severity.tolist(),
            priority_if_drawn=np.where(severity > 0, 1, 0).tolist(),
        )
        made.append(table)
    return made


def both_ways(day: pl.DataFrame, at: int) -> list[pl.DataFrame]:
    """Return the day with one declaration certain of being named, and certain of not being named."""
    row = pl.int_range(pl.len()) == at
    named = {"criteria_probability": 1.0, "proposed_severity": pl.col("severity_if_drawn"), "priority": 1}
    unnamed = {"criteria_probability": 0.0, "proposed_severity": pl.lit(0, pl.Int8), "priority": 0}
    return [
        day.with_columns(pl.when(row).then(value).otherwise(name).alias(name) for name, value in way.items())
        for way in (named, unnamed)
    ]


@pytest.mark.parametrize("model_lanes", [(), (RED,), (RED, ORANGE)])
@pytest.mark.parametrize("lot_lanes", [(), (BLUE,), (YELLOW, BLUE)])
@pytest.mark.parametrize("random_lane", [RED, YELLOW])
def test_where_every_lane_is_full_both_ways_of_the_own_draws_are_followed_to_the_last_seat(
    model_lanes: tuple[Lane, ...], lot_lanes: tuple[Lane, ...], random_lane: Lane
) -> None:
    """The probability is c * N + (1 - c) * U, with N and U those of the same day were the draw certain either way."""
    limits = [LaneLimit(RED, 0.12), LaneLimit(ORANGE, count=1), LaneLimit(YELLOW, 0.15), LaneLimit(BLUE, count=1)]
    policy = plan(*limits, model_lanes=model_lanes, lot_lanes=lot_lanes, random_lane=random_lane, random_share=0.05)
    days = crowded_days(np.random.default_rng(5), 40, 12)
    asked = [
        (n, at)
        for n, day in enumerate(days)
        for at in day["criteria_probability"].is_between(0, 1, closed="none").arg_true()
    ]
    ways = [way for n, at in asked for way in both_ways(days[n], at)]
    offices = [one.with_columns(office_id=pl.lit(f"O{n:05}")) for n, one in enumerate([*days, *ways])]
    stated = select(pl.concat(offices), policy)["inclusion_probability"].to_numpy().reshape(-1, 12)
    for turn, (n, at) in enumerate(asked):
        if_named, if_not = stated[len(days) + 2 * turn][at], stated[len(days) + 2 * turn + 1][at]
        assert stated[n][at] == pytest.approx(0.3 * if_named + 0.7 * if_not, abs=1e-9)
    assert len(asked) > 100


def test_seats_that_the_drawn_leave_stay_empty() -> None:
    """The arm has red; the model's orange has room for two, and is filled again for none that the arm took from it."""
    policy = plan(LaneLimit(RED, count=1), LaneLimit(ORANGE, count=2), model_lanes=(ORANGE,), random_share=1.0)
    table = candidates([0.1, 0.5, 0.9])
    decided = [select(table, replace(policy, key=bytes([number] * 32))) for number in range(20)]
    assert {tuple(one["lane"]) for one in decided} == {
        ("red", "orange", "orange"),
        ("green", "red", "orange"),
        ("green", "orange", "red"),
    }
    assert all(one["inclusion_probability"].to_list() == pytest.approx([1 / 3, 1, 1]) for one in decided)
    assert all(one["full_control_probability"].to_list() == pytest.approx([1 / 3] * 3) for one in decided)


@pytest.mark.parametrize("percentage", [1e-10, 1e-15])
def test_a_probability_below_the_last_bit_of_one_is_not_nought(percentage: float) -> None:
    criteria = set_of(criterion("rare", RED, percentage))
    decided = resolve(items([0.5, 0.6], {"rare": [0]}), criteria, plan()).decisions
    assert decided["inclusion_probability"].to_list() == pytest.approx([percentage / 100, 0], rel=1e-12, abs=0)


# --- policy from configuration -----------------------------------------------------------------------------------


def test_a_policy_survives_a_round_trip_through_json() -> None:
    one = plan(LaneLimit(RED, 0.1, 3), LaneLimit(YELLOW, count=5), random_share=0.01, lot_lanes=(YELLOW,))
    assert SelectionPolicy.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_damaged_policy_is_refused() -> None:
    with pytest.raises(BundleError, match=r"policy is not readable.*Export"):
        SelectionPolicy.from_dict(plan().to_dict() | {"random_lane": "purple"})


def test_policy_says_what_the_configuration_says() -> None:
    red, blue = LaneCapacity(lane=RED, share=0.05, count=7), LaneCapacity(lane=BLUE, count=1)
    config = SelectionConfig(capacity=(red, blue), random_share=0.02, lot_lanes=(BLUE,))
    made = policy(config, bytes(32))
    assert made.limit(RED) == LaneLimit(RED, 0.05, 7)
    assert made.limit(YELLOW) is None
    assert made.top_up_lanes == (RED, BLUE)
    assert (made.random_share, made.random_lane, made.fallback_lane) == (0.02, RED, YELLOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lot_lanes": (RED,)}, "red stands in model_lanes and in lot_lanes"),
        ({"lot_lanes": (ORANGE,), "model_lanes": (YELLOW,)}, "a lot fills orange above a lane of the model"),
        ({"lot_lanes": (Lane.GREEN,)}, "green is no control"),
        ({"lot_lanes": (BLUE,)}, "blue is topped up and has no"),
    ],
)
def test_a_top_up_that_cannot_be_is_refused_in_the_configuration(changes: dict[str, Any], message: str) -> None:
    capacity = tuple(LaneCapacity(lane=lane, count=1) for lane in (RED, ORANGE, YELLOW))
    with pytest.raises(ValidationError, match=message):
        SelectionConfig(capacity=capacity, **changes)


def test_the_key_comes_from_the_environment_or_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, DIGITS * 4)
    assert new_key() == bytes.fromhex(DIGITS * 4)
    monkeypatch.delenv(KEY_VARIABLE)
    assert len({new_key(), new_key()}) == 2


@pytest.mark.parametrize("text", ["", "00", "g" * 64, DIGITS * 4 + "00"])
def test_a_key_of_another_length_or_alphabet_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(ConfigError, match="64 hexadecimal digits") as refused:
        new_key()
    assert len(text) < 3 or text not in str(refused.value)


@pytest.mark.parametrize(
    "unsafe",
    [
        {"fallback_lane": Lane.GREEN},
        {"random_lane": Lane.GREEN},
        {"model_lanes": (Lane.GREEN,)},
        {"lot_lanes": (Lane.GREEN,)},
        {"lot_lanes": (Lane.RED,)},
        {"lot_lanes": (Lane.RED,), "model_lanes": (Lane.YELLOW,)},
        {"random_share": 5.0},
        {"random_share": float("nan")},
        {"limits": (LaneLimit(Lane.RED, share=float("nan")),)},
        {"limits": (LaneLimit(Lane.RED, count=-1),)},
    ],
)
def test_a_policy_under_which_a_fault_would_release_goods_is_refused(unsafe: dict[str, Any]) -> None:
    safe = {
        "limits": (LaneLimit(Lane.RED, share=0.05),),
        "model_lanes": (Lane.RED,),
        "random_share": 0.01,
        "random_lane": Lane.RED,
        "fallback_lane": Lane.YELLOW,
        "key": b"k" * 32,
    }
    with pytest.raises(BundleError, match="not safe"):
        SelectionPolicy(**(safe | unsafe))
