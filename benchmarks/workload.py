"""What the benchmarks share: turns taken in time, a generated world, the shipped pipeline, one line of figures."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

# A thread that spins while it waits takes its processor from whoever else has work; read when XGBoost is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import polars as pl

from workbench.config import Pipeline, load_pipeline
from workbench.model import Training, train
from workbench.synthetic import generate

ROOT = Path(__file__).parents[1]
SEED = 17


@dataclass(frozen=True)
class World:
    """Generated declarations and outcomes, and the files that hold them."""

    folder: Path
    declarations: pl.DataFrame
    outcomes: pl.DataFrame


def options(text: str | None, **defaults: int) -> argparse.Namespace:
    """Read whole-number options from the command line: their names and defaults are `defaults`."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return parser.parse_args()


def korean_pipeline(name: str, text: str | None) -> Pipeline | None:
    """Return the pipeline of the Korean set, its files from the command line or KCS_TRAIN and KCS_VALID.

    Without files the benchmark `name` is reported as skipped, and there is none.
    """
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("train", "valid"):
        parser.add_argument(f"--{part}", default=os.environ.get(f"KCS_{part.upper()}"))
    given = parser.parse_args()
    if not (given.train and given.valid):
        report(name, skipped="give --train and --valid, or KCS_TRAIN and KCS_VALID")
        return None
    return load_pipeline(ROOT / "pipelines" / "kcs.toml", {"train": given.train, "valid": given.valid})


def scratch() -> AbstractContextManager[str]:
    """Return a temporary folder that vanishes with the benchmark."""
    return tempfile.TemporaryDirectory(prefix="workbench-bench-")


def world(folder: Path, rows: int, months: int = 12) -> World:
    """Generate `rows` declaration items into `folder`, in order of time."""
    generate(folder, rows=rows, months=months, seed=SEED)
    declarations = pl.read_parquet(folder / "declarations" / "*.parquet")
    return World(folder, declarations, pl.read_parquet(folder / "outcomes" / "*.parquet"))


def pipeline(name: str = "declarations") -> Pipeline:
    """Return a shipped pipeline."""
    return load_pipeline(ROOT / "pipelines" / f"{name}.toml")


def trained(made: World, past_rows: int) -> Training:
    """Train the shipped pipeline's model on what was known after the first `past_rows` declaration items."""
    moment, config = made.declarations["lodged_at"].sort()[past_rows - 1], pipeline()
    return train(made.declarations, made.outcomes, moment, config.features, config.model)


def medians_s(runs: int, *works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each work after a first turn that does not count.

    They take turns, so that a busy machine slows all alike.
    """
    seconds: list[list[float]] = [[] for _ in works]
    for run in range(runs + 1):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            if run:
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def report(bench: str, **figures: object) -> None:
    """Print the one line of JSON."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps({"bench": bench, **rounded}))
