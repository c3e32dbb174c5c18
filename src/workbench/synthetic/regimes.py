"""Customs regimes: why goods move, in which flow, and whether duty is paid at the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.draws import Floats


@dataclass(frozen=True)
class Regime:
    """One regime: its code, meaning, flow, share of all declarations, and whether duty is paid."""

    code: str
    meaning: str
    flow: str
    share: float
    dutiable: bool = False


REGIMES = (
    Regime("A11", "home consumption, for sale", "import", 0.36, dutiable=True),
    Regime("A12", "home consumption, for production", "import", 0.14, dutiable=True),
    Regime("E31", "inward processing", "import", 0.12),
    Regime("E11", "export processing enterprise, materials in", "import", 0.08),
    Regime("G11", "temporary import", "import", 0.02),
    Regime("H11", "duty-free: gifts, samples, relief", "import", 0.03),
    Regime("B11", "outright export", "export", 0.11),
    Regime("E62", "export of goods from inward processing", "export", 0.07),
    Regime("E42", "export processing enterprise, products out", "export", 0.04),
    Regime("T11", "transit", "transit", 0.03),
)

HOME_USE, PROCESSING, EXPORTING = "home_use", "processing", "exporting"
ORIENTATIONS = (HOME_USE, PROCESSING, EXPORTING)
# What a trader's business makes of the regimes; the columns of each row are weights on top of the shares above.
_ORIENTATION_FACTORS = {
    HOME_USE: {"A11": 1.6, "A12": 1.1, "E31": 0.1, "E11": 0.05, "E62": 0.1, "E42": 0.05, "B11": 0.5},
    PROCESSING: {"A11": 0.2, "A12": 0.8, "E31": 2.6, "E11": 2.8, "E62": 2.6, "E42": 2.8, "B11": 0.4},
    EXPORTING: {"A11": 0.5, "A12": 1.1, "E31": 0.4, "E11": 0.2, "E62": 0.5, "E42": 0.3, "B11": 4.0},
}
ORIENTATION_SHARES = (0.62, 0.24, 0.14)


def regime_weights() -> Floats:
    """Return the weight of every regime (columns) for every orientation of traders (rows)."""
    return np.array(
        [
            [regime.share * _ORIENTATION_FACTORS[orientation].get(regime.code, 1.0) for regime in REGIMES]
            for orientation in ORIENTATIONS
        ]
    )
