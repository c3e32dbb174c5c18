"""One notebook, executed by Papermill in a kernel of this very interpreter, with a clean terminal and named failures.

Kernels talk over Unix sockets in a private folder (over loopback where there are none): no port is opened, and
the paths stay under the system's limit of about 100 characters however deep the run directory lies.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workbench.errors import SelectivityError, StepError

TABLE_DISPLAY = {
    "POLARS_FMT_STR_LEN": "200",
    "POLARS_FMT_MAX_ROWS": "60",
    "POLARS_FMT_MAX_COLS": "-1",
    "POLARS_TABLE_WIDTH": "1000",
}
"""Polars' environment in notebooks: its own limits cut sentences and most tables of a run."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class KernelTrace:
    """What is known of a kernel while it runs: how many code cells were started, and how its process ended."""

    cell: int = 0
    exit_code: int | None = None


def execute(
    notebook: Path,
    output: Path,
    log: Path,
    parameters: Mapping[str, Any],
    *,
    run_dir: Path,
    step: str,
    on_cell: Callable[[int], None],
) -> None:
    """Execute `notebook` in a fresh kernel whose working directory is `run_dir`.

    Parameters
    ----------
    notebook, output
        The notebook, and where its executed copy is saved after every cell.
    log
        Takes everything that the cells and the kernel's process print, and the full trace of a failure.
    parameters
        Checked values for its contract.
    step
        Name of the step, for messages.
    on_cell
        Called with the index of each cell as it starts.

    Raises
    ------
    StepError
        A cell raised, or the kernel died; the message names step, cell and cause.
    """
    import papermill
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME

    trace = KernelTrace()
    with log.open("a", encoding="utf-8") as sink, _logging_to(sink), _scratch() as scratch:
        try:
            papermill.execute_notebook(
                _literal(notebook),
                _literal(output),
                dict(parameters),
                kernel_name=NATIVE_KERNEL_NAME,
                language="python",
                progress_bar=False,
                stdout_file=sink,
                stderr_file=sink,
                # Not `cwd`: papermill would change this process's own directory under its other threads.
                resources={"metadata": {"path": str(run_dir)}},
                kernel_manager_class=_manager_class(scratch, sink, trace),
                on_cell_start=lambda cell, cell_index: on_cell(cell_index),
                on_cell_execute=lambda cell, cell_index: _count(trace),
            )
        except Exception as error:
            sink.write(_COLOURS.sub("", str(error)) + "\n")
            raise StepError(_message(step, trace, error, log)) from None


def kernel_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a kernel: the parent's, one thread unless it says otherwise, charts and tables whole.

    Threads that outnumber free cores made training 15 times slower, hence one. Plotly's default renderer makes
    nbconvert drop charts silently. A private IPython folder keeps a user's start-up files out of runs.
    """
    return {
        "OMP_NUM_THREADS": "1",
        **TABLE_DISPLAY,
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "IPYTHONDIR": str(scratch / "ipython"),
    }


def _manager_class(scratch: Path, sink: IO[str], trace: KernelTrace) -> type:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):  # type: ignore[misc]
        """A kernel of this interpreter, whatever kernels the user has installed under the same name."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings, connection_file=str(scratch / "k.json"), shutdown_wait_time=2.0)
            self.transport = "tcp" if sys.platform == "win32" else "ipc"
            self.log = logging.getLogger("papermill")

        @property
        def kernel_spec(self) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python", language="python")

        async def start_kernel(self, **options: Any) -> None:
            await super().start_kernel(**options, env=kernel_environment(scratch), stdout=sink, stderr=sink)

        async def is_alive(self) -> bool:
            code = await self.provisioner.poll() if self.has_kernel and self.provisioner else None
            trace.exit_code = code if code is not None else trace.exit_code
            return bool(await super().is_alive())

    return Manager


@contextmanager
def _scratch() -> Iterator[Path]:
    # The system's own folder may lie deep (macOS): /tmp keeps socket paths short.
    base = "/tmp" if os.path.isdir("/tmp") else None
    with tempfile.TemporaryDirectory(prefix="wb-", dir=base, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _logging_to(sink: IO[str]) -> Iterator[None]:
    """Send papermill's own warnings to the step's log instead of the terminal."""
    logger = logging.getLogger("papermill")
    handler = logging.StreamHandler(sink)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def _literal(path: Path) -> str:
    """Return `path` as a format string that means itself: papermill formats every path that it is given."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _count(trace: KernelTrace) -> None:
    trace.cell += 1


def _message(step: str, trace: KernelTrace, error: Exception, log: Path) -> str:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    where = f"Step {step} failed in cell [{trace.cell}]"
    if isinstance(error, PapermillExecutionError):
        known = error.ename in _own_errors()
        cause = error.evalue if known else f"{error.ename}: {error.evalue} The full trace is in {log}."
        return f"{where}: {cause}"
    if isinstance(error, DeadKernelError):
        return f"{where}: {_death(trace.exit_code)} Its log is {log}."
    if trace.cell == 0:
        return f"Step {step} failed before its first cell: {type(error).__name__}: {error} Its log is {log}."
    return f"{where}: {type(error).__name__}: {error} Its log is {log}."


def _death(exit_code: int | None) -> str:
    if exit_code == -9:
        return "its kernel was killed (SIGKILL), as the system does when memory runs out. Give it more, or fewer rows."
    if exit_code is not None and exit_code < 0:
        return f"its kernel was ended by signal {signal.Signals(-exit_code).name}."
    return f"its kernel ended with exit code {exit_code}." if exit_code is not None else "its kernel died."


def _own_errors(base: type[SelectivityError] = SelectivityError) -> set[str]:
    """Names of the errors that speak to users; a kernel reports an exception by its class name only."""
    return {base.__name__}.union(*(_own_errors(derived) for derived in base.__subclasses__()))
