"""Mappings: from raw columns, types and units to canonical ones, or a refusal that names every fault."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.scorer.errors import MappingError
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.schema import SCHEMA, Role, names

MAPPINGS = Path(__file__).parents[1] / "data" / "mappings"
REQUIRED = {
    "declaration_id": "id",
    "item_no": {"constant": 1},
    "lodged_at": "date",
    "hs_code": "hs",
    "origin_country_code": "origin",
    "customs_value_usd": "value",
    "net_mass_kg": "mass",
}


def mapping(columns: dict[str, Any] | None = None, **more: Any) -> Mapping:
    return Mapping.from_dict({"name": "test", "columns": REQUIRED | (columns or {}), **more})


def raw(**columns: Any) -> pl.DataFrame:
    base = {"id": ["A"], "date": ["2024-12-31"], "hs": ["870323"], "origin": ["VN"], "value": ["10"], "mass": ["2"]}
    return pl.DataFrame(base | columns)


def read(column: str, rule: Any, values: Any, **more: Any) -> tuple[list[Any], Canonical]:
    """Read `values` through `rule`; return the canonical values of `column` and the whole result."""
    series = values if isinstance(values, pl.Series) else pl.Series(values)
    table = (
        raw(id=[str(number) for number in range(len(series))])
        if len(series) == 1
        else pl.concat([raw(id=[str(number)]) for number in range(len(series))])
    )
    option = {"column": "x"} | rule if isinstance(rule, dict) else rule
    canonical = mapping({column: option}, **more).apply(table.with_columns(series.alias("x")))
    return canonical.frame[column].to_list(), canonical


@pytest.mark.parametrize("file", ["kcs.toml", "generated.toml"])
def test_shipped_mappings_survive_json_exactly(file: str) -> None:
    shipped = Mapping.from_toml(MAPPINGS / file)
    stored = json.loads(json.dumps(shipped.to_dict()))
    assert Mapping.from_dict(stored) == shipped
    assert Mapping.from_dict(stored).to_dict() == shipped.to_dict()


def test_every_option_survives_json_exactly() -> None:
    full = mapping(
        {
            "lodged_at": {"column": "d", "format": "%d/%m/%Y", "plus_days": 1.5},
            "hs_code": {"column": "h", "width": 8, "leading_zeros": "pad"},
            "net_mass_kg": {"column": "m", "unit": "lb", "decimal": ",", "thousands": "."},
            "customs_value_usd": {"column": "v", "unit": "EUR"},
            "flow": {"column": "f", "values": {"1": "import", "2": "export"}},
        },
        units={"EUR": 1.08},
        outcomes={"violation": "y", "label_known_at": "d"},
    )
    assert Mapping.from_dict(json.loads(json.dumps(full.to_dict()))) == full


def test_generated_mapping_is_the_identity_of_the_schema() -> None:
    shipped = Mapping.from_toml(MAPPINGS / "generated.toml")
    assert {name: rule.column for name, rule in shipped.columns.items()} == {
        name: name for name in names(Role.IDENTITY, Role.LODGEMENT)
    }
    assert list(shipped.outcomes) == names(Role.DECISION, Role.OUTCOME)


def test_columns_types_and_order_are_the_schemas() -> None:
    frame = mapping().apply(raw()).frame
    assert frame.schema == {name: SCHEMA[name].dtype for name in names(Role.IDENTITY, Role.LODGEMENT)}
    assert frame["office_id"].to_list() == [None]
    assert frame["item_no"].to_list() == [1]


def test_an_empty_table_keeps_the_types() -> None:
    frame = mapping().apply(raw().clear()).frame
    assert frame.height == 0
    assert frame.schema["lodged_at"] == pl.Datetime("us")


@pytest.mark.parametrize(
    ("column", "unit", "found", "expected"),
    [
        ("net_mass_kg", "g", "1500", 1.5),
        ("net_mass_kg", "kg", "1500", 1500.0),
        ("net_mass_kg", "t", "1.5", 1500.0),
        ("gross_mass_kg", "lb", "10", 4.5359237),
        ("duty_rate", "percent", "57", 0.57),
        ("duty_rate", "share", "0.57", 0.57),
        ("customs_value_usd", "KRW", "1000000", 847.0),
        ("customs_value_usd", "USD", "12.5", 12.5),
    ],
)
def test_units_are_converted(column: str, unit: str, found: str, expected: float) -> None:
    values, _ = read(column, {"unit": unit}, [found], units={"KRW": 0.000847})
    assert values == [pytest.approx(expected, rel=1e-15)]


def test_a_percentage_is_exactly_its_share() -> None:
    values, _ = read("duty_rate", {"unit": "percent"}, [str(rate) for rate in range(101)])
    assert values == [rate / 100 for rate in range(101)]


@pytest.mark.parametrize(("column", "unit", "divisor"), [("duty_rate", "percent", 100), ("net_mass_kg", "g", 1000)])
def test_a_row_alone_is_converted_to_the_same_bits_as_in_a_batch(column: str, unit: str, divisor: int) -> None:
    together, _ = read(column, {"unit": unit}, [35.0, 57.0, 0.1])
    alone = [read(column, {"unit": unit}, [number])[0][0] for number in (35.0, 57.0, 0.1)]
    assert together == alone == [number / divisor for number in (35.0, 57.0, 0.1)]


@pytest.mark.parametrize(
    ("option", "found", "expected"),
    [
        ({}, "1,5", None),
        ({}, "1 000", None),
        ({}, "12kg", None),
        ({}, " 2.5 ", 2.5),
        ({}, "1e3", 1000.0),
        ({"decimal": ","}, "1,5", 1.5),
        ({"decimal": ","}, "1.5", None),
        ({"decimal": ",", "thousands": "."}, "1.234,5", 1234.5),
        ({"thousands": ","}, "1,234.5", 1234.5),
        ({"thousands": " "}, "1 234.5", 1234.5),
    ],
)
def test_decimal_marks_are_read_as_stated_and_never_guessed(option: dict[str, str], found: str, expected: Any) -> None:
    values, canonical = read("quantity", option, [found])
    assert values == [expected]
    assert canonical.unparsed.keys() == (set() if expected is not None else {"quantity"})


@pytest.mark.parametrize(
    ("leading_zeros", "found", "expected"),
    [
        ("refuse", "010129", "010129"),
        ("refuse", "10129", None),
        ("pad", "10129", "010129"),
        ("pad", "1012", None),
        ("pad", "8703231", None),
        ("refuse", "8703231", None),
    ],
)
def test_a_lost_leading_zero_is_padded_or_refused_as_stated(
    leading_zeros: str, found: str, expected: str | None
) -> None:
    values, canonical = read("hs_code", {"width": 6, "leading_zeros": leading_zeros}, [found])
    assert values == [expected]
    if expected is None:
        assert canonical.unparsed["hs_code"].to_list() == [found]


@pytest.mark.parametrize("values", [pl.Series([10129]), pl.Series([10129.0])])
def test_an_hs_code_held_as_a_number_is_short_of_its_zero(values: pl.Series) -> None:
    assert read("hs_code", {"width": 6}, values)[0] == [None]
    assert read("hs_code", {"width": 6, "leading_zeros": "pad"}, values)[0] == ["010129"]


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ({}, ["2024-12-31"], datetime(2024, 12, 31)),
        ({}, ["2024-12-31T10:20:30"], datetime(2024, 12, 31, 10, 20, 30)),
        ({}, ["2024-12-31 10:20"], datetime(2024, 12, 31, 10, 20)),
        ({}, ["31.12.2024"], None),
        ({}, ["12/31/2024"], None),
        ({}, ["2024-12-31T10:00:00Z"], None),
        ({}, ["2024-02-30"], None),
        ({}, ["0024-12-31"], None),
        ({"format": "%d.%m.%Y"}, ["31.12.2024"], datetime(2024, 12, 31)),
        ({"format": "%Y%m%d"}, [20241231], datetime(2024, 12, 31)),
        ({"format": "%Y-%m-%d", "plus_days": 2}, ["2024-12-31"], datetime(2025, 1, 2)),
        ({}, [date(2024, 12, 31)], datetime(2024, 12, 31)),
        ({}, [datetime(2024, 12, 31, 9)], datetime(2024, 12, 31, 9)),
    ],
)
def test_dates(rule: dict[str, Any], values: list[Any], expected: datetime | None) -> None:
    found, canonical = read("lodged_at", rule, values)
    assert found == [expected]
    assert ("lodged_at" in canonical.unparsed) is (expected is None)


def test_a_zoned_moment_keeps_the_wall_clock_of_the_office() -> None:
    moment = pl.Series([datetime(2024, 12, 31, 9, tzinfo=timezone(timedelta(0)))]).dt.convert_time_zone("Asia/Seoul")
    assert read("lodged_at", {}, moment)[0] == [datetime(2024, 12, 31, 18)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([40]), "40"),
        (pl.Series([40.0]), "40"),
        (pl.Series([40.5]), "40.5"),
        (pl.Series(["040"]), "040"),
        (pl.Series(["040"], dtype=pl.Categorical), "040"),
        (pl.Series([" 40 "]), "40"),
        (pl.Series(["  "]), None),
        (pl.Series([None], dtype=pl.Null), None),
    ],
)
def test_codes_are_text_with_their_zeros(values: pl.Series, expected: str | None) -> None:
    found, canonical = read("office_id", {}, values)
    assert found == [expected]
    assert canonical.unparsed == {}


@pytest.mark.parametrize(("found", "expected"), [("3", 3), ("3.0", 3), ("3.5", None), ("99999999999", None)])
def test_whole_numbers_are_whole(found: str, expected: int | None) -> None:
    assert read("package_count", {}, [found])[0] == [expected]


def test_values_are_recoded_and_others_are_unreadable() -> None:
    rule = {"values": {"1": "import", "2": "export"}}
    found, canonical = read("flow", rule, pl.Series([1, 2, 3, None]))
    assert found == ["import", "export", None, None]
    assert canonical.unparsed["flow"].to_list() == [None, None, "3", None]


def test_apply_never_needs_or_reads_outcomes() -> None:
    labelled = mapping(outcomes={"violation": "fraud", "label_known_at": "date"})
    without, shuffled = labelled.apply(raw()), labelled.apply(raw(fraud=["yes"]))
    assert without.frame.equals(shuffled.frame)
    assert labelled.absent_outcome_columns(raw().columns) == ["fraud"]


def test_outcomes_bring_the_key_decisions_and_labels() -> None:
    labelled = mapping(outcomes={"violation": "fraud", "label_known_at": {"column": "date", "plus_days": 3}})
    frame = labelled.apply_outcomes(raw(fraud=["1"])).frame
    assert frame.columns == names(Role.IDENTITY, Role.DECISION, Role.OUTCOME)
    assert frame.select("declaration_id", "violation", "label_known_at").row(0) == ("A", 1, datetime(2025, 1, 3))


def test_a_mapping_without_outcomes_says_so() -> None:
    with pytest.raises(MappingError, match=r"has no \[outcomes\]"):
        mapping().apply_outcomes(raw())


def test_every_fault_of_a_mapping_is_reported_at_once() -> None:
    faulty = {
        "name": "faulty",
        "column": {},
        "columns": {
            "hs_cod": "a",
            "lane": "b",
            "declaration_id": {"constant": "x"},
            "item_no": {"column": "n", "constant": 1},
            "duty_rate": {"column": "c", "unit": "percents"},
            "net_mass_kg": {"column": "m", "unit": "KRW"},
            "lodged_at": {"column": "d", "format": "%Y-%m-%dT%H:%M:%S%z"},
            "office_id": {"colum": "o"},
            "importer_id": {"column": "i", "decimal": ","},
            "seller_id": {"column": "s", "width": 6},
            "hs_code": {"column": "h", "leading_zeros": "pad"},
            "package_count": {"column": "p", "values": {"a": "b"}},
            "quantity": 5,
        },
        "outcomes": {"violation": "y"},
        "units": {"KRW": -1},
    }
    with pytest.raises(MappingError) as caught:
        Mapping.from_dict(faulty)
    message = str(caught.value)
    for part in (
        "unknown key 'column' (did you mean 'columns'?)",
        "'hs_cod' (did you mean 'hs_code'?)",
        "'lane': a column of role 'decision' has no place here",
        "a key cannot be one constant",
        "item_no: expected exactly one of 'column' and 'constant'",
        "unknown unit 'percents' (did you mean 'percent'?)",
        "net_mass_kg: unknown unit 'KRW'; expected one of: kg, g, t, lb",
        "reads a time zone",
        "unknown option 'colum' (did you mean 'column'?)",
        "importer_id: 'decimal' and 'thousands' are for numbers only",
        "seller_id: 'width' and 'leading_zeros' are for hs_code only",
        "'leading_zeros' needs 'width'",
        "package_count: 'values' must give values of the column's type",
        "quantity: expected a raw column's name or a table of options, found 5",
        "required column 'customs_value_usd' is not mapped",
        "[outcomes] required column 'label_known_at' is not mapped",
        "[units] KRW",
    ):
        assert part in message


@pytest.mark.parametrize("form", ["%Y", "%H:%M", "%d/%m", "garbage", "%Q", "", "%"])
def test_a_format_that_reads_no_day_is_refused(form: str) -> None:
    with pytest.raises(MappingError, match="does not read year, month and day"):
        mapping({"lodged_at": {"column": "date", "format": form}})


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y%m%d", "%d-%b-%y", "%Y-%m-%dT%H:%M:%S%.f", "%d.%m.%Y %H:%M", "%Y-%j"])
def test_a_format_that_reads_a_day_is_taken(form: str) -> None:
    assert mapping({"lodged_at": {"column": "date", "format": form}}).columns["lodged_at"].format == form


def test_a_table_of_nulls_is_all_null_and_readable_as_any_column() -> None:
    identity = Mapping.from_toml(MAPPINGS / "generated.toml")
    columns = names(Role.IDENTITY, Role.LODGEMENT)
    canonical = identity.apply(pl.DataFrame({name: [None, None] for name in columns}))
    assert canonical.frame.null_count().row(0) == (2,) * len(columns)
    assert canonical.unparsed == {}


def test_every_absent_or_ill_typed_raw_column_is_named_with_a_suggestion() -> None:
    table = raw(mass=[["2"]], value=[date(2024, 1, 1)]).rename({"date": "dates", "hs": "tariff"})
    with pytest.raises(MappingError) as caught:
        mapping().apply(table)
    message = str(caught.value)
    assert "lodged_at: the table has no column 'date' (did you mean 'dates'?)" in message
    assert "hs_code: the table has no column 'hs'" in message
    assert "net_mass_kg: column 'mass' holds List(String), expected text or Float64" in message
    assert "customs_value_usd: column 'value' holds Date" in message


def test_a_number_is_no_date_without_a_format() -> None:
    with pytest.raises(MappingError, match=r"holds Int64, expected text or .* with a 'format'"):
        read("lodged_at", {}, [20241231])


@pytest.mark.parametrize(("content", "part"), [("name = ", "not valid TOML"), ("name = 'x'", "required column")])
def test_a_faulty_file_is_named(tmp_path: Path, content: str, part: str) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(content)
    with pytest.raises(MappingError, match=part) as caught:
        Mapping.from_toml(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"nowhere\.toml: No such file"):
        Mapping.from_toml(tmp_path / "nowhere.toml")


def test_raw_columns_are_those_that_apply_reads() -> None:
    assert mapping().raw_columns() == ["id", "date", "hs", "origin", "value", "mass"]
    assert mapping().raw_columns(["declaration_id", "item_no", "office_id"]) == ["id"]
    table = raw().select(mapping().raw_columns())
    assert mapping().apply(table).frame.equals(mapping().apply(raw(extra=[1])).frame)


def test_keys_alone_are_those_of_the_whole() -> None:
    assert (
        mapping()
        .apply_keys(raw().select("id"))
        .equals(mapping().apply(raw()).frame.select("declaration_id", "item_no"))
    )


def test_a_label_mapped_as_if_known_at_lodgement_is_refused() -> None:
    table = tomllib.loads((Path(__file__).parents[1] / "data" / "mappings" / "kcs.toml").read_text("utf-8"))
    table["columns"]["importer_id"] = "Fraud"
    with pytest.raises(MappingError, match=r"importer_id: column 'Fraud' is 'violation' of \[outcomes\]"):
        Mapping.from_dict(table)
