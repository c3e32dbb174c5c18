"""What can be learnt from the labels known when a week began, applied to the week's goods.

Everything is worked out when it is first asked for, from one table: the goods lodged before the week, with the labels
recorded before it. Goods without a label teach what is usual (prices, frequencies), those with one teach what is a
violation. Nothing that came later can have a part in it, since it is not in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.errors import SchemaError
from workbench.features import TrainingFeatures, fit_features
from workbench.model import grow, grow_recovery, label_weights
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.schema import derive, known_at_lodgement

from .policy import Values
from .proposing import proposed_severity
from .settings import Learning

if TYPE_CHECKING:
    import xgboost


@dataclass(frozen=True)
class WeeklyModel:
    """Features fitted on what was known, and the trees grown on them.

    Parameters
    ----------
    fitted
        Features, with the out-of-fold matrix of the labelled goods.
    booster
        Trees whose margin is the log odds of a violation.
    """

    fitted: TrainingFeatures
    booster: xgboost.Booster

    @classmethod
    def on(cls, past: pl.DataFrame, learning: Learning) -> WeeklyModel:
        """Learn from `Knowledge.as_of`; both classes must be among its labels."""
        fitted, config = fit_features(past, learning.features), learning.model_config
        weights = label_weights(fitted.rows, config)
        return cls(fitted, grow(fitted.matrix, fitted.labels, config, config.rounds, weights=weights))


@dataclass(frozen=True)
class KnownLearner:
    """The learner of a week; n goods.

    Parameters
    ----------
    learning
        Features, model, [simulation] and criteria.
    past
        `Knowledge.as_of` the start of the week.
    goods
        The week's goods.
    """

    learning: Learning
    past: pl.DataFrame
    goods: pl.DataFrame

    @cached_property
    def prior(self) -> float:
        """Share of violations among the known labels, by Laplace's rule of succession: never 0 or 1."""
        labels = self.past["violation"].drop_nulls()
        return (int(labels.sum()) + 1) / (len(labels) + 2)

    @cached_property
    def score(self) -> Values:
        """Probability of a violation in (0, 1), shape (n,); the prior for all until both classes are known.

        It is that of goods like those that were controlled: nothing calibrates it for the others.
        """
        if self.trained is None or not self.goods.height:
            return np.full(self.goods.height, self.prior)
        margins = self.trained.booster.inplace_predict(self.matrix, predict_type="margin")
        return 1.0 / (1.0 + np.exp(-np.asarray(margins, dtype=np.float64)))

    @cached_property
    def expected_recovery(self) -> Values:
        """Duty in USD that a control would recover, shape (n,); NaN while too few violations with revenue are known."""
        recovery = None if self.trained is None else grow_recovery(self.trained.fitted, self.learning.model_config)
        if recovery is None or not self.goods.height:
            return np.full(self.goods.height, np.nan)
        of_violation: Values = np.asarray(recovery.inplace_predict(self.matrix), dtype=np.float64)
        return self.score * of_violation

    @cached_property
    def leaves(self) -> npt.NDArray[np.int32]:
        """Leaf that each tree puts each of the goods in, shape (n, trees); no column where nothing was learnt."""
        import xgboost

        if self.trained is None or not self.goods.height:
            return np.empty((self.goods.height, 0), dtype=np.int32)
        found = self.trained.booster.predict(xgboost.DMatrix(self.matrix, nthread=1), pred_leaf=True)
        return np.asarray(found, dtype=np.int32).reshape(self.goods.height, -1)

    @cached_property
    def criteria(self) -> Values:
        """Severity of the lane that criteria propose, shape (n,), from 0 for none to 4 for red."""
        return proposed_severity(self.learning, derive(self.past), derive(self.goods))

    def group_counts(self, columns: tuple[str, ...]) -> tuple[Values, Values]:
        """Return known violations and known labels of each of the goods' own group by `columns`, both (n,).

        Raises
        ------
        SchemaError
            A column is not known at lodgement.
        """
        if unknown := [name for name in columns if name not in known_at_lodgement()]:
            raise SchemaError.missing_columns(unknown, known_at_lodgement(), "A group of goods known at lodgement")
        labelled = derive(self.past.filter(pl.col("violation").is_not_null()))
        counts = labelled.group_by(columns).agg(violations=pl.col("violation").cast(pl.Float64).sum(), labels=pl.len())
        own = (
            derive(self.goods)
            .select(columns)
            .join(counts, on=columns, how="left", nulls_equal=True, maintain_order="left")
        )
        found = own.select(pl.col("violations", "labels").cast(pl.Float64).fill_null(0.0))
        return found["violations"].to_numpy(), found["labels"].to_numpy()

    @cached_property
    def trained(self) -> WeeklyModel | None:
        """The model; ``None`` until both classes are known."""
        is_learnable = self.past["violation"].drop_nulls().n_unique() == 2
        return WeeklyModel.on(self.past, self.learning) if is_learnable else None

    @cached_property
    def matrix(self) -> Matrix:
        """What the model reads of the goods: float32, shape (n, features); no column where nothing was learnt."""
        if self.trained is None:
            return np.empty((self.goods.height, 0), dtype=np.float32)
        features = self.trained.fitted.features
        return features.matrix(features.read(self.goods))
