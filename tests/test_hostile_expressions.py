"""Texts that a criterion must never be: each is refused with a reason, soon, and no process dies."""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from workbench.scorer import schema
from workbench.scorer.expressions import Expression, Fault, RefusedCriterionError

COLUMNS: dict[str, pl.DataType] = {name: column.dtype for name, column in schema.SCHEMA.items()}
LISTS = {"watch.importers": ["I1", "I2"]}

_CALLS = [
    "read_csv",
    "read_parquet",
    "read_json",
    "read_text",
    "read_blob",
    "glob",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_sleep",
    "lo_import",
    "load_extension",
    "load_file",
    "xp_cmdshell",
    "utl_http.request",
    "dbms_lock.sleep",
    "current_setting",
    "set_config",
    "version",
    "user",
    "now",
    "current_timestamp",
    "sysdate",
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "sleep",
    "benchmark",
    "eval",
    "exec",
    "getenv",
    "unnest",
    "generate_series",
    "range",
    "repeat",
    "rpad",
    "lpad",
    "replace",
    "regexp_replace",
    "translate",
    "array_agg",
    "count",
    "sum",
    "max",
    "row_number",
    "list_transform",
    "json_extract",
    "xmltable",
    "extractvalue",
    "iif",
    "if",
    "try_cast",
    "convert",
    "chr",
    "ascii",
    "__import__",
    "os.system",
]
_CONTEXTS = ["{}('/etc/passwd') IS NULL", "quantity > 1 OR hs_code = {}(hs_code)"]
_STATEMENTS = [
    "quantity > 1; DROP TABLE declarations",
    "quantity > 1; SELECT 1",
    "quantity > 1;",
    "SELECT 1",
    "SELECT * FROM t",
    "hs_code IN (SELECT a FROM read_csv('/etc/passwd'))",
    "EXISTS (SELECT 1)",
    "(SELECT true)",
    "quantity > ALL (SELECT 1)",
    "hs_code = (VALUES ('a'))",
    "WITH t AS (SELECT 1) SELECT * FROM t",
    "quantity > 1 UNION SELECT 1",
    "TABLE t",
    "hs_code IN (TABLE t)",
    "CREATE TABLE t (a int)",
    "DELETE FROM t",
    "UPDATE t SET a = 1",
    "INSERT INTO t VALUES (1)",
    "COPY t FROM '/etc/passwd'",
    "ATTACH 'x.db'",
    "PRAGMA table_info(t)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL f()",
    "SET x = 1",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "VACUUM",
    "GRANT ALL ON t TO u",
    "BEGIN",
    "EXECUTE IMMEDIATE 'x'",
    "DESCRIBE t",
    "USE db",
    "KILL 1",
    "ANALYZE t",
    "MERGE INTO t USING s ON a = b",
    "TRUNCATE TABLE t",
    "ALTER TABLE t",
]
_FORMS = [
    "quantity > 1 -- AND hs_code = 'x'",
    "quantity > 1 /* hidden */",
    "/*+ FULL(t) */ quantity > 1",
    "quantity > 1 # x",
    "ROW_NUMBER() OVER (PARTITION BY hs_code) = 1",
    "quantity OVER () > 1",
    "x -> x > 1",
    "quantity > 1 WHERE 1 = 1",
    "hs_code::regclass = 'a'",
    "CAST(hs_code AS regclass) = 'a'",
    "CAST(quantity AS INT) > 1",
    "hs_code::text = 'a'",
    "TRY_CAST(hs_code AS INT) = 1",
    "quantity > INTERVAL '1 day'",
    "lodged_at > CURRENT_DATE",
    "lodged_at + INTERVAL '1' DAY > DATE '2026-01-01'",
    "lodged_at > CURRENT_TIMESTAMP",
    "lodged_at AT TIME ZONE 'UTC' IS NULL",
    "lodged_at - lodged_at > 1",
    "lodged_at + 1 > lodged_at",
    "*",
    "quantity > *",
    "t.* IS NULL",
    "t.quantity > 1",
    "db.t.quantity > 1",
    "hs_code[1] = '8'",
    "hs_code[1:2] = '87'",
    "ARRAY[1] = quantity",
    "{'a': 1}.a = quantity",
    "(quantity).a > 1",
    "hs_code -> 'a' = 'b'",
    "hs_code ->> 'a' = 'b'",
    "hs_code #> 'a' = 'b'",
    "hs_code @> 'a'",
    "hs_code ? 'a'",
    "quantity > ?",
    "quantity > $1",
    "quantity > @v",
    "quantity > @@version",
    "quantity > :1",
    "quantity > :",
    "quantity > :unset",
    "quantity > %s",
    "quantity > %(a)s",
    "quantity > {a}",
    "quantity > {{ a }}",
    "{% if 1 %}",
    "quantity > `a`",
    'quantity > "quantity"',
    '"quantity" > 1',
    "[quantity] > 1",
    "quantity > 0x1F",
    "quantity > 1_000",
    "quantity > 1e400",
    "quantity > -1e999",
    "quantity > NaN",
    "quantity > Infinity",
    "quantity > 'NaN'",
    "quantity > .5",
    "quantity > 1.",
    "quantity > 1.2.3",
    "quantity > 1e",
    "quantity > 1abc",
    "quantity > 9" + "9" * 400,
    "hs_code = E'\\x41'",
    "hs_code = N'a'",
    "hs_code = X'41'",
    "hs_code = U&'\\0041'",
    "hs_code = B'1'",
    "hs_code = $$a$$",
    "hs_code = 'a\\' OR 1=1",
    "hs_code = 'a' 'b'",
    "hs_code = 'a",
    "hs_code = ''' OR quantity > 1",
    "hs_code || 'a' = 'b'",
    "quantity % 2 = 0",
    "quantity ^ 2 > 1",
    "quantity & 1 = 1",
    "quantity | 1 = 1",
    "~quantity > 1",
    "quantity << 1 > 1",
    "quantity ** 2 > 1",
    "quantity // 2 > 1",
    "quantity DIV 2 > 1",
    "quantity == 1 == 1",
    "quantity := 1",
    "quantity => 1",
    "quantity IS DISTINCT FROM 1",
    "quantity <=> 1",
    "quantity IS TRUE",
    "quantity IS NOT FALSE",
    "TRUE",
    "NOT FALSE",
    "NULL",
    "quantity > 1 OR TRUE",
    "quantity > ANY (1, 2)",
    "hs_code LIKE ANY ('a', 'b')",
    "hs_code ILIKE 'a'",
    "hs_code SIMILAR TO 'a'",
    "hs_code RLIKE 'a'",
    "hs_code ~ 'a'",
    "hs_code !~ 'a'",
    "hs_code GLOB '*'",
    "hs_code REGEXP 'a'",
    "hs_code LIKE 'a!%' ESCAPE '!'",
    "hs_code MATCH 'a'",
    "hs_code COLLATE nocase = 'a'",
    "quantity XOR 1",
    "quantity BETWEEN SYMMETRIC 1 AND 2",
    "quantity IN 1",
    "quantity IN ()",
    "quantity IN quantity",
    "(quantity, 1) = (1, 1)",
    "(quantity, 1) IN ((1, 1))",
    "quantity IN ((1))",
    "quantity > 1 quantity",
    "quantity AS a",
    "quantity > 1 AS a",
    "hs_code IN UNNEST(hs_code)",
    "CASE END = 1",
    "CASE WHEN quantity > 1 THEN NULL END = 1",
    "CASE quantity > 1 WHEN TRUE THEN 1",
    "DISTINCT quantity > 1",
    "quantity > 1 LIMIT 1",
    "quantity > 1 ORDER BY 1",
    "quantity > 1 GROUP BY 1",
    "PRIOR quantity = 1",
    "LAG(quantity) > 1",
    "ROUND(quantity, 400) = 1",
    "SUBSTRING(hs_code, -1) = '1'",
    "SUBSTRING(hs_code, 1, 1e99) = '1'",
    "COALESCE() = 1",
    "ABS() = 1",
    "ABS(quantity, 1) = 1",
    "LENGTH(quantity) = 1",
    "LIST('watch.importers')",
    "LIST('watch.importers') = importer_id",
    "importer_id = LIST('watch.importers')",
    "importer_id IN LIST(importer_id)",
    "importer_id IN LIST('a', 'b')",
    "importer_id IN LIST('../../etc/passwd')",
    "EXTRACT(month FROM hs_code) = 1",
    "DATE '2026-01-01' > DATE '2025-01-01'",
    "DATE lodged_at > DATE '2026-01-01'",
    "DATE 'now' < lodged_at",
    "lodged_at > DATE 'infinity'",
    "lodged_at > DATE '2026-1-1'",
    "FROM quantity",
    "IN",
    "AND",
    "NOT",
    ")",
    "(",
    "()",
    "quantity > 1)",
    "((quantity > 1)",
    ",",
    "'",
    "''",
    "=",
    "\\",
    "quantity > 1 AND",
    "AND quantity > 1",
]
_LOOK_ALIKES = [
    "quаntity > 1",
    "ｑuantity > 1",
    "quantity ＞ 1",
    "quantity > １",
    "quantity\u00a0> 1",
    "quantity\u200b > 1",
    "quantity\u3000> 1",
    "quantity > 1 ＯＲ 1=1",
    "hs_code = ʼaʼ",
    "hs_code = ‘a’",
    "quantity \u2260 1",
    "quantity − 1 > 0",
    "quantity > 1\u037e",
    "quantıty > 1",
    "ﬁ = 1",
    "quantity\u0301 > 1",
    "quantity > ٣",
    "quantity > Ⅳ",
    "∞ > quantity",
    "quantity > 1 \U0001f600",
    *(
        f"quantity > 1{chr(code)}"
        for code in (0, 1, 7, 8, 11, 12, 27, 127, 0x85, 0xAD, 0x61C, 0x2028, 0x2029, 0xFEFF, 0xFFFD)
    ),
    *(
        f"hs_code = 'a{chr(code)}b'"
        for code in (0, 10, 13, 27, 127, 0x85, 0xAD, 0x200B, 0x200D, 0x202A, 0x202E, 0x2066, 0x2069, 0x2028)
    ),
    *(f"quantity > 1 {chr(code)}OR" for code in (0x202A, 0x202B, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069)),
    "hs_code = 'a\ud800'",
    "hs_code = 'a\ue000'",
    "hs_code = 'a\U000e0041'",
]
_SIZES = [
    "(" * 17 + "quantity > 1" + ")" * 17,
    "(" * 2000 + "quantity > 1" + ")" * 2000,
    "(" * 4000,
    "NOT " * 17 + "quantity > 1",
    "NOT " * 1000 + "quantity > 1",
    "quantity > " + "-" * 2 + "1",
    "quantity > " + "- " * 500 + "1",
    "quantity > " + "+ " * 17 + "1",
    "CASE WHEN quantity > 1 THEN " * 17 + "1" + " END" * 17 + " = 1",
    "ABS(" * 17 + "quantity" + ")" * 17 + " > 1",
    " OR ".join(["quantity > 1"] * 51),
    " OR ".join(["quantity > 1"] * 50_000),
    " AND ".join(["quantity > 1"] * 200),
    "quantity > " + " + ".join(["1"] * 150),
    "quantity > " + " * ".join(["9e300"] * 300),
    "quantity IN (" + ",".join(["1"] * 1001) + ")",
    "quantity IN (" + ",".join(["1"] * 100_000) + ")",
    "hs_code IN (" + ",".join(["''"] * 1200) + ")",
    "hs_code = '" + "a" * 513 + "'",
    "hs_code = '" + "a" * 5000 + "'",
    "hs_code LIKE '" + "%a" * 17 + "'",
    "hs_code LIKE '" + "%" * 400 + "'",
    "hs_code LIKE '" + "%_" * 2000 + "'",
    "a" * 4000 + " > 1",
    "quantity" * 500,
    "quantity > 1" + " " * 4096,
    "\n" * 5000,
    "'" * 4095,
    "quantity IN (" * 300,
]
_REGEXES = [
    "(a{30}){40}",
    "((a{10}){10}){11}",
    "a{1001}",
    "a{99999999999}",
    "(?i)a",
    "(?:a)",
    "(?=a)",
    "(?<n>a)",
    "a++",
    "a*?",
    "a{2}{3}",
    "(a",
    "a)",
    "[a",
    "*a",
    "[a&&b]",
    "[a--b]",
    "[z-a]",
    "a" * 101,
    "(" * 60 + ")" * 60 + "x",
    "(a|b|" * 20,
    "[[:nope:]]",
]
# Shapes that the parser reads and the language does not have.
_LENIENCES = [
    "quantity IN (1,,2)",
    "quantity IN (,1)",
    "quantity IN (1,)",
    "COALESCE(quantity,) = 1",
    "COALESCE(quantity) = 1",
    "SUBSTRING(hs_code) = 'x'",
    "SUBSTRING(hs_code FROM 1) = 'x'",
    "SUBSTRING(hs_code FROM 1 FOR 2) = '87'",
    "SUBSTRING(hs_code, 1, 2, 3) = 'x'",
    "SUBSTRING(hs_code, 4097) = 'x'",
    "SUBSTRING(hs_code, 1, 0) = 'x'",
    "EXTRACT('year' FROM lodged_at) > 1",
    "EXTRACT(YEAR, lodged_at) > 1",
    "EXTRACT(YEAR lodged_at) > 1",
    "EXTRACT(YEAR FROM FROM lodged_at) > 1",
    "EXTRACT(FROM lodged_at) > 1",
    "EXTRACT(YEAR FROM EXTRACT(YEAR FROM lodged_at)) > 1",
    "EXTRACT",
    "quantity FROM lodged_at",
    "importer_id IN LIST(1)",
    "importer_id IN LIST(NULL)",
    "importer_id IN LIST(*)",
    "importer_id IN LIST('watch.importers', 'watch.importers')",
    "importer_id IN (LIST('watch.importers'))",
    "importer_id IN LIST 'watch.importers'",
    "importer_id IN LIST(LIST('watch.importers'))",
    "LIST('watch.importers') IN LIST('watch.importers')",
    "importer_id IN LIST('__class__')",
    "importer_id IN LIST('" + "w" * 500 + "')",
    "DATE('2026-01-01') < lodged_at",
    "DATE ('2026-01-01') < lodged_at",
    "DATE '2026-01-01 10:00' < lodged_at",
    "DATE '99999-01-01' < lodged_at",
    "quantity > 1e-400",
    "quantity > 1E+999999999",
    "quantity > 1e99999999999999999999999",
    "quantity > :p.q",
    "quantity > :p:q",
    "quantity > ()",
    "quantity > (,)",
    "(quantity,) > 1",
    "quantity > 1)(",
    "quantity(1) > 1",
    "ABS(*) > 1",
    "ABS(DISTINCT quantity) > 1",
    "REGEXP_LIKE(hs_code, 'a', 'i')",
    "CASE WHEN quantity > 1 THEN 'a' END",
    "CASE WHEN quantity > 1 THEN 1 ELSE END = 1",
    "quantity NOT > 1",
    "quantity BETWEEN 1 OR 2",
    "quantity >< 1",
    "quantity !> 1",
    "CASE " * 17 + "quantity" + " END" * 17,
    "quantity IS NOT " * 10 + "NULL",
    "quantity IN (" * 3 + "1" + ")" * 3,
    "ＡＢＳ(quantity) > 1",
    "quantity\ufe0f > 1",
    "quantity > ²",
    "quantity > ½",
    "\u212a > 1",
    "quantity > 1\x1a",
    *(
        f"hs_code = 'a{character}'"
        for character in "\u00a0\u034f\u115f\u1160\u180e\u2000\u202f\u2800\u3000\u3164\ufe0f\uffa0"
    ),
]
HOSTILE = [
    *_LENIENCES,
    *(context.format(call) for call in _CALLS for context in _CONTEXTS),
    *_STATEMENTS,
    *_FORMS,
    *_LOOK_ALIKES,
    *_SIZES,
    *(f"REGEXP_LIKE(hs_code, '{pattern}')" for pattern in _REGEXES),
    *(f"{name} IS NOT NULL" for name in schema.names(schema.Role.OUTCOME, schema.Role.DECISION)),
]


