"""Daily secrets: committed to ahead, sealed, revealed, verified; every way to cheat or to break it is named."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from workbench import chain, random_arm
from workbench.cli import random_arm as cli
from workbench.errors import SchemaError, SourceError
from workbench.random_arm import Kind, RandomArmError, Verification
from workbench.random_arm.daily_keys import key_file
from workbench.random_arm.entries import Entry
from workbench.random_arm.record import head_file
from workbench.scorer.lanes.arm import draw_arm
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.schema import SCHEMA, Lane

HANOI = timezone(timedelta(hours=7))
EVE = datetime(2026, 2, 28, 18, tzinfo=HANOI)
"""The moment of committing: the evening before the first day."""

DAY = date(2026, 3, 1)
POLICY = SelectionPolicy((LaneLimit(Lane.RED, share=0.2),), (Lane.RED,), 0.06, Lane.RED, Lane.YELLOW, bytes(32))


@dataclass(frozen=True)
class Desk:
    """A folder with a public file and secrets."""

    folder: Path

    @property
    def chain(self) -> Path:
        return self.folder / "public" / "arm.jsonl"

    @property
    def keys(self) -> Path:
        return self.folder / "secrets"

    def commit(self, days: int = 3, **options: object) -> random_arm.Published:
        self.chain.parent.mkdir(exist_ok=True)
        return random_arm.commit(self.chain, self.keys, days, **{"programme": "imports", "now": EVE, **options})

    def key(self, day: date = DAY) -> bytes:
        return bytes.fromhex(key_file(self.keys, "imports", day).read_text())

    def decide(self, day: date = DAY, name: str = "decisions.parquet") -> Path:
        decisions = decided(self.key(day), day)
        decisions.write_parquet(self.folder / name)
        return self.folder / name

    def seal(self, decisions: Path, day: date = DAY, **span: float) -> random_arm.Published:
        return random_arm.seal(self.chain, day, decisions, POLICY, now=later(**span or {"hours": 12}))

    def sealed(self, day: date = DAY) -> Path:
        """Decide a day and seal it."""
        self.seal(decisions := self.decide(day, f"{day}.parquet"), day)
        return decisions

    def rewrite(self, entries: list[Entry]) -> None:
        """Write a chain that links, whatever it says: what somebody with the file at hand can do."""
        lines: list[Entry] = []
        for number, entry in enumerate(entries, 1):
            previous = lines[-1].sha256 if lines else chain.NO_LINE
            lines.append(replace(entry, number=number, previous=previous))
        self.chain.write_bytes(b"".join(line.line() + b"\n" for line in lines))
        head_file(self.chain).write_bytes(chain.Head(len(lines), lines[-1].sha256).to_bytes())

    def verify(self, decisions: Path, **options: object) -> Verification:
        return random_arm.verify(decisions, self.chain, **{"day": DAY, "policy": POLICY, **options})


def decided(key: bytes, day: date, count: int = 200) -> pl.DataFrame:
    """Return a day's decisions as the scorer takes them: would-be lanes, then the arm."""
    numbers = range(count)
    would_be = ["red" if n % 11 == 0 else "yellow" if n % 4 == 0 else "green" for n in numbers]
    frame = pl.DataFrame(
        {
            "declaration_id": [f"D{n:04}" for n in numbers],
            "item_no": pl.Series([1] * count, dtype=pl.Int32),
            "office_id": [f"O{n % 3}" for n in numbers],
            "regime_code": ["40" if n % 2 else "71" for n in numbers],
            "lodged_on": [day] * count,
            "would_be_lane": pl.Series(would_be).cast(SCHEMA["lane"].dtype),
            "would_be_cause": [
                "model" if lane == "red" else "lot" if lane == "yellow" else "none" for lane in would_be
            ],
        }
    )
    drawn = draw_arm(frame, replace(POLICY, key=key))
    red = pl.lit("red").cast(SCHEMA["lane"].dtype)
    return drawn.select(
        "declaration_id",
        "item_no",
        "office_id",
        "regime_code",
        decided_on=pl.col("lodged_on"),
        lane=pl.when("is_drawn").then(red).otherwise("would_be_lane"),
        cause=pl.when("is_drawn").then(pl.lit("random")).otherwise("would_be_cause"),
        would_be_lane="would_be_lane",
        would_be_cause="would_be_cause",
        random_stratum="random_stratum",
    )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def later(**span: float) -> datetime:
    return EVE + timedelta(**span)


