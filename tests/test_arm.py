"""The stratified random arm: seats, strata, replay, and probabilities under which estimates are unbiased."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from workbench.errors import BundleError
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.arm import draw_arm
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.resolution import resolve
from workbench.scorer.lanes.room import Room, slots_by_office_day
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import Lane

DAY = date(2026, 1, 5)
RED, ORANGE, YELLOW, BLUE = Lane.RED, Lane.ORANGE, Lane.YELLOW, Lane.BLUE
Values = npt.NDArray[np.float64]


def plan(*limits: LaneLimit, **changes: Any) -> SelectionPolicy:
    given = {"model_lanes": (), "random_share": 0.1, "random_lane": RED, "fallback_lane": YELLOW, "key": bytes(32)}
    return SelectionPolicy(limits=limits, **(given | changes))


def keys(count: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in range(count)]


def day_of(strata: dict[tuple[str | None, str], int], **columns: Any) -> pl.DataFrame:
    """Make an office's day with so many declarations by regime and would-be lane."""
    rows = [stratum for stratum, count in strata.items() for _ in range(count)]
    return pl.DataFrame(rows, schema=["regime_code", "would_be_lane"], orient="row").with_columns(
        declaration_id=pl.format("D{}", pl.int_range(pl.len())), office_id=pl.lit("A"), lodged_on=pl.lit(DAY), **columns
    )


# --- seats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "size", "limit", "arm", "lane"),
    [
        (0.1, 7, LaneLimit(RED, share=0.25), 0.7, 1.75),
        (0.3, 4, LaneLimit(RED, share=0.7), 1.2, 2.8),
        (0.5, 3, LaneLimit(RED, share=0.2), 0.6, 0.6),
        (0.5, 3, LaneLimit(RED, count=1), 1.0, 1.0),
        (0.0, 3, LaneLimit(RED, share=0.5), 0.0, 1.5),
    ],
)
def test_one_lot_rounds_the_arm_and_the_lane_together(
    share: float, size: int, limit: LaneLimit, arm: float, lane: float
) -> None:
    days = [DAY + timedelta(days=number) for number in range(2000) for _ in range(size)]
    table = pl.DataFrame({"office_id": "A", "lodged_on": days})
    slots = slots_by_office_day(table, plan(limit, random_share=share))
    seats, every = slots["random_seats"], slots["red_slots"]
    assert (seats <= every).all()
    for found, expected in ((seats, arm), (every, lane), (every - seats, lane - arm)):
        assert set(found) <= {int(np.floor(expected)), int(np.ceil(expected - 1e-9))}
        assert found.mean() == pytest.approx(expected, abs=4 * 0.012)


def test_roundings_carry_the_whole_probability_and_the_expected_seats() -> None:
    table = pl.DataFrame({"office_id": list("AAABBBBBBB"), "lodged_on": DAY})
    policy = plan(LaneLimit(RED, share=0.35), LaneLimit(ORANGE, count=1), LaneLimit(YELLOW, share=0.45))
    room = Room.of(table, policy)
    roundings = list(room.roundings())
    assert len(roundings) == 6
    weights = np.array([one.weight for one in roundings])
    assert weights.sum(axis=0) == pytest.approx([1, 1])
    expected = {lane: sum(one.weight * one.slots[lane] for one in roundings) for lane in room.expected}
    arm = sum(one.weight * one.arm for one in roundings)
    assert arm == pytest.approx(0.1 * room.size)
    assert expected[RED] + arm == pytest.approx(0.35 * room.size)
    assert expected[YELLOW] == pytest.approx(0.45 * room.size)


def test_a_random_lane_without_a_limit_has_the_arms_seats_and_endless_others() -> None:
    room = Room.of(pl.DataFrame({"office_id": ["A"] * 25, "lodged_on": DAY}), plan())
    assert {int(one.arm[0]) for one in room.roundings()} == {2, 3}
    assert all(one.slots == {} for one in room.roundings())


# --- the sample --------------------------------------------------------------------------------------------------


