"""Codes compared with texts that no such code can equal, because every one of them has another length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlglot import exp

from .compiler import Compiler
from .expression import Expression
from .faults import Fault
from .lists import list_name
from .outcomes import Analyst

_HS_LENGTHS = {"hs2": (2, 2), "hs4": (4, 4), "hs6": (6, 6), "hs_code": (6, 12)}
# A country that is no code of two letters is flagged when it is read, and kept: a comparison with it can be true.
_COUNTRY_LENGTHS = {"origin_country_code": (2, 2), "departure_country_code": (2, 2)}
_HS_ADVICE = {2: "hs2", 4: "hs4", 6: "hs6"}
_TESTS = (exp.EQ, exp.NEQ, exp.In, exp.Like, exp.StartsWith)

Lengths = tuple[int, int | None]


def code_lengths(expression: Expression) -> list[Fault]:
    """Return a fault for each comparison of a code with a text of a length that the code never has.

    Codes of the Harmonized System have 6 to 12 digits, the worldwide chapter, heading and subheading 2, 4 and 6; a
    country has 2 letters (ISO 3166 alpha-2), which is a warning only.

    >>> import polars as pl
    >>> print(*code_lengths(Expression.parse("hs2 = '8703'", {"hs2": pl.String()})))
    line 1, column 1: hs2 has 2 characters and '8703' has 4: they are never alike. Try: hs4 [code_length]
    """
    compiler = Compiler(expression.text, expression.names)
    faults: list[Fault] = []
    for node, operand, texts in _comparisons(expression):
        allowed = _lengths_of(operand)
        wrong = [(text, lengths) for text, lengths in texts if allowed and not _overlap(lengths, allowed)]
        # A list may serve several columns: it is wrong for this one where none of its entries fits.
        if not wrong or (_is_named(node) and len(wrong) < len(texts)):
            continue
        text, (shortest, _) = wrong[0]
        message = f"{operand.sql()} has {_span(allowed)} characters and '{text}' has {shortest}: they are never alike."
        compiler.fault(node, "code_length", message, _advice(operand.name, shortest))
        faults.append(_milder(compiler.faults.pop(), operand.name))
    return faults


def _comparisons(
    expression: Expression,
) -> Iterator[tuple[exp.Expr, exp.Expr, list[tuple[str, Lengths]]]]:
    """Yield node, operand and the texts that it is compared with, each with the lengths of what matches it."""
    analyst = Analyst(expression.names)
    for node in expression.tree.find_all(*_TESTS):
        operand = node.this.unnest()
        if isinstance(node, exp.In):
            yield node, operand, [(text, (len(text), len(text))) for text in _listed(analyst, node)]
            continue
        other = node.expression.unnest()
        if isinstance(node, exp.EQ | exp.NEQ) and analyst.constant(operand) is not None:
            operand, other = other, operand
        text = analyst.constant(other)
        if isinstance(text, str):
            yield node, operand, [(text, _matching(node, text))]


def _listed(analyst: Analyst, node: exp.In) -> list[str]:
    named = node.args.get("field")
    values: list[Any] = (
        [analyst.constant(value) for value in node.expressions]
        if named is None
        else [entry.value for entry in analyst.names.lists[list_name(named) or ""]]
    )
    return [value for value in values if isinstance(value, str)]


def _matching(node: exp.Expr, text: str) -> Lengths:
    if isinstance(node, exp.StartsWith):
        return len(text), None
    if isinstance(node, exp.Like):
        shortest = len(text.replace("%", ""))
        return shortest, None if "%" in text else shortest
    return len(text), len(text)


def _lengths_of(operand: exp.Expr) -> Lengths | None:
    if isinstance(operand, exp.Column):
        return (_HS_LENGTHS | _COUNTRY_LENGTHS).get(operand.name)
    length = operand.args.get("length") if isinstance(operand, exp.Substring) else None
    return (0, int(length.this)) if isinstance(length, exp.Literal) else None


def _overlap(one: Lengths, other: Lengths) -> bool:
    return (one[1] is None or one[1] >= other[0]) and (other[1] is None or other[1] >= one[0])


def _is_named(node: exp.Expr) -> bool:
    return isinstance(node, exp.In) and node.args.get("field") is not None


def _span(lengths: Lengths | None) -> str:
    low, high = lengths or (0, None)
    return f"{low}" if low == high else f"{low} to {high}"


def _advice(column: str, length: int) -> str | None:
    if column in _COUNTRY_LENGTHS:
        return "the two letters of ISO 3166, such as 'VN'"
    return (_HS_ADVICE.get(length) or "hs_code") if column in _HS_LENGTHS else None


def _milder(fault: Fault, column: str) -> Fault:
    return replace(fault, warning=column in _COUNTRY_LENGTHS)
