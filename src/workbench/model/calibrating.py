"""Calibration: from the margin of trees to the log odds that later rows showed."""

from __future__ import annotations

import numpy as np

from workbench.scorer.risk.calibration import Calibration
from workbench.scorer.risk.lookups import Values

from .weights import effective_size

_VIOLATIONS_A_BREAKPOINT = 40
_LEAST_SLOPE = 0.05


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
    bins = min(int(effective_size(counts[labels == 1])) // _VIOLATIONS_A_BREAKPOINT, 20)
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
