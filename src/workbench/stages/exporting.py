"""Export: the run's scorer as a bundle and as a wheel, both checked by loading them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from workbench import __version__
from workbench.bundle import bundle_files, write_bundle, write_wheel
from workbench.criteria.lifecycle import InForce
from workbench.errors import CriterionError
from workbench.scorer.bundle import ScoringBundle
from workbench.stages.criteria import criteria_in_force, refuse_others, why_no_export
from workbench.stages.folder import FINAL, RunFolder
from workbench.stages.selecting import scorer_of

_GOLDEN_ROWS = 50


@dataclass(frozen=True)
class Exported:
    """What was exported: the loaded bundle, its folder, the wheel, and the criteria that it carries or leaves out."""

    bundle: ScoringBundle
    folder: Path
    wheel: Path
    criteria: InForce

    def describe(self) -> str:
        """Say where bundle and wheel lie, which version they are and which criteria are in them."""
        version = self.bundle.manifest.version
        return f"bundle  {self.folder}\nwheel   {self.wheel}\nversion {version}\n{self.criteria.describe()}"


def export(run: RunFolder, out: Path | None = None) -> Exported:
    """Write ``bundle/`` and ``dist/selectivity_scorer-<version>-py3-none-any.whl``.

    Parameters
    ----------
    run
        A run that has decided.
    out
        Where to write; the run's own directory where none is given.

    Raises
    ------
    CriterionError
        The run is a trial, its criteria do not verify, or others are in force now than when it decided.
    """
    if refusal := why_no_export(run):
        raise CriterionError(refusal)
    target = out or run.path
    training = run.read_json("training")[FINAL]
    criteria = criteria_in_force(run.pipeline)
    refuse_others(run, criteria)
    files = bundle_files(
        scorer_of(run, criteria=criteria.criteria),
        programme=run.pipeline.programme.name,
        trained_as_of=training["as_of"],
        golden=_golden(run.read("decide_raw")),
        facts=_facts(run, training) | {"criteria": criteria.to_dict()},
    )
    bundle = write_bundle(files, target / "bundle")
    return Exported(bundle, target / "bundle", write_wheel(files, target / "dist"), criteria)


def _golden(raw: pl.DataFrame) -> pl.DataFrame:
    """Return rows spread evenly over the deciding part, and one that cannot be read: it must get the fallback lane."""
    spread = raw.gather_every(max(raw.height // _GOLDEN_ROWS, 1)).head(_GOLDEN_ROWS)
    return pl.concat([spread, spread.clear(n=1)])


def _facts(run: RunFolder, training: dict[str, Any]) -> dict[str, Any]:
    metrics = run.read_json("metrics")
    return {
        "data": run.read_json("data"),
        "labelled_items": training["labelled_items"],
        "violations": training["violations"],
        "rounds": training["rounds"],
        "measured_before": {name: value for name, value in metrics.items() if isinstance(value, float)},
        "pipeline_fingerprint": run.pipeline.fingerprint,
        "versions": {"workbench": __version__} | {name: version(name) for name in ("numpy", "polars", "sqlglot")},
    }
