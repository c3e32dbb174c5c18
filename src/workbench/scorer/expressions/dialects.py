"""Where the SQL of databases differs in meaning, and how each is told to mean what the workbench means.

Sources: PostgreSQL 15 manual (8.1.3 floating point, 9.7.3 regular expressions, 24.2 collations), Oracle Database 19c
SQL language reference (data types, ROUND, REGEXP_LIKE, nulls), Spark 3.5 SQL reference (data types, ANSI compliance)
and ``java.util.regex.Pattern``.
"""

from __future__ import annotations

import datetime as dt

from sqlglot import exp

from ..errors import CriterionError, did_you_mean
from .casing import CAPITALS, GROWING, STAND_INS
from .portable import spelled_out

_HALF = 0.49999999999999994
"""The largest double below one half: adding it and cutting rounds every double right, adding 0.5 does not."""


class Dialect:
    """How one database writes what it means differently from the others; the base is what most of them share."""

    name = ""
    longest_list: int | None = None
    longest_name = 128
    holds_truth_values = True
    empty_text_is_missing = False
    session: tuple[str, ...] = ()

    def number(self, value: float) -> exp.Expr:
        """Return a number as a literal: shortest text that reads back as the same double."""
        whole = value.is_integer() and abs(value) < 1e15
        text = str(abs(int(value))) if whole else repr(abs(value))
        digits = exp.Literal.number(text)
        return exp.Neg(this=digits) if value < 0 else digits

    def text(self, value: str) -> exp.Expr:
        """Return a text as a literal."""
        if "\0" in value:
            raise CriterionError("A text with the character U+0000 cannot be written as SQL. Remove it from the list.")
        return exp.Literal.string(value)

    def moment(self, value: dt.datetime) -> exp.Expr:
        """Return a midnight as a literal."""
        return self.as_moment(exp.Literal.string(f"{value:%Y-%m-%d}"))

    def as_double(self, node: exp.Expr) -> exp.Expr:
        """Return `node` as a 64-bit IEEE number."""
        return exp.cast(node, "double")

    def as_moment(self, node: exp.Expr) -> exp.Expr:
        """Return `node` as a date and time without a zone."""
        return exp.cast(node, "timestamp")

    def as_text(self, node: exp.Expr) -> exp.Expr:
        """Return `node` as a text that is compared by its code points."""
        return node

    def rounded(self, node: exp.Expr) -> exp.Expr:
        """Return the number `node` rounded to the nearest whole number, halves away from zero."""
        return exp.Round(this=node)

    def lower(self, node: exp.Expr) -> exp.Expr:
        """Return the text `node` in small letters, one for one."""
        return exp.Lower(this=node)

    def upper(self, node: exp.Expr) -> exp.Expr:
        """Return the text `node` in capitals, one for one; a letter that has no single capital stays."""
        return exp.Upper(this=node)

    def like(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Return the condition that `node` is like `pattern`, in which only % and _ are special."""
        return exp.Like(this=node, expression=self.text(pattern))

    def matches(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Return the condition that the regular expression `pattern` is found in `node`."""
        return exp.RegexpLike(this=node, expression=self.text(spelled_out(pattern)))

    def truth(self, condition: exp.Expr) -> exp.Expr:
        """Return `condition` as the integer 1, 0 or null."""
        return exp.cast(condition, "int")


class Postgres(Dialect):
    """PostgreSQL 12 or later."""

    name = "postgres"
    longest_name = 63
    session = (
        "The database is encoded as UTF8 with a locale of the provider libc or builtin: LOWER and UPPER use it.",
    )

    def as_text(self, node: exp.Expr) -> exp.Expr:
        """Compare by code points: the database's own order follows the language of its locale."""
        return _collated(node, "C")

    def lower(self, node: exp.Expr) -> exp.Expr:
        """Take letters from the database's locale: the collation C knows the 26 of ASCII only."""
        return self.as_text(exp.Lower(this=_collated(node, "default")))

    def upper(self, node: exp.Expr) -> exp.Expr:
        """Take letters from the database's locale, as :meth:`lower` does."""
        return self.as_text(exp.Upper(this=_collated(node, "default")))

    def rounded(self, node: exp.Expr) -> exp.Expr:
        """Round halves away from zero: ROUND of a double takes them to the even number."""
        return _cut(node)

    def like(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Double the backslash, which escapes by default."""
        return super().like(node, pattern.replace("\\", "\\\\"))


class Oracle(Dialect):
    """Oracle Database 12.2 or later."""

    name = "oracle"
    longest_list = 1_000
    holds_truth_values = False
    empty_text_is_missing = True
    session = (
        "NLS_COMP = BINARY and NLS_SORT = BINARY: texts are compared by their code points.",
        "Text columns are VARCHAR2 in AL32UTF8 and an empty text is a missing one, as in the workbench.",
        "SET DEFINE OFF where the client replaces words after an ampersand.",
    )

    def text(self, value: str) -> exp.Expr:
        """Refuse the empty text, which Oracle takes for a missing one."""
        if not value:
            raise CriterionError(
                "It compares with the empty text '', which Oracle takes for a missing value. Use IS NULL instead."
            )
        return super().text(value)

    def moment(self, value: dt.datetime) -> exp.Expr:
        """Name the format: Oracle reads a text as a date by a setting of the session."""
        day = exp.Literal.string(f"{value:%Y-%m-%d}")
        return exp.Anonymous(this="TO_TIMESTAMP", expressions=[day, exp.Literal.string("YYYY-MM-DD")])

    def as_double(self, node: exp.Expr) -> exp.Expr:
        """Convert to BINARY_DOUBLE: Oracle's DOUBLE PRECISION is a decimal number."""
        return exp.Anonymous(this="TO_BINARY_DOUBLE", expressions=[node])

    def rounded(self, node: exp.Expr) -> exp.Expr:
        """Round halves away from zero: ROUND of a BINARY_DOUBLE takes them to the even number."""
        return _cut(node)

    def matches(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """State that case counts (c) and that a point stands for any character (n)."""
        written = [node, self.text(spelled_out(pattern)), exp.Literal.string("cn")]
        return exp.Anonymous(this="REGEXP_LIKE", expressions=written)

    def truth(self, condition: exp.Expr) -> exp.Expr:
        """Ask twice: a condition is no value in Oracle."""
        opposite = exp.Not(this=exp.Paren(this=condition.copy()))
        return exp.Case().when(condition, exp.Literal.number(1)).when(opposite, exp.Literal.number(0))


class Spark(Dialect):
    """Spark 3.4 or later, with or without ANSI mode."""

    name = "spark"
    session = (
        "Text columns have the default collation, UTF8_BINARY, and spark.sql.parser.escapedStringLiterals is false.",
    )

    def as_moment(self, node: exp.Expr) -> exp.Expr:
        """Take local time: a TIMESTAMP of Spark is a moment in the session's zone."""
        return exp.cast(node, "timestampntz")

    def lower(self, node: exp.Expr) -> exp.Expr:
        """Keep Java from the two letters whose small form is two letters or depends on the place in the word."""
        return exp.Lower(this=_translate(node, "İΣ", "iσ"))

    def upper(self, node: exp.Expr) -> exp.Expr:
        """Keep Java from the letters whose capital is several letters."""
        return _translate(exp.Upper(this=_translate(node, GROWING, STAND_INS)), STAND_INS, CAPITALS)

    def like(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Double the backslash, which escapes by default."""
        return super().like(node, pattern.replace("\\", "\\\\"))

    def matches(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Let a point be any character, and $ the very end: in Java it may stand before a last line break."""
        return exp.RegexpLike(this=node, expression=self.text(f"(?s){spelled_out(pattern, end='(?!.)')}"))


class DuckDB(Dialect):
    """DuckDB 1.4 or later; not offered for export: it is the differential test's second opinion."""

    name = "duckdb"

    def number(self, value: float) -> exp.Expr:
        """Give an exponent: DuckDB reads a number without one as a decimal."""
        text = repr(abs(value))
        digits = exp.Literal.number(text if "e" in text else f"{text}e0")
        return exp.Neg(this=digits) if value < 0 else digits

    def upper(self, node: exp.Expr) -> exp.Expr:
        """Keep the letters whose capital is several letters: DuckDB has a capital ß."""
        return _translate(exp.Upper(this=_translate(node, GROWING, STAND_INS)), STAND_INS, CAPITALS)

    def matches(self, node: exp.Expr, pattern: str) -> exp.Expr:
        """Let a point be any character."""
        return exp.RegexpLike(this=node, expression=self.text(f"(?s){spelled_out(pattern)}"))


def _collated(node: exp.Expr, collation: str) -> exp.Expr:
    grouped = node if isinstance(node, exp.Column | exp.Func) and not isinstance(node, exp.Case) else exp.paren(node)
    return exp.Collate(this=grouped, expression=exp.to_identifier(collation, quoted=True))


def _translate(node: exp.Expr, letters: str, others: str) -> exp.Expr:
    return exp.Anonymous(this="TRANSLATE", expressions=[node, exp.Literal.string(letters), exp.Literal.string(others)])


def _cut(node: exp.Expr) -> exp.Expr:
    away = exp.Mul(this=exp.Anonymous(this="SIGN", expressions=[node.copy()]), expression=exp.Literal.number(_HALF))
    return exp.Anonymous(this="TRUNC", expressions=[exp.Add(this=node, expression=away)])


_OFFERED: dict[str, Dialect] = {one.name: one for one in (Oracle(), Postgres(), Spark())}
_KNOWN = {**_OFFERED, DuckDB.name: DuckDB()}

DIALECTS = tuple(_OFFERED)
"""Names of the databases for which criteria are exported."""


def dialect_of(name: str) -> Dialect:
    """Return the dialect called `name`.

    Raises
    ------
    CriterionError
        If there is none of that name: lists those there are and suggests the nearest.
    """
    if name not in _KNOWN:
        near = did_you_mean(name, DIALECTS)
        raise CriterionError(f"There is no dialect {name!r}{near}; it is one of {', '.join(DIALECTS)}.")
    return _KNOWN[name]
