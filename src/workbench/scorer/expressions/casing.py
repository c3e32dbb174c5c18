"""Small letters and capitals, one for one: what LOWER and UPPER mean in every database.

Polars and Java write the capital of ß as SS and the small Σ at the end of a word as ς; PostgreSQL and Oracle map each
letter on its own. The latter is the language's meaning: a text keeps its length, and a letter its letter.
Source: the Unicode Character Database, ``UnicodeData.txt`` (simple mappings) and ``SpecialCasing.txt``.
"""

from __future__ import annotations

import sys

import polars as pl

GROWING = "".join(letter for letter in map(chr, range(0x80, sys.maxunicode + 1)) if len(letter.upper()) > 1)
"""The letters of which a capital may be several letters: ß, ligatures, Greek with an iota below."""

CAPITALS = "".join(letter.title() if len(letter.title()) == 1 else letter for letter in GROWING)
"""What UPPER makes of :data:`GROWING`: ᾼ of ᾳ, which has a capital of one letter, and ß of ß, which has none."""

STAND_INS = "".join(chr(0xE000 + number) for number in range(len(GROWING)))
"""Characters of the private use area, which have no case, for :data:`GROWING` while the others change."""


def lower(text: pl.Expr) -> pl.Expr:
    """Return `text` in small letters.

    >>> pl.select(lower(pl.lit("ΑΣ İ")))["literal"].item()
    'ασ i'
    """
    # The two letters that Polars maps to two, or by the place in the word.
    one_for_one = text.str.replace_all("Σ", "σ", literal=True).str.replace_all("İ", "i", literal=True)
    return one_for_one.str.to_lowercase()


def upper(text: pl.Expr) -> pl.Expr:
    """Return `text` in capitals.

    >>> pl.select(upper(pl.lit("straße đ")))["literal"].item()
    'STRAßE Đ'
    """
    hidden = text.str.replace_many(list(GROWING), list(STAND_INS))
    return hidden.str.to_uppercase().str.replace_many(list(STAND_INS), list(CAPITALS))
