"""Characters that make a text read other than it runs."""

from __future__ import annotations

import unicodedata

# Format characters (bidirectional controls, zero-width joiners) make a text read other than it runs.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters, marks and spaces that show nothing, or look like the plain space.
_BLANK = frozenset(
    map(
        chr,
        (
            *(0x00A0, 0x034F, 0x115F, 0x1160, 0x1680, 0x17B4, 0x17B5, 0x202F, 0x205F, 0x2800, 0x3000, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0x2000, 0x200B),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)

# A backslash; spaces that keep numbers together; the space of Japanese; the joiners of Persian and Hindi.
_SPELT_WITH = frozenset(map(chr, (0x5C, 0x00A0, 0x202F, 0x3000, 0x200C, 0x200D)))


def hidden_character(text: str) -> str | None:
    """Return the first character of `text` that no text may hold, by name; ``None`` where there is none.

    >>> hidden_character(chr(0x202E))
    'The character U+202E (RIGHT-TO-LEFT OVERRIDE)'
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return None
    return next((named(character) for character in text if is_hidden(character)), None)


def is_hidden(character: str) -> bool:
    """Say whether no text of a criterion may hold `character`."""
    # A backslash escapes in some dialects and not in others: the same text would mean two things.
    return character == "\\" or character in _BLANK or unicodedata.category(character) in _INVISIBLE


def unsuited_to_a_line(text: str) -> str | None:
    """Return the first character that a line for people may not hold, by name; ``None`` where there is none.

    A line break makes two lines of it, a control character drives the terminal, what shows nothing makes two texts
    look alike. What words and numbers of some language are spelt with is allowed.

    >>> unsuited_to_a_line("Café 1" + chr(0xA0) + "000"), unsuited_to_a_line("two" + chr(10) + "lines")
    (None, 'The character U+000A (a control character)')
    """
    return next((named(one) for one in text if is_hidden(one) and one not in _SPELT_WITH), None)


def named(character: str) -> str:
    """Return a character in words, as it can be shown safely."""
    if character.isascii() and character.isprintable():
        return f"The character {character}"
    return f"The character U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
