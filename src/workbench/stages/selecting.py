"""Select: a model, the criteria and the policy decide every row of the deciding part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.files import write_bytes_atomically
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.lanes.policy import SelectionPolicy
from workbench.scorer.schema import Lane
from workbench.scorer.scorer import Assessment, Decided, Scorer
from workbench.selection import new_key, policy
from workbench.stages.criteria import criteria_in_force
from workbench.stages.folder import FINAL, MEASURED, RunFolder

_KEY_FILE = "random.key"
_PLAN_SCHEMA = {
    "lane": pl.String,
    "declarations": pl.Int64,
    "share": pl.Float64,
    "share_limit": pl.Float64,
    "daily_limit": pl.Int64,
}
_CRITERIA_COLUMNS = [
    "id",
    "title",
    "lane",
    "mode",
    "hits",
    "not_evaluable",
    "declarations_hit",
    "hit_percentage",
    "drawn",
    "forced",
    "decided",
]
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
        By criterion: its ``mode`` (active or shadow), items hit (``hits``), items ``not_evaluable`` for a missing
        value, declarations hit, the ``hit_percentage`` of them to be drawn, those ``drawn`` (in shadow: that would
        have been) and of these ``forced``, and items whose lane it gave (``decided``).
    hits
        Every hit: one row a declaration, item and criterion.
    """

    decisions: pl.DataFrame
    by_lane: pl.DataFrame
    lanes: pl.DataFrame
    criteria: pl.DataFrame
    hits: pl.DataFrame


def deciding_model(run: RunFolder) -> str:
    """Return which model may decide: the final one, unless the rows to decide are those that it learnt from.

    Without a deciding part the judging part is decided, by the measured model, which never saw it.
    """
    return FINAL if "decide" in run.read_json("data")["parts"] else MEASURED


def scorer_of(run: RunFolder, model: str = FINAL, criteria: CriteriaSet | None = None) -> Scorer:
    """Put mapping, policy, one of the models of a run and `criteria`, without them those in force now, together."""
    pipeline = run.pipeline
    scorer = Scorer(
        Mapping.from_toml(pipeline.resolve(pipeline.source.mapping)),
        run.read_model(model),
        criteria_in_force(pipeline).criteria if criteria is None else criteria,
        policy(pipeline.selection, key_of(run)),
    )
    scorer.compiled  # noqa: B018 - a faulty criterion is named here, before any row is read
    return scorer


def key_of(run: RunFolder) -> bytes:
    """Return the run's key of the draws, made once: a resumed run draws the same sample."""
    if (kept := kept_key(run)) is not None:
        return kept
    file = run.path / _KEY_FILE
    write_bytes_atomically(new_key(), file)
    file.chmod(0o600)
    return file.read_bytes()


def kept_key(run: RunFolder) -> bytes | None:
    """Return the key that a run has drawn with, ``None`` for one that has not drawn yet; nothing is written."""
    file = run.path / _KEY_FILE
    return file.read_bytes() if file.is_file() else None


def select_lanes(run: RunFolder, *, as_of: datetime) -> Selected:
    """Decide the deciding part; write ``decisions.parquet`` and ``hits.parquet``.

    No column known after lodgement is there to be read.
    """
    in_force = criteria_in_force(run.pipeline)
    scorer = scorer_of(run, deciding_model(run), in_force.criteria)
    raw = run.read("decide_raw")
    canonical = scorer.mapping.apply(raw)
    assessment = scorer.assess(canonical, as_of=as_of)
    decided = scorer.decide(assessment)
    decisions, hits = scorer.explain(decided, canonical.frame), decided.resolution.hits
    run.write("decisions", decisions)
    run.write("hits", hits)
    by_lane, lanes = _by_lane(decisions), _against_plan(decisions, scorer.policy)
    criteria = _criteria(scorer.criteria, assessment, decided)
    counts = {"rows": decisions.height, "declarations": decisions["declaration_id"].n_unique()}
    tables = {"by_lane": by_lane, "lanes": lanes, "criteria": criteria}
    standing = {"criteria_in_force": in_force.to_dict()}
    run.write_json("selection", counts | standing | {name: table.to_dicts() for name, table in tables.items()})
    return Selected(decisions, **tables, hits=hits)


def _criteria(criteria: CriteriaSet, assessment: Assessment, decided: Decided) -> pl.DataFrame:
    """Count what each criterion hit, could not be evaluated for, took and decided."""
    causes = dict(decided.decisions.group_by("cause").len().iter_rows())
    rows = [
        (c.id, c.title, c.lane, assessment.not_evaluable[c.id], c.hit_percentage, causes.get(f"criterion:{c.id}", 0))
        for c in criteria.criteria
    ]
    names = ["id", "title", "lane", "not_evaluable", "hit_percentage", "decided"]
    stated = pl.DataFrame(rows, schema=names, orient="row")
    return stated.hstack(decided.resolution.by_criterion.drop("criterion")).select(_CRITERIA_COLUMNS)


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
