"""Trees: for the probability of a violation, and for what one recovers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.config import ModelConfig
from workbench.errors import ConfigError
from workbench.features import TrainingFeatures
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import Values

from .weights import label_weights

if TYPE_CHECKING:
    import xgboost

_ENGINE: Mapping[str, Any] = {"objective": "binary:logistic", "tree_method": "hist", "verbosity": 1}

_LEAST_VIOLATIONS_WITH_REVENUE = 30
"""Below this many the amount recovered cannot be told from chance, and no recovery model is grown."""


def grow(
    matrix: Matrix,
    labels: Values,
    config: ModelConfig,
    rounds: int,
    *,
    weights: Values | None = None,
    watch: tuple[Matrix, Values, Values | None] | None = None,
) -> xgboost.Booster:
    """Grow `rounds` trees; with `watch`, stop once the watched log loss has not fallen for a while.

    The same rows, parameters and seed give the same trees at any number of threads. `weights` says what each label
    counts; `watch` holds the later rows' matrix, labels and weights.
    """
    import xgboost

    settings = {**_ENGINE, "eval_metric": "logloss", "seed": config.seed, **config.parameters}
    # The matrix is cut into bins by as many threads as the trees are grown with: side by side, more of them cost time.
    threads = config.parameters.get("nthread")
    data = xgboost.QuantileDMatrix(matrix, labels, weight=weights, nthread=threads)
    stopping: dict[str, Any] = {}
    if watch is not None:
        seen, known, counts = watch
        later = xgboost.QuantileDMatrix(seen, known, weight=counts, ref=data, nthread=threads)
        stopping = {"evals": [(later, "later")], "early_stopping_rounds": config.early_stopping_rounds}
    try:
        return xgboost.train(settings, data, rounds, verbose_eval=False, **stopping)
    except xgboost.core.XGBoostError as error:
        cause = str(error).strip().splitlines()[0]
        raise ConfigError(f"XGBoost refused [model.parameters] {dict(config.parameters)}: {cause}") from None


def grow_recovery(whole: TrainingFeatures, config: ModelConfig) -> xgboost.Booster | None:
    """Grow trees for the duty recovered from a violation, in USD; ``None`` where too few violations had revenue.

    Amounts are zero or positive with a heavy tail, hence a Tweedie deviance with a log link
    (Jorgensen 1987, Journal of the Royal Statistical Society B 49(2)). Labels count as they do for the probability.
    """
    import xgboost

    amounts = whole.rows["recovered_duty_usd"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = (whole.labels == 1) & np.isfinite(amounts)
    if known.sum() < _LEAST_VIOLATIONS_WITH_REVENUE or not amounts[known].any():
        return None
    weights, threads = label_weights(whole.rows, config), config.parameters.get("nthread")
    counts = None if weights is None else weights[known]
    settings = {
        "objective": "reg:tweedie",
        "tweedie_variance_power": 1.5,
        "tree_method": "hist",
        "max_depth": 4,
        "eta": 0.1,
        "min_child_weight": 5,
        "colsample_bytree": 0.5,
        "base_score": float(np.average(amounts[known], weights=counts)),
        "seed": config.seed,
        "nthread": threads or 0,
    }
    data = xgboost.QuantileDMatrix(whole.matrix[known], amounts[known], weight=counts, nthread=threads)
    return xgboost.train(settings, data, config.recovery_rounds)
