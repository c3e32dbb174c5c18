"""Errors of the workbench proper; the ones that the scoring runtime raises too live in `scorer.errors`."""

from __future__ import annotations

from workbench.scorer.errors import (
    BundleError,
    ConfigError,
    CriterionError,
    LabelError,
    MappingError,
    SchemaError,
    SelectivityError,
    SourceError,
    did_you_mean,
    quoted,
)

__all__ = [
    "BundleError",
    "ConfigError",
    "CriterionError",
    "LabelError",
    "MappingError",
    "ParameterError",
    "RunDirectoryError",
    "SchemaError",
    "SelectivityError",
    "SourceError",
    "StepError",
    "did_you_mean",
    "quoted",
]


class ParameterError(SelectivityError):
    """A parameter given on the command line or in a pipeline is unknown or of another type."""


class RunDirectoryError(SelectivityError):
    """The run directory cannot be used: not empty, in use by another process, or of another pipeline."""


class StepError(SelectivityError):
    """A step of a pipeline failed; the message names the step, its cause and where its log lies."""

    exit_code = 3
