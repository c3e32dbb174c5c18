"""When a condition is true, false or not evaluable: from its tree to cases over what it reads.

Every test of a value against constants becomes a set of values, every comparison of two values an order, every
other test a subject of its own that is true or false. More may seem possible than is, never less, so that what
comes out as impossible is impossible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlglot import exp

from .compiler import Compiler
from .domains import ANYTHING, MISSING, Cases, State, Values, both, cases, either
from .lists import LODGED_AT, list_name
from .ranges import MIRRORED, only, prefixed, sides, starting
from .terms import Names

_ORDERS: dict[type[exp.Expr], set[int]] = {
    exp.LT: {-1},
    exp.GT: {1},
    exp.LTE: {-1, 0},
    exp.GTE: {0, 1},
    exp.EQ: {0},
    exp.NEQ: {-1, 1},
}
_CALCULATIONS = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_OF_ONE = (exp.Neg, exp.Paren, exp.Abs, exp.Round, exp.Lower, exp.Upper, exp.Length, exp.Substring)
_DATE_PARTS = {"YEAR": (None, None), "MONTH": (1, 12), "DAY": (1, 31), "HOUR": (0, 23)}
_PREFIXES = {"hs2": 2, "hs4": 4, "hs6": 6}
_MOST_VALUES = 10_000


@dataclass(frozen=True)
class Outcomes:
    """The cases in which a condition is true, false and not evaluable."""

    true: Cases
    false: Cases
    unknown: Cases

    def negated(self) -> Outcomes:
        """Return the outcomes of NOT."""
        return Outcomes(self.false, self.true, self.unknown)

    def conjoined(self, other: Outcomes) -> Outcomes:
        """Return the outcomes of AND, by Kleene's table."""
        unknown = either(both(self.unknown, either(other.true, other.unknown)), both(self.true, other.unknown))
        return Outcomes(both(self.true, other.true), either(self.false, other.false), unknown)

    def disjoined(self, other: Outcomes) -> Outcomes:
        """Return the outcomes of OR."""
        return self.negated().conjoined(other.negated()).negated()


_NEVER_EVALUABLE = Outcomes((), (), ANYTHING)


