"""Training: from what was known at one moment to a fitted risk model.

The trees are grown twice. First on the earlier part of the past, stopped early on its later part, which also calibrates
the probabilities; then on all of it with the number of rounds found. No row is ever judged by trees that saw it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import ConfigError, LabelError
from workbench.features import TrainingFeatures, fit_features
from workbench.scorer.risk.calibration import Calibration
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import Values
from workbench.scorer.risk.riskmodel import RiskModel
from workbench.timeline import as_of, earlier_share

if TYPE_CHECKING:
    import xgboost

_ENGINE: Mapping[str, Any] = {"objective": "binary:logistic", "tree_method": "hist", "verbosity": 1}

_LEAST_VIOLATIONS_WITH_REVENUE = 30
"""Below this many the amount recovered cannot be told from chance, and no recovery model is grown."""

_MICROSECONDS_A_WEEK = 7 * 24 * 3600 * 1e6

_VIOLATIONS_A_BREAKPOINT = 40
_LEAST_SLOPE = 0.05


@dataclass(frozen=True)
class Training:
    """A trained model and how it came about.

    Parameters
    ----------
    model
        Grown on everything known at `as_of`.
    rounds
        Trees grown, found by early stopping on the later period.
    stop_loss
        Log loss on the later period at that number of rounds, smaller is better; ``None`` where nothing was held back.
    fitted
        The features, with the out-of-fold matrix and the labels that the model learnt from.
    as_of
        Moment of knowledge.
    """

    model: RiskModel
    rounds: int
    stop_loss: float | None
    fitted: TrainingFeatures
    as_of: datetime


def train(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    moment: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
) -> Training:
    """Train on what was known at `moment`.

    Parameters
    ----------
    declarations, outcomes
        Canonical tables; rows lodged and labels recorded at or after `moment` are not read.
    moment
        The moment of knowledge.
    features, config
        The pipeline's [features] and [model].

    Raises
    ------
    LabelError
        Too few labels, or all of one class, in the earlier or in the later part.
    """
    past = as_of(declarations, outcomes, moment)
    stopped = stop_early(declarations, outcomes, past, features, config)
    again = train_again(
        declarations, outcomes, moment, features, config, rounds=stopped.rounds, calibration=stopped.calibration
    )
    return replace(again, stop_loss=stopped.loss)


def train_again(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    moment: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
    *,
    rounds: int,
    calibration: Calibration,
) -> Training:
    """Train on what was known at `moment` with the rounds and the calibration that an earlier training found.

    Nothing is held back to stop or calibrate on, so nothing is measured either: `stop_loss` is ``None``.
    """
    whole = fit_features(as_of(declarations, outcomes, moment), features)
    booster = grow(whole.matrix, whole.labels, config, rounds, weights=label_weights(whole.rows, config))
    model = RiskModel(whole.features, booster, calibration, grow_recovery(whole, config))
    return Training(model, rounds, None, whole, moment)


@dataclass(frozen=True)
class Stopped:
    """What the later period tells: how many rounds to grow, the loss there, and how to calibrate."""

    rounds: int
    loss: float
    calibration: Calibration


def stop_early(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    past: pl.DataFrame,
    features: FeaturesConfig,
    config: ModelConfig,
) -> Stopped:
    """Grow trees on the earlier part of the past until the later part gets no better, and calibrate there."""
    early, later = earlier_and_later(declarations, outcomes, past, config.stop_share, features)
    labels = later["violation"].cast(pl.Float64).to_numpy()
    matrix, weights = early.features.matrix(early.features.read(later)), label_weights(later, config)
    booster = grow(
        early.matrix,
        early.labels,
        config,
        config.rounds,
        weights=label_weights(early.rows, config),
        watch=(matrix, labels, weights),
    )
    rounds = booster.best_iteration + 1
    _require_splits(booster, early)
    margins = booster.inplace_predict(matrix, iteration_range=(0, rounds), predict_type="margin")
    return Stopped(rounds, float(booster.best_score), calibrate(np.asarray(margins, dtype=np.float64), labels, weights))


def label_weights(labelled: pl.DataFrame, config: ModelConfig) -> Values | None:
    """Return what each label counts under [model], the mean being 1; ``None`` where all count the same.

    A label that had one chance in fifty of coming about stands for fifty declarations. Few such labels would then rule
    the model, so that a weight is cut at `weight_limit` times the mean: a little bias for much less variance. Where
    schemes move, many old results say that a place is clean which no longer is: with `half_life_weeks` they fade.

    Parameters
    ----------
    labelled
        Rows with a label, ``inclusion_probability`` in (0, 1] where ``weights = "inclusion"``, and ``lodged_at`` where
        a half-life is given.
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
    >>> rows = pl.DataFrame({"lodged_at": [datetime(2026, 1, 5), datetime(2026, 1, 19)]})
    >>> label_weights(rows, ModelConfig(rounds=1, half_life_weeks=2)).round(3).tolist()
    [0.667, 1.333]
    """
    if config.weights == "none" and config.half_life_weeks is None:
        return None
    weights = np.ones(labelled.height) if config.weights == "none" else 1.0 / inclusion_probability(labelled)
    if config.half_life_weeks is not None:
        weights = weights * 0.5 ** (weeks_before_newest(labelled["lodged_at"]) / config.half_life_weeks)
    return trimmed(weights, config.weight_limit)


def weeks_before_newest(lodged_at: pl.Series) -> Values:
    """Return how many weeks before the latest of them goods were lodged, shape (n,), not negative.

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


