"""The lexical units of an expression and its size by them, before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<comment>--|/\*)
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
      | (?P<parameter>:[A-Za-z_][A-Za-z0-9_]*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator><>|!=|<=|>=|[=<>+\-*/])
      | (?P<bracket>[(),])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One lexical unit: its kind (a group of the token pattern), text and offset in the expression."""

    kind: str
    text: str
    start: int

    @property
    def keyword(self) -> str:
        """The word in capitals; empty for what is not a word."""
        return self.text.upper() if self.kind == "word" else ""


def parameter_start(text: str, name: str) -> int:
    """Return the offset of the first use of the parameter `name` in an expression's text; 0 where it is not used.

    >>> parameter_start("hs_code <> ':low' AND net_mass_kg > :low", "low")
    36
    """
    return next((found.start() for found in TOKEN.finditer(text) if found.group() == f":{name}"), 0)


def parameters_in(text: str) -> frozenset[str]:
    """Return the names of the parameters in an expression's text, which need not be a good one.

    >>> sorted(parameters_in("net_mass_kg > :low AND hs_code <> ':x'"))
    ['low']
    """
    found = TOKEN.finditer(text)
    return frozenset(token.group()[1:] for token in found if token.lastgroup == "parameter")


def _enclosing(tokens: list[Token]) -> Iterator[tuple[Token, list[int]]]:
    """Yield each token with the indices of the brackets open before it."""
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.text == ")" and opened:
            opened.pop()
        yield token, opened
        if token.text == "(":
            opened.append(index)


def _is_list(tokens: list[Token], opening: int) -> bool:
    return opening > 0 and tokens[opening - 1].keyword == "IN"


def count_nodes(tokens: list[Token]) -> int:
    """Count what becomes a node of the tree; a list's values have a limit of their own."""
    return sum(
        token.kind != "bracket" and not (opened and _is_list(tokens, opened[-1]))
        for token, opened in _enclosing(tokens)
    )


def nesting(tokens: list[Token]) -> int:
    """Return how deep brackets, CASE and runs of prefixes nest."""
    deepest = cases = prefixes = 0
    for token, opened in _enclosing(tokens):
        cases += {"CASE": 1, "END": -1}.get(token.keyword, 0)
        # A run of NOT or of signs nests once for each of them.
        prefixes = prefixes + 1 if token.keyword == "NOT" or token.text in {"-", "+"} else 0
        deepest = max(deepest, len(opened) + (token.text == "(") + cases + prefixes)
    return deepest


def lists(tokens: list[Token]) -> list[tuple[int, int]]:
    """Return offset and number of values of each list written after IN."""
    commas: dict[int, int] = {}
    for token, opened in _enclosing(tokens):
        if opened and _is_list(tokens, opened[-1]):
            commas[opened[-1]] = commas.get(opened[-1], 0) + (token.text == ",")
    return [(tokens[opening].start, count + 1) for opening, count in commas.items()]
