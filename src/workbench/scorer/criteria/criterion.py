"""One criterion: a condition, the lane it proposes, where and when it applies, who answers for it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from ..expressions import Fault
from ..expressions.faults import nearest
from ..expressions.lexer import MAX_CHARACTERS
from ..expressions.terms import LARGEST, Value
from ..expressions.tokens import parameters_in
from ..schema import Lane

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<share>:%)?\}")
_HIGHEST = 1_000_000
_SCOPE_KEYS = {"lodged_at": "valid_from", "flow": "flow", "office_id": "offices"}
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
        Proposed lane, one of :class:`~.schema.Lane`; green proposes nothing by itself and is for criteria whose
        points count.
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
        Sentence shown to the officer; ``{name}`` stands for the value of a parameter and ``{name:%}`` for a share
        in percent (see :meth:`stated_reason`).
    tags
        Free words for grouping.
    points
        Weight in a set whose lane follows from the sum.
    parameters
        Value of each ``:name`` of the condition.
    forced_after
        Number of hits passed over in a row by the hit percentage after which the next hit is selected; ``None``
        forces none. The "cumulative hits before forced selection" of ASYCUDA++ MODSEL.
    ranges
        Lowest and highest sensible value, both included, of parameters that are numbers.

    Examples
    --------
    >>> cheap = Criterion("cheap", "Cheap goods", "unit_value_usd_per_kg < :floor", "red", parameters={"floor": 2},
    ...                   reason="The goods cost less than {floor} USD/kg.")
    >>> cheap.stated_reason()
    'The goods cost less than 2 USD/kg.'
    """

    id: str
    title: str
    when: str
    lane: str = str(Lane.GREEN)
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
    forced_after: int | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def scope_columns(self) -> frozenset[str]:
        """Columns that say whether the criterion applies to a row."""
        dated = self.valid_from is not None or self.valid_to is not None
        used = {"lodged_at": dated, "flow": self.flow is not None, "office_id": self.offices is not None}
        return frozenset(name for name, needed in used.items() if needed)

    def stated_reason(self) -> str:
        """Return the sentence for the officer with the parameters' values in it, or the title where there is none."""
        return _PLACEHOLDER.sub(self._stated, self.reason or self.title)

    def _stated(self, placeholder: re.Match[str]) -> str:
        value = self.parameters.get(placeholder["name"])
        if isinstance(value, str) or value is None:
            return value or placeholder.group()
        return f"{100 * value:.6g} %" if placeholder["share"] else f"{value:,.12g}"

    @property
    def selection_rate(self) -> float:
        """Share of the declarations hit that are selected in the long run, in [0, 1].

        Without forced selection it is the hit percentage p. With ``forced_after`` f, the hit after f passed over in a
        row is taken for certain: the wait for a selection is geometric, cut off at f + 1 hits, of mean
        ``(1 - (1 - p)^(f + 1)) / p``, and the rate is one over it. To release is to select nothing.

        >>> one = Criterion("a", "", "TRUE", "red", hit_percentage=50.0, forced_after=1)
        >>> round(one.selection_rate, 4)  # of two hits, the second is forced half of the time
        0.6667
        """
        if self.lane == Lane.GREEN:
            return 0.0
        p, forced = self.hit_percentage / 100.0, self.forced_after
        if forced is None:
            return p
        return 1.0 / (forced + 1) if p == 0 else p / (1.0 - (1.0 - p) ** (forced + 1))

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
        """Yield what is wrong with the criterion apart from its condition; `on` is the day it is checked for.

        The `key` of each fault starts at the criterion.
        """
        if not _ID.fullmatch(self.id):
            yield self._fault("id", "An id is of 1 to 64 lower-case letters, digits, '_', '-' and '.'.", "id")
        for name in sorted(self.scope_columns - set(columns)):
            message = f"Its scope needs the column {name!r}, which the table does not have."
            yield self._fault("scope_column", message, _SCOPE_KEYS[name])
        yield from self._unknown("lane", self.lane, [str(lane) for lane in Lane])
        if self.flow is not None:
            yield from self._unknown("flow", self.flow, list(FLOWS))
        if self.offices is not None and not self.offices:
            message = "Its list of offices is empty, so it applies nowhere."
            yield self._fault("offices", message, "offices", suggestion="leave it out for the whole country")
        yield from self._faults_of_numbers()
        yield from self._faults_of_ranges()
        yield from self._unused_parameters()
        yield from self._faults_of_reason()
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            message = f"It ends on {self.valid_to}, before it starts on {self.valid_from}."
            yield self._fault("validity", message, "valid_to")
        elif on and self.valid_to and self.valid_to < on:
            message = f"It ended on {self.valid_to} and hits nothing lodged since."
            advice = "extend valid_to or retire the criterion"
            yield self._fault("expired", message, "valid_to", suggestion=advice, warning=True)

    def _faults_of_numbers(self) -> Iterator[Fault]:
        if abs(self.priority) > _HIGHEST:
            message = f"The priority is {_large(self.priority)}; it goes to {_HIGHEST:,} either way."
            yield self._fault("priority", message, "priority")
        if not 0 <= self.hit_percentage <= 100:
            message = f"The hit percentage is {_large(self.hit_percentage)}; it goes from 0 to 100."
            yield self._fault("percentage", message, "hit_percentage")
        if abs(self.points) > _HIGHEST:
            message = f"It gives {_large(self.points)} points; they go to {_HIGHEST:,} either way."
            yield self._fault("points", message, "points")
        if self.forced_after is not None and not 1 <= self.forced_after <= _HIGHEST:
            message = f"A selection is forced after {_large(self.forced_after)} hits; it goes from 1 to {_HIGHEST:,}."
            yield self._fault("forced_after", message, "forced_after")

    def _faults_of_ranges(self) -> Iterator[Fault]:
        for name, (low, high) in self.ranges.items():
            value, key = self.parameters.get(name), ("parameters", name)
            if value is None:
                advice = nearest(name, self.parameters)
                yield self._fault("range", f"There is a range and no value for {name!r}.", *key, suggestion=advice)
            elif isinstance(value, str):
                yield self._fault("range", f"The parameter {name!r} is a text, which has no range.", *key)
            elif max(abs(low), abs(high)) > LARGEST:
                message = f"The range of {name!r} goes beyond {LARGEST:g}, which no quantity reaches."
                yield self._fault("range", message, *key, suggestion="values that the parameter may sensibly have")
            elif low > high:
                message = f"The range of {name!r} goes from {low:g} down to {high:g}."
                yield self._fault("range", message, *key, suggestion=f"[{high:g}, {low:g}]")
            elif not low <= value <= high:
                message = f"The parameter {name!r} is {value:g}, outside its range from {low:g} to {high:g}."
                yield self._fault("out_of_range", message, *key, suggestion="change the value or widen the range")

    def _unused_parameters(self) -> Iterator[Fault]:
        used = parameters_in(self.when[:MAX_CHARACTERS])
        for name in self.parameters:
            if name not in used:
                message = f"The condition does not use the parameter {name[:64]!r}."
                advice = nearest(name[:64], used) or "remove it"
                yield self._fault("unused_parameter", message, "parameters", name, suggestion=advice)

    def _faults_of_reason(self) -> Iterator[Fault]:
        for placeholder in _PLACEHOLDER.finditer(self.reason):
            name = placeholder["name"]
            if name not in self.parameters:
                near = nearest(name, self.parameters)
                message = f"The reason names {placeholder.group()}, and there is no parameter {name!r}."
                yield self._fault("reason", message, "reason", suggestion=near and f"{{{near}}}")
            elif placeholder["share"] and isinstance(self.parameters[name], str):
                message = f"The reason shows {name!r} in percent, and it is a text."
                yield self._fault("reason", message, "reason", suggestion=f"{{{name}}}")
        if set("{}") & set(_PLACEHOLDER.sub("", self.reason)):
            message = "The reason has a brace that belongs to no parameter: {name} and {name:%} are all there is."
            yield self._fault("reason", message, "reason")

    def _unknown(self, what: str, value: str, allowed: list[str]) -> Iterator[Fault]:
        if value not in allowed:
            advice = nearest(value[:64], allowed) or f"one of {', '.join(allowed)}"
            yield self._fault(what, f"There is no {what} {value[:64]!r}.", what, suggestion=advice)

    def _fault(self, code: str, message: str, *key: str, suggestion: str | None = None, warning: bool = False) -> Fault:
        return Fault(code, message, suggestion=suggestion, criterion=self.id, warning=warning, key=key)


def _large(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e15 else "too large a number"