def test_the_arm_is_proportional_to_strata_and_a_missing_regime_is_one() -> None:
    day = day_of(
        {("40", "green"): 50, ("40", "yellow"): 20, ("51", "green"): 20, (None, "green"): 10, ("40", "red"): 9}
    )
    for key in keys(30):
        drawn = draw_arm(day, plan(random_share=10 / 109, key=key)).filter("is_drawn")
        counts = dict(drawn.group_by("random_stratum").len().iter_rows())
        assert counts == {"A|40|green": 5, "A|40|yellow": 2, "A|51|green": 2, "A||green": 1}


def test_everybody_eligible_is_drawn_alike_often_and_pairs_of_a_stratum_too() -> None:
    day, policy = day_of({("40", "green"): 5, ("51", "yellow"): 2, ("51", "red"): 3}), plan(random_share=0.3)
    days = pl.concat(
        day.with_columns(office_id=pl.lit(f"O{copy}"), declaration_id=pl.format(f"{copy}-{{}}", "declaration_id"))
        for copy in range(200)
    )
    runs = [draw_arm(days, replace(policy, key=key))["is_drawn"].to_numpy() for key in keys(40)]
    taken = np.array(runs, dtype=np.float64).reshape(-1, day.height)
    assert (taken.sum(axis=1) == 3).all()
    assert taken.mean(axis=0) == pytest.approx([3 / 7] * 7 + [0] * 3, abs=4 * 0.0056)
    together = taken[:, :5].T @ taken[:, :5] / len(taken)
    pairs = together[np.triu_indices(5, 1)]
    assert pairs == pytest.approx([pairs.mean()] * 10, abs=4 * 0.0045)


def test_where_fewer_are_eligible_than_there_are_seats_all_are_drawn() -> None:
    drawn = draw_arm(day_of({("40", "green"): 3, ("40", "red"): 97}), plan(random_share=0.05))
    assert drawn.filter("is_drawn")["would_be_lane"].to_list() == ["green"] * 3
    assert drawn["random_probability"].to_list() == [1.0] * 3 + [0.0] * 97


