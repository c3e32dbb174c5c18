"""The daily cycle: every declaration is decided once, whatever is killed, repeated, late, damaged or contradictory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from workbench import daily, random_arm
from workbench.bundle import bundle_files, write_bundle
from workbench.cli import daily as cli
from workbench.daily import Desk, DeskError, officers, results
from workbench.daily.refreshing import refreshed_features
from workbench.errors import SelectivityError
from workbench.random_arm import RandomArmError
from workbench.random_arm.daily_keys import key_file
from workbench.random_arm.record import head_file
from workbench.scorer import files as scorer_files
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.lanes.policy import LaneLimit
from workbench.scorer.schema import KEY, Lane
from workbench.scorer.scorer import Scorer
from workbench.stages.folder import FINAL, RunFolder
from workbench.timeline import as_of

HANOI = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Bench:
    """A desk with the raw declarations of its days at hand."""

    desk: Desk
    raw: pl.DataFrame
    outcomes: pl.DataFrame

    @property
    def days(self) -> list[date]:
        return sorted(self.raw["lodged_at"].dt.date().unique().to_list())

    def lodged_on(self, *days: date) -> pl.DataFrame:
        return self.raw.filter(pl.col("lodged_at").dt.date().is_in(days))

    def drop(self, frame: pl.DataFrame, name: str, folder: str = "incoming") -> Path:
        file = self.desk.path / folder / name
        frame.write_csv(file) if file.suffix == ".csv" else frame.write_parquet(file)
        return file

    def call(self, day: date, **options: object) -> daily.Day:
        return daily.daily(self.desk, day, now=evening(day), **options)

    def decisions(self) -> pl.DataFrame:
        files = [self.desk.day_folder(day) / "decisions.parquet" for day in self.desk.days()]
        return pl.concat([pl.read_parquet(file) for file in files])

    def keys_frame(self) -> pl.DataFrame:
        return self.decisions().select(KEY) if self.desk.days() else self.raw.select(KEY).clear()

    def keys(self) -> list[tuple]:
        return self.keys_of(self.decisions())

    @staticmethod
    def keys_of(frame: pl.DataFrame) -> list[tuple]:
        return frame.select(KEY).sort(KEY).rows()

    def result_rows(self, *days: date, delay: timedelta = timedelta(hours=1)) -> pl.DataFrame:
        """Return the true results of what was lodged on some days, recorded the day after."""
        lodged = self.lodged_on(*days).select(*KEY, "lodged_at")
        rows = self.outcomes.drop("label_known_at").join(lodged, on=list(KEY))
        known_at = pl.when(pl.col("violation").is_not_null()).then(
            pl.col("lodged_at").dt.truncate("1d") + timedelta(hours=23) + delay
        )
        return rows.with_columns(label_known_at=known_at).drop("lodged_at").sort(KEY)

    @staticmethod
    def rerouted(declarations: list[str] | pl.Series, lane: str, day: date, hour: int = 10) -> pl.DataFrame:
        return pl.DataFrame({"declaration_id": list(declarations)}, schema={"declaration_id": pl.String}).with_columns(
            lane=pl.lit(lane),
            officer_id=pl.lit("officer-7"),
            reason=pl.lit("a tip"),
            rerouted_at=pl.lit(f"{day} {hour:02}:15"),
        )

    @classmethod
    def copy(cls, template: Path, folder: Path, raw: pl.DataFrame, outcomes: pl.DataFrame | None = None) -> Bench:
        shutil.copytree(template, folder / "desk")
        return cls(Desk.open(folder / "desk"), raw, raw.clear() if outcomes is None else outcomes)


def content_of(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a folder but its locks, by path."""
    found = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(".lock"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, tzinfo=HANOI)


@pytest.fixture(scope="session")
def desk_template(finished_run: RunFolder, tmp_path_factory) -> Path:
    """A desk whose secrets are committed to, before its first day."""
    folder = tmp_path_factory.mktemp("template") / "desk"
    made = daily.init(folder, finished_run.pipeline, run=finished_run.path, now=datetime(2025, 1, 1, tzinfo=HANOI))
    first = finished_run.read("decide_raw")["lodged_at"].dt.date().min() - timedelta(days=2)
    random_arm.commit(
        made.desk.chain, made.desk.keys, 40, first=first, programme="small", now=evening(first - timedelta(days=1))
    )
    return folder


@pytest.fixture
def bench(desk_template: Path, small_raw: pl.DataFrame, small_world, tmp_path: Path) -> Bench:
    outcomes = small_world.outcomes.join(small_raw.select(KEY), on=list(KEY), how="semi")
    return Bench.copy(desk_template, tmp_path, small_raw, outcomes)


# Deciding


def test_a_day_decides_what_was_lodged_by_its_end_and_leaves_the_rest(bench: Bench) -> None:
    first, second = bench.days[:2]
    file = bench.drop(bench.lodged_on(first, second), "two.parquet")
    done = bench.call(first)
    assert done.summary["rows"] == {
        "decided": bench.lodged_on(first).height,
        "set_aside": 0,
        "waiting": bench.lodged_on(second).height,
    }
    assert file.is_file(), "rows wait in it"
    assert bench.keys() == bench.keys_of(bench.lodged_on(first))
    bench.call(second)
    assert not file.exists()
    assert (bench.desk.path / "archive" / "incoming" / str(second) / file.name).is_file()
    assert bench.keys() == bench.keys_of(bench.lodged_on(first, second))
    assert "Waiting for later days" in done.describe()


def test_the_same_day_twice_changes_nothing(bench: Bench) -> None:
    day = bench.days[0]
    bench.drop(bench.lodged_on(day), "a.csv")
    bench.drop(bench.result_rows(day), "r.csv", "results")
    first = bench.call(day)
    before = content_of(bench.desk.path)
    again = bench.call(day)
    assert again.was_decided
    assert again.summary == first.summary
    assert content_of(bench.desk.path) == before
    assert "was decided before; nothing was changed" in again.describe()


def test_what_comes_late_is_decided_on_the_next_day_and_counts_to_it(bench: Bench) -> None:
    first, second = bench.days[:2]
    late = bench.lodged_on(first).filter(pl.col("declaration_id").hash(7) % 3 == 0)
    bench.drop(bench.lodged_on(first).join(late, on=list(KEY), how="anti"), "a.parquet")
    bench.call(first)
    bench.drop(late, "late.parquet")
    before = content_of(bench.desk.day_folder(first))
    assert bench.call(first).was_decided
    bench.drop(bench.lodged_on(second), "b.parquet")
    done = bench.call(second)
    assert content_of(bench.desk.day_folder(first)) == before
    assert done.summary["late"] == {"declarations": late["declaration_id"].n_unique(), "since": str(first)}
    decided = bench.decisions()
    assert set(decided.join(late, on=list(KEY), how="semi")["decided_on"]) == {second}
    once = decided.filter(pl.col("decided_on") == second).unique("declaration_id")
    cells = once.group_by("office_id").agg(pl.len().alias("all"), red=(pl.col("lane") == "red").sum())
    # Of an office's declarations of the day a tenth may be red, late ones counted in; a fraction is rounded by lot.
    assert cells.filter(pl.col("red") > (pl.col("all") / 10).ceil()).is_empty()
    assert "Late: " in done.describe()


def test_a_day_can_be_drawn_again_from_what_it_left(bench: Bench) -> None:
    first, second = bench.days[:2]
    bench.drop(bench.lodged_on(first).head(60), "a.parquet")
    bench.call(first)
    bench.drop(bench.lodged_on(first, second), "b.parquet")
    bench.call(second)
    file = bench.desk.day_folder(second) / "decisions.parquet"
    random_arm.reveal(bench.desk.chain, bench.desk.keys, second, now=evening(second + timedelta(days=1)))
    found = random_arm.verify(file, bench.desk.chain, second, random_arm.policy_beside(file))
    assert found.ok, found.describe()
    assert found.replayed.drawn == pl.read_parquet(file).filter(cause="random")["declaration_id"].n_unique()
    assert "sealed in line" in bench.call(second).describe()
    wider = replace(random_arm.policy_beside(file), random_share=0.5)
    assert "the policy is not the one" in random_arm.verify(file, bench.desk.chain, second, wider).faults[0]


