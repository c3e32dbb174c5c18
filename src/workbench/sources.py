"""Sources: where raw tables come from. Files and databases look alike to what follows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, quote_plus

import polars as pl

from workbench.scorer.errors import SourceError, did_you_mean
from workbench.scorer.intake.csv_reading import CsvFormat
from workbench.scorer.intake.reading import read_table, scan_chunks

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")
_CLEAR_PASSWORD = re.compile(r"://[^/@]*?:(?!\$\{\w+\}@)[^@]+@|[?&](?:password|pwd|token)=(?!\$\{)", re.IGNORECASE)
_FETCH_ROWS = 50_000


class Source(Protocol):
    """A raw table: rows as the source keeps them, before any mapping."""

    @property
    def name(self) -> str:
        """What to call the source in messages; holds no secret."""

    def read(self) -> pl.DataFrame:
        """Return the whole table; raise :class:`SourceError` if that fails."""

    def chunks(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in pieces of at most `rows` rows, at least one; memory holds one piece."""


@dataclass(frozen=True)
class FileSource:
    """A CSV or Parquet table: a file, a folder of parts or a glob.

    Parameters
    ----------
    path
        As in :func:`workbench.scorer.intake.reading.read_table`.
    form
        Encoding and separator of CSV.
    """

    path: str | Path
    form: CsvFormat = field(default_factory=CsvFormat)

    @property
    def name(self) -> str:
        """The path as given."""
        return str(self.path)

    def read(self) -> pl.DataFrame:
        """Return the whole table."""
        return read_table(self.path, form=self.form)

    def chunks(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in pieces of at most `rows` rows."""
        return scan_chunks(self.path, rows, form=self.form)


@dataclass(frozen=True, repr=False)
class SqlSource:
    """A table or query of a database that SQLAlchemy can reach.

    Parameters
    ----------
    url
        SQLAlchemy URL. ``${NAME}`` stands for the environment variable of that name, so that a password never stands
        in a file; messages show the URL with its variables unread.
    table, query
        Exactly one of them: a table's name (``schema.table`` too), or a SELECT.

    Examples
    --------
    >>> SqlSource("postgresql://reader:${DB_PASSWORD}@db/customs", table="items").name
    'items in postgresql://reader:${DB_PASSWORD}@db/customs'
    """

    url: str
    table: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        """Refuse a source that names both a table and a query, or neither."""
        if (self.table is None) == (self.query is None):
            raise SourceError(f"{_without_password(self.url)}: give either 'table' or 'query'.")

    def __repr__(self) -> str:
        """Show no secret."""
        return f"SqlSource({self.name!r})"

    @property
    def name(self) -> str:
        """The table, or the word query, and the URL without secrets."""
        return f"{self.table or 'query'} in {_without_password(self.url)}"

    def read(self) -> pl.DataFrame:
        """Return all rows."""
        return pl.concat(list(self.chunks(_FETCH_ROWS)), how="vertical_relaxed")

    def chunks(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows in pieces of at most `rows`, as the database sends them.

        A column whose values in a piece are of several types comes as text, so that no value is lost.

        Raises
        ------
        SourceError
            If a variable is not set, or the database refuses; the message never holds the password.
        """
        engine = _engine(self.url)
        import sqlalchemy

        try:
            with engine.connect() as connection:
                result = self._execute(connection)
                names = list(result.keys())
                yield from (_table(names, part) for part in _partitions(result, rows))
        except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            # Neither the cause nor its traceback is kept: both may quote the URL.
            raise SourceError(f"{self.name}: {_scrubbed(str(error), self.url)}") from None

    def _execute(self, connection: Connection) -> CursorResult[Any]:
        import sqlalchemy

        streaming = connection.execution_options(stream_results=True)
        if self.query is not None:
            return streaming.execute(sqlalchemy.text(self.query))
        schema, _, name = str(self.table).rpartition(".")
        whole = sqlalchemy.table(name, schema=schema or None)
        return streaming.execute(sqlalchemy.select(sqlalchemy.text("*")).select_from(whole))


_FILE_KEYS = ("path", "encoding", "separator")
_SQL_KEYS = ("url", "table", "query")


def open_source(spec: str | Path | Mapping[str, Any]) -> Source:
    """Return the source that a pipeline's TOML names.

    Parameters
    ----------
    spec
        A path or glob; or a table with ``path`` (and ``encoding``, ``separator``); or a table with ``url`` and either
        ``table`` or ``query``.

    Raises
    ------
    SourceError
        If a key is unknown, the combination is not one of these, or a password stands in clear in the URL.

    Examples
    --------
    >>> open_source({"path": "data/items.csv", "encoding": "cp1252"}).name
    'data/items.csv'
    """
    if isinstance(spec, str | Path):
        spec = {"path": spec}
    keys = _SQL_KEYS if "url" in spec else _FILE_KEYS
    unknown = [f"{key!r}{did_you_mean(key, keys)}" for key in spec if key not in keys]
    if unknown or not {"path", "url"} & set(spec):
        raise SourceError(
            f"a source is {{path}} with {', '.join(_FILE_KEYS[1:])}, or {{url}} with table or query; "
            f"found {'unknown ' + ', '.join(unknown) if unknown else 'neither path nor url'}."
        )
    if "url" in spec:
        if _CLEAR_PASSWORD.search(str(spec["url"])):
            shown = _without_password(str(spec["url"]))
            raise SourceError(f"{shown}: a password stands in clear in the URL. Put it in the environment: ${{NAME}}.")
        return SqlSource(**spec)
    form = {key: value for key, value in spec.items() if key != "path"}
    return FileSource(spec["path"], CsvFormat(**form))


def _engine(url: str) -> Engine:
    try:
        import sqlalchemy
    except ImportError:
        raise SourceError("databases need SQLAlchemy: pip install 'selectivity-workbench[train]'.") from None
    values = {name: os.environ.get(name) for name in _ENVIRONMENT.findall(url)}
    unset = [name for name, value in values.items() if value is None]
    if unset:
        raise SourceError(f"{_without_password(url)}: the environment variable(s) {', '.join(unset)} are not set.")
    whole = _ENVIRONMENT.fullmatch(url)
    # Inside a URL a value is quoted, so that a password may hold @ and /; a variable may also hold the whole URL.
    filled = str(values[whole[1]]) if whole else _ENVIRONMENT.sub(lambda found: quote(str(values[found[1]]), ""), url)
    try:
        return sqlalchemy.create_engine(filled, poolclass=sqlalchemy.pool.NullPool)
    except ImportError as error:
        raise SourceError(f"{_without_password(url)}: the database's driver is not installed ({error.name}).") from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError):
        # What the library says of a URL that it cannot read quotes pieces of it, a password's among them.
        raise SourceError(
            f"{_without_password(url)} is not a URL that SQLAlchemy can open: expected "
            "dialect+driver://user:${PASSWORD}@host/database, of an installed dialect."
        ) from None


