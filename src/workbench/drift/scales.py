"""Scales: how a statistic of a week is set against what is usual, whatever the number of goods in that week.

Each scale turns a statistic into a *residual* whose spread does not hang on the week's size, so that a holiday week of
a fifth of the goods is judged by the same threshold as a busy one. Usual level and spread come from the reference.

All take rows of `detectors.MEASURED`, one a week.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl

from workbench.drift.arrays import Floats


class Scale(Protocol):
    """How residuals are made of the weeks of one subject."""

    two_sided: bool
    """Whether a statistic may be too small as well as too large."""

    def centre(self, rows: pl.DataFrame) -> float:
        """Return what is usual, from the weeks of a reference."""

    def residual(self, rows: pl.DataFrame, centre: float) -> Floats:
        """Return how far each week lies from what is usual."""

    def floor(self, rows: pl.DataFrame) -> float:
        """Return the spread that residuals have by chance alone: what is learnt is never taken to be smaller."""

    def statistic(self, residual: float, rows: pl.DataFrame, centre: float) -> Floats:
        """Return the statistic that has this residual in each week: thresholds as people read them."""


class Distance:
    """Statistics that are sums of squares, PSI and Anderson-Darling: the cube root makes them nearly normal.

    A statistic times ``size`` has, by chance alone, the distribution of a chi-squared variable with ``degrees`` degrees
    of freedom, or nearly so (Wilson and Hilferty, The distribution of chi-square, PNAS 17 (1931), 684-688).
    """

    two_sided = False

    def centre(self, rows: pl.DataFrame) -> float:
        """Return the mean cube root."""
        return float(self.residual(rows, 0.0).mean())

    def residual(self, rows: pl.DataFrame, centre: float) -> Floats:
        """Return cube roots less the usual one."""
        statistic, size, degrees = _columns(rows, "statistic", "size", "degrees")
        roots: Floats = np.cbrt(np.maximum(statistic, 0.0) * size / degrees)
        return roots - centre

    def floor(self, rows: pl.DataFrame) -> float:
        """Return the standard deviation of the cube root of chi-squared over its degrees."""
        return float(np.sqrt(2 / (9 * np.median(_columns(rows, "degrees")[0]))))

    def statistic(self, residual: float, rows: pl.DataFrame, centre: float) -> Floats:
        """Return the distance with this residual."""
        size, degrees = _columns(rows, "size", "degrees")
        root = max(residual + centre, 0.0)
        distance: Floats = root**3 * degrees / size
        return distance


class Rate:
    """Counts over ``size``, such as findings a control, set against the ``usual`` rate of the weeks before.

    The residual is the normal quantile of the count as a Poisson variable: Wilson and Hilferty's root again, at the
    middle of the count's step. It holds for few findings too, where square roots make a week without one look too rare.
    """

    two_sided = True

    def centre(self, rows: pl.DataFrame) -> float:
        """Return the counts of all weeks over those to be expected: about 1."""
        statistic, size, usual = _columns(rows, "statistic", "size", "usual")
        return float((statistic * size).sum() + 0.5) / float((usual * size).sum() + 0.5)

    def residual(self, rows: pl.DataFrame, centre: float) -> Floats:
        """Return normal quantiles of the counts."""
        statistic, size, usual = _columns(rows, "statistic", "size", "usual")
        middle, expected = statistic * size + 0.5, centre * usual * size
        quantile: Floats = 3 * np.sqrt(middle) * (1 - 1 / (9 * middle) - np.cbrt(expected / middle))
        return quantile

    def floor(self, rows: pl.DataFrame) -> float:
        """Return the standard deviation of a normal quantile."""
        return 1.0

    def statistic(self, residual: float, rows: pl.DataFrame, centre: float) -> Floats:
        """Return the rate with this residual, by the root of Anscombe, which has an inverse."""
        size, usual = _columns(rows, "size", "usual")
        root = np.maximum(residual / 2 + np.sqrt(centre * usual * size + 0.375), 0.0)
        rate: Floats = np.maximum(root**2 - 0.375, 0.0) / size
        return rate


class Level:
    """Statistics that are about normal with a variance of 1 / ``size``, such as an area under the ROC curve."""

    two_sided = False

    def centre(self, rows: pl.DataFrame) -> float:
        """Return the mean, weighted by size."""
        statistic, size = _columns(rows, "statistic", "size")
        return float((statistic * size).sum() / size.sum())

    def residual(self, rows: pl.DataFrame, centre: float) -> Floats:
        """Return the distance from the mean in standard errors."""
        statistic, size = _columns(rows, "statistic", "size")
        errors: Floats = (statistic - centre) * np.sqrt(size)
        return errors

    def floor(self, rows: pl.DataFrame) -> float:
        """Return the standard error itself."""
        return 1.0

    def statistic(self, residual: float, rows: pl.DataFrame, centre: float) -> Floats:
        """Return the level with this residual."""
        level: Floats = centre + residual / np.sqrt(_columns(rows, "size")[0])
        return level


def _columns(rows: pl.DataFrame, *names: str) -> list[Floats]:
    return [rows[name].to_numpy() for name in names]
