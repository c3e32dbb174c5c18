"""Progress of long work in one process: a bar with time left on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, int], None]
"""Told the phase and the rows done so far."""


@contextmanager
def progress(total: int | None) -> Iterator[Tell]:
    """Show a bar on standard error while the block runs; `total` rows, where that is known."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, object] = {}

        def tell(phase: str, done: int) -> None:
            task = tasks.setdefault(phase, bar.add_task(phase, total=total)) if phase not in tasks else tasks[phase]
            bar.update(task, completed=done)  # type: ignore[arg-type]

        yield tell
