"""Digests that tell whether data are what they were, of files and of tables.

A table's digest is that of its values, the same in every process and under every version of the libraries that hold it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import numpy as np
import polars as pl


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """Return the content of a Parquet file."""
    written = io.BytesIO()
    table.write_parquet(written)
    return written.getvalue()


def digest_of(*tables: pl.DataFrame) -> str:
    """Return the SHA-256 of the tables' names, types and values in hexadecimal; another order of rows is another table.

    Examples
    --------
    >>> one, other = pl.DataFrame({"a": ["xy", None]}), pl.DataFrame({"a": ["x", "y"]})
    >>> digest_of(one)[:8], digest_of(one) == digest_of(other)
    ('82594a03', False)
    """
    digest = hashlib.sha256()
    for table in tables:
        for column in table.iter_columns():
            digest.update(f"{column.name!r} {column.dtype.base_type()} {len(column)};".encode())
            for part in _parts(column):
                digest.update(part)
    return digest.hexdigest()


def _parts(column: pl.Series) -> Iterator[bytes]:
    """Yield which values are null, then the values: what memory holds in the place of a null is anything."""
    yield np.packbits(column.is_null().to_numpy()).tobytes()
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        yield column.to_physical().fill_null(0).to_numpy().tobytes()
    else:
        texts = column.cast(pl.String).fill_null("")
        # Lengths tell "ab", "c" from "a", "bc".
        yield texts.str.len_bytes().to_numpy().tobytes()
        yield str(texts.str.join("").item()).encode()
