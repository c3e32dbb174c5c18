"""Criteria sets: reading, checking as a whole, scope, the hit matrix, failures."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.scorer import schema
from workbench.scorer.criteria import CompiledCriteria, CriteriaSet, Criterion
from workbench.scorer.errors import CriterionError, SchemaError
from workbench.scorer.expressions import RefusedCriterionError

PROFILES = [
    "hs6_median_unit_value_usd_per_kg",
    "hs6_origin_median_unit_value_usd_per_kg",
    "hs6_median_net_mass_kg_per_quantity",
    "importer_declarations",
]
CANONICAL = schema.derive(schema.empty(schema.names(*schema.Role))).schema
COLUMNS: dict[str, pl.DataType] = {**CANONICAL, **dict.fromkeys(PROFILES, pl.Float64())}
EXAMPLES = Path(__file__).parent.parent / "data" / "criteria"
FULL: dict[str, Any] = {
    "criterion": [
        {
            "id": "low-value",
            "title": "Low value",
            "when": "unit_value_usd_per_kg < :floor AND importer_id IN LIST('watch.importers')",
            "lane": "red",
            "hit_percentage": 12.5,
            "priority": 3,
            "flow": "import",
            "offices": ["A", "B"],
            "valid_from": "2026-01-01",
            "valid_to": "2026-12-31",
            "owner": "valuation",
            "agency": "customs",
            "legal_basis": "law",
            "instruction": "look",
            "reason": "cheap",
            "tags": ["value"],
            "points": 2.5,
            "parameters": {"floor": {"value": 2, "range": [0.5, 10]}},
            "forced_after": 20,
        },
        {"id": "heavy", "title": "", "when": "net_mass_kg > 1000", "lane": "yellow"},
        {"id": "light", "title": "", "when": "net_mass_kg < 1", "lane": "green", "points": 10},
    ],
    "lists": {"watch.importers": {"entries": ["I1", {"value": "I2", "expires": "2026-06-30"}]}},
    "points": {"red": 12},
    "shadow": ["heavy"],
}


def criterion(**changes: Any) -> dict[str, Any]:
    return {"id": "c", "title": "", "when": "net_mass_kg > 10", "lane": "red", **changes}


def set_of(*tables: dict[str, Any], **lists: Any) -> CriteriaSet:
    named = {name: {"entries": entries} for name, entries in lists.items()}
    return CriteriaSet.from_dict({"criterion": list(tables), "lists": named})


def rows(**columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(columns, schema={name: COLUMNS[name] for name in columns})


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_set_survives_a_round_trip_through_json() -> None:
    criteria = CriteriaSet.from_dict(FULL)
    assert criteria.to_dict() == FULL
    assert CriteriaSet.from_dict(json.loads(json.dumps(criteria.to_dict()))) == criteria


def test_a_parameter_has_a_value_and_may_have_a_range() -> None:
    low_value, _, light = CriteriaSet.from_dict(FULL).criteria
    assert (dict(low_value.parameters), dict(low_value.ranges)) == ({"floor": 2}, {"floor": (0.5, 10)})
    assert low_value.forced_after == 20
    assert (light.lane, light.points, light.forced_after) == ("green", 10, None)


def test_the_lane_may_be_left_out_where_points_are_given() -> None:
    table = {"id": "c", "title": "", "when": "net_mass_kg > 10"}
    assert CriteriaSet.from_dict({"criterion": [{**table, "points": 5}]}).criteria[0].lane == "green"
    with pytest.raises(RefusedCriterionError, match="'lane' is missing"):
        CriteriaSet.from_dict({"criterion": [table]})


def test_a_file_cannot_say_what_runs_in_shadow(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text('shadow = ["c"]\n[[criterion]]\nid = "c"\ntitle = ""\nwhen = "net_mass_kg > 1"\nlane = "red"\n')
    with pytest.raises(RefusedCriterionError, match="the journal says which criteria run in shadow"):
        CriteriaSet.from_toml(path)


def test_toml_reads_dates_and_nested_names_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text(
        '[[criterion]]\nid = "c"\ntitle = ""\nwhen = "importer_id IN LIST(\'watch.importers\')"\nlane = "red"\n'
        'valid_from = 2026-01-31\n[lists.watch.importers]\nentries = ["I1", {value = "I2", expires = 2026-02-01}]\n'
    )
    criteria = CriteriaSet.from_toml(path)
    assert criteria.criteria[0].valid_from == dt.date(2026, 1, 31)
    assert criteria.lists["watch.importers"][1].expires == dt.date(2026, 2, 1)
    assert CriteriaSet.from_dict(criteria.to_dict()) == criteria


@pytest.mark.parametrize("content", ["[[criterion", "\xff\xfe"])
def test_an_unreadable_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CriterionError, match=r"broken\.toml"):
        CriteriaSet.from_toml(path)
    with pytest.raises(CriterionError, match=r"absent\.toml"):
        CriteriaSet.from_toml(tmp_path / "absent.toml")


def test_every_wrong_key_and_value_is_told_at_once() -> None:
    tables = [
        criterion(lnae="red", hit_percentage="all"),
        {"id": "d", "title": ""},
        criterion(id="e", valid_from="soon", priority=1.5, offices="A", parameters={"p": [1]}, points=float("nan")),
    ]
    data = {"criterion": tables, "criterio": [], "lists": {"l": {"entries": [True], "entires": 1}, "m": 5}}
    with pytest.raises(RefusedCriterionError) as caught:
        CriteriaSet.from_dict(data)
    found = {(fault.code, fault.criterion) for fault in caught.value.faults}
    expected = {("unknown_key", None), ("unknown_key", "c"), ("value", "c"), ("missing_key", "d"), ("value", "e")}
    assert found == expected | {("value", None)}
    assert len(caught.value.faults) == 13
    assert {fault.suggestion for fault in caught.value.faults} >= {"lane", "criterion", "entries"}


@pytest.mark.parametrize("data", [{"criterion": {}}, {"criterion": ["x"]}, {"lists": []}])
def test_a_set_of_the_wrong_shape_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(RefusedCriterionError, match="has to"):
        CriteriaSet.from_dict(data)


# --- checking ----------------------------------------------------------------------------------------------------


def test_all_faults_of_all_criteria_are_told_at_once() -> None:
    criteria = set_of(
        criterion(when="net_mas_kg > 1 AND violation = 1"),
        criterion(lane="rde", hit_percentage=101),
        criterion(id="Bad id", flow="imports"),
        criterion(id="dates", valid_from="2026-02-01", valid_to="2026-01-31"),
        criterion(id="list", when="importer_id IN LIST('gone')"),
    )
    found = {(fault.criterion, fault.code, fault.suggestion) for fault in criteria.check(COLUMNS)}
    assert found >= {
        ("c", "unknown_column", "net_mass_kg"),
        ("c", "known_after_control", "use columns known at lodgement"),
        ("c", "lane", "red"),
        ("c", "duplicate_id", "give each its own id"),
        ("Bad id", "flow", "import"),
        ("list", "unknown_list", "add it as [lists.gone]"),
    }
    assert {(name, code) for name, code, _ in found} >= {("c", "percentage"), ("Bad id", "id"), ("dates", "validity")}


def test_a_set_with_faults_is_never_evaluated() -> None:
    with pytest.raises(RefusedCriterionError, match="criterion 'c', line 1, column 1: There is no column 'nte'"):
        set_of(criterion(when="nte > 1"), criterion(id="good")).hits(rows(net_mass_kg=[1.0]))


def test_scope_needs_its_columns() -> None:
    criteria = set_of(criterion(flow="import", valid_to="2026-01-01"))
    found = criteria.check({"net_mass_kg": pl.Float64()})
    assert [fault.code for fault in found] == ["scope_column", "scope_column"]


def test_what_has_expired_is_a_warning_and_does_not_stop_the_set() -> None:
    table = criterion(when="importer_id IN LIST('w')", valid_to="2026-01-31")
    criteria = set_of(table, w=[{"value": "I1", "expires": "2026-01-31"}])
    found = criteria.check(COLUMNS, on=dt.date(2026, 2, 1))
    assert sorted((fault.code, fault.warning) for fault in found) == [("expired", True), ("expired_entry", True)]
    assert criteria.check(COLUMNS, on=dt.date(2026, 1, 31)) == []
    days = [dt.datetime(2026, 1, 31, 23, 59), dt.datetime(2026, 2, 1)]
    frame = rows(importer_id=["I1", "I1"], lodged_at=days)
    assert criteria.hits(frame).matrix["c"].to_list() == [True, False]


def codes(*tables: dict[str, Any], points: dict[str, float] | None = None, **lists: Any) -> list[str]:
    criteria = replace(set_of(*tables, **lists), points=points or {})
    return [fault.code for fault in criteria.check(COLUMNS)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lane": "green"}, "no_effect"),
        ({"lane": "green", "points": 5}, "no_effect"),
        ({"priority": 10**30}, "priority"),
        ({"points": 1e300}, "points"),
        ({"forced_after": 0}, "forced_after"),
        ({"parameters": {"p": 1}}, "unused_parameter"),
        ({"when": "net_mass_kg > :p"}, "unknown_parameter"),
        ({"when": "net_mass_kg > :p", "parameters": {"p": {"value": 5, "range": [10, 20]}}}, "out_of_range"),
        ({"when": "net_mass_kg > :p", "parameters": {"p": {"value": 5, "range": [10, 2]}}}, "range"),
        ({"when": "hs_code = :p", "parameters": {"p": {"value": "870323", "range": [1, 2]}}}, "range"),
        ({"reason": "Above {limit} kg."}, "reason"),
        ({"reason": "Above {} kg."}, "reason"),
        ({"reason": "Above {0:>99999999} kg."}, "reason"),
        ({"when": "hs_code = :p", "parameters": {"p": "870323"}, "reason": "{p:%}"}, "reason"),
        ({"when": "net_mass_kg > 5 AND net_mass_kg < 3"}, "unreachable"),
        ({"when": "net_mass_kg > 5 OR net_mass_kg < 7"}, "always_true"),
        ({"when": "hs2 = '8703'"}, "code_length"),
    ],
)
def test_each_fault_of_a_criterion_has_its_code(changes: dict[str, Any], code: str) -> None:
    assert codes(criterion(**changes)) == [code]
    with pytest.raises(RefusedCriterionError):
        set_of(criterion(**changes)).compile(COLUMNS)


def test_a_range_without_a_value_is_a_fault() -> None:
    one = replace(set_of(criterion()).criteria[0], ranges={"p": (1, 2)})
    assert [fault.code for fault in CriteriaSet((one,)).check(COLUMNS)] == ["range"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({"red": 15}, []),
        ({"red": 16}, ["points"]),
        ({"yellow": 10, "red": 10}, ["points"]),
        ({"red": 0}, ["points"]),
        ({"green": 5, "red": 5}, ["lane"]),
        ({"rde": 5, "red": 5}, ["lane"]),
    ],
)
def test_the_points_of_a_lane_can_be_reached_in_order_of_severity(
    points: dict[str, float], expected: list[str]
) -> None:
    tables = [criterion(id=f"c{points}", lane="green", points=points) for points in (10, 5, -3)]
    different = [{**table, "when": f"net_mass_kg > {number}"} for number, table in enumerate(tables)]
    named = [{**table, "id": f"c{number}"} for number, table in enumerate(different)]
    assert codes(*named, points=points) == expected


def test_a_shadow_names_a_criterion_of_the_set() -> None:
    criteria = replace(set_of(criterion()), shadow=frozenset({"d"}))
    assert [fault.code for fault in criteria.check(COLUMNS)] == ["shadow"]


def test_a_reason_states_the_values_of_its_parameters() -> None:
    table = criterion(
        when="net_mass_kg > :least AND duty_rate < :rate AND hs_code <> :code",
        parameters={"least": 12500, "rate": 0.075, "code": "870323"},
        reason="More than {least} kg at less than {rate:%}, not {code}.",
    )
    criteria = set_of(table, criterion(id="d", title="Heavy goods", when="quantity > 1"))
    assert criteria.check(COLUMNS) == []
    said = [one.stated_reason() for one in criteria.criteria]
    assert said == ["More than 12,500 kg at less than 7.5 %, not 870323.", "Heavy goods"]


# --- criteria beside one another ---------------------------------------------------------------------------------


def superfluous(*tables: dict[str, Any]) -> list[str | None]:
    named = [{**criterion(), "id": f"c{number}", **table} for number, table in enumerate(tables)]
    found = set_of(*named).check(COLUMNS)
    assert all(fault.warning for fault in found)
    return [fault.criterion for fault in found if fault.code == "same_condition"]


def test_the_same_condition_and_scope_are_told_of_the_later_criterion() -> None:
    two = {"when": "net_mass_kg > :p", "parameters": {"p": 10}}
    assert superfluous({}, two) == ["c1"]
    assert superfluous({}, {**two, "parameters": {"p": 10.5}, "lane": "orange"}) == ["c1"]
    assert superfluous({"flow": "import"}, {"flow": "export"}) == []
    assert superfluous({"points": 5}, {"points": 5}) == ["c1"]


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ({"when": "net_mass_kg > 5"}, {"when": "net_mass_kg > 9"}, ["c1"]),
        ({"when": "net_mass_kg > 9"}, {"when": "net_mass_kg > 5"}, ["c0"]),
        ({"when": "hs2 IN ('87', '88')"}, {"when": "hs2 = '87' AND net_mass_kg > 1"}, ["c1"]),
        ({"when": "hs2 IN ('87', '88')"}, {"when": "hs2 = '89' AND net_mass_kg > 1"}, []),
        ({"when": "net_mass_kg > 5", "lane": "yellow"}, {"when": "net_mass_kg > 9"}, []),
        ({"when": "net_mass_kg > 5", "hit_percentage": 50}, {"when": "net_mass_kg > 9"}, []),
        ({"when": "net_mass_kg > 5", "flow": "import"}, {"when": "net_mass_kg > 9"}, []),
        ({"when": "net_mass_kg > 5"}, {"when": "net_mass_kg > 9", "flow": "import", "offices": ["A"]}, ["c1"]),
        ({"when": "net_mass_kg > 5", "offices": ["A"]}, {"when": "net_mass_kg > 9", "offices": ["A", "B"]}, []),
        ({"when": "net_mass_kg > 5", "valid_to": "2026-01-01"}, {"when": "net_mass_kg > 9"}, []),
        ({"when": "net_mass_kg > 5"}, {"when": "net_mass_kg > 9", "points": 3}, []),
        ({"when": "net_mass_kg > 5"}, {"when": "quantity > 9"}, []),
        ({"when": "net_mass_kg / quantity > 5"}, {"when": "net_mass_kg > 9 AND quantity > 1"}, []),
    ],
)
def test_a_criterion_that_adds_nothing_is_told(
    wide: dict[str, Any], narrow: dict[str, Any], expected: list[str]
) -> None:
    assert superfluous(wide, narrow) == expected


# --- evaluation --------------------------------------------------------------------------------------------------


def test_a_list_entry_is_in_force_up_to_its_last_day_at_the_time_of_each_row() -> None:
    criteria = set_of(
        criterion(when="importer_id IN LIST('w')"),
        criterion(id="d", when="importer_id NOT IN LIST('w')"),
        w=["I1", {"value": "I2", "expires": "2026-06-30"}, {"value": "I1", "expires": "2020-01-01"}],
    )
    last, after = dt.datetime(2026, 6, 30, 23, 59, 59), dt.datetime(2026, 7, 1)
    frame = rows(
        importer_id=["I1", "I1", "I2", "I2", "I2", "I3", "I3", None],
        lodged_at=[last, None, last, after, None, last, None, last],
    )
    expected = [True, True, True, False, None, False, False, None]
    matrix = criteria.hits(frame).matrix
    assert matrix["c"].to_list() == expected
    assert matrix["d"].to_list() == [None if value is None else not value for value in expected]
    assert criteria.compile(COLUMNS).columns.keys() == {"importer_id", "lodged_at"}


def test_the_longest_of_several_days_of_expiry_counts() -> None:
    days = ["2026-01-31", "2026-03-31", "2026-02-28"]
    criteria = set_of(criterion(when="importer_id IN LIST('w')"), w=[{"value": "I", "expires": day} for day in days])
    moments = [dt.datetime(2026, 3, 31, 12), dt.datetime(2026, 4, 1)]
    assert criteria.hits(rows(importer_id=["I", "I"], lodged_at=moments)).matrix["c"].to_list() == [True, False]


def test_a_list_of_numbers_may_expire_as_well() -> None:
    criteria = set_of(criterion(when="quantity IN LIST('w')"), w=[2.5, {"value": 3, "expires": "9999-12-31"}])
    frame = rows(quantity=[2.5, 3.0, 4.0, None], lodged_at=[dt.datetime(2026, 1, 1)] * 4)
    assert criteria.hits(frame).matrix["c"].to_list() == [True, True, False, None]


def test_a_list_that_expires_needs_the_day_of_lodgement() -> None:
    criteria = set_of(criterion(when="importer_id IN LIST('w')"), w=["I1", {"value": "I2", "expires": "2026-06-30"}])
    found = criteria.check({"importer_id": pl.String()})
    assert [(fault.code, fault.key) for fault in found] == [("undated_list", ("criterion", 0, "when"))]


def test_validity_is_held_against_the_declarations_own_day() -> None:
    criteria = set_of(criterion(valid_from="2026-01-01", valid_to="2026-01-31"))
    days = [
        dt.datetime(2025, 12, 31, 23),
        dt.datetime(2026, 1, 1),
        dt.datetime(2026, 1, 31, 23),
        dt.datetime(2026, 2, 1),
    ]
    frame = rows(net_mass_kg=[20.0] * 4, lodged_at=days)
    assert criteria.hits(frame).matrix["c"].to_list() == [False, True, True, False]


def test_out_of_scope_is_no_hit_and_unknown_scope_is_not_evaluable() -> None:
    criteria = set_of(criterion(flow="import", offices=["A"]))
    frame = rows(
        net_mass_kg=[20.0, 20.0, 20.0, None, 20.0, 1.0],
        flow=["import", "export", "import", "export", None, None],
        office_id=["A", "A", "B", "A", "A", "A"],
    )
    hits = criteria.hits(frame)
    assert hits.matrix["c"].to_list() == [True, False, False, False, None, False]
    assert hits.not_evaluable == {"c": 1}


def test_an_empty_set_has_no_columns_and_all_rows() -> None:
    hits = CriteriaSet().hits(rows(net_mass_kg=[1.0, 2.0]))
    assert hits.matrix.shape == (2, 0)
    assert hits.not_evaluable == {}
    assert CriteriaSet.from_dict({}) == CriteriaSet()


def test_a_table_without_rows_has_no_hits() -> None:
    assert set_of(criterion()).hits(rows(net_mass_kg=[])).matrix.schema == {"c": pl.Boolean()}


def test_a_criterion_that_fails_on_a_row_stops_the_run_and_is_named() -> None:
    expressions = {"good": pl.col("hs_code") == "87", "broken": pl.col("hs_code").cast(pl.Float64) > 1}
    compiled = CompiledCriteria(expressions, {"hs_code": pl.String()})
    assert compiled.hits(rows(hs_code=["87"])).matrix["broken"].to_list() == [True]
    with pytest.raises(CriterionError, match="criterion 'broken' failed"):
        compiled.hits(rows(hs_code=["87", "?"]))


def test_a_vanished_or_retyped_column_is_an_error() -> None:
    compiled = set_of(criterion()).compile(COLUMNS)
    with pytest.raises(SchemaError, match="net_mass_kg"):
        compiled.hits(rows(gross_mass_kg=[1.0]))
    with pytest.raises(SchemaError, match="net_mass_kg"):
        compiled.hits(pl.DataFrame({"net_mass_kg": ["1"]}))


def test_columns_after_the_control_change_nothing() -> None:
    frame = rows(net_mass_kg=[20.0, 1.0])
    controlled = frame.with_columns(violation=pl.Series([1, 0], dtype=pl.Int8), lane=pl.lit("red"))
    criteria = set_of(criterion())
    assert criteria.hits(frame).matrix.equals(criteria.hits(controlled).matrix)


# --- the shipped examples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("declarations.toml", 8), ("kcs.toml", 3)])
def test_the_examples_have_no_fault_and_say_why(name: str, count: int) -> None:
    criteria = CriteriaSet.from_toml(EXAMPLES / name)
    assert criteria.check(COLUMNS, on=dt.date(2026, 1, 1)) == []
    assert len(criteria.criteria) == count
    assert all(one.reason and one.legal_basis and one.instruction and one.owner for one in criteria.criteria)
    for one in criteria.criteria:
        assert isinstance(one, Criterion)
        assert 0 < one.hit_percentage <= 100


def test_each_example_hits_the_declaration_it_is_made_for() -> None:
    criteria = CriteriaSet.from_toml(EXAMPLES / "declarations.toml")
    innocent = {
        "flow": "import",
        "importer_id": "IMP000001",
        "hs_code": "870323",
        "origin_country_code": "JP",
        "departure_country_code": "JP",
        "duty_rate": 0.3,
        "net_mass_kg": 1000.0,
        "gross_mass_kg": 1100.0,
        "customs_value_usd": 9999.0,
        "hs6_median_unit_value_usd_per_kg": 10.0,
        "hs6_origin_median_unit_value_usd_per_kg": 10.0,
        "importer_declarations": 50.0,
        "preference_code": "MFN",
        "quantity": 10.0,
        "quantity_unit_code": "NMB",
        "hs6_median_net_mass_kg_per_quantity": 110.0,
    }
    changes = {
        "undervalued-for-origin": {"net_mass_kg": 3000.0, "gross_mass_kg": 3100.0, "quantity": 30.0},
        "preference-via-third-country": {"preference_code": "EVFTA", "departure_country_code": "SG"},
        "light-for-quantity": {"quantity": 20.0},
        "low-duty-in-high-duty-chapter": {"duty_rate": 0.0},
        "prohibited-goods-route": {"hs_code": "300490", "departure_country_code": "KH", "origin_country_code": "KH"},
        "new-importer-high-value": {
            "importer_declarations": 0.0,
            "customs_value_usd": 60001.0,
            "net_mass_kg": 6000.0,
            "gross_mass_kg": 6100.0,
            "quantity": 60.0,
        },
        "watched-importer": {"importer_id": "T0007075"},
        "implausible-unit-value": {"customs_value_usd": 99_990.0, "hs6_origin_median_unit_value_usd_per_kg": 99.0},
    }
    records = [innocent, *({**innocent, **change} for change in changes.values())]
    absent = {name: None for name in schema.names(schema.Role.LODGEMENT) if name not in innocent}
    types = {name: COLUMNS[name] for name in [*innocent, *absent]}
    frame = schema.derive(pl.DataFrame([{**absent, **record} for record in records], schema=types))
    matrix = criteria.hits(frame).matrix
    hit = [{name for name in matrix.columns if row[name]} for row in matrix.iter_rows(named=True)]
    assert hit == [set(), *({name} for name in changes)]


def test_an_empty_list_of_offices_is_a_fault():
    nowhere = {"id": "a", "title": "A", "when": "net_mass_kg > 1", "lane": "red", "offices": []}
    [fault] = CriteriaSet.from_dict({"criterion": [nowhere]}).check(COLUMNS)
    assert (fault.code, fault.warning) == ("offices", False)


@pytest.mark.parametrize(
    "when",
    [
        "importer_id NOT IN LIST('e')",
        "importer_id IN LIST('e')",
        "quantity > 5 OR importer_id IN LIST('e')",
        "CASE WHEN importer_id IN LIST('e') THEN 1 ELSE 2 END > 1",
    ],
)
def test_a_list_that_was_emptied_is_warned_of_and_stops_nothing(when: str) -> None:
    criteria = set_of(criterion(when=when), e=[])
    faults = criteria.check(COLUMNS)
    assert {(fault.code, fault.warning) for fault in faults} == {("unreachable", True)}
    assert "by the present entries of its lists" in faults[0].message
    criteria.compile(COLUMNS)


@pytest.mark.parametrize(
    "when",
    [
        "importer_id NOT IN LIST('e') AND quantity > 5 AND quantity < 3",
        "importer_id IN LIST('e') AND NOT importer_id IN LIST('e')",
    ],
)
def test_what_no_entry_could_mend_stays_an_error(when: str) -> None:
    for entries in ([], ["I1"]):
        faults = set_of(criterion(when=when), e=entries).check(COLUMNS)
        assert [fault.code for fault in faults if not fault.warning] == ["unreachable"]


@pytest.mark.parametrize("key", ["title", "owner", "agency", "legal_basis"])
@pytest.mark.parametrize("hidden", ["two\nlines", "bell\u0007", "zero\u200bwidth", "line\u2028break", "clear\u001b[2J"])
def test_a_text_in_one_line_holds_nothing_that_cannot_be_seen(key: str, hidden: str) -> None:
    with pytest.raises(RefusedCriterionError, match=f"'{key}' is"):
        set_of(criterion(**{key: hidden}))


@pytest.mark.parametrize("text", ["Hóa đơn thấp", "1\u00a0000 kg", "A\\B", "می\u200cخواهم", "酒　類"])
def test_what_words_are_spelt_with_is_accepted(text: str) -> None:
    assert set_of(criterion(title=text)).criteria[0].title == text


@pytest.mark.parametrize("key", ["tags", "offices"])
@pytest.mark.parametrize("code", ["", " ", "\u001b[31m", "A\u00a0B", "A\nB", "x" * 201])
def test_a_tag_or_an_office_is_a_code_that_can_be_seen(key: str, code: str) -> None:
    with pytest.raises(RefusedCriterionError, match=f"'{key}' is .* a list of texts"):
        set_of(criterion(**{key: ["A1", code]}))


def test_the_name_of_a_list_can_be_seen() -> None:
    with pytest.raises(RefusedCriterionError, match="name of the list"):
        set_of(criterion(), **{"watch\u200b": ["I1"]})
