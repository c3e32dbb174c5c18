"""Where a criteria set's keys and values stand in its TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

from workbench.scorer.criteria.toml_scan import KeyPath, Scan, position, raw_string

_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[ \t]*\n[ \t\n]*|.)", re.DOTALL)


class Places(Scan):
    r"""The offsets of keys and values of a TOML text.

    Keys are those of :class:`~workbench.scorer.expressions.Fault`: the path in the file's data, where the entries of
    a named list stand directly under its dotted name.

    Parameters
    ----------
    text
        The TOML text, line ends as line feeds.
    wanted
        The keys that will be asked for; the places of others are not kept.

    Examples
    --------
    >>> places = Places('[[criterion]]\nid = "c"\nwhen = "x > 1"', [("criterion", 0, "when")])
    >>> places.of(("criterion", 0, "when")), places.inside(("criterion", 0, "when"), 1, 5)
    ((3, 8), (3, 13))
    """

    def __init__(self, text: str, wanted: Iterable[KeyPath]) -> None:
        super().__init__(text)
        self._wanted = {path[:end] for path in wanted for end in range(1, len(path) + 1)}
        self._keys: dict[KeyPath, int] = {}
        self._values: dict[KeyPath, int] = {}
        self.run()

    def key(self, path: KeyPath, offset: int) -> None:
        """Keep the first place of a key."""
        if (normal := _normal(path)) in self._wanted:
            self._keys.setdefault(normal, offset)

    def value(self, path: KeyPath, offset: int) -> None:
        """Keep the first place of a value."""
        if (normal := _normal(path)) in self._wanted:
            self._values.setdefault(normal, offset)

    def of(self, path: KeyPath, *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `path`, or of its key; of what holds it, if it is not there.

        Parameters
        ----------
        path
            A key of a fault.
        key
            Whether the key is meant rather than its value.
        """
        for end in range(len(path), 0, -1):
            known = [self._keys, self._values] if key else [self._values, self._keys]
            offsets = [places[path[:end]] for places in known if path[:end] in places]
            if offsets:
                return position(self.text, offsets[0])
        return 1, 1

    def inside(self, path: KeyPath, line: int, column: int) -> tuple[int, int]:
        """Return line and column in the file of a place in the text that is the value at `path`."""
        start = self._values.get(path)
        if start is None or self.text[start : start + 1] not in {'"', "'"}:
            return self.of(path)
        written = raw_string(self.text, start)
        lines = tomllib.loads(f"value = {written}")["value"].split("\n")
        index = sum(len(before) + 1 for before in lines[: line - 1]) + column - 1
        return position(self.text, start + _offset(written, index))


def _normal(path: KeyPath) -> KeyPath:
    """Return the path under which a fault knows the place: a named list by its dotted name, without ``entries``."""
    if path[0] != "lists" or len(path) == 1:
        return path
    names = path[1:]
    end = names.index("entries") if "entries" in names else len(names)
    return ("lists", ".".join(map(str, names[:end])), *names[end + 1 :])


def _offset(written: str, index: int) -> int:
    """Return where in a string as it is written the character `index` of its value starts."""
    quotes = 3 if written.startswith(('"""', "'''")) else 1
    at, end = quotes, len(written) - quotes
    if quotes == 3 and written.startswith("\n", at):
        at += 1
    while at < end:
        escape = _ESCAPE.match(written, at) if written[0] == '"' and written[at] == "\\" else None
        continued = escape is not None and "\n" in escape.group()
        if not continued and index == 0:
            break
        index -= not continued
        at += 1 if escape is None else len(escape.group())
    return at
