"""Typed values of the criteria language and the three-valued meaning of each in Polars.

Polars compares NaN as the largest number and divides by zero to infinity; SQL has neither. Here every
number that is not finite is missing, so a comparison with it is null: not evaluable, never a hit.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

if TYPE_CHECKING:
    from .compiler import Compiler

Value = str | int | float


class Kind(StrEnum):
    """The types of the language; nothing is converted from one to another."""

    NUMBER = "a number"
    TEXT = "a text"
    MOMENT = "a date"
    CONDITION = "a condition"


@dataclass(frozen=True)
class Term:
    """A typed Polars expression.

    Parameters
    ----------
    kind
        Type in the language.
    expression
        The Polars expression: Float64, String, Datetime or Boolean by `kind`.
    finite
        False where values may be NaN or infinite and :func:`finite` has to come before they are read.
    literal
        The value, where it is written in the expression or given as a parameter.
    """

    kind: Kind
    expression: pl.Expr
    finite: bool = True
    literal: str | float | dt.datetime | None = None


@dataclass(frozen=True)
class Names:
    """What an expression may name: columns with types, parameters with values, lists with values."""

    columns: Mapping[str, pl.DataType]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How one node of the parser's tree is built, and which of its parts may be set."""

    parts: frozenset[str]
    build: Callable[[Compiler, exp.Expr], Term | None]


def kind_of(dtype: pl.DataType) -> Kind | None:
    """Return the language's type of a Polars type, ``None`` for one that criteria cannot use.

    >>> kind_of(pl.Int32()), kind_of(pl.List(pl.Int32))
    (<Kind.NUMBER: 'a number'>, None)
    """
    if dtype.is_numeric():
        return Kind.NUMBER
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return Kind.TEXT
    if isinstance(dtype, pl.Date) or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
        return Kind.MOMENT
    return Kind.CONDITION if isinstance(dtype, pl.Boolean) else None


_CANONICAL: dict[Kind, pl.DataType] = {
    # Whole numbers too: Int32 arithmetic overflows silently, Float64 holds every quantity of a declaration.
    Kind.NUMBER: pl.Float64(),
    Kind.TEXT: pl.String(),
    Kind.MOMENT: pl.Datetime("us"),
    Kind.CONDITION: pl.Boolean(),
}


def canonical(name: str, dtype: pl.DataType) -> Term | None:
    """Return the column as a term of the language's own type, ``None`` for a type it does not have."""
    kind = kind_of(dtype)
    if kind is None:
        return None
    target = _CANONICAL[kind]
    column = pl.col(name) if dtype == target else pl.col(name).cast(target)
    return Term(kind, column, finite=not dtype.is_float())


def finite(term: Term) -> pl.Expr:
    """Return the term's expression with every NaN and infinity made null."""
    if term.finite:
        return term.expression
    return pl.when(term.expression.is_finite()).then(term.expression)


def literal(value: Value) -> Term | None:
    """Return a value as a term; ``None`` for what the language has no type for, a truth value or NaN.

    >>> literal(3).literal
    3.0
    """
    if isinstance(value, str):
        return Term(Kind.TEXT, pl.lit(value), literal=value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return Term(Kind.NUMBER, pl.lit(float(value)), literal=float(value))


def moment(text: str) -> Term | None:
    """Return the midnight that starts the day ``YYYY-MM-DD``, ``None`` where there is no such day."""
    try:
        value = dt.datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return None
    return Term(Kind.MOMENT, pl.lit(value), literal=value) if len(text) == len("2026-01-31") else None


def member(operand: Term, values: Sequence[str | float]) -> pl.Expr:
    """Return ``operand IN (values)``: null for a missing operand, also when there are no values."""
    dtype = _CANONICAL[operand.kind]
    return finite(operand).is_in(pl.Series(values, dtype=dtype).implode())


def folded(term: Term) -> Term:
    """Return a term that reads no column as its value, which may be null.

    A frame's height is not always kept by choices between scalars, so none is left to run on frames.
    """
    value = pl.select(finite(term)).item()
    return Term(term.kind, pl.lit(value, dtype=_CANONICAL[term.kind]), literal=value)


def complete(terms: Sequence[Term | None]) -> list[Term] | None:
    """Return the terms, ``None`` if one of them was refused."""
    found = [term for term in terms if term is not None]
    return found if len(found) == len(terms) else None
