"""Estimates from the random arm on 2 M items, beside a bare weighted mean in NumPy: one JSON line.

``python benchmarks/bench_estimates.py [--rows 2000000] [--runs 3]``

The bare mean reads ready arrays and gives no interval: it is the least that anybody could do. ``items_per_s`` counts
reading, checking and sorting the record, compliance with its intervals, and the value of another policy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

import workload
from workbench.estimates import ControlRecord, compliance, policy_value

ITEMS_A_DECLARATION, OFFICES, REGIMES = 1.6, 20, 10
FULL_SHARE, RANDOM_SHARE, VIOLATION_RATE, TARGET_SHARE = 0.05, 0.01, 0.0044, 0.05


def decided(rows: int) -> pl.DataFrame:
    """Return a record of decisions with results, of the given number of items."""
    rng = np.random.default_rng(workload.SEED)
    of = np.sort(rng.integers(0, int(rows / ITEMS_A_DECLARATION), rows))
    count = int(of.max()) + 1
    certain, drawn = rng.random(count) < FULL_SHARE, rng.random(count) < RANDOM_SHARE
    probability = np.where(certain, 1.0, RANDOM_SHARE)
    full = certain | drawn
    names = {"office_id": rng.integers(0, OFFICES, count), "regime_code": rng.integers(0, REGIMES, count)}
    found = rng.random(rows) < VIOLATION_RATE
    declarations = pl.DataFrame(
        {
            "declaration_id": pl.Series(np.arange(count)).cast(pl.String).str.zfill(9),
            **{name: pl.Series(code).cast(pl.String) for name, code in names.items()},
            "would_be_lane": np.where(certain, "red", "green"),
            "lane": np.where(full, "red", "green"),
            "cause": np.where(certain, "model", np.where(drawn, "random", "none")),
            "random_probability": np.where(certain, 0.0, RANDOM_SHARE),
            "full_control_probability": probability,
        }
    )
    return declarations[of].with_columns(
        item_no=pl.int_range(1, rows + 1, dtype=pl.Int32),
        violation=pl.Series(np.where(full[of], found, np.nan)).fill_nan(None),
        recovered_duty_usd=pl.Series(np.where(full[of], found * rng.lognormal(6, 2, rows), np.nan)).fill_nan(None),
        target=pl.Series((rng.random(count) < TARGET_SHARE).astype(float)[of]),
    )


def bare(violation: npt.NDArray[np.float64], probability: npt.NDArray[np.float64]) -> float:
    """Return the weighted mean of the controlled items."""
    known = ~np.isnan(violation)
    return float(np.average(violation[known], weights=1.0 / probability[known]))


def main() -> None:
    """Time each step, in turn with the bare mean."""
    given = workload.options(__doc__, rows=2_000_000, runs=3)
    table = decided(given.rows)
    record = ControlRecord.from_decisions(table)
    arrays = (record.items["violation"].cast(pl.Float64).fill_null(np.nan).to_numpy(), record.probability)
    seconds = workload.medians_s(
        given.runs,
        lambda: ControlRecord.from_decisions(table),
        lambda: compliance(record),
        lambda: policy_value(record, "target"),
        lambda: bare(*arrays),
    )
    workload.report(
        "estimates",
        rows=given.rows,
        items_per_s=round(given.rows / sum(seconds[:3])),
        record_s=seconds[0],
        compliance_s=seconds[1],
        policy_value_s=seconds[2],
        bare_s=seconds[3],
        ratio=sum(seconds[:3]) / seconds[3],
    )


if __name__ == "__main__":
    main()
