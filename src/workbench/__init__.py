"""Selectivity workbench: decide which declarations customs controls, learn from the controls, and prove it.

Importing the package loads nothing heavy: each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.config import Pipeline, load_pipeline
    from workbench.errors import SelectivityError
    from workbench.features import fit_features
    from workbench.model import train
    from workbench.runner import run_pipeline
    from workbench.scorer.bundle import ScoringBundle
    from workbench.scorer.criteria import CriteriaSet, Criterion
    from workbench.scorer.expressions import Expression
    from workbench.scorer.intake.mapping import Mapping
    from workbench.scorer.lanes.policy import SelectionPolicy
    from workbench.scorer.risk.riskmodel import RiskModel
    from workbench.scorer.scorer import Scorer
    from workbench.stages.folder import RunFolder
    from workbench.synthetic import generate

__version__ = "0.1.0"

__all__ = [
    "CriteriaSet",
    "Criterion",
    "Expression",
    "Mapping",
    "Pipeline",
    "RiskModel",
    "RunFolder",
    "Scorer",
    "ScoringBundle",
    "SelectionPolicy",
    "SelectivityError",
    "fit_features",
    "generate",
    "load_pipeline",
    "run_pipeline",
    "train",
]

_HOMES = {
    "CriteriaSet": "scorer.criteria",
    "Criterion": "scorer.criteria",
    "Expression": "scorer.expressions",
    "Mapping": "scorer.intake.mapping",
    "Pipeline": "config",
    "RiskModel": "scorer.risk.riskmodel",
    "RunFolder": "stages.folder",
    "Scorer": "scorer.scorer",
    "ScoringBundle": "scorer.bundle",
    "SelectionPolicy": "scorer.lanes.policy",
    "SelectivityError": "errors",
    "fit_features": "features",
    "generate": "synthetic",
    "load_pipeline": "config",
    "run_pipeline": "runner",
    "train": "model",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
