"""Strict CSV: every value is text, every row is complete, every byte is of the stated encoding.

A reader that repairs silently (pads a short row, drops the rest of a cut-off archive, replaces a byte) changes
declarations. This one refuses, and names the line.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import SourceError, quoted

_BLOCK_BYTES = 8 * 1024 * 1024
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written.

    Parameters
    ----------
    encoding
        Name of the text encoding, read strictly.
    separator
        One ASCII character between fields.
    """

    encoding: str = "utf-8"
    separator: str = ","

    def __post_init__(self) -> None:
        """Refuse an encoding that Python does not know and a separator that cannot separate."""
        try:
            "".encode(self.encoding)
        except (LookupError, UnicodeError):
            raise SourceError(f"unknown encoding {self.encoding!r}: use a name such as utf-8 or cp1252.") from None
        if len(self.separator) != 1 or not self.separator.isascii() or self.separator in '"\r\n':
            raise SourceError(f"the separator must be one ASCII character such as , or ;, found {self.separator!r}.")


def csv_chunks(path: Path, form: CsvFormat) -> Iterator[pl.DataFrame]:
    """Yield the rows of a CSV file (plain or ``.gz``) as tables of text, in the file's order.

    The first table has the columns and no rows.

    Raises
    ------
    SourceError
        If the file is empty, cut off, of another or a mixed encoding, without a header, or has a row of another
        number of fields; names the file and the line.
    """
    records = _records(path, form)
    first = next(records, b"")
    header = _header(first, path, form)
    schema = dict.fromkeys(header, pl.String())
    lines = first.count(b"\n")
    yield pl.DataFrame(schema=schema)
    for block in records:
        _check_quotes(block, path, form, lines)
        _check_fields(block, len(header), path, form, lines)
        yield _parsed(block, schema, path, form)
        lines += block.count(b"\n")


def _decoded(path: Path, form: CsvFormat) -> Iterator[bytes]:
    """Yield the file's text as UTF-8 blocks, decoded strictly, without a byte order mark."""
    decoder = codecs.getincrementaldecoder(form.encoding)("strict")
    read, lines, is_first = 0, 0, True
    with _opened(path) as file:
        while True:
            block = _read(file, path)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise _encoding_error(error, path, form, read - pending, lines) from None
            if is_first and text:
                text, is_first = text.removeprefix("\ufeff"), False
            if text:
                lines += text.count("\n")
                yield text.encode("utf-8")
            if not block:
                return
            read += len(block)


def _opened(path: Path) -> BufferedIOBase:
    try:
        return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} could not be read: {error.strerror}. Check the path and its permissions.") from error


def _read(file: BufferedIOBase, path: Path) -> bytes:
    try:
        return file.read(_BLOCK_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(
            f"{path} is not a complete gzip file ({error}). It was probably cut off in transfer: fetch it again."
        ) from error
    except OSError as error:
        raise SourceError(f"{path} could not be read: {error.strerror}. Check the disk or fetch it again.") from error


def _encoding_error(error: UnicodeDecodeError, path: Path, form: CsvFormat, offset: int, lines: int) -> SourceError:
    line = lines + error.object[: error.start].count(b"\n") + 1
    found = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end])
    return SourceError(
        f"{path}, line {line}, byte {offset + error.start}: {found} is not {form.encoding}. The file is in another "
        "encoding, or mixes several: state 'encoding' (cp1252 for many spreadsheets), or save it again as UTF-8."
    )


def _records(path: Path, form: CsvFormat) -> Iterator[bytes]:
    """Yield first the header line, then blocks that end where a record ends."""
    rest, header_done = b"", False
    for block in _decoded(path, form):
        rest += block
        if not header_done:
            end = _first_record_end(rest)
            if end == 0:
                continue
            yield rest[:end]
            rest, header_done = rest[end:], True
        # Blank lines stay behind with the rest: at the end of a file they are no rows, before a row they are a fault.
        body = rest[: _last_record_end(rest)].rstrip(b"\r\n")
        if body:
            yield body + b"\n"
            rest = rest[len(body) :].removeprefix(b"\r").removeprefix(b"\n")
    body = rest.rstrip(b"\r\n")
    if body:
        yield body + b"\n"


