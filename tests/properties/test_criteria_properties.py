"""Three-valued logic, held against two evaluators that share no code with ours.

One is an interpreter of a row in plain Python, the other is SQLite. Expressions are drawn as trees, so neither
needs a parser of ours: the tree is interpreted as it is, and written as SQL for the others.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sqlite3
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import polars as pl
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from workbench.scorer.criteria import CompiledCriteria, CriteriaSet, ListEntry
from workbench.scorer.expressions import Expression, RefusedCriterionError
from workbench.scorer.expressions.outcomes import Analyst
from workbench.scorer.expressions.reach import implies

Tree = tuple[Any, ...]
Row = dict[str, Any]

SCHEMA = {"x": pl.Float64(), "y": pl.Float64(), "k": pl.Int32(), "s": pl.String(), "t": pl.String()}
DATED = {**SCHEMA, "d": pl.Datetime("us"), "lodged_at": pl.Datetime("us")}
LISTS: dict[str, list[Any]] = {
    "watch.texts": ["ab", "B", ""],
    "empty": [],
    "numbers": [0, 2, -1.5],
    "dated.texts": ["ab", ListEntry("B", dt.date(2026, 1, 1)), ListEntry("a", dt.date(2025, 12, 31))],
    "dated.numbers": [ListEntry(2, dt.date(2026, 1, 30)), ListEntry(2, dt.date(2025, 1, 1)), ListEntry(0, None)],
}
PARAMETERS = {"limit": 1.5, "code": "ab"}

amounts = st.sampled_from([None, 0.0, -0.0, 1.0, -1.5, 2.0, 2.5, 3.0, 7.0, 49.0, 1e308, 1e-308, math.nan, math.inf])
texts = st.sampled_from([None, "", "a", "A", "ab", "aXb", "B", "a%b", "ä", "870323", "a\nb"])
moments = st.sampled_from([None, dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 31, 23, 59), dt.datetime(2025, 12, 31)])
rows = st.fixed_dictionaries(
    {
        "x": amounts,
        "y": amounts,
        "k": st.one_of(st.none(), st.integers(-3, 3)),
        "s": texts,
        "t": texts,
        "d": moments,
        "lodged_at": moments,
    }
)
frames = st.lists(rows, min_size=1, max_size=6)

number_columns = st.sampled_from(["x", "y", "k"]).map(lambda name: ("column", name))
text_columns = st.sampled_from(["s", "t"]).map(lambda name: ("column", name))
number_values = st.one_of(
    st.sampled_from([0, 1, -1, 2, 0.5, 49, 1e300]).map(lambda value: ("value", value)),
    st.just(("parameter", "limit")),
)
text_values = st.one_of(
    st.sampled_from(["", "a", "ab", "B", "a%b", "O'N"]).map(lambda value: ("value", value)),
    st.just(("parameter", "code")),
)


def _numbers(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.tuples(st.sampled_from(["abs", "round", "negate"]), inner),
        st.tuples(st.sampled_from(["coalesce", "nullif"]), inner, inner),
        st.tuples(st.just("length"), strings),
    )


def _strings(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(["coalesce", "nullif"]), inner, inner),
        st.tuples(st.just("substring"), inner, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 3))),
    )


strings = st.recursive(st.one_of(text_columns, text_values), _strings, max_leaves=3)
numbers = st.recursive(st.one_of(number_columns, number_values), _numbers, max_leaves=4)
patterns = st.sampled_from(["a%", "%b", "%a%", "a_b", "ab", "", "a%b", "_", "%_", "A%", "%.%", "[a]%", "a__%", "__"])
operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
portable = st.one_of(
    st.tuples(operators, numbers, numbers),
    st.tuples(operators, strings, strings),
    st.tuples(st.just("between"), numbers, numbers, numbers),
    st.tuples(st.sampled_from(["in", "not in"]), numbers, st.just((0, 1, -1, 2.5))),
    st.tuples(st.sampled_from(["in", "not in"]), strings, st.just(("a", "ab", ""))),
    st.tuples(st.just("like"), strings, patterns),
    st.tuples(st.just("null"), st.one_of(numbers, strings)),
)
ours_only = st.one_of(
    st.tuples(st.just("list"), strings, st.sampled_from(["watch.texts", "empty", "dated.texts"])),
    st.tuples(st.just("list"), numbers, st.sampled_from(["numbers", "dated.numbers"])),
    st.tuples(st.just("starts"), strings, st.sampled_from(["a", "87"])),
    st.tuples(st.just("regexp"), strings, st.sampled_from(["^a.b$", "[0-9]{2,3}", "(a|B)"])),
    st.tuples(st.just("part"), st.sampled_from(["year", "month", "day", "hour"]), operators, st.integers(1, 31)),
    st.tuples(st.just("since"), operators, st.sampled_from([dt.date(2026, 1, 1), dt.date(2026, 1, 31)])),
)


def _logic(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("case"), inner, numbers, numbers),
    )


conditions = st.recursive(st.one_of(portable, ours_only), _logic, max_leaves=5)
portable_conditions = st.recursive(portable, _logic, max_leaves=5)


# --- the tree as SQL ---------------------------------------------------------------------------------------------


def literal(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value!r}".replace("e+", "e")


def sql(tree: Tree) -> str:
    """Write a tree as SQL, every operand in brackets of its own."""
    head, rest = tree[0], tree[1:]
    if head in {"column", "parameter", "value"}:
        return {"column": str, "parameter": lambda name: f":{name}", "value": literal}[head](rest[0])
    if head in {"in", "not in"}:
        return f"{sql(rest[0])} {head.upper()} ({', '.join(map(literal, rest[1]))})"
    if head == "list":
        return f"{sql(rest[0])} IN LIST('{rest[1]}')"
    if head in {"like", "starts", "regexp"}:
        operand, pattern = sql(rest[0]), literal(rest[1])
        name = {"starts": "STARTS_WITH", "regexp": "REGEXP_LIKE"}.get(head)
        return f"{name}({operand}, {pattern})" if name else f"{operand} LIKE {pattern}"
    if head == "part":
        return f"EXTRACT({rest[0]} FROM d) {rest[1]} {rest[2]}"
    if head == "since":
        return f"d {rest[0]} DATE '{rest[1]}'"
    return _sql_of_operands(head, rest)


def _sql_of_operands(head: str, rest: Tree) -> str:
    if head == "substring":
        return f"SUBSTRING({sql(rest[0])}, {rest[1]}{'' if rest[2] is None else f', {rest[2]}'})"
    parts = [sql(part) for part in rest]
    if head == "case":
        return f"(CASE WHEN {parts[0]} THEN {parts[1]} WHEN x > 1 THEN NULL ELSE {parts[2]} END > 1)"
    if head in {"abs", "round", "coalesce", "nullif", "length"}:
        return f"{head.upper()}({', '.join(parts)})"
    single = {"negate": "(- {})", "not": "NOT ({})", "null": "({}) IS NULL"}
    if head in single:
        return single[head].format(*parts)
    if head == "between":
        return "({} BETWEEN {} AND {})".format(*parts)
    return f"({parts[0]} {head.upper()} {parts[1]})"


# --- the tree on one row, in plain Python ------------------------------------------------------------------------

COMPARE = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
CALCULATE = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


def known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def quantity(value: Any) -> Any:
    """Return what a column holds: a number that is too large or too small for any declaration is missing."""
    if not isinstance(value, int | float):
        return value
    return float(value) if value == 0 or 1e-50 < abs(value) < 1e50 else None


def compared(operator: str, a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else COMPARE[operator](a, b)


def both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def negated(a: bool | None) -> bool | None:
    return None if a is None else not a


def evaluate(tree: Tree, row: Row) -> Any:
    """Return the value of a tree on one row: SQL's, with None for null."""
    head, rest = tree[0], tree[1:]
    if head == "column":
        return quantity(row[rest[0]])
    if head in {"value", "parameter"}:
        value = PARAMETERS[rest[0]] if head == "parameter" else rest[0]
        return value if isinstance(value, str) else float(value)
    if head == "part":
        return compared(rest[1], None if row["d"] is None else getattr(row["d"], rest[0]), rest[2])
    if head == "since":
        return compared(rest[0], row["d"], dt.datetime.combine(rest[1], dt.time()))
    if head == "coalesce":
        first = evaluate(rest[0], row)
        return evaluate(rest[1], row) if first is None else first
    operand = evaluate(rest[0], row)
    if head in {"and", "or", "not", "case", "null", "nullif"}:
        return _evaluate_logic(head, operand, rest, row)
    if operand is None:
        return None
    return _evaluate_known(head, operand, rest, row)


