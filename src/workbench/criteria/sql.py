"""A criteria set as one SQL statement of a database: for each declaration item, what each criterion says."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from ..errors import CriterionError
from ..scorer import schema
from ..scorer.criteria import CriteriaSet, Criterion
from ..scorer.expressions import Expression
from ..scorer.expressions.dialects import dialect_of
from ..scorer.expressions.sql import hit_to_sql, prepared_column, quoted
from ..scorer.expressions.terms import NamedList, kind_of

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$#]*(?:\.[A-Za-z_][A-Za-z0-9_$#]*){0,2}")
_PREPARED = "prepared_items"
_SPOKEN = ".,()%'+-/=<>"
"""What a comment may hold beside letters, digits and spaces: nothing that a client or a driver acts upon."""


def set_as_sql(
    criteria: CriteriaSet, columns: Mapping[str, pl.DataType], dialect: str, *, table: str = "declarations"
) -> str:
    """Return one statement that evaluates `criteria` on every row of `table`, as :meth:`CriteriaSet.hits` does.

    The result has the key (``declaration_id``, ``item_no``) and for each criterion a column called by its id: 1 for a
    hit, 0 for none, also outside its scope, NULL where a missing value leaves the question open (not evaluable).
    Validity and the entries of lists are judged on the row's own day of lodgement.

    Parameters
    ----------
    criteria
        The set. Hit percentages, priorities and points decide later, on the hits.
    columns
        Polars type by name of the columns that the criteria are checked against.
    dialect
        ``oracle`` (12.2 or later), ``postgres`` (12 or later) or ``spark`` (3.4 or later).
    table
        Table or view, in at most three parts, with the key and every column that the criteria read, derived and
        profile columns too.

    Raises
    ------
    RefusedCriterionError
        All the faults of the set.
    CriterionError
        Unknown dialect, no name of a table, or something that the database cannot hold or tell apart; the criterion
        is named.

    Examples
    --------
    >>> heavy = {"id": "heavy", "title": "Heavy goods", "when": "net_mass_kg > 1000", "lane": "yellow"}
    >>> statement = set_as_sql(CriteriaSet.from_dict({"criterion": [heavy]}), {"net_mass_kg": pl.Float64()}, "postgres")
    >>> print(statement[statement.index("  -- heavy") :])
      -- heavy: Heavy goods
      CAST(net_mass_kg > 1000 AS INT) AS "heavy"
    FROM prepared_items
    <BLANKLINE>
    """
    criteria.compile(columns)
    _check_names(criteria, dialect, table)
    conditions = {one.id: _conditions(one, criteria, columns) for one in criteria.criteria}
    read = frozenset[str]().union(*(each.columns for pair in conditions.values() for each in pair))
    used = {name: dtype for name, dtype in columns.items() if name in read}
    prepared = [_prepared(name, dtype, dialect) for name, dtype in used.items()]
    hits = [_hit(one, conditions[one.id], dialect) for one in criteria.criteria]
    lines = [
        *_header(criteria, used, dialect, table),
        f"WITH {_PREPARED} AS (",
        *_select([*schema.KEY, *prepared], table, "  "),
        ")",
        *_select([*schema.KEY, *hits], _PREPARED, ""),
    ]
    return "\n".join(lines) + "\n"


def sha256_of(criteria: CriteriaSet) -> str:
    """Return the SHA-256 of a set: of its plain form as JSON with sorted keys, in hexadecimal digits."""
    text = json.dumps(criteria.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _check_names(criteria: CriteriaSet, dialect: str, table: str) -> None:
    dialect_of(dialect)
    if not _TABLE.fullmatch(table) or table.lower() == _PREPARED:
        raise CriterionError(
            f"{table!r} is no name of a table. Give letters, digits and _, as in customs.declarations."
        )
    for one in criteria.criteria:
        if one.id in schema.KEY:
            raise CriterionError(f"A criterion is called {one.id!r}, as a column of the key is. Give it another id.")


def _conditions(
    criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType]
) -> Sequence[Expression]:
    """Return the criterion's scope, where it has one, and its condition; it hits where both hold."""
    lists = {name: NamedList.of(entries) for name, entries in criteria.lists.items()}
    when = Expression.parse(criterion.when, columns, parameters=criterion.parameters, lists=lists)
    tests = list(_scope(criterion))
    if not tests:
        return [when]
    offices = NamedList.of(criterion.offices or ())
    scope = Expression.parse(
        " AND ".join(tests), columns, parameters={"flow": criterion.flow or ""}, lists={"offices": offices}
    )
    return [scope, when]


def _scope(criterion: Criterion) -> Iterator[str]:
    """Yield the tests of :meth:`Criterion.scope` in the language of criteria."""
    if criterion.valid_from is not None:
        yield f"lodged_at >= DATE '{criterion.valid_from}'"
    if criterion.valid_to is not None:
        # The last day of the calendar has no tomorrow.
        last = min(criterion.valid_to, dt.date.max - dt.timedelta(days=1))
        yield f"lodged_at < DATE '{last + dt.timedelta(days=1)}'"
    if criterion.flow is not None:
        yield "flow = :flow"
    if criterion.offices is not None:
        yield "office_id IN LIST('offices')"


def _hit(criterion: Criterion, conditions: Iterable[Expression], dialect: str) -> str:
    try:
        hit = hit_to_sql([(each.tree, each.names) for each in conditions], dialect)
        name = quoted(criterion.id, dialect)
    except CriterionError as error:
        raise CriterionError(f"The criterion {criterion.id!r} cannot be written for {dialect}. {error}") from error
    return f"{_comment(f'{criterion.id}: {criterion.title}')}\n{hit} AS {name}"


def _prepared(name: str, dtype: pl.DataType, dialect: str) -> str:
    read = prepared_column(name, dtype, dialect)
    return name if read == name else f"{read} AS {name}"


def _select(columns: Iterable[str], table: str, indent: str) -> Iterator[str]:
    listed = ",\n".join(columns).replace("\n", f"\n{indent}  ")
    yield f"{indent}SELECT\n{indent}  {listed}"
    yield f"{indent}FROM {table}"


def _header(criteria: CriteriaSet, used: Mapping[str, pl.DataType], dialect: str, table: str) -> Iterator[str]:
    yield _comment(f"Criteria set of SHA-256 {sha256_of(criteria)}")
    yield _comment(f"Dialect: {dialect}")
    yield _comment("One row an item: 1 = hit, 0 = no hit, NULL = not evaluable (a missing value leaves it open)")
    for need in dialect_of(dialect).session:
        yield _comment(f"Needs: {need}")
    yield _comment(f"Columns of {table} beside {' and '.join(schema.KEY)}:")
    for name, dtype in used.items():
        yield _comment(f"  {name}: {kind_of(dtype)}, {_origin(name)}")


def _origin(name: str) -> str:
    if name in schema.SCHEMA:
        return schema.SCHEMA[name].meaning
    if name in schema.DERIVED:
        return f"derived: {schema.DERIVED[name][0]}"
    return "profile of history, as known at lodgement"


def _comment(text: str) -> str:
    """Return a comment of one line that ends nothing and starts nothing, whoever wrote `text`."""
    spoken = "".join(
        letter if letter in _SPOKEN or letter in ":_ " or unicodedata.category(letter)[0] in "LMN" else " "
        for letter in text
    )
    # A driver takes a colon before a word for a parameter, in a comment too.
    return f"-- {re.sub(r':(?=[^ ])', ' ', spoken).rstrip()}"
