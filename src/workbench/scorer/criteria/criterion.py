"""One criterion: a condition, the lane it proposes, where and when it applies, who answers for it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from ..expressions import Fault
from ..expressions.faults import nearest
from ..expressions.terms import Value
from ..schema import Lane

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_HIGHEST_PRIORITY = 1_000_000
FLOWS = ("import", "export", "transit")


@dataclass(frozen=True)
class Criterion:
    """A predicate on a declaration that proposes a lane, with the reason and the responsibility for it.

    Parameters
    ----------
    id
        Unique in its set; the cause of a decision is ``criterion:<id>``.
    title
        A few words for tables.
    when
        SQL condition (see :class:`~.expressions.Expression`).
    lane
        Proposed lane, one of :class:`~.schema.Lane`.
    hit_percentage
        Share of the hits that are selected, in percent, 0 to 100.
    priority
        Order among criteria of the same lane; larger goes first.
    flow
        ``import``, ``export`` or ``transit``; ``None`` for all.
    offices
        Offices in scope; ``None`` for the whole country.
    valid_from, valid_to
        First and last day of lodgement on which it applies, both included; ``None`` is open.
    owner, agency, legal_basis
        Who answers for it, and by what law.
    instruction
        What the examiner should do.
    reason
        Sentence shown to the officer.
    tags
        Free words for grouping.
    points
        Weight in a set whose lane follows from the sum.
    parameters
        Value of each ``:name`` of the condition.
    """

    id: str
    title: str
    when: str
    lane: str
    hit_percentage: float = 100.0
    priority: int = 0
    flow: str | None = None
    offices: tuple[str, ...] | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    owner: str = ""
    agency: str = ""
    legal_basis: str = ""
    instruction: str = ""
    reason: str = ""
    tags: tuple[str, ...] = ()
    points: float = 0.0
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def scope_columns(self) -> frozenset[str]:
        """Columns that say whether the criterion applies to a row."""
        dated = self.valid_from is not None or self.valid_to is not None
        used = {"lodged_at": dated, "flow": self.flow is not None, "office_id": self.offices is not None}
        return frozenset(name for name, needed in used.items() if needed)

    def scope(self) -> pl.Expr:
        """Return whether the criterion applies to a row: true, false, or null where that cannot be known."""
        tests = [pl.lit(True)]
        if self.valid_from is not None:
            tests.append(pl.col("lodged_at").dt.date() >= self.valid_from)
        if self.valid_to is not None:
            tests.append(pl.col("lodged_at").dt.date() <= self.valid_to)
        if self.flow is not None:
            tests.append(pl.col("flow") == self.flow)
        if self.offices is not None:
            tests.append(pl.col("office_id").is_in(pl.Series(self.offices, dtype=pl.String).implode()))
        return pl.all_horizontal(tests)

    def faults(self, columns: Mapping[str, pl.DataType], on: dt.date | None = None) -> Iterator[Fault]:
        """Yield what is wrong with the criterion apart from its condition; `on` is the day it is checked for."""
        if not _ID.fullmatch(self.id):
            yield self._fault("id", "An id is of 1 to 64 lower-case letters, digits, '_', '-' and '.'.")
        for name in sorted(self.scope_columns - set(columns)):
            yield self._fault("scope_column", f"Its scope needs the column {name!r}, which the table does not have.")
        yield from self._unknown("lane", self.lane, [str(lane) for lane in Lane])
        if self.flow is not None:
            yield from self._unknown("flow", self.flow, list(FLOWS))
        if abs(self.priority) > _HIGHEST_PRIORITY:
            yield self._fault(
                "priority", f"The priority is {self.priority}; it goes to {_HIGHEST_PRIORITY:,} either way."
            )
        if not 0 <= self.hit_percentage <= 100:
            yield self._fault("percentage", f"The hit percentage is {self.hit_percentage:g}; it goes from 0 to 100.")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            yield self._fault("validity", f"It ends on {self.valid_to}, before it starts on {self.valid_from}.")
        elif on and self.valid_to and self.valid_to < on:
            message = f"It ended on {self.valid_to} and hits nothing lodged since."
            yield self._fault("expired", message, "extend valid_to or retire the criterion", warning=True)

    def _unknown(self, what: str, value: str, allowed: list[str]) -> Iterator[Fault]:
        if value not in allowed:
            advice = nearest(value, allowed) or f"one of {', '.join(allowed)}"
            yield self._fault(what, f"There is no {what} {value!r}.", advice)

    def _fault(self, code: str, message: str, suggestion: str | None = None, *, warning: bool = False) -> Fault:
        return Fault(code, message, suggestion=suggestion, criterion=self.id, warning=warning)


@dataclass(frozen=True)
class ListEntry:
    """One value of a named list, in force up to and including the day `expires`; ``None`` is for ever."""

    value: Value
    expires: dt.date | None = None
