"""What a stranger wrote, as messages repeat it."""

from __future__ import annotations

_MOST_CHARACTERS = 60


def quoted(text: str) -> str:
    """Quote a text, of a long one only the beginning.

    >>> quoted("modle"), len(quoted("m" * 100_000))
    ("'modle'", 65)
    """
    return repr(text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}...")
