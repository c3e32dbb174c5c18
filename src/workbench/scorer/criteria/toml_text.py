"""TOML text of criteria, its limits checked before anything is read into memory or parsed."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from ..errors import CriterionError
from .toml_scan import Scan, UnreadableError, position

MAX_BYTES = 10_000_000


def read(path: Path) -> str:
    """Return the text of a criteria file, line ends as line feeds.

    Raises
    ------
    CriterionError
        There is no such file, or what is there is a folder, a pipe or a device.
    UnreadableError
        It has more than 10 MB, which is found without reading more, or is not UTF-8.
    """
    try:
        content = _content(path)
    except OSError as error:
        raise CriterionError(f"The criteria file {path} cannot be read: {error.strerror}. Give a TOML file.") from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise UnreadableError("The file is not UTF-8. Save it as UTF-8", line, column) from error


def _content(path: Path) -> bytes:
    found = path.stat()
    # To open a pipe is to wait for whoever writes to it, and a device never ends.
    if not stat.S_ISREG(found.st_mode):
        raise CriterionError(f"The criteria file {path} cannot be read: it is no regular file. Give a TOML file.")
    content, size = b"", found.st_size
    if size <= MAX_BYTES:
        with path.open("rb") as file:
            # What a file says of its size may be out of date, or 0 for what the system makes up as it is read.
            content = file.read(MAX_BYTES + 1)
        size = len(content)
    if size > MAX_BYTES:
        raise UnreadableError(f"The file has {size:,} bytes or more; at most {MAX_BYTES:,} are allowed. Split it")
    return content


def parse(text: str) -> dict[str, Any]:
    """Return the data of a TOML text.

    Raises
    ------
    UnreadableError
        It is no TOML, or has keys of more than 16 parts, values nested deeper than 16 or too many of either.
    """
    Scan(text).run()
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line, column = _place_of(str(error), text)
        raise UnreadableError(f"This is no TOML: {message}", line, column) from error
    # Python refuses to read a number of thousands of digits.
    except ValueError as error:
        raise UnreadableError(f"This is no TOML: {error}") from error


def _place_of(message: str, text: str) -> tuple[str, int, int]:
    told = re.search(r" \(at line (\d+), column (\d+)\)", message)
    if told is not None:
        return message[: told.start()], int(told[1]), int(told[2])
    return (message.removesuffix(" (at end of document)"), *position(text, len(text)))
