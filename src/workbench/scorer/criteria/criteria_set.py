"""A set of criteria with its named lists: read, checked as a whole, evaluated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import CriterionError, did_you_mean
from ..expressions import Expression, Fault, RefusedCriterionError
from ..expressions.lengths import code_lengths
from ..expressions.reach import vacuous_parts
from ..expressions.terms import ListEntry, NamedList
from . import checks, reading, toml_text, writing
from .criterion import Criterion
from .hits import CompiledCriteria, Hits
from .toml_scan import UnreadableError


@dataclass(frozen=True)
class CriteriaSet:
    """Criteria with the named lists that their conditions use.

    Parameters
    ----------
    criteria
        In the order of the file; ids are unique.
    lists
        Entries by dotted name.
    points
        Sum of points from which a declaration gets a lane, by lane.
    shadow
        Ids of criteria that are evaluated and recorded and never change a lane. A file cannot say it: which
        criteria run in shadow is a matter of their lifecycle.

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
    points: Mapping[str, float] = field(default_factory=dict)
    shadow: frozenset[str] = frozenset()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CriteriaSet:
        """Read ``{"criterion": [...], "lists": {...}, "points": {...}, "shadow": [...]}``; dates may be ISO texts.

        Raises
        ------
        RefusedCriterionError
            Unknown or missing keys and values of a wrong type, all of them.
        """
        faults: list[Fault] = []
        found = cls._read(data, faults)
        if faults:
            raise RefusedCriterionError(faults)
        return found

    @classmethod
    def from_toml(cls, path: str | Path) -> CriteriaSet:
        """Read a set from a TOML file of ``[[criterion]]``, ``[lists.<name>]`` and ``[points]`` tables.

        Raises
        ------
        CriterionError
            There is no such file, it has more than 10 MB, or it is no TOML.
        RefusedCriterionError
            All the faults of :meth:`from_dict`, or the file says what runs in shadow.
        """
        try:
            data = toml_text.parse(toml_text.read(Path(path)))
        except UnreadableError as error:
            raise CriterionError(f"The criteria file {path} was refused: {error}.") from error
        if "shadow" in data:
            raise RefusedCriterionError([reading.SHADOW_IN_FILE])
        return cls.from_dict(data)

    def to_dict(self) -> dict[str, Any]:
        """Return what :meth:`from_dict` reads, ready for JSON or TOML; what has its default is left out."""
        return writing.to_dict(self.criteria, self.lists, self.points, self.shadow)

    def named(self, criterion_id: str) -> Criterion:
        """Return the criterion of that id; refuse an unknown one with the nearest that there is."""
        known = {criterion.id: criterion for criterion in self.criteria}
        if criterion_id not in known:
            listed = ", ".join(known) or "none"
            near = did_you_mean(criterion_id, known)
            raise CriterionError(f"The set has no criterion {criterion_id!r}{near}. It has: {listed}.")
        return known[criterion_id]

    @classmethod
    def examine(
        cls, data: Mapping[str, Any], columns: Mapping[str, pl.DataType], *, on: dt.date | None = None
    ) -> tuple[CriteriaSet, list[Fault]]:
        """Read what can be read of `data` and return it with every fault of reading and of :meth:`check`.

        The `key` of each fault says where in `data` it stands.
        """
        faults: list[Fault] = []
        found = cls._read(data, faults)
        told = {fault.key for fault in faults}
        return found, [*faults, *(fault for fault in found.check(columns, on=on) if not _follows(fault, told))]

    @classmethod
    def _read(cls, data: Mapping[str, Any], faults: list[Fault]) -> CriteriaSet:
        criteria, lists = reading.criteria(data, faults), reading.lists(data, faults)
        return cls(criteria, lists, reading.points(data, faults), reading.shadow(data, faults))

    def check(self, columns: Mapping[str, pl.DataType], *, on: dt.date | None = None) -> list[Fault]:
        """Return every fault of every criterion, warnings included.

        Parameters
        ----------
        columns
            Polars type by name of the columns that the frames will have.
        on
            Day for which what has expired is warned of; without it, nothing can be said to have expired.
        """
        parsed, faults = self._check(columns, on)
        faults += [fault for name, entries in self.lists.items() for fault in _expired_entries(name, entries, on)]
        wrong = {fault.key[:2] for fault in faults if not fault.warning}
        # What runs in shadow selects nothing, so nothing is superfluous beside it.
        sound = [one for one in parsed if ("criterion", one[0]) not in wrong and one[1].id not in self.shadow]
        return [*faults, *checks.same_conditions(sound)]

    def compile(self, columns: Mapping[str, pl.DataType]) -> CompiledCriteria:
        """Check the set and return it ready to run on any number of batches.

        Validity and the entries of lists are judged on each row's own day of lodgement, so that the same compiled
        set is right for today's rows and for those of past years.

        Raises
        ------
        RefusedCriterionError
            All the faults of :meth:`check` but its warnings.
        """
        parsed, faults = self._check(columns, None)
        if refusals := [fault for fault in faults if not fault.warning]:
            raise RefusedCriterionError(refusals)
        used = frozenset[str]().union(*(one.scope_columns | expression.columns for _, one, expression in parsed))
        return CompiledCriteria(
            # Kleene's AND: out of scope is no hit, whatever the condition says.
            {one.id: one.scope() & expression.to_polars(columns_are_finite=True) for _, one, expression in parsed},
            {name: dtype for name, dtype in columns.items() if name in used},
        )

    def hits(self, frame: pl.DataFrame, columns: Mapping[str, pl.DataType] | None = None) -> Hits:
        """Check the set against `columns` (the frame's own by default) and evaluate it on `frame`."""
        return self.compile(columns or frame.schema).hits(frame)

    def _check(
        self, columns: Mapping[str, pl.DataType], on: dt.date | None
    ) -> tuple[list[checks.Numbered], list[Fault]]:
        """Return the criteria whose condition can be read, and the faults of all."""
        lists = {name: NamedList.of(entries) for name, entries in self.lists.items()}
        faults = [fault for name, entries in lists.items() for fault in _unfit_entries(name, entries)]
        faults += [*checks.repeated_ids(self.criteria), *checks.points_faults(self.points, self.criteria)]
        faults += checks.unknown_shadows(self.shadow, self.criteria)
        parsed: list[checks.Numbered] = []
        for number, criterion in enumerate(self.criteria):
            try:
                expression = Expression.parse(criterion.when, columns, parameters=criterion.parameters, lists=lists)
                parsed.append((number, criterion, expression))
                found = [*code_lengths(expression), *vacuous_parts(expression)]
            except RefusedCriterionError as error:
                found = list(error.faults)
            found = [*criterion.faults(columns, on), *(replace(fault, key=("when",)) for fault in found)]
            faults += [replace(fault, criterion=criterion.id, key=("criterion", number, *fault.key)) for fault in found]
        return parsed, faults


def _unfit_entries(name: str, entries: NamedList) -> Iterator[Fault]:
    for index, reason in entries.unfit:
        yield Fault("value", f"An entry of the list {name[:64]!r} {reason}.", key=("lists", name, index))


def _expired_entries(name: str, entries: Collection[ListEntry], on: dt.date | None) -> Iterator[Fault]:
    expired = 0 if on is None else sum(entry.expires is not None and entry.expires < on for entry in entries)
    if expired:
        message = f"{expired} of {len(entries)} entries of the list {name!r} expired before {on}."
        advice = "remove them or extend `expires`"
        yield Fault("expired_entry", message, suggestion=advice, warning=True, key=("lists", name))


def _follows(fault: Fault, told: Collection[tuple[str | int, ...]]) -> bool:
    """Say whether a fault of the check only follows from one of reading, whose keys are `told`."""
    if fault.code == "unknown_parameter" and any(key[:3] == (*fault.key[:2], "parameters") for key in told):
        return True
    return any(fault.key[:end] in told for end in range(3, len(fault.key) + 1))