def _evaluate_logic(head: str, operand: Any, rest: Tree, row: Row) -> Any:
    if head == "null":
        return operand is None
    if head == "not":
        return negated(operand)
    if head == "case":
        chosen = rest[1] if operand is True else None if compared(">", quantity(row["x"]), 1.0) else rest[2]
        return compared(">", None if chosen is None else evaluate(chosen, row), 1.0)
    other = evaluate(rest[1], row)
    if head == "nullif":
        return None if operand == other else operand
    return both(operand, other) if head == "and" else negated(both(negated(operand), negated(other)))


def _evaluate_known(head: str, operand: Any, rest: Tree, row: Row) -> Any:
    if head in COMPARE:
        return compared(head, operand, evaluate(rest[1], row))
    if head in CALCULATE:
        other = evaluate(rest[1], row)
        return None if other is None or (head == "/" and other == 0) else known(CALCULATE[head](operand, other))
    if head == "between":
        low, high = evaluate(rest[1], row), evaluate(rest[2], row)
        return both(compared(">=", operand, low), compared("<=", operand, high))
    if head == "list":
        return listed(operand, LISTS[rest[1]], row["lodged_at"])
    if head in {"in", "not in"}:
        return (operand in rest[1]) is (head == "in")
    if head == "substring":
        return operand[rest[1] - 1 : None if rest[2] is None else rest[1] - 1 + rest[2]]
    if head == "round":
        return float(Decimal(operand).quantize(Decimal(1), ROUND_HALF_UP)) if abs(operand) < 2**53 else operand
    return {
        "abs": lambda: abs(operand),
        "negate": lambda: -operand,
        "length": lambda: float(len(operand)),
        "starts": lambda: operand.startswith(rest[1]),
        "regexp": lambda: re.search(rest[1].replace("$", r"\Z"), operand, re.DOTALL) is not None,
        "like": lambda: like(operand, rest[1]),
    }[head]()


