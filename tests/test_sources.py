"""Sources: files and databases alike, and no secret in any message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy

from workbench import sources
from workbench.scorer.errors import SourceError
from workbench.sources import FileSource, Source, SqlSource, open_source

SECRET = "s3cr&t/@:word"


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'customs.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text('CREATE TABLE items (id TEXT, "net mass" REAL, kind)'))
        connection.execute(
            sqlalchemy.text("INSERT INTO items VALUES (:id, :mass, :kind)"),
            [{"id": f"A{row}", "mass": row / 2, "kind": row if row % 2 else f"k{row}"} for row in range(10)],
        )
    engine.dispose()
    return url


def test_a_file_and_a_table_give_the_same_rows(tmp_path: Path, database: str) -> None:
    whole = SqlSource(database, query='SELECT id, "net mass" FROM items').read()
    whole.write_parquet(tmp_path / "items.parquet")
    source: Source = FileSource(tmp_path / "items.parquet")
    assert source.read().equals(whole)
    assert whole.row(9) == ("A9", 4.5)


@pytest.mark.parametrize("rows", [1, 3, 10, 99])
def test_chunks_are_the_table_in_order(database: str, rows: int) -> None:
    source = SqlSource(database, table="items")
    pieces = list(source.chunks(rows))
    assert max(piece.height for piece in pieces) == min(rows, 10)
    assert [identity for piece in pieces for identity in piece["id"]] == [f"A{row}" for row in range(10)]


def test_a_column_of_several_types_loses_no_value(database: str) -> None:
    kinds = SqlSource(database, query="SELECT kind FROM items").read()["kind"].to_list()
    assert kinds[:4] == ["k0", "1", "k2", "3"]


def test_a_column_of_other_types_further_on_loses_no_value(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setattr(sources, "_FETCH_ROWS", 2)
    query = "SELECT kind FROM items ORDER BY typeof(kind), kind"
    kinds = SqlSource(database, query=query).read()["kind"].to_list()
    assert kinds == ["1", "3", "5", "7", "9", "k0", "k2", "k4", "k6", "k8"]


def test_a_query_without_rows_keeps_its_columns(database: str) -> None:
    (piece,) = SqlSource(database, query="SELECT id FROM items WHERE id = 'none'").chunks(5)
    assert (piece.columns, piece.height) == (["id"], 0)


def test_a_url_takes_its_variables_from_the_environment(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setenv("CUSTOMS_DB", database)
    source = open_source({"url": "${CUSTOMS_DB}", "table": "items"})
    assert source.read().height == 10
    assert source.name == "items in ${CUSTOMS_DB}"


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
    with pytest.raises(SourceError, match=r"variable.s. NO_SUCH_PASSWORD are not set"):
        SqlSource("postgresql://reader:${NO_SUCH_PASSWORD}@db/customs", table="items").read()


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("mysql+nodriver://reader:${TEST_SECRET}@db/customs", SECRET),
        ("${TEST_SECRET}", f"mysql+nodriver://reader:{SECRET}@db/customs"),
        ("${TEST_SECRET}", f"not a url {SECRET}"),
        ("sqlite:////no/such/folder/${TEST_SECRET}.db", SECRET),
    ],
)
def test_no_failure_shows_a_secret(monkeypatch: pytest.MonkeyPatch, url: str, variable: str) -> None:
    monkeypatch.setenv("TEST_SECRET", variable)
    source = SqlSource(url, table="items")
    with pytest.raises(SourceError) as caught:
        source.read()
    error: BaseException | None = caught.value
    assert SECRET not in f"{error} {error!r} {source!r}"
    assert not any(piece in str(error) for piece in ("s3cr", "word@", ":word"))
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_clear_password_is_refused_from_a_file_and_masked_in_code() -> None:
    url = "mysql+nodriver://reader:hunter2@db/customs"
    with pytest.raises(SourceError, match=r"reader:\*\*\*@db.*stands in clear.*environment"):
        open_source({"url": url, "table": "items"})
    with pytest.raises(SourceError) as caught:
        SqlSource(url, table="items").read()
    assert "hunter2" not in str(caught.value)


def test_an_absent_table_is_named(database: str) -> None:
    with pytest.raises(SourceError, match="no such table: no_such_items"):
        SqlSource(database, table="no_such_items").read()


def test_repeated_column_names_are_refused(database: str) -> None:
    with pytest.raises(SourceError, match="more than one column named 'id'"):
        SqlSource(database, query="SELECT id, id FROM items").read()


def test_a_table_name_is_an_identifier_not_sql(database: str) -> None:
    with pytest.raises(SourceError, match="no such table"):
        SqlSource(database, table="items; DROP TABLE items").read()
    assert SqlSource(database, table="items").read().height == 10


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({"path": "a.csv", "encodin": "utf-8"}, "unknown 'encodin' (did you mean 'encoding'?)"),
        ({"url": "sqlite://", "tabel": "t"}, "unknown 'tabel' (did you mean 'table'?)"),
        ({"table": "t"}, "unknown 'table'"),
        ({}, "neither path nor url"),
        ({"url": "sqlite://"}, "give either 'table' or 'query'"),
        ({"url": "sqlite://", "table": "t", "query": "SELECT 1"}, "give either 'table' or 'query'"),
    ],
)
def test_a_faulty_description_is_refused(spec: dict[str, Any], part: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(spec)
    assert part in str(caught.value)


def test_a_path_opens_with_its_format(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a;b\ncafé;1\n".encode("cp1252"))
    source = open_source({"path": str(tmp_path / "t.csv"), "encoding": "cp1252", "separator": ";"})
    assert source.read().rows() == [("café", "1")]
    assert pl.concat(source.chunks(1)).equals(source.read())
    assert open_source(str(tmp_path)).name == str(tmp_path)
