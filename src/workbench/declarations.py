"""Declarations: from a raw table to declarations, outcomes and quarantine, with every finding and no row lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic

import polars as pl
import polars.selectors as cs

from workbench.scorer.errors import LabelError, SourceError, did_you_mean
from workbench.scorer.frames import Frame, like, to_polars
from workbench.scorer.intake.checks import outcome_checks
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.intake.validation import (
    FLAGS,
    ROW_NO,
    Finding,
    Validated,
    apply_checks,
    is_duplicate_key,
    validate,
)
from workbench.scorer.schema import KEY, Role, empty, names


@dataclass(frozen=True)
class Prepared(Generic[Frame]):
    """A source's rows, parted: ``declarations`` + ``quarantine`` = rows read.

    The tables are of the kind that was given (pandas, Polars or Arrow).

    Parameters
    ----------
    declarations
        Identity and lodgement columns, and ``flags``: warning codes joined by commas.
    outcomes
        Key, decision and outcome columns of the declarations that have a label table; ``violation`` is null where
        nobody looked. Without rows for an unlabelled source.
    quarantine
        ``row_no`` (from 1), key, ``code``, ``reason`` as a sentence, and ``raw``: the row's raw values as JSON.
    rejected_outcomes
        The same for outcomes that cannot be believed: contradictory, unreadable, for an unknown declaration.
    findings, outcome_findings
        Every kind of fault with its count and first rows.
    """

    declarations: Frame
    outcomes: Frame
    quarantine: Frame
    rejected_outcomes: Frame
    findings: tuple[Finding, ...]
    outcome_findings: tuple[Finding, ...]


def prepare_declarations(
    raw: Frame, mapping: Mapping, *, as_of: datetime | None, outcomes: Frame | None = None, labelled: bool = True
) -> Prepared[Frame]:
    """Read, check and part the rows of one source.

    Parameters
    ----------
    raw
        Raw table, one row a declaration item.
    mapping
        Its mapping.
    as_of
        Moment after which no declaration can have been lodged; ``None`` looks for no date in the future.
    outcomes
        Raw table with the columns of the mapping's ``[outcomes]``, where they are not in `raw` itself; joined by key.
    labelled
        Whether the source has labels. ``False`` reads no outcome column, present or not.

    Returns
    -------
    Prepared

    Notes
    -----
    ``declarations`` + ``quarantine`` are the rows of `raw`; ``outcomes`` + ``rejected_outcomes`` are the rows of the
    table that holds the labels.

    Raises
    ------
    SourceError
        If `raw` has no rows.
    MappingError
        If the mapping does not fit the table.
    LabelError
        If the source is labelled and label columns are missing; names them.
    """
    table = to_polars(raw)
    if table.is_empty():
        raise SourceError("the table of declarations has no rows: check the source, its period and its filters.")
    checked = validate(mapping.apply(table), as_of=as_of)
    label_table = table if outcomes is None else to_polars(outcomes)
    if labelled:
        _require_labels(label_table, mapping)
        labels = _checked_outcomes(label_table, mapping, checked)
    else:
        columns = names(Role.IDENTITY, Role.DECISION, Role.OUTCOME)
        labels = apply_checks(Canonical(empty(columns), {}), [], columns)
    return Prepared(
        like(raw, checked.valid.drop(ROW_NO)),
        like(raw, labels.valid.drop(FLAGS, ROW_NO)),
        like(raw, _quarantine(checked, table)),
        like(raw, _quarantine(labels, label_table)),
        checked.findings,
        labels.findings,
    )


def _require_labels(table: pl.DataFrame, mapping: Mapping) -> None:
    if not mapping.outcomes:
        raise LabelError(
            f"mapping {mapping.name!r} has no [outcomes], but the source is said to have labels: map 'violation' and "
            "'label_known_at', or state that the source has none."
        )
    absent = mapping.absent_outcome_columns(table.columns)
    if absent:
        named = ", ".join(f"{name!r}{did_you_mean(name, table.columns)}" for name in absent)
        raise LabelError(
            f"the label column(s) {named} of mapping {mapping.name!r} are not in the table. Give the table that holds "
            "them, or state that the source has no labels."
        )


def _checked_outcomes(table: pl.DataFrame, mapping: Mapping, checked: Validated) -> Validated:
    canonical = mapping.apply_outcomes(table)
    judged = _with_repeats(_with_declaration(canonical.frame, checked))
    checks = outcome_checks(canonical.unparsed.keys())
    return apply_checks(Canonical(judged, canonical.unparsed), checks, canonical.frame.columns)


def _with_declaration(outcomes: pl.DataFrame, checked: Validated) -> pl.DataFrame:
    """Add when the declaration was lodged, and whether it was set aside; both tables' rows stay as they are."""
    good = checked.valid.select(*KEY, "lodged_at", quarantined=False)
    bad = checked.quarantined.select(*KEY, lodged_at=pl.lit(None, good["lodged_at"].dtype), quarantined=True)
    joined = outcomes.join(pl.concat([good, bad.unique(KEY)]), on=KEY, how="left", maintain_order="left")
    return joined.with_columns(pl.col("quarantined").fill_null(False))


def _with_repeats(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Add whether a row says again what another says of the same key, and whether another says something else."""
    shared = is_duplicate_key(outcomes)
    if not shared.any():
        return outcomes.with_columns(repeated=False, contradicted=False)
    is_first = pl.int_range(pl.len()).over(outcomes.columns) == 0
    return outcomes.with_columns(repeated=shared & ~is_first, contradicted=shared & (is_first.sum().over(KEY) > 1))


def _quarantine(checked: Validated, raw: pl.DataFrame) -> pl.DataFrame:
    """Say of each row set aside why, beside its raw values."""
    rows = raw[(checked.quarantined[ROW_NO].cast(pl.Int64) - 1).to_list()].select(~cs.object())
    # As text a NaN or an infinity stays visible; JSON numbers would make them null.
    as_text = rows.with_columns((~cs.nested()).cast(pl.String, strict=False))
    reason = pl.format("found {}; expected {}", "found", "expected")
    return checked.quarantined.select(
        ROW_NO, *KEY, "code", reason.alias("reason"), as_text.to_struct("raw").struct.json_encode()
    )
