"""Calibration: probabilities that rise with the margin and agree with what was observed."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BundleError
from workbench.model import calibrate
from workbench.scorer.risk.calibration import Calibration


@pytest.mark.parametrize(
    "points",
    [((0.0,), (0.0,)), ((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 0.0)), ((0.0, float("nan")), (0.0, 1.0)),
     ((0.0, 1.0, 2.0), (0.0, 1.0))],
)  # fmt: skip
def test_breakpoints_that_do_not_rise_are_refused(points: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    with pytest.raises(BundleError, match=r"strictly ascending.*Train again"):
        Calibration(*points)


def test_breakpoints_are_met_and_the_ends_go_on_with_their_slopes() -> None:
    line = Calibration((-1.0, 0.0, 2.0), (-3.0, -2.0, 2.0))
    log_odds = np.log(line.probability([-2, -1, 0, 1, 2, 3]) / (1 - line.probability([-2, -1, 0, 1, 2, 3])))
    assert log_odds == pytest.approx([-4, -3, -2, 0, 2, 4])


def test_calibration_never_changes_a_rank() -> None:
    margins = np.sort(np.random.default_rng(1).normal(size=2_000) * 3)
    labels = (np.random.default_rng(2).random(2_000) < 0.3).astype(float)  # labels that say nothing of the margin
    assert (np.diff(calibrate(margins, labels).probability(margins)) > 0).all()


def test_calibrated_probabilities_agree_with_the_rates_observed() -> None:
    generator = np.random.default_rng(3)
    margins = generator.normal(-1, 2, 20_000)
    truth = 1 / (1 + np.exp(-np.where(margins > 0, 0.4 * margins, 1.5 * margins) + 1))
    labels = (generator.random(20_000) < truth).astype(float)
    fitted = calibrate(margins, labels).probability(margins)
    for part in np.array_split(np.argsort(margins), 10):
        assert fitted[part].mean() == pytest.approx(truth[part].mean(), abs=0.02)


def test_few_violations_give_a_straight_line() -> None:
    margins = np.linspace(-3, 3, 200)
    assert len(calibrate(margins, (margins > 2).astype(float)).margins) == 2
