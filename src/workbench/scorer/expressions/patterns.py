"""Text patterns: SQL's LIKE, and regular expressions bounded to what is cheap and reads alike everywhere."""

from __future__ import annotations

import math
import re

import polars as pl

from .portable import portable_fault

MAX_LIKE_WILDCARDS = 16
MAX_PATTERN_CHARACTERS = 100
MAX_REPETITIONS = 1_000


def like(operand: pl.Expr, pattern: str) -> pl.Expr:
    """Return SQL's ``LIKE``: ``%`` is any text, ``_`` any one character, case counts.

    >>> pl.DataFrame({"x": ["870323", "0870"]}).select(like(pl.col("x"), "87%"))["x"].to_list()
    [True, False]
    """
    pattern = re.sub("%+", "%", pattern)
    plain = pattern.strip("%")
    if "%" in plain or "_" in plain:
        return operand.str.contains(f"(?s)^{''.join(_LIKE.get(c, c) for c in pattern)}$")
    # The plain shapes skip the regular expression, which is several times slower.
    if pattern == plain:
        return operand == plain
    if pattern.endswith("%") and pattern.startswith("%"):
        return operand.str.contains(plain, literal=True)
    return operand.str.starts_with(plain) if pattern.endswith("%") else operand.str.ends_with(plain)


_LIKE = {"%": ".*", "_": "."} | {character: f"\\{character}" for character in ".^$*+?{}[]()|"}

_COUNTED = re.compile(r"\{(\d*),?(\d*)\}")


def pattern_fault(pattern: str) -> str | None:
    """Return why a regular expression is refused, ``None`` for one that is bounded, portable and valid.

    >>> pattern_fault("^[A-Z]{2}[0-9]+$") is None
    True
    >>> pattern_fault("(a{100}){100}")
    'its counted repetitions multiply to 10,000; at most 1,000 are allowed'
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return f"it has {len(pattern)} characters; at most {MAX_PATTERN_CHARACTERS} are allowed"
    if reason := portable_fault(pattern):
        return reason
    counts = [max(int(count or 1) for count in bounds) for bounds in _COUNTED.findall(pattern)]
    if (repetitions := math.prod(max(count, 1) for count in counts)) > MAX_REPETITIONS:
        return f"its counted repetitions multiply to {repetitions:,}; at most {MAX_REPETITIONS:,} are allowed"
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        return "it is not a valid regular expression"
    return None
