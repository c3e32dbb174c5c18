"""The functions of the criteria language: what each takes and what it means in Polars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from . import casing
from .lexer import DATE_PARTS, MAX_CHARACTERS
from .patterns import pattern_fault
from .terms import Kind, Rule, Term, finite

if TYPE_CHECKING:
    from .compiler import Compiler


def _of_number(apply: Callable[[pl.Expr], pl.Expr]) -> Rule:
    def build(compiler: Compiler, node: exp.Expr) -> Term | None:
        term = compiler.of_kind(node.this, Kind.NUMBER)
        return term and Term(Kind.NUMBER, apply(term.expression), term.finite)

    return Rule(frozenset({"this"}), build)


def _of_text(kind: Kind, apply: Callable[[pl.Expr], pl.Expr]) -> Rule:
    def build(compiler: Compiler, node: exp.Expr) -> Term | None:
        term = compiler.of_kind(node.this, Kind.TEXT)
        return term and Term(kind, apply(term.expression))

    return Rule(frozenset({"this"}), build)


def _substring(compiler: Compiler, node: exp.Expr) -> Term | None:
    term = compiler.of_kind(node.this, Kind.TEXT)
    if node.args.get("start") is None:
        compiler.fault(node, "argument", "SUBSTRING needs a start.", "SUBSTRING(hs_code, 1, 4)")
        return None
    written = [name for name in ("start", "length") if node.args.get(name) is not None]
    bounds = [bound for name in written if (bound := _whole(compiler, node, name)) is not None]
    if term is None or len(bounds) < len(written):
        return None
    return Term(Kind.TEXT, term.expression.str.slice(bounds[0] - 1, *bounds[1:]))


def _whole(compiler: Compiler, node: exp.Expr, name: str) -> int | None:
    term = compiler.of_kind(node.args[name], Kind.NUMBER)
    # Databases disagree about positions of 0 and below, and about positions that are not whole.
    if term is None or (isinstance(term.literal, float) and term.literal in range(1, MAX_CHARACTERS + 1)):
        return None if term is None else int(term.literal)  # type: ignore[arg-type]
    message = f"The {name} of SUBSTRING has to be a whole number from 1 to {MAX_CHARACTERS:,}."
    compiler.fault(node.args[name], "argument", message, "SUBSTRING(hs_code, 1, 4)")
    return None


def _coalesce(compiler: Compiler, node: exp.Expr) -> Term | None:
    if not node.expressions:
        compiler.fault(node, "argument", "COALESCE needs two values or more.", "COALESCE(quantity, 0)")
        return None
    terms = compiler.alike([node.this, *node.expressions])
    if terms is None:
        return None
    *values, chosen = map(finite, terms)
    # pl.coalesce of a column without any value and a literal has one row, whatever the frame's height.
    for value in reversed(values):
        chosen = pl.when(value.is_not_null()).then(value).otherwise(chosen)
    return Term(terms[0].kind, chosen)


def _nullif(compiler: Compiler, node: exp.Expr) -> Term | None:
    terms = compiler.alike([node.this, node.expression])
    if terms is None:
        return None
    value, unwanted = map(finite, terms)
    # Where `unwanted` is missing the comparison is unknown, and SQL then keeps the value.
    return Term(terms[0].kind, pl.when((value == unwanted).fill_null(False)).then(None).otherwise(value))


def _extract(compiler: Compiler, node: exp.Expr) -> Term | None:
    term = compiler.of_kind(node.expression, Kind.MOMENT)
    if term is None or node.name.upper() not in DATE_PARTS:
        return None
    part: pl.Expr = getattr(term.expression.dt, node.name.lower())()
    return Term(Kind.NUMBER, part.cast(pl.Float64))


def _starts_with(compiler: Compiler, node: exp.Expr) -> Term | None:
    term, prefix = compiler.of_kind(node.this, Kind.TEXT), compiler.constant_text(node.expression)
    if term is None or prefix is None or not compiler.varies(node):
        return None
    if not prefix:
        compiler.fault(node, "constant", "Every text starts with the empty text.", "STARTS_WITH(hs_code, '87')")
        return None
    return Term(Kind.CONDITION, term.expression.str.starts_with(prefix))


def _regexp_like(compiler: Compiler, node: exp.Expr) -> Term | None:
    term, pattern = compiler.of_kind(node.this, Kind.TEXT), compiler.constant_text(node.expression)
    if term is None or pattern is None or not compiler.varies(node):
        return None
    if reason := pattern_fault(pattern):
        compiler.fault(node.expression, "pattern", f"The pattern {pattern!r} is refused: {reason}.")
        return None
    return Term(Kind.CONDITION, term.expression.str.contains(f"(?s){pattern}"))


_TWO = frozenset({"this", "expression"})
RULES: dict[type[exp.Expr], Rule] = {
    exp.Abs: _of_number(lambda value: value.abs()),
    # SQL rounds 2.5 to 3; half to even is Polars' way.
    exp.Round: _of_number(lambda value: value.round(0, mode="half_away_from_zero")),
    exp.Lower: _of_text(Kind.TEXT, casing.lower),
    exp.Upper: _of_text(Kind.TEXT, casing.upper),
    exp.Length: _of_text(Kind.NUMBER, lambda text: text.str.len_chars().cast(pl.Float64)),
    exp.Substring: Rule(frozenset({"this", "start", "length"}), _substring),
    exp.Coalesce: Rule(frozenset({"this", "expressions"}), _coalesce),
    exp.Nullif: Rule(_TWO, _nullif),
    exp.Extract: Rule(_TWO, _extract),
    exp.StartsWith: Rule(_TWO, _starts_with),
    exp.RegexpLike: Rule(_TWO, _regexp_like),
}
"""The allowed functions by the parser's node."""
