"""The cell magic ``%%criterion``: a condition written as the text of a cell, answered below it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, NoReturn

from workbench.criteria_lab.drafts import parameters_in
from workbench.criteria_lab.frontend import running_shell
from workbench.criteria_lab.session import Session, open_lab
from workbench.criteria_lab.static import StaticAnswers
from workbench.errors import CriterionError
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.schema import Lane

_USUAL_RUN = Path("runs", "latest")


class _Parser(argparse.ArgumentParser):
    """Reads the line after the magic's name; a fault in it is an error of ours, not the end of the kernel."""

    def error(self, message: str) -> NoReturn:
        raise CriterionError(f"%%criterion: {message}. {self.format_usage().strip()}")


def _parser() -> _Parser:
    parser = _Parser(prog="%%criterion", add_help=False)
    parser.add_argument("id")
    parser.add_argument("lane", choices=[str(lane) for lane in Lane])
    parser.add_argument("--percentage", type=float, default=100.0)
    parser.add_argument("--title", default="")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="parameters")
    parser.add_argument("--lab", default="lab", metavar="VARIABLE")
    return parser


def register(shell: Any) -> None:
    """Give `shell` the magic.

    ``%%criterion ID LANE [--percentage 30] [--title TEXT] [--set NAME=VALUE ...] [--lab VARIABLE]`` reads the cell as
    the condition and answers it in the session that the variable ``lab`` holds; without one it opens the latest run.
    The answers are shown as tables; nothing is saved.
    """

    def criterion(line: str, cell: str) -> StaticAnswers:
        """Answer the condition that the cell holds."""
        given = _parser().parse_args(_parts(line))
        return StaticAnswers(_session(shell.user_ns, given.lab), read_criterion(given, cell))

    shell.register_magic_function(criterion, "cell", "criterion")


def offer() -> None:
    """Give the magic to the IPython that runs this code; do nothing outside of one."""
    if shell := running_shell():
        register(shell)


def _parts(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise CriterionError(f"%%criterion: {line!r} cannot be read: {error}. Close every quotation.") from None


def read_criterion(given: argparse.Namespace, cell: str) -> Criterion:
    """Return the criterion of a cell and the line above it.

    Raises
    ------
    CriterionError
        ``--set`` is not of the form ``name=value``, or names no parameter of the condition.
    """
    values = dict(_parameter(one) for one in given.parameters)
    if unknown := sorted(set(values) - set(parameters_in(cell))):
        raise CriterionError(
            f"%%criterion: the condition has no parameter :{unknown[0]}. Write it there, or leave it out."
        )
    table = {
        "id": given.id,
        "title": given.title or given.id,
        "when": cell.strip(),
        "lane": given.lane,
        "hit_percentage": given.percentage,
        "parameters": values,
    }
    [criterion] = CriteriaSet.from_dict({"criterion": [table]}).criteria
    return criterion


def _parameter(text: str) -> tuple[str, str | float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CriterionError(f"%%criterion: --set {text} has no value. Give --set {name}=0.4.")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _session(names: dict[str, Any], variable: str) -> Session:
    found = names.get(variable)
    if isinstance(found, Session):
        return found
    opened = names[variable] = open_lab(_latest_run())
    return opened


def _latest_run() -> Path:
    """Return the last run of the project that the notebook lies in, whatever its folder."""
    here = Path.cwd()
    return next((found for folder in (here, *here.parents) if (found := folder / _USUAL_RUN).exists()), _USUAL_RUN)
