"""Criteria in force: those of a set that somebody approved, and why the others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench.chain import Head
from workbench.criteria.lifecycle.audit import Audit, CriterionStatus, audit_of
from workbench.criteria.lifecycle.journal import ADVICE
from workbench.criteria.lifecycle.places import set_file
from workbench.criteria.lifecycle.states import APPROVED_STATES, ENDED, LifecycleError, State
from workbench.criteria.lifecycle.texts import part_of, texts
from workbench.errors import CriterionError
from workbench.scorer.criteria import CriteriaSet

_WATCHED = (State.APPROVED, State.SHADOW)
_NAMED = 5


@dataclass(frozen=True)
class InForce:
    """The criteria that decide or run in shadow on a day.

    Parameters
    ----------
    criteria
        The set; `shadow` names those that are evaluated and recorded and change no lane.
    states
        State by id of the criteria in the set.
    left_out
        Why, by id, the file's other criteria are not in it.
    head
        Number of lines and hash of the last line of the journal that says so, ``None`` without one.
    is_trial
        True where drafts decide too: an experiment, nothing to export.
    """

    criteria: CriteriaSet
    states: Mapping[str, State]
    left_out: Mapping[str, str]
    head: Head | None = None
    is_trial: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what manifests and reports say about it."""
        return {
            "in_force": {name: state.value for name, state in self.states.items()},
            "text_sha256": {name: text.sha256 for name, text in texts(self.criteria).items()},
            "left_out": dict(self.left_out),
            "journal_head": self.head.__dict__ if self.head else None,
            "trial": self.is_trial,
        }

    def describe(self) -> str:
        """Say in a few lines which criteria are in force and which are left out."""
        kind = "Trial: drafts decide too, nothing can be exported. " if self.is_trial else ""
        listed = ", ".join(f"{name} ({state.value})" for name, state in self.states.items())
        lines = [f"{kind}{len(self.states)} criteria in force{': ' if listed else ''}{listed}."]
        lines += [f"Left out: {name}, {why}." for name, why in self.left_out.items()]
        return "\n".join(lines)


def in_words(found: Mapping[str, Any]) -> str:
    """Say how many criteria of a set decided, which were left out, and why.

    Parameters
    ----------
    found
        What :meth:`InForce.to_dict` returned.

    Returns
    -------
    str
        Sentences; empty for a programme without criteria.

    Examples
    --------
    >>> in_words({"in_force": {"a": "active"}, "left_out": {"b": "retired: x"}, "journal_head": {}, "trial": False})
    '1 of 2 criteria decided; 1 left out: b (retired: x).'
    """
    states, left_out = found["in_force"], found["left_out"]
    if not states and not left_out:
        return ""
    watched = sum(state in _WATCHED for state in states.values())
    parts = [f"{len(states) - watched} of {len(states) + len(left_out)} criteria decided"]
    parts += [f"{watched} ran in shadow"] * bool(watched)
    parts += [f"{len(left_out)} left out: {_reasons(left_out)}"] * bool(left_out)
    trial = "A trial: criteria that nobody approved decided too, so nothing can be exported. " if found["trial"] else ""
    unsigned = "" if found["journal_head"] is not None else " Nothing was ever signed for the set: it has no journal."
    return f"{trial}{'; '.join(parts)}.{unsigned}"


def _reasons(left_out: Mapping[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, why in left_out.items():
        by_reason.setdefault(why, []).append(name)
    return "; ".join(f"{_listed(names)} ({why})" for why, names in by_reason.items())


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def in_force(
    criteria_file: str | Path,
    columns: Mapping[str, pl.DataType],
    on: date | None = None,
    *,
    drafts: bool = False,
    now: datetime | None = None,
) -> InForce:
    """Return the criteria of a set that are in force on a day.

    Parameters
    ----------
    criteria_file
        The set's TOML file; journal, head and ``keys/`` lie beside it. Without a journal everything is a draft.
    columns
        Polars type by name of the columns that criteria may read.
    on
        Day for which validity is judged; today where none is given.
    drafts
        Whether criteria that nobody approved decide too, for experiments; edited ones then count as drafts.
    now
        Moment before which every line of the journal has to lie; the present where none is given.

    Raises
    ------
    LifecycleError
        The journal does not verify, or a criterion in production was edited or removed: then nothing is in force.
    CriterionError
        The set cannot be read, or a criterion in force does not fit the columns.
    """
    file = set_file(criteria_file)
    criteria = CriteriaSet.from_toml(file)
    found = audit_of(file, criteria, on=on, now=now)
    _refuse_faults(found, drafts=drafts)
    taken = {one.id: one for one in found.criteria if _is_taken(one, drafts=drafts)}
    chosen = part_of(criteria, tuple(one for one in criteria.criteria if one.id in taken))
    _check_columns(chosen, columns, found.file)
    return InForce(
        replace(chosen, shadow=frozenset(name for name, one in taken.items() if _is_shadow(one))),
        {name: one.state for name, one in taken.items()},
        {one.id: one.why_left_out for one in found.criteria if one.id not in taken},
        found.head,
        drafts,
    )


def _refuse_faults(found: Audit, *, drafts: bool) -> None:
    if found.journal_faults:
        faults, advice = found.journal_faults, ADVICE
    elif found.file_faults and not drafts:
        faults, advice = found.file_faults, "Until then, try the new text in a run with -p drafts=true."
    else:
        return
    listed = "\n".join(f"  {fault}" for fault in faults)
    raise LifecycleError(f"No criterion of {found.file} is in force:\n{listed}\n{advice}")


def _is_taken(one: CriterionStatus, *, drafts: bool) -> bool:
    return one.state in APPROVED_STATES or (drafts and one.state not in ENDED)


def _is_shadow(one: CriterionStatus) -> bool:
    return one.state in _WATCHED


def _check_columns(criteria: CriteriaSet, columns: Mapping[str, pl.DataType], file: Path) -> None:
    try:
        criteria.compile(columns)
    except CriterionError as error:
        raise CriterionError(f"The criteria of {file} were refused, none is in force:\n{error}") from None
