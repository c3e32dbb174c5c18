"""Conditions that say nothing: never true, never false, or with a part that is one of these."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from .compiler import Compiler
from .domains import ANYTHING, Cases, both, either
from .faults import Fault
from .outcomes import Analyst, Outcomes

if TYPE_CHECKING:
    from .expression import Expression

_SHOWN_CHARACTERS = 80


def vacuous_parts(expression: Expression) -> list[Fault]:
    """Return a fault for each innermost part of a checked expression that cannot be true, or cannot be false.

    Contradictory and exhaustive ranges, sets and missing values are found, not every contradiction of arithmetic;
    what is found is certain. "Always true" speaks of the rows on which the part can be evaluated. What only the present
    entries of a named list make so, as when an exception list was cleared, is a warning: the condition is sound.

    >>> import polars as pl
    >>> from .expression import Expression
    >>> columns = {"net_mass_kg": pl.Float64(), "hs2": pl.String()}
    >>> [fault.code for fault in vacuous_parts(Expression.parse("net_mass_kg > 5 AND net_mass_kg < 3", columns))]
    ['unreachable']
    >>> [fault.code for fault in vacuous_parts(Expression.parse("hs2 <> '87' OR hs2 <> '88'", columns))]
    ['always_true']
    """
    faults = _Search(expression).faults()
    if not faults or not expression.names.lists:
        return faults
    lasting = _Search(expression, lists_as_given=False).faults()
    return [*lasting, *(_of_entries(fault) for fault in faults if fault not in lasting)]


def implies(one: Expression, other: Expression) -> bool:
    """Say whether `other` is true wherever `one` is; ``False`` also where that cannot be told."""
    first, second = Analyst(one.names).outcomes(one.tree), Analyst(other.names).outcomes(other.tree)
    return first_implies(first, second)


def first_implies(first: Outcomes, second: Outcomes) -> bool:
    """Say whether a condition with the outcomes `second` is true wherever one with `first` is."""
    return bool(first.true) and not both(first.true, either(second.false, second.unknown))


def _of_entries(fault: Fault) -> Fault:
    message = f"{fault.message.removesuffix('.')}, by the present entries of its lists."
    return replace(fault, message=message, suggestion=fault.suggestion or "look at the entries", warning=True)


class _Search:
    """The walk over one expression; a part whose own part is at fault is not judged again."""

    def __init__(self, expression: Expression, *, lists_as_given: bool = True) -> None:
        self.expression = expression
        self.analyst = Analyst(expression.names, lists_as_given=lists_as_given)
        self.compiler = Compiler(expression.text, expression.names)

    def faults(self) -> list[Fault]:
        """Judge the whole expression."""
        self.condition(self.expression.tree)
        return self.compiler.faults

    def condition(self, node: exp.Expr) -> bool:
        """Judge the condition `node`, from the inside out; return whether it is without fault."""
        inner = node.unnest()
        if isinstance(inner, exp.And | exp.Or):
            left, right = self.condition(inner.this), self.condition(inner.expression)
            return left and right and self._judge(inner)
        if isinstance(inner, exp.Not):
            return self.condition(inner.this)
        judged = [self._case(case) for case in inner.find_all(exp.Case)]
        return all(judged) and self._judge(inner)

    def _judge(self, node: exp.Expr) -> bool:
        found = self.analyst.outcomes(node)
        if found.true and found.false:
            return True
        text, columns = _shown(node), ", ".join(sorted({column.name for column in node.find_all(exp.Column)}))
        if not found.true and not found.false:
            self.compiler.fault(node, "unreachable", f"{text} can be evaluated on no row.", "mend the division")
        elif not found.true:
            self.compiler.fault(node, "unreachable", f"{text} can never be true, whatever {columns} may be.")
        else:
            message = f"{text} is true for every row on which it can be evaluated, whatever {columns} may be."
            self.compiler.fault(node, "always_true", message)
        return False

    def _case(self, case: exp.Case) -> bool:
        """Judge the branches of CASE: one that no row reaches was not meant."""
        reaching: Cases = ANYTHING
        sound = True
        for branch in case.args["ifs"]:
            test = self._test(case.this, branch.this)
            if not both(reaching, test.true):
                message = f"No row reaches this branch of CASE: {_shown(branch.this)}."
                self.compiler.fault(branch.this, "unreachable", message, "remove it or put it first")
                sound = False
            reaching = both(reaching, either(test.false, test.unknown))
        return sound

    def _test(self, operand: exp.Expr | None, test: exp.Expr) -> Outcomes:
        return self.analyst.outcomes(test) if operand is None else self.analyst.compared(exp.EQ, operand, test)


def _shown(node: exp.Expr) -> str:
    text = str(node.sql())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
