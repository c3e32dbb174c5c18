"""Conditions of a rule, as text of the criteria language; a rule is a conjunction of at most four."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.criteria.mining.quantities import Quantity

MOST_CONDITIONS = 4


@dataclass(frozen=True)
class Threshold:
    """A quantity below, or at least, a rounded number."""

    quantity: Quantity
    below: bool
    value: float

    @property
    def subject(self) -> str:
        """What the condition is about: a rule has one condition a subject."""
        return f"{self.quantity.text} {'<' if self.below else '>='}"

    @property
    def text(self) -> str:
        """The condition with its number."""
        return f"{self.subject} {self.value:.12g}"

    @property
    def mask(self) -> pl.Expr:
        """Where the condition holds; null where it is not evaluable."""
        return self.quantity.value < self.value if self.below else self.quantity.value >= self.value


@dataclass(frozen=True)
class Codes:
    """A code that is, or is not, one of a few."""

    column: str
    values: tuple[str, ...]
    among: bool = True

    @property
    def subject(self) -> str:
        """What the condition is about."""
        return f"{self.column} {'IN' if self.among else 'NOT IN'}"

    @property
    def text(self) -> str:
        """The condition in the criteria language."""
        quoted = ["'" + value.replace("'", "''") + "'" for value in self.values]
        if len(quoted) == 1:
            return f"{self.column} {'=' if self.among else '<>'} {quoted[0]}"
        listed = f"{self.column} IN ({', '.join(quoted)})"
        return listed if self.among else f"NOT {listed}"

    @property
    def mask(self) -> pl.Expr:
        """Where the condition holds; null where it is not evaluable."""
        member = pl.col(self.column).is_in(pl.Series(self.values, dtype=pl.String).implode())
        return member if self.among else ~member


@dataclass(frozen=True)
class Differ:
    """Two codes of one list that are the same, or not."""

    left: str
    right: str
    differ: bool

    @property
    def subject(self) -> str:
        """What the condition is about."""
        return f"{self.left} {self.right}"

    @property
    def text(self) -> str:
        """The condition in the criteria language."""
        return f"{self.left} {'<>' if self.differ else '='} {self.right}"

    @property
    def mask(self) -> pl.Expr:
        """Where the condition holds; null where it is not evaluable."""
        left, right = pl.col(self.left), pl.col(self.right)
        return left != right if self.differ else left == right


Condition = Threshold | Codes | Differ
Rule = tuple[Condition, ...]
"""Conditions that all hold, in the order of their texts; at most `MOST_CONDITIONS`."""


def rule(*conditions: Condition) -> Rule:
    """Return the conjunction in canonical order: of two thresholds on one side of a quantity the tighter one.

    Examples
    --------
    >>> [one.text for one in rule(Codes("hs2", ("87",)), Codes("flow", ("import",)), Codes("hs2", ("87",)))]
    ["flow = 'import'", "hs2 = '87'"]
    """
    kept: dict[str, Condition] = {}
    for condition in conditions:
        held = kept.get(condition.subject)
        if isinstance(condition, Threshold) and isinstance(held, Threshold):
            tighter = min if condition.below else max
            kept[condition.subject] = tighter(held, condition, key=lambda one: one.value)
        elif held is None or held == condition:
            kept[condition.subject] = condition
        else:
            kept[condition.text] = condition
    return tuple(sorted(kept.values(), key=lambda one: one.text))
