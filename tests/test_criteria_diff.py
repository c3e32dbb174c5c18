"""Two sets of criteria set against each other: what was written differently, and who changes lane for it."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workbench.criteria.diff import Diff, diff
from workbench.criteria.diff.changes import changes_table
from workbench.criteria.diff.moves import REASONS
from workbench.criteria.diff.results import TABLES
from workbench.criteria.history import History
from workbench.errors import SchemaError
from workbench.scorer.criteria import CriteriaSet, Criterion, ListEntry
from workbench.scorer.lanes.policy import SelectionPolicy
from workbench.selection import policy
from workbench.stages.folder import MEASURED
from workbench.timeline import start_of

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def history(trained_run) -> History:
    declarations = trained_run.read("declarations")
    judge_from = start_of(declarations, "judge")
    return History.build(
        declarations,
        trained_run.read("outcomes"),
        trained_run.pipeline.features,
        start=judge_from,
        end=judge_from + timedelta(days=14),
        model=trained_run.read_model(MEASURED),
        model_from=judge_from,
    )


@pytest.fixture(scope="module")
def rules(trained_run) -> SelectionPolicy:
    return policy(trained_run.pipeline.selection, KEY)


@pytest.fixture(scope="module")
def ample(rules) -> SelectionPolicy:
    """A policy in which criteria find room always, and nothing else selects."""
    return replace(rules, limits=(), model_lanes=(), random_share=0.0)


DEAR = Criterion("dear", "", "customs_value_usd > 20000", "yellow")
LIGHT = Criterion("light", "", "net_mass_kg < 50", "orange")
BOTH = CriteriaSet((DEAR, LIGHT))


def changed(**of_light) -> CriteriaSet:
    return CriteriaSet((DEAR, replace(LIGHT, **of_light)))


def reasons(found: Diff) -> dict[str | None, set[str]]:
    return {
        one: set(found.moves.filter(pl.col("criterion").eq_missing(one))["because"])
        for one in found.moves["criterion"].unique()
    }


def test_a_set_against_itself_moves_nobody(history, rules):
    found = diff(BOTH, BOTH, history, rules)
    assert found.moves.is_empty()
    assert found.changes.is_empty()
    assert found.office_days.is_empty()
    assert found.offices["controls_before"].equals(found.offices["controls_after"].alias("controls_before"))
    assert "alike" in found.describe()


def test_a_removed_criterion_lets_go_of_what_it_alone_held(history, ample):
    found = diff(BOTH, CriteriaSet((DEAR,)), history, ample)
    items = history.rows.select("declaration_id", light=pl.col("net_mass_kg") < 50)
    held = items.filter("light")["declaration_id"].unique()
    assert set(found.moves["declaration_id"]) == set(held)
    assert reasons(found) == {"light": {"lost_hit"}}
    assert set(found.moves["direction"]) == {"down"}
    assert set(found.moves["lane_after"]) == {"green", "yellow"}
    assert found.changes.rows() == [("criterion", "light", "removed", None, "net_mass_kg < 50", None)]


def test_there_and_back_are_mirror_images(history, rules):
    there = diff(BOTH, CriteriaSet((DEAR,)), history, rules)
    back = diff(CriteriaSet((DEAR,)), BOTH, history, rules)
    pair = ("declaration_id", "lane_before", "lane_after")
    turned = back.moves.select("declaration_id", lane_before="lane_after", lane_after="lane_before")
    assert_frame_equal(there.moves.select(pair), turned.select(pair), check_row_order=False)
    assert reasons(back)["light"] == {"new_hit"}


@pytest.mark.parametrize(
    ("change", "reason", "direction"),
    [
        ({"lane": "red"}, "changed_lane", "up"),
        ({"lane": "blue"}, "changed_lane", "down"),
        ({"when": "net_mass_kg < 80"}, "new_hit", "up"),
        ({"when": "net_mass_kg < 20"}, "lost_hit", "down"),
        ({"hit_percentage": 40.0}, "redrawn", "down"),
    ],
)
def test_the_reason_of_a_move_is_what_was_changed(history, ample, change, reason, direction):
    found = diff(BOTH, changed(**change), history, ample)
    assert reasons(found) == {"light": {reason}}
    assert set(found.moves["direction"]) == {direction}
    told = found.moves["reason"].unique().to_list()
    assert told == [REASONS[reason].format("light")]


def test_points_and_room_are_reasons_of_their_own(history, ample, rules):
    pointed = CriteriaSet((replace(DEAR, points=5.0), LIGHT), points={"red": 5.0})
    by_points = diff(CriteriaSet((replace(DEAR, points=5.0), LIGHT)), pointed, history, ample)
    assert reasons(by_points) == {None: {"points"}}
    # Where capacity is short, what one criterion gains another or the model loses.
    crowded = diff(BOTH, changed(lane="red"), history, rules)
    assert "room" in reasons(crowded)[None]
    assert {"up", "down"} == set(crowded.moves["direction"])


def test_a_move_is_never_an_accident_of_the_arms_sample(history, ample):
    """Each stratum loses or gains candidates, so that the arm draws others: nobody is said to move for it."""
    lots = replace(ample, random_share=0.2)
    apart, without = diff(BOTH, changed(lane="red"), history, lots), diff(BOTH, changed(lane="red"), history, ample)
    assert apart.moves.equals(without.moves)
    assert apart.moves.height > 0
    assert any("before the random arm draws" in caveat for caveat in apart.caveats)


def test_a_criterion_in_shadow_moves_nobody(history, rules):
    shadow = CriteriaSet((DEAR, LIGHT), shadow=frozenset({"light"}))
    assert diff(CriteriaSet((DEAR,)), shadow, history, rules).moves.is_empty()
    assert diff(BOTH, shadow, history, rules).changes.rows() == [
        ("criterion", "light", "changed", "mode", "active", "shadow")
    ]


def test_every_declaration_is_counted_once_in_each_table(history, rules):
    found = diff(BOTH, changed(lane="red"), history, rules)
    total, moved = history.rows["declaration_id"].n_unique(), found.moves.height
    assert found.declarations == total
    assert found.lanes["declarations"].sum() == found.directions["declarations"].sum() == total
    assert found.lanes.filter(pl.col("lane_before") != pl.col("lane_after"))["declarations"].sum() == moved
    assert found.criteria.select(pl.col("moved_up", "moved_down").sum()).sum_horizontal()[0] == moved
    assert found.office_days.select(pl.col("moved_up", "moved_down").sum()).sum_horizontal()[0] == moved
    for side in ("before", "after"):
        assert found.offices[f"controls_{side}"].sum() == total
    assert found.directions["labelled_items"].sum() == history.labelled.height
    assert found.directions["known_violations"].sum() == history.rows["violation"].sum()


def test_changes_of_every_kind_are_told():
    one = replace(DEAR, when="customs_value_usd > :least", parameters={"least": 10})
    before = CriteriaSet((one,), {"watch": (ListEntry("A"), ListEntry("B", date(2026, 1, 1)))}, {"red": 60.0})
    after = CriteriaSet(
        (replace(one, parameters={"least": 20}, lane="red"), LIGHT),
        {"watch": (ListEntry("A"), ListEntry("C")), "new": (ListEntry("X"),)},
        {"red": 50.0, "yellow": 30.0},
    )
    assert changes_table(before, after).rows() == [
        ("criterion", "dear", "changed", "lane", "yellow", "red"),
        ("criterion", "dear", "changed", "parameters.least", "10", "20"),
        ("criterion", "light", "added", None, None, "net_mass_kg < 50"),
        ("list", "watch", "changed", "entries", "B until 2026-01-01", "C"),
        ("list", "new", "added", "entries", None, "X"),
        ("points", "red", "changed", "threshold", "60", "50"),
        ("points", "yellow", "added", "threshold", None, "30"),
    ]


def test_a_comparison_survives_json_and_fits_a_terminal(history, rules):
    found = diff(BOTH, changed(lane="red", when="net_mass_kg < 30"), history, rules)
    assert all(dict(getattr(found, name).schema) == schema for name, schema in TABLES.items())
    again = Diff.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    for field in fields(Diff):
        one, other = getattr(found, field.name), getattr(again, field.name)
        if isinstance(one, pl.DataFrame):
            assert_frame_equal(one, other, check_exact=True)
        else:
            assert one == other, field.name
    text = found.describe()
    assert max(map(len, text.splitlines())) <= 100
    assert all(word in text for word in ("orange -> red", "light", "Controls by office", "Known violations"))
    with pytest.raises(SchemaError, match="lacks moves"):
        Diff.from_dict({name: value for name, value in found.to_dict().items() if name != "moves"})
