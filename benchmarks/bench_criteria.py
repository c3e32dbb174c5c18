"""Hit matrix of many criteria against the same conditions written straight in Polars, and in pandas: one JSON line.

``python benchmarks/bench_criteria.py [--rows 500000] [--criteria 200] [--runs 9] [--pandas]``
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from workbench.scorer.criteria import CriteriaSet


def declarations(rows: int, seed: int = 0) -> pl.DataFrame:
    """Return `rows` made-up declaration items with two percent of each amount missing."""
    random = np.random.default_rng(seed)

    def amounts(mean: float) -> pl.Series:
        values = random.lognormal(mean, 1.5, rows)
        return pl.Series(np.where(random.random(rows) < 0.02, np.nan, values)).fill_nan(None)

    def codes(prefix: str, count: int) -> pl.Series:
        names = np.array([f"{prefix}{number:04d}" for number in range(count)])
        return pl.Series(names[random.integers(0, count, rows)])

    return pl.DataFrame(
        {
            "customs_value_usd": amounts(8),
            "net_mass_kg": amounts(5),
            "gross_mass_kg": amounts(5.1),
            "unit_value_usd_per_kg": amounts(2),
            "hs6_origin_median_unit_value_usd_per_kg": amounts(2),
            "importer_id": codes("I", 5000),
            "hs_code": codes("87", 900),
            "origin_country_code": codes("C", 60),
            "departure_country_code": codes("C", 60),
        }
    )


def _shapes() -> list[Callable[[int], tuple[str, pl.Expr]]]:
    """Return pairs of criterion text and what a Polars user would write for it, by number."""
    value, net, gross = pl.col("customs_value_usd"), pl.col("net_mass_kg"), pl.col("gross_mass_kg")
    unit, median = pl.col("unit_value_usd_per_kg"), pl.col("hs6_origin_median_unit_value_usd_per_kg")
    code, importer = pl.col("hs_code"), pl.col("importer_id")
    return [
        lambda k: (f"customs_value_usd > {1000 + k}", value > 1000.0 + k),
        lambda k: (
            f"unit_value_usd_per_kg < {0.1 + k / 500} * hs6_origin_median_unit_value_usd_per_kg",
            unit < (0.1 + k / 500) * median,
        ),
        lambda k: (
            f"gross_mass_kg < net_mass_kg AND customs_value_usd / net_mass_kg > {k}",
            (gross < net) & (value / net > float(k)),
        ),
        lambda k: (
            f"hs_code LIKE '87{k:04d}%' OR net_mass_kg IS NULL",
            code.str.starts_with(f"87{k:04d}") | net.is_null(),
        ),
        lambda k: (
            f"importer_id IN ('I{k:04d}', 'I{k + 1:04d}', 'I{k + 2:04d}') AND NOT customs_value_usd < 500",
            importer.is_in([f"I{k:04d}", f"I{k + 1:04d}", f"I{k + 2:04d}"]) & ~(value < 500.0),
        ),
        lambda k: (
            f"origin_country_code <> departure_country_code AND net_mass_kg BETWEEN {k} AND {k + 100}",
            (pl.col("origin_country_code") != pl.col("departure_country_code")) & net.is_between(float(k), k + 100.0),
        ),
    ]


def _in_pandas(number: int) -> str:
    """Return the same condition, by number, as a pandas user would write it for ``DataFrame.eval``."""
    k = number
    shapes = (
        f"customs_value_usd > {1000 + k}",
        f"unit_value_usd_per_kg < {0.1 + k / 500} * hs6_origin_median_unit_value_usd_per_kg",
        f"(gross_mass_kg < net_mass_kg) & (customs_value_usd / net_mass_kg > {k})",
        f"hs_code.str.startswith('87{k:04d}') | net_mass_kg.isnull()",
        f"importer_id.isin(['I{k:04d}', 'I{k + 1:04d}', 'I{k + 2:04d}']) & ~(customs_value_usd < 500)",
        f"(origin_country_code != departure_country_code) & (net_mass_kg >= {k}) & (net_mass_kg <= {k + 100})",
    )
    return shapes[number % len(shapes)]


def _pandas_s(frame: pl.DataFrame, criteria: int) -> float:
    """Return the seconds that pandas takes for all conditions; one turn, since it takes many times as long."""
    table = frame.to_pandas()
    start = time.perf_counter()
    for number in range(criteria):
        table.eval(_in_pandas(number), engine="python")
    return time.perf_counter() - start


def _medians_s(runs: int, *works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each work; they take turns, so that a busy machine slows all alike."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def main() -> None:
    """Time both sides in turn and print their medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--criteria", type=int, default=200)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--pandas", action="store_true", help="time pandas.eval too: many times as long")
    options = parser.parse_args()
    frame, shapes = declarations(options.rows), _shapes()
    pairs = [shapes[number % len(shapes)](number) for number in range(options.criteria)]
    tables = [{"id": f"c{number}", "title": "", "when": text, "lane": "red"} for number, (text, _) in enumerate(pairs)]
    criteria = CriteriaSet.from_dict({"criterion": tables})
    bare = {f"c{number}": expression for number, (_, expression) in enumerate(pairs)}
    compiled = criteria.compile(frame.schema)
    compiled.hits(frame)
    frame.select(**bare)
    ours, eager, lazy, compilation = _medians_s(
        options.runs,
        lambda: compiled.hits(frame),
        lambda: frame.select(**bare),
        lambda: frame.lazy().select(**bare).collect(),
        lambda: criteria.compile(frame.schema),
    )
    figures = {
        "bench": "criteria",
        "rows": options.rows,
        "criteria": options.criteria,
        "hits_s": round(ours, 4),
        "polars_eager_s": round(eager, 4),
        "polars_lazy_s": round(lazy, 4),
        "ratio_to_eager": round(ours / eager, 3),
        "ratio_to_lazy": round(ours / lazy, 3),
        "compile_s": round(compilation, 4),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.pandas:
        seconds = _pandas_s(frame, options.criteria)
        figures |= {"pandas_eval_s": round(seconds, 2), "times_faster_than_pandas_eval": round(seconds / ours, 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
