"""Membership in a named list, each entry judged on the row's own day of lodgement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from .faults import nearest
from .terms import Kind, NamedList, Term, Value, canonical, dtype_of, finite, kind_of_value, member

if TYPE_CHECKING:
    from .compiler import Compiler

LODGED_AT = "lodged_at"


def in_named_list(compiler: Compiler, node: exp.Expr, operand: Term | None, named: exp.Expr) -> Term | None:
    """Build ``operand IN LIST('name')``: in an entry for ever, or in one not expired when the row was lodged."""
    entries = _entries(compiler, named)
    if operand is None or entries is None or not compiler.varies(node):
        return None
    if entries.unfit:
        compiler.fault(named, "value", f"An entry of the list {list_name(named)!r} {entries.unfit[0][1]}.")
        return None
    if foreign := [example for kind, example in entries.kinds.items() if kind is not operand.kind]:
        foreign_entry(compiler, node, operand, foreign[0])
        return None
    lasting = member(operand, entries.lasting)
    if not entries.until:
        return Term(Kind.CONDITION, lasting)
    lodged = _lodged_at(compiler, named)
    return lodged and Term(Kind.CONDITION, lasting | _in_force(operand, entries.until, lodged.expression))


def _in_force(operand: Term, until: Mapping[Value, dt.datetime], lodged_at: pl.Expr) -> pl.Expr:
    moments = pl.Series(until.values(), dtype=pl.Datetime("us"))
    # One look-up, however many days of expiry there are.
    values = pl.Series(list(until), dtype=dtype_of(operand.kind))
    end = finite(operand).replace_strict(values, moments, default=None, return_dtype=moments.dtype)
    return pl.when(end.is_not_null()).then(lodged_at < end).when(finite(operand).is_not_null()).then(False)


def _entries(compiler: Compiler, node: exp.Expr) -> NamedList | None:
    name = list_name(node)
    if name is None:
        compiler.fault(node, "unknown_list", "A named list is written as LIST and its name.", "LIST('watch.importers')")
        return None
    if name not in compiler.names.lists:
        advice = nearest(name, compiler.names.lists) or f"add it as [lists.{name}]"
        compiler.fault(node, "unknown_list", f"There is no list {name!r}.", advice)
        return None
    return compiler.names.lists[name]


def list_name(node: exp.Expr) -> str | None:
    """Return the name in ``LIST('name')``, ``None`` where `node` is anything else.

    >>> list_name(exp.List(expressions=[exp.Literal.string("watch.importers")]))
    'watch.importers'
    """
    named = node.expressions if isinstance(node, exp.List) else []
    return str(named[0].this) if len(named) == 1 and named[0].is_string else None


def _lodged_at(compiler: Compiler, node: exp.Expr) -> Term | None:
    dtype = compiler.names.columns.get(LODGED_AT)
    term = None if dtype is None else canonical(LODGED_AT, dtype)
    if term is not None and term.kind is Kind.MOMENT:
        return term
    message = f"The list {list_name(node)!r} has entries that expire, and the table has no date {LODGED_AT!r}."
    compiler.fault(node, "undated_list", message, "map the day of lodgement")
    return None


def foreign_entry(compiler: Compiler, node: exp.Expr, operand: Term, entry: object) -> None:
    """Note that the list at `node` holds `entry`, which is of another type than `operand`."""
    shown = f"{entry:g}" if isinstance(entry, int | float) else str(entry)
    message = f"{node.this.sql()} is {operand.kind} and the list holds {shown}, {kind_of_value(entry)}."
    compiler.fault(node, "type", message, f"'{shown}'" if operand.kind is Kind.TEXT else None)
