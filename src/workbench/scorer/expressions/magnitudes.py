"""How small and how large the results of an expression can be, so that no database meets one it cannot hold.

PostgreSQL stops at a result beyond a double's range, and at one that is rounded to 0; others go on with an infinity.
Columns hold quantities (:func:`.terms.quantity`), so the range of each result is known before any row is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from sqlglot import exp

from .terms import LARGEST, SMALLEST

_LIMIT = 307.0
_DIGITS = 17.0
"""Two doubles that differ do so at most 17 decimal digits below the smaller of them."""

_COUNTS = (0.0, 10.0)

Span = tuple[float, float]
"""Decimal exponents of the smallest result other than 0 and of the largest."""


def out_of_range(tree: exp.Expr, constant: Callable[[exp.Expr], float]) -> exp.Expr | None:
    """Return the first calculation in `tree` whose result may leave the range of a double, ``None`` where none may.

    Parameters
    ----------
    tree
        A checked expression.
    constant
        Gives the value of a number that reads no column.
    """
    for node in tree.find_all(exp.Add, exp.Sub, exp.Mul, exp.Div):
        low, high = _span(node, constant)
        if low < -_LIMIT or high > _LIMIT:
            return node
    return None


def _span(node: exp.Expr, constant: Callable[[exp.Expr], float]) -> Span:
    if node.find(exp.Column) is None:
        value = abs(constant(node))
        return (math.log10(value),) * 2 if value else (0.0, 0.0)
    if isinstance(node, exp.Column):
        return math.log10(SMALLEST), math.log10(LARGEST)
    if isinstance(node, exp.Length | exp.Extract):
        return _COUNTS
    spans = [_span(operand, constant) for operand in _operands(node)]
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    if isinstance(node, exp.Add | exp.Sub):
        return low - _DIGITS, high + 1
    if isinstance(node, exp.Mul):
        return spans[0][0] + spans[1][0], spans[0][1] + spans[1][1]
    if isinstance(node, exp.Div):
        return spans[0][0] - spans[1][1], spans[0][1] - spans[1][0]
    return (0.0, max(high, 0.0) + 1) if isinstance(node, exp.Round) else (low, high)


def _operands(node: exp.Expr) -> Iterable[exp.Expr]:
    """Return the numbers of which `node` is calculated or chosen."""
    if isinstance(node, exp.Case):
        results = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")]
        return [result for result in results if result is not None and not isinstance(result, exp.Null)]
    if isinstance(node, exp.Binary):
        return [node.left, node.right]
    return [node.this, *node.expressions]