def test_a_commitment_tells_nothing_and_binds_day_programme_and_key() -> None:
    key = bytes(range(32))
    one = random_arm.commitment("imports", DAY, key)
    others = {
        random_arm.commitment("exports", DAY, key),
        random_arm.commitment("imports", DAY + timedelta(days=1), key),
        random_arm.commitment("imports", DAY, key[::-1]),
    }
    assert len({one, *others}) == 4
    assert key.hex() not in one


def test_secrets_are_committed_to_ahead_one_a_day_for_their_owner_alone(desk: Desk) -> None:
    done = desk.commit(3)
    assert done.days == (DAY, DAY + timedelta(days=1), DAY + timedelta(days=2))
    record = random_arm.read(desk.chain)
    assert record.faults == ()
    assert [entry.number for entry in record.entries] == [1, 2, 3]
    files = sorted(desk.keys.iterdir())
    assert [file.name for file in files] == [f"imports.2026-03-0{n}.key" for n in (1, 2, 3)]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len({file.read_text() for file in files}) == 3
    assert desk.key().hex().encode() not in desk.chain.read_bytes()
    assert "Publish the head where you cannot change it later" in done.describe()
    assert done.to_dict()["head"] == {"count": 3, "sha256": record.entries[-1].sha256}


def test_the_next_call_tops_up_to_so_many_days_ahead(desk: Desk) -> None:
    desk.commit(2)
    assert desk.commit(3, programme="").days == (DAY + timedelta(days=2),)
    before = desk.chain.read_bytes()
    again = desk.commit(3)
    assert (again.days, desk.chain.read_bytes()) == ((), before)
    assert "says so already" in again.describe()
    desk.commit(1, first=DAY + timedelta(days=4))
    gap = desk.commit(5)
    assert gap.days == (DAY + timedelta(days=3),), "a gap is filled"
    assert "1 commitment of 2026-03-04 added" in gap.describe()
    monthly = [len(desk.commit(90, now=later(days=30 * month)).days) for month in range(1, 4)]
    assert monthly == [90, 30, 30], "a timetable that calls every month does not pile up days"


def test_a_day_without_a_key_names_the_first_that_has_one(desk: Desk) -> None:
    desk.commit(2)
    ask = lambda day: random_arm.key_of_day(desk.chain, desk.keys, day, now=EVE)  # noqa: E731
    with pytest.raises(RandomArmError, match=f"first later day with a key is {DAY}: once it has begun, call for it"):
        ask(EVE.date())
    with pytest.raises(RandomArmError, match="No later day has a key either"):
        ask(DAY + timedelta(days=2))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"first": DAY - timedelta(days=1)}, r"when 2026-02-28 had begun: .*Commit ahead"),
        ({"first": date(2020, 1, 1)}, r"when 2020-01-01 had begun"),
        ({"programme": "exports"}, r"is of the programme 'imports', not of 'exports'"),
        ({"first": DAY}, r"The key of 2026-03-01: committed to already in line 1. Nothing was written"),
        ({"days": 0}, r"--days is 0"),
        ({"now": later(days=-1), "first": date(2026, 6, 1)}, r"the clock went back"),
    ],
)
def test_what_may_not_be_committed_to_is_refused_and_nothing_is_written(desk: Desk, options: dict, told: str) -> None:
    desk.commit(1)
    before = desk.chain.read_bytes(), sorted(desk.keys.iterdir())
    with pytest.raises(RandomArmError, match=told):
        desk.commit(**{"days": 1, **options})
    assert (desk.chain.read_bytes(), sorted(desk.keys.iterdir())) == before


def test_a_new_file_needs_a_programme_and_secrets_a_folder_of_their_own(desk: Desk) -> None:
    with pytest.raises(RandomArmError, match="say which programme it is for"):
        desk.commit(programme="")
    with pytest.raises(RandomArmError, match="names no programme"):
        desk.commit(programme="../imports")
    with pytest.raises(RandomArmError, match="secrets would be published with it"):
        random_arm.commit(desk.chain, desk.chain.parent, 1, programme="imports", now=EVE)
    with pytest.raises(RandomArmError, match=r"does not exist. Make the folder"):
        random_arm.commit(desk.folder / "no" / "arm.jsonl", desk.keys, 1, programme="imports", now=EVE)


