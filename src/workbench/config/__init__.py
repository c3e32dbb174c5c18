"""A programme's TOML as frozen models: the only description of a selection problem that the code reads.

Paths in a pipeline's TOML are relative to the TOML's own folder; ``${name}`` takes the value of a parameter
declared under ``[parameters]``, which ``workbench run -p name=value`` may set.
"""

from workbench.config.loading import convert, load_pipeline
from workbench.config.models import (
    PART,
    CriteriaConfig,
    DailyConfig,
    DriftConfig,
    FeaturesConfig,
    Generation,
    LaneCapacity,
    ModelConfig,
    Parameter,
    ParameterType,
    Pipeline,
    Programme,
    SelectionConfig,
    SimulationConfig,
    SourceConfig,
    Split,
    Step,
    Table,
    TuningConfig,
)

__all__ = [
    "PART",
    "CriteriaConfig",
    "DailyConfig",
    "DriftConfig",
    "FeaturesConfig",
    "Generation",
    "LaneCapacity",
    "ModelConfig",
    "Parameter",
    "ParameterType",
    "Pipeline",
    "Programme",
    "SelectionConfig",
    "SimulationConfig",
    "SourceConfig",
    "Split",
    "Step",
    "Table",
    "TuningConfig",
    "convert",
    "load_pipeline",
]
