"""Explain: why the judged rows that rank highest were scored as they were, and a sample of all beside them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.explain import Explanation, explain, importance, reasons
from workbench.stages.folder import MEASURED, RunFolder


@dataclass(frozen=True)
class Explained:
    """Explanations of the judging part.

    Parameters
    ----------
    sample
        Explanation of rows drawn from the whole part: what the model relies on in general.
    top
        Explanation of the rows that rank highest.
    importance
        Mean absolute contribution by feature, over the sample.
    reasons
        The reasons table of the top rows.
    """

    sample: Explanation
    top: Explanation
    importance: pl.DataFrame
    reasons: pl.DataFrame


def explain_judged(run: RunFolder, *, top_rows: int, sample_rows: int, seed: int) -> Explained:
    """Explain the `top_rows` highest scores and `sample_rows` drawn from the judging part; write the reasons table."""
    judged = run.read("judged")
    model = run.read_model(MEASURED)
    top = explain(
        model, judged.sort("score", "declaration_id", "item_no", descending=[True, False, False]).head(top_rows)
    )
    sample = explain(model, judged.sample(min(sample_rows, judged.height), seed=seed))
    explained = Explained(sample, top, importance(sample), reasons(model, top))
    run.write("reasons", explained.reasons)
    return explained
