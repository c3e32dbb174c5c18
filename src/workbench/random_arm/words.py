"""Numbers with their nouns: 1 key, 2 keys."""

from __future__ import annotations


def number_of(count: int, one: str, many: str = "") -> str:
    """Write a number of things, the noun in the form that fits it.

    >>> number_of(1, "key"), number_of(1234, "key"), number_of(2, "day of trials", "days of trials")
    ('1 key', '1,234 keys', '2 days of trials')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
