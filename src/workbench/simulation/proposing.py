"""What a criteria set proposes for a week's goods, with profile columns learnt from what was known when it began."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from workbench.config import FeaturesConfig
from workbench.features import learners, readable_columns
from workbench.features.learners import Learner as ProfileLearner
from workbench.features.past import Past
from workbench.features.profiles import HitRate
from workbench.scorer.criteria import CompiledCriteria, CriteriaSet
from workbench.scorer.lanes.proposals import severity_by_points
from workbench.scorer.risk.lookups import KeySpace, profile_name
from workbench.scorer.schema import Lane

from .policy import Values
from .settings import Learning


def proposed_severity(learning: Learning, past: pl.DataFrame, goods: pl.DataFrame) -> Values:
    """Return the severity of the most severe lane that criteria, or their points, propose for each of the goods.

    Parameters
    ----------
    learning
        Features and criteria file; without a file nothing is proposed.
    past
        Derived goods lodged before, ``violation`` null where no label was known.
    goods
        Derived goods to judge.

    Returns
    -------
    Values
        Shape (n,), from 0 for none to 4 for red. A condition that is not evaluable is no hit, and
        every hit proposes but those of a criterion with a hit percentage of 0.

    Raises
    ------
    CriterionError
        A criterion is refused, or fails on some row; it is named.
    """
    if learning.criteria is None or not goods.height:
        return np.zeros(goods.height)
    criteria, compiled = _compiled(learning.criteria, learning.features)
    profiles = profiles_of(learning.features, compiled.columns, past, goods)
    columns = [name for name in compiled.columns if name not in profiles.columns]
    hits = compiled.hits(goods.select(columns).hstack(profiles)).matrix
    return _severity(criteria, hits.fill_null(value=False))


def _severity(criteria: CriteriaSet, hits: pl.DataFrame) -> Values:
    severity, points = np.zeros(hits.height), np.zeros(hits.height)
    for criterion in criteria.criteria:
        hit = hits[criterion.id].to_numpy()
        points += hit * (criterion.points or 0)
        if criterion.hit_percentage > 0:
            severity = np.maximum(severity, hit * Lane(criterion.lane).severity)
    proposed: Values = np.maximum(severity, severity_by_points(points, criteria.points))
    return proposed


@lru_cache(maxsize=8)
def _compiled(path: Path, features: FeaturesConfig) -> tuple[CriteriaSet, CompiledCriteria]:
    """Read a criteria file once for all the weeks of a simulation."""
    criteria = CriteriaSet.from_toml(path)
    return criteria, criteria.compile(readable_columns(features))


def profiles_of(
    features: FeaturesConfig, wanted: Iterable[str], past: pl.DataFrame, goods: pl.DataFrame
) -> pl.DataFrame:
    """Return those of the profile columns `wanted` that there are, of each of the goods, learnt from the past.

    Null where the past tells nothing: rates while no label is known, prices of too small groups.
    """
    named = [(learner, _named(learner, set(wanted))) for learner in learners(features)]
    used = [(learner, names) for learner, names in named if names]
    space = KeySpace.learn(past, {column for learner, _ in used for column in learner.columns})
    table, codes = Past(past, space, features.folds), space.codes(goods)
    found: dict[str, Values] = {}
    for learner, names in used:
        found |= dict.fromkeys(names, np.full(goods.height, np.nan))
        if past.height and (not isinstance(learner, HitRate) or table.labelled.any()):
            lookup, _ = learner.learn(table)
            rows = lookup.rows(space.keys(codes, learner.columns))
            found |= {name: lookup.take(rows, value) for name, value in names.items()}
    return pl.DataFrame(found, nan_to_null=True, schema=dict.fromkeys(found, pl.Float64()))


def _named(learner: ProfileLearner, wanted: set[str]) -> dict[str, str]:
    """Return the name of each of the learner's profile columns that is wanted, with the value that it holds."""
    names = {profile_name(learner.columns, value): value for value in learner.values}
    return {name: value for name, value in names.items() if name in wanted}
