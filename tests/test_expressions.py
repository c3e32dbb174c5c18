"""The criteria language: what it means, what it refuses and how it says so."""

from __future__ import annotations

import datetime as dt
import math
import time

import polars as pl
import pytest

from workbench.scorer import schema
from workbench.scorer.errors import CriterionError
from workbench.scorer.expressions import Expression, Fault, RefusedCriterionError

COLUMNS: dict[str, pl.DataType] = {
    **{name: column.dtype for name, column in schema.SCHEMA.items()},
    **schema.derive(schema.empty(schema.SCHEMA)).select(*schema.DERIVED).schema,
    "hs6_origin_median_unit_value_usd_per_kg": pl.Float64(),
    "importer_declarations": pl.Float64(),
}
LISTS = {"watch.importers": ["I1", "I2"], "none": []}


def parse(text: str, **options: object) -> Expression:
    return Expression.parse(text, COLUMNS, **{"lists": LISTS, **options})  # type: ignore[arg-type]


def faults(text: str, **options: object) -> tuple[Fault, ...]:
    with pytest.raises(RefusedCriterionError) as caught:
        parse(text, **options)
    assert isinstance(caught.value, CriterionError)
    return caught.value.faults


def codes(text: str, **options: object) -> set[str]:
    return {fault.code for fault in faults(text, **options)}


def values(text: str, rows: dict[str, list[object]], **options: object) -> list[bool | None]:
    frame = pl.DataFrame(rows, schema={name: COLUMNS[name] for name in rows})
    return frame.select(hit=parse(text, **options).to_polars())["hit"].to_list()


# --- three values ------------------------------------------------------------------------------------------------

MASSES = {"net_mass_kg": [2.0, 0.0, None, math.nan, math.inf, -math.inf]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("net_mass_kg > 1", [True, False, None, None, None, None]),
        ("NOT net_mass_kg > 1", [False, True, None, None, None, None]),
        ("1 / net_mass_kg > 0", [True, None, None, None, None, None]),
        ("net_mass_kg / 0 > 1", [None] * 6),
        ("1 / (1 / net_mass_kg) > 0", [True, None, None, None, None, None]),
        ("net_mass_kg IS NULL", [False, False, True, True, True, True]),
        ("net_mass_kg IS NOT NULL", [True, True, False, False, False, False]),
        ("net_mass_kg IN (2, 3)", [True, False, None, None, None, None]),
        ("net_mass_kg NOT IN (2, 3)", [False, True, None, None, None, None]),
        ("net_mass_kg BETWEEN 0 AND 1", [False, True, None, None, None, None]),
        ("net_mass_kg NOT BETWEEN 0 AND 1", [True, False, None, None, None, None]),
        ("COALESCE(net_mass_kg, 7) = 7", [False, False, True, True, True, True]),
        ("NULLIF(net_mass_kg, 0) = 2", [True, None, None, None, None, None]),
        ("net_mass_kg * 1e308 * 10 > 0", [None, False, None, None, None, None]),
        ("ROUND(net_mass_kg + 0.5) = 3", [True, False, None, None, None, None]),
        ("ABS(-net_mass_kg) = 2", [True, False, None, None, None, None]),
        ("CASE WHEN net_mass_kg > 1 THEN 1 ELSE 0 END = 0", [False, True, True, True, True, True]),
        ("CASE net_mass_kg WHEN 2 THEN 1 END = 1", [True, None, None, None, None, None]),
    ],
)
def test_a_number_that_is_missing_or_not_finite_is_not_evaluable(text: str, expected: list[bool | None]) -> None:
    assert values(text, MASSES) == expected


def test_and_or_follow_the_tables_of_kleene() -> None:
    pairs = [(a, b) for a in (1.0, 0.0, None) for b in (1.0, 0.0, None)]
    rows = {"net_mass_kg": [a for a, _ in pairs], "quantity": [b for _, b in pairs]}
    both, either = "net_mass_kg = 1 AND quantity = 1", "net_mass_kg = 1 OR quantity = 1"
    assert values(both, rows) == [True, False, None, False, False, False, None, False, None]
    assert values(either, rows) == [True, True, True, True, False, None, True, None, None]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("87%", [True, False, False, False, None]),
        ("%23", [True, False, False, False, None]),
        ("%03%", [True, False, False, False, None]),
        ("8_0323", [True, False, False, False, None]),
        ("8%0_23", [True, False, False, False, None]),
        ("870323", [True, False, False, False, None]),
        ("", [False, True, False, False, None]),
        ("a.c", [False, False, True, False, None]),
        ("a._", [False, False, True, False, None]),
        ("A%", [False, False, False, False, None]),
        ("a%c", [False, False, True, True, None]),
        ("_____", [False, False, False, False, None]),
        ("a_c", [False, False, True, True, None]),
    ],
)
def test_like_is_sqls(pattern: str, expected: list[bool | None]) -> None:
    rows = {"hs_code": ["870323", "", "a.c", "a\nc", None]}
    assert values(f"hs_code LIKE '{pattern}'", rows) == expected
    assert values(f"hs_code NOT LIKE '{pattern}'", rows) == [None if value is None else not value for value in expected]


