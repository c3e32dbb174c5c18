"""Files written whole or not at all: beside the target first, then renamed over it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from .errors import SourceError

_REMEDIES = {
    errno.ENOSPC: "The disk is full: free space or write elsewhere.",
    errno.EDQUOT: "The quota is used up: free space or write elsewhere.",
    errno.EFBIG: "The file is larger than this system allows: write elsewhere or in parts.",
    errno.EACCES: "Permission is denied: choose a folder that you may write to.",
    errno.EROFS: "The file system is read-only: choose another folder.",
}


@contextmanager
def written_atomically(path: str | Path) -> Iterator[Path]:
    """Give a path in the folder of `path` to write to; rename it to `path` when the block ends well.

    Readers see the old file or the new one, never a part. When the block fails the partial file is removed and what
    stood at `path` before stays.

    Raises
    ------
    SourceError
        If the system refuses the write (disk full, no permission, no such folder): names `path` and what to do.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with written_atomically(Path(folder.name) / "summary.json") as partial:
    ...     _ = partial.write_text("{}")
    >>> [file.name for file in Path(folder.name).iterdir()]
    ['summary.json']
    >>> folder.cleanup()
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise SourceError(f"{target} could not be written: its folder does not exist: create it first.")
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        yield partial
        _sync(partial)
        os.replace(partial, target)
        _sync(target.parent)
    except (OSError, pl.exceptions.ComputeError) as error:
        raise SourceError(f"{target} could not be written: {_cause(error)} Nothing was left half-written.") from error
    finally:
        _remove(partial)


def write_bytes_atomically(content: bytes, path: str | Path) -> None:
    """Write `content` to `path` whole or not at all; errors as :func:`written_atomically`."""
    with written_atomically(path) as partial:
        partial.write_bytes(content)


def write_text_atomically(content: str, path: str | Path) -> None:
    """Write `content` as UTF-8 to `path` whole or not at all; errors as :func:`written_atomically`."""
    write_bytes_atomically(content.encode("utf-8"), path)


def write_parquet_atomically(frame: pl.DataFrame | pl.LazyFrame, path: str | Path) -> None:
    """Write a table to the Parquet file `path` whole or not at all; errors as :func:`written_atomically`.

    A lazy frame is streamed: it is never in memory as a whole.
    """
    with written_atomically(path) as partial:
        if isinstance(frame, pl.LazyFrame):
            frame.sink_parquet(partial)
        else:
            frame.write_parquet(partial)


def _remove(partial: Path) -> None:
    with suppress(OSError):
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink()


def _sync(path: Path) -> None:
    # Windows opens no folder and syncs none; there the rename alone has to do.
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cause(error: Exception) -> str:
    """Say what failed and what to do; Polars reports the system's error only as text."""
    code = error.errno if isinstance(error, OSError) else None
    for number, remedy in _REMEDIES.items():
        if code == number or f"os error {number})" in str(error):
            return remedy
    return f"{str(error).rstrip('.')}."
