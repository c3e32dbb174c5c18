"""Batch scoring: files in chunks give what the table in memory gives, and appear whole or not at all."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from workbench.errors import MappingError, SelectivityError, SourceError
from workbench.scorer.batch import score_file
from workbench.scorer.bundle import Manifest, ScoringBundle
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.scorer import DECISIONS, Scorer

AS_OF = datetime(2026, 1, 1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.scorer.batch.CHUNK_ROWS", 100)


@pytest.fixture
def bundle(small_scorer: Scorer) -> ScoringBundle:
    return ScoringBundle(Manifest(1, "small", "1", "", {}, {}), small_scorer)


@pytest.fixture
def dirty(small_raw: pl.DataFrame) -> pl.DataFrame:
    """A table with a key repeated five chunks later, an unreadable item and an unnamed row."""
    raw = small_raw.head(650)
    at = pl.int_range(pl.len())
    raw = raw.with_columns(
        net_mass_kg=pl.when(at == 120).then(-1.0).otherwise("net_mass_kg"),
        declaration_id=pl.when(at == 333).then(None).otherwise("declaration_id"),
        goods_description=pl.lit('=cmd|" /C calc"!A1, "quoted"\nsecond line'),
    )
    return pl.concat([raw, raw[[40]]])


def test_a_file_in_chunks_is_decided_as_the_table_in_memory(
    bundle: ScoringBundle, dirty: pl.DataFrame, tmp_path: Path
) -> None:
    dirty.write_parquet(tmp_path / "raw.parquet")
    seen: list[tuple[str, int]] = []
    summary = score_file(
        bundle, tmp_path / "raw.parquet", tmp_path / "out.parquet", as_of=AS_OF,
        progress=lambda phase, rows: seen.append((phase, rows)),
    )  # fmt: skip
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written.equals(bundle.score(dirty, as_of=AS_OF))
    assert written["reasons"].drop_nulls().len() > 300
    assert summary.rows == 651
    assert summary.quarantined == {"duplicate_key": 2, "missing_key": 1, "negative_mass": 1}
    assert written[[40, 650]]["cause"].to_list() == ["quarantine:duplicate_key"] * 2
    assert [rows for phase, rows in seen if phase == "score"] == [100, 200, 300, 400, 500, 600, 651]
    assert seen[-1] == ("explain", 651)


def test_every_hit_is_written_beside_the_decisions(bundle: ScoringBundle, dirty: pl.DataFrame, tmp_path: Path) -> None:
    dirty.write_parquet(tmp_path / "raw.parquet")
    target, hits = tmp_path / "out.parquet", tmp_path / "hits.parquet"
    score_file(bundle, tmp_path / "raw.parquet", target, as_of=AS_OF, hits=hits)
    scorer = bundle.scorer
    decided = scorer.decide(scorer.assess(scorer.mapping.apply(dirty), as_of=AS_OF))
    assert pl.read_parquet(hits).equals(decided.resolution.hits)
    assert decided.resolution.hits.height > 0


def test_hits_are_written_into_a_file_of_their_own(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    raw, out = tmp_path / "raw.parquet", tmp_path / "out.parquet"
    small_raw.head(3).write_parquet(raw)
    for hits, message in ((out, "a file of its own"), (raw, "among the declarations"), ("hits.csv", "must end in")):
        with pytest.raises(SourceError, match=message):
            score_file(bundle, raw, out, hits=hits)
    assert not out.exists()


def test_csv_plain_and_compressed_and_parquet_give_the_same_decisions(
    bundle: ScoringBundle, dirty: pl.DataFrame, tmp_path: Path
) -> None:
    import gzip

    text = dirty.with_columns(pl.col("lodged_at").dt.to_string("%Y-%m-%d %H:%M:%S")).write_csv()
    (tmp_path / "raw.csv").write_text(text, encoding="utf-8")
    (tmp_path / "raw.csv.gz").write_bytes(gzip.compress(text.encode()))
    dirty.write_parquet(tmp_path / "raw.parquet")
    (tmp_path / "parts").mkdir()
    for number, start in enumerate(range(0, dirty.height, 250)):
        dirty[start : start + 250].write_parquet(tmp_path / "parts" / f"part-{number}.parquet")
    found = []
    for name in ("raw.csv", "raw.csv.gz", "raw.parquet", "parts", "parts/*.parquet"):
        score_file(bundle, tmp_path / name, tmp_path / "out.parquet", as_of=AS_OF)
        found.append(pl.read_parquet(tmp_path / "out.parquet"))
    assert all(one.equals(found[0]) for one in found)


def test_without_reasons_the_column_is_there_and_empty(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    small_raw.head(120).write_parquet(tmp_path / "raw.parquet")
    score_file(bundle, tmp_path / "raw.parquet", tmp_path / "out.parquet", reasons=False)
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert tuple(written.columns) == DECISIONS
    assert written["reasons"].null_count() == 120


def test_a_file_with_a_header_only_gives_a_table_without_rows(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    small_raw.head(0).write_csv(tmp_path / "raw.csv")
    assert score_file(bundle, tmp_path / "raw.csv", tmp_path / "out.parquet").rows == 0
    assert tuple(pl.read_parquet(tmp_path / "out.parquet").columns) == DECISIONS


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, SourceError, "raw.csv does not exist"),
        (b"", SourceError, "raw.csv is empty"),
        (b"a,b\n1,2\n", MappingError, "no column 'declaration_id'"),
        (b"declaration_id,item_no\n1\n", SourceError, "line 2"),
        (b"declaration_id\n\xff\n", SourceError, "line 2, byte"),
    ],
)
def test_an_unreadable_input_is_refused_and_writes_nothing(
    bundle: ScoringBundle, tmp_path: Path, content: bytes | None, error: type[SelectivityError], message: str
) -> None:
    if content is not None:
        (tmp_path / "raw.csv").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=message):
        score_file(bundle, tmp_path / "raw.csv", tmp_path / "out.parquet")
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_of_another_kind_or_in_no_folder_is_refused(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    small_raw.head(3).write_parquet(tmp_path / "raw.parquet")
    with pytest.raises(SourceError, match=r"must end in .parquet"):
        score_file(bundle, tmp_path / "raw.parquet", tmp_path / "out.csv")
    with pytest.raises(SourceError, match="folder does not exist"):
        score_file(bundle, tmp_path / "raw.parquet", tmp_path / "none" / "out.parquet")


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_raw.head(3).write_parquet(tmp_path / "raw.parquet")
    (tmp_path / "out.parquet").write_bytes(b"old")

    def full(_: pl.DataFrame, path: Path) -> None:
        Path(path).write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(SourceError, match=r"out.parquet could not be written: The disk is full: free space"):
        score_file(bundle, tmp_path / "raw.parquet", tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.parquet", "raw.parquet"]


def test_a_disk_that_fills_at_the_decisions_leaves_no_hits_without_them(
    bundle: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_raw.head(300).write_parquet(tmp_path / "raw.parquet")
    write = pl.DataFrame.write_parquet

    def full(frame: pl.DataFrame, path: Path) -> None:
        if "reasons" in frame.columns:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(frame, path)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(SourceError, match=r"out.parquet could not be written: The disk is full"):
        score_file(bundle, tmp_path / "raw.parquet", tmp_path / "out.parquet", hits=tmp_path / "hits.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["raw.parquet"]


def test_decisions_are_never_written_among_the_declarations_that_are_read(
    small_scorer: Scorer, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    small_raw.head(10).write_parquet(folder / "part-0.parquet")
    bundle = ScoringBundle(Manifest(1, "p", "1", "", {}, {}), small_scorer)
    for source, target in ((folder / "part-0.parquet", folder / "part-0.parquet"), (folder, folder / "out.parquet")):
        with pytest.raises(SourceError, match="among the declarations"):
            score_file(bundle, source, target)
    assert pl.read_parquet(folder / "part-0.parquet").equals(small_raw.head(10))


# --- forced selection over daily files -----------------------------------------------------------------------------


@pytest.fixture
def forcing(bundle: ScoringBundle) -> ScoringBundle:
    """The bundle with one criterion that hits every row, takes none by its draw, and forces every sixth."""
    one = {
        "id": "all",
        "title": "",
        "when": "customs_value_usd >= 0",
        "lane": "red",
        "hit_percentage": 0,
        "forced_after": 5,
    }
    policy = replace(bundle.scorer.policy, limits=(), model_lanes=(), lot_lanes=(), random_share=0.0)
    criteria = CriteriaSet.from_dict({"criterion": [one]})
    return ScoringBundle(bundle.manifest, replace(bundle.scorer, criteria=criteria, policy=policy))


def forced(out: Path) -> int:
    return pl.read_parquet(out).filter(pl.col("cause") == "criterion:all")["declaration_id"].n_unique()


def test_forced_selection_goes_on_over_daily_files(
    forcing: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    raw, out, counters = tmp_path / "raw.parquet", tmp_path / "out.parquet", tmp_path / "counters.json"
    days = small_raw.unique("declaration_id").sort("lodged_at", "declaration_id").head(20)
    found = {"alone": 0, "going on": 0}
    for day in days.iter_slices(1):
        day.write_parquet(raw)
        for name, file in (("alone", None), ("going on", counters)):
            score_file(forcing, raw, out, reasons=False, counters=file)
            found[name] += forced(out)
    days.write_parquet(raw)
    score_file(forcing, raw, out, reasons=False)
    assert found == {"alone": 0, "going on": 3}
    assert forced(out) == 3
    assert json.loads(counters.read_text()) == {"programme": "small", "hits_passed_over": {"all": 2}}


def test_counts_of_criteria_that_a_bundle_does_not_have_stay_and_a_link_stays_a_link(
    forcing: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    small_raw.unique("declaration_id").head(4).write_parquet(tmp_path / "raw.parquet")
    (tmp_path / "kept.json").write_text('{"programme": "small", "hits_passed_over": {"away": 7, "all": 1}}')
    (tmp_path / "counters.json").symlink_to(tmp_path / "kept.json")
    score_file(forcing, tmp_path / "raw.parquet", tmp_path / "out.parquet", counters=tmp_path / "counters.json")
    assert json.loads((tmp_path / "kept.json").read_text())["hits_passed_over"] == {"all": 5, "away": 7}
    assert (tmp_path / "counters.json").is_symlink()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no whole file"),
        ('{"programme": "small", "hits_passed_o', "no whole file"),
        ("[" * 100_000, "no whole file"),
        ("\udcff", "no whole file"),
        ("[]", "must hold hits_passed_over and programme"),
        ('{"programme": "small"}', "must hold"),
        ('{"programme": "small", "hits_passed_over": [1]}', "must hold"),
        ('{"programme": "other", "hits_passed_over": {}}', "for the programme 'other', not for 'small'"),
        ('{"programme": "small", "hits_passed_over": {"all": -1}}', "counts -1 hits of 'all'"),
        ('{"programme": "small", "hits_passed_over": {"all": 1.5}}', r"counts 1\.5 hits"),
        ('{"programme": "small", "hits_passed_over": {"all": true}}', "counts True hits"),
        ('{"programme": "small", "hits_passed_over": {"all": NaN}}', "counts nan hits"),
    ],
)
def test_a_file_that_holds_no_counts_of_the_programme_is_refused_and_stays(
    forcing: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path, content: str, message: str
) -> None:
    small_raw.head(3).write_parquet(tmp_path / "raw.parquet")
    given = content.encode("utf-8", "surrogateescape")
    (tmp_path / "counters.json").write_bytes(given)
    with pytest.raises(SourceError, match=message):
        score_file(forcing, tmp_path / "raw.parquet", tmp_path / "out.parquet", counters=tmp_path / "counters.json")
    assert (tmp_path / "counters.json").read_bytes() == given
    assert not (tmp_path / "out.parquet").exists()


def test_counters_are_a_json_file_of_their_own(forcing: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path) -> None:
    small_raw.head(3).write_parquet(tmp_path / "raw.parquet")
    (tmp_path / "folder.json").mkdir()
    for name, message in (("counters.txt", r"must end in \.json"), ("folder.json", "no plain file")):
        with pytest.raises(SourceError, match=message):
            score_file(forcing, tmp_path / "raw.parquet", tmp_path / "out.parquet", counters=tmp_path / name)
    assert not (tmp_path / "out.parquet").exists()


def test_counts_do_not_go_on_where_the_decisions_could_not_be_written(
    forcing: ScoringBundle, small_raw: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_raw.head(3).write_parquet(tmp_path / "raw.parquet")

    def full(_: pl.DataFrame, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(SourceError, match="The disk is full"):
        score_file(forcing, tmp_path / "raw.parquet", tmp_path / "out.parquet", counters=tmp_path / "counters.json")
    assert [file.name for file in tmp_path.iterdir()] == ["raw.parquet"]
