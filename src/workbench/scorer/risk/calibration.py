"""Calibration by breakpoints: from the trees' margin to a probability, strictly rising, so that ranks never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import BundleError

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A piecewise linear map from margin to log odds.

    Beyond its ends the line goes on with the outermost slope, so that two different margins never share a probability.

    Parameters
    ----------
    margins, log_odds
        Coordinates of the breakpoints, both strictly ascending, at least two.
    """

    margins: tuple[float, ...]
    log_odds: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = _ascends(self.margins) and _ascends(self.log_odds)
        if len(self.margins) != len(self.log_odds) or len(self.margins) < 2 or not ascending:
            raise BundleError(
                "Calibration breakpoints must be at least two pairs of finite, strictly ascending numbers. Train again."
            )

    def probability(self, margin: npt.ArrayLike) -> Values:
        """Return the calibrated probability of each margin, in (0, 1).

        >>> identity = Calibration((-1.0, 1.0), (-1.0, 1.0))
        >>> identity.probability([0.0, 2.0]).round(3).tolist()
        [0.5, 0.881]
        """
        x, at, to = np.asarray(margin, dtype=np.float64), np.asarray(self.margins), np.asarray(self.log_odds)
        slopes = np.diff(to) / np.diff(at)
        segment = np.clip(np.searchsorted(at, x) - 1, 0, len(slopes) - 1)
        result: Values = 1.0 / (1.0 + np.exp(-(to[segment] + slopes[segment] * (x - at[segment]))))
        return result


def _ascends(numbers: Sequence[float]) -> bool:
    return bool(np.all(np.isfinite(numbers)) and np.all(np.diff(numbers) > 0))