def _ends(block: bytes) -> npt.NDArray[np.intp]:
    """Return the positions of the newlines that end records: those outside quotes.

    A doubled quote inside a quoted field closes and opens it again, so the parity of quotes tells which is which.
    """
    codes = np.frombuffer(block, dtype=np.uint8)
    return _outside_quotes(codes, np.flatnonzero(codes == _NEWLINE))


def _outside_quotes(codes: npt.NDArray[np.uint8], positions: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    quotes = np.flatnonzero(codes == _QUOTE)
    return positions[np.searchsorted(quotes, positions) % 2 == 0] if quotes.size else positions


def _first_record_end(block: bytes) -> int:
    ends = _ends(block)
    return int(ends[0]) + 1 if ends.size else 0


def _last_record_end(block: bytes) -> int:
    ends = _ends(block)
    return int(ends[-1]) + 1 if ends.size else 0


def _header(record: bytes, path: Path, form: CsvFormat) -> list[str]:
    if not record.strip():
        raise SourceError(f"{path} is empty: expected a first line with the names of the columns, then one line a row.")
    _check_quotes(record, path, form, 0)
    header = ["" if name is None else str(name) for name in _parsed(record, None, path, form).row(0)]
    checked_names(header, str(path))
    numbers = pl.Series(header).cast(pl.Float64, strict=False).is_not_null()
    if numbers.any():
        raise SourceError(
            f"{path} has no header: its first line holds the number {quoted(header[numbers.arg_max() or 0])} "
            "where a column's name is expected. Add a first line with the names of the columns."
        )
    return header


def checked_names(header: list[str], where: str) -> None:
    """Refuse empty and repeated column names: which column is meant cannot be known.

    Raises
    ------
    SourceError
        Naming `where`, the positions of the empty names and the repeated names.
    """
    empty = [str(position) for position, name in enumerate(header, start=1) if not name.strip()]
    if empty:
        raise SourceError(f"{where}: column(s) {', '.join(empty)} have no name. Give every column a name.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        named = ", ".join(quoted(name) for name in repeated)
        raise SourceError(f"{where}: more than one column is named {named}. Give every column its own name.")


def _check_quotes(block: bytes, path: Path, form: CsvFormat, lines: int) -> None:
    """Refuse a block, which comes after `lines` lines, with a quotation mark that neither encloses nor is doubled.

    Readers repair such a field each in its own way. By parity every other mark opens a field and the one after closes
    it; a doubled mark is a closing one directly before an opening one.
    """
    codes = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    edges = [ord(form.separator), _NEWLINE, _QUOTE]
    # A block ends with a newline, so that the place before its first byte, -1, holds one too.
    opening, closing = quotes[0::2], quotes[1::2]
    stray = [opening[~np.isin(codes[opening - 1], edges)], closing[~np.isin(codes[closing + 1], [*edges, _RETURN])]]
    wrong = np.concatenate([*stray, quotes[-1:] if quotes.size % 2 else quotes[:0]])
    if wrong.size:
        at = lines + block.count(b"\n", 0, int(wrong.min())) + 1
        raise SourceError(
            f"{path}, line {at}: a quotation mark stands inside a field, or a quoted field never closes. Double the "
            "mark and quote the field, or fetch the file again if it was cut off."
        )


def _check_fields(block: bytes, expected: int, path: Path, form: CsvFormat, lines: int) -> None:
    """Refuse a block, which comes after `lines` lines, with a row that has not the `expected` number of fields."""
    codes = np.frombuffer(block, dtype=np.uint8)
    ends = _ends(block)
    separators = _outside_quotes(codes, np.flatnonzero(codes == ord(form.separator)))
    found = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
    wrong = np.flatnonzero(found != expected)
    if wrong.size:
        start = int(ends[wrong[0] - 1]) + 1 if wrong[0] else 0
        at = lines + block.count(b"\n", 0, start) + 1
        raise SourceError(
            f"{path}, line {at}: found {found[wrong[0]]} field(s), expected {expected} as in the header. The line is "
            f"cut off, or a field holds the separator {form.separator!r} or a quotation mark and is not quoted."
        )


def _parsed(block: bytes, schema: dict[str, pl.String] | None, path: Path, form: CsvFormat) -> pl.DataFrame:
    try:
        return pl.read_csv(
            block, has_header=False, schema=schema, infer_schema=False, separator=form.separator, encoding="utf8"
        )
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{path} is not valid CSV: {error}") from error
