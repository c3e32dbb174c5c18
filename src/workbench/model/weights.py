"""What each label counts in training, early stopping and calibration."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.config import ModelConfig
from workbench.errors import LabelError
from workbench.scorer.risk.lookups import Values
from workbench.scorer.schema import OFFICER

_MICROSECONDS_A_WEEK = 7 * 24 * 3600 * 1e6


def label_weights(labelled: pl.DataFrame, config: ModelConfig) -> Values | None:
    """Return what each label counts under [model], the mean being 1; ``None`` where all count the same.

    With ``weights = "inclusion"`` a label that had one chance in fifty of coming about stands for fifty declarations.
    Few such labels would then rule the model, so that a weight is cut at `weight_limit` times the mean: a little bias
    for much less variance. With `half_life_weeks` labels fade: where schemes move, many old results say that a place is
    clean which no longer is.

    Parameters
    ----------
    labelled
        Rows with a label; ``inclusion_probability`` in (0, 1] and, where there is one, ``cause`` if
        ``weights = "inclusion"``; ``lodged_at`` if a half-life is given.
    config
        The pipeline's [model].

    Raises
    ------
    LabelError
        Weights are asked for and a label has no inclusion probability, or one outside (0, 1].

    References
    ----------
    B. Zadrozny (2004), Learning and evaluating classifiers under sample selection bias, ICML; D. G. Horvitz and D. J.
    Thompson (1952), JASA 47, 663-685; R. Klinkenberg (2004), Learning drifting concepts: example selection vs. example
    weighting, Intelligent Data Analysis 8, 281-300.

    Examples
    --------
    >>> rows = pl.DataFrame({"inclusion_probability": [1.0, 0.5, 0.5]})
    >>> label_weights(rows, ModelConfig(rounds=1, weights="inclusion")).tolist()
    [0.6, 1.2, 1.2]
    >>> from datetime import datetime
    >>> rows = pl.DataFrame({"lodged_at": [datetime(2026, 1, 5), datetime(2026, 1, 19)]})
    >>> label_weights(rows, ModelConfig(rounds=1, half_life_weeks=2)).round(3).tolist()
    [0.667, 1.333]
    """
    if config.weights == "none" and config.half_life_weeks is None:
        return None
    weights = np.ones(labelled.height)
    if config.weights == "inclusion":
        weights = trimmed(1.0 / inclusion_probability(labelled), config.weight_limit)
    if config.half_life_weeks is not None:
        # After the cut: it is for labels that stand for too many, and the newest stand for themselves.
        weights = weights * 0.5 ** (weeks_before_newest(labelled["lodged_at"]) / config.half_life_weeks)
    scaled: Values = weights / weights.mean()
    return scaled


def weeks_before_newest(lodged_at: pl.Series) -> Values:
    """Return how many weeks before the latest of them goods were lodged, shape (n,), not negative.

    >>> from datetime import datetime
    >>> weeks_before_newest(pl.Series([datetime(2026, 1, 1, 12), datetime(2026, 1, 5)])).tolist()
    [0.5, 0.0]
    """
    microseconds = lodged_at.dt.epoch("us").to_numpy()
    age: Values = (microseconds.max() - microseconds) / _MICROSECONDS_A_WEEK
    return age


def trimmed(weights: Values, most: float) -> Values:
    """Return weights of mean 1, none of which was above `most` times the mean: few labels must not rule a model.

    >>> trimmed(np.array([1.0, 1.0, 4.0]), most=1.5).round(3).tolist()
    [0.6, 0.6, 1.8]
    """
    cut = np.minimum(weights / weights.mean(), most)
    scaled: Values = cut / cut.mean()
    return scaled


def effective_size(weights: Values) -> float:
    """Return how many equally weighted rows would be as sure: (sum w)^2 / sum w^2; 0 where nothing counts.

    L. Kish (1965), Survey Sampling, 11.7.

    >>> effective_size(np.array([1.0, 1.0, 2.0])), effective_size(np.array([]))
    (2.6666666666666665, 0.0)
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def inclusion_probability(labelled: pl.DataFrame) -> Values:
    """Return the probability with which each labelled row had been selected, in (0, 1].

    What an officer chose was no draw, whatever chance the system had given it: it stands for itself, with 1.

    Raises
    ------
    LabelError
        A row has none, or one outside (0, 1].

    Examples
    --------
    >>> rows = pl.DataFrame({"inclusion_probability": [0.5, 0.01], "cause": ["random", "officer"]})
    >>> inclusion_probability(rows).tolist()
    [0.5, 1.0]
    """
    known = _recorded_probability(labelled)
    sound = int(known.is_between(0, 1, closed="right").fill_null(False).sum())
    if sound < labelled.height:
        raise LabelError(
            f"Weights by inclusion need the probability of having been controlled, in (0, 1], for every label; "
            f"{labelled.height - sound:,} of {labelled.height:,} have none. Map 'inclusion_probability', or set "
            '[model] weights = "none".'
        )
    return known.to_numpy()


def _recorded_probability(labelled: pl.DataFrame) -> pl.Series:
    if "inclusion_probability" not in labelled.columns:
        return pl.Series([None] * labelled.height, dtype=pl.Float64)
    recorded = pl.col("inclusion_probability").cast(pl.Float64)
    if "cause" in labelled.columns:
        is_officers = pl.col("cause").cast(pl.String).str.split(":").list.first() == OFFICER
        recorded = pl.when(is_officers).then(1.0).otherwise(recorded)
    return labelled.select(recorded).to_series()