PARAMETERS: list[Any] = [
    "a" * 10_000_000,
    "%a" * 5_000_000,
    "a\x00b",
    "a\u202eb",
    "\\",
    10**400,
    -(10**5000),
    math.nan,
    math.inf,
    True,
    None,
    b"a",
    [1],
    {"a": 1},
    dt.date(2026, 1, 1),
    pl.lit(1),
    Decimal(1),
]
"""Values that no parameter and no entry of a list may have."""


def test_there_are_enough_hostile_expressions() -> None:
    assert len(set(HOSTILE)) >= 500


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RefusedCriterionError) as caught:
        Expression.parse(text, COLUMNS, lists=LISTS)
    assert caught.value.faults
    assert all(fault.code and fault.message for fault in caught.value.faults)


@pytest.mark.parametrize("value", PARAMETERS, ids=range(len(PARAMETERS)))
def test_a_hostile_value_is_refused_wherever_it_stands(value: Any) -> None:
    for text in ("quantity > :p", "hs_code = :p", "hs_code LIKE :p", "REGEXP_LIKE(hs_code, :p)", "quantity IN (:p)"):
        with pytest.raises(RefusedCriterionError, match="value"):
            Expression.parse(text, COLUMNS, parameters={"p": value})
    for text in ("importer_id IN LIST('l')", "quantity NOT IN LIST('l')"):
        with pytest.raises(RefusedCriterionError, match="value"):
            Expression.parse(text, COLUMNS, lists={"l": [value]})


