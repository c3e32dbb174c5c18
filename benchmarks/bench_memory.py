"""Peak memory of scoring Parquet to Parquet, and the time to generate: one JSON line.

``python benchmarks/bench_memory.py [--rows 2000000]``

Generation and scoring run in processes of their own, whose high-water mark of resident memory the operating system
keeps. Targets: 3 GB for scoring 2,000,000 rows, 20 s for generating 200,000.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import workload
from bench_scoring import PAST_ROWS, scorer_with
from workbench.bundle import bundle_files, write_bundle
from workbench.scorer.batch import score_file
from workbench.scorer.bundle import ScoringBundle
from workbench.synthetic import generate

GENERATED_ROWS = 200_000
_MAXRSS_PER_GB = 1e9 if sys.platform == "darwin" else 1e9 / 1024


def apart(work: Callable[..., Any], *arguments: object) -> tuple[float, float, Any]:
    """Run `work` in a fresh process; return its seconds, its peak memory in GB and its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, work, *arguments).result()


def _measured(work: Callable[..., Any], *arguments: object) -> tuple[float, float, Any]:
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS_PER_GB, result


def export(folder: Path) -> None:
    """Train the shipped pipeline's model and write it as a bundle."""
    made = workload.world(folder / "past", PAST_ROWS)
    trained = workload.trained(made, PAST_ROWS)
    golden = made.declarations.tail(10)
    files = bundle_files(
        scorer_with(trained.model), programme="bench", trained_as_of=str(trained.as_of), golden=golden, facts={}
    )
    write_bundle(files, folder / "bundle")


def generated(folder: Path, rows: int) -> None:
    """Generate a year of declarations."""
    generate(folder, rows=rows, months=12, seed=workload.SEED)


def scored(folder: Path) -> int:
    """Score every part of the generated declarations into one file, with reasons; return the rows decided."""
    bundle = ScoringBundle.load(folder / "bundle")
    return score_file(bundle, folder / "world" / "declarations", folder / "decisions.parquet").rows


def main() -> None:
    """Generate, score, and say what each took."""
    given = workload.options(__doc__, rows=2_000_000)
    with workload.scratch() as name:
        folder = Path(name)
        generation_s, _, _ = apart(generated, folder / "small", GENERATED_ROWS)
        apart(generated, folder / "world", given.rows)
        apart(export, folder)
        scoring_s, peak_gb, rows = apart(scored, folder)
    workload.report(
        "memory",
        rows=rows,
        score_file_s=scoring_s,
        score_file_peak_gb=peak_gb,
        generated_rows=GENERATED_ROWS,
        generate_s=generation_s,
    )


if __name__ == "__main__":
    main()