def test_an_empty_list_matches_nothing_and_a_missing_value_stays_unknown() -> None:
    rows = {"importer_id": ["I1", "X", None]}
    assert values("importer_id IN LIST('none')", rows) == [False, False, None]
    assert values("importer_id IN LIST('watch.importers')", rows) == [True, False, None]
    assert values("importer_id NOT IN LIST('watch.importers')", rows) == [False, True, None]


def test_a_list_of_a_thousand_values() -> None:
    rows = {"package_count": [1, 5, None]}
    assert values(f"package_count IN ({','.join(['1', '3'] * 500)})", rows) == [True, False, None]


def test_dates_are_compared_as_moments() -> None:
    rows = {"lodged_at": [dt.datetime(2026, 1, 31, 8), dt.datetime(2026, 2, 1), None]}
    assert values("lodged_at >= DATE '2026-02-01'", rows) == [False, True, None]
    assert values("EXTRACT(month FROM lodged_at) = 1 AND EXTRACT(HOUR FROM lodged_at) = 8", rows) == [True, False, None]


def test_text_functions_count_characters() -> None:
    rows = {"goods_description": ["Đồ gỗ", "AB12", None]}
    assert values("LENGTH(goods_description) = 5", rows) == [True, False, None]
    assert values("LOWER(SUBSTRING(goods_description, 1, 2)) = 'đồ'", rows) == [True, False, None]
    assert values("REGEXP_LIKE(goods_description, '^[A-Z]{2}[0-9]+$')", rows) == [False, True, None]
    assert values("STARTS_WITH(UPPER(goods_description), 'ĐỒ')", rows) == [True, False, None]


def test_a_choice_of_the_same_literal_for_all_rows_keeps_its_height() -> None:
    rows = {"net_mass_kg": [None, None]}
    assert values("0 = COALESCE(net_mass_kg, 1)", rows) == [False, False]


def test_division_by_a_literal_is_exact() -> None:
    masses = [number / 7 for number in range(1, 500)]
    found = values("net_mass_kg / 49 = quantity", {"net_mass_kg": masses, "quantity": [mass / 49 for mass in masses]})
    assert all(found)


def test_whole_numbers_do_not_overflow() -> None:
    assert values("package_count * package_count > 0", {"package_count": [2_000_000_000]}) == [True]


def test_parameters_and_columns() -> None:
    expression = parse(
        "unit_value_usd_per_kg < :ratio * hs6_origin_median_unit_value_usd_per_kg", parameters={"ratio": 1}
    )
    assert expression.columns == {"unit_value_usd_per_kg", "hs6_origin_median_unit_value_usd_per_kg"}


def test_every_column_known_at_lodgement_can_be_read() -> None:
    for name in schema.known_at_lodgement():
        assert parse(f"{name} IS NULL AND NOT ({name}) IS NULL").columns == {name}


# --- faults ------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_with_place_and_suggestion() -> None:
    found = faults("hs_code = 870323\n  AND importer_ld = 'x'\n  OR lodged_at > '2026-01-01' OR quantity = '5'")
    assert [(fault.code, fault.line, fault.column, fault.suggestion) for fault in found] == [
        ("unknown_column", 2, 7, "importer_id"),
        ("type", 1, 11, "'870323'"),
        ("type", 3, 18, "DATE '2026-01-01'"),
        ("type", 3, 45, "5"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("violation = 1", "known_after_control"),
        ("recovered_duty_usd > 0", "known_after_control"),
        ("lane = 'red'", "known_after_decision"),
        ("declaration_id = '1'", "identity_column"),
        ("hs = '1'", "unknown_column"),
        ("HS_CODE = '1'", "unknown_column"),
        ("hs_code = 870323", "type"),
        ("hs_code IN (870323)", "type"),
        ("quantity IN LIST('watch.importers')", "type"),
        ("lodged_at > '2026-01-01'", "type"),
        ("quantity LIKE '1%'", "type"),
        ("hs_code + 1 > 2", "type"),
        ("quantity AND hs_code", "type"),
        ("quantity", "type"),
        ("(quantity > 1) = (quantity > 2)", "type"),
        ("CASE WHEN quantity > 1 THEN 'a' ELSE 2 END = 2", "type"),
        ("COALESCE(hs_code, 1) = '1'", "type"),
        ("1 = 1", "constant"),
        ("quantity > 1 OR 'a' = 'a'", "constant"),
        ("quantity = quantity", "constant"),
        ("quantity BETWEEN 5 AND 1", "constant"),
        ("hs_code LIKE '%'", "constant"),
        ("STARTS_WITH(hs_code, '')", "constant"),
        ("1 IS NULL", "constant"),
        ("quantity = NULL", "null"),
        ("quantity IN (1, NULL)", "list_value"),
        ("hs_code IN (hs6, '1')", "list_value"),
        ("quantity > :limit", "unknown_parameter"),
        ("importer_id IN LIST('watch.importer')", "unknown_list"),
        ("importer_id IN LIST()", "unknown_list"),
        ("lodged_at > DATE '2026-02-30'", "date"),
        ("lodged_at > DATE 'today'", "date"),
        ("SUBSTRING(hs_code, 0, 2) = '1'", "argument"),
        ("SUBSTRING(hs_code, quantity) = '1'", "argument"),
        ("EXTRACT(epoch FROM lodged_at) > 1", "date_part"),
        ("hs_code LIKE hs6", "pattern"),
        ("REGEXP_LIKE(hs_code, '(a')", "pattern"),
        ("REGEXP_LIKE(hs_code, 'a+?')", "pattern"),
        ("quantity > 1 -- always", "comment"),
        ("", "empty"),
        ("quantity >", "syntax"),
    ],
)
def test_each_fault_has_its_code(text: str, code: str) -> None:
    assert code in codes(text)