def test_a_trial_may_commit_after_the_day_and_is_named_ever_after(desk: Desk) -> None:
    desk.commit(1, first=DAY - timedelta(days=200), trial="replay of 2025")
    assert random_arm.read(desk.chain).entries[0].trial == "replay of 2025"
    assert random_arm.read(desk.chain).faults == ()
    found = random_arm.status(desk.chain, desk.keys, now=EVE)
    assert found.trials == found.to_dict()["trials"] == {"replay of 2025": 1}
    assert "trial 'replay of 2025': proves nothing (1 day)" in found.describe()


def test_a_crash_between_secret_and_commitment_costs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.commit(1)
    monkeypatch.setattr(chain, "write_bytes_atomically", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        desk.commit(2)
    monkeypatch.undo()
    left = desk.key(DAY + timedelta(days=1))
    assert desk.commit(2).days == (DAY + timedelta(days=1),)
    assert desk.key(DAY + timedelta(days=1)) == left
    assert random_arm.key_of_day(desk.chain, desk.keys, DAY + timedelta(days=1), now=EVE) == left


def test_a_key_is_revealed_once_its_day_is_over_and_not_before(desk: Desk) -> None:
    desk.commit(2)
    desk.sealed()
    with pytest.raises(RandomArmError, match="has not ended"):
        random_arm.reveal(desk.chain, desk.keys, DAY, now=later(hours=20))
    done = random_arm.reveal(desk.chain, desk.keys, DAY, now=later(hours=31))
    assert done.days == (DAY,)
    assert random_arm.read(desk.chain).of(DAY, Kind.REVEAL).key == desk.key().hex()
    again = random_arm.reveal(desk.chain, desk.keys, DAY, now=later(hours=32))
    assert again.days == ()
    assert "says so already" in again.describe()


def test_a_key_that_is_out_draws_no_more(desk: Desk) -> None:
    desk.commit(1)
    assert random_arm.key_of_day(desk.chain, desk.keys, DAY, now=EVE) == desk.key()
    desk.sealed()
    with pytest.raises(RandomArmError, match=r"Decisions of 2026-03-01 are sealed in line 2 .*: the day was decided"):
        random_arm.key_of_day(desk.chain, desk.keys, DAY, now=later(hours=13))
    random_arm.reveal(desk.chain, desk.keys, DAY, now=later(days=2))
    with pytest.raises(RandomArmError, match=r"was revealed in line 3 .* foresees its draws"):
        random_arm.key_of_day(desk.chain, desk.keys, DAY, now=later(days=2))


def test_every_fault_of_a_secret_is_named(desk: Desk) -> None:
    desk.commit(2)
    ask = lambda day=DAY: random_arm.key_of_day(desk.chain, desk.keys, day, now=EVE)  # noqa: E731
    file, tomorrow = key_file(desk.keys, "imports", DAY), DAY + timedelta(days=1)
    with pytest.raises(RandomArmError, match="commits to a key of 2026-04-01"):
        ask(date(2026, 4, 1))
    kept = file.read_text()
    file.write_text(desk.key(tomorrow).hex())
    with pytest.raises(RandomArmError, match=r"does not match .* line 1: it is the key of 2026-03-02"):
        ask()
    file.write_text("00" * 32)
    with pytest.raises(RandomArmError, match="it is another key"):
        ask()
    for content in ("", "zz" * 32, kept[:40]):
        file.write_text(content)
        with pytest.raises(RandomArmError, match="holds no key: expected one line of 64 hexadecimal digits"):
            ask()
    file.unlink()
    with pytest.raises(RandomArmError, match=r"imports\.2026-03-01\.key is missing"):
        ask()
    file.write_text(kept)
    file.chmod(0o644)
    with pytest.raises(RandomArmError, match="is open to others, so it is no secret"):
        ask()


def test_every_fault_of_the_chain_is_named_with_its_line(desk: Desk) -> None:
    desk.commit(4)
    lines = desk.chain.read_bytes().splitlines(keepends=True)

    def told(*given: bytes) -> str:
        desk.chain.write_bytes(b"".join(given))
        return "; ".join(random_arm.read(desk.chain).faults)

    assert told(*lines) == ""
    changed = lines[1].replace(b"2026-03-02", b"2026-03-09")
    assert "line 2 is no line that the workbench writes" in told(lines[0], changed, *lines[2:])
    assert "line 2 is number 3: a line was removed" in told(lines[0], *lines[2:])
    assert "line 3 is number 2" in told(*lines[:2], lines[1], *lines[2:])
    assert "the head knows 4 lines and the file has 3" in told(*lines[:3])
    assert "line 4 is cut: it does not end" in told(*lines[:3], lines[3][:50])
    assert "does not end" in told()
    head_file(desk.chain).unlink()
    assert told(*lines) == "", "a file of one command may be without its head: a crash leaves that"


def test_a_chain_that_links_and_lies_is_named_too(desk: Desk) -> None:
    desk.commit(2)
    one, two = random_arm.read(desk.chain).entries
    key, at = desk.key().hex(), "2026-03-04T09:00:00+07:00"
    sealed = Entry(0, "seal", "imports", one.day, "2026-03-02T09:00:00+07:00", "", decisions="0" * 64, policy="0" * 64)
    cases = {
        "line 2 is of 2026-02-27": [one, replace(two, at="2026-02-27T18:00:00+07:00")],
        "line 2 (commit of 2026-03-02) cannot stand: the commitment is of 2026-03-04": [one, replace(two, at=at)],
        "committed to already in line 1": [one, replace(two, day=one.day)],
        "it is not the one that line 2 commits to": [one, two, Entry(0, "reveal", "imports", two.day, at, "", key=key)],
        "there is no commitment to it": [one, Entry(0, "reveal", "imports", two.day, at, "", key=key)],
        "2026-03-01 has not ended": [one, Entry(0, "reveal", "imports", one.day, one.at, "", key=key)],
        "no decisions of 2026-03-01 are sealed": [
            one,
            Entry(0, "reveal", "imports", one.day, at, "", key=key),
            replace(sealed, at=at),
        ],
        "by another clock than line 1 (2026-02-28T18:00:00+07:00)": [
            one,
            replace(two, at="2026-03-01T19:00:00-07:00"),
        ],
        "line 2 is no line": [one, replace(two, at="2026-03-01T19:00:00+14:15")],
        "line 3 is no line": [one, two, replace(sealed, policy="")],
    }
    for told, entries in cases.items():
        desk.rewrite(entries)
        assert told in "; ".join(random_arm.read(desk.chain).faults), told
        with pytest.raises(RandomArmError, match="does not verify"):
            desk.commit(1, now=later(days=10))


@pytest.mark.parametrize("content", [b"\xff\n", b"[]\n", b"{}\n", b"null\n", b"[" * 5000 + b"\n", b"\n"])
def test_lines_that_are_none_are_named(desk: Desk, content: bytes) -> None:
    desk.chain.parent.mkdir()
    desk.chain.write_bytes(content)
    assert random_arm.read(desk.chain).faults[0].startswith("line 1 is no line")


def test_an_honest_day_verifies_before_and_after_its_key_is_out(desk: Desk) -> None:
    heads = [desk.commit(2).head.sha256]
    decisions = desk.sealed()
    heads.append(random_arm.read(desk.chain).head.sha256)
    assert desk.seal(decisions, hours=13).days == ()
    before = desk.verify(decisions)
    assert before.faults == ("the key of 2026-03-01 is not revealed: wait until it is, or give it with --key",)
    assert desk.verify(decisions, key_file=key_file(desk.keys, "imports", DAY)).ok
    head = random_arm.reveal(desk.chain, desk.keys, DAY, now=later(days=2)).head
    found = desk.verify(decisions, published=[*heads, head.sha256.upper()])
    assert found.ok
    assert found.notes == ("days begin at midnight by the clock of line 1: UTC+07:00",)
    assert (found.replayed.declarations, found.replayed.drawn > 8) == (200, True)
    assert "imports, 2026-03-01: holds" in found.describe()
    assert json.loads(json.dumps(found.to_dict()))["ok"] is True


def test_what_was_not_proved_is_said(desk: Desk) -> None:
    desk.commit(1, first=DAY - timedelta(days=2), trial="dress rehearsal")
    day = DAY - timedelta(days=2)
    decisions = desk.sealed(day)
    random_arm.reveal(desk.chain, desk.keys, day, now=later(days=2))
    found = desk.verify(decisions, day=day, trial="dress rehearsal")
    assert found.ok
    assert [note.partition(":")[0] for note in found.notes] == [
        "trial 'dress rehearsal'",
        "days begin at midnight by the clock of line 1",
        "no head kept elsewhere was given (--head)",
    ]
    refused = desk.verify(decisions, day=day)
    assert "when 2026-02-27 had begun (trial 'dress rehearsal')" in refused.faults[0]


def test_a_chain_written_anew_is_found_by_a_head_kept_elsewhere(desk: Desk) -> None:
    kept = desk.commit(1).head.sha256
    twin = Desk(desk.folder / "twin")
    twin.folder.mkdir()
    twin.commit(1)
    decisions = twin.sealed()
    twin.chain.replace(desk.chain)
    head_file(twin.chain).replace(head_file(desk.chain))
    assert random_arm.read(desk.chain).faults == ()
    found = desk.verify(decisions, published=[kept], key_file=key_file(twin.keys, "imports", DAY))
    assert [fault.partition(",")[0] for fault in found.faults] == [f"no line has the hash {kept}"]


def test_decisions_of_another_day_another_key_or_another_shape_are_named(desk: Desk) -> None:
    desk.commit(2)
    tomorrow = DAY + timedelta(days=1)
    decisions = desk.sealed()
    desk.seal(decisions, tomorrow)
    for day in (DAY, tomorrow):
        random_arm.reveal(desk.chain, desk.keys, day, now=later(days=4))
    assert "200 of 200 rows were decided on another day than 2026-03-02, for example 2026-03-01" in str(
        desk.verify(decisions, day=tomorrow).faults
    )
    assert "nothing commits to a key of 2026-05-01" in desk.verify(decisions, day=date(2026, 5, 1)).faults
    other = key_file(desk.keys, "imports", tomorrow)
    assert "is not the key of 2026-03-01 that line 5 reveals" in desk.verify(decisions, key_file=other).faults[0]
    short = desk.folder / "short.parquet"
    pl.read_parquet(decisions).drop("would_be_lane").write_parquet(short)
    with pytest.raises(SchemaError, match="would_be_lane"):
        desk.verify(short, open_changed=True)
    with pytest.raises(SourceError, match=r"none\.parquet cannot be read: No such file"):
        desk.verify(desk.folder / "none.parquet")
    with pytest.raises(RandomArmError, match=r"none\.jsonl does not exist. Check the path, or begin the file"):
        random_arm.verify(decisions, desk.folder / "none.jsonl", DAY, POLICY)


def test_a_head_proves_only_what_was_there_when_it_was_kept(desk: Desk) -> None:
    committed = desk.commit(1).head.sha256
    decisions = desk.sealed()
    sealed = random_arm.read(desk.chain).head.sha256
    revealed = random_arm.reveal(desk.chain, desk.keys, DAY, now=later(days=2)).head.sha256
    said = {
        (committed,): ["lines 2 (seal) to 2: other decisions"],
        (sealed,): ["lines 1 (commit) to 1: another key"],
        (revealed,): ["lines 1 (commit) to 1: another key", "lines 2 (seal) to 2: other decisions"],
        (committed, sealed): [],
    }
    for heads, expected in said.items():
        notes = [note for note in desk.verify(decisions, published=heads).notes if "no given head" in note]
        assert len(notes) == len(expected)
        assert all(part in note for part, note in zip(expected, notes, strict=True))


def test_whoever_waited_or_changed_the_policy_is_asked_why(desk: Desk) -> None:
    desk.commit(3)
    desk.sealed()
    third = DAY + timedelta(days=2)
    decisions = desk.decide(third, "third.parquet")
    policy = replace(POLICY, random_share=POLICY.random_share + 0.01)
    random_arm.seal(desk.chain, third, decisions, policy, now=later(days=3))
    key = key_file(desk.keys, "imports", third)
    notes = desk.verify(decisions, day=third, policy=policy, key_file=key).notes
    assert sum("from 2026-03-02 on: keys were committed to for 1 of the days" in note for note in notes) == 1
    assert sum("the policy is another than that of 2026-03-01" in note for note in notes) == 1
    ahead = desk.verify(decisions, day=third, policy=policy, key_file=key, now=later(days=2)).notes
    assert sum("the clock says" in note for note in ahead) == 1


@pytest.mark.parametrize("cause", ["quarantine:late_item", "quarantine:", "none", None])
@pytest.mark.parametrize("lane", ["green", "yellow"])
def test_no_cause_lets_a_drawn_declaration_go(desk: Desk, cause: str | None, lane: str) -> None:
    desk.commit(1)
    honest = pl.read_parquet(desk.decide())
    drawn = pl.col("cause") == "random"
    spared = honest.with_columns(
        lane=pl.when(drawn).then(pl.lit(lane).cast(honest.schema["lane"])).otherwise("lane"),
        cause=pl.when(drawn).then(pl.lit(cause, pl.String)).otherwise("cause"),
    )
    spared.write_parquet(file := desk.folder / "spared.parquet")
    desk.seal(file)
    found = desk.verify(file, key_file=key_file(desk.keys, "imports", DAY))
    assert set(found.replayed.should_have) == set(honest.filter(drawn)["declaration_id"])


def test_quarantine_raises_and_never_lowers(desk: Desk) -> None:
    desk.commit(1)
    honest = pl.read_parquet(desk.decide())
    for lane, count in (("red", 19), ("green", 0)):
        at = (pl.col("would_be_lane") == lane) & (pl.col("cause") != "random")
        fallback = pl.lit("yellow").cast(honest.schema["lane"])
        moved = honest.with_columns(
            lane=pl.when(at).then(fallback).otherwise("lane"),
            cause=pl.when(at).then(pl.lit("quarantine:unreadable")).otherwise("cause"),
        )
        moved.write_parquet(file := desk.folder / f"{lane}.parquet")
        faults = desk.verify(file, key_file=key_file(desk.keys, "imports", DAY), open_changed=True).faults
        named = [fault for fault in faults if "another lane than draw and would-be lane give" in fault]
        assert len(named) == (count > 0)
        assert all(f", {count} in all: " in fault for fault in named)


def test_decisions_verify_as_csv_too(desk: Desk) -> None:
    desk.commit(1)
    table = desk.folder / "decisions.csv"
    pl.read_parquet(desk.decide()).write_csv(table)
    desk.seal(table)
    assert desk.verify(table, key_file=key_file(desk.keys, "imports", DAY)).ok


def test_quarantine_is_no_fault_and_cannot_hide_a_green(desk: Desk) -> None:
    desk.commit(1)
    plain = pl.read_parquet(desk.decide())
    unread = plain.head(2).with_columns(
        pl.lit(None, pl.String).alias("declaration_id"),
        pl.lit(None).cast(plain.schema["would_be_lane"]).alias("would_be_lane"),
        pl.lit(None, pl.String).alias("random_stratum"),
        lane=pl.lit("yellow").cast(plain.schema["lane"]),
        cause=pl.lit("quarantine:missing_key"),
    )
    file, key = desk.folder / "with.parquet", key_file(desk.keys, "imports", DAY)
    pl.concat([plain, unread]).write_parquet(file)
    desk.seal(file)
    assert desk.verify(file, key_file=key).ok
    pl.concat([plain, unread.with_columns(cause=pl.lit("none"))]).write_parquet(file)
    faults = desk.verify(file, key_file=key, open_changed=True).faults
    assert "these have no would-be lane and were not in quarantine, 2 in all" in faults[1]


TAMPERED = ("spare", "add", "swap", "lane", "cause", "stratum", "repeat", "drop_drawn")


def tampered(decisions: pl.DataFrame, kind: str, pick: int) -> pl.DataFrame:
    """Return decisions changed in one way that matters to the arm; `pick` says where."""
    drawn = decisions.with_row_index("at").filter(pl.col("cause") == "random")["at"].to_list()
    others = decisions.with_row_index("at").filter(pl.col("would_be_lane") != "red", pl.col("cause") != "random")["at"]
    hit, miss = drawn[pick % len(drawn)], others[pick % len(others)]
    at = pl.int_range(pl.len())
    red = pl.lit("red").cast(decisions.schema["lane"])
    if kind == "drop_drawn":
        return decisions.filter(at != hit)
    if kind == "repeat":
        return pl.concat([decisions, decisions[[hit]]])
    if kind == "lane":
        return decisions.with_columns(lane=pl.when(at == miss).then(red).otherwise("lane"))
    if kind == "cause":
        return decisions.with_columns(cause=pl.when(at == hit).then(pl.lit("model")).otherwise("cause"))
    if kind == "stratum":
        other = pl.lit("O9|40|green")
        return decisions.with_columns(random_stratum=pl.when(at == miss).then(other).otherwise("random_stratum"))
    spared = at == hit if kind in ("spare", "swap") else pl.lit(value=False)
    added = at == miss if kind in ("add", "swap") else pl.lit(value=False)
    return decisions.with_columns(
        lane=pl.when(spared).then("would_be_lane").when(added).then(red).otherwise("lane"),
        cause=pl.when(spared).then("would_be_cause").when(added).then(pl.lit("random")).otherwise("cause"),
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.binary(min_size=32, max_size=32), kind=st.sampled_from(TAMPERED), pick=st.integers(0, 10_000))
def test_every_tampering_with_the_arm_is_found_by_the_replay_alone(seed: bytes, kind: str, pick: int) -> None:
    policy = replace(POLICY, key=seed)
    honest = decided(seed, DAY)
    assert random_arm.replay(honest, DAY, policy).ok
    found = random_arm.replay(tampered(honest, kind, pick), DAY, policy)
    assert not found.ok
    hit = honest.filter(pl.col("cause") == "random")["declaration_id"].to_list()
    if kind in ("spare", "swap", "cause"):
        assert found.should_have == (hit[pick % len(hit)],)
    if kind in ("add", "swap"):
        assert len(found.should_not) == 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**9), flip=st.integers(1, 255))
