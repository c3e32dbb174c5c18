"""Rules from boosted trees: every path from the root to a node is a conjunction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.mining.conditions import MOST_CONDITIONS, Codes, Condition, Differ, Rule, Threshold, rule
from workbench.criteria.mining.quantities import MOST_COUNTED, Quantity
from workbench.criteria.mining.rounding import Scale, rounded
from workbench.criteria.mining.sample import Bools, Sample

Split = Quantity | Codes | Differ
_TREES = 30
_ROWS = 40_000
_PARAMETERS = {
    "objective": "binary:logistic",
    "max_depth": MOST_CONDITIONS - 1,
    "eta": 0.2,
    "min_child_weight": 1.0,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "tree_method": "hist",
    "max_bin": 128,
}


def path_rules(sample: Sample, numbers: Sequence[Quantity], codes: Sequence[Condition], seed: int) -> Iterator[Rule]:
    """Yield the rules of the paths of small boosted trees, grown for each target apart; repeats included.

    Parameters
    ----------
    sample
        What the trees learn from.
    numbers
        Quantities that nodes may compare; thresholds are rounded.
    codes
        Conditions on codes that nodes may ask for.
    seed
        Seed of the draws of rows and columns.
    """
    splits: list[Split] = [*numbers, *[code for code in codes if isinstance(code, Codes | Differ)]]
    drawn = _drawn(sample.violations, seed)
    matrix = _matrix(sample.frame[drawn], splits)
    for forest in _forests(matrix, [target[drawn] for target in sample.targets.values()], splits, seed):
        for tree in forest:
            yield from _paths(tree, splits, ())


def _drawn(violations: Bools, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows to learn from: all violations, and of the others as many as there is room for.

    Which others are left out changes the level of the trees' answers and not where they split.
    """
    others = np.flatnonzero(~violations)
    kept = np.random.default_rng(seed).permutation(others)[: max(_ROWS - int(violations.sum()), _ROWS // 2)]
    return np.sort(np.concatenate([np.flatnonzero(violations), kept]))


def _matrix(frame: pl.DataFrame, splits: Sequence[Split]) -> npt.NDArray[np.float32]:
    values = [split.value if isinstance(split, Quantity) else split.mask for split in splits]
    columns = frame.lazy().select(value.cast(pl.Float32).alias(str(n)) for n, value in enumerate(values)).collect()
    return columns.to_numpy(order="fortran")


def _forests(
    matrix: npt.NDArray[np.float32], targets: Sequence[Bools], splits: Sequence[Split], seed: int
) -> Iterator[list[dict[str, Any]]]:
    import xgboost as xgb

    data = xgb.QuantileDMatrix(matrix, targets[0].astype(np.float32), max_bin=_PARAMETERS["max_bin"])
    constraints = [split.direction if isinstance(split, Quantity) else 0 for split in splits]
    parameters = {**_PARAMETERS, "seed": seed, "monotone_constraints": tuple(constraints)}
    for target in targets:
        data.set_label(target.astype(np.float32))
        booster = xgb.train(parameters, data, _TREES)
        yield [json.loads(tree) for tree in booster.get_dump(dump_format="json")]


def _paths(node: dict[str, Any], splits: Sequence[Split], above: tuple[Condition, ...]) -> Iterator[Rule]:
    if above:
        yield rule(*above)
    if "split" not in node:
        return
    split = splits[int(node["split"][1:])]
    for child in node["children"]:
        condition = _condition(split, float(node["split_condition"]), below=child["nodeid"] == node["yes"])
        # A split that cannot be said in round numbers says nothing; what lies below it may.
        yield from _paths(child, splits, above if condition is None else (*above, condition))


def _condition(split: Split, threshold: float, *, below: bool) -> Condition | None:
    if isinstance(split, Quantity):
        value = rounded(threshold, split.scale)
        against = split.direction * (-1 if below else 1) < 0
        said = value > 0 and not against and (split.scale is not Scale.COUNT or value <= MOST_COUNTED)
        return Threshold(split, below, value) if said else None
    if isinstance(split, Differ):
        return Differ(split.left, split.right, differ=not below)
    # All but a few is hardly a suspicion, unless there are few to choose from.
    if below and len(split.values) > 1:
        return None
    return Codes(split.column, split.values, among=not below)
