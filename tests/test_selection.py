"""From scores and hits to lanes: order of filling, overflow, the random arm and what is stated about it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.config import LaneCapacity, SelectionConfig
from workbench.errors import BundleError, ConfigError
from workbench.scorer.lanes.draw import uniforms
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.room import slots_by_office_day
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import Lane
from workbench.selection import KEY_VARIABLE, new_key, policy

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
        "lodged_on": [DAY] * count,
        "score": scores,
        "proposed_severity": [0] * count,
        "proposed_by": [None] * count,
        "priority": [0] * count,
        "criteria_probability": [0.0] * count,
    }
    return pl.DataFrame(given | columns, schema=CANDIDATE_TYPES)


def named(scores: list[float], lanes: list[Lane | None], priority: list[int] | None = None) -> pl.DataFrame:
    """Make candidates that a criterion named after its lane proposes for `lanes` with certainty."""
    return candidates(
        scores,
        proposed_severity=[lane.severity if lane else 0 for lane in lanes],
        proposed_by=[str(lane) if lane else None for lane in lanes],
        priority=priority or [0] * len(lanes),
        criteria_probability=[1.0 if lane else 0.0 for lane in lanes],
    )


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


def test_the_most_severe_lane_wins_over_a_milder_proposal() -> None:
    decided = select(named([0.9, 0.1], [BLUE, YELLOW]), plan(LaneLimit(RED, count=1)))
    assert lanes_and_causes(decided) == [("red", "model"), ("yellow", "criterion:yellow")]


def test_priority_then_score_decide_who_finds_room() -> None:
    table = named([0.2, 0.9, 0.5], [RED, RED, RED], priority=[5, 0, 0])
    decided = select(table, plan(LaneLimit(RED, count=2), model_lanes=()))
    assert decided["lane"].to_list() == ["red", "red", "orange"]


def test_a_lane_without_a_limit_takes_all_that_criteria_name_and_nothing_from_the_model() -> None:
    decided = select(named([0.9, 0.8, 0.7], [RED, RED, None]), plan(model_lanes=(RED,)))
    assert decided["lane"].to_list() == ["red", "red", "green"]


def test_the_random_arm_moves_nobody_whom_the_model_sent_to_a_more_severe_lane() -> None:
    drawn_for_all = plan(LaneLimit(RED, count=1), random_share=1.0, random_lane=YELLOW)
    assert lanes_and_causes(select(candidates([0.9, 0.1]), drawn_for_all)) == [("red", "model"), ("yellow", "random")]


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


# --- the probability stated is the frequency found -----------------------------------------------------------------

_KEYS = 4_000
_PERCENTAGE = 30


def _over_keys(size: int, limits: tuple[LaneLimit, ...], hit: int, lane: Lane, **changes: Any) -> tuple[Any, Any, Any]:
    """Decide the same declarations under many keys; the first `hit` of them are hits of a criterion of 30 %.

    Return, by declaration, the mean probability stated, the share controlled and the share drawn for the random arm.
    Copies of the day at other offices make many keys of one: draws depend on the declaration's number alone.
    """
    days = 40
    numbers = [f"{copy}:{number}" for copy in range(days) for number in range(size)]
    is_hit = np.tile(np.arange(size) < hit, days)
    stated, controlled, by_lot = np.zeros(size), np.zeros(size), np.zeros(size)
    for key in range(_KEYS // days):
        secret = key.to_bytes(32, "big")
        taken = is_hit & (uniforms(secret, "criterion:c", numbers) < _PERCENTAGE / 100)
        table = candidates(
            np.tile(np.linspace(0.1, 0.9, size), days).tolist(),
            declaration_id=numbers,
            office_id=[f"O{copy}" for copy in range(days) for _ in range(size)],
            proposed_severity=np.where(taken, lane.severity, 0).tolist(),
            proposed_by=["c" if one else None for one in taken],
            criteria_probability=np.where(is_hit, _PERCENTAGE / 100, 0.0).tolist(),
        )
        decided = select(table, plan(*limits, key=secret, **({"model_lanes": ()} | changes)))
        stated += decided["inclusion_probability"].to_numpy().reshape(days, size).sum(axis=0)
        controlled += (decided["lane"] != "green").to_numpy().reshape(days, size).sum(axis=0)
        by_lot += (decided["cause"] == "random").to_numpy().reshape(days, size).sum(axis=0)
    return stated / _KEYS, controlled / _KEYS, by_lot / _KEYS


def _binomial_error(probability: Any) -> Any:
    return np.sqrt(np.maximum(probability * (1 - probability), 1e-4) / _KEYS)


@pytest.mark.parametrize(
    ("size", "limits", "hit", "lane"),
    [
        pytest.param(20, (LaneLimit(RED, share=1.0),), 0, RED, id="room for all"),
        pytest.param(3, (LaneLimit(RED, share=0.3),), 0, RED, id="small office, draws cut by capacity"),
        pytest.param(2, (LaneLimit(RED, share=0.1),), 0, RED, id="a fifth of a seat"),
        pytest.param(4, (LaneLimit(RED, share=0.3),), 2, RED, id="criterion of 30 % ahead of the draw"),
        pytest.param(4, (LaneLimit(RED, count=1),), 3, RED, id="criterion of 30 % for a single seat"),
        pytest.param(4, (LaneLimit(RED, share=0.3),), 2, YELLOW, id="criterion of 30 % for another lane"),
        pytest.param(5, (), 2, RED, id="no limit"),
    ],
)
def test_the_inclusion_probability_is_how_often_a_declaration_is_controlled(
    size: int, limits: tuple[LaneLimit, ...], hit: int, lane: Lane
) -> None:
    stated, controlled, by_lot = _over_keys(size, limits, hit, lane, random_share=0.2)
    assert (np.abs(controlled - stated) < 4.5 * _binomial_error(stated)).all()
    assert by_lot.sum() > 0
    if hit == 0:
        assert (np.abs(by_lot - stated) < 4.5 * _binomial_error(stated)).all()


def test_the_inclusion_probability_stays_true_beside_the_model() -> None:
    """Whom the model would have taken anyway is certain; the rest is left to the draws."""
    limits = (LaneLimit(RED, share=0.1), LaneLimit(YELLOW, share=0.2))
    stated, controlled, _ = _over_keys(40, limits, 12, YELLOW, random_share=0.05, model_lanes=(RED, YELLOW))
    assert np.abs(controlled - stated).max() < 0.03
    assert controlled.mean() == pytest.approx(stated.mean(), abs=0.01)


# --- policy from configuration -----------------------------------------------------------------------------------


def test_a_policy_survives_a_round_trip_through_json() -> None:
    one = plan(LaneLimit(RED, 0.1, 3), LaneLimit(YELLOW, count=5), random_share=0.01)
    assert SelectionPolicy.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_damaged_policy_is_refused() -> None:
    with pytest.raises(BundleError, match=r"policy is not readable.*Export"):
        SelectionPolicy.from_dict(plan().to_dict() | {"random_lane": "purple"})


def test_policy_says_what_the_configuration_says() -> None:
    config = SelectionConfig(capacity=(LaneCapacity(lane=RED, share=0.05, count=7),), random_share=0.02)
    made = policy(config, bytes(32))
    assert made.limit(RED) == LaneLimit(RED, 0.05, 7)
    assert made.limit(YELLOW) is None
    assert (made.random_share, made.random_lane, made.fallback_lane) == (0.02, RED, YELLOW)


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
