"""The gate in front of the parser: limits, characters and words.

Every expression engine has text that overflows its stack or makes it do something else than compare
values. So nothing reaches the parser that is too long, too deep or too wide, or that holds a character
or a word outside the language. The gate's cost is linear in at most :data:`MAX_CHARACTERS` characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl
from sqlglot.tokens import Tokenizer

from ..schema import SCHEMA, Role
from .characters import hidden_character, is_hidden, named
from .faults import Fault, nearest
from .tokens import TOKEN, Token, count_nodes, lists, nesting

MAX_CHARACTERS = 4_096
MAX_NESTING = 16
MAX_NODES = 200
MAX_LIST_VALUES = 1_000
MAX_LITERAL_CHARACTERS = 512
MAX_FAULTS = 20

KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE", "END", "DATE", "FROM"}
)
FUNCTIONS = frozenset(
    {
        "ABS",
        "ROUND",
        "LOWER",
        "UPPER",
        "LENGTH",
        "SUBSTRING",
        "COALESCE",
        "NULLIF",
        "EXTRACT",
        "STARTS_WITH",
        "REGEXP_LIKE",
        "LIST",
    }
)
DATE_PARTS = frozenset({"YEAR", "MONTH", "DAY", "HOUR"})

_HINTS = {
    '"': ("names are written without quotes and text in single quotes", "hs_code = '870323'"),
    "'": ("a text is opened here and never closed", "close it with '; double a quote inside: 'O''Neil'"),
    ";": ("one expression is allowed, not several statements", None),
    "|": ("text cannot be joined", "compare the parts one by one, joined by AND"),
    "%": ("the remainder operator is not part of the language", "ROUND(value / 1000) * 1000 = value"),
    "^": ("the power operator is not part of the language", "multiply"),
    ":": ("a cast or an empty parameter is not part of the language", ":name"),
    "?": ("a parameter needs a name", ":name"),
    ".": ("a column has no table in front, and a number starts with a digit", "0.5"),
}
_FORBIDDEN_ROLES = {
    Role.IDENTITY: ("identity_column", "keys a row and says nothing about its risk"),
    Role.DECISION: ("known_after_decision", "is known only after the decision to control"),
    Role.OUTCOME: ("known_after_control", "is known only after the control"),
}
COLUMN_FAULTS = frozenset({"unknown_column", *(code for code, _ in _FORBIDDEN_ROLES.values())})
_MAY_PRECEDE_BRACKET = KEYWORDS - {"NULL", "DATE", "END", "IS"} | FUNCTIONS


@dataclass
class Gate:
    """Reads one expression's text and collects the faults that show before it is parsed.

    Parameters
    ----------
    text
        The expression.
    columns
        Names that the expression may use.
    """

    text: str
    columns: Collection[str]
    faults: list[Fault] = field(default_factory=list)

    def check(self) -> list[Fault]:
        """Return at most :data:`MAX_FAULTS` faults; none means that the text may be parsed."""
        if len(self.text) > MAX_CHARACTERS:
            found = f"The expression has {len(self.text):,} characters; at most {MAX_CHARACTERS:,} are allowed."
            return [Fault("too_long", found, 1, 1, "put long lists under [lists] and use IN LIST('name')")]
        tokens = [token for token in self._tokens() if token.kind != "space"]
        if not tokens and not self.faults:
            self._fault("empty", "The expression is empty.", 0, "customs_value_usd > 10000")
        self._check_size(tokens)
        self._check_words(tokens)
        self._check_commas(tokens)
        return self.faults[:MAX_FAULTS]

    def _fault(self, code: str, message: str, start: int, suggestion: str | None = None) -> None:
        line, column = position(self.text, start)
        self.faults.append(Fault(code, message, line, column, suggestion))

    def _tokens(self) -> Iterator[Token]:
        start = 0
        while start < len(self.text):
            match = TOKEN.match(self.text, start)
            if match is None or match.lastgroup is None:
                self._refuse_character(start)
                if self.text[start] == "'":
                    return
                start += 1
                continue
            token = Token(match.lastgroup, match.group(), start)
            self._check_token(token)
            yield token
            start = match.end()

    def _check_token(self, token: Token) -> None:
        if token.kind == "comment":
            self._fault("comment", "Comments can hide text from a reader.", token.start, "use the criterion's `reason`")
        elif token.kind == "string":
            self._check_literal(token)
        elif token.kind == "number":
            self._check_number(token)

    def _check_number(self, token: Token) -> None:
        value = float(token.text)
        if value == float("inf"):
            self._fault("number", f"The number {token.text[:40]} is larger than any value can be.", token.start)
        elif value == 0 and re.search("[1-9]", token.text.lower().partition("e")[0]):
            self._fault("number", f"The number {token.text[:40]} is smaller than any value can be.", token.start, "0")

    def _check_literal(self, token: Token) -> None:
        if len(token.text) > MAX_LITERAL_CHARACTERS:
            found = f"A text has {len(token.text):,} characters; at most {MAX_LITERAL_CHARACTERS} are allowed."
            self._fault("long_literal", found, token.start)
        if hidden := hidden_character(token.text):
            start = token.start + next(offset for offset, one in enumerate(token.text) if is_hidden(one))
            self._fault("character", f"{hidden} is not allowed in a text.", start)

    def _refuse_character(self, start: int) -> None:
        character = self.text[start]
        reason, suggestion = _HINTS.get(character, ("it is not part of the language", None))
        if character.isdigit():
            reason = "a number has digits, one point and an exponent at most, and nothing joined to it"
        elif character.isalpha():
            reason = "names are of ASCII letters, digits and underscore; this one may only look like an ASCII letter"
        self._fault("character", f"{named(character)} is not allowed here: {reason}.", start, suggestion)

    def _check_size(self, tokens: list[Token]) -> None:
        if (nodes := count_nodes(tokens)) > MAX_NODES:
            found = f"The expression has {nodes:,} names, values and operators; at most {MAX_NODES} are allowed."
            self._fault("too_large", found, 0, "split it into several criteria")
        if (depth := nesting(tokens)) > MAX_NESTING:
            found = f"The expression nests {depth} levels deep; at most {MAX_NESTING} are allowed."
            self._fault("too_deep", found, 0, "split it into several criteria")
        for start, count in lists(tokens):
            if count > MAX_LIST_VALUES:
                found = f"A list has {count:,} values; at most {MAX_LIST_VALUES:,} are allowed."
                self._fault("long_list", found, start, "put the values under [lists] and use IN LIST('name')")

    def _check_commas(self, tokens: list[Token]) -> None:
        # The parser passes over a comma with nothing beside it.
        for before, token in pairwise(tokens):
            if (token.text == "," and before.text in {"(", ","}) or (token.text == ")" and before.text == ","):
                self._fault("syntax", "A value is missing beside this comma.", token.start)

    def _check_words(self, tokens: list[Token]) -> None:
        for index, token in enumerate(tokens):
            if token.kind != "word":
                continue
            called = index + 1 < len(tokens) and tokens[index + 1].text == "("
            part = index > 1 and tokens[index - 2].keyword == "EXTRACT" and tokens[index - 1].text == "("
            if part:
                self._check_date_part(token)
            elif token.keyword in {"EXTRACT", "FROM"}:
                self._check_extract(tokens, index)
            elif called and token.keyword not in _MAY_PRECEDE_BRACKET:
                advice = nearest(token.keyword, FUNCTIONS) or f"one of {', '.join(sorted(FUNCTIONS))}"
                self._fault("unknown_function", f"There is no function {token.text}.", token.start, advice)
            elif not called and token.keyword not in KEYWORDS:
                self._check_column(token)

    def _check_extract(self, tokens: list[Token], index: int) -> None:
        """Refuse the other forms that the parser reads: a part in quotes, a comma for FROM, FROM elsewhere."""
        start = index if tokens[index].keyword == "EXTRACT" else max(index - 3, 0)
        form = [token.keyword or token.text for token in tokens[start : start + 4]]
        if len(form) < 4 or (form[0], form[1], form[3]) != ("EXTRACT", "(", "FROM") or tokens[start + 2].kind != "word":
            advice = "EXTRACT(MONTH FROM lodged_at)"
            self._fault("syntax", "EXTRACT takes a part of a date and FROM.", tokens[index].start, advice)

    def _check_date_part(self, token: Token) -> None:
        if token.keyword not in DATE_PARTS:
            parts = ", ".join(sorted(DATE_PARTS))
            self._fault("date_part", f"EXTRACT cannot take {token.text}.", token.start, f"one of {parts}")

    def _check_column(self, token: Token) -> None:
        known = SCHEMA.get(token.text)
        if known is not None and known.role in _FORBIDDEN_ROLES:
            code, reason = _FORBIDDEN_ROLES[known.role]
            found = f"The column {token.text!r} {reason}: {known.meaning}."
            self._fault(code, found, token.start, "use columns known at lodgement")
        elif token.text not in self.columns:
            near = nearest(token.text.lower(), self.columns)
            if token.keyword in Tokenizer.KEYWORDS and not near:
                self._fault("forbidden_word", f"{token.text} is not part of the language.", token.start)
            else:
                self._fault("unknown_column", f"There is no column {token.text!r}.", token.start, near)


def known_at_lodgement(columns: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Return `columns` without those that the schema gives to keys, decisions or outcomes.

    >>> known_at_lodgement({"hs_code": pl.String(), "violation": pl.Int8()})
    {'hs_code': String}
    """
    return {
        name: dtype
        for name, dtype in columns.items()
        if name not in SCHEMA or SCHEMA[name].role not in _FORBIDDEN_ROLES
    }


def position(text: str, start: int) -> tuple[int, int]:
    r"""Return line and column, from 1, of the offset `start`.

    >>> position("a = 1\nAND b = 2", 6)
    (2, 1)
    """
    before = text[:start]
    return before.count("\n") + 1, start - before.rfind("\n")
