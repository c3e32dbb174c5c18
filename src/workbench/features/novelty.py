"""Frequency and novelty: how often a group was lodged before. Known at lodgement; no label is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.features.past import Past
from workbench.scorer.risk.featureset import Recipe
from workbench.scorer.risk.lookups import Lookup, Values, stem


@dataclass(frozen=True)
class Frequency:
    """Past declaration items of the groups that `columns` form; 0 is a group never seen, the mark of novelty."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the lookup."""
        return f"{stem(self.columns)}__declarations"

    @property
    def values(self) -> tuple[str, ...]:
        """Names of what the table holds of each group."""
        return ("declarations",)

    def learn(self, past: Past) -> tuple[Lookup, Mapping[str, Values]]:
        """Count rows by group and fold; a training row's count leaves its own fold out and is scaled to the whole."""
        groups = past.groups(self.columns)
        size = groups.count * past.fold_count
        counts = np.bincount(groups.places * past.fold_count + past.folds, minlength=size)
        counts = counts.reshape(groups.count, past.fold_count).astype(np.float64)
        total = counts.sum(axis=1)
        own, fold = groups.places[past.labelled], past.folds[past.labelled]
        scale = past.fold_count / (past.fold_count - 1)
        table = pl.DataFrame({"key": groups.keys, "declarations": total})
        out_of_fold = {"declarations": (total[own] - counts[own, fold]) * scale}
        return Lookup(self.name, self.columns, table, {"declarations": 0.0}), out_of_fold

    def recipes(self) -> list[Recipe]:
        """Return the count."""
        return [Recipe(f"{stem(self.columns)}_declarations", "lookup", lookup=self.name, value="declarations")]
