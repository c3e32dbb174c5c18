"""The registered model, as MLflow runs it: raw rows in, decisions out, by the bundle's own scorer (no pickle).

MLflow copies this file into the model and executes it when the model is loaded; the scoring runtime lies beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from workbench.scorer.bundle import GOLDEN_INPUT, ScoringBundle


class SelectivityModel(PythonModel):  # type: ignore[misc]
    """A scoring bundle behind MLflow's interface; it holds no logic of its own."""

    def load_context(self, context: Any) -> None:
        """Load the bundle that was registered with the model."""
        folder = Path(context.artifacts["bundle"])
        self.bundle = ScoringBundle.load(folder)
        self.types = pl.read_parquet_schema(folder / GOLDEN_INPUT)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the decisions of a pandas frame of raw rows, as a pandas frame."""
        frame = pl.from_pandas(model_input)
        # pandas turns whole numbers with gaps into floats, and days into moments; the golden rows tell what they were.
        types = pl.Schema({name: kind for name, kind in self.types.items() if name in frame.columns})
        return self.bundle.score(frame.cast(types)).to_pandas()


set_model(SelectivityModel())
