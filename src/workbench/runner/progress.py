"""What a run tells while it goes: events, and their display as a bar on a terminal or as plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import Progress


@dataclass(frozen=True)
class Event:
    """One thing that happened to a step.

    `number` counts the steps from 1 to `of`, `cell` the notebook's cells from 0 below `cells`; `seconds` is set once
    the step has ended.
    """

    kind: Literal["skipped", "started", "cell", "finished", "failed", "interrupted"]
    step: str
    number: int
    of: int
    cell: int = 0
    cells: int = 0
    seconds: float | None = None


@contextmanager
def display(console: Console | None = None) -> Iterator[Callable[[Event], None]]:
    """Give a listener that shows events on `console` (standard error where none is given)."""
    from rich.console import Console

    console = console or Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield lambda event: _print_line(console, event)
        return
    with _bar(console) as bar:
        yield _BarListener(bar)


def _print_line(console: Console, event: Event) -> None:
    if event.kind == "cell":
        return
    took = f" in {event.seconds:.1f} s" if event.seconds is not None else ""
    console.print(f"[{event.number}/{event.of}] {event.step} {event.kind}{took}", markup=False, soft_wrap=True)


def _bar(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[place]}", markup=False),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=False)


class _BarListener:
    """One line a step; its bar counts the notebook's cells, its clock the step's time."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, place="", detail="", visible=False)

    def __call__(self, event: Event) -> None:
        place = f"{event.number}/{event.of}"
        if event.kind == "started":
            self._task = self._bar.add_task(event.step, total=event.cells or None, place=place, detail="")
        elif event.kind == "skipped":
            self._bar.add_task(event.step, total=1, completed=1, place=place, detail="already finished")
        elif event.kind == "cell":
            self._bar.update(self._task, completed=event.cell, detail=f"cell {event.cell + 1}/{event.cells}")
        else:
            self._bar.update(self._task, total=1, completed=event.kind == "finished", detail=event.kind)
            self._bar.stop_task(self._task)