def listed(value: Any, entries: list[Any], lodged_at: dt.datetime | None) -> bool | None:
    """Look for a value in a named list, entry by entry, on the day of lodgement."""
    found: bool | None = False
    for entry in entries:
        content, expires = (entry.value, entry.expires) if isinstance(entry, ListEntry) else (entry, None)
        if content == value:
            in_force = True if expires is None else None if lodged_at is None else lodged_at.date() <= expires
            found = negated(both(negated(found), negated(in_force)))
    return found


def like(text: str, pattern: str) -> bool:
    """Match SQL's LIKE by trying every split of the text, without a regular expression."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in {"_", text[0]} and like(text[1:], pattern[1:])


# --- the properties ----------------------------------------------------------------------------------------------


def parsed(tree: Tree) -> Expression:
    """Parse a drawn tree; one that is the same for every row is refused by design, and drawn again."""
    try:
        return Expression.parse(sql(tree), DATED, parameters=PARAMETERS, lists=LISTS)
    except RefusedCriterionError as error:
        if {fault.code for fault in error.faults} <= {"constant", "too_large", "too_deep"}:
            reject()
        raise


BUDGET = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@settings(BUDGET, max_examples=400)
@given(tree=conditions, data=frames)
def test_three_values_agree_with_an_interpreter_of_rows(tree: Tree, data: list[Row]) -> None:
    frame = pl.DataFrame(data, schema=DATED)
    found = frame.select(hit=parsed(tree).to_polars())["hit"].to_list()
    assert found == [evaluate(tree, row) for row in data], sql(tree)


@settings(BUDGET, max_examples=300)
@given(tree=portable_conditions, data=frames)
def test_three_values_agree_with_sqlite(tree: Tree, data: list[Row]) -> None:
    assume(not re.search(r"ROUND|1e\+?300|1e-?308", sql(tree)))
    values = [{name: None if _extreme(row[name]) else row[name] for name in SCHEMA} for row in data]
    found = pl.DataFrame(values, schema=SCHEMA).select(hit=parsed(tree).to_polars())["hit"].to_list()
    assert found == sqlite(sql(tree), values), sql(tree)


def _extreme(value: Any) -> bool:
    # SQLite keeps infinities and goes on with them.
    return isinstance(value, float) and not (math.isfinite(value) and (value == 0 or 1e-9 < abs(value) < 1e9))


def sqlite(condition: str, values: list[Row]) -> list[bool | None]:
    """Evaluate a condition with SQLite, numbers as REAL so that a division is not a whole one."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    database.execute("CREATE TABLE t (n INTEGER, x REAL, y REAL, k REAL, s TEXT, t TEXT)")
    database.executemany("INSERT INTO t VALUES (:n, :x, :y, :k, :s, :t)", [{"n": n, **v} for n, v in enumerate(values)])
    query = f"SELECT {_as_real(condition)} FROM t ORDER BY n"
    found = [row[0] for row in database.execute(query, PARAMETERS)]
    database.close()
    return [None if value is None else bool(value) for value in found]