def test_another_key_or_office_or_day_draws_others_and_the_same_the_same() -> None:
    day = day_of({("40", "green"): 200})
    others = [
        (day, plan(key=bytes([1] * 32))),
        (day.with_columns(office_id=pl.lit("B")), plan()),
        (day.with_columns(lodged_on=pl.lit(DAY + timedelta(days=1))), plan()),
    ]
    first = draw_arm(day, plan())["is_drawn"]
    assert first.equals(draw_arm(day, plan())["is_drawn"])
    assert all(not first.equals(draw_arm(table, policy)["is_drawn"]) for table, policy in others)


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (lambda day: day.drop("regime_code"), r"needs the column\(s\) \['regime_code'\]"),
        (lambda day: day.with_columns(would_be_lane=pl.lit(None, pl.String)), "4 declarations have no would-be lane"),
        (lambda day: pl.concat([day, day[[2]]]), "'D2' stands there more than once"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused_with_what_to_do(spoilt: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        draw_arm(spoilt(day_of({("40", "green"): 4})), plan())


def test_no_declarations_draw_nobody() -> None:
    assert draw_arm(day_of({("40", "green"): 4}).head(0), plan()).height == 0


# --- what is stated is what happens, given whom criteria named ----------------------------------------------------

_KEYS, _DAYS = 100, 100


def candidates(size: int, proposed: dict[int, Lane], without_score: frozenset[int] = frozenset()) -> pl.DataFrame:
    """Make an office's day with different scores, `proposed` by criteria as found; copies stand at other offices."""
    severity = [proposed[at].severity if at in proposed else 0 for at in range(size)]
    day = pl.DataFrame(
        {
            "declaration_id": [f"D{at}" for at in range(size)],
            "office_id": "O",
            "lodged_on": DAY,
            "regime_code": [["40", "51", None][at % 3] for at in range(size)],
            "score": [None if at in without_score else (7 * at % size + 1) / (size + 1) for at in range(size)],
            "proposed_severity": severity,
            "proposed_cause": ["criterion:c" if one else None for one in severity],
            "priority": 0,
            "criteria_probability": [1.0 if one else 0.0 for one in severity],
            "severity_if_drawn": severity,
            "priority_if_drawn": 0,
        },
        schema=CANDIDATE_TYPES,
    )
    names = ("declaration_id", "office_id")
    return pl.concat(
        day.with_columns(pl.format(f"{{}}-{copy:03}", name).alias(name) for name in names) for copy in range(_DAYS)
    )


_SCENARIOS = {
    "model and arm": (8, {}, plan(LaneLimit(RED, share=0.3), random_share=0.11, model_lanes=(RED,))),
    "overflow down to full lanes": (
        9,
        {0: RED, 1: RED, 2: RED, 3: ORANGE, 4: BLUE},
        plan(
            LaneLimit(RED, share=0.2),
            LaneLimit(ORANGE, share=0.15),
            LaneLimit(YELLOW, share=0.05),
            LaneLimit(BLUE, 0.1),
            model_lanes=(RED, YELLOW),
        ),
    ),
    "lot in the random lane": (
        7,
        {0: RED, 1: YELLOW},
        plan(LaneLimit(RED, share=0.4), LaneLimit(YELLOW, share=0.25), lot_lanes=(RED, YELLOW)),
    ),
    "model above, lot beside and below a mild random lane": (
        10,
        {0: RED, 1: BLUE, 2: BLUE, 3: BLUE},
        plan(
            LaneLimit(RED, share=0.12),
            LaneLimit(YELLOW, share=0.27),
            LaneLimit(BLUE, share=0.33),
            random_share=0.14,
            random_lane=YELLOW,
            model_lanes=(RED,),
            lot_lanes=(YELLOW, BLUE),
        ),
    ),
    "no limit": (6, {0: RED, 1: YELLOW}, plan(LaneLimit(YELLOW, share=0.4), random_share=0.22, model_lanes=(YELLOW,))),
    "more seats than eligible": (
        5,
        {0: RED, 1: RED, 2: RED, 3: RED},
        plan(LaneLimit(YELLOW, count=1), random_share=0.5),
    ),
}


@pytest.mark.parametrize("name", _SCENARIOS)
def test_every_probability_is_the_frequency_over_keys_given_whom_criteria_named(name: str) -> None:
    size, proposed, policy = _SCENARIOS[name]
    table = candidates(size, proposed, without_score=frozenset({size - 1}))
    runs = [select(table, replace(policy, key=key)) for key in keys(_KEYS)]
    happened = {
        "model_probability": pl.col("would_be_cause").is_in(["model", "lot"]),
        "random_probability": pl.col("cause") == "random",
        "full_control_probability": pl.col("lane").to_physical() >= policy.random_lane.severity,
        "inclusion_probability": pl.col("lane") != "green",
    }
    for column, of_it in happened.items():
        stated = runs[0][column].to_numpy().reshape(_DAYS, size)
        assert (stated == stated[0]).all()
        assert all(one[column].equals(runs[0][column]) for one in runs)
        found = np.mean([one.select(of_it).to_series().to_numpy().reshape(_DAYS, size) for one in runs], axis=(0, 1))
        error = np.sqrt(stated[0] * (1 - stated[0]) / (_KEYS * _DAYS))
        assert (np.abs(found - stated[0]) <= 4 * error + 1e-12).all(), column
    assert 0 < runs[0]["random_probability"].max() <= 1


# --- the property that estimates rest on --------------------------------------------------------------------------


def items(size: int, hits: dict[str, list[int]]) -> pl.DataFrame:
    day = pl.DataFrame(
        {
            "declaration_id": [f"D{at}" for at in range(size)],
            "item_no": [1] * size,
            "regime_code": [["40", "51", None][at % 3] for at in range(size)],
            "lodged_at": [datetime(2026, 1, 5) + timedelta(minutes=at) for at in range(size)],
            "score": [(7 * at % size + 1) / (size + 1) for at in range(size)],
            **{f"hit:{name}": [at in of_it for at in range(size)] for name, of_it in hits.items()},
        }
    )
    copies = [
        day.with_columns(declaration_id=f"{copy:03}-" + pl.col("declaration_id"), office_id=pl.lit(f"O{copy:03}"))
        for copy in range(_DAYS)
    ]
    return pl.concat(copies)


def criterion(name: str, lane: Lane, percentage: float, **more: Any) -> dict[str, Any]:
    given = {"id": name, "title": name, "when": "net_mass_kg > 0", "lane": str(lane), "hit_percentage": percentage}
    return given | more


@pytest.mark.parametrize(
    ("criteria", "points", "limits", "more"),
    [
        ([], {}, [LaneLimit(RED, share=0.25)], {"model_lanes": (RED,)}),
        (
            [criterion("a", RED, 40), criterion("b", YELLOW, 50)],
            {},
            [LaneLimit(RED, share=0.3)],
            {"model_lanes": (RED,)},
        ),
        (
            [criterion("a", RED, 30, forced_after=2), criterion("b", ORANGE, 60, points=20)],
            {"yellow": 20},
            [LaneLimit(RED, share=0.2), LaneLimit(ORANGE, share=0.1), LaneLimit(YELLOW, count=1), LaneLimit(BLUE, 0.1)],
            {"model_lanes": (RED,), "lot_lanes": (YELLOW,)},
        ),
        (
            [criterion("a", BLUE, 50), criterion("b", RED, 100)],
            {},
            [LaneLimit(RED, share=0.15), LaneLimit(YELLOW, share=0.2)],
            {"random_lane": YELLOW, "model_lanes": (RED,), "lot_lanes": (YELLOW,)},
        ),
        ([criterion("a", RED, 50), criterion("b", YELLOW, 100)], {}, [], {"random_share": 0.17}),
    ],
    ids=["model", "criteria and model", "forced selection, points and full lanes", "a mild random lane", "no limit"],
)
def test_what_full_controls_find_weighted_by_their_probability_is_unbiased_over_the_lots(
    criteria: list[dict[str, Any]], points: dict[str, float], limits: list[LaneLimit], more: dict[str, Any]
) -> None:
    """The mean over keys of sum(y * controlled_fully / full_control_probability) is sum(y), also by declaration."""
    size = 9
    rows = items(size, {"a": [0, 1, 2, 3], "b": [2, 3, 4, 5]})
    rows = rows.drop(f"hit:{name}" for name in {"a", "b"} - {one["id"] for one in criteria})
    policy, rules = plan(*limits, **more), CriteriaSet.from_dict({"criterion": criteria, "points": points})
    weighted: list[Values] = []
    for key in keys(_KEYS):
        decided = resolve(rows, rules, replace(policy, key=key)).decisions
        full = decided.select(pl.col("lane").to_physical() >= policy.random_lane.severity).to_series().to_numpy()
        probability = decided["full_control_probability"].to_numpy()
        assert (probability > 0).all()
        weighted.append((full / probability).reshape(_DAYS, size))
    each = np.concatenate(weighted)
    error = each.std(axis=0) / np.sqrt(len(each))
    assert (np.abs(each.mean(axis=0) - 1.0) <= 4 * error + 1e-12).all()
    truth = np.random.default_rng(1).lognormal(size=size)
    totals = each @ truth
    assert totals.mean() == pytest.approx(truth.sum(), abs=4 * totals.std() / np.sqrt(len(totals)))
    assert totals.std() > 0


def test_a_rows_number_of_items_changes_nothing() -> None:
    rows, rules = items(9, {"a": [0, 1, 2]}), CriteriaSet.from_dict({"criterion": [criterion("a", YELLOW, 50)]})
    policy = plan(LaneLimit(RED, share=0.3), model_lanes=(RED,))
    doubled = pl.concat(
        [rows, rows.filter(pl.col("declaration_id").str.ends_with("3")).with_columns(item_no=pl.lit(2, pl.Int64))]
    )
    alone = resolve(rows, rules, policy).decisions
    assert resolve(doubled, rules, policy).decisions.equals(alone)
    assert (alone["cause"] == "random").sum() > 50


def test_the_lowest_item_speaks_for_the_regime_whatever_the_order_of_rows() -> None:
    rows = pl.concat([items(3, {}), items(3, {}).with_columns(item_no=pl.lit(2, pl.Int64), regime_code=pl.lit("99"))])
    rules, policy = CriteriaSet(), plan(random_share=0.5)
    decided = resolve(rows, rules, policy).decisions.sort("declaration_id")
    assert resolve(rows.reverse(), rules, policy).decisions.sort("declaration_id").equals(decided)
    assert decided["random_stratum"].head(3).to_list() == ["O000|40|green", "O000|51|green", "O000||green"]