CHILD = """
import json, resource, sys, time
import polars as pl
from workbench.scorer import schema
from workbench.scorer.expressions import Expression, RefusedCriterionError

columns = {name: column.dtype for name, column in schema.SCHEMA.items()}
texts = json.load(sys.stdin)
Expression.parse("REGEXP_LIKE(hs_code, 'a') AND quantity / 2 > 1 + 1", columns)
pages = int(open("/proc/self/statm").read().split()[0])
ceiling = pages * resource.getpagesize() + 256 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
for text in texts:
    start = time.perf_counter()
    try:
        Expression.parse(text, columns, lists={"watch.importers": ["I1", "I2"]})
        faults = []
    except RefusedCriterionError as error:
        faults = [fault.code for fault in error.faults]
    print(json.dumps([time.perf_counter() - start, faults]), flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set above what the process has")
def test_hostile_texts_cost_one_process_less_than_256_mb_and_each_less_than_a_second() -> None:
    texts = [*HOSTILE, "quantity > 1 OR " * 650_000, "(" * 10_000_000, "'" * 10_000_000, "\u202e" * 5_000_000]
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(texts), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts)
    assert [texts[number][:80] for number, (_, faults) in enumerate(answers) if not faults] == []
    assert max(seconds for seconds, _ in answers) < 1


PATTERNS = [
    "goods_description LIKE '" + "%a_b" * 16 + "'",
    "goods_description LIKE '%a" + "_" * 500 + "x'",
    "REGEXP_LIKE(goods_description, '(a*)*(a*)*(a*)*b$')",
    "REGEXP_LIKE(goods_description, '(.*.*.*.*)*y')",
    "REGEXP_LIKE(goods_description, '(.{30}){30}$')",
    "REGEXP_LIKE(goods_description, '(a|b|ab)*c')",
]


@pytest.mark.parametrize("text", PATTERNS, ids=range(len(PATTERNS)))
def test_a_pattern_costs_time_in_proportion_to_the_text_it_reads(text: str) -> None:
    hits = Expression.parse(text, COLUMNS).to_polars()
    random = Random(0)
    letters = "".join(random.choices("abcd \u0111", k=1_000_000))
    start = time.perf_counter()
    assert pl.DataFrame({"goods_description": [letters]}).select(hits).height == 1
    # A pattern that tries every way to split the text would take years.
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("text", [None, 5, b"quantity > 1", ["quantity > 1"]])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(RefusedCriterionError, match="text"):
        Expression.parse(text, COLUMNS)  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", range(0, 120, 3))
def test_every_beginning_of_a_good_expression_is_read_or_refused(cut: int) -> None:
    text = (
        "CASE WHEN quantity / 2 > 1 THEN 1 ELSE 0 END = 1 AND hs_code NOT IN ('1', '2') OR REGEXP_LIKE(hs_code, 'a+')"
    )
    try:
        outcome: Expression | tuple[Fault, ...] = Expression.parse(text[:cut], COLUMNS)
    except RefusedCriterionError as error:
        outcome = error.faults
    assert isinstance(outcome, Expression) or len(outcome) > 0
