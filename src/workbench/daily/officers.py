"""Re-routings by officers: recorded beside the system's decision, up or down, never in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.reading import FILE, FILE_ROW, joined
from workbench.daily.register import DRAWN
from workbench.errors import SchemaError
from workbench.scorer.intake.checks import Check, Severity
from workbench.scorer.intake.mapping import Canonical
from workbench.scorer.intake.reading import read_table
from workbench.scorer.intake.validation import FLAGS, ROW_NO, apply_checks
from workbench.scorer.schema import SCHEMA, Lane
from workbench.timeline import since_or_undated

TYPES = {
    "declaration_id": pl.String(),
    "lane": SCHEMA["lane"].dtype,
    "officer_id": pl.String(),
    "reason": pl.String(),
    "rerouted_at": pl.Datetime("us"),
}
"""Columns of a re-routing, under these names in the files: whom, where to, who, why, when (local time, ISO 8601)."""

_MOMENT_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_SEVERITY = {str(lane): lane.severity for lane in Lane}
_NOTHING = {**TYPES, FILE: pl.String(), FILE_ROW: pl.UInt32()}


def read_reroutings(file: Path) -> Canonical:
    """Read a file of re-routings.

    Raises
    ------
    SchemaError
        A column is missing.
    """
    raw = read_table(file)
    if missing := [name for name in TYPES if name not in raw.columns]:
        raise SchemaError.missing_columns(missing, raw.columns, f"{file.name}, a file of re-routings,")
    texts = raw.select(pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in TYPES)
    frame = texts.with_columns(
        pl.col("lane").str.to_lowercase().cast(TYPES["lane"], strict=False), rerouted_at=pl.coalesce(_moments())
    )
    lost = {name: texts[name].set(frame[name].is_not_null(), None) for name in ("lane", "rerouted_at")}
    return Canonical(frame, {name: values for name, values in lost.items() if values.count()})


def _moments() -> list[pl.Expr]:
    written = pl.col("rerouted_at").str.replace(" ", "T", literal=True)
    return [written.str.to_datetime(form, time_unit="us", strict=False) for form in _MOMENT_FORMATS]


def accept(
    files: Sequence[Canonical], accepted: pl.DataFrame, decided: pl.DataFrame, random_lane: Lane, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part re-routings into those that count and those that are refused.

    Parameters
    ----------
    files
        Rows of the files, each with file and row.
    accepted
        Columns of :data:`TYPES` of everything that counts already.
    decided
        ``declaration_id``, ``lane`` and ``is_drawn`` of the system's decisions, one row a declaration.
    random_lane
        Lane of the random arm: a declaration that the arm drew is not let off with less.
    now
        The present, local time: what is dated later cannot have been done, and would beat every true re-routing of the
        declaration.

    Returns
    -------
    tuple
        Columns of :data:`TYPES`, ``system_lane``, file and row of those that count; and of those refused file, row,
        the columns of :data:`TYPES`, ``code``, ``found`` and ``expected``.
    """
    whole = joined(files, pl.DataFrame(schema=_NOTHING))
    told = _beside(whole.frame, accepted, decided).with_columns(future=_is_since(whole.frame, now))
    checked = apply_checks(
        Canonical(told, whole.unparsed), _checks(random_lane, now), [*TYPES, "system_lane", FILE, FILE_ROW]
    )
    reasons = checked.quarantined.select(ROW_NO, "code", "found", "expected")
    refused = whole.frame.with_row_index(ROW_NO, offset=1).join(reasons, on=ROW_NO, maintain_order="left")
    return checked.valid.drop(FLAGS, ROW_NO), refused.drop(ROW_NO)


def accepted(desk: Desk) -> pl.DataFrame:
    """Return every re-routing that counts, in the order taken in."""
    files = [folder / "reroutings.parquet" for folder in desk.intakes()]
    kept = [pl.read_parquet(file, columns=list(TYPES)) for file in files if file.is_file()]
    return pl.concat([pl.DataFrame(schema=TYPES), *kept])


def in_force(reroutings: pl.DataFrame) -> pl.DataFrame:
    """Return the last re-routing of each declaration, by moment."""
    return reroutings.sort("rerouted_at", maintain_order=True).unique(
        "declaration_id", keep="last", maintain_order=True
    )


def done_before(reroutings: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return the re-routings of before a moment."""
    return reroutings.filter(~_is_since(reroutings, moment))


def _is_since(reroutings: pl.DataFrame, moment: datetime) -> pl.Series:
    done = reroutings["rerouted_at"]
    return since_or_undated(done, moment) & done.is_not_null()


def _beside(frame: pl.DataFrame, accepted: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    before = accepted.select(list(TYPES)).with_columns(is_new=pl.lit(value=False))
    both = pl.concat([before, frame.select(list(TYPES)).with_columns(is_new=pl.lit(value=True))])
    content = pl.struct("lane", "officer_id", "reason").n_unique()
    marked = both.with_columns(
        repeated=pl.int_range(pl.len()).over(list(TYPES)) > 0,
        variants=content.over("declaration_id", "rerouted_at"),
    )
    new = marked.filter("is_new").select("repeated", contradicted=(pl.col("variants") > 1) & ~pl.col("repeated"))
    system = decided.select("declaration_id", DRAWN, system_lane="lane")
    beside = frame.hstack(new).join(system, on="declaration_id", how="left", maintain_order="left")
    # The checks name rows by the key of an item; a re-routing is of the whole declaration.
    return beside.with_columns(item_no=pl.lit(None, pl.Int32))


def _checks(random_lane: Lane, now: datetime) -> list[Check]:
    named = ("declaration_id", "officer_id", "reason")
    milder = pl.col("lane").cast(pl.String).replace_strict(_SEVERITY, default=None) < random_lane.severity
    # Not the cause: an item that could not be read, or came late, may have raised what the arm drew.
    waived = pl.col(DRAWN) & milder
    return [
        _error("missing_field", pl.any_horizontal(pl.col(named).is_null()), named, "declaration, officer and reason"),
        _error("unknown_lane", pl.col("lane").is_null(), ("lane",), f"one of {', '.join(Lane)}"),
        _error("unknown_moment", pl.col("rerouted_at").is_null(), ("rerouted_at",), "when, as 2026-03-01T14:30"),
        _error("future_rerouting", pl.col("future"), ("rerouted_at",), f"one done by now, {now:%Y-%m-%d %H:%M}"),
        _error("unknown_declaration", pl.col("system_lane").is_null(), named[:1], "a declaration that was decided"),
        _error("repeated", pl.col("repeated"), named, "each re-routing once; the first is kept"),
        _error("contradictory", pl.col("contradicted"), ("lane", "rerouted_at"), "one re-routing at a moment"),
        _error(
            "random_arm_waived",
            waived,
            ("lane", "officer_id"),
            f"{random_lane} or more severe: the random arm drew it, and whoever spares it spoils every estimate",
        ),
    ]


def _error(code: str, fails: pl.Expr, reads: tuple[str, ...], expected: str) -> Check:
    return Check(code, Severity.ERROR, fails, reads, expected)
