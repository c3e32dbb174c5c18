"""Commands for the keys with which people sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Keys with which people sign steps and approvals.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def keys() -> None:
    """Keep `new` a command of its own: typer turns a single command into the group itself."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Person or role, as it will stand in the journal.")],
    beside: Annotated[Path, typer.Option(help="Folder of the criteria sets; keys/NAME.pub is written there.")] = Path(
        "data/criteria"
    ),
) -> None:
    """Make an ed25519 key: the private half for its owner, the public half beside the criteria sets.

    Example: workbench keys new lan
    """
    from workbench.criteria.lifecycle import new_key

    print(new_key(name, beside).describe())
