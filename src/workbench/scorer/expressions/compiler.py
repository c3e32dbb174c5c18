"""From sqlglot's tree to a Polars expression, node by node, through an allow-list.

One walk checks types and builds the expression, so that what was checked is what runs. A node, or a part
of a node, that no method here expects is refused: a new version of the parser cannot widen the language.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from . import conditions, functions, values
from .faults import Fault
from .lexer import position
from .terms import Kind, Names, Rule, Term, complete, folded, moment
from .tokens import parameter_start

_RULES: dict[type[exp.Expr], Rule] = {**values.RULES, **conditions.RULES, **functions.RULES}


class Compiler:
    """Compiles one parsed expression; :attr:`faults` holds what was refused on the way.

    Parameters
    ----------
    text
        The expression, for the places of faults.
    names
        Columns, parameters and lists that it may use.
    columns_are_finite
        True where the caller has already made null what is no quantity in the columns.
    """

    def __init__(self, text: str, names: Names, *, columns_are_finite: bool = False) -> None:
        self.text = text
        self.names = names
        self.faults: list[Fault] = []
        self._columns_are_finite = columns_are_finite

    def condition(self, node: exp.Expr) -> Term | None:
        """Return `node` as a condition, ``None`` after a fault."""
        return self.of_kind(node, Kind.CONDITION)

    def fault(self, node: exp.Expr, code: str, message: str, suggestion: str | None = None) -> None:
        """Note a fault at the first character of `node`."""
        starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
        # The parser keeps no place for a parameter.
        starts = starts or [parameter_start(self.text, part.name) for part in node.find_all(exp.Placeholder)]
        line, column = position(self.text, min(starts, default=0))
        self.faults.append(Fault(code, message, line, column, suggestion))

    def term(self, node: exp.Expr) -> Term | None:
        """Return `node` as a term of whatever type, ``None`` after a fault."""
        if isinstance(node, exp.Paren):
            return self.term(node.this)
        rule = _RULES.get(type(node))
        if rule is None:
            self.fault(node, "forbidden_node", f"{node.key.upper()} is not part of the language.")
            return None
        unexpected = [name for name, part in node.args.items() if part and name not in rule.parts]
        if unexpected:
            found = f"{node.key.upper()} is not allowed with {', '.join(unexpected)}."
            self.fault(node, "forbidden_node", found)
            return None
        term = rule.build(self, node)
        constant = term is not None and term.literal is None and node.find(exp.Column) is None
        return folded(term) if term is not None and constant else term

    def of_kind(self, node: exp.Expr, *kinds: Kind) -> Term | None:
        """Return `node` as a term of one of `kinds`, ``None`` after a fault."""
        term = self.term(node)
        if term is None or term.kind in kinds:
            return term
        expected = " or ".join(kinds)
        self.fault(node, "type", f"{node.sql()} is {term.kind}; {expected} is expected here.", _advice(node, term))
        return None

    def alike(self, nodes: Sequence[exp.Expr]) -> list[Term] | None:
        """Return `nodes` as terms of one type that is no condition, ``None`` after a fault."""
        terms = [self.of_kind(node, Kind.NUMBER, Kind.TEXT, Kind.MOMENT) for node in nodes]
        found = complete(terms)
        if found is None:
            return None
        for node, term in zip(nodes[1:], found[1:], strict=True):
            if term.kind is not found[0].kind:
                self._mixed(nodes[0], found[0], node, term)
                return None
        return found

    def _mixed(self, left: exp.Expr, one: Term, right: exp.Expr, other: Term) -> None:
        message = f"{left.sql()} is {one.kind} and {right.sql()} is {other.kind}: they cannot be compared or mixed."
        advice = _quote_advice(one, right, other) or _quote_advice(other, left, one)
        self.fault(right, "type", message, advice)

    def varies(self, node: exp.Expr) -> bool:
        """Return whether the condition `node` reads a column; a fault if not."""
        if node.find(exp.Column) is not None:
            return True
        self.fault(node, "constant", f"{node.sql()} reads no column: it is the same for every row.")
        return False

    def constant_text(self, node: exp.Expr) -> str | None:
        """Return the text written at `node` or given as a parameter there, ``None`` after a fault."""
        term = self.of_kind(node, Kind.TEXT)
        if term is not None and not isinstance(term.literal, str):
            self.fault(node, "pattern", f"{node.sql()} has to be a text in single quotes or a parameter.")
            return None
        return None if term is None else str(term.literal)


def _quote_advice(one: Term, node: exp.Expr, other: Term) -> str | None:
    """Suggest how to write the literal `node` so that it has the type of `one`."""
    if not isinstance(node, exp.Literal):
        return None
    if one.kind is Kind.TEXT and other.kind is Kind.NUMBER:
        return f"'{node.this}'"
    if one.kind is Kind.MOMENT:
        return f"DATE '{node.this}'" if moment(node.this) else "DATE '2026-01-31'"
    return str(node.this) if one.kind is Kind.NUMBER and node.this.replace(".", "", 1).isdigit() else None


def _advice(node: exp.Expr, term: Term) -> str | None:
    return f"a comparison such as {node.sql()} > 0" if term.kind is Kind.NUMBER and node.find(exp.Column) else None
