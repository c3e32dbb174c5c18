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
from workbench.scorer.expressions.lengths import code_lengths
from workbench.scorer.expressions.reach import vacuous_parts
from workbench.scorer.expressions.terms import ListEntry

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


# --- lists that expire -------------------------------------------------------------------------------------------


def test_a_list_that_expires_makes_the_expression_read_the_day_of_lodgement() -> None:
    dated = {"w": ["I1", ListEntry("I2", dt.date(2026, 6, 30))]}
    assert parse("importer_id IN LIST('w')", lists=dated).columns == {"importer_id", "lodged_at"}
    assert parse("importer_id IN LIST('w')", lists={"w": ["I1"]}).columns == {"importer_id"}
    rows = {
        "importer_id": ["I2", "I2", "I1"],
        "lodged_at": [dt.datetime(2026, 6, 30, 23), dt.datetime(2026, 7, 1), None],
    }
    assert values("importer_id IN LIST('w')", rows, lists=dated) == [True, False, True]  # type: ignore[arg-type]


def test_a_list_that_expires_needs_a_date_of_lodgement() -> None:
    dated = {"w": [ListEntry("I2", dt.date(2026, 6, 30))]}
    for columns in ({"importer_id": pl.String()}, {"importer_id": pl.String(), "lodged_at": pl.String()}):
        with pytest.raises(RefusedCriterionError, match="entries that expire"):
            Expression.parse("importer_id IN LIST('w')", columns, lists=dated)


def test_names_that_an_expression_uses() -> None:
    used = parse("importer_id IN LIST('none') AND quantity > :p AND quantity < :q", parameters={"p": 1, "q": 2, "r": 3})
    assert (used.lists, used.parameters) == ({"none"}, {"p", "q"})


@pytest.mark.parametrize(
    "text",
    [
        "1 < ABS(quantity)",
        "1 BETWEEN -quantity AND 2",
        "1 <> quantity + quantity",
        "1 >= CASE WHEN 1 < quantity THEN 1 END",
    ],
)
def test_a_column_without_any_value_keeps_its_height(text: str) -> None:
    assert values(text, {"quantity": [None, None]}) == [None, None]


# --- conditions that say nothing ---------------------------------------------------------------------------------

PARTS = {"low": 5, "high": 3, "code": "8703"}


def vacuous(text: str) -> list[tuple[str, int]]:
    return [(fault.code, fault.column) for fault in vacuous_parts(parse(text, parameters=PARTS))]


@pytest.mark.parametrize(
    "text",
    [
        "quantity > 5 AND quantity < 3",
        "quantity > :low AND quantity < :high",
        "quantity > 5 AND NOT quantity > 4",
        "quantity = 1 AND quantity IN (2, 3)",
        "hs2 = '87' AND hs2 = '88'",
        "hs2 = '87' AND hs4 = '8803'",
        "hs2 = '87' AND hs_code LIKE '88%'",
        "hs4 = :code AND STARTS_WITH(hs_code, '88')",
        "hs_code LIKE '%a%' AND hs_code NOT LIKE '%a%'",
        "package_count > 1 AND package_count < 2",
        "quantity < net_mass_kg AND net_mass_kg < quantity",
        "quantity = net_mass_kg AND quantity <> net_mass_kg",
        "quantity IS NULL AND quantity > 1",
        "net_mass_kg IS NULL AND customs_value_usd / net_mass_kg > 1",
        "lodged_at >= DATE '2026-01-01' AND lodged_at < DATE '2025-01-01'",
        "importer_id IN LIST('none')",
        "importer_id IN LIST('watch.importers') AND importer_id = 'I3'",
        "quantity / 0 > 1",
        "quantity > 1 / 0",
        "LENGTH(hs_code) < 0",
        "ABS(quantity) < 0",
        "COALESCE(quantity, 0) IS NULL",
        "EXTRACT(MONTH FROM lodged_at) > 12",
        "(quantity > 1 AND quantity < 3) AND (quantity > 4 OR quantity < 0)",
    ],
)
def test_what_can_never_be_true_is_found(text: str) -> None:
    assert [code for code, _ in vacuous(text)] == ["unreachable"]


@pytest.mark.parametrize(
    "text",
    [
        "quantity >= 0 OR quantity < 0",
        "quantity > 3 OR quantity < 5",
        "hs2 <> '87' OR hs2 <> '88'",
        "quantity IS NULL OR quantity IS NOT NULL",
        "quantity < net_mass_kg OR quantity >= net_mass_kg",
        "EXTRACT(HOUR FROM lodged_at) <= 23",
        "package_count < 2 OR package_count > 1",
    ],
)
def test_what_is_always_true_is_found(text: str) -> None:
    assert [code for code, _ in vacuous(text)] == ["always_true"]