def test_any_changed_byte_of_sealed_decisions_is_found(tmp_path_factory, at: int, flip: int) -> None:
    desk = _sealed(tmp_path_factory)
    content = bytearray((desk.folder / "decisions.parquet").read_bytes())
    content[at % len(content)] ^= flip
    changed = desk.folder / "changed.parquet"
    changed.write_bytes(content)
    found = desk.verify(changed, key_file=key_file(desk.keys, "imports", DAY))
    assert "line 2 seals: they were changed since" in "; ".join(found.faults)
    assert found.replayed is None, "damaged bytes are not opened: they can crash the reader"


_SEALED: list[Desk] = []


def _sealed(factory: pytest.TempPathFactory) -> Desk:
    if not _SEALED:
        desk = Desk(factory.mktemp("sealed"))
        desk.commit(1)
        desk.seal(desk.decide())
        _SEALED.append(desk)
    return _SEALED[0]


def test_other_decisions_cannot_be_sealed_in_place_of_the_first(desk: Desk) -> None:
    desk.commit(2)
    first, second = desk.decide(), desk.decide(DAY + timedelta(days=1), "other.parquet")
    desk.seal(first)
    with pytest.raises(RandomArmError, match="sealed already in line 3"):
        desk.seal(second, hours=13)
    wider = replace(POLICY, random_share=0.2)
    with pytest.raises(RandomArmError, match="sealed already in line 3"):
        random_arm.seal(desk.chain, DAY, first, wider, now=later(hours=13))


