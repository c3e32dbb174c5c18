"""Write a world to a folder: Parquet parts by slices of time, complete or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from workbench.synthetic.config import DEFAULT_START, Extent, GenerationError, WorldConfig
from workbench.synthetic.summary import GenerationSummary, Tally
from workbench.synthetic.world import SyntheticWorld, Tables, blocks, build_world

FORMAT_VERSION = 1
"""Rises whenever the same seed would give other tables: an older folder is then not taken for the same generation."""

RECORD = "generation.json"
ITEM_TABLES = ("declarations", "outcomes", "truth")


def generate(
    out: str | Path,
    *,
    rows: int,
    months: int = 12,
    seed: int = 0,
    start: date = DEFAULT_START,
    chunk_rows: int = 500_000,
    config: WorldConfig | None = None,
    on_chunk: Callable[[int, int], None] | None = None,
) -> GenerationSummary:
    """Write declarations, outcomes, truth and reference tables of a synthetic world to the folder `out`.

    ``declarations/``, ``outcomes/`` and ``truth/`` hold ``part-00000.parquet`` and so on, each a slice of time;
    ``traders.parquet``, ``hs_codes.parquet``, ``offices.parquet`` and ``generation.json`` lie beside them. Only tests
    and simulations may read ``truth/``. The folder appears when it is complete.

    Parameters
    ----------
    out
        Folder to make. It may exist if it is empty, or if it holds the same generation, which is then reused.
    rows
        Goods items to generate, over all declarations.
    months
        Length of the period in calendar months, 1 to 120.
    seed
        The same seed gives the same tables, byte by byte for the same `chunk_rows`.
    start
        First day of the period; the first of a month.
    chunk_rows
        Goods items a part holds, about: whole blocks are never cut. It changes the files, never the rows.
    config
        Dials of the world.
    on_chunk
        Called after each part with the rows written so far and in all.

    Returns
    -------
    GenerationSummary
        The shares as generated.

    Raises
    ------
    GenerationError
        If a number is outside its domain, if `out` holds something else, or if it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = generate(Path(folder) / "world", rows=300, months=1, seed=7)
    >>> summary.rows, summary.parts, summary.reused
    (300, 1, False)
    """
    extent, config, out = Extent(rows, months, seed, start), config or WorldConfig(), Path(out).resolve()
    if chunk_rows < 1:
        raise GenerationError(f"chunk_rows is {chunk_rows}, expected 1 or more.")
    parameters = _parameters(extent, config)
    held = _held(out, parameters)
    if held is not None:
        return held
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return _write_beside(out, build_world(extent, config), parameters, chunk_rows, on_chunk)
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "Nothing was left behind; free the disk or choose another folder."
        raise GenerationError(f"{out} could not be written: {reason}. {advice}") from error


def _parameters(extent: Extent, config: WorldConfig) -> dict[str, Any]:
    plain = {"format_version": FORMAT_VERSION, **asdict(extent), "config": asdict(config)}
    # Through JSON and back, so that a record that was read compares equal to one that is about to be written.
    parameters: dict[str, Any] = json.loads(json.dumps(plain, default=str))
    return parameters


def _held(out: Path, parameters: dict[str, Any]) -> GenerationSummary | None:
    """Return the summary of the same generation in `out`, ``None`` where there is room, and refuse the rest."""
    if not out.exists():
        return None
    if not out.is_dir():
        raise GenerationError(f"{out} is a file, expected a folder. Choose another name.")
    if not any(out.iterdir()):
        return None
    record = _read_record(out)
    if record.get("parameters") != parameters:
        what = "another generation" if record else "files that are not a generation"
        raise GenerationError(f"{out} holds {what}. Choose an empty or new folder, or remove it first.")
    missing = [name for name in record["files"] if not (out / name).is_file()]
    if missing:
        raise GenerationError(f"{out} holds this generation, but {missing[0]} is missing. Remove the folder first.")
    return GenerationSummary(out=out, reused=True, **record["summary"])


def _read_record(out: Path) -> dict[str, Any]:
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and {"parameters", "summary", "files"} <= record.keys() else {}


def _write_beside(
    out: Path,
    world: SyntheticWorld,
    parameters: dict[str, Any],
    chunk_rows: int,
    on_chunk: Callable[[int, int], None] | None,
) -> GenerationSummary:
    beside = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        beside.mkdir()
        summary = _write(beside, world, parameters, chunk_rows, on_chunk)
        beside.replace(out)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return GenerationSummary(out=out, reused=False, **summary)


def _write(
    folder: Path,
    world: SyntheticWorld,
    parameters: dict[str, Any],
    chunk_rows: int,
    on_chunk: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    tally, written, parts = Tally(), 0, 0
    for name in ITEM_TABLES:
        (folder / name).mkdir()
    for parts, tables in enumerate(_chunks(blocks(world), chunk_rows), start=1):
        for name in ITEM_TABLES:
            _write_parquet(getattr(tables, name), folder / name / f"part-{parts - 1:05d}.parquet")
        tally.add(tables)
        written += tables.declarations.height
        if on_chunk is not None:
            on_chunk(written, world.extent.rows)
    for name, table in world.dimensions().items():
        _write_parquet(table, folder / f"{name}.parquet")
    summary = {"rows": written, "parts": parts, **tally.shares()}
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    record = {"parameters": parameters, "summary": summary, "files": files}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return summary


def _chunks(drawn: Iterator[Tables], chunk_rows: int) -> Iterator[Tables]:
    """Put consecutive blocks together until they hold `chunk_rows` items."""
    held: list[Tables] = []
    for tables in drawn:
        held.append(tables)
        if sum(each.declarations.height for each in held) >= chunk_rows:
            yield _join(held)
            held = []
    if held:
        yield _join(held)


def _join(held: list[Tables]) -> Tables:
    return Tables(**{name: pl.concat([getattr(tables, name) for tables in held]) for name in ITEM_TABLES})


def _write_parquet(table: pl.DataFrame, path: Path) -> None:
    try:
        table.write_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise OSError(str(error)) from error