def test_a_column_known_after_the_control_is_refused_with_that_reason() -> None:
    assert "known only after the control" in faults("violation = 1")[0].message


@pytest.mark.parametrize("value", [math.nan, math.inf, True, None, [1]])
def test_a_parameter_is_a_text_or_a_finite_number(value: object) -> None:
    assert codes("quantity > :p", parameters={"p": value}) == {"value"}


@pytest.mark.parametrize("dtype", [pl.List(pl.Int8()), pl.Binary(), pl.Datetime("us", "UTC"), pl.Object()])
def test_a_column_of_a_type_without_meaning_is_refused(dtype: pl.DataType) -> None:
    with pytest.raises(RefusedCriterionError, match="criteria cannot use"):
        Expression.parse("blob IS NULL", {"blob": dtype})


def test_no_more_than_twenty_faults_are_told() -> None:
    assert len(faults(" OR ".join(f"c{number} = 1" for number in range(40)))) == 20


def test_ten_megabytes_are_refused_in_50_ms() -> None:
    text = "quantity > 1 OR " * 650_000
    start = time.perf_counter()
    assert codes(text) == {"too_long"}
    assert time.perf_counter() - start < 0.05


@pytest.mark.parametrize(
    "text",
    [
        "(" * 16 + "quantity > 1" + ")" * 16,
        "NOT " * 16 + "quantity > 1",
        " OR ".join(["quantity > 1"] * 50),
        "quantity > " + " + ".join(["1"] * 99),
    ],
)
def test_what_is_within_the_limits_is_read(text: str) -> None:
    assert parse(text).columns == {"quantity"}


# --- SQL of databases --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("oracle", "quantity / net_mass_kg > 1", "quantity / NULLIF(net_mass_kg, 0) > 1"),
        ("spark", "quantity / (net_mass_kg / 2) > 1", "quantity / NULLIF((net_mass_kg / NULLIF(2, 0)), 0) > 1"),
        (
            "postgres",
            "package_count / container_count > 1",
            "CAST(package_count AS DOUBLE PRECISION) / NULLIF(container_count, 0) > 1",
        ),
        ("oracle", "lodged_at > DATE '2026-01-31'", "lodged_at > TO_DATE('2026-01-31', 'YYYY-MM-DD')"),
        ("postgres", "lodged_at > DATE '2026-01-31'", "lodged_at > CAST('2026-01-31' AS DATE)"),
        ("oracle", "STARTS_WITH(hs_code, '87')", "SUBSTR(hs_code, 1, 2) = '87'"),
        ("spark", "STARTS_WITH(hs_code, :p)", "SUBSTRING(hs_code, 1, 2) = '87'"),
        ("postgres", "ROUND(quantity) = 1", "ROUND(CAST(quantity AS DECIMAL)) = 1"),
        ("postgres", "importer_id IN LIST('watch.importers')", "importer_id IN ('I1', 'I2')"),
        ("oracle", "NOT importer_id IN LIST('none')", "NOT (importer_id <> importer_id)"),
        ("postgres", "importer_id = 'O''Neil'", "importer_id = 'O''Neil'"),
        ("postgres", "REGEXP_LIKE(hs_code, '^87')", "hs_code ~ '^87'"),
    ],
)
def test_sql_carries_the_meaning_over(dialect: str, text: str, expected: str) -> None:
    assert parse(text, parameters={"p": "87"}).to_sql(dialect) == expected


def test_oracle_gets_at_most_a_thousand_values_a_list() -> None:
    expression = parse("importer_id IN LIST('big')", lists={"big": [f"I{number}" for number in range(2500)]})
    assert expression.to_sql("oracle").count(" IN (") == 3
    assert expression.to_sql("spark").count(" IN (") == 1


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(CriterionError, match="did you mean 'postgres'"):
        parse("quantity > 1").to_sql("postgresql")
