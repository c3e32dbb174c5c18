"""What every stand-alone page has beside it: where its figures come from, and the figures themselves as files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench import __version__
from workbench.errors import RunDirectoryError
from workbench.reports.page import Fact

Folder = str | os.PathLike[str]
NOTHING: Mapping[str, str] = {}
MADE = Fact("Made by", f"selectivity workbench {__version__}")


def facts(sources: Mapping[str, str]) -> list[Fact]:
    """Return where a page's figures come from as its facts."""
    return [Fact(name, value) for name, value in sources.items()]


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return JSON as a page's folder keeps it; NaN has no place in it."""
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False).encode()


def refuse_foreign(folder: Folder, own: str) -> None:
    """Refuse a folder that holds something else than an earlier page of the same kind: a page would take its place.

    Parameters
    ----------
    folder
        Where a page is to be written.
    own
        Name of the file that only pages of this kind have beside them, such as ``plan.json``.

    Raises
    ------
    RunDirectoryError
        It is not empty, and holds no such file.
    """
    there = Path(folder)
    if not there.is_dir() or (there / own).is_file():
        return
    # Hidden names are locks, and what a killed process left.
    if held := sorted(one.name for one in there.iterdir() if not one.name.startswith(".")):
        raise RunDirectoryError(
            f"{there} is not empty and holds no {own}, so it is no earlier page of this kind: {held[0]} lies in it. "
            "Give --out a folder that does not exist yet."
        )


def parquet_bytes(frames: Mapping[str, pl.DataFrame]) -> dict[str, bytes]:
    """Return each table as the Parquet file of its name."""
    return {f"{name}.parquet": _parquet(frame) for name, frame in frames.items()}


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_parquet(written)
    return written.getvalue()
