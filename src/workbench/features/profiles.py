"""Profiles: the smoothed violation rate of an entity or of a cross, among its past controls.

Known at lodgement, as far as results of controls were recorded by then. The rate speaks of controlled goods only:
who was never controlled has the prior, not a clean record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.features.past import Past
from workbench.scorer.risk.featureset import Recipe
from workbench.scorer.risk.lookups import Lookup, Values, stem


@dataclass(frozen=True)
class HitRate:
    """Smoothed hit rate of the groups that `columns` form.

    The rate of a group with ``v`` violations in ``n`` controls is ``(v + m * prior) / (n + m)``: with m = 20 and a
    prior of 1 %, five violations in five controls give 0.208, not 1. Larger is more suspicious.
    Source: Micci-Barreca (2001), SIGKDD Explorations 3(1), additive smoothing.

    Parameters
    ----------
    columns
        The cross, for example ``("hs6", "origin_country_code")``.
    smoothing
        m: weight of the prior, in controls; larger than 0.
    """

    columns: tuple[str, ...]
    smoothing: float

    @property
    def name(self) -> str:
        """Name of the lookup."""
        return f"{stem(self.columns)}__controls"

    @property
    def values(self) -> tuple[str, ...]:
        """Names of what the table holds of each group."""
        return ("hit_rate", "controls", "violations")

    def learn(self, past: Past) -> tuple[Lookup, Mapping[str, Values]]:
        """Count controls and violations by group and fold; a training row's values leave its own fold out."""
        groups = past.groups(self.columns)
        places, folds = groups.places[past.labelled], past.folds[past.labelled]
        cell = places * past.fold_count + folds
        shape = (groups.count, past.fold_count)
        size = groups.count * past.fold_count
        controls = np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)
        violations = np.bincount(cell, weights=past.labels, minlength=size).reshape(shape)
        prior = float(past.labels.mean())
        n, v = controls.sum(axis=1), violations.sum(axis=1)
        others_n, others_v = n[places] - controls[places, folds], v[places] - violations[places, folds]
        seen = n > 0
        table = pl.DataFrame(
            {
                "key": groups.keys[seen],
                "hit_rate": self._smooth(v, n, prior)[seen],
                "controls": n[seen],
                "violations": v[seen],
            }
        )
        # Fewer folds teach a training row than teach a new one: scale its count to what the whole past would give.
        unfold = past.fold_count / (past.fold_count - 1)
        out_of_fold = {
            "hit_rate": self._smooth(others_v, others_n, prior),
            "controls": others_n * unfold,
            "violations": others_v * unfold,
        }
        defaults = {"hit_rate": prior, "controls": 0.0, "violations": 0.0}
        return Lookup(self.name, self.columns, table, defaults), out_of_fold

    def _smooth(self, violations: Values, controls: Values, prior: float) -> Values:
        return (violations + self.smoothing * prior) / (controls + self.smoothing)

    def recipes(self) -> list[Recipe]:
        """Return the rate and the number of controls behind it."""
        group = stem(self.columns)
        return [
            Recipe(f"{group}_{value}", "lookup", lookup=self.name, value=value) for value in ("hit_rate", "controls")
        ]
