"""Criteria as SQL of databases: golden statements, what each dialect needs, and what is refused."""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import sqlglot

from workbench.criteria.sql import set_as_sql, sha256_of
from workbench.scorer import schema
from workbench.scorer.criteria import CriteriaSet, ListEntry
from workbench.scorer.errors import CriterionError
from workbench.scorer.expressions import Expression, RefusedCriterionError
from workbench.scorer.expressions.casing import CAPITALS, GROWING, lower, upper
from workbench.scorer.expressions.portable import portable_fault, spelled_out

DATA = Path(__file__).parents[1] / "data" / "criteria"
GOLDEN = Path(__file__).parent / "golden" / "criteria_sql"
DIALECTS = ["oracle", "postgres", "spark"]
SETS = {"declarations": DATA / "declarations.toml", "kcs": DATA / "kcs.toml", "everything": GOLDEN / "everything.toml"}
PROFILES = ["importer_declarations", "hs6_median_unit_value_usd_per_kg", "hs6_median_net_mass_kg_per_quantity"]
PROFILES += ["hs6_origin_median_unit_value_usd_per_kg"]
COLUMNS = {**schema.lodgement_types(), **dict.fromkeys(PROFILES, pl.Float64())}


def shipped(name: str) -> CriteriaSet:
    criteria = CriteriaSet.from_toml(SETS[name])
    if name != "everything":
        return criteria
    lasting = [ListEntry(f"I{number:04}") for number in range(1001)]
    dated = [ListEntry(f"X{number}", dt.date(2026, 6, 30)) for number in range(3)]
    watched = (*lasting, *dated, ListEntry("X9", dt.date(2026, 12, 31)))
    return CriteriaSet(criteria.criteria, {"watch.importers": watched, "watch.closed": tuple(dated)}, criteria.points)


def columns_of(name: str) -> dict[str, pl.DataType]:
    return {
        **COLUMNS,
        **dict.fromkeys(re.findall(r"\b[a-z0-9_]+_(?:usd_per_kg|rate)\b", SETS[name].read_text()), pl.Float64()),
    }


def one(when: str, **keys: object) -> CriteriaSet:
    return CriteriaSet.from_dict({"criterion": [{"id": "c", "title": "t", "lane": "red", "when": when, **keys}]})


def condition(when: str, dialect: str) -> str:
    """Return the SQL of a condition on one line, without what surrounds it."""
    statement = set_as_sql(one(when), COLUMNS, dialect)
    return " ".join(statement[statement.index("-- c") :].split())


# --- golden statements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", SETS)
def test_the_statement_is_the_golden_one(name: str, dialect: str) -> None:
    statement = set_as_sql(shipped(name), columns_of(name), dialect)
    golden = GOLDEN / f"{name}.{dialect}.sql"
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(statement, "utf-8")
    assert statement == golden.read_text("utf-8")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", SETS)
def test_the_statement_reads_back_to_an_equal_tree(name: str, dialect: str) -> None:
    statement = set_as_sql(shipped(name), columns_of(name), dialect)
    tree = sqlglot.parse_one(statement, read=dialect)
    again = sqlglot.parse_one(tree.sql(dialect=dialect, comments=False), read=dialect)
    assert tree.sql(dialect=dialect, comments=False) == again.sql(dialect=dialect, comments=False)
    selected = [column.alias_or_name for column in tree.selects]
    assert selected == ["declaration_id", "item_no", *(criterion.id for criterion in shipped(name).criteria)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_header_names_the_set_the_dialect_and_every_column(dialect: str) -> None:
    criteria = shipped("declarations")
    header = [line for line in set_as_sql(criteria, COLUMNS, dialect).splitlines() if line.startswith("-- ")]
    assert header[:2] == [f"-- Criteria set of SHA-256 {sha256_of(criteria)}", f"-- Dialect: {dialect}"]
    text = "\n".join(header)
    used = criteria.compile(COLUMNS).columns
    assert all(f"--   {name}: " in text for name in used)
    assert "importer_declarations: a number, profile of history" in text
    assert "hs2: a text, derived: " in text


# --- what people write cannot leave its place --------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "title",
    [
        "x\nDROP TABLE declarations",
        "x\r\x0b\x0c\x85\u2028\u2029DROP",
        "*/ x; DROP TABLE t /*",
        "\u202eevil\u202c",
        "100 % :bind ? $1 &ask {x}",
    ],
)
def test_a_title_stays_in_its_comment(title: str, dialect: str) -> None:
    (criterion,) = one("quantity > 1").criteria
    statement = set_as_sql(CriteriaSet((replace(criterion, title=title),)), COLUMNS, dialect)
    plain = set_as_sql(one("quantity > 1"), COLUMNS, dialect)
    (comment,) = [line for line in statement.splitlines() if line.lstrip().startswith("-- c:")]
    assert not re.search(r"[;*&?$:{}\u2028\u202e]", comment.replace("-- c:", ""))
    without = [line for line in statement.splitlines() if not line.lstrip().startswith("--")]
    assert without == [line for line in plain.splitlines() if not line.lstrip().startswith("--")]