def _partitions(result: CursorResult[Any], rows: int) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the result in pieces of at most `rows` rows, an empty one if it has none."""
    parts = result.partitions(rows)
    yield next(parts, [])
    yield from parts


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise SourceError(
            f"the query gives more than one column named {', '.join(map(repr, repeated))}: rename with AS."
        )
    return pl.DataFrame([_column(name, [row[at] for row in rows]) for at, name in enumerate(names)])


def _column(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _without_password(url: str) -> str:
    """Return the URL with a clear password masked; variables stay unread."""
    hidden = re.sub(r"(://[^/@:]*:)(?!\$\{)[^@]*@", r"\1***@", url)
    return re.sub(r"([?&](?:password|pwd|token)=)(?!\$\{)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def _scrubbed(message: str, url: str) -> str:
    """Take every secret that the URL holds or names out of a message, as written and as quoted in URLs."""
    clear = re.findall(r"://[^/@:]*:([^@]*)@", url) + re.findall(r"[?&](?:password|pwd|token)=([^&]*)", url)
    secrets = [os.environ.get(name, "") for name in _ENVIRONMENT.findall(url)] + clear
    secrets += re.findall(r"://[^/@:]*:([^@]*)@", " ".join(secrets))
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in {secret, quote(secret, ""), quote_plus(secret)}:
            message = message.replace(form, "***")
    return message
