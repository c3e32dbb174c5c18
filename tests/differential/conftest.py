"""The databases of the differential test: a PostgreSQL of its own, started for the session, and DuckDB."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest
import sqlglot

from workbench.scorer.expressions.casing import CAPITALS, GROWING, STAND_INS

Evaluate = Callable[..., pl.DataFrame]
"""Runs a statement on the table ``items``, whose rows are given; in PostgreSQL also with other types of columns."""

_TYPES = {
    pl.Float64: "double precision",
    pl.Int32: "integer",
    pl.String: "text",
    pl.Datetime: "timestamp",
    pl.Boolean: "boolean",
}
_CLUSTER = ["--auth=trust", "--username=criteria", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
_FORGETFUL = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off"


def _programs() -> Path | None:
    """Return the folder of the newest server's programs, on the path or where Debian keeps them."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    return debian[-1].parent if debian else found and Path(found).parent  # type: ignore[return-value]


def _account() -> dict[str, object]:
    """Return whose processes the server's are: it refuses root."""
    if os.geteuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    """Start a PostgreSQL in a scratch folder, reachable by its socket only, and stop it after the session."""
    programs = _programs()
    if programs is None:
        reason = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and CI needs it")
        pytest.skip(reason)
    account = _account()
    # A socket's path has at most 107 bytes, so the folder is not pytest's own.
    with tempfile.TemporaryDirectory(prefix="criteria-pg-") as name:
        folder = Path(name)
        if account:
            os.chown(folder, account["user"], account["group"])  # type: ignore[arg-type]
        run = {"check": True, "capture_output": True, "cwd": folder, **account}
        data = ["-D", str(folder / "data")]
        subprocess.run([programs / "initdb", *data, *_CLUSTER], **run)  # type: ignore[call-overload]
        options = f"{_FORGETFUL} -c unix_socket_directories={folder}"
        log = ["-l", str(folder / "log")]
        start = [programs / "pg_ctl", *data, *log, "-w", "-o", options, "start"]
        subprocess.run(start, **{**run, "capture_output": False, "stdout": subprocess.DEVNULL})  # type: ignore[call-overload]
        yield folder
        subprocess.run([programs / "pg_ctl", *data, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgres(server) -> Iterator[Evaluate]:
    """Evaluate a statement in PostgreSQL."""
    with psycopg.connect(host=str(server), user="criteria", dbname="postgres", autocommit=True) as connection:

        def evaluate(statement: str, items: pl.DataFrame, types: Mapping[str, str] = {}) -> pl.DataFrame:
            given = {name: _TYPES[dtype.base_type()] for name, dtype in items.schema.items()} | types
            columns = ", ".join(f"{name} {kind}" for name, kind in given.items())
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS items; CREATE TEMPORARY TABLE items ({columns})")
                with cursor.copy("COPY items FROM STDIN") as copy:
                    for row in items.rows():
                        copy.write_row(row)
                cursor.execute(statement)
                names = [column.name for column in cursor.description or []]
                return pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)

        yield evaluate


@pytest.fixture(scope="session")
def duck() -> Iterator[Evaluate]:
    """Evaluate a statement in DuckDB, which is taught what it lacks of Oracle's functions."""
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO to_binary_double(number) AS CAST(number AS DOUBLE)")
        hidden = f"upper(translate(letters, '{GROWING}', '{STAND_INS}'))"
        connection.execute(f"CREATE MACRO simple_upper(letters) AS translate({hidden}, '{STAND_INS}', '{CAPITALS}')")

        def evaluate(statement: str, items: pl.DataFrame) -> pl.DataFrame:
            connection.register("items", items)
            found = connection.execute(statement)
            names = [column[0] for column in found.description or []]
            return pl.DataFrame(found.fetchall(), schema=names, orient="row", infer_schema_length=None)

        yield evaluate


@pytest.fixture(scope="session")
def translated(duck) -> Callable[[str], Evaluate]:
    """Evaluate a statement of Oracle or Spark in DuckDB, as sqlglot reads that dialect."""

    def evaluate_in(dialect: str) -> Evaluate:
        return lambda statement, items: duck(_for_duckdb(statement, dialect), items)

    return evaluate_in


def _for_duckdb(statement: str, dialect: str) -> str:
    (text,) = sqlglot.transpile(statement, read=dialect, write="duckdb", comments=False)
    # Oracle's capitals and flags, and the end of a text in Java, which DuckDB has or writes otherwise.
    return text.replace("UPPER(", "simple_upper(").replace("'cn')", "'cs')").replace("(?!.)", "$")