def test_a_day_without_declarations_and_a_week_without_calls_are_days_too(bench: Bench) -> None:
    first = bench.days[0]
    done = bench.call(first - timedelta(days=1))
    assert done.summary["rows"] == {"decided": 0, "set_aside": 0, "waiting": 0}
    assert bench.desk.days() == [first - timedelta(days=1)]
    bench.drop(bench.raw, "all.parquet")
    week = bench.days[7]
    bench.call(week)
    assert bench.keys() == bench.keys_of(bench.lodged_on(*bench.days[:8]))


def test_no_day_is_decided_before_it_begins_nor_behind_a_later_one(bench: Bench) -> None:
    first, second = bench.days[:2]
    with pytest.raises(DeskError, match="has not begun"):
        daily.daily(bench.desk, second, now=evening(first))
    bench.call(second)
    before = content_of(bench.desk.path)
    with pytest.raises(DeskError, match=f"{second} was decided, which is later than {first}"):
        bench.call(first)
    assert content_of(bench.desk.path) == before


def test_a_missing_or_revealed_secret_stops_the_day_before_anything_is_written(bench: Bench) -> None:
    first, second = bench.days[:2]
    bench.drop(bench.lodged_on(first, second), "a.csv")
    bench.drop(bench.result_rows(first), "r.csv", "results")
    secret = key_file(bench.desk.keys, "small", first)
    kept = secret.read_bytes()
    secret.unlink()
    before = content_of(bench.desk.path)
    with pytest.raises(RandomArmError, match=rf"small\.{first}\.key is missing"):
        bench.call(first)
    assert content_of(bench.desk.path) == before
    secret.write_bytes(kept)
    secret.chmod(0o600)
    elsewhere = bench.desk.path.parent / "elsewhere"
    elsewhere.write_text("decisions taken elsewhere")
    policy = bench.desk.bundle().scorer.policy
    random_arm.seal(bench.desk.chain, first, elsewhere, policy, now=evening(first))
    with pytest.raises(RandomArmError, match=f"Decisions of {first} are sealed in line"):
        daily.daily(bench.desk, first, now=evening(second))
    random_arm.reveal(bench.desk.chain, bench.desk.keys, first, now=evening(second))
    with pytest.raises(RandomArmError, match="was revealed in line"):
        daily.daily(bench.desk, first, now=evening(second))
    bench.call(second)
    assert bench.keys() == bench.keys_of(bench.lodged_on(first, second)), "the next day's key decides what is left"


def test_two_calls_at_once_do_not_both_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.daily.desk._LOCK_SECONDS", 0.1)
    code = "import sys, pathlib; from workbench.daily import Desk\n"
    code += "with Desk.open(sys.argv[1]).locked(): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(bench.desk.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DeskError, match="Another call is at work"):
        bench.call(bench.days[0])
    holder.communicate()
    bench.call(bench.days[0])


# Bad input


def test_a_file_that_cannot_be_read_keeps_the_others_from_nothing(bench: Bench) -> None:
    day = bench.days[0]
    rows = bench.lodged_on(day)
    good = bench.drop(rows.head(20), "good.csv")
    cut = bench.drop(rows, "cut.parquet")
    cut.write_bytes(cut.read_bytes()[:-200])
    bench.drop(rows.drop("hs_code"), "other-columns.csv")
    for name in ("notes.txt", ".hidden.csv", "copying.csv.tmp"):
        (bench.desk.path / "incoming" / name).write_text("nothing")
    done = bench.call(day)
    assert set(done.unreadable) == {"incoming/cut.parquet", "incoming/other-columns.csv", "incoming/notes.txt"}
    assert "hs_code" in done.unreadable["incoming/other-columns.csv"]
    assert done.summary["rows"]["decided"] == 20
    assert not good.exists()
    assert cut.is_file(), "it stays where it lies"


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no UTF-8, links and pipes")
def test_what_is_no_file_or_has_no_readable_name_is_named_and_the_day_goes_on(bench: Bench) -> None:
    day, drop = bench.days[0], bench.desk.path / "incoming"
    bench.drop(bench.lodged_on(day).head(20), "good.csv")
    (drop / "by-mistake").mkdir()
    bench.drop(bench.lodged_on(day)[20:25], "by-mistake/inside.csv")
    (drop / "nowhere.csv").symlink_to("gone.csv")
    os.mkfifo(drop / "pipe.csv")
    for name in (b"g\xfcter.csv", b"two\nlines.csv"):
        Path(os.fsdecode(bytes(drop) + b"/" + name)).write_text("nothing")
    done = bench.call(day)
    assert done.summary["rows"]["decided"] == 20
    told = {name.removeprefix("incoming/"): why for name, why in done.unreadable.items()}
    assert done.unreadable == done.summary["unreadable"]
    assert told == {
        "by-mistake": "it is a folder; only files are read. Move its files one up",
        "nowhere.csv": "it is a link that leads nowhere",
        "pipe.csv": "it is no file but a pipe or a device",
        r"'g\udcfcter.csv'": "its name is not UTF-8 or holds control characters. Rename it",
        r"'two\nlines.csv'": "its name is not UTF-8 or holds control characters. Rename it",
    }
    assert done.describe().encode()


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_what_a_link_leads_to_is_kept_in_the_archive(bench: Bench) -> None:
    day, elsewhere = bench.days[0], bench.desk.path / "spool.csv"
    bench.lodged_on(day).head(5).write_csv(elsewhere)
    link = bench.desk.path / "incoming" / "a.csv"
    link.symlink_to("../spool.csv")
    bench.call(day)
    kept = bench.desk.path / "archive" / "incoming" / str(day) / "a.csv"
    assert not link.is_symlink()
    assert not kept.is_symlink()
    assert kept.read_bytes() == elsewhere.read_bytes()


def test_a_date_far_ahead_does_not_wait_for_ever_and_waiting_is_told(bench: Bench) -> None:
    first, second, third = bench.days[:3]
    rows = bench.lodged_on(first).head(6)
    moments = [first, first, second, third, first + timedelta(days=31), date(2205, 6, 1)]
    dated = rows.with_columns(
        lodged_at=pl.Series([datetime.combine(one, rows["lodged_at"][0].time()) for one in moments])
    )
    dated = dated.with_columns(declaration_id=pl.Series([f"F{n}" for n in range(6)]), item_no=pl.lit(1, pl.Int32))
    nameless = dated.tail(1).with_columns(declaration_id=pl.lit(None, pl.String))
    file = bench.drop(pl.concat([dated, nameless]), "a.parquet")
    done = bench.call(first)
    assert done.summary["rows"] == {"decided": 5, "set_aside": 0, "waiting": 2}
    assert done.summary["quarantined"] == {"future_date": 2, "missing_key": 1}
    assert f"2 rows, the last until {third}, in a.parquet" in done.describe()
    # A clock far ahead moves what counts as far: what was dealt with stays dealt with.
    later = daily.daily(bench.desk, second, now=evening(second + timedelta(days=20)))
    assert later.summary["rows"] == {"decided": 1, "set_aside": 0, "waiting": 1}
    assert bench.call(third + timedelta(days=20)).summary["rows"] == {"decided": 1, "set_aside": 0, "waiting": 0}
    assert not file.exists()
    assert bench.decisions().height == 7


def test_a_key_that_two_rows_claimed_can_come_again(bench: Bench) -> None:
    first, second = bench.days[:2]
    row = bench.lodged_on(first).head(1)
    bench.drop(pl.concat([row, row.with_columns(customs_value_usd=pl.lit(1.5))]), "twice.parquet")
    assert bench.call(first).summary["quarantined"] == {"duplicate_key": 2}
    bench.drop(row, "again.csv")
    later = bench.call(second)
    assert later.summary["set_aside"] == {"amended": 1}, "what was decided of it could not be read"
    assert later.summary["rows"]["decided"] == 0


def test_a_file_that_is_being_written_waits_for_the_next_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = bench.days[:2]
    file = bench.drop(bench.lodged_on(first).head(10), "a.csv")
    read = daily.incoming.read_table

    def while_written(path: Path, **options: object) -> pl.DataFrame:
        table = read(path, **options)
        with file.open("a") as target:
            target.write(bench.lodged_on(first)[10:11].write_csv(include_header=False))
        return table

    monkeypatch.setattr(daily.incoming, "read_table", while_written)
    assert "it is being written" in bench.call(first).unreadable["incoming/a.csv"]
    monkeypatch.undo()
    assert bench.call(second).summary["rows"]["decided"] == 11


