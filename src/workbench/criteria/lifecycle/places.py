"""Where the files of a criteria set lie: all beside the set itself, wherever a link to it stands."""

from __future__ import annotations

from pathlib import Path

from workbench.criteria.lifecycle.states import LifecycleError

_SUFFIX = ".toml"


def without_links(file: str | Path) -> Path:
    """Return the file that a path leads to; a path without links stays as it was written.

    Raises
    ------
    LifecycleError
        Its links go round in a circle.
    """
    path = Path(file)
    try:
        found = path.resolve()
    except (OSError, RuntimeError) as error:
        raise LifecycleError(f"{path} leads nowhere: {error}. Mend its links.") from None
    return path if path.absolute() == found else found


def set_file(file: str | Path) -> Path:
    """Return a criteria set's own TOML file, whose name its journal bears.

    Raises
    ------
    LifecycleError
        It is no ``.toml``: a copy such as ``declarations.bak`` would write into the journal of another set.
    """
    path = without_links(file)
    if path.suffix != _SUFFIX:
        raise LifecycleError(f"{path} cannot have a journal: a criteria set is named NAME{_SUFFIX}. Rename it.")
    return path


def journal_file(criteria_file: str | Path) -> Path:
    """Return the journal of a criteria set; it need not exist.

    >>> journal_file("criteria/declarations.toml").name
    'declarations.journal.jsonl'
    """
    return without_links(set_file(criteria_file).with_suffix(".journal.jsonl"))


def head_file(criteria_file: str | Path) -> Path:
    """Return the head file of a criteria set's journal."""
    return without_links(set_file(criteria_file).with_suffix(".journal.head"))