def test_a_clock_elsewhere_moves_no_days_midnight(desk: Desk) -> None:
    desk.commit(2)
    samoa = EVE.astimezone(timezone(timedelta(hours=-11)))
    with pytest.raises(RandomArmError, match="when 2026-02-28 had begun"):
        desk.commit(1, first=DAY - timedelta(days=1), now=samoa)
    desk.commit(1, now=samoa)
    assert {entry.at for entry in random_arm.read(desk.chain).entries} == {"2026-02-28T18:00:00+07:00"}
    desk.sealed()
    kiritimati = later(hours=24).astimezone(timezone(timedelta(hours=14)))
    assert kiritimati.date() > DAY
    with pytest.raises(RandomArmError, match="2026-03-01 has not ended at 2026-03-01T18:00:00"):
        random_arm.reveal(desk.chain, desk.keys, DAY, now=kiritimati)
    assert random_arm.status(desk.chain, now=kiritimati).today == DAY


def test_what_nobody_sealed_does_not_verify_and_keeps_its_key(desk: Desk) -> None:
    desk.commit(1)
    decisions, key = desk.decide(), key_file(desk.keys, "imports", DAY)
    with pytest.raises(RandomArmError, match=r"no decisions of 2026-03-01 are sealed: .*Seal them first"):
        random_arm.reveal(desk.chain, desk.keys, DAY, now=later(days=2))
    found = desk.verify(decisions, key_file=key)
    assert "nothing seals the decisions of 2026-03-01" in found.faults[0]
    assert found.replayed is None
    anyway = desk.verify(decisions, key_file=key, open_changed=True)
    assert not anyway.ok
    assert anyway.replayed.ok
    assert random_arm.status(desk.chain, now=later(days=3)).unsealed == [DAY]
    assert "Days begin at midnight by its clock, UTC+07:00." in random_arm.status(desk.chain, now=EVE).describe()
    assert "past, and no decisions sealed: 2026-03-01" in random_arm.status(desk.chain, now=later(days=3)).describe()


