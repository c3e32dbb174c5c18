"""The one scorer: raw rows in, a decision for every row out.

Scoring has two halves. `assess` looks at each row by itself and may be called chunk by chunk; `decide` looks at all of
them together, since capacity and duplicate numbers are matters of the whole. Notebooks, batch files and services call
these two and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from .criteria import CompiledCriteria, CriteriaSet
from .intake.mapping import Canonical, Mapping
from .intake.validation import ROW_NO, validate
from .lanes.candidates import HIT
from .lanes.causes import stated_reasons
from .lanes.policy import SelectionPolicy
from .lanes.resolution import Resolution, resolve
from .risk.featureset import FeatureInput
from .risk.reasons import sentences
from .risk.riskmodel import RiskModel
from .schema import DECISION_TYPES, KEY, SCHEMA, Lane, derive, lodgement_types

DECISIONS = tuple(DECISION_TYPES)
"""Columns of the decisions table, one row for every row read, in the order read."""

_EXACT_ATTRIBUTION_ROWS = 10_000
"""Above this many rows to explain, attributions along the paths replace TreeSHAP, which would take minutes."""


@dataclass(frozen=True)
class Assessment:
    """What is known of each row before rows are compared with one another.

    Parameters
    ----------
    rows
        ``row_no``, key, ``office_id``, ``regime_code``, ``lodged_at``, ``score``, ``expected_recovery`` and one
        Boolean column ``hit:<id>`` a criterion, for every row that can be decided.
    quarantined
        ``row_no``, key and ``code`` of every other row.
    not_evaluable
        By criterion, the number of rows for which a missing value left its condition open. In `rows` these are no
        hits: with a column missing from a source, every row of most criteria would have to be listed.
    """

    rows: pl.DataFrame
    quarantined: pl.DataFrame
    not_evaluable: dict[str, int]

    @classmethod
    def joined(cls, parts: Sequence[Assessment]) -> Assessment:
        """Join the assessments of consecutive chunks; row numbers go on counting."""
        rows, quarantined, counts, offset = [], [], dict.fromkeys(parts[0].not_evaluable, 0), 0
        for part in parts:
            rows.append(part.rows.with_columns(pl.col(ROW_NO) + offset))
            quarantined.append(part.quarantined.with_columns(pl.col(ROW_NO) + offset))
            offset += part.rows.height + part.quarantined.height
            counts = {name: counts[name] + number for name, number in part.not_evaluable.items()}
        return cls(pl.concat(rows), pl.concat(quarantined), counts)


@dataclass(frozen=True)
class Decided:
    """What was decided of a whole table, and how.

    Parameters
    ----------
    decisions
        The columns of `DECISIONS`, one row for every row read, in the order read; ``reasons`` is null.
    resolution
        How the rows that could be read got their lanes: ``resolution.hits`` is the record of every hit and
        ``resolution.counters`` what forced selection goes on from.
    """

    decisions: pl.DataFrame
    resolution: Resolution


@dataclass(frozen=True)
class Scorer:
    """Mapping, model, criteria and policy, put together.

    Parameters
    ----------
    mapping
        From the source's raw columns to canonical ones.
    model
        The fitted risk model.
    criteria
        Criteria that propose lanes beside the model.
    policy
        Capacity, random arm, fallback lane and the key of the draws.
    """

    mapping: Mapping
    model: RiskModel
    criteria: CriteriaSet
    policy: SelectionPolicy

    @cached_property
    def compiled(self) -> CompiledCriteria:
        """The criteria, checked against every column that they may read."""
        return self.criteria.compile(criteria_columns(self.model))

    def score(self, raw: pl.DataFrame, *, reasons: bool = True, as_of: datetime | None = None) -> pl.DataFrame:
        """Decide every row of a raw table.

        Parameters
        ----------
        raw
            The source's own columns, as the mapping names them.
        reasons
            Whether to put the reasons into sentences; without them the column is null and scoring is much faster.
        as_of
            Moment after which a lodgement lies in the future and goes to quarantine; ``None`` checks no future.

        Returns
        -------
        polars.DataFrame
            The columns of `DECISIONS`, one row for each row of `raw`, in its order. ``score`` is the probability of a
            violation in (0, 1), ``expected_recovery`` is in USD; both are null for a row in quarantine.
        """
        canonical = self.mapping.apply(raw)
        assessment = self.assess(canonical, as_of=as_of)
        decided = self.decide(assessment)
        if not reasons:
            return decided.decisions
        return self.explain(decided, canonical.frame)

    def assess(
        self, canonical: Canonical, *, as_of: datetime | None = None, duplicates: pl.DataFrame | None = None
    ) -> Assessment:
        """Validate, score and match each row by itself.

        Parameters
        ----------
        canonical
            What ``mapping.apply`` gave for a table or one of its chunks.
        as_of
            See :meth:`score`.
        duplicates
            Keys that occur more than once in the whole table, when `canonical` is one of its chunks.
        """
        checked = validate(canonical, as_of=as_of, duplicates=duplicates)
        given = self.model.features.read(derive(checked.valid))
        scores = self.model.scores(self.model.features.matrix(given))
        hits = self.compiled.hits(self._criteria_frame(given))
        rows = checked.valid.select(
            ROW_NO,
            *KEY,
            "office_id",
            "regime_code",
            "lodged_at",
            pl.Series("score", scores.score),
            pl.Series("expected_recovery", scores.expected_recovery, nan_to_null=True),
        ).hstack([column.fill_null(value=False).alias(f"{HIT}{column.name}") for column in hits.matrix])
        return Assessment(rows, checked.quarantined.select(ROW_NO, *KEY, "code"), hits.not_evaluable)

    def _criteria_frame(self, given: FeatureInput) -> pl.DataFrame:
        used = self.compiled.columns
        profiles = self.model.features.profiles(
            given, [name for name in used if name in self.model.features.profile_types]
        )
        return given.frame.select(name for name in used if name not in profiles.columns).hstack(profiles)

    def decide(self, assessment: Assessment, counters: Table[str, int] | None = None) -> Decided:
        """Compare all rows with one another and give each its lane.

        Parameters
        ----------
        assessment
            All rows.
        counters
            By criterion with forced selection, the hits passed over in a row before these rows.
        """
        rows = assessment.rows
        resolution = resolve(rows, self.criteria, self.policy, counters)
        selected = self._raise_siblings(resolution.decisions, assessment.quarantined).drop("declaration_id")
        decided = rows.select(ROW_NO, *KEY, "score", "expected_recovery").hstack(selected[resolution.place])
        together = pl.concat([decided, self._fallback(assessment.quarantined)], how="diagonal").sort(ROW_NO)
        return Decided(together.with_columns(reasons=pl.lit(None, pl.String)).select(DECISIONS), resolution)

    def _raise_siblings(self, selected: pl.DataFrame, quarantined: pl.DataFrame) -> pl.DataFrame:
        """Give declarations with an unreadable item at least the fallback lane: no part of them is released unseen.

        Would-be lane and cause stay: the arm was drawn by them.
        """
        if quarantined.is_empty():
            return selected
        codes = quarantined.filter(pl.col("declaration_id").is_not_null())
        codes = codes.group_by("declaration_id").agg(pl.col("code").min())
        joined = selected.join(codes, on="declaration_id", how="left", maintain_order="left")
        has_code = pl.col("code").is_not_null()
        raised = has_code & (pl.col("lane").to_physical() < self.policy.fallback_lane.severity)
        is_full_control = self.policy.fallback_lane.severity >= self.policy.random_lane.severity
        sure = {"inclusion_probability": has_code, "full_control_probability": has_code & is_full_control}
        return joined.with_columns(
            pl.when(raised).then(_lane(self.policy.fallback_lane)).otherwise("lane").alias("lane"),
            pl.when(raised).then(_quarantine_cause()).otherwise("cause").alias("cause"),
            *(pl.when(rows).then(1.0).otherwise(name).alias(name) for name, rows in sure.items()),
        ).drop("code")

    def _fallback(self, quarantined: pl.DataFrame) -> pl.DataFrame:
        return quarantined.select(
            ROW_NO,
            *KEY,
            lane=_lane(self.policy.fallback_lane),
            cause=_quarantine_cause(),
            inclusion_probability=pl.lit(1.0),
        )

    def explain(self, decided: Decided, canonical: pl.DataFrame, start: int = 0) -> pl.DataFrame:
        """Return the decisions of some consecutive rows with their ``reasons``.

        Parameters
        ----------
        decided
            What :meth:`decide` gave.
        canonical
            The canonical rows to explain.
        start
            Number of the first of them among all rows decided.
        """
        approximate = _is_approximate(decided.decisions)
        decisions = decided.decisions.slice(start, canonical.height)
        by_model = (decisions["cause"] == "model").arg_true()
        rows = derive(canonical[by_model])
        given = self.model.features.read(rows)
        told = sentences(self.model, given, self.model.features.matrix(given), approximate=approximate)
        by_row = pl.DataFrame({"at": by_model, "told": pl.Series(told, dtype=pl.String)})
        return (
            decisions.with_row_index("at")
            .join(by_row, on="at", how="left", maintain_order="left")
            .join(decided.resolution.points_told, on="declaration_id", how="left", maintain_order="left", suffix="_sum")
            .with_columns(reasons=pl.coalesce("told", stated_reasons(self.criteria, self.policy, "told_sum")))
            .select(DECISIONS)
        )


def _is_approximate(decisions: pl.DataFrame) -> bool:
    """Say whether so many decisions come from the model that attributions along the paths must do for TreeSHAP.

    It is asked of all decisions at once: a row's reasons must not depend on the chunk that it is explained in.
    """
    return int((decisions["cause"] == "model").sum()) > _EXACT_ATTRIBUTION_ROWS


def criteria_columns(model: RiskModel) -> dict[str, pl.DataType]:
    """Return the type of every column that a criterion may read: lodgement, derived and the model's profile columns."""
    return lodgement_types() | model.features.profile_types


def _lane(lane: Lane) -> pl.Expr:
    return pl.lit(str(lane)).cast(SCHEMA["lane"].dtype)


def _quarantine_cause() -> pl.Expr:
    return pl.concat_str(pl.lit("quarantine:"), "code")
