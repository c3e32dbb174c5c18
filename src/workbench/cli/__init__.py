"""The command line. Heavy modules are imported inside the commands, so that `--help` answers at once."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from workbench import __version__
from workbench.cli import criteria, daily, keys, random_arm, runs, simulation
from workbench.cli.drift import drift
from workbench.cli.planning import plan
from workbench.cli.selected_labels import selected_labels
from workbench.errors import SelectivityError

app = typer.Typer(
    name="workbench",
    help="Selectivity workbench: decide which declarations customs controls, learn from the controls, prove it.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (*runs.COMMANDS, *simulation.COMMANDS, plan, selected_labels, drift, *daily.COMMANDS):
    app.command()(command)
app.add_typer(daily.app, name="daily")
app.add_typer(random_arm.app, name="random")
app.add_typer(criteria.app, name="criteria")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command line; a user's mistake is told in a sentence, without a stack trace."""
    _let_every_character_through()
    try:
        app()
    except SelectivityError as error:
        print(f"workbench: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("workbench: interrupted", file=sys.stderr)
        sys.exit(130)


def _let_every_character_through() -> None:
    """Keep a character that the terminal's encoding lacks from ending a command.

    On a terminal it is shown escaped. What goes to a file or another program may be SQL or JSON, in which an escape
    would mean something else: that is UTF-8 whatever the terminal has.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Take the options that stand before a command."""
    if version:
        print(__version__)
        raise typer.Exit
