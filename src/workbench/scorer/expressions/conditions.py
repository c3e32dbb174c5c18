"""Conditions of the criteria language: logic, comparison, membership, patterns, CASE."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlglot import exp

from .lists import foreign_entry, in_named_list
from .patterns import MAX_LIKE_WILDCARDS, like
from .ranges import MIRRORED
from .terms import Kind, Rule, Term, complete, finite, member
from .values import null

if TYPE_CHECKING:
    from .compiler import Compiler

_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}


def _connect(compiler: Compiler, node: exp.Expr) -> Term | None:
    left, right = compiler.condition(node.this), compiler.condition(node.args["expression"])
    if left is None or right is None:
        return None
    both = isinstance(node, exp.And)
    joined = left.expression & right.expression if both else left.expression | right.expression
    return Term(Kind.CONDITION, joined)


def _not(compiler: Compiler, node: exp.Expr) -> Term | None:
    term = compiler.condition(node.this)
    return term and Term(Kind.CONDITION, ~term.expression)


def compare(compiler: Compiler, node: exp.Expr) -> Term | None:
    """Build a comparison of two values of one type; null where either is missing."""
    if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
        return null(compiler, node)
    terms = compiler.alike([node.this, node.expression])
    if terms is None or not compiler.varies(node):
        return None
    if node.this == node.expression:
        compiler.fault(node, "constant", f"{node.sql()} compares a value with itself: it is the same for every row.")
        return None
    return Term(Kind.CONDITION, _compared(type(node), node.this, *terms))


def _compared(test: type[exp.Expr], left: exp.Expr, one: Term, other: Term) -> pl.Expr:
    """Compare two terms, what reads a column first: of a column without any value Polars gives one row otherwise."""
    if left.find(exp.Column) is None:
        return _COMPARISONS[MIRRORED[test]](finite(other), finite(one))  # type: ignore[no-any-return]
    return _COMPARISONS[test](finite(one), finite(other))  # type: ignore[no-any-return]


def _between(compiler: Compiler, node: exp.Expr) -> Term | None:
    terms = compiler.alike([node.this, node.args["low"], node.args["high"]])
    if terms is None or not compiler.varies(node):
        return None
    low, high = terms[1].literal, terms[2].literal
    # Both are of one type here, which `alike` has checked.
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        compiler.fault(node, "constant", f"{node.sql()} is never true: its lower bound is above its upper bound.")
        return None
    above = _compared(exp.GTE, node.this, terms[0], terms[1])
    return Term(Kind.CONDITION, above & _compared(exp.LTE, node.this, terms[0], terms[2]))


def _in(compiler: Compiler, node: exp.Expr) -> Term | None:
    operand = compiler.of_kind(node.this, Kind.NUMBER, Kind.TEXT)
    if (named := node.args.get("field")) is not None:
        return in_named_list(compiler, node, operand, named)
    values = _values(compiler, node)
    if operand is None or values is None or not compiler.varies(node):
        return None
    for entry in values:
        if entry.kind is not operand.kind:
            foreign_entry(compiler, node, operand, entry.literal)
            return None
    return Term(Kind.CONDITION, member(operand, [value.literal for value in values]))  # type: ignore[misc]


def _values(compiler: Compiler, parent: exp.Expr) -> list[Term] | None:
    nodes = parent.expressions
    if not nodes:
        compiler.fault(parent, "list_value", "IN has to be followed by values in brackets.", "IN ('a', 'b')")
        return None
    for node in nodes:
        inner = node.this if isinstance(node, exp.Neg) else node
        if not isinstance(inner, exp.Literal | exp.Placeholder):
            message = f"{node.sql()} cannot be in a list: lists hold texts, numbers and parameters."
            compiler.fault(node, "list_value", message, "test a missing value with IS NULL")
            return None
    return complete([compiler.term(node) for node in nodes])


def _like(compiler: Compiler, node: exp.Expr) -> Term | None:
    operand = compiler.of_kind(node.this, Kind.TEXT)
    pattern = compiler.constant_text(node.expression)
    if operand is None or pattern is None or not compiler.varies(node):
        return None
    if pattern.count("%") > MAX_LIKE_WILDCARDS:
        message = f"The pattern has {pattern.count('%')} wildcards %; at most {MAX_LIKE_WILDCARDS} are allowed."
        compiler.fault(node.expression, "pattern", message)
        return None
    if pattern and not pattern.strip("%"):
        message = f"{node.sql()} is true for every value that is not missing."
        compiler.fault(node, "constant", message, f"{node.this.sql()} IS NOT NULL")
        return None
    matches = like(operand.expression, pattern)
    return Term(Kind.CONDITION, ~matches if node.args.get("negate") else matches)


def _is(compiler: Compiler, node: exp.Expr) -> Term | None:
    if not isinstance(node.expression, exp.Null):
        compiler.fault(node, "forbidden_node", "IS can be followed by NULL or NOT NULL only.", "= or IS NULL")
        return None
    term = compiler.term(node.this)
    return None if term is None or not compiler.varies(node) else Term(Kind.CONDITION, finite(term).is_null())


def _case(compiler: Compiler, node: exp.Expr) -> Term | None:
    branches = node.args["ifs"]
    tests = complete([_case_test(compiler, node.this, branch.this) for branch in branches])
    results = [branch.args["true"] for branch in branches]
    default = node.args.get("default")
    written = [result for result in [*results, default] if result is not None and not isinstance(result, exp.Null)]
    if not written:
        compiler.fault(node, "null", "Every branch of CASE is NULL.", "give at least one branch a value")
        return None
    terms = compiler.alike(written)
    if terms is None or tests is None:
        return None
    by_node = {id(result): finite(term) for result, term in zip(written, terms, strict=True)}
    value = by_node.get(id(default), pl.lit(None))
    for test, result in zip(reversed(tests), reversed(results), strict=True):
        value = pl.when(test.expression).then(by_node.get(id(result), pl.lit(None))).otherwise(value)
    return Term(terms[0].kind, value)


def _case_test(compiler: Compiler, operand: exp.Expr | None, test: exp.Expr) -> Term | None:
    if operand is None:
        return compiler.condition(test)
    return compare(compiler, exp.EQ(this=operand.copy(), expression=test.copy()))


_ONE, _TWO = frozenset({"this"}), frozenset({"this", "expression"})
RULES: dict[type[exp.Expr], Rule] = {
    exp.And: Rule(_TWO, _connect),
    exp.Or: Rule(_TWO, _connect),
    exp.Not: Rule(_ONE, _not),
    exp.Between: Rule(frozenset({"this", "low", "high"}), _between),
    exp.In: Rule(frozenset({"this", "expressions", "field"}), _in),
    exp.Like: Rule(_TWO | {"negate"}, _like),
    exp.Is: Rule(_TWO, _is),
    exp.Case: Rule(frozenset({"this", "ifs", "default"}), _case),
    **{node: Rule(_TWO, compare) for node in _COMPARISONS},
}
"""The allowed conditions by the parser's node."""
