"""A checked expression as SQL of a database, with the same three values on every row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ..errors import CriterionError, did_you_mean
from .terms import Names, Value

DIALECTS = ("oracle", "postgres", "spark")
_ORACLE_LIST_VALUES = 1_000


def to_sql(tree: exp.Expr, names: Names, dialect: str) -> str:
    """Return `tree` as SQL of `dialect`, parameters and lists written out.

    Division by zero gives null, as in the workbench. Two differences remain with the database: it may hold
    NaN or raise on an overflow, where the workbench says not evaluable, and Oracle takes '' for a missing text.
    """
    if dialect not in DIALECTS:
        near = did_you_mean(dialect, DIALECTS)
        raise CriterionError(f"There is no dialect {dialect!r}{near}; it is one of {', '.join(DIALECTS)}.")
    root = exp.Paren(this=tree.copy())
    for placeholder in list(root.find_all(exp.Placeholder)):
        placeholder.replace(_literal(names.parameters[placeholder.name]))
    # The deepest first, so that what is copied has been rewritten already.
    for node in reversed(list(root.find_all(exp.In, exp.Div, exp.StartsWith, exp.Cast, exp.Round))):
        _rewrite(node, names, dialect)
    text: str = root.this.sql(dialect=dialect)
    return text


def _literal(value: Value) -> exp.Expr:
    return exp.convert(value)


def _rewrite(node: exp.Expr, names: Names, dialect: str) -> None:
    if isinstance(node, exp.In):
        values = _listed(node, names)
        node.replace(_membership(node.this, values, _ORACLE_LIST_VALUES if dialect == "oracle" else len(values)))
    elif isinstance(node, exp.Div):
        node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
    elif isinstance(node, exp.StartsWith):
        prefix = node.expression
        head = exp.Substring(this=node.this, start=exp.Literal.number(1), length=exp.Literal.number(len(prefix.this)))
        node.replace(exp.EQ(this=head, expression=prefix))
    elif isinstance(node, exp.Cast) and dialect == "oracle":
        # Oracle reads a text as a date by a setting of the session.
        node.replace(exp.Anonymous(this="TO_DATE", expressions=[node.this, exp.Literal.string("YYYY-MM-DD")]))
    elif isinstance(node, exp.Round) and dialect == "postgres":
        # PostgreSQL rounds a double half to even and a numeric half away from zero.
        node.set("this", exp.Cast(this=node.this.copy(), to=exp.DataType.build("decimal")))


def _listed(node: exp.In, names: Names) -> list[exp.Expr]:
    named = node.args.get("field")
    if named is None:
        return list(node.expressions)
    return [_literal(value) for value in names.lists[named.expressions[0].this]]


def _membership(operand: exp.Expr, values: Sequence[exp.Expr], size: int) -> exp.Expr:
    if not values:
        # In an empty list: false for a value, null for a missing one.
        return exp.Paren(this=exp.NEQ(this=operand.copy(), expression=operand.copy()))
    chunks = [values[start : start + size] for start in range(0, len(values), size)]
    tests = [exp.In(this=operand.copy(), expressions=list(chunk)) for chunk in chunks]
    return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests, wrap=False))
