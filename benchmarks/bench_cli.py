"""How long the command line takes to answer: one JSON line.

``python benchmarks/bench_cli.py [--runs 7]``

Each figure is the median of whole processes, the start of Python included; ``python_s`` is that start alone. The target
for ``help_s`` is 0.5 s.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import workload


def _run(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Time the processes in turn."""
    given = workload.options(__doc__, runs=7)
    workbench = str(Path(sys.executable).with_name("workbench"))
    shown, imported, python = workload.medians_s(
        given.runs,
        _run(workbench, "--help"),
        _run(sys.executable, "-c", "import workbench"),
        _run(sys.executable, "-c", ""),
    )
    workload.report("cli", help_s=shown, import_s=imported, python_s=python)


if __name__ == "__main__":
    main()
