"""Select: a model, the criteria and the policy decide every row of the deciding part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.files import write_bytes_atomically
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.lanes.policy import SelectionPolicy
from workbench.scorer.schema import Lane
from workbench.scorer.scorer import Assessment, Scorer, is_approximate
from workbench.selection import new_key, policy
from workbench.stages.folder import FINAL, MEASURED, RunFolder

_KEY_FILE = "random.key"
_PLAN_SCHEMA = {
    "lane": pl.String,
    "declarations": pl.Int64,
    "share": pl.Float64,
    "share_limit": pl.Float64,
    "daily_limit": pl.Int64,
}
_DECLARATIONS = pl.col("declaration_id").n_unique()


@dataclass(frozen=True)
class Selected:
    """Decisions of the deciding part.

    Parameters
    ----------
    decisions
        One row for every raw row, in its order.
    by_lane
        Items (``rows``) and declarations by lane and cause.
    lanes
        Every lane with its declarations, their share of all, and the plan: ``share_limit`` of an office's declarations
        and ``daily_limit`` of its controls, null where the policy states none.
    criteria
        By criterion: ``hits``, items ``not_evaluable`` for a missing value, the ``hit_percentage`` of hits drawn, and
        items whose lane it gave (``decided``).
    """

    decisions: pl.DataFrame
    by_lane: pl.DataFrame
    lanes: pl.DataFrame
    criteria: pl.DataFrame


def deciding_model(run: RunFolder) -> str:
    """Return which model may decide: the final one, unless the rows to decide are those that it learnt from.

    Without a deciding part the judging part is decided, by the measured model, which never saw it.
    """
    return FINAL if "decide" in run.read_json("data")["parts"] else MEASURED


def scorer_of(run: RunFolder, model: str = FINAL) -> Scorer:
    """Put mapping, criteria, policy and one of the models of a run together."""
    pipeline = run.pipeline
    criteria = CriteriaSet()
    if pipeline.criteria.path:
        criteria = CriteriaSet.from_toml(pipeline.resolve(pipeline.criteria.path))
    scorer = Scorer(
        Mapping.from_toml(pipeline.resolve(pipeline.source.mapping)),
        run.read_model(model),
        criteria,
        policy(pipeline.selection, _key(run.path / _KEY_FILE)),
    )
    scorer.compiled  # noqa: B018 - a faulty criterion is named here, before any row is read
    return scorer


def _key(file: Path) -> bytes:
    """Return the run's key of the draws, made once: a resumed run draws the same sample."""
    if not file.is_file():
        write_bytes_atomically(new_key(), file)
        file.chmod(0o600)
    return file.read_bytes()


def select_lanes(run: RunFolder, *, as_of: datetime) -> Selected:
    """Decide the deciding part and write ``decisions.parquet``; no column known after lodgement is there to be read."""
    scorer = scorer_of(run, deciding_model(run))
    raw = run.read("decide_raw")
    canonical = scorer.mapping.apply(raw)
    assessment = scorer.assess(canonical, as_of=as_of)
    decided = scorer.decide(assessment)
    decisions = scorer.explain(decided, canonical.frame, approximate=is_approximate(decided))
    run.write("decisions", decisions)
    by_lane, lanes = _by_lane(decisions), _against_plan(decisions, scorer.policy)
    criteria = _criteria(scorer.criteria, assessment, decisions)
    counts = {"rows": decisions.height, "declarations": decisions["declaration_id"].n_unique()}
    tables = {"by_lane": by_lane, "lanes": lanes, "criteria": criteria}
    run.write_json("selection", counts | {name: table.to_dicts() for name, table in tables.items()})
    return Selected(decisions, **tables)


def _criteria(criteria: CriteriaSet, assessment: Assessment, decisions: pl.DataFrame) -> pl.DataFrame:
    """Count, by criterion, the items hit, those it could not be evaluated for, and those whose lane it gave."""
    causes = dict(decisions.group_by("cause").len().iter_rows())
    rows = [
        (
            c.id,
            c.title,
            c.lane,
            assessment.hits(c.id),
            assessment.not_evaluable[c.id],
            c.hit_percentage,
            causes.get(f"criterion:{c.id}", 0),
        )
        for c in criteria.criteria
    ]
    names = ["id", "title", "lane", "hits", "not_evaluable", "hit_percentage", "decided"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _by_lane(decisions: pl.DataFrame) -> pl.DataFrame:
    counted = decisions.group_by("lane", "cause").agg(
        rows=pl.len(), declarations=_DECLARATIONS, mean_score=pl.col("score").mean()
    )
    total = max(decisions.height, 1)
    return counted.with_columns(share=pl.col("rows") / total).sort("lane", "cause", descending=[True, False])


def _against_plan(decisions: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    found = dict(decisions.group_by(pl.col("lane").cast(pl.String)).agg(declarations=_DECLARATIONS).iter_rows())
    total = max(decisions["declaration_id"].n_unique(), 1)
    rows = []
    for lane in Lane:
        limit, declarations = policy.limit(lane), found.get(str(lane), 0)
        plan = (limit.share, limit.count) if limit else (None, None)
        rows.append((str(lane), declarations, declarations / total, *plan))
    return pl.DataFrame(rows, schema=_PLAN_SCHEMA, orient="row")
