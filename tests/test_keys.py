"""The key of the draws from outside a bundle: file, environment, or the bundle's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from workbench.cli import app
from workbench.errors import ConfigError, SourceError
from workbench.scorer import __main__ as command
from workbench.scorer.batch import score_file
from workbench.scorer.bundle import PROTOCOL, Manifest, ScoringBundle
from workbench.scorer.keys import KEY_VARIABLE, given_key
from workbench.scorer.scorer import Scorer

KEY = bytes(range(32, 64))


def secret(file: Path, content: bytes) -> Path:
    """Write a file that its owner alone may read."""
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def bundle(small_scorer: Scorer) -> ScoringBundle:
    return ScoringBundle(Manifest(3, "small", "1", "", {}, {}), small_scorer)


@pytest.fixture
def golden_bundle() -> Path:
    return Path(__file__).parent / "golden" / f"protocol_{PROTOCOL}"


def test_a_file_goes_before_the_environment_and_without_either_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "day.key"
    assert given_key() is None
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    assert given_key() == b"\xab" * 32
    for ending in ("", "\n", "\r\n"):
        secret(file, KEY.hex().encode() + ending.encode())
        assert given_key(file) == KEY


@pytest.mark.parametrize(
    "content",
    [b"", b"00", b"zz" * 32, b"00" * 31 + b" 0", b"00" * 33, b"00" * 32 + b"\nmore", b"\xff" * 64, b"0" * 1000],
)
def test_a_file_that_holds_no_key_is_named_and_what_it_holds_is_not_shown(tmp_path: Path, content: bytes) -> None:
    file = secret(tmp_path / "day.key", content)
    with pytest.raises(SourceError, match=r"day.key .*Make one with: python -c") as refused:
        given_key(file)
    assert len(content) < 3 or content.decode(errors="replace")[:20] not in str(refused.value)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX rights")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_change_is_no_secret(tmp_path: Path, mode: int) -> None:
    file = secret(tmp_path / "day.key", KEY.hex().encode())
    file.chmod(mode)
    with pytest.raises(SourceError, match=r"day\.key is open to others, so it is no secret. Run: chmod 600 "):
        given_key(file)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir(mode=0o700)
    for place in (tmp_path / "none.key", folder):
        with pytest.raises(SourceError, match=f"{place.name} cannot be read"):
            given_key(place)


def test_a_malformed_key_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with pytest.raises(ConfigError, match=f"{KEY_VARIABLE} must be 64 hexadecimal digits") as refused:
        given_key()
    assert "secret" not in str(refused.value).replace("import secrets", "").replace("secrets.token_hex", "")


def test_a_key_given_draws_in_place_of_the_bundles_own(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    raw, out = tmp_path / "raw.parquet", tmp_path / "out.parquet"
    small_raw.write_parquet(raw)
    own = score_file(bundle, raw, out, reasons=False)
    by_own = pl.read_parquet(out)
    other = score_file(bundle, raw, out, reasons=False, key=KEY)
    keyed = replace(bundle.scorer, policy=replace(bundle.scorer.policy, key=KEY))
    assert pl.read_parquet(out).equals(keyed.score(small_raw, reasons=False))
    assert not by_own.equals(pl.read_parquet(out))
    assert own.own_key
    assert not other.own_key
    assert "who holds the bundle can foresee the lots; give --key-file" in command.describe(own, out)
    assert "bundle's own key" not in command.describe(other, out)


def test_the_command_draws_with_the_file_and_writes_nothing_without_a_key_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], golden_bundle: Path
) -> None:
    key, out = tmp_path / "day.key", tmp_path / "out.parquet"
    raw = golden_bundle / "golden" / "input.parquet"
    given = [str(raw), "--bundle", str(golden_bundle), "--out", str(out), "--key-file", str(key), "--no-reasons"]
    for content in (None, "not a key"):
        if content is not None:
            secret(key, content.encode())
        assert command.main(given) == 2
        assert "day.key" in capsys.readouterr().err
        assert not out.exists()
    secret(key, KEY.hex().encode() + b"\n")
    assert command.main(given) == 0
    assert "own key" not in capsys.readouterr().out
    by_file = pl.read_parquet(out)
    assert command.main(given[:-3] + given[-1:]) == 0
    assert "Drawn with the bundle's own key" in capsys.readouterr().out
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())
    assert command.main(given[:-3] + given[-1:]) == 0
    assert pl.read_parquet(out).equals(by_file)


def test_the_workbenchs_command_takes_the_same_file(golden_bundle: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "day.key", tmp_path / "out.parquet"
    given = ["score", str(golden_bundle), str(golden_bundle / "golden" / "input.parquet"), "--out", str(out)]
    refused = CliRunner().invoke(app, [*given, "--key-file", str(key)])
    assert isinstance(refused.exception, SourceError)
    assert not out.exists()
    secret(key, KEY.hex().encode())
    keyed = CliRunner().invoke(app, [*given, "--key-file", str(key)], catch_exceptions=False)
    by_file = pl.read_parquet(out)
    own = CliRunner().invoke(app, given, catch_exceptions=False)
    assert "own key" not in keyed.output
    assert "Drawn with the bundle's own key" in own.output
    assert not by_file.equals(pl.read_parquet(out))
