"""Tables from files: CSV (plain or ``.gz``) and Parquet; one file, a folder of parts, or a glob."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ..errors import SourceError, did_you_mean
from .csv_reading import CsvFormat, checked_names, csv_chunks

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_GLOB = re.compile(r"[*?\[]")


def read_table(
    path: str | Path, *, columns: Sequence[str] | None = None, form: CsvFormat | None = None
) -> pl.DataFrame:
    """Read a whole table.

    Parameters
    ----------
    path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file, a folder of such parts, or a glob. Parts are read in natural
        order (``part-2`` before ``part-10``).
    columns
        Columns to keep; those that the table does not have are left out, so that a mapping can name them all at once.
    form
        Encoding and separator of CSV; UTF-8 and a comma by default.

    Returns
    -------
    polars.DataFrame
        CSV columns as text, Parquet columns as typed in the file. A file with a header only gives no rows.

    Raises
    ------
    SourceError
        If a file is missing, empty, cut off, of a mixed encoding, ragged, or if parts have different columns.
    """
    tables = list(_tables(path, None, columns, form or CsvFormat()))
    try:
        return pl.concat(tables, how="vertical_relaxed", rechunk=True)
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"the parts of {path} hold columns of different types: {error}. Write them alike.") from None


def scan_chunks(
    path: str | Path, rows: int, *, columns: Sequence[str] | None = None, form: CsvFormat | None = None
) -> Iterator[pl.DataFrame]:
    """Yield a table in pieces of at most `rows` rows, in order; memory holds one piece, never the table.

    Parameters and errors as :func:`read_table`. At least one piece comes, without rows if the table has none.
    """
    first: pl.DataFrame | None = None
    is_empty = True
    for table in _tables(path, rows, columns, form or CsvFormat()):
        first = table if first is None else first
        for start in range(0, table.height, rows):
            is_empty = False
            yield table.slice(start, rows)
    if is_empty and first is not None:
        yield first


def parts(path: str | Path) -> list[Path]:
    """Return the files that `path` stands for, in natural order.

    Raises
    ------
    SourceError
        If there is none, one is not a table, or a folder holds both CSV and Parquet.
    """
    place = Path(path)
    try:
        found = _found(place)
    except (OSError, ValueError) as error:
        raise SourceError(f"{str(path)[:200]!r} is no path that can be read: {error}. Check it.") from None
    if not found:
        raise SourceError(_nothing(place))
    kinds = {_suffix(file) == ".parquet" for file in found}
    unknown = [file for file in found if _suffix(file) not in _SUFFIXES]
    if unknown or len(kinds) > 1:
        what = f"{unknown[0]} is of another kind" if unknown else f"{place} holds both CSV and Parquet"
        raise SourceError(f"{what}: expected files that end in {', '.join(_SUFFIXES)}, all CSV or all Parquet.")
    return sorted(found, key=_natural)


def _found(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if place.is_dir():
        return [file for file in place.iterdir() if _suffix(file) in _SUFFIXES and not file.name.startswith(".")]
    return [file for file in _globbed(place) if file.is_file()]


def _suffix(file: Path) -> str:
    name = file.name.lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), file.suffix)


def _globbed(place: Path) -> Iterator[Path]:
    if not _GLOB.search(str(place)):
        return iter(())
    anchor = Path(place.anchor)
    return anchor.glob(str(place.relative_to(anchor)))


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort key under which ``part-2`` comes before ``part-10``."""
    return [(int(run), "") if run.isdecimal() else (-1, run) for run in re.split(r"([0-9]+)", str(file))]


def _nothing(place: Path) -> str:
    if place.is_dir():
        return f"{place} holds no part that ends in {', '.join(_SUFFIXES)}."
    if _GLOB.search(str(place)):
        return f"no file matches {place}. Check the folder and the pattern."
    siblings = [file.name for file in place.parent.iterdir()] if place.parent.is_dir() else []
    folder = "" if place.parent.is_dir() else f" Its folder {place.parent} does not exist either."
    return f"{place} does not exist{did_you_mean(place.name, siblings)}. Check the path.{folder}"


def _tables(
    path: str | Path, rows: int | None, columns: Sequence[str] | None, form: CsvFormat
) -> Iterator[pl.DataFrame]:
    """Yield the tables of all parts, each with the first one's columns in the first one's order."""
    header: list[str] | None = None
    for file in parts(path):
        for table in _parquet_pieces(file, rows, columns) if _suffix(file) == ".parquet" else csv_chunks(file, form):
            kept = table if columns is None else table.select(name for name in columns if name in table.columns)
            header = header or kept.columns
            _check_same_columns(kept.columns, header, file)
            yield kept.select(header)


def _check_same_columns(found: list[str], expected: list[str], file: Path) -> None:
    lacking, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if lacking or extra:
        raise SourceError(
            f"{file} has other columns than the part before it: it lacks {lacking or 'none'} and adds "
            f"{extra or 'none'}. All parts of one table must have the same columns."
        )


def _parquet_pieces(file: Path, rows: int | None, columns: Sequence[str] | None) -> Iterator[pl.DataFrame]:
    try:
        lazy = pl.scan_parquet(file, glob=False)
        header = lazy.collect_schema().names()
        checked_names(header, str(file))
        if columns is not None:
            lazy = lazy.select(name for name in columns if name in header)
        height = lazy.select(pl.len()).collect().item()
        for start in range(0, max(height, 1), rows or max(height, 1)):
            yield lazy.slice(start, rows).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SourceError(
            f"{file} is not a readable Parquet file ({error}). It was cut off or damaged: write or fetch it again."
        ) from error
