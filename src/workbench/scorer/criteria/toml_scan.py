"""One pass over TOML text: where each key and value is, and whether the text goes beyond a limit.

No TOML library says where a key stands, and the standard one takes time by the square of the parts of a dotted key.
"""

from __future__ import annotations

import re
import tomllib

from ..errors import CriterionError

MAX_KEY_PARTS = 16
MAX_NESTING = 16
MAX_TABLES = 25_000
MAX_NAMES_AND_VALUES = 2_000_000

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_SPACE = re.compile(r"[ \t]*+")
_BARE = re.compile(r"[A-Za-z0-9_-]++")
_BASIC = re.compile(r'"(?:[^"\\\n]++|\\.)*+"')
_LITERAL = re.compile(r"'[^'\n]*+'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']++|'{1,2}(?!'))*+'''(?:'{0,2})")
_SCALAR = re.compile(r"[^,\]}#\n]++")


class UnreadableError(CriterionError):
    """A text that is no TOML or goes beyond a limit; `line` and `column` say where, from 1, or are 0."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        self.line, self.column = line, column
        super().__init__(message)


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class Scan:
    """One pass over a TOML text; a subclass is told of each key and value by :meth:`key` and :meth:`value`.

    A text that is no TOML ends the scan where it stops making sense. What is told before is right.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._tables_seen = self._seen = 0
        self._last: dict[KeyPath, int] = {}

    def key(self, path: KeyPath, offset: int) -> None:
        """Take note of a key, or of the header of a table, at `offset`."""

    def value(self, path: KeyPath, offset: int) -> None:
        """Take note of a value that starts at `offset`."""

    def run(self) -> None:
        """Scan the text to its end or to the first thing that is no TOML.

        Raises
        ------
        UnreadableError
            A limit is passed.
        """
        base: KeyPath = ()
        try:
            while self._blank() < len(self.text):
                if self.text[self.at] == "[":
                    base = self._header()
                else:
                    self._pair(base, 0)
        except _NoTomlError:
            return

    def _header(self) -> KeyPath:
        start = self.at
        self._tables_seen += 1
        if self._tables_seen > MAX_TABLES:
            self._refuse(f"The file has more than {MAX_TABLES:,} tables", start, "split it")
        brackets = 2 if self.text.startswith("[[", start) else 1
        self.at += brackets
        parts = [part for part, _ in self._dotted()]
        self._take("]" * brackets)
        parent = self._resolved(parts[:-1])
        path: KeyPath = (*parent, parts[-1])
        if brackets == 2:
            self._last[path] = self._last.get(path, -1) + 1
        path = self._resolved(parts)
        self.key(path, start)
        return path

    def _resolved(self, parts: list[str]) -> KeyPath:
        """Return the path of a table by its header: below an array of tables it belongs to the last of them."""
        path: KeyPath = ()
        for part in parts:
            path = (*path, part)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _pair(self, base: KeyPath, depth: int) -> None:
        parts = self._dotted()
        path = base
        for part, offset in parts:
            path = (*path, part)
            self.key(path, offset)
        self._take("=")
        self._value(path, depth)

    def _dotted(self) -> list[tuple[str, int]]:
        """Return the parts of a key with the offset of each, and stop behind it."""
        parts: list[tuple[str, int]] = []
        while True:
            start = self._space()
            self._count(start)
            parts.append((self._part(), start))
            if len(parts) > MAX_KEY_PARTS:
                self._refuse(f"A key has more than {MAX_KEY_PARTS} parts", parts[0][1], "make the file flatter")
            if not self.text.startswith(".", self._space()):
                return parts
            self.at += 1

    def _part(self) -> str:
        if self.text.startswith('"', self.at):
            written = self._match(_BASIC)
            try:
                return str(tomllib.loads(f"key = {written}")["key"])
            except tomllib.TOMLDecodeError:
                raise _NoTomlError from None
        return self._match(_LITERAL)[1:-1] if self.text.startswith("'", self.at) else self._match(_BARE)

    def _value(self, path: KeyPath, depth: int) -> None:
        start = self._space()
        self.value(path, start)
        self._count(start)
        if depth > MAX_NESTING:
            self._refuse(f"Values nest deeper than {MAX_NESTING}", start, "make the file flatter")
        first = self.text[start : start + 1]
        if first == "[":
            self._array(path, depth)
        elif first == "{":
            self._table(path, depth)
        elif first in {'"', "'"} and first:
            self.at += len(raw_string(self.text, start))
        else:
            self._match(_SCALAR)

    def _array(self, path: KeyPath, depth: int) -> None:
        self.at += 1
        index = 0
        while not self.text.startswith("]", self._blank()):
            self._value((*path, index), depth + 1)
            index += 1
            if not self.text.startswith(",", self._blank()):
                break
            self.at += 1
        self._take("]")

    def _table(self, path: KeyPath, depth: int) -> None:
        self.at += 1
        while not self.text.startswith("}", self._blank()):
            self._pair(path, depth + 1)
            if not self.text.startswith(",", self._blank()):
                break
            self.at += 1
        self._take("}")

    def _blank(self) -> int:
        self.at = _end(_BLANK, self.text, self.at)
        return self.at

    def _space(self) -> int:
        self.at = _end(_SPACE, self.text, self.at)
        return self.at

    def _take(self, expected: str) -> None:
        if not self.text.startswith(expected, self._space() if expected == "=" else self.at):
            raise _NoTomlError
        self.at += len(expected)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise _NoTomlError
        self.at = found.end()
        return found.group()

    def _count(self, offset: int) -> None:
        self._seen += 1
        if self._seen > MAX_NAMES_AND_VALUES:
            self._refuse(f"The file has more than {MAX_NAMES_AND_VALUES:,} names and values", offset, "split it")

    def _refuse(self, what: str, offset: int, advice: str) -> None:
        raise UnreadableError(f"{what}: {advice}", *position(self.text, offset))


class _NoTomlError(Exception):
    """The text does not go on as TOML does."""


def raw_string(text: str, start: int) -> str:
    """Return the string that starts at `start` as it is written, quotes included."""
    basic = text[start] == '"'
    long = text.startswith(text[start] * 3, start)
    pattern = (_LONG_BASIC if basic else _LONG_LITERAL) if long else (_BASIC if basic else _LITERAL)
    found = pattern.match(text, start)
    if found is None:
        raise _NoTomlError
    return found.group()


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()
