"""The criteria lab: where an analyst writes a criterion, sees at once what it finds, and saves it as a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import Answers
from .evidence import Evidence
from .session import Session, open_lab

if TYPE_CHECKING:
    from .static import StaticOverview

__all__ = ["Answers", "Evidence", "Session", "load_ipython_extension", "open_lab", "overview", "show"]


def show(session: Session, criterion: str = "", *, interactive: bool | None = None) -> Any:
    """Return the desk on a session where a page can show it, and the same answers as static tables where none can.

    Parameters
    ----------
    session
        What :func:`open_lab` gave.
    criterion
        Id of the criterion to open; the first of the set where it is empty.
    interactive
        Whether to show the desk; ``None`` finds out whether a notebook page is there.

    Raises
    ------
    CriterionError
        The set has no criterion of that id.
    """
    from .frontend import has_page
    from .static import StaticAnswers

    opened = session.criterion(criterion)
    if not (has_page() if interactive is None else interactive):
        return StaticAnswers(session, opened)
    from .desk import Desk

    return Desk(session, opened)


def overview(session: Session) -> StaticOverview:
    """Return the key figures of every criterion of the set as a table; :meth:`Session.overview` has them as data."""
    from .static import StaticOverview

    return StaticOverview(session)


def load_ipython_extension(shell: Any) -> None:
    """Give IPython the cell magic ``%%criterion``; called by ``%load_ext workbench.criteria_lab``."""
    from .magic import register

    register(shell)