def _as_real(condition: str) -> str:
    # SQLite divides whole numbers to a whole number.
    return re.sub(r"(?<![\w.'%\[])(\d+)(?=[),]? ?[-+*/<>=)]|$)(?![\w.'])", r"\1.0", condition)


@settings(BUDGET, max_examples=60)
@given(trees=st.lists(conditions, min_size=1, max_size=5), data=frames, order=st.randoms(use_true_random=False))
def test_a_row_has_the_same_hits_alone_in_a_batch_and_in_any_order(trees: list[Tree], data: list[Row], order) -> None:
    texts_of_trees = [parsed(tree).text for tree in trees]
    tables = [
        {"id": f"c{number}", "title": "", "when": text, "lane": "red", "parameters": _used(text)}
        for number, text in enumerate(texts_of_trees)
    ]
    criteria = CriteriaSet.from_dict({"criterion": tables})
    compiled = compiled_or_rejected(replace(criteria, lists=LISTS))
    frame = pl.DataFrame(data, schema=DATED)
    together = compiled.hits(frame).matrix.rows()
    assert together == [compiled.hits(frame[number]).matrix.row(0) for number in range(frame.height)]
    shuffled = order.sample(range(frame.height), frame.height)
    assert compiled.hits(frame[shuffled]).matrix.rows() == [together[number] for number in shuffled]
    # The set's way, with columns cleaned once, and the expression's own way are one.
    alone = [frame.select(hit=parsed(tree).to_polars())["hit"].to_list() for tree in trees]
    assert together == list(zip(*alone, strict=True))


def compiled_or_rejected(criteria: CriteriaSet) -> CompiledCriteria:
    """Compile a drawn set; one with a condition that is never or always true is refused by design, and drawn again."""
    try:
        return criteria.compile(DATED)
    except RefusedCriterionError as error:
        if {fault.code for fault in error.faults} <= {"unreachable", "always_true", "code_length"}:
            reject()
        raise


def _used(text: str) -> dict[str, Any]:
    return {name: value for name, value in PARAMETERS.items() if f":{name}" in text}


# --- what can never be true --------------------------------------------------------------------------------------

