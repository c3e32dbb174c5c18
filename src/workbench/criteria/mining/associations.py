"""Rules from associations: codes that occur together in violations more often than elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.mining.bounds import LIFTS, lower_bound
from workbench.criteria.mining.conditions import Codes, Condition, Differ, Rule, rule
from workbench.criteria.mining.sample import Bools, Sample

Codes64 = npt.NDArray[np.int64]

LEAST_TOGETHER = 3
_VALUE_Z = 1.96
_MOST_VALUES = 20
_MOST_LISTED = 20
# Of thousands of names those with most violations are a list of luck; what is known of a name is its past hit rate.
_MOST_CODES = 500
_MOST_GROUPS = 400


def code_conditions(sample: Sample, columns: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Condition]:
    """Return the conditions on single codes that are worth combining.

    They are the values in which some target was found `LEAST_TOGETHER` times or more, the most frequent first, lists
    of those of one column whose rate is clearly above that of all, and whether two countries differ. Names of parties
    are not listed.
    """
    found: list[Condition] = [Differ(left, right, differ=True) for left, right in pairs]
    for column in columns:
        may_be_listed = sample.frame[column].n_unique() <= _MOST_CODES
        for target in sample.targets.values():
            counts = _counts(sample.frame[column], target)
            values = counts.sort("found", column, descending=[True, False])[column].head(_MOST_VALUES)
            found += [Codes(column, (value,)) for value in values]
            listed = _list(counts, column, float(target.mean()))
            if may_be_listed and len(listed) > 1:
                found.append(Codes(column, listed))
    return list(dict.fromkeys(found))


def association_rules(sample: Sample, columns: Sequence[str]) -> Iterator[Rule]:
    """Yield pairs and triples of codes of different columns that were found together in violations; repeats included.

    Only violations are searched, so the work grows with them and not with the history (the idea of mining emerging
    patterns: Dong and Li (1999), KDD, 43-52).
    """
    codes = {name: _numbered(sample.frame[name]) for name in columns}
    values = {name: sample.frame[name].to_numpy() for name in columns}
    for target in sample.targets.values():
        rows = np.flatnonzero(target)
        least = max(LEAST_TOGETHER, len(rows) // 100)
        groups: list[tuple[int, tuple[str, ...], int]] = []
        for size in (2, 3):
            for names in combinations(columns, size):
                groups += [(number, names, row) for row, number in _together([codes[n][rows] for n in names], least)]
        for _, names, row in sorted(groups, key=lambda group: -group[0])[:_MOST_GROUPS]:
            cells = [(name, values[name][rows[row]]) for name in names]
            if all(value is not None for _, value in cells):
                yield rule(*(Codes(name, (value,)) for name, value in cells))


def _counts(column: pl.Series, target: Bools) -> pl.DataFrame:
    table = pl.DataFrame({column.name: column, "target": target}).drop_nulls()
    counts = table.group_by(column.name).agg(labelled=pl.len(), found=pl.col("target").sum())
    return counts.filter(pl.col("found") >= LEAST_TOGETHER)


def _list(counts: pl.DataFrame, column: str, rate: float) -> tuple[str, ...]:
    found, labelled = (counts[name].cast(pl.Float64).to_numpy() for name in ("found", "labelled"))
    above = counts.filter(pl.Series(lower_bound(found, labelled, _VALUE_Z) >= LIFTS[0] * rate))
    values = above.sort("found", column, descending=[True, False])[column].head(_MOST_LISTED)
    return tuple(sorted(values))


def _numbered(column: pl.Series) -> Codes64:
    """Return a number for each code; 0 where there is none."""
    return column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()


def _together(codes: Sequence[Codes64], least: int) -> Iterator[tuple[int, int]]:
    """Yield a row and the size of each group of rows that agree in all `codes`, groups of `least` or more."""
    key = codes[0]
    for code in codes[1:]:
        key = key * (int(code.max(initial=0)) + 1) + code
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    frequent = counts >= least
    yield from zip(first[frequent].tolist(), counts[frequent].tolist(), strict=True)
