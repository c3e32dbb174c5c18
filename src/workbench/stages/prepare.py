"""Prepare: raw tables become declarations, outcomes and quarantine, each row with its part in the run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.config import Pipeline, Split, Table
from workbench.declarations import Prepared, prepare_declarations
from workbench.errors import ConfigError, LabelError, SourceError
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.intake.validation import Finding
from workbench.scorer.schema import KEY
from workbench.sources import FileSource, Source, open_source
from workbench.stages.folder import RunFolder
from workbench.timeline import PARTS, TimeSplit, check_order, in_order, since_or_undated, start_of

_EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class Preparation:
    """What was read.

    Parameters
    ----------
    declarations
        Canonical declarations with ``part`` (learn, judge, decide), in order of time.
    outcomes
        Results of controls and decisions of the past; nothing of the part to decide.
    quarantine
        Rows set aside, with their part and reason.
    findings
        Every kind of fault found, with count and first rows.
    counts
        Rows by part: ``part``, ``declarations``, ``labelled``, ``violations``, ``first`` and ``last`` moment.
    """

    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    quarantine: pl.DataFrame
    findings: pl.DataFrame
    counts: pl.DataFrame


@dataclass(frozen=True)
class _Piece:
    """One input table: its raw rows and what was made of them."""

    part: str | None
    raw: pl.DataFrame
    prepared: Prepared[pl.DataFrame]


def prepare(run: RunFolder, *, as_of: datetime) -> Preparation:
    """Read the pipeline's sources, check every row and cut the whole in time.

    Parameters
    ----------
    run
        The run; its tables are written.
    as_of
        Moment after which no declaration can have been lodged; such rows go to quarantine.

    Raises
    ------
    SelectivityError
        The source, the mapping or the labels are not usable; the message says where and what to do.
    """
    pipeline = run.pipeline
    mapping = Mapping.from_toml(pipeline.resolve(pipeline.source.mapping))
    pieces = [_piece(run, pipeline, table, mapping, as_of) for table in _tables(run, pipeline)]
    _refuse_empty(pieces)
    _refuse_shared_keys(pieces)
    declarations = in_order(_with_parts(pieces, pipeline.split))
    check_order(declarations)
    outcomes = _outcomes(pieces, declarations)
    counts = _counts(declarations, outcomes)
    prepared = Preparation(declarations, outcomes, _quarantine(pieces), _findings(pieces), counts)
    _write(run, prepared, _decide_raw(pieces, mapping, declarations))
    return prepared


def _tables(run: RunFolder, pipeline: Pipeline) -> list[Table]:
    if pipeline.source.generate is None:
        tables = [table for table in pipeline.source.tables if table.path or table.query or not table.optional]
    else:
        tables = [_generated(run, pipeline)]
    timed = [table.part is None for table in tables]
    if any(timed) != all(timed) or (any(timed) and pipeline.split is None):
        raise ConfigError("Either every [[source.tables]] names its part, or none does and [split] says where to cut.")
    return tables


def _generated(run: RunFolder, pipeline: Pipeline) -> Table:
    from workbench.synthetic import WorldConfig, generate

    dials = pipeline.source.generate
    assert dials is not None  # the caller asked
    folder = run.path / "source"
    world = replace(WorldConfig(), **dials.rates)
    generate(folder, rows=dials.rows, months=dials.months, seed=dials.seed, config=world)
    return Table(path=str(folder / "declarations"), outcomes=str(folder / "outcomes"))


def _piece(run: RunFolder, pipeline: Pipeline, table: Table, mapping: Mapping, as_of: datetime) -> _Piece:
    labelled = table.part != "decide"
    raw = _source(pipeline, table.path, table, mapping).read()
    if not labelled:
        # The columns that hold labels are dropped before anything looks at the rows.
        raw = raw.select(name for name in mapping.raw_columns() if name in raw.columns)
    labels = _source(pipeline, table.outcomes, table, mapping).read() if table.outcomes and labelled else None
    prepared = prepare_declarations(raw, mapping, as_of=as_of, outcomes=labels, labelled=labelled)
    return _Piece(table.part, raw, prepared)


def _source(pipeline: Pipeline, path: str, table: Table, mapping: Mapping) -> Source:
    if table.url:
        return open_source({"url": table.url, "query": table.query})
    return FileSource(pipeline.resolve(path), mapping.csv)


def _refuse_empty(pieces: list[_Piece]) -> None:
    for piece in pieces:
        if piece.part != "decide" and piece.prepared.declarations.is_empty():
            where = f" in the table for {piece.part!r}" if piece.part else ""
            found = "; ".join(finding.sentence() for finding in piece.prepared.findings[:3])
            raise SourceError(f"Every row went to quarantine{where}: {found}.")


def _refuse_shared_keys(pieces: list[_Piece]) -> None:
    """Refuse an item that stands in two labelled tables: it would teach twice, or teach and judge."""
    keys = pl.concat([piece.prepared.declarations.select(KEY) for piece in pieces if piece.part != "decide"])
    shared = keys.filter(keys.is_duplicated())
    if shared.height:
        example = f"{shared['declaration_id'][0]}/{shared['item_no'][0]}"
        raise SourceError(
            f"{shared.unique().height:,} declaration items stand in more than one labelled table, for example "
            f"{example}. Keep each in one table."
        )


def _with_parts(pieces: list[_Piece], split: Split | None) -> pl.DataFrame:
    if split is None:
        return pl.concat([piece.prepared.declarations.with_columns(part=pl.lit(piece.part)) for piece in pieces])
    together = pl.concat([piece.prepared.declarations for piece in pieces])
    if together.is_empty():
        raise SourceError("Every row went to quarantine; nothing is left to split in time. See the findings.")
    return _cut(together, split).parts(together)


def _cut(frame: pl.DataFrame, split: Split) -> TimeSplit:
    return TimeSplit.last_weeks(frame, judge_weeks=split.judge_weeks, decide_weeks=split.decide_weeks)


def _outcomes(pieces: list[_Piece], declarations: pl.DataFrame) -> pl.DataFrame:
    known = declarations.filter(pl.col("part") != "decide").select(KEY)
    return pl.concat([piece.prepared.outcomes for piece in pieces]).join(known, on=list(KEY), how="semi").sort(KEY)


def _quarantine(pieces: list[_Piece]) -> pl.DataFrame:
    return pl.concat([piece.prepared.quarantine.with_columns(part=pl.lit(piece.part)) for piece in pieces])


def _findings(pieces: list[_Piece]) -> pl.DataFrame:
    rows = [
        (table, piece.part or "all", found.code, str(found.severity), found.count, found.expected, _first(found))
        for piece in pieces
        for table, findings in (
            ("declarations", piece.prepared.findings),
            ("outcomes", piece.prepared.outcome_findings),
        )
        for found in findings
    ]
    names = ("table", "part", "code", "severity", "rows", "expected", "first")
    types = {name: pl.Int64 if name == "rows" else pl.String for name in names}
    return pl.DataFrame(rows, schema=types, orient="row")


def _first(finding: Finding) -> str:
    return "; ".join(f"{row.declaration_id}/{row.item_no} (row {row.row_no}): {row.found}" for row in finding.first)


def _counts(declarations: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    labels = outcomes.select(*KEY, "violation")
    rows = declarations.join(labels, on=list(KEY), how="left", maintain_order="left")
    counts = rows.group_by("part").agg(
        declarations=pl.len(),
        labelled=pl.col("violation").is_not_null().sum(),
        violations=pl.col("violation").sum(),
        first=pl.col("lodged_at").min(),
        last=pl.col("lodged_at").max(),
    )
    order = pl.col("part").replace_strict(list(PARTS), range(len(PARTS)), return_dtype=pl.Int8)
    return counts.sort(order)


def _decide_raw(pieces: list[_Piece], mapping: Mapping, declarations: pl.DataFrame) -> pl.DataFrame:
    """Return the raw rows to decide, in the order read: those of the part, and those whose date is not known."""
    named = [piece.raw for piece in pieces if piece.part == "decide"]
    if named:
        return pl.concat(named)
    start = start_of(declarations, "decide") or start_of(declarations, "judge")
    if start is None:
        raise LabelError("No row is left to judge or to decide. Give a table with part = 'judge'; see the findings.")
    raw = pl.concat([piece.raw for piece in pieces if piece.part in (None, "judge")])
    lodged = mapping.apply(raw).frame["lodged_at"]
    return raw.filter(since_or_undated(lodged, start)).select(mapping.raw_columns())


def _write(run: RunFolder, prepared: Preparation, decide_raw: pl.DataFrame) -> None:
    for name in ("declarations", "outcomes", "quarantine", "findings"):
        run.write(name, getattr(prepared, name))
    run.write("decide_raw", decide_raw)
    run.write("input_example", decide_raw.head(_EXAMPLE_ROWS))
    parts = {row.pop("part"): row for row in prepared.counts.to_dicts()}
    codes = dict(prepared.quarantine.group_by("code").len().sort("code").iter_rows())
    run.write_json(
        "data",
        {
            "fingerprint": fingerprint(run.file("declarations"), run.file("outcomes")),
            "parts": parts,
            "quarantined": codes,
            "programme": run.pipeline.programme.name,
        },
    )


def fingerprint(*files: Path) -> str:
    """Return the SHA-256 of the files' content, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            for block in iter(lambda: content.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
