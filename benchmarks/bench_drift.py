"""A year of weekly checks for drift, against the bare statistics on the same weeks: one JSON line.

``python benchmarks/bench_drift.py [--rows 300000]``, the goods of a year

Weeks are compared with the 13 before them. Phases: ``weeks_s`` sorts the tables into weeks, ``univariate_s`` is every
column's PSI and, for numbers, Anderson-Darling, ``classifier_s`` the domain classifier, ``year_s`` everything: all
detectors, thresholds and findings. ``bare_s`` is what `numpy` and `scipy` take for the same univariate statistics
written out plainly, on one column in five and scaled up. Targets at 300,000 items, 2 cores: 60 s for ``year_s``, and a
``ratio_to_bare`` below 1.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

import workload
from workbench.drift.counting import has_order
from workbench.drift.detectors import detectors
from workbench.drift.measures import watched
from workbench.drift.monitor import watch
from workbench.drift.weeks import Weeks

_EVERY = 5


def univariate(weeks: Weeks) -> None:
    """Work out every column's PSI and Anderson-Darling for every week."""
    weeks = weeks.until(weeks.count)
    for detector in detectors()[:2]:
        detector.measure(weeks)


def bare(weeks: Weeks) -> float:
    """Return the seconds of the same statistics by numpy and scipy, from a fifth of the columns."""
    columns = watched(weeks.goods)[::_EVERY]
    start = time.perf_counter()
    for name in columns:
        for week in range(weeks.baseline, weeks.count):
            before = weeks.cut(weeks.goods, week - weeks.baseline, week)[name].drop_nulls().to_numpy()
            current = weeks.cut(weeks.goods, week, week + 1)[name].drop_nulls().to_numpy()
            if len(before) and len(current):
                _compare(before, current, ordered=has_order(weeks.goods[name]))
    return (time.perf_counter() - start) * len(watched(weeks.goods)) / len(columns)


def _compare(before: np.ndarray, current: np.ndarray, *, ordered: bool) -> None:
    if ordered:
        edges = np.unique(np.quantile(before, np.arange(1, 10) / 10))
        counts = [np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1) for part in (before, current)]
        if len(np.unique(before)) > 1:
            stats.anderson_ksamp([before, current], variant="midrank")
    else:
        both, codes = np.unique(np.concatenate([before, current]), return_inverse=True)
        parts = codes[: len(before)], codes[len(before) :]
        counts = [np.bincount(part, minlength=len(both)) for part in parts]
    p, q = ((part + 0.5) / (part + 0.5).sum() for part in counts)
    ((q - p) * np.log(q / p)).sum()


def main() -> None:
    """Generate a year and the quarter before it, learn on the first half, and time the parts."""
    given = workload.options(__doc__, rows=300_000)
    warnings.simplefilter("ignore")
    with workload.scratch() as name:
        made = workload.world(Path(name) / "world", given.rows * 15 // 12, months=15)
    start = time.perf_counter()
    weeks = Weeks.of(made.declarations, made.outcomes)
    weeks_s = time.perf_counter() - start
    figures = _timed(weeks)
    bare_s = bare(weeks)
    workload.report(
        "drift",
        rows=given.rows,
        columns=len(watched(weeks.goods)),
        weeks=weeks.count,
        weeks_s=weeks_s,
        **figures,
        bare_s=bare_s,
        ratio_to_bare=figures["univariate_s"] / bare_s,
    )


def _timed(weeks: Weeks) -> dict[str, float]:
    every = detectors()
    seconds = []
    for work in (
        lambda: univariate(weeks),
        lambda: every[4].measure(weeks),
        lambda: watch(weeks.until(weeks.count), every, reference_weeks=39),
    ):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return dict(zip(("univariate_s", "classifier_s", "year_s"), seconds, strict=True))


if __name__ == "__main__":
    main()
