"""A back-test of many criteria with all its tables: one JSON line.

``python benchmarks/bench_backtest.py [--rows 2000000] [--criteria 200]``

The history is a generated year with profiles learnt as of each month, and a made-up score for every row. Phases:
``history_s`` puts it together (declarations in memory), ``hit_matrix_s`` evaluates the criteria, ``tables_s`` makes all
tables of that matrix; ``backtest_s`` is the two together. Targets at 200 criteria on 2,000,000 rows, 2 cores: 15 s for
``backtest_s`` and 4 GB for ``peak_gb``, the peak of a process that does all of this and no generation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import workload
from bench_memory import apart
from workbench.criteria.backtest import backtest
from workbench.criteria.history import History, profiles_used
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.policy import LaneLimit
from workbench.synthetic import generate

CONDITIONS = (
    "customs_value_usd > {0} * 250",
    "unit_value_usd_per_kg < (0.2 + {0} / 500) * hs6_origin_median_unit_value_usd_per_kg",
    "net_mass_kg_per_quantity < (0.3 + {0} / 500) * hs6_median_net_mass_kg_per_quantity",
    "importer_declarations < {0} AND customs_value_usd > 20000",
    "origin_country_code <> departure_country_code AND duty_rate < {0} / 1000",
    "hs2 IN ('24', '61', '62', '85') AND gross_mass_kg > {0} * 20",
    "gross_mass_kg < net_mass_kg * (1 + {0} / 2000)",
    "regime_code = 'A11' AND preference_code LIKE 'F%' OR container_count > {0} / 10",
)
"""Shapes of condition, filled with a number from 1 on: some hit a handful of rows, some every third."""


def criteria_set(count: int) -> CriteriaSet:
    """Return `count` criteria in the lanes, with hit percentages."""
    lanes, shapes = cycle(["yellow", "red", "orange", "blue"]), cycle(CONDITIONS)
    tables = [
        {
            "id": f"c{number:03d}",
            "title": f"Criterion {number}",
            "when": shape.format(number),
            "lane": lane,
            "hit_percentage": 10 + number % 90,
        }
        for number, shape, lane in islice(zip(range(1, count + 1), shapes, lanes, strict=False), count)
    ]
    return CriteriaSet.from_dict({"criterion": tables})


def generated(folder: Path, rows: int) -> None:
    """Generate a year of declarations."""
    generate(folder, rows=rows, months=12, seed=workload.SEED)


def measured(folder: Path, count: int) -> dict[str, float | int]:
    """Put the history together, evaluate, tabulate; return the seconds of each phase and what there was of it."""
    declarations, outcomes = (pl.read_parquet(folder / name / "*.parquet") for name in ("declarations", "outcomes"))
    pipeline, criteria = workload.pipeline(), criteria_set(count)
    limits = [LaneLimit(limit.lane, limit.share, limit.count) for limit in pipeline.selection.capacity]
    phases = Phases()
    history = phases(lambda: _history(declarations, outcomes, criteria))
    hits = phases(lambda: history.hits(criteria))
    found = phases(lambda: backtest(criteria, history, limits=limits, hits=hits))
    seconds = phases.seconds
    return {
        "items": found.items,
        "mean_hits_per_criterion": int(found.criteria["hits"].mean() or 0),
        "labelled": found.known_items,
        "history_s": seconds[0],
        "hit_matrix_s": seconds[1],
        "tables_s": seconds[2],
        "backtest_s": seconds[1] + seconds[2],
        "ratio_to_hit_matrix": (seconds[1] + seconds[2]) / seconds[1],
    }


def _history(declarations: pl.DataFrame, outcomes: pl.DataFrame, criteria: CriteriaSet) -> History:
    features = workload.pipeline().features
    first, last = declarations["lodged_at"].min(), declarations["lodged_at"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    used = profiles_used(criteria, features)
    whole = {"start": first, "end": last + timedelta(seconds=1)}
    history = History.build(declarations, outcomes, features, **whole, used=used)
    score = np.random.default_rng(workload.SEED).random(history.rows.height)
    return replace(history, rows=history.rows.with_columns(score=pl.Series(score)), score_from=first)


class Phases:
    """Runs one work after the other and keeps the seconds that each takes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, work: Callable[[], Any]) -> Any:
        """Run `work` and return what it gives."""
        start = time.perf_counter()
        result = work()
        self.seconds.append(time.perf_counter() - start)
        return result


def main() -> None:
    """Generate in a process of its own, back-test in another, and say what each phase took."""
    given = workload.options(__doc__, rows=2_000_000, criteria=200)
    with workload.scratch() as name:
        folder = Path(name) / "world"
        apart(generated, folder, given.rows)
        _, peak_gb, figures = apart(measured, folder, given.criteria)
    workload.report("backtest", rows=given.rows, criteria=given.criteria, **figures, peak_gb=peak_gb)


if __name__ == "__main__":
    main()