def test_what_was_decided_is_not_decided_again_and_says_so(bench: Bench) -> None:
    first, second = bench.days[:2]
    rows = bench.lodged_on(first)
    bench.drop(rows, "a.parquet")
    bench.drop(rows, "copy.parquet")
    bench.drop(rows.head(5), "part.csv")
    done = bench.call(first)
    assert done.summary["rows"] == {"decided": rows.height, "set_aside": rows.height + 5, "waiting": 0}
    assert done.summary["set_aside"] == {"repeated": 5, "same_file": rows.height}
    assert f"copy.parquet is, to the byte, a.parquet, read on {first}." in done.describe()
    doubled = rows.with_row_index("at").with_columns(
        customs_value_usd=pl.col("customs_value_usd") * pl.when(pl.col("at") < 9).then(2.0).otherwise(1.0)
    )
    bench.drop(doubled.drop("at"), "amended.csv")
    later = bench.call(second)
    assert later.summary["set_aside"] == {"already_decided": rows.height - 9, "amended": 9}
    aside = pl.read_parquet(later.folder / "set_aside.parquet")
    assert set(aside["decided_on"]) == {first}
    assert set(aside.filter(code="amended")["file"]) == {"amended.csv"}
    assert bench.keys() == bench.keys_of(rows)


def test_an_item_that_comes_after_its_declaration_is_looked_at_and_drawn_no_second_time(bench: Bench) -> None:
    first, second = bench.days[:2]
    rows = bench.lodged_on(first)
    parted = rows.filter(pl.len().over("declaration_id") > 1, pl.col("item_no") == 2)
    assert parted.height > 3
    bench.drop(rows.join(parted, on=list(KEY), how="anti"), "a.csv")
    bench.call(first)
    bench.drop(parted, "late-items.csv")
    done = bench.call(second)
    assert sum(done.summary["quarantined"].values()) == parted.height
    assert set(done.summary["quarantined"]) == {"late_item", "late_item_named"}
    decided = pl.read_parquet(done.folder / "decisions.parquet")
    assert set(decided["cause"]) == {"quarantine:late_item", "quarantine:late_item_named"}
    unnamed = decided.filter(cause="quarantine:late_item")
    assert set(unnamed["reasons"]) == {"An item of a declaration that was decided without it."}
    assert set(unnamed["lane"]) == {"yellow"}
    assert decided["would_be_lane"].null_count() == decided["is_drawn"].null_count() == decided.height
    assert pl.read_parquet(done.folder / "quarantine.parquet")["found"][0].startswith("An item of a declaration")


def test_a_late_item_escapes_no_criterion_though_its_lane_is_full(
    bench: Bench, small_scorer: Scorer, tmp_path: Path
) -> None:
    first, second = bench.days[:2]
    ban = {"id": "ban", "title": "Banned goods", "when": "customs_value_usd > 0", "lane": "red"}
    watched = {"id": "watched", "title": "Watched", "when": "customs_value_usd > 0", "lane": "red"}
    criteria = CriteriaSet.from_dict({"criterion": [ban, {**watched, "id": "tried"}], "shadow": ["tried"]})
    full = replace(small_scorer.policy, limits=tuple(LaneLimit(lane, count=0) for lane in list(Lane)[1:]))
    scorer = replace(small_scorer, criteria=criteria, policy=full)
    daily.adopt(bench.desk, exported(scorer, bench.raw, tmp_path / "ban"), "a ban")
    rows = bench.lodged_on(first).filter(pl.len().over("declaration_id") > 1, pl.col("customs_value_usd") > 0)
    late = rows.filter(pl.col("item_no") > 1)
    bench.drop(rows.filter(pl.col("item_no") == 1), "a.csv")
    assert bench.call(first).summary["lanes"]["red"]["items"] == 0, "no seat is left"
    bench.drop(late, "late-items.csv")
    done = bench.call(second)
    decided = pl.read_parquet(done.folder / "decisions.parquet")
    assert set(decided["lane"]) == {"red"}
    assert decided["reasons"][0].endswith("Named by criterion:ban.")
    assert pl.read_parquet(done.folder / "hits.parquet").filter(criterion="ban").height == late.height
    assert pl.read_parquet(done.folder / "quarantine.parquet")["found"][0].endswith("Named by criterion:ban.")


def test_rows_that_cannot_be_decided_get_the_fallback_lane_once(bench: Bench) -> None:
    first, second = bench.days[:2]
    rows = bench.lodged_on(first).head(6).with_columns(pl.all().cast(pl.String))
    odd = [{"declaration_id": None}, {"lodged_at": "soon"}, {"net_mass_kg": "-4"}, {"hs_code": "99"}]
    broken = [{**row, **change} for row, change in zip(rows.rows(named=True), odd, strict=False)]
    bench.drop(pl.DataFrame(broken + rows.rows(named=True)[4:], schema=rows.schema), "odd.csv")
    done = bench.call(first)
    codes = {"impossible_hs": 1, "missing_key": 1, "negative_mass": 1, "unparsable_date": 1}
    assert done.summary["quarantined"] == codes
    decided = pl.read_parquet(done.folder / "decisions.parquet")
    assert decided.height == 6
    assert set(decided.filter(pl.col("cause").str.starts_with("quarantine"))["lane"]) == {"yellow"}
    quarantine = pl.read_parquet(done.folder / "quarantine.parquet")
    assert quarantine.sort("file_row")["file_row"].to_list() == [1, 2, 3, 4]
    assert done.summary["same_files"] == {}
    archived = bench.desk.path / "archive" / "incoming" / str(first) / "odd.csv"
    shutil.copy(archived, bench.desk.path / "incoming" / "the-same-bytes.csv")
    bench.drop(pl.read_csv(archived, infer_schema=False), "written-anew.parquet")
    later = bench.call(second)
    assert later.summary["set_aside"] == {"already_decided": 2, "amended": 3, "same_file": 6}
    assert later.summary["same_files"] == {"the-same-bytes.csv": f"odd.csv, read on {first}"}
    again = pl.read_parquet(later.folder / "decisions.parquet")
    assert again["cause"].to_list() == ["quarantine:missing_key"], "without a key nobody can know it again"


# Any split, any order, any kill


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_of_files_decides_every_declaration_once(
    data: st.DataObject, desk_template: Path, small_raw: pl.DataFrame, tmp_path_factory
) -> None:
    bench = Bench.copy(desk_template, tmp_path_factory.mktemp("split"), small_raw)
    days = bench.days[:3]
    rows = bench.lodged_on(*days)
    count = data.draw(st.integers(1, 6), label="files")
    part = rows["declaration_id"].hash(data.draw(st.integers(0, 99), label="seed")) % count
    arrives = [data.draw(st.sampled_from(days), label=f"day of file {n}") for n in range(count)]
    copies = data.draw(st.lists(st.integers(0, count - 1), max_size=2), label="copies")
    read = 0
    for day in days:
        for number in [n for n in range(count) if arrives[n] == day]:
            bench.drop(rows.filter(part == number), f"{number}.{'csv' if number % 2 else 'parquet'}")
            if number in copies:
                bench.drop(rows.filter(part == number).reverse(), f"copy-{number}.parquet")
        done = bench.call(day)
        read += done.summary["rows"]["decided"] + done.summary["rows"]["set_aside"]
    last = bench.call(days[-1] + timedelta(days=1))
    decided = bench.decisions()
    assert decided.select(pl.struct(KEY).is_duplicated().any()).item() is False
    assert bench.keys() == bench.keys_of(rows)
    assert decided.group_by("declaration_id").agg(pl.col("decided_on").n_unique())["decided_on"].max() == 1
    copied = sum(rows.filter(part == number).height for number in set(copies))
    assert read + last.summary["rows"]["set_aside"] + last.summary["rows"]["decided"] == rows.height + copied
    assert bench.desk.lying_in("incoming") == []


