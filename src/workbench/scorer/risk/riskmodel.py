"""The fitted risk model: features, trees and calibration; from canonical rows to probability and expected recovery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import BundleError
from .calibration import Calibration, Values
from .featureset import FeatureSet, Matrix

if TYPE_CHECKING:
    import xgboost


def read_booster(content: bytes) -> xgboost.Booster:
    """Load a booster from UBJSON; the caller has checked the content's hash, since the reader is not safe by itself."""
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return booster


def booster_bytes(booster: xgboost.Booster) -> bytes:
    """Return the booster as UBJSON."""
    return bytes(booster.save_raw(raw_format="ubj"))


@dataclass(frozen=True)
class Scores:
    """What the model says of each row.

    Parameters
    ----------
    score
        Calibrated probability that a control finds a violation, in (0, 1); larger is more suspicious.
    expected_recovery
        Expected recovered duty of a control in USD; NaN where the model was trained without revenue.
    """

    score: Values
    expected_recovery: Values


@dataclass(frozen=True)
class RiskModel:
    """Fitted features, booster and calibration. Build it with `workbench.model.train`.

    Parameters
    ----------
    features
        Turns canonical rows into the boosters' input.
    booster
        Trees whose margin is the log odds of a violation before calibration.
    calibration
        From margin to probability.
    recovery
        Trees for the duty recovered from a violation, in USD; ``None`` where the source has no revenue.
    """

    features: FeatureSet
    booster: xgboost.Booster
    calibration: Calibration
    recovery: xgboost.Booster | None = None

    def margins(self, matrix: Matrix) -> Values:
        """Return the booster's margin of each row of a ready matrix."""
        return np.asarray(self.booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)

    def scores(self, matrix: Matrix) -> Scores:
        """Return probability and expected recovery of each row of a ready matrix."""
        if not len(matrix):
            return Scores(np.empty(0), np.empty(0))
        score = self.calibration.probability(self.margins(matrix))
        return Scores(score, score * self._recovery_of_violation(matrix))

    def _recovery_of_violation(self, matrix: Matrix) -> Values:
        if self.recovery is None:
            return np.full(len(matrix), np.nan)
        return np.asarray(self.recovery.inplace_predict(matrix), dtype=np.float64)

    def contributions(self, matrix: Matrix, *, approximate: bool = False) -> Values:
        """Return each feature's contribution to the margin and, last, the base; a row's sum is its margin.

        TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2) or, `approximate`, Saabas' attribution along the
        paths: about a hundred times faster and additive too, but it favours features near the root.

        Returns
        -------
        Values
            float64, shape (rows, features + 1), in log odds.
        """
        import xgboost

        if not len(matrix):
            return np.empty((0, len(self.features.names) + 1))
        data = xgboost.DMatrix(matrix, feature_names=self.features.names)
        found = self.booster.predict(data, pred_contribs=True, approx_contribs=approximate)
        return np.asarray(found, dtype=np.float64)

    def to_files(self) -> dict[str, bytes | dict[str, Any] | pl.DataFrame]:
        """Return the model's parts by file name: UBJSON as bytes, descriptions as dicts, tables as frames."""
        description = self.features.to_dict() | {
            "calibration": {"margins": list(self.calibration.margins), "log_odds": list(self.calibration.log_odds)},
            "recovery": self.recovery is not None,
        }
        parts: dict[str, bytes | dict[str, Any] | pl.DataFrame] = {
            "model.json": description,
            "violation.ubj": booster_bytes(self.booster),
        }
        if self.recovery is not None:
            parts["recovery.ubj"] = booster_bytes(self.recovery)
        return parts | {f"{name}.parquet": table for name, table in self.features.to_tables().items()}

    @classmethod
    def from_files(
        cls, description: Mapping[str, Any], raw: Mapping[str, bytes], tables: Mapping[str, pl.DataFrame]
    ) -> RiskModel:
        """Rebuild a model from its parts (see :meth:`to_files`), whose hashes the caller has checked."""
        try:
            calibration = Calibration(*(tuple(description["calibration"][name]) for name in ("margins", "log_odds")))
            recovery = read_booster(raw["recovery.ubj"]) if description["recovery"] else None
            booster = read_booster(raw["violation.ubj"])
        except KeyError as error:
            raise BundleError(f"The model lacks {error}. Export the bundle again.") from None
        return cls(FeatureSet.from_parts(description, tables), booster, calibration, recovery)