class Analyst:
    """Finds the outcomes of the conditions of one expression that has been parsed and checked.

    Parameters
    ----------
    names
        What the expression may name.
    lists_as_given
        False to find what holds whatever entries the named lists have: they come and go, the condition stays.
    """

    def __init__(self, names: Names, *, lists_as_given: bool = True) -> None:
        self.names = names
        self._lists_as_given = lists_as_given
        self._found: dict[int, Outcomes] = {}

    def outcomes(self, node: exp.Expr) -> Outcomes:
        """Return the outcomes of the condition `node`."""
        if id(node) not in self._found:
            self._found[id(node)] = self._analyse(node)
        return self._found[id(node)]

    def _analyse(self, node: exp.Expr) -> Outcomes:
        if isinstance(node, exp.Paren):
            return self.outcomes(node.this)
        if isinstance(node, exp.Not):
            return self.outcomes(node.this).negated()
        if isinstance(node, exp.And | exp.Or):
            left, right = self.outcomes(node.this), self.outcomes(node.expression)
            return left.conjoined(right) if isinstance(node, exp.And) else left.disjoined(right)
        return self._of_test(node)

    def _of_test(self, node: exp.Expr) -> Outcomes:
        if type(node) in _ORDERS:
            return self.compared(type(node), node.this, node.expression)
        if isinstance(node, exp.Between):
            above = self.compared(exp.GTE, node.this, node.args["low"])
            return above.conjoined(self.compared(exp.LTE, node.this, node.args["high"]))
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Is):
            return self._is_null(node.this)
        if isinstance(node, exp.Like | exp.StartsWith):
            return self._of_pattern(node)
        return self._opaque(node)

    def compared(self, test: type[exp.Expr], left: exp.Expr, right: exp.Expr) -> Outcomes:
        """Return the outcomes of a comparison."""
        if self._absent(left) or self._absent(right):
            return _NEVER_EVALUABLE
        constant = self.constant(right)
        if constant is not None:
            return self._within(left, *sides(test, constant))
        if (constant := self.constant(left)) is not None:
            return self._within(right, *sides(MIRRORED[test], constant))
        first, second = sorted([left, right], key=self.text)
        orders = _ORDERS[test if first is left else MIRRORED[test]]
        subject, known = f"{self.text(first)} <=> {self.text(second)}", {**self._present(left), **self._present(right)}
        unknown = either(*(self._missing(side) for side in (left, right)))
        return Outcomes(
            cases(subject, [only(orders)], known), cases(subject, [only({-1, 0, 1} - orders)], known), unknown
        )

    def _within(self, node: exp.Expr, inside: Iterable[Values], outside: Iterable[Values]) -> Outcomes:
        """Return the outcomes of a test of `node` that is true `inside` and false `outside`."""
        natural, known = self._natural(node), self._present(node)
        true = either(*(self._known_cases(node, values.meet(natural), known) for values in inside))
        false = cases(self.text(node), (values.meet(natural) for values in outside), known)
        return Outcomes(true, false, self._missing(node))

    def _known_cases(self, node: exp.Expr, values: Values, known: State) -> Cases:
        found = cases(self.text(node), [values], known)
        digits = _PREFIXES.get(node.name) if isinstance(node, exp.Column) else None
        if digits is None or not values.only or not all(len(value) == digits for value in values.only):
            return found
        # Chapter, heading and subheading are beginnings of the HS code.
        hull = Values(low=min(values.only), high=starting(max(values.only)).high, without_high=True)
        return both(found, ({"hs_code": hull},))

    def _in(self, node: exp.In) -> Outcomes:
        named = node.args.get("field")
        if named is None:
            values = frozenset(map(self.constant, node.expressions))
            return self._within(node.this, [only(values)], [Values(without=values)])
        if not self._lists_as_given:
            return self._two_sided(self.text(node), self._present(node.this), self._missing(node.this))
        entries = self.names.lists[list_name(named) or ""]
        if len(entries) > _MOST_VALUES:
            return self._within(node.this, [Values()], [Values()])
        lasting = frozenset(map(_canonical, entries.lasting))
        found = self._within(
            node.this, [only(lasting | set(map(_canonical, entries.until)))], [Values(without=lasting)]
        )
        undated: Cases = ({LODGED_AT: MISSING},) if entries.until else ()
        return Outcomes(found.true, found.false, either(found.unknown, undated))

    def _is_null(self, node: exp.Expr) -> Outcomes:
        inner = node.unnest()
        if type(inner) in _CONDITIONS:
            of = self.outcomes(inner)
            return Outcomes(of.unknown, either(of.true, of.false), ())
        if self._absent(inner):
            return Outcomes(ANYTHING, (), ())
        return Outcomes(self._missing(inner), cases(self.text(inner), [self._natural(inner)], self._present(inner)), ())

    def _of_pattern(self, node: exp.Expr) -> Outcomes:
        pattern = self.constant(node.expression)
        found = self._opaque(node)
        if isinstance(node, exp.StartsWith):
            found = self._within(node.this, *prefixed(str(pattern)))
        elif not set("%_") & set(str(pattern)):
            found = self._within(node.this, *sides(exp.EQ, pattern))
        elif not set("%_") & set(str(pattern)[:-1]) and str(pattern).endswith("%"):
            found = self._within(node.this, *prefixed(str(pattern)[:-1]))
        return found.negated() if node.args.get("negate") else found

    def _opaque(self, node: exp.Expr) -> Outcomes:
        """Return the outcomes of a test that is known by its text only: a pattern, a column of truth values."""
        if isinstance(node, exp.Column):
            subject, known, unknown = self.text(node), {}, self._missing(node)
        else:
            subject = f"{self.text(node.this)} {node.key} {self.constant(node.expression)!r}"
            known, unknown = self._present(node.this), self._missing(node.this)
        return self._two_sided(subject, known, unknown)

    @staticmethod
    def _two_sided(subject: str, known: State, unknown: Cases) -> Outcomes:
        """Return the outcomes of a test of which nothing is known but that it is true or false."""
        return Outcomes(cases(subject, [only({1})], known), cases(subject, [only({0})], known), unknown)

    def text(self, node: exp.Expr) -> str:
        """Return `node` as text, parameters by their values: what has the same text has the same value on a row."""
        inner = node.unnest()
        if isinstance(inner, exp.Column):
            return str(inner.name)
        if inner.find(exp.Placeholder) is not None:
            inner = inner.transform(self._filled)
        return str(inner.sql())

    def _filled(self, node: exp.Expr) -> exp.Expr:
        return exp.convert(self.names.parameters[node.name]) if isinstance(node, exp.Placeholder) else node

    def constant(self, node: exp.Expr) -> Any:
        """Return the value of what reads no column, ``None`` for what reads one."""
        if node.find(exp.Column) is not None:
            return None
        if isinstance(node, exp.Literal):
            return node.this if node.is_string else float(node.this)
        if isinstance(node, exp.Placeholder):
            return _canonical(self.names.parameters[node.name])
        term = Compiler(node.sql(), self.names).term(node)
        return None if term is None else term.literal

    def _absent(self, node: exp.Expr) -> bool:
        """Say whether `node` has no value on any row: a constant that is not finite, a division by zero."""
        if node.find(exp.Column) is None:
            return self.constant(node) is None
        if isinstance(node, exp.Div) and self.constant(node.expression) == 0:
            return True
        return any(self._absent(part) for part in _needed(node))

    def _missing(self, node: exp.Expr) -> Cases:
        inner = node.unnest()
        defaults = isinstance(inner, exp.Coalesce) and any(self.constant(one) is not None for one in inner.expressions)
        return () if defaults else ({self.text(inner): MISSING},)

    def _present(self, node: exp.Expr) -> dict[str, Values | None]:
        """Return what is known where `node` has a value: so has everything that it cannot do without."""
        found: dict[str, Values | None] = {}
        if node.find(exp.Column) is not None:
            found[self.text(node)] = Values()
        for part in _needed(node):
            found |= self._present(part)
        return found

    def _natural(self, node: exp.Expr) -> Values:
        """Return the values that `node` can have at all."""
        inner = node.unnest()
        if isinstance(inner, exp.Column):
            dtype = self.names.columns.get(inner.name, pl.Null())
            return Values(whole=dtype.is_integer())
        if isinstance(inner, exp.Extract):
            low, high = _DATE_PARTS[inner.name.upper()]
            return Values(low=low, high=high, whole=True)
        if isinstance(inner, exp.Length):
            return Values(low=0, whole=True)
        return Values(low=0) if isinstance(inner, exp.Abs) else Values()


_CONNECTED = (exp.And, exp.Or, exp.Not)
_CONDITIONS = {*_CONNECTED, exp.Between, exp.In, exp.Is, exp.Like, exp.StartsWith, exp.RegexpLike, *_ORDERS}


def _needed(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands without which `node` has no value; COALESCE, NULLIF and CASE may do without theirs."""
    if isinstance(node, _CALCULATIONS):
        return [node.this, node.expression]
    if isinstance(node, exp.Extract):
        return [node.expression]
    return [node.this] if isinstance(node, _OF_ONE) else []


def _canonical(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)
