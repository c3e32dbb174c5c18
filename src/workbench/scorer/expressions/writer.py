"""One checked expression written for one database: the tree is walked as the compiler walks it.

Every number is a 64-bit IEEE one: a literal beside a column takes its type, and what reads no column is computed here,
where its arithmetic is the workbench's own. Text is compared by code points; a division by zero is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl
from sqlglot import exp

from ..errors import CriterionError
from .compiler import Compiler
from .dialects import Dialect
from .lists import LODGED_AT, list_name
from .magnitudes import out_of_range
from .terms import Kind, Names, Term, Value

_DEEPEST_ROUND = 4


class Writer:
    """Writes checked trees for one database.

    Parameters
    ----------
    names
        What the trees were checked against.
    dialect
        The database.
    prepared
        True where whole numbers have been converted to doubles already.
    """

    def __init__(self, names: Names, dialect: Dialect, *, prepared: bool) -> None:
        self.names = names
        self.dialect = dialect
        self.prepared = prepared

    def condition(self, tree: exp.Expr) -> exp.Expr:
        """Return a whole expression in the database's terms.

        Raises
        ------
        CriterionError
            A result may be one that the database cannot hold, or it cannot tell two values apart that differ.
        """
        found = out_of_range(tree, lambda node: float(self._term(node).literal or 0.0))  # type: ignore[arg-type]
        if found is not None:
            message = f"{found.sql()} multiplies or divides so often that a result may not fit into a number"
            raise CriterionError(f"{message} of a database. Split it, or use a column that holds a part of it.")
        return self.write(tree)

    def write(self, node: exp.Expr) -> exp.Expr:
        """Return `node` in the database's terms; a number is a literal or a double."""
        return self._literal(node) if _is_constant(node) else _RULES[type(node)](self, node)

    def _term(self, node: exp.Expr) -> Term:
        term = Compiler("", self.names).term(node)
        if term is None:
            raise CriterionError(f"{node.sql()} is not of the language: check the expression first.")
        return term

    def _literal(self, node: exp.Expr) -> exp.Expr:
        """Compute what reads no column."""
        term = self._term(node)
        if term.literal is None:
            return self._typed(exp.Null(), term.kind)
        written = isinstance(term.literal, str | float)
        return self._value(term.literal) if written else self.dialect.moment(term.literal)  # type: ignore[arg-type]

    def _value(self, value: Value) -> exp.Expr:
        return self.dialect.text(value) if isinstance(value, str) else self.dialect.number(float(value))

    def _typed(self, node: exp.Expr, kind: Kind) -> exp.Expr:
        """Give `node`, made of literals, the type that a column of `kind` has."""
        as_kind = {
            Kind.NUMBER: self.dialect.as_double,
            Kind.TEXT: self.dialect.as_text,
            Kind.MOMENT: self.dialect.as_moment,
        }
        return as_kind[kind](node)

    def _column(self, node: exp.Expr) -> exp.Expr:
        dtype = self.names.columns[node.name]
        if dtype == pl.Boolean and not self.dialect.holds_truth_values:
            found = f"The column {node.name!r} holds truth values, which {self.dialect.name} does not have."
            raise CriterionError(f"{found} Use a number or a text.")
        return node.copy() if self.prepared or not dtype.is_integer() else self.dialect.as_double(node.copy())

    def _prefix(self, node: exp.Expr) -> exp.Expr:
        return type(node)(this=self.write(node.this))

    def _operator(self, node: exp.Expr) -> exp.Expr:
        return type(node)(this=self.write(node.this), expression=self.write(node.expression))

    def _divide(self, node: exp.Expr) -> exp.Expr:
        divisor = self.write(node.expression)
        if not _is_constant(node.expression) or not self._term(node.expression).literal:
            divisor = exp.Nullif(this=divisor, expression=exp.Literal.number(0))
        # Both are doubles already: sqlglot need not convert them.
        return exp.Div(this=self.write(node.this), expression=divisor, typed=True)

    def _compared(self, node: exp.Expr) -> exp.Expr:
        """Return a value to be compared, where a whole number need not be converted."""
        inner = node.unnest()
        return self._count(inner) if isinstance(inner, exp.Length | exp.Extract) else self.write(node)

    def _compare(self, node: exp.Expr) -> exp.Expr:
        return type(node)(this=self._compared(node.this), expression=self._compared(node.expression))

    def _between(self, node: exp.Expr) -> exp.Expr:
        bounds = (self._compared(node.args["low"]), self._compared(node.args["high"]))
        # PostgreSQL reads no COLLATE between BETWEEN and AND.
        low, high = (exp.Paren(this=bound) if isinstance(bound, exp.Collate) else bound for bound in bounds)
        return exp.Between(this=self._compared(node.this), low=low, high=high)

    def _is_null(self, node: exp.Expr) -> exp.Expr:
        operand = self.write(node.this)
        inner = node.this.unnest()
        if isinstance(inner, exp.Condition) and self._term(inner).kind is Kind.CONDITION:
            operand = self.dialect.truth(operand.unnest())
        return exp.Is(this=operand, expression=exp.Null())

    def _in(self, node: exp.Expr) -> exp.Expr:
        operand = self._compared(node.this)
        if (named := node.args.get("field")) is None:
            return self._member(operand, map(self.write, node.expressions))
        entries = self.names.lists[list_name(named) or ""]
        tests = [self._member(operand, map(self._value, dict.fromkeys(entries.lasting)))]
        for end in sorted(set(entries.until.values())):
            members = self._member(operand, (self._value(value) for value, to in entries.until.items() if to == end))
            in_force = exp.LT(this=exp.column(LODGED_AT), expression=self.dialect.moment(end))
            tests.append(exp.Paren(this=exp.And(this=members, expression=in_force)))
        return _any(tests)

    def _member(self, operand: exp.Expr, entries: Iterable[exp.Expr]) -> exp.Expr:
        values = list(entries)
        if not values:
            # In an empty list: false for a value, null for a missing one.
            return exp.Paren(this=exp.NEQ(this=operand.copy(), expression=operand.copy()))
        size = self.dialect.longest_list or len(values)
        chunks = [values[start : start + size] for start in range(0, len(values), size)]
        return _any([exp.In(this=operand.copy(), expressions=chunk) for chunk in chunks])

    def _case(self, node: exp.Expr) -> exp.Expr:
        operand, default = node.this, node.args.get("default")
        test = self.write if operand is None else self._compared
        branches = [
            exp.If(this=test(branch.this), true=self._result(branch.args["true"])) for branch in node.args["ifs"]
        ]
        written = exp.Case(
            this=operand and self._compared(operand), ifs=branches, default=default and self._result(default)
        )
        results = [*(branch.args["true"] for branch in node.args["ifs"]), *([default] if default else [])]
        return self._typed(written, self._term(node).kind) if all(map(_is_constant, results)) else written

    def _result(self, node: exp.Expr) -> exp.Expr:
        return exp.Null() if isinstance(node, exp.Null) else self.write(node)

    def _coalesce(self, node: exp.Expr) -> exp.Expr:
        return exp.Coalesce(this=self.write(node.this), expressions=list(map(self.write, node.expressions)))

    def _nullif(self, node: exp.Expr) -> exp.Expr:
        value = self.write(node.this)
        if _is_constant(node.this):
            value = self._typed(value, self._term(node.this).kind)
        return exp.Nullif(this=value, expression=self.write(node.expression))

    def _round(self, node: exp.Expr) -> exp.Expr:
        # Where rounding has to be written out, its operand stands there twice.
        if sum(isinstance(above, exp.Round) for above in _around(node)) >= _DEEPEST_ROUND:
            raise CriterionError(f"{node.sql()} stands in {_DEEPEST_ROUND} other ROUND; that many cannot be written.")
        number = self.write(node.this)
        return self.dialect.rounded(exp.Paren(this=number) if isinstance(number, exp.Binary | exp.Neg) else number)

    def _lower(self, node: exp.Expr) -> exp.Expr:
        return self.dialect.lower(self.write(node.this))

    def _upper(self, node: exp.Expr) -> exp.Expr:
        return self.dialect.upper(self.write(node.this))

    def _number(self, node: exp.Expr) -> exp.Expr:
        return self.dialect.as_double(self._count(node))

    def _count(self, node: exp.Expr) -> exp.Expr:
        """Return a length or a part of a date, which databases give as whole numbers."""
        if isinstance(node, exp.Extract):
            return exp.Extract(this=exp.var(node.name.upper()), expression=self.write(node.expression))
        self._refuse_emptied(node.this)
        return exp.Length(this=self.write(node.this))

    def _substring(self, node: exp.Expr) -> exp.Expr:
        text = self.write(node.this)
        bounds = {name: self._bound(node, name) for name in ("start", "length") if node.args.get(name) is not None}
        part = exp.Substring(this=text, **{name: exp.Literal.number(bound) for name, bound in bounds.items()})
        if not self.dialect.empty_text_is_missing or bounds["start"] == 1:
            return part
        present = exp.Not(this=exp.Is(this=text.copy(), expression=exp.Null()))
        # It comes before every other text and equals none, as the empty text does.
        stand_in = exp.Case().when(present, exp.Anonymous(this="CHR", expressions=[exp.Literal.number(1)]))
        return exp.Coalesce(this=part, expressions=[stand_in])

    def _bound(self, node: exp.Expr, name: str) -> int:
        return int(float(self._term(node.args[name]).literal or 0))  # type: ignore[arg-type]

    def _starts_with(self, node: exp.Expr) -> exp.Expr:
        prefix = self._pattern(node)
        length = exp.Literal.number(len(prefix))
        head = exp.Substring(this=self.write(node.this), start=exp.Literal.number(1), length=length)
        return exp.EQ(this=head, expression=self.dialect.text(prefix))

    def _like(self, node: exp.Expr) -> exp.Expr:
        pattern = self._pattern(node)
        if "_" in pattern:
            self._refuse_emptied(node.this)
        matches = self.dialect.like(self.write(node.this), pattern)
        return exp.Not(this=matches) if node.args.get("negate") else matches

    def _regexp_like(self, node: exp.Expr) -> exp.Expr:
        self._refuse_emptied(node.this)
        return self.dialect.matches(self.write(node.this), self._pattern(node))

    def _pattern(self, node: exp.Expr) -> str:
        return str(self._term(node.expression).literal)

    def _refuse_emptied(self, node: exp.Expr) -> None:
        parts = node.find_all(exp.Substring) if self.dialect.empty_text_is_missing else ()
        if any(self._bound(part, "start") > 1 for part in parts):
            found = f"{node.sql()} may be empty, which {self.dialect.name} takes for a missing value."
            raise CriterionError(f"{found} Compare it by =, IN or STARTS_WITH instead.")


def _is_constant(node: exp.Expr) -> bool:
    return node.find(exp.Column) is None


def _any(tests: list[exp.Expr]) -> exp.Expr:
    return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests, wrap=False))


def _around(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None:
        node = node.parent
        yield node


_RULES: dict[type[exp.Expr], Callable[[Writer, exp.Expr], exp.Expr]] = {
    exp.Column: Writer._column,
    exp.Div: Writer._divide,
    exp.Between: Writer._between,
    exp.In: Writer._in,
    exp.Is: Writer._is_null,
    exp.Like: Writer._like,
    exp.Case: Writer._case,
    exp.Coalesce: Writer._coalesce,
    exp.Nullif: Writer._nullif,
    exp.Round: Writer._round,
    exp.Lower: Writer._lower,
    exp.Upper: Writer._upper,
    exp.Length: Writer._number,
    exp.Extract: Writer._number,
    exp.Substring: Writer._substring,
    exp.StartsWith: Writer._starts_with,
    exp.RegexpLike: Writer._regexp_like,
    **dict.fromkeys((exp.Paren, exp.Neg, exp.Not, exp.Abs), Writer._prefix),
    **dict.fromkeys((exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul), Writer._operator),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), Writer._compare),
}
