"""Back-tests on a history small enough to count by hand, and on a generated one."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workbench.criteria.backtest import FLAGS, TABLES, Backtest, backtest
from workbench.criteria.history import History
from workbench.errors import CriterionError, SchemaError
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.lanes.forced import selection_probabilities
from workbench.scorer.lanes.policy import LaneLimit
from workbench.scorer.schema import SCHEMA, Lane, Role, lodgement_types, names
from workbench.stages.folder import MEASURED
from workbench.timeline import start_of

FOUND = names(Role.DECISION, Role.OUTCOME)

# declaration, item, day, office, value, mass, lane given, cause, violation, kind, duty, score
ITEMS = [
    ("A", 1, 1, "N", 900.0, 10.0, "red", "criterion:old", 1, "value", 100.0, 0.9),
    ("A", 2, 1, "N", 50.0, 10.0, "red", "criterion:old", 0, None, 0.0, 0.2),
    ("B", 1, 2, "N", 800.0, None, "green", "none", None, None, None, 0.8),
    ("C", 1, 2, "S", 700.0, 2.0, "yellow", "random", 0, None, None, 0.7),
    ("D", 1, 20, "S", 20.0, 90.0, "yellow", "random", 1, "origin", 40.0, 0.1),
    ("E", 1, 35, "N", 600.0, 80.0, None, None, None, None, None, 0.6),
    ("F", 1, 36, "S", 10.0, 70.0, "red", "model", 1, "value", 10.0, 0.5),
]
"""Three declarations of the office N, three of S; January 2025 and the first days of February."""


def history(items=ITEMS) -> History:
    columns = ("declaration_id", "item_no", "day", "office_id", "customs_value_usd", "net_mass_kg")
    columns += ("lane", "cause", "violation", "violation_kind", "recovered_duty_usd", "score")
    given = pl.DataFrame(items, schema=columns, orient="row", infer_schema_length=None)
    lodged = given.select(
        pl.exclude("day"), lodged_at=pl.datetime(2024, 12, 31, time_unit="us") + pl.duration(days="day")
    )
    types = lodgement_types()
    absent = {name: types.get(name) or SCHEMA[name].dtype for name in [*types, *FOUND] if name not in lodged.columns}
    rows = lodged.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items())
    rows = rows.cast({name: SCHEMA[name].dtype for name in [*FOUND, "item_no"]})
    start, end = datetime(2025, 1, 1), datetime(2025, 2, 6)
    return History(rows, types, start, end, start if rows["score"].count() else None)


def criteria(*tables, **more) -> CriteriaSet:
    return CriteriaSet.from_dict({"criterion": [{"title": "", **table} for table in tables], **more})


DEAR = {"id": "dear", "when": "customs_value_usd > 500", "lane": "yellow", "hit_percentage": 50}
HEAVY = {"id": "heavy", "when": "net_mass_kg > 60", "lane": "red"}


@pytest.fixture(scope="module")
def found() -> Backtest:
    limits = [LaneLimit(Lane.RED, share=0.5), LaneLimit(Lane.YELLOW, count=1)]
    return backtest(criteria(DEAR, HEAVY), history(), limits=limits)


def row(table: pl.DataFrame, **key) -> dict:
    return table.row(by_predicate=pl.all_horizontal(pl.col(name) == value for name, value in key.items()), named=True)


def test_a_criterion_is_counted_as_by_hand(found):
    dear = row(found.criteria, criterion="dear")
    # A/1, B/1, C/1 and E/1 are dear; of A and C a control is known, and A was a violation.
    expected = {
        "items_in_scope": 7,
        "not_evaluable": 0,
        "hits": 4,
        "unique_hits": 3,
        "declarations": 4,
        "expected_controls": 2.0,
        "labelled_hits": 2,
        "known_violations": 1,
        "hit_rate_of_controlled": 0.5,
        "known_recovered_duty_usd": 100.0,
        "share_of_known_violations": 1 / 3,
        "unique_known_violations": 1,
    }
    assert {name: dear[name] for name in expected} == pytest.approx(expected)
    heavy = row(found.criteria, criterion="heavy")
    assert (heavy["hits"], heavy["not_evaluable"], heavy["known_violations"]) == (3, 1, 2)


def test_the_set_is_the_union_and_its_lanes_add_up_to_it(found):
    whole = row(found.summary, scope="set")
    assert (whole["hits"], whole["declarations"], whole["labelled_hits"], whole["known_violations"]) == (6, 6, 4, 3)
    assert whole["known_recovered_duty_usd"] == 150.0
    # E is dear and heavy: red takes it for certain, and leaves yellow half of A, B and C.
    controls = found.summary.select("scope", "criteria", "declarations", "expected_controls").rows()
    assert controls == [("set", 2, 6, 4.5), ("red", 1, 3, 3.0), ("yellow", 1, 3, 1.5)]


def test_months_and_given_lanes(found):
    months = found.months.filter(pl.col("criterion") == "dear").select("month", "items", "hits", "labelled_hits").rows()
    assert months == [(date(2025, 1, 1), 5, 3, 2), (date(2025, 2, 1), 2, 1, 0)]
    lanes = found.lane_months.filter(pl.col("criterion") == "dear").select("month", "lane_given", "hits").rows()
    assert set(lanes) == {
        (date(2025, 1, 1), "red", 1),
        (date(2025, 1, 1), "green", 1),
        (date(2025, 1, 1), "yellow", 1),
        (date(2025, 2, 1), None, 1),
    }


def test_kinds_of_the_violations_found(found):
    assert found.kinds.rows() == [
        ("dear", "value", 1, 100.0),
        ("heavy", "origin", 1, 40.0),
        ("heavy", "value", 1, 10.0),
    ]


def test_the_best_order_counts_what_each_adds(found):
    steps = found.gains.select("criterion", "added_hits", "added_declarations", "added_known_violations").rows()
    # Two violations in two controls of heavy goods come first; E is no longer new to the dear.
    assert steps == [("heavy", 3, 3, 2), ("dear", 3, 3, 1)]
    assert found.gains["total_share_of_known_violations"].to_list() == pytest.approx([2 / 3, 1.0])
    assert found.gains["added_known_recovered_duty_usd"].to_list() == [50.0, 100.0]


def test_overlap(found):
    pair = row(found.overlap, criterion="dear", other="heavy")
    assert (pair["shared_hits"], pair["jaccard"], pair["share_of_criterion"]) == (1, 1 / 6, 1 / 4)


def test_loads_by_office_stand_against_capacity(found):
    north = row(found.offices, criterion="dear", office_id="N")
    # A, B and E on three days of N: half a control each, and one place a day.
    assert (north["declarations"], north["expected_controls"], north["days"], north["peak_per_day"]) == (3, 1.5, 3, 0.5)
    assert (north["capacity_per_day"], north["days_over"]) == (1.0, 0)
    assert found.capacity.filter(lane="red").select("office_id", "expected_controls").rows() == [("N", 1.0), ("S", 2.0)]


def test_a_load_is_over_only_beyond_the_next_whole_control():
    items = [(f"D{n}", 1, 1, "N", 900.0, 9.0, None, None, None, None, None, None) for n in range(5)]
    for share, over in ((0.5, 1), (0.7, 1), (0.81, 0)):  # 2.5, 3.5 and 4.05 places for 5 declarations
        limits = [LaneLimit(Lane.YELLOW, share=share)]
        loads = backtest(criteria(DEAR | {"hit_percentage": 90}), history(items), limits=limits).offices
        assert loads["days_over"].to_list() == [over]


def test_the_same_controls_given_to_the_model_and_to_chance(found):
    dear = {name: row(found.versus, scope="dear", method=name) for name in ("criteria", "model", "chance")}
    assert {one["controls"] for one in dear.values()} == {2}
    # The labelled items by score are A/1, C/1, F/1, A/2, D/1: the model's first two find one violation.
    assert (dear["criteria"]["known_violations"], dear["model"]["known_violations"]) == (1, 1)
    assert dear["model"]["known_recovered_duty_usd"] == 100.0
    assert dear["chance"]["basis"] == found.chance_basis == "all known results"
    assert dear["chance"]["known_violations"] == pytest.approx(2 * 3 / 5)


def test_equal_scores_of_the_model_count_with_their_mean():
    equal = [(*item[:-1], 0.5) for item in ITEMS]
    found = backtest(criteria(DEAR), history(equal))
    assert row(found.versus, scope="dear", method="model")["known_violations"] == pytest.approx(2 * 3 / 5)


def test_without_scores_there_is_no_model_to_compare_with():
    found = backtest(criteria(DEAR), history([(*item[:-1], None) for item in ITEMS]))
    assert set(found.versus["method"]) == {"criteria", "chance"}
    assert row(found.versus, scope="dear", method="criteria")["controls"] == 2
    assert any("No model" in caveat for caveat in found.caveats)


def test_a_period_before_the_models_own_is_compared_with_no_model():
    before = replace(history([(*item[:-1], None) for item in ITEMS]), score_from=datetime(2025, 1, 1))
    found = backtest(criteria(DEAR), before)
    assert found.score_from is None
    assert not any("are compared on" in caveat for caveat in found.caveats)


def test_a_random_arm_of_some_size_is_what_chance_means():
    arm = [(f"R{n}", 1, 1, "N", 10.0, 9.0, "red", "random", int(n == 0), None, None, None) for n in range(40)]
    found = backtest(criteria(DEAR), history([*ITEMS, *arm]))
    assert found.chance_basis == "random arm"
    assert found.chance_rate == pytest.approx(2 / 42)  # D is in the arm too


def test_the_random_arm_of_a_longer_period_is_taken_where_it_is_given():
    longer = pl.DataFrame(
        {"declaration_id": [f"R{n}" for n in range(100)], "item_no": 1, "cause": "random", "violation": [1] + [0] * 99}
    )
    found = backtest(criteria(DEAR), history(), longer=longer)
    assert (found.chance_basis, found.chance_rate) == ("random arm of a longer period", 0.01)
    assert "over all the time read, 1.00 %" in " ".join(found.caveats)
    too_small = backtest(criteria(DEAR), history(), longer=longer.head(20))
    assert too_small.chance_basis == "all known results"


def test_where_every_result_is_known_chance_is_the_plain_rate():
    known = [item for item in ITEMS if item[8] is not None]
    found = backtest(criteria(DEAR), history(known))
    assert (found.chance_basis, found.chance_rate) == ("every item", 3 / 5)
    assert not any("of other hits nothing" in caveat for caveat in found.caveats)


def test_the_doubt_about_chance_counts():
    arm = [(f"R{n}", 1, 1, "N", 10.0, 9.0, "red", "random", 0, None, None, None) for n in range(40)]
    hits = [(f"H{n}", 1, 1, "N", 900.0, 9.0, "red", "model", int(n < 2), None, None, None) for n in range(50)]
    arm.append(("U", 1, 1, "N", 10.0, 9.0, "green", "none", None, None, None, None))
    # The interval of 2 in 50 lies above the arm's 0 in 40, whose own interval goes up to 9 %.
    assert backtest(criteria(DEAR), history([*arm, *hits])).criteria["against_chance"].to_list() == ["unclear"]
    certain = [(*item[:8], 1, *item[9:]) for item in hits]
    assert backtest(criteria(DEAR), history([*arm, *certain])).criteria["against_chance"].to_list() == ["better"]


def test_one_violation_of_few_is_not_surely_better_than_chance():
    arm = [(f"R{n}", 1, 1, "N", 10.0, 9.0, "red", "random", int(n == 0), None, None, None) for n in range(900)]
    arm.append(("U", 1, 1, "N", 10.0, 9.0, "green", "none", None, None, None, None))
    for violations, said in ((1, "unclear"), (3, "better")):
        hits = [(f"H{n}", 1, 1, "N", 900.0, 9.0, "red", "model", int(n < violations), *[None] * 3) for n in range(14)]
        assert backtest(criteria(DEAR), history([*arm, *hits])).criteria["against_chance"].to_list() == [said]


def test_a_criterion_in_shadow_is_measured_and_has_no_part_in_the_set(found):
    shadow = backtest(criteria(DEAR, HEAVY, shadow=["heavy"]), history())
    assert row(shadow.criteria, criterion="heavy")["mode"] == "shadow"
    assert row(shadow.criteria, criterion="heavy")["hits"] == 3
    assert row(shadow.summary, scope="set")["hits"] == 4
    assert shadow.summary["scope"].to_list() == ["set", "yellow"]
    assert shadow.capacity["lane"].unique().to_list() == ["yellow"]


def test_points_add_up_to_a_lane():
    light = {"id": "light", "when": "net_mass_kg < 60", "points": 20}
    dear = {"id": "dear", "when": "customs_value_usd > 500", "points": 20}
    found = backtest(criteria(light, dear, points={"orange": 40}), history())
    # A and C are light and dear; B (no mass) and E are dear alone and propose nothing.
    lanes = found.summary.select("scope", "declarations", "expected_controls").rows()
    assert lanes == [("set", 4, 2.0), ("orange", 2, 2.0), ("green", 2, 0.0)]


def flags(found: Backtest, criterion: str) -> set[str]:
    return set(found.flags.filter(criterion=criterion)["flag"])


def test_criteria_that_do_nothing_are_flagged():
    dead = {"id": "dead", "when": "customs_value_usd > 1e9", "lane": "red"}
    blind = {"id": "blind", "when": "gross_mass_kg > 1", "lane": "red"}
    found = backtest(criteria(dead, blind), history())
    assert flags(found, "dead") == {"dead"}
    assert flags(found, "blind") == {"never_evaluable"}
    assert row(found.criteria, criterion="blind")["flags"] == "never_evaluable"


def test_what_ends_is_flagged():
    ended = DEAR | {"id": "ended", "valid_to": date(2025, 1, 10)}
    ending = DEAR | {"id": "ending", "valid_to": date(2025, 2, 20)}
    later = DEAR | {"id": "later", "valid_to": date(2025, 6, 20)}
    listed = {"id": "listed", "when": "office_id IN LIST('offices')", "lane": "red"}
    entries = [{"value": "N", "expires": date(2025, 2, 10)}, {"value": "S", "expires": date(2025, 9, 1)}]
    found = backtest(criteria(ended, ending, later, listed, lists={"offices": {"entries": entries}}), history())
    assert [flags(found, name) for name in ("ended", "ending", "later", "listed")] == [
        {"expired"},
        {"expiring"},
        set(),
        {"expiring"},
    ]
    assert "expired" in flags(
        backtest(criteria(listed, lists={"offices": {"entries": entries}}), history(), on=date(2026, 1, 1)), "listed"
    )


def falling(earlier: int, later: int) -> History:
    """Return 400 items a day of which so many are dear, all of them controlled."""
    counts = [earlier] * 10 + [later] * 10
    items = [
        (f"D{day}.{n}", 1, day + 1, "N", 900.0 if n < dear else 1.0, 9.0, "red", "model", 0, None, None, None)
        for day, dear in enumerate(counts)
        for n in range(400)
    ]
    return history(items)


def test_a_fall_in_the_later_half_is_flagged():
    assert flags(backtest(criteria(DEAR), falling(40, 20)), "dear") == {"decaying_hits"}
    assert flags(backtest(criteria(DEAR), falling(20, 40)), "dear") == set()
    assert flags(backtest(criteria(DEAR), falling(40, 37)), "dear") == set()


def test_a_fall_in_what_reads_a_growing_count_is_no_decay():
    past = falling(40, 20)
    rows = past.rows.with_columns(importer_declarations=pl.when(pl.col("customs_value_usd") > 500).then(1).otherwise(9))
    columns = {**past.columns, "importer_declarations": pl.Int32()}
    new = DEAR | {"id": "new", "when": "importer_declarations < 3"}
    found = backtest(criteria(DEAR, new), replace(past, rows=rows, columns=columns))
    assert (flags(found, "dear"), flags(found, "new")) == ({"decaying_hits"}, {"growing_counts"})
    assert "grow with the history" in found.flags.filter(criterion="new")["detail"][0]


def test_halves_are_those_of_the_days_on_which_it_was_valid():
    late = backtest(criteria(DEAR | {"valid_to": date(2025, 1, 10)}), falling(40, 20))
    steady = late.stability.row(0, named=True)
    assert (steady["earlier_hit_share"], steady["later_hit_share"]) == (0.1, 0.1)
    assert "decaying_hits" not in flags(late, "dear")


def test_too_few_for_a_test_have_no_p_value():
    steady = backtest(criteria(DEAR), history()).stability.row(0, named=True)
    assert steady["hit_rate_fall_p"] is None
    assert steady["hits_fall_p"] is None


@pytest.mark.parametrize(("percentage", "forced_after"), [(50, 1), (10, 4), (0, 3), (100, 2), (30, 0)])
def test_the_rate_of_forced_selection_is_what_its_draws_come_to(percentage, forced_after):
    criterion = Criterion("a", "", "TRUE", "red", hit_percentage=percentage, forced_after=forced_after)
    probabilities = selection_probabilities(5_000, percentage / 100, forced_after)
    assert criterion.selection_rate == pytest.approx(float(np.mean(probabilities[1000:])), rel=2e-3)


def test_a_source_without_revenue_has_no_amounts():
    found = backtest(criteria(DEAR), history([(*item[:10], None, item[11]) for item in ITEMS]))
    for name in ("criteria", "summary", "kinds", "versus"):
        assert getattr(found, name)["known_recovered_duty_usd"].null_count() == getattr(found, name).height
    assert found.gains["added_known_recovered_duty_usd"].to_list() == [None]


def test_without_any_label_the_back_test_says_so():
    found = backtest(criteria(DEAR), history([(*item[:6], None, None, None, None, None, None) for item in ITEMS]))
    assert found.criteria.select("hits", "labelled_hits", "hit_rate_of_controlled", "against_chance").rows() == [
        (4, 0, None, None)
    ]
    assert found.chance_basis == "unknown"
    assert "No result of a control" in found.caveats[0]


def test_progress_is_told():
    heard: list[tuple[str, int]] = []
    backtest(criteria(DEAR, HEAVY), history(), tell=lambda phase, done: heard.append((phase, done)))
    assert heard == [("criteria", 1), ("criteria", 2)]


def test_an_empty_set_is_refused():
    with pytest.raises(CriterionError, match="no criterion"):
        backtest(CriteriaSet(), history())


def test_every_table_has_its_columns_and_survives_json(found):
    for name, schema in TABLES.items():
        assert dict(getattr(found, name).schema) == schema, name
    again = Backtest.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    for field in fields(Backtest):
        one, other = getattr(found, field.name), getattr(again, field.name)
        if isinstance(one, pl.DataFrame):
            assert_frame_equal(one, other, check_exact=True)
        else:
            assert one == other, field.name


def test_another_versions_tables_are_refused(found):
    data = found.to_dict()
    with pytest.raises(SchemaError, match="'flags'"):
        Backtest.from_dict(data | {"flags": [{"criterion": "a"}]})
    with pytest.raises(SchemaError, match="gains"):
        Backtest.from_dict({name: value for name, value in data.items() if name != "gains"})


def test_the_text_fits_a_terminal_and_names_what_matters(found):
    text = found.describe()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert all(word in text for word in ("dear", "heavy", "chance", "yellow", "50.00 %"))
    assert "and 1 more" in found.describe(top=1)
    assert text.startswith("Back-test of 2 criteria, 2025-01-01 to 2025-02-05: 7 items of 6 declarations")
    assert backtest(criteria(DEAR), history()).describe().startswith("Back-test of 1 criterion, ")
    assert set(found.flags["flag"]) <= set(FLAGS)


@pytest.fixture(scope="module")
def lived(trained_run) -> tuple[CriteriaSet, History]:
    declarations = trained_run.read("declarations")
    judge_from = start_of(declarations, "judge")
    set_ = CriteriaSet.from_toml(trained_run.pipeline.resolve(trained_run.pipeline.criteria.path))
    past = History.build(
        declarations,
        trained_run.read("outcomes"),
        trained_run.pipeline.features,
        start=judge_from - timedelta(days=40),
        end=declarations["lodged_at"].max() + timedelta(seconds=1),
        model=trained_run.read_model(MEASURED),
        model_from=judge_from,
    )
    return set_, past


def test_hits_given_beforehand_change_nothing(lived):
    set_, past = lived
    one, other = backtest(set_, past), backtest(set_, past, hits=past.hits(set_))
    assert one.to_dict() == other.to_dict()


def test_the_order_of_rows_changes_nothing(lived):
    set_, past = lived
    shuffled = replace(past, rows=past.rows.sample(fraction=1.0, shuffle=True, seed=4))
    one, other = backtest(set_, past), backtest(set_, shuffled)
    for name in TABLES:
        assert_frame_equal(getattr(one, name), getattr(other, name))


def test_the_model_is_compared_only_where_it_had_not_seen_the_goods(lived):
    set_, past = lived
    found = backtest(set_, past)
    later = past.labelled.filter(pl.col("lodged_at") >= past.score_from)
    whole = found.versus.filter(scope="set")
    assert 0 < whole["controls"].max() <= later.height < past.labelled.height
    assert found.score_from == past.score_from