@pytest.mark.parametrize(
    "text",
    [
        "quantity > 5 OR quantity < 3",
        "quantity >= 5 AND quantity <= 5",
        "quantity > 1 AND quantity < 2",
        "quantity < 0",
        "hs2 <> '87' AND hs2 <> '88'",
        "hs2 = '87' AND hs4 = '8703'",
        "hs2 IN ('87', '88') AND hs_code LIKE '8703%'",
        "quantity IS NULL OR quantity > 1",
        "(quantity > 1) IS NULL",
        "quantity IS NULL AND COALESCE(quantity, 1) = 1",
        "NULLIF(quantity, 1) IS NULL AND quantity = 1",
        "quantity > net_mass_kg AND quantity < gross_mass_kg",
        "CASE WHEN quantity > 5 THEN 2 WHEN quantity > 1 THEN 1 ELSE 0 END > 0",
    ],
)
def test_what_some_row_meets_and_some_row_does_not_is_left_alone(text: str) -> None:
    assert vacuous(text) == []


def test_the_innermost_part_is_named_at_its_place() -> None:
    assert vacuous("hs2 = '87' OR (quantity > 5 AND quantity < 3)") == [("unreachable", 16)]
    assert vacuous("NOT (quantity >= 0 OR quantity < 0) AND hs2 = '87'") == [("always_true", 6)]


def test_a_branch_of_case_that_no_row_reaches_is_found() -> None:
    first, second = "CASE WHEN quantity > 1 THEN 1 ", "WHEN quantity > 5 THEN 2 ELSE 0 END > 0"
    assert vacuous(first + second) == [("unreachable", len(first) + 6)]
    assert vacuous("CASE quantity WHEN 1 THEN 2 WHEN 1 THEN 3 END = 2") == [("unreachable", 34)]


def test_a_very_wide_condition_is_judged_soon_and_never_wrongly() -> None:
    names = ["quantity", "net_mass_kg", "gross_mass_kg", "customs_value_usd"]
    text = " AND ".join(f"({name} < {number} OR {name} > {number + 9})" for number in range(4) for name in names)
    start = time.perf_counter()
    assert vacuous(text) == []
    assert time.perf_counter() - start < 1


# --- codes of a length that never occurs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("hs2 = '8703'", "hs4"),
        ("'870323' <> hs4", "hs6"),
        ("hs6 IN ('870323', '8703')", "hs4"),
        ("hs_code = '8703'", "hs4"),
        ("hs2 LIKE '8703%'", "hs4"),
        ("STARTS_WITH(hs4, '870323')", "hs6"),
        ("hs4 = :code", "hs6"),
        ("hs2 IN LIST('codes')", "hs4"),
        ("SUBSTRING(hs_code, 1, 2) = '870'", None),
    ],
)
def test_a_code_of_a_length_that_never_occurs_is_found(text: str, advice: str | None) -> None:
    expression = parse(text, parameters={"code": "870323"}, lists={"codes": ["8703", "8704"]})
    assert [(one.code, one.suggestion, one.warning) for one in code_lengths(expression)] == [
        ("code_length", advice, False)
    ]


def test_a_country_of_three_letters_is_a_warning() -> None:
    found = code_lengths(parse("origin_country_code = 'VNM'"))
    assert [(one.code, one.warning) for one in found] == [("code_length", True)]


@pytest.mark.parametrize(
    "text",
    [
        "hs2 = '87'",
        "hs_code LIKE '87%'",
        "hs_code LIKE '%9'",
        "hs2 IN LIST('codes')",
        "importer_id = 'X'",
        "hs4 LIKE '87__'",
    ],
)
def test_codes_of_a_fitting_length_are_left_alone(text: str) -> None:
    # A list may serve the chapter in one criterion and the heading in another.
    assert code_lengths(parse(text, lists={"codes": ["87", "8703"]})) == []


# --- SQL of databases --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("oracle", "quantity / net_mass_kg > 1", "quantity / NULLIF(net_mass_kg, 0) > 1"),
        ("spark", "quantity / (net_mass_kg / 2) > 1", "quantity / NULLIF((net_mass_kg / 2), 0) > 1"),
        (
            "postgres",
            "package_count / container_count > 1",
            "CAST(package_count AS DOUBLE PRECISION) / NULLIF(CAST(container_count AS DOUBLE PRECISION), 0) > 1",
        ),
        ("oracle", "lodged_at > DATE '2026-01-31'", "lodged_at > TO_TIMESTAMP('2026-01-31', 'YYYY-MM-DD')"),
        ("postgres", "lodged_at > DATE '2026-01-31'", "lodged_at > CAST('2026-01-31' AS TIMESTAMP)"),
        ("oracle", "STARTS_WITH(hs_code, '87')", "SUBSTR(hs_code, 1, 2) = '87'"),
        ("spark", "STARTS_WITH(hs_code, :p)", "SUBSTRING(hs_code, 1, 2) = '87'"),
        ("postgres", "ROUND(quantity) = 1", "TRUNC(quantity + SIGN(quantity) * 0.49999999999999994) = 1"),
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


@pytest.mark.parametrize(("factors", "expected"), [(6, True), (7, None)])
def test_a_product_that_may_leave_a_doubles_range_is_looked_at_before_it_is_compared(factors, expected):
    text = " * ".join(["customs_value_usd"] * factors) + " > 1"
    rows = pl.DataFrame({"customs_value_usd": [9e49, 9e49]})
    grown = Expression.parse(text, rows.schema).to_polars()
    assert rows.select(hit=grown)["hit"].to_list() == [expected] * 2
