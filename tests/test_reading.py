"""Reading refuses what it would have to repair; writing leaves a whole file or none."""

from __future__ import annotations

import errno
import gzip
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from workbench.scorer import files
from workbench.scorer.errors import SourceError
from workbench.scorer.files import write_bytes_atomically, write_parquet_atomically, write_text_atomically
from workbench.scorer.intake import csv_reading
from workbench.scorer.intake.csv_reading import CsvFormat
from workbench.scorer.intake.reading import parts, read_table, scan_chunks


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a,b\n1,2\n", [("1", "2")]),
        (b"a,b\r\n1,2\r\n3,4", [("1", "2"), ("3", "4")]),
        (b'a,b\n"1\n,1","say ""no"""\n', [("1\n,1", 'say "no"')]),
        (b"\xef\xbb\xbfa,b\n007,1.50\n", [("007", "1.50")]),
        ("a,b\nĐà Nẵng,서울\n".encode(), [("Đà Nẵng", "서울")]),
        (b"a,b\n1,2\n\n\n", [("1", "2")]),
        (b"a,b\n,2\n", [(None, "2")]),
        (b"a,b\n", []),
        (b"a,b", []),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_csv_is_read_as_the_text_it_is(tmp_path: Path, content: bytes, rows: list[object], suffix: str) -> None:
    stored = gzip.compress(content, mtime=0) if suffix.endswith("gz") else content
    table = read_table(saved(tmp_path, f"t{suffix}", stored))
    assert table.rows() == rows
    assert set(table.schema.dtypes()) == {pl.String()}


@pytest.mark.parametrize(
    ("name", "content", "parts_of_message"),
    [
        ("empty.csv", b"", ["is empty"]),
        ("empty.csv.gz", gzip.compress(b"", mtime=0), ["is empty"]),
        ("short.csv", b"a,b\n1,2\n3\n", ["line 3", "found 1 field(s), expected 2"]),
        ("long.csv", b"a,b\n1,2\n3,4,5\n", ["line 3", "found 3 field(s), expected 2"]),
        ("blank.csv", b"a,b\n1,2\n\n3,4\n", ["line 3"]),
        ("after_newline.csv", b'a,b\n"1\n1",2\n3\n', ["line 4"]),
        ("open_quote.csv", b'a,b\n1,2\n3,"4\n', ["line 3", "never closes"]),
        ("stray_quote.csv", b'a,b\nx"1\n2",z\n', ["line 2", "quotation mark"]),
        ("after_quote.csv", b'a,b\n1,2\n"3"4,5\n', ["line 3", "quotation mark"]),
        ("open_header.csv", b'"a,b\n1,2\n', ["line 1", "never closes"]),
        ("latin.csv", b"a,b\n1,2\n3,caf\xe9\n", ["line 3, byte 13", "0xe9", "encoding"]),
        ("mixed.csv", "a,b\né,2\n".encode() + b"\xe9,2\n", ["line 3, byte 9"]),
        ("twice.csv", b"a,b,a\n1,2,3\n", ["more than one column is named 'a'"]),
        ("unnamed.csv", b"a,,c\n1,2,3\n", ["column(s) 2 have no name"]),
        ("headless.csv", b"x,12.5\ny,13\n", ["no header", "'12.5'"]),
        ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-9], ["not a complete gzip file", "fetch it"]),
        ("not.csv.gz", b"a,b\n1,2\n", ["not a complete gzip file"]),
        ("damaged.csv.gz", gzip.compress(os.urandom(999))[:200] + b"x" * 99, ["not a complete gzip file"]),
        ("cut.parquet", b"PAR1 and then nothing", ["not a readable Parquet file"]),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, parts_of_message: list[str]
) -> None:
    path = saved(tmp_path, name, content)
    with pytest.raises(SourceError) as caught:
        read_table(path)
    for part in [str(path), *parts_of_message]:
        assert part in str(caught.value)


def test_places_are_right_beyond_the_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reading, "_BLOCK_BYTES", 64)
    good = b"a,b\n" + b'12,"x\ny"\n' * 100
    assert read_table(saved(tmp_path, "good.csv", good + b"\n")).rows() == [("12", "x\ny")] * 100
    with pytest.raises(SourceError, match="line 202: found 1"):
        read_table(saved(tmp_path, "ragged.csv", good + b"3\n"))
    with pytest.raises(SourceError, match=f"line 202, byte {len(good)}: 0xff"):
        read_table(saved(tmp_path, "encoding.csv", good + b"\xff,3\n"))


def test_multibyte_text_cut_by_a_block_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reading, "_BLOCK_BYTES", 7)
    content = "a,b\n" + "서울,Đà Nẵng\n" * 20
    assert read_table(saved(tmp_path, "t.csv", content.encode())).rows() == [("서울", "Đà Nẵng")] * 20
    with pytest.raises(SourceError, match=f"line 22, byte {len(content.encode())}"):
        read_table(saved(tmp_path, "cut.csv", content.encode() + "서".encode()[:2]))


@pytest.mark.parametrize(("encoding", "separator"), [("cp1252", ";"), ("utf-16", "\t"), ("cp949", ",")])
def test_encoding_and_separator_are_as_stated(tmp_path: Path, encoding: str, separator: str) -> None:
    word = "서울" if encoding == "cp949" else "café"
    path = saved(tmp_path, "t.csv", f"a{separator}b\n{word}{separator}2\n".encode(encoding))
    assert read_table(path, form=CsvFormat(encoding, separator)).rows() == [(word, "2")]


