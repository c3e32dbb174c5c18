"""Commands that lead a criterion from draft to active and to its end, and audit the way."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workbench.cli.opening import By, File, Ids, Programme, columns, programme


def draft(criteria_file: File, by: By, ids: Ids = None) -> None:
    """Record texts as drafts; who signs is their author and cannot approve them.

    Example: workbench criteria draft data/criteria/declarations.toml my-criterion --by lan
    """
    from workbench.criteria import lifecycle

    print(lifecycle.draft(criteria_file, ids or None, by=by).describe())


def approve(criteria_file: File, by: By, ids: Ids = None) -> None:
    """Approve back-tested criteria with a signature over the text of each; not by their author.

    Example: workbench criteria approve data/criteria/declarations.toml my-criterion --by minh
    """
    from workbench.criteria import lifecycle

    print(lifecycle.approve(criteria_file, ids or None, by=by).describe())


def shadow(criteria_file: File, by: By, ids: Ids = None) -> None:
    """Let approved criteria run in shadow: evaluated and recorded in production, no lane changes.

    Example: workbench criteria shadow data/criteria/declarations.toml my-criterion --by minh
    """
    from workbench.criteria import lifecycle

    print(lifecycle.shadow(criteria_file, ids or None, by=by).describe())


def activate(criteria_file: File, by: By, ids: Ids = None, pipeline: Programme = None) -> None:
    """Let criteria decide, after their run in shadow.

    Example: workbench criteria activate data/criteria/declarations.toml my-criterion --by minh
    """
    from workbench.criteria import lifecycle

    known = columns(programme(criteria_file, pipeline))
    print(lifecycle.activate(criteria_file, ids or None, by=by, columns=known).describe())


def retire(
    criteria_file: File,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Criteria.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it goes into the journal.")],
) -> None:
    """End criteria for good, whatever their state.

    Example: workbench criteria retire data/criteria/declarations.toml my-criterion --by minh --reason "scheme is over"
    """
    from workbench.criteria import lifecycle

    print(lifecycle.retire(criteria_file, ids, by=by, reason=reason).describe())


def expire(criteria_file: File, by: By) -> None:
    """Record the end of every criterion whose last day is over.

    Example: workbench criteria expire data/criteria/declarations.toml --by minh
    """
    from workbench.criteria import lifecycle

    print(lifecycle.expire(criteria_file, by=by).describe())


def audit(
    criteria_file: File, as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False
) -> None:
    """Verify the journal of a set and say where every criterion stands; exits 1 if something does not verify.

    Example: workbench criteria audit data/criteria/declarations.toml
    """
    from workbench.criteria import lifecycle

    found = lifecycle.audit(criteria_file)
    print(json.dumps(found.to_dict(), indent=1) if as_json else found.describe())
    if not found.ok:
        raise typer.Exit(1)


COMMANDS = (draft, approve, shadow, activate, retire, expire, audit)
"""In the order of a criterion's life."""
