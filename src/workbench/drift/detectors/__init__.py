"""Detectors of drift, one contract for all: `Detector`; a new one is a class and a line in `detectors`."""

from workbench.drift.detectors.base import MEASURED, Detector, Marks, Subject
from workbench.drift.detectors.distances import SCORE, Distances, Kind
from workbench.drift.detectors.multivariate import DomainClassifier
from workbench.drift.detectors.novelty import NewLevels
from workbench.drift.detectors.results import Calibration, HitRate, LabelRate

__all__ = ["MEASURED", "Detector", "Marks", "Subject", "detectors"]

_WITHIN_GROUPS = (
    ("unit_value_to_typical", "hs2"),
    ("duty_rate_to_typical", "hs2"),
    ("unit_mass_to_typical", "hs2"),
    ("unit_value_to_typical", "origin_country_code"),
    ("unit_value_to_typical", "office_id"),
    ("unit_mass_to_typical", "office_id"),
    ("gross_to_net_mass", "office_id"),
    ("net_mass_kg", "office_id"),
)
_ORIGINS_WITHIN_CHAPTERS = (("origin_country_code", "hs2"), ("departure_country_code", "hs2"))


def detectors(seed: int = 0) -> tuple[Detector, ...]:
    """Return every detector, the plainest first; `seed` is of the domain classifier's samples and folds."""
    return (
        Distances("drift.feature.psi", Kind.PSI),
        Distances("drift.feature.anderson_darling", Kind.ANDERSON_DARLING),
        Distances("drift.group.psi", Kind.PSI, _ORIGINS_WITHIN_CHAPTERS),
        Distances("drift.group.anderson_darling", Kind.ANDERSON_DARLING, _WITHIN_GROUPS),
        DomainClassifier(seed=seed),
        NewLevels(),
        Distances("drift.score.psi", Kind.PSI, SCORE),
        Distances("drift.score.anderson_darling", Kind.ANDERSON_DARLING, SCORE),
        Calibration(),
        LabelRate(),
        HitRate(),
    )
