"""A set of criteria with its named lists: read, checked as a whole, evaluated."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import CriterionError
from ..expressions import Expression, Fault, RefusedCriterionError
from ..expressions.terms import Value
from . import reading
from .criterion import Criterion, ListEntry
from .hits import CompiledCriteria, Hits


@dataclass(frozen=True)
class CriteriaSet:
    """Criteria with the named lists that their conditions use.

    Examples
    --------
    >>> heavy = {"id": "heavy", "title": "Heavy goods", "when": "net_mass_kg > 1000", "lane": "yellow"}
    >>> criteria = CriteriaSet.from_dict({"criterion": [heavy]})
    >>> frame = pl.DataFrame({"net_mass_kg": [5000.0, 10.0, None]})
    >>> hits = criteria.hits(frame)
    >>> hits.matrix["heavy"].to_list(), hits.not_evaluable
    ([True, False, None], {'heavy': 1})
    """

    criteria: tuple[Criterion, ...] = ()
    lists: Mapping[str, tuple[ListEntry, ...]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CriteriaSet:
        """Read ``{"criterion": [...], "lists": {...}}``; dates may be dates or ISO texts.

        Raises
        ------
        RefusedCriterionError
            Unknown or missing keys and values of a wrong type, all of them.
        """
        faults: list[Fault] = []
        criteria, lists = reading.criteria(data, faults), reading.lists(data, faults)
        if faults:
            raise RefusedCriterionError(faults)
        return cls(criteria, lists)

    @classmethod
    def from_toml(cls, path: str | Path) -> CriteriaSet:
        """Read a set from a TOML file of ``[[criterion]]`` and ``[lists.<name>]`` tables."""
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise CriterionError(f"The criteria file {path} cannot be read: {error}. Give a TOML file.") from error
        return cls.from_dict(data)

    def to_dict(self) -> dict[str, Any]:
        """Return what :meth:`from_dict` reads, ready for JSON or TOML; what has its default is left out."""
        return reading.to_dict(self.criteria, self.lists)

    def check(self, columns: Mapping[str, pl.DataType], *, on: dt.date | None = None) -> list[Fault]:
        """Return every fault of every criterion, warnings included.

        Parameters
        ----------
        columns
            Polars type by name of the columns that the frames will have.
        on
            Day for which list entries and validity are judged; without it, neither can be said to have expired.
        """
        return self._check(columns, on)[1]

    def compile(self, columns: Mapping[str, pl.DataType], *, on: dt.date | None = None) -> CompiledCriteria:
        """Check the set and return it ready to run on any number of batches.

        Raises
        ------
        RefusedCriterionError
            All the faults of :meth:`check` but its warnings, or entries that expire and no day `on`.
        """
        expressions, faults = self._check(columns, on)
        if on is None:
            faults += [_undated(name) for name, entries in self.lists.items() if any(e.expires for e in entries)]
        if refusals := [fault for fault in faults if not fault.warning]:
            raise RefusedCriterionError(refusals)
        pairs = list(zip(self.criteria, expressions, strict=True))
        used = frozenset[str]().union(*(one.scope_columns | expression.columns for one, expression in pairs))
        return CompiledCriteria(
            # Kleene's AND: out of scope is no hit, whatever the condition says.
            {one.id: one.scope() & expression.to_polars(columns_are_finite=True) for one, expression in pairs},
            {name: dtype for name, dtype in columns.items() if name in used},
        )

    def hits(
        self, frame: pl.DataFrame, columns: Mapping[str, pl.DataType] | None = None, *, on: dt.date | None = None
    ) -> Hits:
        """Check the set against `columns` (the frame's own by default) and evaluate it on `frame`."""
        return self.compile(columns or frame.schema, on=on).hits(frame)

    def _check(self, columns: Mapping[str, pl.DataType], on: dt.date | None) -> tuple[list[Expression], list[Fault]]:
        in_force = {name: _in_force(entries, on) for name, entries in self.lists.items()}
        faults = [fault for name, entries in self.lists.items() for fault in _list_faults(name, entries, on)]
        faults += _repeated(self.criteria)
        expressions: list[Expression] = []
        for criterion in self.criteria:
            faults += criterion.faults(columns, on)
            try:
                expressions.append(
                    Expression.parse(criterion.when, columns, parameters=criterion.parameters, lists=in_force)
                )
            except RefusedCriterionError as error:
                faults += [replace(fault, criterion=criterion.id) for fault in error.faults]
        return expressions, faults


def _in_force(entries: Iterable[ListEntry], on: dt.date | None) -> list[Value]:
    return [entry.value for entry in entries if on is None or entry.expires is None or on <= entry.expires]


def _list_faults(name: str, entries: Collection[ListEntry], on: dt.date | None) -> Iterator[Fault]:
    if expired := len(entries) - len(_in_force(entries, on)):
        message = f"The list {name!r} has {expired} entries that had expired on {on}: they match nothing."
        yield Fault("expired_entry", message, suggestion="remove them or extend `expires`", warning=True)


def _repeated(criteria: Iterable[Criterion]) -> list[Fault]:
    counts = Counter(criterion.id for criterion in criteria)
    return [
        Fault("duplicate_id", f"{count} criteria have this id.", suggestion="give each its own id", criterion=name)
        for name, count in counts.items()
        if count > 1
    ]


def _undated(name: str) -> Fault:
    message = f"The list {name!r} has entries that expire, and no day was given to judge them by."
    return Fault("undated_list", message, suggestion="pass on=, the day of the declarations")