@pytest.mark.parametrize("table", ["a b", "t; DROP TABLE t", "a.b.c.d", "", "x--", 't"', "prepared_items", "1a"])
def test_what_is_no_name_of_a_table_is_refused(table: str) -> None:
    with pytest.raises(CriterionError, match="no name of a table"):
        set_as_sql(one("quantity > 1"), COLUMNS, "postgres", table=table)


def test_an_id_is_quoted_and_no_longer_than_the_database_allows() -> None:
    long = "a" * 64
    assert f'AS "{long}"' in set_as_sql(one("quantity > 1", id=long), COLUMNS, "oracle")
    with pytest.raises(CriterionError, match=r"'a{64}' cannot be written for postgres.*64 bytes.*63.*shorter id"):
        set_as_sql(one("quantity > 1", id=long), COLUMNS, "postgres")
    assert "AS `a.b-c`" in set_as_sql(one("quantity > 1", id="a.b-c"), COLUMNS, "spark")
    with pytest.raises(CriterionError, match="as a column of the key is"):
        set_as_sql(one("quantity > 1", id="item_no"), COLUMNS, "spark")


def test_an_unknown_dialect_is_refused_with_the_nearest() -> None:
    with pytest.raises(CriterionError, match="did you mean 'postgres'"):
        set_as_sql(one("quantity > 1"), COLUMNS, "postgresql")


def test_a_set_with_faults_is_refused_as_everywhere() -> None:
    with pytest.raises(RefusedCriterionError, match="quantty"):
        set_as_sql(one("quantty > 1"), COLUMNS, "postgres")


# --- where databases differ --------------------------------------------------------------------------------------


def test_whole_numbers_are_divided_as_doubles() -> None:
    statement = set_as_sql(one("package_count / container_count > 0.5"), COLUMNS, "postgres")
    assert "CAST(package_count AS DOUBLE PRECISION) AS package_count" in statement
    assert "package_count / NULLIF(container_count, 0) > 0.5" in statement


def test_literals_that_meet_no_column_are_doubles() -> None:
    when = "CASE WHEN quantity > 1 THEN 1 ELSE 2 END / 3 > 0.4"
    assert "ELSE 2 END AS DOUBLE PRECISION) / 3 > 0.4" in condition(when, "postgres")
    assert "LENGTH(hs_code) / 4 > 1" not in condition("LENGTH(hs_code) / 4 > 1", "postgres")
    assert "quantity > 0.30000000000000004" in condition("quantity > 0.1 + 0.2", "postgres")


def test_oracle_cannot_hold_the_empty_text() -> None:
    with pytest.raises(CriterionError, match=r"'c' cannot be written for oracle.*''.*IS NULL"):
        set_as_sql(one("goods_description = ''"), COLUMNS, "oracle")
    assert "= ''" in condition("goods_description = ''", "postgres")


def test_a_part_of_a_text_that_may_be_empty_is_not_missing_in_oracle() -> None:
    assert condition("SUBSTRING(hs_code, 1, 4) = '8703'", "oracle").count("SUBSTR(hs_code, 1, 4) = '8703'") == 2
    stand_in = "COALESCE( SUBSTR(hs_code, 7, 2), CASE WHEN NOT hs_code IS NULL THEN CHR(1) END ) = '00'"
    assert stand_in.replace(" ", "") in condition("SUBSTRING(hs_code, 7, 2) = '00'", "oracle").replace(" ", "")
    for when in ("LENGTH(SUBSTRING(hs_code, 7)) = 0", "REGEXP_LIKE(SUBSTRING(hs_code, 7), '^.$')"):
        with pytest.raises(CriterionError, match="may be empty, which oracle takes for a missing value"):
            set_as_sql(one(when), COLUMNS, "oracle")