def inclusion_probability(labelled: pl.DataFrame) -> Values:
    """Return the probability with which each labelled row had been selected, in (0, 1].

    Raises
    ------
    LabelError
        A row has none, or one outside (0, 1].
    """
    known = labelled["inclusion_probability"] if "inclusion_probability" in labelled.columns else None
    sound = 0 if known is None else int(known.is_between(0, 1, closed="right").fill_null(False).sum())
    if known is None or sound < labelled.height:
        raise LabelError(
            f"Weights by inclusion need the probability of having been controlled, in (0, 1], for every label; "
            f"{labelled.height - sound:,} of {labelled.height:,} have none. Map 'inclusion_probability', or set "
            '[model] weights = "none".'
        )
    return known.cast(pl.Float64).to_numpy()


def _require_splits(booster: xgboost.Booster, early: TrainingFeatures) -> None:
    if not booster.get_score():
        raise LabelError(
            f"The trees found nothing to split on among {len(early.labels):,} labels with {int(early.labels.sum()):,} "
            "violations: every score would be the same. Learn from a longer period, or lower min_child_weight in "
            "[model.parameters]."
        )


def earlier_and_later(
    declarations: pl.DataFrame, outcomes: pl.DataFrame, past: pl.DataFrame, later_share: float, features: FeaturesConfig
) -> tuple[TrainingFeatures, pl.DataFrame]:
    """Split the past in two by time: features learnt as of the cut, and the labelled rows lodged from the cut on."""
    labelled = past.filter(pl.col("violation").is_not_null())
    if not labelled.height:
        fit_features(past, features)  # raises, naming what is missing
    later = labelled.filter(~earlier_share(labelled, 1 - later_share))
    if later["violation"].n_unique() < 2:
        raise LabelError(
            f"The last {later_share:.0%} of the {labelled.height:,} labelled items, which stop the training, hold one "
            "class only. Give a longer period, or raise [model] stop_share."
        )
    cut = later["lodged_at"].dt.truncate("1d").min()
    assert isinstance(cut, datetime)  # a non-empty Datetime column has a first moment
    return fit_features(as_of(declarations, outcomes, cut), features), later


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
    (Jorgensen 1987, Journal of the Royal Statistical Society B 49(2)).
    """
    import xgboost

    amounts = whole.rows["recovered_duty_usd"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = (whole.labels == 1) & np.isfinite(amounts)
    if known.sum() < _LEAST_VIOLATIONS_WITH_REVENUE or not amounts[known].any():
        return None
    settings = {
        "objective": "reg:tweedie",
        "tweedie_variance_power": 1.5,
        "tree_method": "hist",
        "max_depth": 4,
        "eta": 0.1,
        "min_child_weight": 5,
        "colsample_bytree": 0.5,
        "base_score": float(amounts[known].mean()),
        "seed": config.seed,
        "nthread": config.parameters.get("nthread", 0),
    }
    data = xgboost.QuantileDMatrix(whole.matrix[known], amounts[known], nthread=config.parameters.get("nthread"))
    return xgboost.train(settings, data, config.recovery_rounds)


def calibrate(margins: Values, labels: Values, weights: Values | None = None) -> Calibration:
    """Fit breakpoints from margin to log odds on rows that the trees did not see.

    Logistic calibration (Platt 1999) gives the line; where there are violations enough, the line bends at points
    found by isotonic regression of equally filled bins (Zadrozny & Elkan 2002), kept strictly rising. `weights` says
    what each label counts, the mean being 1: with those of inclusion the scores hold for all goods, and not for
    controlled ones only.
    """
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    counts = np.ones(len(labels)) if weights is None else weights
    platt = LogisticRegression(C=1e6).fit(margins[:, None], labels, sample_weight=counts)
    slope, offset = max(float(platt.coef_[0, 0]), _LEAST_SLOPE), float(platt.intercept_[0])
    bins = min(int(labels.sum()) // _VIOLATIONS_A_BREAKPOINT, 20)
    line = Calibration((-1.0, 1.0), (offset - slope, offset + slope))
    if bins < 3:
        return line
    parts = np.array_split(np.argsort(margins, kind="stable"), bins)
    sizes = np.array([counts[part].sum() for part in parts])
    centres = np.array([np.average(margins[part], weights=counts[part]) for part in parts])
    # One more row at the base rate keeps a bin without (or full of) violations from promising certainty.
    base_rate = np.average(labels, weights=counts)
    rates = np.array([counts[part] @ labels[part] + base_rate for part in parts]) / (sizes + 1)
    rising = IsotonicRegression().fit_transform(centres, rates, sample_weight=sizes)
    return _strictly_rising(centres, np.log(rising / (1 - rising)))


def _strictly_rising(centres: Values, log_odds: Values) -> Calibration:
    """Give every segment at least a small slope: isotonic steps are flat, and flat means ties in the ranking."""
    least = np.concatenate([[0.0], np.cumsum(np.diff(centres) * _LEAST_SLOPE)])
    lifted = np.maximum.accumulate(log_odds - least) + least
    kept = np.concatenate([[True], np.diff(centres) > 1e-9])
    return Calibration(tuple(centres[kept].tolist()), tuple(lifted[kept].tolist()))
