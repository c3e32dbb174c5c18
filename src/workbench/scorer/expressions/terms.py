"""Typed values of the criteria language and the three-valued meaning of each in Polars.

Polars compares NaN as the largest number and divides by zero to infinity; SQL has neither. Here every
number that is not finite is missing, so a comparison with it is null: not evaluable, never a hit.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Self

import polars as pl
from sqlglot import exp

from .characters import hidden_character
from .lexer import MAX_LITERAL_CHARACTERS

if TYPE_CHECKING:
    from .compiler import Compiler

Value = str | int | float

SMALLEST, LARGEST = 1e-50, 1e50
"""Magnitudes between which a number of a column is a quantity, as is 0: products of a few of them stay within what
a double holds, in databases too, where some stop at the first result beyond it."""


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
    reach
        Decimal exponent that no value of a number exceeds; infinite where nothing is known of it.
    """

    kind: Kind
    expression: pl.Expr
    finite: bool = True
    literal: str | float | dt.datetime | None = None
    reach: float = math.inf

    @property
    def exponent(self) -> float:
        """Decimal exponent that no value exceeds, that of the literal where there is one."""
        if isinstance(self.literal, float):
            return math.log10(abs(self.literal)) if self.literal else 0.0
        return self.reach


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One value of a named list, in force up to and including the day `expires`; ``None`` is for ever."""

    value: Value
    expires: dt.date | None = None


class NamedList(tuple[ListEntry, ...]):
    """The entries of a named list, with what every expression that uses them needs, computed once.

    >>> watched = NamedList.of(["I1", ListEntry("I2", dt.date(2026, 6, 30))])
    >>> watched.lasting, watched.until
    (['I1'], {'I2': datetime.datetime(2026, 7, 1, 0, 0)})
    """

    @classmethod
    def of(cls, values: Iterable[Value | ListEntry]) -> Self:
        """Return `values` as a named list; a value on its own never expires."""
        if isinstance(values, cls):
            return values
        return cls(value if isinstance(value, ListEntry) else ListEntry(value) for value in values)

    @cached_property
    def kinds(self) -> dict[Kind | None, Value]:
        """One value of each kind that the list holds; ``None`` is the kind of what the language cannot hold."""
        return {kind_of_value(entry.value): entry.value for entry in self}

    @cached_property
    def unfit(self) -> list[tuple[int, str]]:
        """Number of each entry that the language cannot hold, with why; the first twenty."""
        found = ((index, unfit(entry.value)) for index, entry in enumerate(self))
        return list(islice(((index, reason) for index, reason in found if reason is not None), 20))

    @cached_property
    def lasting(self) -> list[Value]:
        """The values that never expire."""
        return [entry.value for entry in self if entry.expires is None]

    @cached_property
    def until(self) -> dict[Value, dt.datetime]:
        """The first moment at which each value that expires is no longer in force."""
        days: dict[Value, dt.date] = {}
        for entry in self:
            if entry.expires is not None:
                days[entry.value] = max(entry.expires, days.get(entry.value, entry.expires))
        return {value: _midnight_after(day) for value, day in days.items()}


def _midnight_after(day: dt.date) -> dt.datetime:
    # The last day of the calendar has no tomorrow.
    return dt.datetime.combine(min(day, dt.date.max - dt.timedelta(days=1)), dt.time()) + dt.timedelta(days=1)


@dataclass(frozen=True)
class Names:
    """What an expression may name: columns with types, parameters with values, lists with entries."""

    columns: Mapping[str, pl.DataType]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    lists: Mapping[str, NamedList] = field(default_factory=dict)


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


def dtype_of(kind: Kind) -> pl.DataType:
    """Return the Polars type in which the language holds values of `kind`."""
    return _CANONICAL[kind]


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


def quantity(column: pl.Expr) -> pl.Expr:
    """Return the numbers of `column`, null where one is no quantity: NaN, infinite, or too large or small for one.

    >>> pl.DataFrame({"x": [2.5, 0.0, math.nan, 1e300]}).select(quantity(pl.col("x")))["x"].to_list()
    [2.5, 0.0, None, None]
    """
    # Open ends: as 32-bit numbers the bounds are 0 and infinity.
    return pl.when(column.abs().is_between(SMALLEST, LARGEST, closed="none") | (column == 0)).then(column)


def kind_of_value(value: object) -> Kind | None:
    """Return the language's type of a value, ``None`` for what it cannot hold: a truth value, NaN, an infinity.

    >>> kind_of_value("87"), kind_of_value(True)
    (<Kind.TEXT: 'a text'>, None)
    """
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return Kind.NUMBER if math.isfinite(value) else None
    except OverflowError:
        return None


def unfit(value: object) -> str | None:
    """Return why the language cannot hold a value, ``None`` where it can.

    >>> unfit("I1"), unfit(float("nan"))
    (None, 'is neither a text nor a finite number')
    """
    if not isinstance(value, str):
        return None if kind_of_value(value) else "is neither a text nor a finite number"
    if len(value) > MAX_LITERAL_CHARACTERS:
        return f"has {len(value):,} characters; at most {MAX_LITERAL_CHARACTERS} are allowed"
    character = hidden_character(value)
    return None if character is None else f"holds {character}, which is not allowed in a text"


def literal(value: Value) -> Term | None:
    """Return a value as a term; ``None`` for what the language has no type for, a truth value or NaN.

    >>> literal(3).literal
    3.0
    """
    kind = kind_of_value(value)
    if kind is None:
        return None
    held = value if kind is Kind.TEXT else float(value)
    return Term(kind, pl.lit(held), literal=held)


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
