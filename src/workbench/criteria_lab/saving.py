"""A draft saved: into the criteria file with its comments kept, and into the journal where somebody signs for it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from workbench.criteria.editing import Edited, append_criterion, replace_criterion
from workbench.criteria.lifecycle import draft
from workbench.criteria_lab.session import Session
from workbench.errors import CriterionError
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import RefusedCriterionError


@dataclass(frozen=True)
class SavedDraft:
    """A draft that was written: what to tell the analyst, and the command that takes it further."""

    message: str
    command: str


def save_draft(session: Session, criterion: Criterion, *, base: str) -> SavedDraft:
    """Write a criterion into the session's file; with an author, sign it as a draft in the journal too.

    Parameters
    ----------
    session
        Its file is written, and its author signs where there is one.
    criterion
        What to save; it has to be free of faults.
    base
        Id of the criterion that it was made from; a criterion of another id in the file is never overwritten.

    Raises
    ------
    CriterionError
        The criterion has faults, its id is taken, or somebody changed it in the file meanwhile; nothing is written.
    """
    answers = session.answer(criterion)
    if answers.figures is None:
        raise RefusedCriterionError([fault for fault in answers.faults if not fault.warning])
    known = {one.id for one in session.present.criteria}
    if criterion.id in known and criterion.id != base:
        raise CriterionError(
            f"{session.criteria_file} holds a criterion {criterion.id!r} already. Choose it under 'Start from' to "
            "change it, or give this one another id."
        )
    _refuse_stale(session, criterion.id)
    edited = (replace_criterion if criterion.id in known else append_criterion)(session.criteria_file, criterion)
    if session.author and edited.keys:
        return _signed(session, edited)
    return SavedDraft(edited.describe(), _draft(session, edited))


def _refuse_stale(session: Session, name: str) -> None:
    """Refuse to write over what somebody changed in the file since the session read it."""
    then, now = (
        next((one for one in found.criteria if one.id == name), None)
        for found in (session.present, CriteriaSet.from_toml(session.criteria_file))
    )
    if then != now:
        raise CriterionError(
            f"{name!r} was changed in {session.criteria_file} since the lab read it; nothing was written. Run the cell "
            "that opens the lab again, and make your change to the present text."
        )


def _signed(session: Session, edited: Edited) -> SavedDraft:
    """Sign what was written; where that fails the file holds the draft all the same, and the message says so."""
    try:
        taken = draft(session.criteria_file, [edited.criterion], by=session.author)
    except CriterionError as error:
        message = f"{edited.describe()} It is not in the journal: {error}"
        return SavedDraft(message, _draft(session, edited))
    command = shlex.join(["workbench", "criteria", "check", str(session.criteria_file), "--by", session.author])
    return SavedDraft(f"{edited.describe()} {taken.describe()}", command)


def _draft(session: Session, edited: Edited) -> str:
    by = session.author or "NAME"
    return shlex.join(["workbench", "criteria", "draft", str(session.criteria_file), edited.criterion, "--by", by])