def test_another_policy_than_the_sealed_one_does_not_verify(desk: Desk) -> None:
    desk.commit(1)
    decisions, key = desk.sealed(), key_file(desk.keys, "imports", DAY)
    assert desk.verify(decisions, policy=replace(POLICY, key=b"\1" * 32), key_file=key).ok, "its key is not read"
    found = desk.verify(decisions, policy=replace(POLICY, random_share=0.061), key_file=key)
    assert found.faults == (
        "the policy is not the one that line 2 seals: another share, lane or limit draws others (--changed draws by it "
        "anyway)",
    )
    (decisions.parent / random_arm.POLICY_FILE).write_text(random_arm.policy_json(POLICY))
    assert random_arm.policy_beside(decisions) == replace(POLICY, key=bytes(32))


def _commit_one(folder: str, number: int) -> None:
    Desk(Path(folder)).commit(1, first=DAY + timedelta(days=number))


def test_writers_at_once_lose_no_line(desk: Desk) -> None:
    desk.chain.parent.mkdir()
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_commit_one, args=(str(desk.folder), number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    record = random_arm.read(desk.chain)
    assert record.faults == ()
    assert record.days(Kind.COMMIT) == [DAY + timedelta(days=number) for number in range(3)]


def test_status_tells_what_is_ahead_what_waits_and_what_is_missing(desk: Desk) -> None:
    desk.commit(5)
    assert random_arm.status(desk.chain, desk.keys, now=EVE).ahead == 5
    desk.sealed()
    key_file(desk.keys, "imports", DAY + timedelta(days=3)).unlink()
    found = random_arm.status(desk.chain, desk.keys, now=later(days=2))
    assert (found.ahead, found.unrevealed, found.missing) == (3, [DAY], (DAY + timedelta(days=3),))
    assert not found.ok
    assert "SECRET MISSING: 2026-03-04" in found.describe()
    with pytest.raises(RandomArmError, match=r"none\.jsonl does not exist"):
        random_arm.status(desk.folder / "none.jsonl", now=EVE)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs rights that bind")
def test_a_folder_that_cannot_be_written_is_named(desk: Desk) -> None:
    desk.keys.mkdir(mode=0o500)
    with pytest.raises(RandomArmError, match="cannot be written: Permission denied"):
        desk.commit(1)


def test_the_commands_commit_seal_reveal_and_verify(desk: Desk) -> None:
    desk.chain.parent.mkdir()
    chain_, keys = ("--chain", str(desk.chain)), ("--keys", str(desk.keys))
    call = lambda *given: CliRunner().invoke(cli.app, list(given))  # noqa: E731
    long_ago = ("--from", "2025-05-01", "--trial", "rehearsal", "--programme", "imports")
    assert "1 commitment of 2025-05-01" in call("new", "--days", "1", *long_ago, *keys, *chain_).output
    assert isinstance(call("new", "--days", "1", "--from", "2025-05-02", *keys, *chain_).exception, RandomArmError)
    file, day = desk.decide(date(2025, 5, 1)), ("--date", "2025-05-01")
    (file.parent / random_arm.POLICY_FILE).write_text(random_arm.policy_json(POLICY))
    assert call("seal", *day, "--decisions", str(file), *chain_).exit_code == 0
    asked = ("verify", *day, "--decisions", str(file), *chain_)
    assert call(*asked, "--trial", "rehearsal").exit_code == 1, "the key is still secret"
    assert "1 key of 2025-05-01" in call("reveal", *day, *keys, *chain_).output
    assert call(*asked).exit_code == 1, "a trial has to be named"
    found = call(*asked, "--trial", "rehearsal", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.output)["replayed"]["declarations"] == 200
    tampered(pl.read_parquet(file), "swap", 3).write_parquet(file)
    assert "they were changed since" in call(*asked, "--trial", "rehearsal").output
    named = call(*asked, "--trial", "rehearsal", "--changed")
    assert named.exit_code == 1
    assert "drawn, and should not have been: D" in named.output
    assert "not drawn, and should have been: D" in named.output
    assert call("status", *chain_, *keys).exit_code == 0
    missing = call("status", "--chain", str(desk.folder / "none.jsonl"))
    assert isinstance(missing.exception, RandomArmError)
    assert missing.exit_code != 0


def test_ten_years_of_lines_are_read_in_seconds(desk: Desk) -> None:
    desk.chain.parent.mkdir()
    days = [DAY + timedelta(days=number) for number in range(3650)]
    at = EVE.isoformat(timespec="seconds")
    desk.rewrite([Entry(0, "commit", "imports", day.isoformat(), at, "", commitment="0" * 64) for day in days])
    start = time.perf_counter()
    record = random_arm.read(desk.chain)
    assert time.perf_counter() - start < 5
    assert (len(record.entries), record.faults) == (3650, ())
