"""A checked expression as SQL of a database, with the same three values on every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
from sqlglot import exp

from ..errors import CriterionError
from .dialects import DIALECTS, Dialect, dialect_of
from .terms import LARGEST, SMALLEST, Kind, Names, kind_of
from .writer import Writer

__all__ = ["DIALECTS", "hit_to_sql", "prepared_column", "quoted", "to_sql"]


def to_sql(tree: exp.Expr, names: Names, dialect: str) -> str:
    """Return `tree` as SQL of `dialect`, parameters and lists written out.

    It reads the table's own columns and takes them for what the workbench's are: numbers for doubles that are
    quantities (whole ones are converted), texts for ones compared by code points, moments for timestamps without a
    zone. :func:`hit_to_sql` on the columns of :func:`prepared_column` takes nothing for granted.

    Raises
    ------
    CriterionError
        Unknown dialect, or something that the database cannot hold or tell apart.
    """
    target = dialect_of(dialect)
    text: str = Writer(names, target, prepared=False).condition(tree).sql(dialect=target.name)
    return text


def hit_to_sql(conditions: Sequence[tuple[exp.Expr, Names]], dialect: str) -> str:
    """Return SQL of the integer 1 where all `conditions` hold, 0 where one does not, null where that stays open.

    The columns are those of :func:`prepared_column`; errors as :func:`to_sql`.
    """
    target = dialect_of(dialect)
    written = [Writer(names, target, prepared=True).condition(tree) for tree, names in conditions]
    together = (exp.Paren(this=one) if isinstance(one, exp.Or) else one for one in written)
    joined = written[0] if len(written) == 1 else exp.and_(*together, wrap=False)
    text: str = target.truth(joined).sql(dialect=target.name, pretty=True)
    return text


def prepared_column(name: str, dtype: pl.DataType, dialect: str) -> str:
    """Return SQL of a column as :func:`hit_to_sql` reads it, whichever type of its kind the database gave it.

    >>> prepared_column("package_count", pl.Int32(), "postgres")
    'CAST(package_count AS DOUBLE PRECISION)'
    >>> prepared_column("importer_id", pl.String(), "postgres")
    'importer_id COLLATE "C"'
    """
    target, column = dialect_of(dialect), exp.column(name)
    convert: dict[Kind | None, Callable[[exp.Expr], exp.Expr]] = {
        Kind.NUMBER: target.as_double,
        Kind.MOMENT: target.as_moment,
        Kind.TEXT: target.as_text,
    }
    kind = kind_of(dtype)
    prepared = convert[kind](column) if kind in convert else column
    text: str = (_quantity(column, prepared, target) if dtype.is_float() else prepared).sql(dialect=target.name)
    return text


def quoted(name: str, dialect: str) -> str:
    """Return `name` as an identifier in quotes, for names with points, hyphens or reserved words.

    >>> quoted("a-b.c", "spark")
    '`a-b.c`'
    """
    target = dialect_of(dialect)
    if len(name.encode()) > target.longest_name:
        found = f"The name {name!r} has {len(name.encode())} bytes; {dialect} allows {target.longest_name}."
        raise CriterionError(f"{found} Give the criterion a shorter id.")
    text: str = exp.to_identifier(name, quoted=True).sql(dialect=target.name)
    return text


def _quantity(column: exp.Expr, prepared: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return the number `prepared`, null where `column` is what :func:`.terms.quantity` makes null.

    In all these databases NaN is above every number.
    """
    size, zero = exp.Abs(this=column.copy()), exp.EQ(this=column.copy(), expression=dialect.number(0.0))
    above = exp.GT(this=size, expression=dialect.number(SMALLEST))
    below = exp.LT(this=size.copy(), expression=dialect.number(LARGEST))
    return exp.Case().when(exp.Or(this=zero, expression=exp.And(this=above, expression=below)), prepared)
