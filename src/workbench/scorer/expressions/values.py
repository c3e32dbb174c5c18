"""Values of the criteria language: columns, what is written, parameters, arithmetic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlglot import exp

from .faults import nearest
from .lexer import KEYWORDS
from .terms import LARGEST, Kind, Rule, Term, Value, canonical, finite, literal, moment, quantity, unfit

if TYPE_CHECKING:
    from .compiler import Compiler

_LARGEST_EXPONENT = 307.0

_ARITHMETIC: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}


def _column(compiler: Compiler, node: exp.Expr) -> Term | None:
    dtype = compiler.names.columns.get(node.name)
    if dtype is None:
        # The gate has named every other column that may not be read, with its reason.
        if node.name.upper() in KEYWORDS:
            compiler.fault(node, "syntax", f"{node.name} is a word of the language and cannot stand here.")
        return None
    term = canonical(node.name, dtype)
    if term is None:
        compiler.fault(node, "type", f"The column {node.name!r} is of type {dtype}, which criteria cannot use.")
        return None
    bounded = term.finite or compiler._columns_are_finite
    expression = term.expression if bounded else quantity(term.expression)
    return Term(term.kind, expression, reach=math.log10(LARGEST))


def _literal(compiler: Compiler, node: exp.Expr) -> Term | None:
    return value(compiler, node, node.this if node.args["is_string"] else float(node.this))


def _parameter(compiler: Compiler, node: exp.Expr) -> Term | None:
    if node.name not in compiler.names.parameters:
        near = nearest(node.name, compiler.names.parameters)
        advice = f":{near}" if near else f"parameters.{node.name} = ..."
        compiler.fault(node, "unknown_parameter", f"The parameter :{node.name} has no value.", advice)
        return None
    return value(compiler, node, compiler.names.parameters[node.name])


def value(compiler: Compiler, node: exp.Expr, content: Value) -> Term | None:
    """Return a value that was written or given as a parameter or in a list, ``None`` after a fault."""
    reason = unfit(content)
    if reason is not None:
        compiler.fault(node, "value", f"The value of {node.sql()} {reason}.")
    return None if reason is not None else literal(content)


def _date(compiler: Compiler, node: exp.Expr) -> Term | None:
    written = isinstance(node.this, exp.Literal) and node.this.is_string and node.args["to"].is_type("date")
    term = moment(node.this.this) if written else None
    if term is None:
        compiler.fault(node, "date", "A date is written as DATE and a day of the calendar.", "DATE '2026-01-31'")
    return term


def null(compiler: Compiler, node: exp.Expr) -> Term | None:
    """Refuse NULL where a value is expected."""
    compiler.fault(node, "null", "A comparison with NULL is never true.", "IS NULL or IS NOT NULL")
    return None


def _calculate(compiler: Compiler, node: exp.Expr) -> Term | None:
    left, right = compiler.of_kind(node.this, Kind.NUMBER), compiler.of_kind(node.args["expression"], Kind.NUMBER)
    if left is None or right is None:
        return None
    exponents = left.exponent, right.exponent
    reach = sum(exponents) if isinstance(node, exp.Mul) else max(exponents) + 1
    # Under + - * an infinity or NaN stays one, so it need be made null only once, where the result is read; quantities
    # are too small to give one, and looking for it costs three times the comparison itself.
    bounded = left.finite and right.finite and reach <= _LARGEST_EXPONENT
    return Term(Kind.NUMBER, _ARITHMETIC[type(node)](left.expression, right.expression), bounded, reach=reach)


def _divide(compiler: Compiler, node: exp.Expr) -> Term | None:
    left, right = compiler.of_kind(node.this, Kind.NUMBER), compiler.of_kind(node.args["expression"], Kind.NUMBER)
    if left is None or right is None:
        return None
    # A number divided by infinity is 0: the divisor is the one operand whose infinity would be lost.
    divisor = finite(right)
    # By a scalar Polars divides through its reciprocal, off in the last digit: a row alone would differ from
    # the same row in a batch. The sum is never a scalar, and where it adds 1 the numerator is NaN anyway.
    by_row = divisor + left.expression.is_nan().cast(pl.Float64)
    return Term(Kind.NUMBER, left.expression / by_row, finite=False)


def _negate(compiler: Compiler, node: exp.Expr) -> Term | None:
    term = compiler.of_kind(node.this, Kind.NUMBER)
    if term is None:
        return None
    value = -term.literal if isinstance(term.literal, float) else None
    return Term(Kind.NUMBER, -term.expression, term.finite, value, term.reach)


_ONE, _TWO = frozenset({"this"}), frozenset({"this", "expression"})
RULES: dict[type[exp.Expr], Rule] = {
    exp.Column: Rule(_ONE, _column),
    exp.Literal: Rule(frozenset({"this", "is_string"}), _literal),
    exp.Placeholder: Rule(_ONE, _parameter),
    exp.Cast: Rule(frozenset({"this", "to"}), _date),
    exp.Null: Rule(frozenset(), null),
    exp.Neg: Rule(_ONE, _negate),
    exp.Div: Rule(_TWO, _divide),
    **{node: Rule(_TWO, _calculate) for node in _ARITHMETIC},
}
"""The allowed values by the parser's node."""