class Killed(BaseException):
    """Nobody catches it, and nothing is cleaned up after it."""


@contextmanager
def killed_at(step: int, *, after: bool) -> Iterator[None]:
    """Let the process die at the `step`-th rename, before or after it, with its partial files left."""
    rename, count = os.replace, 0

    def dying(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == step and not after:
            raise Killed
        rename(source, target)
        if count == step:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", dying)
        patch.setattr(scorer_files, "_remove", lambda partial: None)
        yield


@settings(max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_call_killed_anywhere_is_finished_by_the_next(
    data: st.DataObject, desk_template: Path, small_raw: pl.DataFrame, unharmed: Bench, tmp_path_factory
) -> None:
    bench = Bench.copy(desk_template, tmp_path_factory.mktemp("killed"), small_raw, unharmed.outcomes)
    for day in bench.days[:2]:
        feed(bench, day)
        for _ in range(data.draw(st.integers(1, 2), label="kills")):
            with killed_at(data.draw(st.integers(1, 42), label="at"), after=data.draw(st.booleans())):
                try:
                    bench.call(day)
                except Killed:
                    continue
        bench.call(day)
    assert decided_content(bench) == decided_content(unharmed)
    assert steps_of(bench) == steps_of(unharmed), "what was announced and never written is announced again"
    assert list(bench.desk.path.rglob("*.partial")) == []


def feed(bench: Bench, day: date) -> None:
    """Drop what arrives on a day: two files, one of which holds rows of the day after, results and a re-routing."""
    next_day = day + timedelta(days=1)
    rows = bench.lodged_on(day)
    bench.drop(rows.head(70), f"{day}-a.csv")
    rest = rows[70:].join(bench.keys_frame(), on=list(KEY), how="anti")
    bench.drop(pl.concat([rest, bench.lodged_on(next_day).head(10)]), f"{day}-b.parquet")
    if bench.desk.days():
        bench.drop(bench.result_rows(day - timedelta(days=1)), f"{day}.csv", "results")
        bench.drop(bench.rerouted(bench.decisions()["declaration_id"][:2], "red", day), f"{day}.csv", "officers")


def steps_of(bench: Bench) -> list[str]:
    return [line.kind for line in bench.desk.ledger().lines if line.kind != "intent"]


def decided_content(bench: Bench) -> dict[str, str]:
    return {
        name: digest
        for name, digest in content_of(bench.desk.path).items()
        if name.startswith(("days", "intakes", "archive", "incoming", "results", "officers"))
    }


@pytest.fixture(scope="session")
def unharmed(desk_template: Path, small_raw: pl.DataFrame, small_world, tmp_path_factory) -> Bench:
    """Two days that nobody disturbed."""
    outcomes = small_world.outcomes.join(small_raw.select(KEY), on=list(KEY), how="semi")
    bench = Bench.copy(desk_template, tmp_path_factory.mktemp("unharmed"), small_raw, outcomes)
    for day in bench.days[:2]:
        feed(bench, day)
        bench.call(day)
    return bench


PROGRAM = """
import sys
from datetime import date, datetime, timezone, timedelta
from workbench.daily import Desk, daily
day = date.fromisoformat(sys.argv[2])
now = datetime(day.year, day.month, day.day, 23, tzinfo=timezone(timedelta(hours=7)))
desk = Desk.open(sys.argv[1])
print("ready", flush=True)
daily(desk, day, now=now)
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_loses_nothing_and_decides_nothing_twice(
    desk_template: Path, small_raw: pl.DataFrame, unharmed: Bench, tmp_path: Path
) -> None:
    bench = Bench.copy(desk_template, tmp_path, small_raw, unharmed.outcomes)
    lots, killed = np.random.default_rng(11), 0
    for day in bench.days[:2]:
        feed(bench, day)
        for _ in range(9):
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(bench.desk.path), day.isoformat()], stdout=subprocess.PIPE
            )
            process.stdout.readline()
            time.sleep(lots.uniform(0.0, 1.2))
            process.kill()
            killed += process.wait() == -9
        bench.call(day)
    assert killed >= 6
    assert decided_content(bench) == decided_content(unharmed)


def test_a_folder_that_no_call_announced_is_not_sealed(bench: Bench, desk_template: Path, tmp_path: Path) -> None:
    day = bench.days[0]
    other = Bench.copy(desk_template, tmp_path / "other", bench.raw)
    other.drop(bench.lodged_on(day).head(3), "a.csv")
    forged = other.call(day).folder
    shutil.copytree(forged, bench.desk.day_folder(day))
    sealed = bench.desk.chain.read_bytes()
    for ask in (day, bench.days[1]):
        with pytest.raises(DeskError, match=r"is not what the ledger announced, .* Move it away and call again"):
            bench.call(ask)
    assert bench.desk.chain.read_bytes() == sealed
    shutil.rmtree(bench.desk.day_folder(day))
    assert bench.call(day).summary["rows"]["decided"] == 0


def test_a_file_changed_between_kill_and_next_call_is_named(bench: Bench) -> None:
    day = bench.days[0]
    bench.drop(bench.lodged_on(day), "a.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.daily.steps._seal", _die)
        with pytest.raises(Killed):
            bench.call(day)
    decisions = bench.desk.day_folder(day) / "decisions.parquet"
    assert decisions.is_file()
    decisions.write_bytes(decisions.read_bytes() + b" ")
    with pytest.raises(DeskError, match=r"decisions\.parquet was changed since it was written"):
        bench.call(day)


def test_a_ledger_changed_by_hand_stops_the_desk(bench: Bench) -> None:
    bench.call(bench.days[0])
    file = bench.desk.ledger_file
    file.write_bytes(file.read_bytes().replace(b'"kind":"init"', b'"kind":"adopt"'))
    with pytest.raises(DeskError, match="line 2 does not follow the line before it"):
        bench.call(bench.days[1])


@pytest.mark.parametrize("name", ["decisions.parquet", "declarations.parquet", "counters.json", "policy.json"])
def test_a_recorded_day_that_was_changed_stops_whoever_reads_it(decided_bench: Bench, name: str) -> None:
    bench, (first, second) = decided_bench, decided_bench.days[:2]
    file = bench.desk.day_folder(first) / name
    file.write_bytes(file.read_bytes() + b" ")
    calls = [
        lambda: bench.call(second),
        lambda: daily.report(bench.desk),
        lambda: daily.outcomes(bench.desk),
        lambda: daily.known(bench.desk),
        lambda: daily.refresh(bench.desk, first, now=evening(second)),
    ]
    for call in calls:
        with pytest.raises(DeskError, match=f"{name} was changed since it was written: restore it"):
            call()


def test_an_intake_that_is_gone_and_a_public_file_cut_short_are_named(decided_bench: Bench) -> None:
    bench, (first, second) = decided_bench, decided_bench.days[:2]
    before = {file: file.read_bytes() for file in (bench.desk.chain, head_file(bench.desk.chain))}
    bench.drop(bench.result_rows(first), "r.csv", "results")
    bench.call(second)
    sealed = {file: file.read_bytes() for file in before}
    for file, content in before.items():
        file.write_bytes(content)
    with pytest.raises(DeskError, match=f"does not seal the decisions of {second} that the ledger names"):
        daily.report(bench.desk)
    for file, content in sealed.items():
        file.write_bytes(content)
    (bench.desk.intakes()[0] / "results.parquet").unlink()
    with pytest.raises(DeskError, match=r"results\.parquet is gone or cannot be read"):
        bench.call(bench.days[2])


@pytest.mark.parametrize("name", ["history/outcomes.parquet", "history/declarations.parquet", "pipeline.json"])
def test_history_and_pipeline_are_those_of_the_first_line(decided_bench: Bench, name: str) -> None:
    bench, (first, second) = decided_bench, decided_bench.days[:2]
    file = bench.desk.path / name
    file.write_bytes(file.read_bytes() + b" ")
    calls = [
        lambda: bench.call(second),
        lambda: daily.known(bench.desk),
        lambda: daily.report(bench.desk),
        lambda: daily.refresh(bench.desk, first, now=evening(second)),
    ]
    for call in calls:
        with pytest.raises(DeskError, match=f"{Path(name).name} was changed since it was written: restore it"):
            call()


def test_what_a_killed_call_left_half_written_goes_wherever_it_lies(bench: Bench) -> None:
    places = ["days", "intakes", "archive/incoming/2025-06-10", "archive/results/000001", "history", "."]
    for place in places:
        (bench.desk.path / place).mkdir(parents=True, exist_ok=True)
        (bench.desk.path / place / ".a.csv.123456.partial").write_text("half")
    bench.call(bench.days[0])
    assert list(bench.desk.path.rglob("*.partial")) == []


# Results


@pytest.fixture
def decided_bench(bench: Bench) -> Bench:
    """A bench with one day decided."""
    bench.drop(bench.lodged_on(bench.days[0]), "a.parquet")
    bench.call(bench.days[0])
    return bench


def result(key: tuple[str, int], violation: int | None, at: datetime, duty: float | None = None) -> dict:
    kind = "undervalued" if violation else None
    return {
        "declaration_id": key[0],
        "item_no": key[1],
        "violation": violation,
        "critical_violation": None,
        "violation_kind": kind,
        "recovered_duty_usd": duty,
        "label_known_at": at,
    }


def test_results_are_taken_in_once_and_every_other_one_is_named(decided_bench: Bench) -> None:
    bench, (first, second) = decided_bench, decided_bench.days[:2]
    keys = bench.lodged_on(first).sort(KEY).select(KEY).rows()
    noon = datetime(first.year, first.month, first.day, 12, 30) + timedelta(days=1)
    rows = [
        result(keys[0], 1, noon, 80.0),
        result(keys[0], 1, noon, 80.0),
        result(keys[1], 0, noon),
        result(keys[2], 1, noon, 5.0),
        result(keys[2], 0, noon),
        result(("NOBODY", 1), 1, noon),
        result(keys[3], 1, noon - timedelta(days=30)),
        result(keys[4], 0, noon, 10.0),
        result(keys[5], 1, None),
        result(keys[6], None, None),
        result(keys[7], 0, noon + timedelta(days=30)),
    ]
    bench.drop(pl.DataFrame(rows, infer_schema_length=None), "results.parquet", "results")
    done = bench.call(second)
    assert done.intake.results == 2
    assert done.intake.without_result == 1
    assert done.intake.rejected_results == {
        "contradictory_label": 3,
        "future_result": 1,
        "missing_label_date": 1,
        "repeated_label": 1,
        "result_before_lodgement": 1,
        "unknown_declaration": 1,
    }
    rejected = pl.read_parquet(bench.desk.intakes()[-1] / "rejected_results.parquet")
    assert rejected.height + done.intake.results + done.intake.without_result == len(rows)
    assert rejected.filter(code="unknown_declaration")["declaration_id"].to_list() == ["NOBODY"]
    assert "Results set aside: contradictory_label 3" in done.describe()
    assert str(bench.desk.intakes()[-1] / "rejected_results.parquet") in done.describe()
    bench.drop(pl.DataFrame([result(keys[7], 1, noon, 4.0)]), "true.parquet", "results")
    assert bench.call(bench.days[2]).intake.results == 1, "what is dated ahead stands against no true result"


def test_a_correction_needs_a_later_moment_and_its_history_is_kept(decided_bench: Bench) -> None:
    bench, (first, second, third, fourth) = decided_bench, decided_bench.days[:4]
    key = bench.lodged_on(first).sort(KEY).select(KEY).row(0)
    at = datetime(first.year, first.month, first.day) + timedelta(days=1, hours=9)

    def told(day: date, *rows: dict) -> daily.Intake:
        bench.drop(pl.DataFrame(list(rows), infer_schema_length=None), f"{day}.parquet", "results")
        return bench.call(day).intake

    told(second, result(key, 1, at, 70.0))
    assert told(third, result(key, 0, at), result(key, 0, at - timedelta(hours=1))).rejected_results == {
        "contradictory_label": 1,
        "older_result": 1,
    }
    corrected = told(fourth, result(key, 0, at + timedelta(hours=5)))
    assert (corrected.results, corrected.corrections) == (1, 1)
    history = results.accepted(bench.desk)
    assert history["violation"].to_list() == [1, 0]
    item = pl.col("declaration_id") == key[0], pl.col("item_no") == key[1]
    assert daily.outcomes(bench.desk).filter(*item)["violation"].to_list() == [0]
    before = daily.outcomes(bench.desk, as_of=at + timedelta(hours=1)).filter(*item)
    assert before["violation"].to_list() == [1], "the correction is of the future then"


def test_a_result_before_its_declaration_is_kept_and_tried_again(bench: Bench) -> None:
    first, second, third = bench.days[:3]
    at = datetime(first.year, first.month, first.day, 22, 59)
    bench.drop(pl.DataFrame([result(("FRESH", 1), 1, at, 3.0)]), "early.parquet", "results")
    assert bench.call(first).intake.rejected_results == {"unknown_declaration": 1}
    fresh = bench.lodged_on(first).head(1).with_columns(declaration_id=pl.lit("FRESH"), item_no=pl.lit(1, pl.Int32))
    bench.drop(fresh, "b.parquet")
    assert bench.call(second).intake.results == 0
    assert bench.call(third).intake.results == 1
    before = content_of(bench.desk.path)
    bench.call(third)
    assert content_of(bench.desk.path) == before


def test_a_file_that_is_no_file_of_results_stays_and_is_named(decided_bench: Bench) -> None:
    bench, second = decided_bench, decided_bench.days[1]
    file = bench.drop(pl.DataFrame({"declaration_id": ["D"], "item_no": [1]}), "r.csv", "results")
    done = bench.call(second)
    assert "violation" in done.unreadable["results/r.csv"]
    assert file.is_file()


# Officers


def test_officers_move_lanes_beside_the_decision_and_spare_no_draw_of_the_arm(
    bench: Bench, small_scorer: Scorer, tmp_path: Path
) -> None:
    first, second, third = bench.days[:3]
    # Secrets are new in every session: the arm has to be large enough to draw somebody under any.
    larger = replace(small_scorer.policy, random_share=0.05)
    daily.adopt(bench.desk, exported(replace(small_scorer, policy=larger), bench.raw, tmp_path / "b"), "a larger arm")
    bench.drop(bench.lodged_on(first, second), "a.parquet")
    bench.call(first)
    bench.call(second)
    decided = bench.decisions().unique("declaration_id").sort("declaration_id")
    pick = {cause: decided.filter(cause=cause)["declaration_id"].to_list() for cause in ("random", "none")}
    pick["model"] = decided.filter(cause="model", lane="red")["declaration_id"].to_list()
    rows = pl.concat(
        [
            bench.rerouted(pick["random"][:1], "green", second),
            bench.rerouted(pick["none"][:1], "Red ", second),
            bench.rerouted(pick["model"][:1], "yellow", second),
            bench.rerouted(["NOBODY"], "red", second),
            bench.rerouted(pick["none"][1:2], "purple", second),
            bench.rerouted(pick["none"][2:3], "red", second).with_columns(reason=pl.lit("  ")),
            bench.rerouted(pick["none"][3:4], "red", second).with_columns(rerouted_at=pl.lit("soon")),
            bench.rerouted(pick["none"][4:5], "red", second),
            bench.rerouted(pick["none"][4:5], "blue", second),
        ]
    )
    bench.drop(rows, "moves.csv", "officers")
    before = content_of(bench.desk.day_folder(first))
    done = bench.call(third)
    assert done.intake.reroutings == 2
    assert done.intake.refused_reroutings == {
        "contradictory": 2,
        "missing_field": 1,
        "random_arm_waived": 1,
        "unknown_declaration": 1,
        "unknown_lane": 1,
        "unknown_moment": 1,
    }
    assert content_of(bench.desk.day_folder(first)) == before
    table = daily.outcomes(bench.desk).unique("declaration_id")
    moved = table.filter(cause="officer").sort("system_cause")
    assert moved["system_cause"].to_list() == ["model", "none"]
    assert moved["lane"].to_list() == ["yellow", "red"]
    spared = table.filter(pl.col("declaration_id") == pick["random"][0])
    assert (spared["lane"].item(), spared["cause"].item()) == ("red", "random")
    refused = pl.read_parquet(bench.desk.intakes()[-1] / "refused_reroutings.parquet")
    assert refused.filter(code="random_arm_waived")["officer_id"].to_list() == ["officer-7"]
    assert refused.filter(code="unknown_lane")["found"].to_list() == ["lane=purple"]


def test_an_unreadable_item_hides_no_draw(bench: Bench, small_scorer: Scorer, tmp_path: Path) -> None:
    first, second = bench.days[:2]
    policy = replace(small_scorer.policy, random_share=0.5, random_lane=Lane.YELLOW, fallback_lane=Lane.RED, limits=())
    daily.adopt(bench.desk, exported(replace(small_scorer, policy=policy), bench.raw, tmp_path / "b"), "a mild arm")
    rows = bench.lodged_on(first).filter(pl.col("item_no") == 1)
    odd = rows.with_columns(item_no=pl.lit(2, pl.Int32), net_mass_kg=pl.lit(-1.0))
    bench.drop(pl.concat([rows, odd]), "a.csv")
    summary = bench.call(first).summary
    decided = bench.decisions().filter("is_drawn")
    assert summary["random_arm"]["drawn"] == decided.height > 9
    assert set(decided["cause"]) == {"quarantine:negative_mass"}
    bench.drop(bench.rerouted(decided["declaration_id"][:1], "green", second), "moves.csv", "officers")
    assert bench.call(second).intake.refused_reroutings == {"random_arm_waived": 1}


def test_the_last_rerouting_counts_and_a_confirmation_leaves_the_cause(decided_bench: Bench) -> None:
    bench, (first, second) = decided_bench, decided_bench.days[:2]
    one, two = bench.decisions().filter(cause="none")["declaration_id"].unique().sort().head(2)
    moves = [bench.rerouted([one], "red", first, hour=8), bench.rerouted([one], "green", first, hour=9)]
    bench.drop(pl.concat([*moves, bench.rerouted([two], "green", first)]), "m.csv", "officers")
    assert bench.call(second).intake.reroutings == 3
    table = daily.outcomes(bench.desk).filter(pl.col("declaration_id").is_in([one, two]))
    assert set(table["lane"]) == {"green"}
    assert set(table["cause"]) == {"none"}
    assert officers.accepted(bench.desk).height == 3


def test_a_rerouting_dated_ahead_beats_none_and_knowledge_has_a_moment(decided_bench: Bench) -> None:
    bench, (first, second, third) = decided_bench, decided_bench.days[:3]
    one = bench.decisions().filter(cause="none")["declaration_id"].min()
    ahead = bench.rerouted([one], "red", date(2062, 1, 1))
    bench.drop(pl.concat([ahead, bench.rerouted([one], "yellow", second, hour=9)]), "m.csv", "officers")
    done = bench.call(second).intake
    assert (done.reroutings, done.refused_reroutings) == (1, {"future_rerouting": 1})
    bench.drop(bench.rerouted([one], "blue", third, hour=9), "n.csv", "officers")
    bench.call(third)

    def lane(known_by: date) -> str:
        rows = daily.outcomes(bench.desk, as_of=daily.incoming.end_of(known_by))
        return rows.filter(declaration_id=one)["lane"][0]

    assert [lane(day) for day in (first, second, third)] == ["green", "yellow", "blue"]


# Counters, capacity, adoption


def exported(scorer: Scorer, raw: pl.DataFrame, folder: Path) -> Path:
    files = bundle_files(scorer, programme="small", trained_as_of="2025-06-01", golden=raw.head(20), facts={})
    write_bundle(files, folder)
    return folder


def test_forced_selection_goes_on_from_day_to_day(bench: Bench, small_scorer: Scorer, tmp_path: Path) -> None:
    forced = {"id": "every-fourth", "title": "Every fourth", "when": "customs_value_usd > 0", "lane": "blue"}
    criteria = CriteriaSet.from_dict({"criterion": [{**forced, "hit_percentage": 0, "forced_after": 3}]})
    bundle = exported(replace(small_scorer, criteria=criteria), bench.raw, tmp_path / "forced")
    daily.adopt(bench.desk, bundle, "a trial of forced selection")
    hits = []
    for day in bench.days[:3]:
        bench.drop(bench.lodged_on(day), f"{day}.parquet")
        folder = bench.call(day).folder
        order = bench.lodged_on(day).group_by("declaration_id").agg(pl.col("lodged_at").min())
        table = pl.read_parquet(folder / "hits.parquet").unique("declaration_id").join(order, on="declaration_id")
        hits += table.sort("lodged_at", "declaration_id")["forced"].to_list()
    assert [place for place, is_forced in enumerate(hits) if is_forced] == list(range(3, len(hits), 4))
    counters = json.loads((bench.desk.day_folder(bench.days[2]) / "counters.json").read_bytes())
    assert counters["hits_passed_over"] == {"every-fourth": len(hits) % 4}


def test_zero_capacity_and_another_bundle(bench: Bench, small_scorer: Scorer, tmp_path: Path) -> None:
    first, second = bench.days[:2]
    limits = tuple(LaneLimit(lane, count=0) for lane in Lane if lane is not Lane.GREEN)
    none = replace(small_scorer.policy, limits=limits)
    bundle = exported(replace(small_scorer, policy=none), bench.raw, tmp_path / "zero")
    before = bench.desk.bundle_folder()
    with pytest.raises(DeskError, match="Say why"):
        daily.adopt(bench.desk, bundle, " ")
    found = daily.adopt(bench.desk, bundle, "nobody works")
    assert found.version in found.describe()
    with pytest.raises(DeskError, match="in force already"):
        daily.adopt(bench.desk, bundle, "once more")
    bench.drop(bench.lodged_on(first), "a.csv")
    done = bench.call(first)
    assert {lane: count["items"] for lane, count in done.summary["lanes"].items() if count["items"]} == {
        "green": bench.lodged_on(first).height
    }
    assert before.is_dir(), "the old bundle is kept"
    assert done.summary["random_arm"]["drawn"] == 0
    assert bench.call(second).summary["weeks_before"]["estimates"] is None


# Estimates


def test_the_report_estimates_the_truth_from_the_desks_own_outcomes(
    bench: Bench, small_scorer: Scorer, small_world, tmp_path: Path
) -> None:
    roomy = replace(small_scorer.policy, random_share=0.3, limits=(LaneLimit(Lane.RED, share=0.4),))
    daily.adopt(bench.desk, exported(replace(small_scorer, policy=roomy), bench.raw, tmp_path / "roomy"), "large arm")
    days, end = bench.days[:5], bench.days[5]
    bench.drop(bench.lodged_on(*days), "all.parquet")
    for day in days:
        bench.call(day)
    decided = bench.decisions().join(small_world.truth, on=list(KEY))
    truth = decided.select(*KEY, "lane", violation=pl.col("fraudulent").cast(pl.Int8))
    at = pl.col("decided_on").cast(pl.Datetime("us")) + timedelta(hours=23)
    found = truth.join(bench.decisions().select(*KEY, "decided_on"), on=list(KEY)).filter(lane="red")
    found = found.select(*KEY, "violation", label_known_at=at)
    bench.drop(found, "r.parquet", "results")
    assert bench.call(end).intake.results == found.height
    report = daily.report(bench.desk, weeks=2)
    assert report.outcomes.height == truth.height
    assert report.outcomes["violation"].count() == found.height
    for day in days[:3]:
        random_arm.reveal(bench.desk.chain, bench.desk.keys, day, now=evening(end))
    out = tmp_path / "report"
    given = ["report", "--weeks", "2", "--out", str(out), "--desk", str(bench.desk.path)]
    told = CliRunner().invoke(cli.app, given, catch_exceptions=False)
    assert f"Open {out / 'report.html'} in a browser." in told.output
    found = json.loads((out / "daily.json").read_bytes())
    assert (found["random_arm"]["holds"], found["random_arm"]["key not revealed yet"]) == (3, 3)
    assert found["random_arm"]["drawn"] == found["random_arm"]["known"] > 10
    widths = [row["high_95"] - row["low_95"] for row in found["over_time"]]
    assert len(widths) >= 3
    assert widths[-1] < widths[0], "more days, more to go by"
    assert found["over_time"][-1]["value"] == found["estimates"]["compliance_rate"]["value"]
    estimates = found["estimates"]
    assert estimates["status"] == "estimated"
    low, high = (estimates["violation_rate"][name] for name in ("low_95", "high_95"))
    assert low < truth["violation"].mean() < high
    assert pl.read_parquet(out / "outcomes.parquet").equals(report.outcomes)
    assert "full controls would find a violation" in report.describe()


def test_results_that_come_after_the_period_count_and_can_be_played_back(decided_bench: Bench) -> None:
    bench, (first, second, third) = decided_bench, decided_bench.days[:3]
    controlled = bench.decisions().filter(pl.col("lane") != "green").select(KEY)
    moment = datetime(second.year, second.month, second.day, 12)
    late = controlled.with_columns(violation=pl.lit(0), label_known_at=pl.lit(moment))
    bench.drop(late, "r.parquet", "results")
    assert bench.call(third).intake.results == late.height
    now, then = (daily.report(bench.desk, first, known_by=known).to_dict() for known in (None, first))
    assert (now["last"], now["known_by"], then["known_by"]) == (str(first), None, str(first))
    assert (now["results"], then["results"]) == (late.height, 0)
    declarations = controlled["declaration_id"].n_unique()
    assert now["controls"] == {"declarations": declarations, "waiting": 0, "waiting_since": None, "released": 0}
    assert (then["controls"]["waiting"], then["controls"]["waiting_since"]) == (declarations, str(first))
    assert now["days_decided"] == 1
    assert now["came_back"]["results"] == late.height, "taken in after the last day of the period"
    with pytest.raises(DeskError, match=f"{first} is before {third}"):
        daily.report(bench.desk, third, known_by=first)
    released = controlled["declaration_id"].unique().sort()[:1]
    decided = bench.decisions().filter(pl.col("declaration_id") == released[0])
    if not decided["is_drawn"].any():
        bench.drop(bench.rerouted(released, "green", third), "m.csv", "officers")
        bench.call(bench.days[3])
        assert daily.report(bench.desk, first).to_dict()["controls"]["released"] == 1


def test_a_day_of_a_trial_never_looks_proven(finished_run: RunFolder, small_raw: pl.DataFrame, tmp_path: Path) -> None:
    made = daily.init(tmp_path / "desk", finished_run.pipeline, run=finished_run.path)
    bench = Bench(made.desk, small_raw, small_raw)
    day, now = bench.days[0], datetime(2026, 3, 1, 12, tzinfo=HANOI)
    random_arm.commit(made.desk.chain, made.desk.keys, 1, first=day, programme="small", trial="rehearsal", now=now)
    bench.drop(bench.lodged_on(day).head(30), "a.csv")
    done = daily.daily(made.desk, day, now=now)
    assert done.summary["trial"] == "rehearsal"
    assert "Trial 'rehearsal': proves nothing" in done.describe()
    random_arm.reveal(made.desk.chain, made.desk.keys, day, now=now)
    found = daily.report(made.desk)
    assert found.to_dict()["random_arm"]["trials"] == {"rehearsal": 1}
    assert found.to_dict()["random_arm"]["holds"] == 0
    assert [str(one.state) for one in found.days] == ["holds, of a trial: proves nothing"]
    assert "TRIAL 'rehearsal', 1 day: proves nothing." in found.describe()


def test_a_report_without_a_day_says_so(bench: Bench) -> None:
    with pytest.raises(DeskError, match="No day was decided"):
        daily.report(bench.desk)


# Refreshing and retraining


def test_profiles_learnt_anew_from_the_same_past_are_the_same(trained_run: RunFolder) -> None:
    training = trained_run.read_json("training")[FINAL]
    old = trained_run.read_model(FINAL).features
    moment = datetime.fromisoformat(training["as_of"])
    past = as_of(trained_run.read("declarations").drop("part"), trained_run.read("outcomes"), moment)
    new = refreshed_features(old, past, trained_run.pipeline.features)
    assert new.recipes == old.recipes
    tables = old.to_tables()
    assert tables.keys() == new.to_tables().keys()
    for name, table in new.to_tables().items():
        assert table.equals(tables[name]), name


def test_a_refresh_knows_the_last_days_and_leaves_the_trees(bench: Bench) -> None:
    days = bench.days[:4]
    fresh = bench.lodged_on(*days).with_columns(
        importer_id=pl.when(pl.col("item_no") == 1).then(pl.lit("NEWCOMER")).otherwise("importer_id"),
        regime_code=pl.when(pl.col("declaration_id").hash(3) % 9 == 0).then(pl.lit("99")).otherwise("regime_code"),
    )
    bench.drop(fresh, "a.parquet")
    for day in days:
        bench.call(day)
    bench.drop(bench.result_rows(*days, delay=timedelta(0)), "r.parquet", "results")
    end = days[-1] + timedelta(days=1)
    bench.call(end)
    old = bench.desk.bundle()
    done = daily.refresh(bench.desk, end, now=evening(end + timedelta(days=1)))
    new = bench.desk.bundle()
    assert (done.version, done.before) == (new.manifest.version, old.manifest.version)
    assert new.scorer.model.booster.save_raw("ubj") == old.scorer.model.booster.save_raw("ubj")
    assert new.scorer.model.calibration == old.scorer.model.calibration
    assert new.scorer.model.features.recipes == old.scorer.model.features.recipes
    assert new.manifest.trained_as_of == old.manifest.trained_as_of
    vocabularies = new.scorer.model.features.space.vocabularies
    assert "NEWCOMER" in vocabularies["importer_id"].values
    regimes = old.scorer.model.features.space.vocabularies["regime_code"]
    assert vocabularies["regime_code"].values.equals(regimes.values), "the trees read its codes"
    asked = fresh.filter(importer_id="NEWCOMER").head(1)
    given = {name: one.scorer.model.features for name, one in (("old", old), ("new", new))}
    profile = {name: controls_of(one, new.scorer, asked) for name, one in given.items()}
    assert profile["old"] == 0
    assert (
        profile["new"]
        == results.in_force(results.accepted(bench.desk))
        .join(fresh.filter(importer_id="NEWCOMER"), on=list(KEY), how="semi")
        .filter(pl.col("violation").is_not_null())
        .height
    )
    before = content_of(bench.desk.path)
    again = daily.refresh(bench.desk, end, now=evening(end + timedelta(days=1)))
    assert again.was_done
    assert content_of(bench.desk.path) == before
    assert (bench.desk.path / "bundles" / old.manifest.version).is_dir()


def controls_of(features, scorer: Scorer, raw: pl.DataFrame) -> float:
    """Return how many controls the importer's profile knows."""
    given = features.read(scorer.mapping.apply(raw).frame)
    return float(given.take("importer__controls", "controls")[0])


def test_no_day_is_decided_with_profiles_of_its_future(bench: Bench) -> None:
    first, second, third = bench.days[:3]
    bench.drop(bench.lodged_on(first, second), "a.csv")
    before = bench.desk.bundle_folder()
    daily.refresh(bench.desk, second, now=evening(third))
    ledger = bench.desk.ledger_file.read_bytes()
    with pytest.raises(DeskError, match=f"after the end of {first}: nobody knew it then. Call for {second} or later"):
        daily.daily(bench.desk, first, now=evening(third))
    assert bench.desk.ledger_file.read_bytes() == ledger
    daily.adopt(bench.desk, before, "back to what was known")
    assert daily.daily(bench.desk, first, now=evening(third)).summary["rows"]["decided"] > 0


def test_what_cannot_be_refreshed_is_refused(bench: Bench, finished_run: RunFolder, tmp_path: Path) -> None:
    first, second = bench.days[:2]
    third = bench.days[2]
    for now in (evening(first), evening(second)):
        with pytest.raises(DeskError, match=f"{second} is not over; .* Give a day before {now.date()}"):
            daily.refresh(bench.desk, second, now=now)
    daily.refresh(bench.desk, second, now=evening(third))
    with pytest.raises(DeskError, match="which is later than"):
        daily.refresh(bench.desk, first, now=evening(third))
    bare = daily.init(tmp_path / "bare", finished_run.pipeline, bundle=finished_run.path / "bundle")
    assert "no history" in bare.describe()
    with pytest.raises(DeskError, match="has no history"):
        daily.refresh(bare.desk, first, now=evening(third))
    other = finished_run.pipeline.features.model_copy(update={"rates": (("office_id",),)})
    past = as_of(finished_run.read("declarations").drop("part"), finished_run.read("outcomes"), datetime(2030, 1, 1))
    with pytest.raises(SelectivityError, match=r"\[features\] are not those of the bundle: hs2__controls"):
        refreshed_features(bench.desk.bundle().scorer.model.features, past, other)


def test_a_week_trains_one_challenger_and_puts_nothing_in_force(
    bench: Bench, fresh_store: Callable, tmp_path: Path
) -> None:
    day, day_after = bench.days[:2]
    later = evening(day_after + timedelta(days=1))
    store = fresh_store(tmp_path / "mlruns")
    bench.drop(bench.lodged_on(day), "a.csv")
    bench.call(day)
    before = bench.desk.bundle_line()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.daily.ledger.Ledger.with_line", _die)
        with pytest.raises(Killed):
            daily.retrain(bench.desk, day, store, now=later)
    with pytest.raises(DeskError, match="is not over"):
        daily.retrain(bench.desk, day_after, store, now=evening(day_after))
    done = daily.retrain(bench.desk, day_after, store, now=later)
    line = bench.desk.ledger().find("retrain", done.week)
    assert line.detail["as_of"] == daily.incoming.end_of(day).isoformat(), "it was trained by the call that was cut"
    assert (done.model_version, done.was_done) == (1, False), "registered once, though the first call was cut short"
    assert f'{done.folder / "bundle"} --reason "promoted" --desk {bench.desk.path}' in done.describe()
    assert bench.desk.bundle_line() == before
    again = daily.retrain(bench.desk, day, store, now=later)
    assert again.was_done
    assert int(store.client().get_model_version_by_alias("small", "challenger").version) == 1
    assert daily.adopt(bench.desk, done.folder / "bundle", "promoted").version == done.bundle


def _die(*_: object) -> None:
    raise Killed


def test_what_stands_in_the_way_is_named(bench: Bench) -> None:
    first = bench.days[0]
    (bench.desk.path / "days" / "notes").mkdir()
    with pytest.raises(DeskError, match="holds something that is no day"):
        bench.call(first)
    (bench.desk.path / "days" / "notes").rmdir()
    with pytest.raises(RandomArmError, match="is of the programme 'small', not of 'exports'"):
        daily.daily(replace(bench.desk, programme="exports"), first, now=evening(first))
    bench.drop(bench.lodged_on(first), "a.csv")
    (bench.desk.path / "archive" / "incoming").write_text("in the way")
    with pytest.raises(DeskError, match="cannot be moved"):
        bench.call(first)
    (bench.desk.path / "archive" / "incoming").unlink()
    assert bench.call(first).was_decided, "what was cut short is finished, not done again"
    (bench.desk.day_folder(first) / "summary.json").unlink()
    with pytest.raises(DeskError, match=r"summary\.json is gone or cannot be read: restore it"):
        bench.call(first)


def test_a_bundle_that_was_adopted_is_refreshed_anew(bench: Bench, small_scorer: Scorer, tmp_path: Path) -> None:
    day, now = bench.days[0], evening(bench.days[1])
    bench.call(day)
    first = daily.refresh(bench.desk, day, now=now)
    wider = replace(small_scorer.policy, random_share=0.05)
    adopted = daily.adopt(bench.desk, exported(replace(small_scorer, policy=wider), bench.raw, tmp_path / "b"), "wider")
    second = daily.refresh(bench.desk, day, now=now)
    assert not second.was_done
    assert second.before == adopted.version
    assert second.version != first.version


# The desk and its commands


def test_a_desk_is_made_once_from_one_bundle_of_its_programme(finished_run: RunFolder, tmp_path: Path) -> None:
    pipeline, bundle = finished_run.pipeline, finished_run.path / "bundle"
    with pytest.raises(DeskError, match="Give either --bundle"):
        daily.init(tmp_path / "d", pipeline)
    other = pipeline.model_copy(update={"programme": pipeline.programme.model_copy(update={"name": "other"})})
    with pytest.raises(DeskError, match="is a bundle of 'small', not of 'other'"):
        daily.init(tmp_path / "d", other, bundle=bundle)
    with pytest.raises(DeskError, match="is no desk"):
        Desk.open(tmp_path / "d")
    daily.init(tmp_path / "d", pipeline, bundle=bundle, keys=tmp_path / "secrets")
    assert Desk.open(tmp_path / "d").keys == tmp_path / "secrets"
    with pytest.raises(DeskError, match="is a desk already"):
        daily.init(tmp_path / "d", pipeline, bundle=bundle)
    (tmp_path / "d" / "desk.toml").write_text("programme = 3")
    with pytest.raises(DeskError, match="cannot be read"):
        Desk.open(tmp_path / "d")


@pytest.mark.parametrize("place", ["desk", "desk/public", "desk/public/keys", "desk/incoming"])
def test_secrets_lie_where_nobody_else_reads(finished_run: RunFolder, tmp_path: Path, place: str) -> None:
    asked = {"bundle": finished_run.path / "bundle", "keys": tmp_path / place}
    with pytest.raises(DeskError, match=r"lies in the (desk|folder of the public file)"):
        daily.init(tmp_path / "desk", finished_run.pipeline, **asked)
    assert not (tmp_path / "desk").exists()
    beside = {**asked, "keys": tmp_path / "open", "chain": tmp_path / "open" / "arm.jsonl"}
    with pytest.raises(DeskError, match="secrets would be published"):
        daily.init(tmp_path / "desk", finished_run.pipeline, **beside)


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("codes", "comes_to", "steps"),
    [
        ({}, 0, ["daily", "random", "refresh"]),
        ({"daily": 4}, 4, ["daily", "random", "refresh"]),
        ({"daily": 2}, 2, ["daily"]),
        ({"daily": 4, "random": 2}, 2, ["daily", "random"]),
        ({"refresh": 2}, 2, ["daily", "random", "refresh"]),
    ],
)
def test_the_script_of_the_guide_keeps_the_exit_code(
    tmp_path: Path, codes: dict[str, int], comes_to: int, steps: list[str]
) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "daily.md").read_text()
    script = guide.split("nightly.sh`")[1].split("```")[1]
    cases = " ".join(f"{name}) exit {code};;" for name, code in codes.items())
    fake = tmp_path / "workbench"
    fake.write_text(f'#!/bin/sh\necho "$1" >> "{tmp_path}/called"\ncase "$1" in {cases} esac\n')
    fake.chmod(0o755)
    found = subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert found.returncode == comes_to
    assert (tmp_path / "called").read_text().split() == steps


