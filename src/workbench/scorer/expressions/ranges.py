"""The values for which a test against a constant is true, and those for which it is false."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from .domains import Values

MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}
"""Each comparison with its sides exchanged."""


def only(values: Iterable[Any]) -> Values:
    """Return `values` and nothing else."""
    return Values(only=frozenset(values))


def sides(test: type[exp.Expr], bound: Any) -> tuple[list[Values], list[Values]]:
    """Return the values for which a comparison with `bound` is true, and those for which it is false."""
    below, above = Values(high=bound, without_high=True), Values(low=bound, without_low=True)
    up_to, from_on = Values(high=bound), Values(low=bound)
    same, other = only({bound}), Values(without=frozenset({bound}))
    table: dict[type[exp.Expr], tuple[list[Values], list[Values]]] = {
        exp.EQ: ([same], [other]),
        exp.NEQ: ([other], [same]),
        exp.LT: ([below], [from_on]),
        exp.LTE: ([up_to], [above]),
        exp.GT: ([above], [up_to]),
        exp.GTE: ([from_on], [below]),
    }
    return table[test]


def starting(prefix: str) -> Values:
    """Return the texts that start with `prefix`, in the order of code points; too many at the end of Unicode."""
    last = ord(prefix[-1]) + 1
    high = prefix[:-1] + chr(last) if last <= 0x10FFFF and not 0xD800 <= last <= 0xDFFF else None
    return Values(low=prefix, high=high, without_high=True)


def prefixed(prefix: str) -> tuple[list[Values], list[Values]]:
    """Return the texts that start with `prefix`, and those that do not."""
    inside = starting(prefix)
    return [inside], [Values(high=prefix, without_high=True), Values(low=inside.high)]
