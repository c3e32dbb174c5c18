"""Results of controls: what is believed, what is a correction, and what is set aside with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.reading import FILE, FILE_ROW, filtered, joined
from workbench.scorer.errors import LabelError
from workbench.scorer.intake.checks import Check, Severity, outcome_checks
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.intake.reading import read_table
from workbench.scorer.intake.validation import FLAGS, ROW_NO, apply_checks
from workbench.scorer.schema import KEY, Role, empty, names
from workbench.timeline import since_or_undated

FINDINGS = names(Role.OUTCOME)
COLUMNS = [*KEY, *FINDINGS]
"""Columns of a result."""

_NEEDED = ("violation", "label_known_at")
_NOWHERE = (pl.Series(FILE, [], pl.String), pl.Series(FILE_ROW, [], pl.UInt32))


@dataclass(frozen=True)
class Believed:
    """Results parted: every row read is in one of the three.

    Parameters
    ----------
    results
        :data:`COLUMNS`, file and row of what is believed, corrections among them.
    rejected
        The same of what is not, with ``code``, ``found`` and ``expected``.
    without_result
        Number of rows that say nothing: nobody looked.
    """

    results: pl.DataFrame
    rejected: pl.DataFrame
    without_result: int


def read_results(file: Path, mapping: Mapping) -> Canonical:
    """Read the key and what the control found; lane and cause are the desk's own and are not read.

    Raises
    ------
    LabelError
        The mapping has no outcomes, or the file lacks ``violation`` or ``label_known_at``.
    """
    raw = read_table(file, form=mapping.csv)
    found = {
        name: rule
        for name, rule in mapping.outcomes.items()
        if name in COLUMNS and (name in _NEEDED or rule.column is None or rule.column in raw.columns)
    }
    if missing := [name for name in _NEEDED if name not in found]:
        raise LabelError(
            f"{file.name} cannot be read as results: mapping {mapping.name!r} maps no {', '.join(missing)}. Map them "
            "under [outcomes]."
        )
    canonical = replace(mapping, outcomes=found).apply_outcomes(raw)
    return Canonical(canonical.frame.select(COLUMNS), canonical.unparsed)


def believe(files: list[Canonical], accepted: pl.DataFrame, lodged: pl.DataFrame, now: datetime) -> Believed:
    """Part results into those that are believed and those that are set aside.

    Parameters
    ----------
    files
        Rows of the files, each with file and row.
    accepted
        :data:`COLUMNS` of everything believed before.
    lodged
        Key and ``lodged_at`` of the declarations that there can be results for.
    now
        The present, local time: what is dated later cannot have been recorded, and would stand against every true
        result until its date has come.

    Notes
    -----
    A result that says again what is known is set aside as repeated. One that says something else than the accepted one
    is a correction if it was recorded later, and contradictory if at the same moment. What was recorded earlier than
    what is accepted corrects nothing.
    """
    whole = joined(files, empty(COLUMNS).with_columns(_NOWHERE))
    says_something = whole.frame.select(pl.any_horizontal(pl.col(FINDINGS).is_not_null())).to_series()
    says_something = says_something | _unparsed_somewhere(whole)
    told = filtered(whole, says_something)
    judged = _beside_accepted(told, accepted).with_columns(future=_is_future(told.frame, now))
    judged = judged.join(lodged, on=list(KEY), how="left", maintain_order="left")
    checks = [_future_check(now), *outcome_checks(told.unparsed.keys()), _older_check()]
    checked = apply_checks(Canonical(judged, told.unparsed), checks, [*COLUMNS, FILE, FILE_ROW])
    reasons = checked.quarantined.drop(KEY)
    rejected = told.frame.with_row_index(ROW_NO, offset=1).join(reasons, on=ROW_NO, maintain_order="left")
    return Believed(checked.valid.drop(FLAGS, ROW_NO), rejected.drop(ROW_NO), whole.frame.height - told.frame.height)


def unknown(desk: Desk, accepted: pl.DataFrame) -> pl.DataFrame:
    """Return the results that came for a declaration not known then, and were not dealt with since.

    They are tried again once it is known.
    """
    files = [folder / "rejected_results.parquet" for folder in desk.intakes()]
    kept = [pl.read_parquet(file) for file in files if file.is_file()]
    if not kept:
        return empty(COLUMNS).with_columns(_NOWHERE)
    rejected = pl.concat(kept)
    is_unknown = pl.col("code") == "unknown_declaration"
    dealt_with = pl.concat([accepted, rejected.filter(~is_unknown).select(COLUMNS)])
    waiting = rejected.filter(is_unknown).unique(COLUMNS, maintain_order=True)
    return waiting.join(dealt_with, on=COLUMNS, how="anti", nulls_equal=True).select(*COLUMNS, FILE, FILE_ROW)


def in_force(results: pl.DataFrame) -> pl.DataFrame:
    """Return the last result of each item, by moment of recording."""
    return results.sort("label_known_at", maintain_order=True).unique(list(KEY), keep="last", maintain_order=True)


def accepted(desk: Desk) -> pl.DataFrame:
    """Return every result that the desk believed, corrections and what they correct."""
    files = [folder / "results.parquet" for folder in desk.intakes()]
    kept = [file for file in files if file.is_file()]
    return pl.concat([empty(COLUMNS), *(pl.read_parquet(file, columns=COLUMNS) for file in kept)])


def _unparsed_somewhere(canonical: Canonical) -> pl.Series:
    none = pl.select(pl.repeat(False, canonical.frame.height, dtype=pl.Boolean)).to_series()
    for values in canonical.unparsed.values():
        none = none | values.is_not_null()
    return none


def _beside_accepted(told: Canonical, accepted: pl.DataFrame) -> pl.DataFrame:
    """Add to new results what the checks ask of them in the light of one another and of what was accepted."""
    before = accepted.select(COLUMNS).with_columns(is_new=pl.lit(value=False))
    both = pl.concat([before, told.frame.select(COLUMNS).with_columns(is_new=pl.lit(value=True))])
    moment = [*KEY, "label_known_at"]
    ranked = both.with_columns(
        repeated=pl.int_range(pl.len()).over(COLUMNS) > 0,
        order=pl.col("label_known_at").rank("dense").over(KEY),
        variants=pl.struct(FINDINGS).n_unique().over(moment),
    )
    last = pl.col("order").filter(~pl.col("is_new")).max().over(KEY)
    new = ranked.select(
        "is_new",
        "repeated",
        contradicted=(pl.col("variants") > 1) & ~pl.col("repeated"),
        older=pl.col("order") < last,
    )
    none = {"quarantined": pl.lit(value=False), "inclusion_probability": pl.lit(None, pl.Float64)}
    return told.frame.hstack(new.filter("is_new").drop("is_new")).with_columns(**none)


def _is_future(told: pl.DataFrame, now: datetime) -> pl.Series:
    recorded = told["label_known_at"]
    return since_or_undated(recorded, now) & recorded.is_not_null()


def _future_check(now: datetime) -> Check:
    expected = f"a result recorded by now, {now:%Y-%m-%d %H:%M}"
    return Check("future_result", Severity.ERROR, pl.col("future"), ("label_known_at",), expected)


def _older_check() -> Check:
    return Check(
        "older_result",
        Severity.ERROR,
        pl.col("older"),
        ("violation", "label_known_at"),
        "a correction that was recorded after the result that it corrects",
    )
