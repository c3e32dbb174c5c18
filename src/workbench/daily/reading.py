"""Reading what was dropped: every file by itself, so that one that cannot be read keeps none of the others back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from workbench.daily.desk import Desk
from workbench.errors import SelectivityError, SourceError
from workbench.random_arm.publishing import file_sha256
from workbench.scorer.intake.checks import unparsed_name
from workbench.scorer.intake.mapping import Canonical
from workbench.scorer.schema import KEY

FILE, FILE_ROW = "file", "file_row"
"""Columns that say where a row came from: the file, and its row there from 1."""

READING = ".reading"
"""File of the desk that names the file being read."""

_UNPARSED = unparsed_name("")

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and what Python makes of bytes that are no UTF-8."""


@dataclass(frozen=True)
class Dropped:
    """A file of a drop, read.

    Parameters
    ----------
    name, sha256
        Its name and the hash of its content.
    canonical
        Its rows, with :data:`FILE` and :data:`FILE_ROW` in the frame.
    """

    name: str
    sha256: str
    canonical: Canonical


@dataclass(frozen=True)
class Drop:
    """The readable files of a drop, and why the others are not.

    Parameters
    ----------
    files
        In order of name.
    unreadable
        Reason by name; such a file, folder, link or pipe stays where it lies.
    """

    files: tuple[Dropped, ...]
    unreadable: dict[str, str]


def read_drop(desk: Desk, drop: str, read: Callable[[Path], Canonical], known: Collection[str] = ()) -> Drop:
    """Read the files of a drop.

    Parameters
    ----------
    desk
        The desk.
    drop
        Name of the folder.
    read
        Makes canonical rows of a file; what it raises of user's mistakes makes the file unreadable.
    known
        Hashes of content that was dealt with before: read again as a table without rows.
    """
    files, unreadable = list[Dropped](), dict[str, str]()
    for file in desk.lying_in(drop):
        if fault := _no_readable_file(file):
            unreadable[shown_name(file)] = fault
            continue
        # A damaged Parquet file can end the process that reads it: then this names the file.
        (desk.path / READING).write_text(f"{drop}/{file.name}\n", encoding="utf-8")
        try:
            digest = file_sha256(file)
            canonical = read(file)
            if file_sha256(file) != digest:
                raise SourceError("it is being written; it will be read by the next call")
        except SelectivityError as error:
            unreadable[file.name] = str(error)
        else:
            kept = _rows(canonical, 0) if digest in known else canonical
            files.append(Dropped(file.name, digest, _with_origin(kept, file.name)))
    (desk.path / READING).unlink(missing_ok=True)
    return Drop(tuple(files), unreadable)


def shown_name(file: Path) -> str:
    r"""Return a file's name as people and UTF-8 can read it: escaped where it holds what is neither.

    >>> shown_name(Path("goods.csv")), shown_name(Path("g\udcfcter.csv"))
    ('goods.csv', "'g\\udcfcter.csv'")
    """
    return ascii(file.name) if _UNSPEAKABLE.search(file.name) else file.name


def _no_readable_file(file: Path) -> str:
    """Say why something that was dropped is not even opened, empty where it is a file; a pipe would never end."""
    if file.is_dir():
        return "it is a folder; only files are read. Move its files one up"
    if not file.is_file():
        return "it is a link that leads nowhere" if file.is_symlink() else "it is no file but a pipe or a device"
    if _UNSPEAKABLE.search(file.name):
        return "its name is not UTF-8 or holds control characters. Rename it"
    return ""


def _rows(canonical: Canonical, count: int) -> Canonical:
    return Canonical(canonical.frame.head(count), {name: col.head(count) for name, col in canonical.unparsed.items()})


def _with_origin(canonical: Canonical, name: str) -> Canonical:
    row = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32)
    return Canonical(canonical.frame.with_columns(row.alias(FILE_ROW), pl.lit(name).alias(FILE)), canonical.unparsed)


def filtered(canonical: Canonical, mask: pl.Series) -> Canonical:
    """Return the rows under a mask."""
    return Canonical(
        canonical.frame.filter(mask), {name: column.filter(mask) for name, column in canonical.unparsed.items()}
    )


def joined(parts: Sequence[Canonical], nothing: pl.DataFrame) -> Canonical:
    """Put the rows of several tables under one another; `nothing` is what no table at all comes to."""
    frames = [nothing, *(_beside(part) for part in parts)]
    whole = pl.concat(frames, how="diagonal")
    unparsed = {name.removeprefix(_UNPARSED): whole[name] for name in whole.columns if name.startswith(_UNPARSED)}
    return Canonical(whole.drop(unparsed_name(name) for name in unparsed), unparsed)


def _beside(part: Canonical) -> pl.DataFrame:
    return part.frame.with_columns(values.alias(unparsed_name(name)) for name, values in part.unparsed.items())


def is_repeat(canonical: Canonical) -> pl.Series:
    """Return a mask of the rows with a key that say, to the letter, what a row before them says."""
    whole = _beside(canonical)
    content = [name for name in whole.columns if name not in (FILE, FILE_ROW)]
    has_key = pl.all_horizontal(pl.col(KEY).is_not_null())
    return whole.select((pl.int_range(pl.len()).over(content) > 0) & has_key).to_series()


def origins(frame: pl.DataFrame, code: str, *more: str) -> pl.DataFrame:
    """Return where rows that are set aside came from, with the reason and the columns `more`."""
    return frame.select(FILE, FILE_ROW, *KEY, *more, code=pl.lit(code))


def counted(codes: pl.Series) -> dict[str, int]:
    """Return how often each code occurs, in order of the code."""
    return dict(codes.alias("code").to_frame().group_by("code").len().sort("code").iter_rows())
