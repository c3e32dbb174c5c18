"""What every stand-alone page has beside it: where its figures come from, and the figures themselves as files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from typing import Any

import polars as pl

from workbench import __version__
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


def parquet_bytes(frames: Mapping[str, pl.DataFrame]) -> dict[str, bytes]:
    """Return each table as the Parquet file of its name."""
    return {f"{name}.parquet": _parquet(frame) for name, frame in frames.items()}


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_parquet(written)
    return written.getvalue()