few_numbers = st.sampled_from(["x", "y", "k", "ABS(x)", "x - y", "LENGTH(s)", "COALESCE(x, 1)", "x / y"])
bounds = st.sampled_from(["-1", "0", "1", "2", ":limit", "1 / 2"])
few_texts = st.sampled_from(["s", "t", "SUBSTRING(s, 1, 1)"])
words = st.sampled_from(["'a'", "'ab'", "'B'", "'b'", ":code"])
simple = st.one_of(
    st.tuples(few_numbers, operators, bounds).map(" ".join),
    st.tuples(bounds, operators, few_numbers).map(" ".join),
    st.tuples(st.sampled_from(["x", "k"]), operators, st.sampled_from(["y", "x + y"])).map(" ".join),
    st.tuples(few_numbers, st.sampled_from(["0 AND 1", "1 AND 1", "x AND y"])).map(" BETWEEN ".join),
    st.tuples(few_texts, operators, words).map(" ".join),
    st.tuples(few_texts, st.sampled_from(["('a', 'B')", "('ab')", "LIST('dated.texts')", "LIST('empty')"])).map(
        " IN ".join
    ),
    st.tuples(few_texts, st.sampled_from(["'a%'", "'ab%'", "'%b'", "'a'"])).map(" LIKE ".join),
    st.tuples(st.one_of(few_numbers, few_texts), st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
    st.just("STARTS_WITH(s, 'a')"),
    st.just("EXTRACT(month FROM d) = 1"),
    st.sampled_from(["d >= DATE '2026-01-01'", "d < DATE '2026-01-01'", "(x > 1) IS NULL"]),
)
overlapping = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("NOT ({})".format),
        inner.map("CASE WHEN {} THEN x WHEN x > 0 THEN 1 END > 0".format),
    ),
    max_leaves=6,
)


def read(text: str) -> Expression:
    try:
        return Expression.parse(text, DATED, parameters=PARAMETERS, lists=LISTS)
    except RefusedCriterionError as error:
        if {fault.code for fault in error.faults} <= {"constant", "too_large", "too_deep"}:
            reject()
        raise


def _many_rows() -> pl.DataFrame:
    """Return 2,000 rows in which the few values of each column meet in every way."""
    random = Random(0)
    values: dict[str, list[Any]] = {
        "x": [None, 0.0, 1.0, -1.5, 2.0, 2.5, 7.0, math.nan],
        "y": [None, 0.0, 1.0, 2.0, 49.0],
        "k": [None, -3, 0, 1, 2],
        "s": [None, "", "a", "A", "ab", "B", "b"],
        "t": [None, "", "a", "ab", "B"],
        "d": [None, dt.datetime(2026, 1, 1), dt.datetime(2026, 2, 1), dt.datetime(2025, 12, 31)],
        "lodged_at": [None, dt.datetime(2026, 1, 1, 23), dt.datetime(2026, 1, 2), dt.datetime(2025, 12, 31)],
    }
    return pl.DataFrame({name: random.choices(column, k=2000) for name, column in values.items()}, schema=DATED)


MANY_ROWS = _many_rows()


def evaluated(expression: Expression) -> pl.Series:
    return MANY_ROWS.select(hit=expression.to_polars())["hit"]


@settings(BUDGET, max_examples=500)
@given(text=overlapping)
def test_what_is_called_unreachable_or_always_true_is_so_on_every_row(text: str) -> None:
    expression = read(text)
    found, outcomes = evaluated(expression), Analyst(expression.names).outcomes(expression.tree)
    assert bool(outcomes.true) or not found.any(), text
    assert bool(outcomes.false) or found.all(), text
    assert bool(outcomes.unknown) or not found.null_count(), text


@settings(BUDGET, max_examples=400)
@given(one=overlapping, other=overlapping)
def test_a_condition_that_implies_another_hits_only_what_that_hits(one: str, other: str) -> None:
    first, second = read(one), read(other)
    if implies(first, second):
        assert evaluated(second).filter(evaluated(first).fill_null(False)).fill_null(False).all(), f"{one} => {other}"


@settings(BUDGET, max_examples=300)
@given(text=simple, other=simple)
def test_a_condition_implies_itself_and_its_alternatives(text: str, other: str) -> None:
    # Of an entry that expires it is not told whether it is in force.
    assume("dated" not in text + other)
    one, both_of_them, either_of_them = read(text), read(f"({text}) AND {other}"), read(f"({text}) OR {other}")
    if evaluated(one).any():
        assert implies(one, one)
        assert implies(one, either_of_them)
    if evaluated(both_of_them).any():
        assert implies(both_of_them, one)
