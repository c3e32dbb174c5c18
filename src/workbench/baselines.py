"""Baselines: what other methods would have found, trained on the same past and judged on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.features import TrainingFeatures
from workbench.features.past import Past
from workbench.features.profiles import HitRate
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import KeySpace, Values
from workbench.scorer.schema import derive

_SMOOTHING = 20.0
_ONE_CROSS = ("hs6", "origin_country_code")
_FOREST_ROWS = 40_000

Scored = Mapping[str, Values]


def baseline_scores(training: TrainingFeatures, past: pl.DataFrame, later: pl.DataFrame, *, seed: int) -> Scored:
    """Train every baseline on the past and score later rows.

    Parameters
    ----------
    training
        Fitted features and out-of-fold matrix of the past: logistic regression and forest read the same features as
        the model.
    past
        What was known then, `violation` null where no label was known.
    later
        Canonical rows lodged later.
    seed
        Seed of the forest and of the sample that it is grown on.

    Returns
    -------
    Mapping[str, Values]
        Score of each row of `later` by baseline name; larger is more suspicious.
    """
    given = training.features.read(later)
    matrix = training.features.matrix(given)
    fits: dict[str, Callable[[], Values]] = {
        "base rate": lambda: np.full(later.height, training.labels.mean()),
        "importer's past rate": lambda: past_rate(past, later, ("importer_id",)),
        "past rate of HS x origin": lambda: past_rate(past, later, _ONE_CROSS),
        "logistic regression": lambda: _logistic(training, matrix),
        "random forest": lambda: _forest(training, matrix, seed),
    }
    return {name: fit() for name, fit in fits.items()}


def past_rate(past: pl.DataFrame, later: pl.DataFrame, columns: tuple[str, ...]) -> Values:
    """Return the smoothed violation rate of each later row's group among the past's labelled rows."""
    derived, seen = derive(later), derive(past)
    table = Past(seen, KeySpace.learn(seen, columns), fold_count=2)
    lookup, _ = HitRate(columns, _SMOOTHING).learn(table)
    keys = table.space.keys(table.space.codes(derived), columns)
    return lookup.take(lookup.rows(keys), "hit_rate")


def _logistic(training: TrainingFeatures, later: Matrix) -> Values:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.1, max_iter=300)
    )
    pipeline.fit(training.matrix, training.labels)
    scores: Values = pipeline.predict_proba(later)[:, 1]
    return scores


def _forest(training: TrainingFeatures, later: Matrix, seed: int) -> Values:
    from sklearn.ensemble import RandomForestClassifier

    chosen = _sample(training.labels, seed)
    forest = RandomForestClassifier(100, min_samples_leaf=5, max_samples=0.5, n_jobs=1, random_state=seed)
    forest.fit(training.matrix[chosen], training.labels[chosen])
    scores: Values = forest.predict_proba(later)[:, 1]
    return scores


def _sample(labels: Values, seed: int) -> npt.NDArray[np.int64]:
    """Return rows for the forest: all if they are few, else the violations and as many clean rows as fit.

    A baseline must not take longer than the model that it is compared with. Which clean rows are left out changes the
    level of the forest's scores and not their order.
    """
    if len(labels) <= _FOREST_ROWS:
        return np.arange(len(labels))
    violations, clean = np.flatnonzero(labels == 1)[: _FOREST_ROWS // 2], np.flatnonzero(labels == 0)
    drawn = np.random.default_rng(seed).choice(clean, _FOREST_ROWS - len(violations), replace=False)
    return np.sort(np.concatenate([violations, drawn]))
