"""A criterion's condition: parsed, checked, ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from .compiler import Compiler
from .faults import Fault, RefusedCriterionError
from .lexer import COLUMN_FAULTS, MAX_FAULTS, Gate, known_at_lodgement
from .lists import LODGED_AT, list_name
from .sql import to_sql
from .terms import ListEntry, NamedList, Names, Term, Value


@dataclass(frozen=True)
class Expression:
    """A SQL condition over a declaration's columns, with three values: true, false, not evaluable (null).

    A missing value, a division by zero and a number that is not finite are null; NOT, AND and OR treat null
    as SQL does. Built by :meth:`parse`, which refuses what is outside the language.

    Parameters
    ----------
    text
        The expression as written.
    names
        Columns, parameters and lists it was checked against.
    tree
        The parser's tree.

    Examples
    --------
    >>> columns = {"customs_value_usd": pl.Float64(), "net_mass_kg": pl.Float64()}
    >>> cheap = Expression.parse("customs_value_usd / net_mass_kg < :floor", columns, parameters={"floor": 2})
    >>> rows = pl.DataFrame({"customs_value_usd": [10.0, 90.0, 5.0], "net_mass_kg": [10.0, 10.0, 0.0]})
    >>> rows.select(hit=cheap.to_polars())["hit"].to_list()
    [True, False, None]
    >>> cheap.to_sql("oracle")
    'customs_value_usd / NULLIF(net_mass_kg, 0) < 2'
    """

    text: str
    names: Names
    tree: exp.Expr

    @classmethod
    def parse(
        cls,
        text: str,
        columns: Mapping[str, pl.DataType],
        *,
        parameters: Mapping[str, Value] | None = None,
        lists: Mapping[str, Sequence[Value | ListEntry]] | None = None,
    ) -> Expression:
        """Parse and check `text`.

        Parameters
        ----------
        text
            The expression: at most 4,096 characters, 16 levels, 200 names, values and operators.
        columns
            Polars type by name of the columns that exist. Those that the schema knows as keys, decisions or
            outcomes are refused even when they exist.
        parameters
            Value by name for each ``:name``.
        lists
            Values by name for each ``LIST('name')``. An entry that expires counts for the rows that were lodged
            up to that day, for which the expression then reads ``lodged_at``.

        Raises
        ------
        RefusedCriterionError
            A :class:`CriterionError` whose ``faults`` are all the faults found, with place and suggestion.
        """
        if not isinstance(text, str):
            raise RefusedCriterionError([Fault("type", f"An expression is a text, not {type(text).__name__}.")])
        named = {name: NamedList.of(values) for name, values in (lists or {}).items()}
        names = Names(known_at_lodgement(columns), parameters or {}, named)
        faults = Gate(text, names.columns).check()
        if any(fault.code not in COLUMN_FAULTS for fault in faults):
            raise RefusedCriterionError(faults)
        expression = cls(text, names, _parse(text, faults))
        # A column that may not be read does not hide the faults of type elsewhere in the expression.
        term, more = _compile(expression)
        if term is None or faults or more:
            raise RefusedCriterionError([*faults, *more][:MAX_FAULTS] or [_UNREADABLE])
        return expression

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns that the expression reads, ``lodged_at`` too where it uses a list that expires."""
        read = frozenset(column.name for column in self.tree.find_all(exp.Column))
        return read | {LODGED_AT} if any(self.names.lists[name].until for name in self.lists) else read

    @property
    def lists(self) -> frozenset[str]:
        """Names of the lists that the expression uses."""
        return frozenset(name for node in self.tree.find_all(exp.List) if (name := list_name(node)) is not None)

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the expression uses."""
        return frozenset(node.name for node in self.tree.find_all(exp.Placeholder))

    def to_polars(self, *, columns_are_finite: bool = False) -> pl.Expr:
        """Return a nullable Boolean Polars expression.

        Parameters
        ----------
        columns_are_finite
            True where the numbers of the frame are quantities already (see :func:`.terms.quantity`).
        """
        term, faults = _compile(self, columns_are_finite=columns_are_finite)
        if term is None:
            raise RefusedCriterionError(faults)
        if self.tree.find(exp.Case, exp.Coalesce, exp.Nullif) is None:
            return term.expression
        # Where all rows choose the same scalar, Polars gives one row for all of them.
        return term.expression & pl.repeat(True, pl.len())

    def to_sql(self, dialect: str) -> str:
        """Return the condition as SQL of ``oracle``, ``postgres`` or ``spark``."""
        return to_sql(self.tree, self.names, dialect)


_UNREADABLE = Fault("syntax", "The expression is not part of the language.", 1, 1)
_TOO_DEEP = Fault("too_deep", "The expression nests too deep.", 1, 1, "split it into several criteria")


def _parse(text: str, faults: list[Fault]) -> exp.Expr:
    try:
        return sqlglot.parse_one(text, into=exp.Condition)
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        message = f"The expression cannot be read: {found.get('description') or error}."
        fault = Fault("syntax", message, found.get("line") or 1, found.get("col") or 1)
    except RecursionError:
        fault = _TOO_DEEP
    # Whatever else the parser stumbles over is the expression's fault: a criterion may not stop the program.
    except Exception as error:
        fault = Fault("syntax", f"The expression cannot be read: {error}.", 1, 1)
    raise RefusedCriterionError([*faults, fault])


def _compile(expression: Expression, *, columns_are_finite: bool = False) -> tuple[Term | None, list[Fault]]:
    compiler = Compiler(expression.text, expression.names, columns_are_finite=columns_are_finite)
    try:
        return compiler.condition(expression.tree), compiler.faults
    except RecursionError:
        return None, [_TOO_DEEP]
