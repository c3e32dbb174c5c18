"""The values that the keys of a criteria set take, each read from what TOML or JSON holds."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from ..expressions.characters import hidden_character, unsuited_to_a_line
from ..expressions.terms import Kind, Value, kind_of_value

MAX_TEXT_CHARACTERS = 4_096
MAX_CODE_CHARACTERS = 200
_UNSHOWABLE = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


class Wrong(Exception):  # noqa: N818 - a signal, its text is what was expected
    """A value is not of the type that its key takes."""


def text(value: Any) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise Wrong("a text")
    return value


def prose(value: Any) -> str:
    """Read a text for people: control characters drive a terminal, changed directions show what is not there."""
    written = text(value)
    if len(written) > MAX_TEXT_CHARACTERS:
        raise Wrong(f"a text of at most {MAX_TEXT_CHARACTERS:,} characters")
    if _UNSHOWABLE.search(written):
        raise Wrong("a text without control characters and changes of direction")
    return written


def line(value: Any) -> str:
    """Read a text for people that stands in one line of a table or a terminal."""
    written = prose(value)
    if (character := unsuited_to_a_line(written)) is not None:
        raise Wrong(f"a text in one line that can be seen in full ({character} is not allowed)")
    return written


def codes(value: Any) -> tuple[str, ...]:
    """Read a list of short texts that are compared to the character: none empty, none with what cannot be seen."""
    found = texts(value)
    for item in found:
        if not item.strip() or len(item) > MAX_CODE_CHARACTERS:
            raise Wrong(f"a list of texts of 1 to {MAX_CODE_CHARACTERS} characters")
        if (character := hidden_character(item)) is not None:
            raise Wrong(f"a list of texts that can be seen in full ({character} is not allowed)")
    return found


def number(value: Any) -> float:
    """Read a finite number."""
    if kind_of_value(value) is not Kind.NUMBER:
        raise Wrong("a finite number")
    return value  # type: ignore[no-any-return]


def whole(value: Any) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong("a whole number")
    return value


def day(value: Any) -> dt.date:
    """Read a day, given as a date or an ISO text."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Wrong("a date such as 2026-01-31") from None


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise Wrong("a list of texts")
    return tuple(value)


def scalar(value: Any) -> Value:
    """Read a value that a parameter or an entry of a list may have."""
    if kind_of_value(value) is None:
        raise Wrong("a text or a finite number")
    return value  # type: ignore[no-any-return]


def bounds(value: Any) -> tuple[float, float]:
    """Read the lowest and the highest value of a parameter."""
    if not isinstance(value, list | tuple) or [kind_of_value(bound) for bound in value] != [Kind.NUMBER] * 2:
        raise Wrong("a range of two finite numbers such as [0.1, 0.9]")
    return value[0], value[1]