def test_a_truth_value_is_refused_where_there_is_none() -> None:
    columns = {**COLUMNS, "sealed": pl.Boolean()}
    assert "CAST(sealed AS INT)" in set_as_sql(one("sealed"), columns, "postgres")
    with pytest.raises(CriterionError, match="holds truth values, which oracle does not have"):
        set_as_sql(one("sealed"), columns, "oracle")


def test_a_text_that_no_database_holds_is_refused() -> None:
    criteria = CriteriaSet(one("importer_id IN LIST('l')").criteria, {"l": (ListEntry("a\0b"),)})
    with pytest.raises(CriterionError):
        set_as_sql(criteria, COLUMNS, "postgres")


@pytest.mark.parametrize(
    "when",
    [
        "quantity * quantity * quantity * quantity * quantity * quantity * quantity > 1",
        "quantity / (quantity - net_mass_kg) / (quantity - gross_mass_kg) / (1 - quantity) / (1 - duty_rate) > 1",
        "quantity / 1e300 > 1",
    ],
)
def test_a_result_that_a_database_cannot_hold_is_refused_before_any_row(when: str) -> None:
    with pytest.raises(CriterionError, match="may not fit into a number"):
        set_as_sql(one(when), COLUMNS, "postgres")


def test_products_of_a_few_columns_are_written() -> None:
    when = "quantity * customs_value_usd * duty_rate / net_mass_kg / gross_mass_kg > 100"
    assert "/ NULLIF(gross_mass_kg, 0) > 100" in condition(when, "oracle")


def test_rounding_is_written_out_four_levels_deep_at_most() -> None:
    when = "quantity > 0"
    text = "quantity"
    for _ in range(5):
        text = f"ROUND({text} + 0.5)"
    with pytest.raises(CriterionError, match="ROUND"):
        set_as_sql(one(f"{text} > 0 AND {when}"), COLUMNS, "postgres")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("postgres", "~ '^[0-9$]+$'"),
        ("oracle", "REGEXP_LIKE(hs_code, '^[0-9$]+$', 'cn')"),
        ("spark", "RLIKE '(?s)^[0-9$]+(?!.)'"),
    ],
)
def test_patterns_say_the_same_in_each_dialect(dialect: str, expected: str) -> None:
    assert expected in condition("REGEXP_LIKE(hs_code, '^[[:digit:]$]+$')", dialect)


@pytest.mark.parametrize(
    "pattern",
    [r"\d", "^*", "a{256}", "a{,3}", "[a-c-e]", "a||b", "(|a)", "()", "", "a|", "[]a]", "[[:space:]]", "x}", "a{1}{2}"],
)
def test_patterns_that_databases_read_differently_are_refused(pattern: str) -> None:
    assert portable_fault(pattern)


@pytest.mark.parametrize(
    "pattern", ["^87(03|04)?", "[A-Z]{2}[0-9]+", "a.b|c", "[^a-z-]$", "[[:alpha:]]{1,255}", "(a|b)*"]
)
def test_ordinary_patterns_are_portable(pattern: str) -> None:
    assert portable_fault(pattern) is None
    assert pl.Series(["x"]).str.contains(spelled_out(pattern)).len() == 1


def test_letters_change_one_for_one() -> None:
    letters = pl.DataFrame({"x": [*GROWING, "ΑΣ", "İ", "Đ"]})
    changed = letters.select(low=lower(pl.col("x")), up=upper(pl.col("x")))
    assert changed["up"].to_list() == [*CAPITALS, "ΑΣ", "İ", "Đ"]
    assert changed["low"].to_list()[-3:] == ["ασ", "i", "đ"]
    assert changed.select((pl.col("low").str.len_chars() == letters["x"].str.len_chars()).all()).item()


def test_what_is_no_quantity_is_not_evaluable() -> None:
    rows = pl.DataFrame({"quantity": [1e49, 1e51, -1e300, 1e-51, 0.0, float("nan")]})
    assert one("quantity > 1").hits(rows).matrix["c"].to_list() == [True, None, None, None, False, None]
    alone = Expression.parse("quantity > 1", COLUMNS).to_polars()
    assert rows.select(hit=alone)["hit"].to_list() == [True, None, None, None, False, None]