@pytest.mark.parametrize(
    "options", [{"encoding": "utf-9"}, {"encoding": "base64"}, {"separator": ",,"}, {"separator": '"'}]
)
def test_an_impossible_format_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(SourceError):
        CsvFormat(**options)


def test_parts_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        pl.DataFrame({"part": [number]}).write_parquet(tmp_path / f"part-{number}.parquet")
    (tmp_path / ".part-0.parquet.partial").write_bytes(b"half-written")
    assert read_table(tmp_path)["part"].to_list() == [1, 2, 10]
    assert read_table(tmp_path / "part-*.parquet")["part"].to_list() == [1, 2, 10]
    assert [file.name for file in parts(tmp_path / "part-1*.parquet")] == ["part-1.parquet", "part-10.parquet"]


def test_missing_files_folders_and_patterns_are_named(tmp_path: Path) -> None:
    saved(tmp_path, "train.csv", b"a\nx\n")
    with pytest.raises(SourceError, match=r"did you mean 'train\.csv'\?"):
        read_table(tmp_path / "trian.csv")
    with pytest.raises(SourceError, match=r"folder .* does not exist either"):
        read_table(tmp_path / "nowhere" / "train.csv")
    with pytest.raises(SourceError, match="no file matches"):
        read_table(tmp_path / "*.parquet")
    (tmp_path / "hollow").mkdir()
    with pytest.raises(SourceError, match="holds no part"):
        read_table(tmp_path / "hollow")


def test_other_kinds_and_mixtures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is of another kind"):
        read_table(saved(tmp_path, "t.xlsx", b"x"))
    saved(tmp_path, "t.csv", b"a\nx\n")
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="both CSV and Parquet"):
        read_table(tmp_path)


def test_parts_with_other_columns_or_types_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"b": [1], "a": [1]}).write_parquet(tmp_path / "2.parquet")
    assert read_table(tmp_path).columns == ["a", "b"]
    pl.DataFrame({"a": [1], "c": [1]}).write_parquet(tmp_path / "3.parquet")
    with pytest.raises(SourceError, match=r"3\.parquet has other columns.*lacks \['b'\] and adds \['c'\]"):
        read_table(tmp_path)
    pl.DataFrame({"a": [[1]], "b": [1]}).write_parquet(tmp_path / "3.parquet")
    with pytest.raises(SourceError, match="different types"):
        read_table(tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("rows", [1, 7, 100, 1000])
def test_chunks_are_the_table_in_order(tmp_path: Path, suffix: str, rows: int) -> None:
    for part in range(2):
        table = pl.DataFrame({"n": [f"v{number}" for number in range(part * 50, part * 50 + 50)], "m": ["x"] * 50})
        path = tmp_path / f"t{part}.{suffix}"
        content = table.write_csv().encode()
        table.write_parquet(path) if suffix == "parquet" else path.write_bytes(
            gzip.compress(content, mtime=0) if suffix.endswith("gz") else content
        )
    pieces = list(scan_chunks(tmp_path, rows))
    assert max(piece.height for piece in pieces) <= rows
    assert min(piece.height for piece in pieces) > 0
    assert pl.concat(pieces).equals(read_table(tmp_path))
    assert [piece.columns for piece in scan_chunks(tmp_path, rows, columns=["m", "absent"])] == [["m"]] * len(pieces)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_without_rows_gives_one_empty_chunk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    empty = pl.DataFrame(schema={"a": pl.String})
    empty.write_parquet(path) if suffix == "parquet" else empty.write_csv(path)
    assert [(piece.columns, piece.height) for piece in scan_chunks(path, 10)] == [(["a"], 0)]


def test_written_files_are_whole_and_replace_the_old(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    write_parquet_atomically(frame, tmp_path / "t.parquet")
    write_parquet_atomically(frame.lazy().filter(pl.col("a") > 1), tmp_path / "lazy.parquet")
    write_bytes_atomically(b"old", tmp_path / "t.bin")
    write_text_atomically("mới", tmp_path / "t.bin")
    assert read_table(tmp_path / "t.parquet").equals(frame)
    assert read_table(tmp_path / "lazy.parquet")["a"].to_list() == [2]
    assert (tmp_path / "t.bin").read_text(encoding="utf-8") == "mới"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lazy.parquet", "t.bin", "t.parquet"]


@contextmanager
def small_files_only() -> Iterator[None]:
    """Let the system itself refuse to write more than 4 KiB to a file.

    No fixture: the limit would still hold when pytest writes its dot, and fail the run where that goes to a long file.
    """
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_refused_write_leaves_the_old_file_and_no_part(tmp_path: Path, lazy: bool) -> None:
    target = tmp_path / "t.parquet"
    old = pl.DataFrame({"a": [1]})
    old.write_parquet(target)
    frame = pl.DataFrame({"a": [str(number) * 9 for number in range(9999)]})
    refused = pytest.raises(SourceError, match=r"t\.parquet could not be written: The file is larger.*half-written")
    with small_files_only(), refused:
        write_parquet_atomically(frame.lazy() if lazy else frame, target)
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]
    assert read_table(target).equals(old)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SourceError, match="disk is full: free space"):
        write_bytes_atomically(b"content", tmp_path / "t.bin")
    assert list(tmp_path.iterdir()) == []


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder does not exist: create it"):
        write_bytes_atomically(b"content", tmp_path / "nowhere" / "t.bin")
    with pytest.raises(SourceError, match="folder does not exist: create it"):
        write_parquet_atomically(pl.DataFrame({"a": [1]}), tmp_path / "nowhere" / "t.parquet")