def test_the_commands_say_what_they_did(bench: Bench) -> None:
    day = bench.days[0]
    bench.drop(bench.lodged_on(day), "a.csv")
    call = lambda *given: CliRunner().invoke(cli.app, [*given, "--desk", str(bench.desk.path)])  # noqa: E731
    first = call("--date", day.isoformat())
    assert first.exit_code == 0, first.output
    assert f"{day}: {bench.lodged_on(day).height} rows decided" in first.output
    (bench.desk.path / "incoming" / "odd.csv").write_text("a,b\n1,2\n")
    second = call("--date", (day + timedelta(days=1)).isoformat())
    assert second.exit_code == 4
    assert "NOT READ: incoming/odd.csv" in second.output
    told = call("report", "--weeks", "2", "--out", str(bench.desk.path / "report"))
    assert told.exit_code == 0
    assert "Declarations by lane" in told.output
    assert "Days whose draw holds: 0; whose key is not revealed yet: 2." in told.output
    assert f"NOT READ: incoming/odd.csv, last on {day + timedelta(days=1)}: " in told.output


def test_a_refresh_without_a_date_is_of_the_last_day_that_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(daily, "refresh", lambda desk, day: asked.append(day) or daily.Refreshed(day, "", "", 0, True))
    before = bench.desk.clock().date()
    cli.refresh(desk=bench.desk.path)
    assert asked[0] in (before - timedelta(days=1), bench.desk.clock().date() - timedelta(days=1))
    assert bench.desk.clock().utcoffset() == timedelta(hours=7), "by the programme's clock"
