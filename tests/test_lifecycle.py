"""The life of a criterion: who may take which step, what a change voids, and what is in force because of it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench import chain
from workbench.config import load_pipeline
from workbench.criteria import lifecycle
from workbench.criteria.lifecycle import LifecycleError, State, journal
from workbench.criteria.lifecycle.entries import Entry
from workbench.criteria.lifecycle.keys import people, signer
from workbench.criteria.lifecycle.states import UNENDED
from workbench.criteria.lifecycle.texts import texts
from workbench.errors import CriterionError
from workbench.features import readable_columns
from workbench.runner.kernels import execute
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.criteria import CriteriaSet
from workbench.stages.criteria import criteria_in_force, why_no_export
from workbench.stages.exporting import export
from workbench.stages.folder import RunFolder

ROOT = Path(__file__).parents[1]
COLUMNS = {"net_mass_kg": pl.Float64(), "importer_id": pl.String(), "lodged_at": pl.Datetime("us")}
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
SET = """
[[criterion]]
id = "heavy"
title = "Heavy goods"
when = "net_mass_kg > :limit_kg"
lane = "yellow"
parameters = { limit_kg = 1000 }

[[criterion]]
id = "watched"
title = "Watched importer"
when = "importer_id IN LIST('watch.importers')"
lane = "red"

[lists."watch.importers"]
entries = ["T1", { value = "T2", expires = 2026-06-30 }]

[lists."watch.others"]
entries = ["T9"]
"""


@dataclass
class Bench:
    """A set with its keys; `by` says who acts and when."""

    file: Path
    keys: Path
    now: datetime = MARCH

    def by(self, name: str) -> dict[str, Any]:
        return {"by": name, "keys": self.keys, "now": self.now}

    def later(self, **passed: float) -> Bench:
        self.now += timedelta(**passed)
        return self

    def bring(self, *ids: str, to: State = State.ACTIVE, author: str = "author", approver: str = "approver") -> None:
        """Take every step up to `to`, each an hour after the last."""
        chosen = list(ids) or None
        steps: list[tuple[Callable[..., Any], str, dict[str, Any]]] = [
            (lifecycle.draft, author, {}),
            (lifecycle.check, author, {"columns": COLUMNS}),
            (lifecycle.record_backtest, author, {"evidence": {"tables_sha256": "ab" * 32}}),
            (lifecycle.approve, approver, {}),
            (lifecycle.shadow, approver, {}),
            (lifecycle.activate, approver, {"columns": COLUMNS}),
        ]
        for step, name, more in steps[: UNENDED.index(to) + 1]:
            step(self.file, chosen, **self.later(hours=1).by(name), **more)

    def bring_on(self, state: State) -> None:
        """Take the next step, to `state`, for all whose turn it is."""
        more: dict[str, Any] = {"columns": COLUMNS} if state is State.CHECKED else {"evidence": {"a": "b"}}
        step = lifecycle.check if state is State.CHECKED else lifecycle.record_backtest
        step(self.file, **self.later(hours=1).by("author"), **more)

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def states(self, on: date = date(2026, 3, 2)) -> dict[str, str]:
        return {one.id: one.state.value for one in self.audit(on).criteria}

    def audit(self, on: date = date(2026, 3, 2)) -> lifecycle.Audit:
        return lifecycle.audit(self.file, on=on, now=self.now)

    def in_force(self, on: date = date(2026, 3, 2), **more: Any) -> lifecycle.InForce:
        return lifecycle.in_force(self.file, COLUMNS, on, now=self.now, **more)

    @property
    def journal(self) -> Path:
        return lifecycle.journal_file(self.file)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()] if self.journal.exists() else []

    def rewrite(self, lines: list[str], *, head: bool = False) -> None:
        """Write other lines; with `head` as somebody would who knows how the head is made."""
        self.journal.write_text("".join(f"{line}\n" for line in lines))
        if head:
            last = Entry.from_line(lines[-1].encode())
            lifecycle.head_file(self.file).write_bytes(chain.Head(len(lines), last.sha256()).to_bytes())


@pytest.fixture
def bench(tmp_path: Path, key_ring: Path) -> Bench:
    file = tmp_path / "watch.toml"
    file.write_text(SET)
    shutil.copytree(key_ring / "keys", tmp_path / "keys")
    return Bench(file, key_ring)


# --- the way from draft to active ----------------------------------------------------------------------------------


def test_every_step_leads_to_the_state_of_its_name(bench: Bench) -> None:
    for state in UNENDED:
        bench.file.with_suffix(".journal.jsonl").unlink(missing_ok=True)
        lifecycle.head_file(bench.file).unlink(missing_ok=True)
        bench.bring(to=state)
        assert bench.states() == {"heavy": state.value, "watched": state.value}
        assert bench.audit().ok
        bench.now = MARCH


def test_only_active_criteria_change_lanes_and_approved_ones_run_in_shadow(bench: Bench) -> None:
    bench.bring("watched")
    assert bench.in_force().to_dict() == {
        "in_force": {"watched": "active"},
        "text_sha256": {"watched": texts(CriteriaSet.from_toml(bench.file))["watched"].sha256},
        "left_out": {"heavy": "draft: not in the journal; next step: draft"},
        "journal_head": {"count": 6, "sha256": journal.read(bench.file).head.sha256},
        "trial": False,
    }
    bench.bring("heavy", to=State.APPROVED)
    found = bench.in_force()
    assert [one.id for one in found.criteria.criteria] == ["heavy", "watched"]
    assert found.criteria.shadow == {"heavy"}
    assert found.left_out == {}


def test_a_set_without_a_journal_is_all_drafts_and_says_so(bench: Bench) -> None:
    found = bench.in_force()
    assert found.criteria.criteria == ()
    assert "Left out: heavy, draft: not in the journal; next step: draft." in found.describe()
    assert lifecycle.in_words(found.to_dict()) == (
        "0 of 2 criteria decided; 2 left out: heavy, watched (draft: not in the journal; next step: draft). "
        "Nothing was ever signed for the set: it has no journal."
    )
    audited = bench.audit()
    assert audited.ok
    assert "0 lines in the journal, no journal: nothing was ever signed here" in audited.describe()
    assert "verify" not in audited.describe()


def test_what_decided_ran_in_shadow_or_was_left_out_is_told_apart() -> None:
    states = {"a": "active", "b": "shadow", "c": "approved"}
    left_out = {f"d{number}": "draft" for number in range(7)} | {"e": "retired: x"}
    found = {"in_force": states, "left_out": left_out, "journal_head": {}, "trial": False}
    assert lifecycle.in_words(found) == (
        "1 of 11 criteria decided; 2 ran in shadow; 8 left out: d0, d1, d2, d3, d4 and 2 more (draft); e (retired: x)."
    )
    assert lifecycle.in_words({**found, "trial": True}).startswith("A trial: criteria that nobody approved decided too")
    assert lifecycle.in_words({**found, "in_force": {}, "left_out": {}}) == ""


def test_only_lists_that_a_criterion_in_force_names_go_along(bench: Bench) -> None:
    bench.bring("watched")
    assert set(bench.in_force().criteria.lists) == {"watch.importers"}


@pytest.mark.parametrize("missed", UNENDED[1:-1])
def test_no_step_is_left_out(bench: Bench, missed: State) -> None:
    """Reach the state two before: the step after the missed one is refused, and nothing is written."""
    bench.bring("heavy", to=UNENDED[UNENDED.index(missed) - 1])
    before = bench.journal.read_bytes()
    following = UNENDED[UNENDED.index(missed) + 1]
    more: dict[str, Any] = {"evidence": {"a": "b"}} if following is State.BACKTESTED else {}
    more |= {"columns": COLUMNS} if following is State.ACTIVE else {}
    step = {"backtested": "record_backtest", "approved": "approve", "active": "activate"}.get(
        following, following.value
    )
    with pytest.raises(
        LifecycleError, match=f"'heavy' cannot be {following.value}: .*its next step is {missed.command}"
    ):
        getattr(lifecycle, step)(bench.file, ["heavy"], **bench.by("approver"), **more)
    assert bench.journal.read_bytes() == before


def test_of_several_criteria_all_take_the_step_or_none(bench: Bench) -> None:
    bench.bring("heavy", to=State.BACKTESTED)
    lifecycle.draft(bench.file, ["watched"], **bench.by("author"))
    before = bench.journal.read_bytes()
    with pytest.raises(
        LifecycleError, match="'watched' cannot be approved: it is draft since line 4; its next step is check"
    ):
        lifecycle.approve(bench.file, ["heavy", "watched"], **bench.by("approver"))
    assert bench.journal.read_bytes() == before


def test_without_ids_those_take_the_step_whose_turn_it_is(bench: Bench) -> None:
    bench.bring("heavy", to=State.BACKTESTED)
    lifecycle.draft(bench.file, **bench.by("author"))
    taken = lifecycle.approve(bench.file, **bench.by("approver"))
    assert [entry.criterion for entry in taken.entries] == ["heavy"]
    assert "heavy: approved, signed by approver (line 5)" in taken.describe()
    with pytest.raises(LifecycleError, match=r"Nothing to approve in .*watch\.toml"):
        lifecycle.approve(bench.file, **bench.by("approver"))


def test_an_unknown_criterion_gets_a_suggestion(bench: Bench) -> None:
    with pytest.raises(LifecycleError, match=r"no criterion 'heavi' in .*\(did you mean 'heavy'\?\)"):
        lifecycle.draft(bench.file, ["heavi"], **bench.by("author"))
    with pytest.raises(LifecycleError, match="no criterion is named"):
        lifecycle.draft(bench.file, [], **bench.by("author"))


def test_a_faulty_criterion_is_not_checked_and_every_fault_is_named(bench: Bench) -> None:
    bench.change("net_mass_kg > :limit_kg", "net_mas_kg > :limit AND x = 1")
    lifecycle.draft(bench.file, **bench.by("author"))
    with pytest.raises(CriterionError, match="net_mas_kg") as refused:
        lifecycle.check(bench.file, **bench.by("author"), columns=COLUMNS)
    assert "'x'" in str(refused.value)
    taken = lifecycle.check(bench.file, ["watched"], **bench.by("author"), columns=COLUMNS)
    assert len(taken.entries) == 1


def test_a_backtest_needs_evidence_and_a_retirement_a_reason(bench: Bench) -> None:
    bench.bring(to=State.CHECKED)
    with pytest.raises(LifecycleError, match="without evidence"):
        lifecycle.record_backtest(bench.file, **bench.by("author"), evidence={})
    with pytest.raises(LifecycleError, match="without a reason"):
        lifecycle.retire(bench.file, ["heavy"], **bench.by("author"), reason=" ")


# --- approval ----------------------------------------------------------------------------------------------------


def test_the_author_does_not_approve_the_own_text(bench: Bench) -> None:
    bench.bring(to=State.BACKTESTED)
    with pytest.raises(LifecycleError, match="cannot be approved by 'author', who drafted this text in line 1"):
        lifecycle.approve(bench.file, ["heavy"], **bench.by("author"))


def test_a_second_name_for_the_same_key_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.bring(to=State.BACKTESTED)
    secrets = tmp_path / "secrets"
    shutil.copytree(bench.keys, secrets)
    shutil.copy(secrets / "author.pem", secrets / "somebody.pem")
    shutil.copy(bench.file.parent / "keys" / "author.pub", bench.file.parent / "keys" / "somebody.pub")
    with pytest.raises(LifecycleError, match=r"somebody\.pub holds the key of 'author'"):
        lifecycle.approve(bench.file, by="somebody", keys=secrets, now=bench.now)


def test_the_rule_of_the_steps_knows_the_author_by_the_key_too(bench: Bench) -> None:
    bench.bring("heavy", to=State.BACKTESTED)
    found = journal.read(bench.file)
    draft = found.entries[0]
    approval = replace(draft, step="approved", by="somebody", text="", approval="00")
    assert "cannot be approved with the key that drafted this text in line 1" in found.ledger.refusal(approval)
    assert found.ledger.refusal(replace(approval, key="11")) == ""


def test_a_journal_in_which_the_author_approved_does_not_verify(bench: Bench) -> None:
    """Write the line with the author's own key and a right chain, as somebody would who knows the format."""
    bench.bring("heavy", to=State.BACKTESTED)
    author = signer("author", people(bench.file), keys=bench.keys)
    last = journal.read(bench.file).entries[-1]
    text = texts(CriteriaSet.from_toml(bench.file))["heavy"].canonical.encode()
    forged = replace(
        last, seq=4, step="approved", previous=last.sha256(), detail={}, signature="", approval=author.sign(text)
    )
    forged = replace(forged, signature=author.sign(forged.payload()))
    bench.rewrite([*bench.journal.read_text().splitlines(), forged.line().decode()], head=True)
    [fault] = bench.audit().journal_faults
    assert "line 4 is an illegal step: 'heavy' cannot be approved by 'author'" in fault


CHANGES = [
    ("net_mass_kg > :limit_kg", "net_mass_kg >= :limit_kg"),
    ('title = "Heavy goods"', 'title = "Heavy  goods"'),
    ("limit_kg = 1000", "limit_kg = 1001"),
    ("limit_kg = 1000 }", "limit_kg = { value = 1000, range = [1, 5000] } }"),
    ('lane = "yellow"', 'lane = "yellow"\nhit_percentage = 99'),
    ('lane = "yellow"', 'lane = "orange"'),
    ('lane = "yellow"', 'lane = "yellow"\nvalid_to = 2027-01-01'),
    ('lane = "yellow"', 'lane = "yellow"\nforced_after = 3'),
    ('lane = "yellow"', 'lane = "yellow"\nreason = "x"'),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_changed_character_voids_the_approval_and_nothing_is_in_force(bench: Bench, old: str, new: str) -> None:
    bench.bring()
    bench.change(old, new)
    assert bench.states() == {"heavy": "draft", "watched": "active"}
    with pytest.raises(LifecycleError, match="'heavy' is active since line 11, and its text was changed"):
        bench.in_force()
    bench.change(new, old)
    assert bench.states() == {"heavy": "active", "watched": "active"}
    assert len(bench.in_force().criteria.criteria) == 2


@pytest.mark.parametrize(("old", "new"), [('"T1"', '"T1", "T3"'), ("2026-06-30", "2026-07-01")])
def test_a_changed_entry_of_a_list_voids_the_criteria_that_name_it(bench: Bench, old: str, new: str) -> None:
    bench.bring()
    bench.change(old, new)
    assert bench.states() == {"heavy": "active", "watched": "draft"}
    assert bench.audit().criteria[1].note == "changed since line 12 ([lists]), which voids what was signed"


def test_points_of_the_set_belong_to_criteria_that_have_points(bench: Bench) -> None:
    bench.change('lane = "yellow"', 'lane = "yellow"\npoints = 20')
    bench.file.write_text(bench.file.read_text() + "\n[points]\nred = 20\n")
    bench.bring()
    bench.change("red = 20", "red = 10")
    assert bench.states() == {"heavy": "draft", "watched": "active"}


@pytest.mark.parametrize(
    ("old", "new"), [('"T9"', '"T8"'), ('lane = "red"', 'lane = "red"  # by law'), ("\n[[", "\n\n[[")]
)
def test_comments_and_lists_of_others_void_nothing(bench: Bench, old: str, new: str) -> None:
    bench.bring()
    bench.change(old, new)
    assert set(bench.states().values()) == {"active"}
    assert bench.audit().ok


def test_a_criterion_that_vanished_is_an_error_until_it_is_retired(bench: Bench) -> None:
    bench.bring()
    bench.file.write_text(SET[SET.index('[[criterion]]\nid = "watched"') :])
    with pytest.raises(LifecycleError, match="'heavy' is active since line 11 and is no longer in the file"):
        bench.in_force()
    lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="finds nothing")
    assert list(bench.in_force().states) == ["watched"]


def test_a_new_text_takes_the_old_ones_place_and_restoring_the_old_one_brings_nothing_back(bench: Bench) -> None:
    bench.bring()
    bench.change("limit_kg = 1000", "limit_kg = 2000")
    bench.bring("heavy", to=State.BACKTESTED)
    with pytest.raises(LifecycleError, match="'heavy' is active since line 11, and its text was changed"):
        bench.in_force()
    taken = lifecycle.approve(bench.file, ["heavy"], **bench.by("approver"))
    assert "takes the place of the text that is active since line 11" in taken.describe()
    assert bench.in_force().criteria.shadow == {"heavy"}
    bench.change("limit_kg = 2000", "limit_kg = 1000")
    assert bench.states()["heavy"] == "retired"
    with pytest.raises(LifecycleError, match="its text was changed"):
        bench.in_force()


def test_a_retired_text_is_left_out_with_its_reason_and_may_be_drafted_anew(bench: Bench) -> None:
    bench.bring()
    lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="finds nothing")
    assert bench.in_force().left_out == {"heavy": "retired: finds nothing"}
    with pytest.raises(LifecycleError, match="'heavy' has ended already"):
        lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="again")
    bench.bring("heavy")
    assert bench.states()["heavy"] == "active"


def test_two_criteria_of_one_id_cannot_be_told_apart(bench: Bench) -> None:
    bench.change('id = "watched"', 'id = "heavy"')
    with pytest.raises(LifecycleError, match="more than one criterion heavy"):
        bench.in_force()


# --- time --------------------------------------------------------------------------------------------------------


def test_a_criterion_is_over_after_its_last_day_whether_or_not_somebody_says_so(bench: Bench) -> None:
    bench.change('lane = "yellow"', 'lane = "yellow"\nvalid_to = 2026-04-30')
    bench.bring()
    assert bench.states(date(2026, 4, 30))["heavy"] == "active"
    assert bench.in_force(date(2026, 5, 1)).left_out == {"heavy": "expired: on 2026-04-30"}
    with pytest.raises(LifecycleError, match="nothing to expire"):
        lifecycle.expire(bench.file, **bench.by("other"))
    bench.now = datetime(2026, 5, 1, tzinfo=UTC)
    assert [one.criterion for one in lifecycle.expire(bench.file, **bench.by("other")).entries] == ["heavy"]
    assert bench.audit(date(2026, 5, 1)).ok


def test_nothing_is_activated_whose_days_or_whose_list_entries_are_over(bench: Bench) -> None:
    bench.change('lane = "yellow"', 'lane = "yellow"\nvalid_to = 2026-04-30')
    bench.bring(to=State.SHADOW)
    bench.now = datetime(2026, 7, 1, tzinfo=UTC)
    with pytest.raises(LifecycleError, match="Nothing was activated, 2 fault") as refused:
        lifecycle.activate(bench.file, **bench.by("approver"), columns=COLUMNS)
    assert "'heavy' ended on 2026-04-30" in str(refused.value)
    assert "'watch.importers', of which 1 entries expired: T2 (2026-06-30)" in str(refused.value)
    assert set(bench.states().values()) == {"shadow"}


def test_nothing_is_activated_whose_column_vanished_and_nothing_is_in_force(bench: Bench) -> None:
    bench.bring(to=State.SHADOW)
    fewer = {name: kind for name, kind in COLUMNS.items() if name != "net_mass_kg"}
    with pytest.raises(CriterionError, match="net_mass_kg"):
        lifecycle.activate(bench.file, **bench.by("approver"), columns=fewer)
    with pytest.raises(CriterionError, match=r"none is in force:\n.*net_mass_kg"):
        lifecycle.in_force(bench.file, fewer, now=bench.now)


def test_a_clock_that_went_back_stops_steps_audit_and_runs(bench: Bench) -> None:
    bench.bring(to=State.CHECKED)
    bench.later(days=-1)
    with pytest.raises(
        LifecycleError, match=r"line 4 is of 2026-03-01T14:00:00\+00:00 and the clock says 2026-02-28T14"
    ):
        lifecycle.record_backtest(bench.file, **bench.by("author"), evidence={"a": "b"})
    assert "the clock went back" in bench.audit().describe()
    with pytest.raises(LifecycleError, match="the clock went back"):
        bench.in_force()


def test_a_line_of_an_earlier_moment_than_the_one_above_is_named(bench: Bench) -> None:
    bench.bring("heavy", to=State.DRAFT)
    author = signer("author", people(bench.file), keys=bench.keys)
    last = journal.read(bench.file).entries[-1]
    earlier = replace(
        last, seq=2, step="checked", at="2026-01-01T00:00:00+00:00", previous=last.sha256(), text="", signature=""
    )
    earlier = replace(earlier, signature=author.sign(earlier.payload()))
    bench.rewrite([*bench.journal.read_text().splitlines(), earlier.line().decode()], head=True)
    [fault] = bench.audit().journal_faults
    assert fault.startswith("line 2 is of 2026-01-01T00:00:00+00:00, before the line above it (2026-03-01T13:00:00")
    assert fault.endswith("a clock went back")


# --- a journal that was tampered with ----------------------------------------------------------------------------


def test_every_kind_of_tampering_is_named_with_its_line(bench: Bench) -> None:
    bench.bring()
    lines = bench.journal.read_text().splitlines()

    def faults(changed: list[str], *, head: bool = False) -> str:
        kept = lifecycle.head_file(bench.file).read_bytes()
        bench.rewrite(changed, head=head)
        found = " | ".join(bench.audit().journal_faults)
        with pytest.raises(LifecycleError, match=r"No criterion of .* is in force"):
            bench.in_force()
        with pytest.raises(LifecycleError, match="does not verify, so nothing is in force and no step can be taken"):
            lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="x")
        bench.rewrite(lines)
        lifecycle.head_file(bench.file).write_bytes(kept)
        assert bench.audit().ok
        return found

    def changed(number: int, **values: Any) -> list[str]:
        line = json.dumps(json.loads(lines[number - 1]) | values, sort_keys=True, separators=(",", ":"))
        return [*lines[: number - 1], line, *lines[number:]]

    assert "line 7 was changed after 'approver' signed it" in faults(changed(7, criterion="watched"))
    assert "line 8 does not follow the line before it" in faults(changed(7, detail={"a": "b"}))
    assert "line 5 is step 6: a line was removed" in faults(lines[:4] + lines[5:])
    assert "line 5 is step 6" in faults([*lines[:4], lines[5], lines[4], *lines[6:]])
    assert "line 6 is step 5" in faults([*lines[:5], *lines[4:]])
    assert "the head knows 12 lines and the file has 11: the last were cut" in faults(lines[:-1])
    assert "line 3 is no line that the workbench writes" in faults([*lines[:2], lines[2][:-9], *lines[3:]])
    assert "line 4 belongs to the set 'others'" in faults(changed(4, set="others"))
    assert "line 9 is signed with the key of 'approver' under the name 'other'" in faults(changed(9, by="other"))
    assert "line 9 is signed by 'eve', whose key is unknown" in faults(changed(9, by="eve", key="0" * 64))
    assert "line 9 is signed with another key than keys/approver.pub" in faults(changed(9, key="0" * 64))


def test_a_journal_of_another_set_is_refused(bench: Bench) -> None:
    bench.bring()
    other = bench.file.with_name("twin.toml")
    shutil.copy(bench.file, other)
    shutil.copy(bench.journal, lifecycle.journal_file(other))
    shutil.copy(lifecycle.head_file(bench.file), lifecycle.head_file(other))
    found = lifecycle.audit(other, now=bench.now)
    assert "line 1 belongs to the set 'watch'; this is the journal of 'twin'" in found.journal_faults[0]


@pytest.mark.parametrize("name", ["approver", "author"])
def test_a_key_that_was_removed_or_exchanged_is_noticed(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.bring()
    (tmp_path / "keys" / f"{name}.pub").unlink()
    assert f"is signed by '{name}', whose key is unknown" in bench.audit().journal_faults[0]
    lifecycle.new_key(name, tmp_path, keys=tmp_path / "secrets")
    assert f"with another key than keys/{name}.pub" in bench.audit().journal_faults[0]


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"count":12}\n', b"\xff", b'{"count":0,"sha256":"x"}\n'])
def test_a_head_that_is_damaged_or_gone_is_noticed(bench: Bench, content: bytes) -> None:
    bench.bring()
    lifecycle.head_file(bench.file).write_bytes(content)
    assert "the head file is not what the workbench writes" in bench.audit().journal_faults[0]
    lifecycle.head_file(bench.file).unlink()
    assert "the head file is missing" in bench.audit().journal_faults[0]


@pytest.mark.parametrize("content", [b"", None])
def test_a_journal_that_is_empty_or_gone_is_noticed_by_its_head(bench: Bench, content: bytes | None) -> None:
    bench.bring()
    bench.journal.unlink()
    if content is not None:
        bench.journal.write_bytes(content)
    assert not bench.audit().ok


def test_a_crash_between_journal_and_head_is_healed_by_the_next_step(bench: Bench) -> None:
    bench.bring("heavy", to=State.CHECKED)
    head = lifecycle.head_file(bench.file).read_bytes()
    lifecycle.record_backtest(bench.file, ["heavy"], **bench.later(hours=1).by("author"), evidence={"a": "b"})
    lifecycle.head_file(bench.file).write_bytes(head)
    assert bench.audit().ok
    lifecycle.approve(bench.file, ["heavy"], **bench.later(hours=1).by("approver"))
    assert json.loads(lifecycle.head_file(bench.file).read_bytes())["count"] == 4
    lifecycle.head_file(bench.file).write_bytes(head)
    assert "the head is older than one step" in bench.audit().journal_faults[0]


def test_a_crash_in_the_first_step_of_all_is_healed_by_the_next(bench: Bench) -> None:
    bench.bring("heavy", "watched", to=State.DRAFT)
    lifecycle.head_file(bench.file).unlink()
    assert bench.audit().ok
    bench.bring_on(State.CHECKED)
    assert json.loads(lifecycle.head_file(bench.file).read_bytes())["count"] == 4


def test_two_crashes_in_a_row_lose_nothing(bench: Bench, monkeypatch) -> None:
    """A step heals the head before it writes its own lines, so that it may be killed in the same place."""
    bench.bring(to=State.DRAFT)
    lifecycle.head_file(bench.file).unlink()
    partial = bench.journal.with_name(f".{bench.journal.name}.abc.partial")
    partial.write_bytes(b"{")
    write, heads = chain.write_bytes_atomically, []

    def killed(content: bytes, file: Path) -> None:
        heads.append(file) if file.suffix == ".head" else None
        if len(heads) == 2:
            raise KeyboardInterrupt
        write(content, file)

    monkeypatch.setattr(chain, "write_bytes_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        bench.bring_on(State.CHECKED)
    monkeypatch.undo()
    assert bench.audit().ok
    assert set(bench.states().values()) == {"checked"}
    bench.bring_on(State.BACKTESTED)
    assert set(bench.states().values()) == {"backtested"}
    assert not partial.exists()


def test_a_linked_set_has_the_journal_of_the_file_that_it_leads_to(bench: Bench, tmp_path: Path) -> None:
    bench.bring()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "alias.toml"
    link.symlink_to(bench.file)
    assert lifecycle.journal_file(link) == bench.journal
    assert {one.state for one in lifecycle.audit(link, now=bench.now).criteria} == {State.ACTIVE}
    assert set(lifecycle.in_force(link, COLUMNS, now=bench.now).states) == {"heavy", "watched"}
    lifecycle.retire(link, ["heavy"], **bench.by("approver"), reason="x")
    assert bench.states()["heavy"] == "retired"
    assert [file.name for file in link.parent.iterdir()] == ["alias.toml"]


def test_a_linked_journal_stays_a_link(bench: Bench, tmp_path: Path) -> None:
    bench.bring()
    for file in (bench.journal, lifecycle.head_file(bench.file)):
        file.rename(tmp_path / f"real-{file.name}")
        file.symlink_to(tmp_path / f"real-{file.name}")
    lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="x")
    assert bench.file.with_suffix(".journal.jsonl").is_symlink()
    assert bench.file.with_suffix(".journal.head").is_symlink()
    assert bench.states()["heavy"] == "retired"


def test_a_copy_with_another_suffix_does_not_write_into_the_journal_of_the_set(bench: Bench) -> None:
    bench.bring(to=State.DRAFT)
    before = bench.journal.read_bytes()
    shutil.copy(bench.file, copy := bench.file.with_suffix(".bak"))
    with pytest.raises(LifecycleError, match=r"watch\.bak cannot have a journal: .* named NAME\.toml"):
        lifecycle.retire(copy, ["heavy"], **bench.by("author"), reason="x")
    with pytest.raises(LifecycleError, match="cannot have a journal"):
        lifecycle.audit(copy)
    assert bench.journal.read_bytes() == before


def test_a_back_test_is_not_recorded_for_a_text_that_was_not_tested(bench: Bench) -> None:
    bench.bring(to=State.DRAFT)
    tested = CriteriaSet.from_toml(bench.file)
    bench.change("limit_kg = 1000", "limit_kg = 10")
    lifecycle.draft(bench.file, **bench.by("author"))
    bench.bring_on(State.CHECKED)
    before = bench.journal.read_bytes()
    with pytest.raises(LifecycleError, match=r"'heavy' changed in .* since the back-test read it"):
        lifecycle.record_backtest(bench.file, **bench.by("author"), evidence={"a": "b"}, tested=tested)
    assert bench.journal.read_bytes() == before
    lifecycle.record_backtest(bench.file, ["watched"], **bench.by("author"), evidence={"a": "b"}, tested=tested)
    assert bench.states() == {"heavy": "checked", "watched": "backtested"}


@pytest.mark.parametrize("reason", ["over\x1b[2J", "two\nlines", "half \ud800", "x" * 5_000, "sep\u2028arated"])
def test_a_reason_is_one_line_that_a_terminal_can_show(bench: Bench, reason: str) -> None:
    bench.bring(to=State.DRAFT)
    with pytest.raises(LifecycleError, match="the reason has to be a text"):
        lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason=reason)
    assert bench.states()["heavy"] == "draft"


def test_an_audit_shows_no_control_characters_of_a_line_signed_by_hand(bench: Bench, monkeypatch) -> None:
    bench.bring(to=State.DRAFT)
    monkeypatch.setattr("workbench.criteria.lifecycle.desk._refuse_unshowable", lambda detail: None)
    lifecycle.retire(bench.file, ["heavy"], **bench.by("approver"), reason="over\x1b[2J")
    assert bench.audit().criteria[0].note == "over [2J"


def test_a_step_that_fails_to_write_leaves_the_journal_as_it_was(bench: Bench, monkeypatch) -> None:
    bench.bring(to=State.CHECKED)
    before = bench.journal.read_bytes(), lifecycle.head_file(bench.file).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Exception, match="The disk is full"):
        lifecycle.record_backtest(bench.file, **bench.by("author"), evidence={"a": "b"})
    monkeypatch.undo()
    assert (bench.journal.read_bytes(), lifecycle.head_file(bench.file).read_bytes()) == before


def _draft_and_retire(file: Path, keys: Path, name: str, rounds: int) -> None:
    for _ in range(rounds):
        lifecycle.draft(file, [name], by="author", keys=keys)
        lifecycle.retire(file, [name], by="author", keys=keys, reason="round")


def test_four_processes_append_without_losing_a_line(bench: Bench) -> None:
    names = [f"c{number}" for number in range(4)]
    table = '[[criterion]]\nid = "{}"\ntitle = "T"\nwhen = "net_mass_kg > 1"\nlane = "red"\n'
    bench.file.write_text("".join(table.format(name) for name in names))
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_draft_and_retire, args=(bench.file, bench.keys, name, 4)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert lifecycle.audit(bench.file).ok
    assert sorted(line["criterion"] for line in bench.lines()) == sorted(names * 8)


# --- keys --------------------------------------------------------------------------------------------------------


def test_a_new_key_is_private_to_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    made = lifecycle.new_key("head-of-risk", tmp_path, keys=tmp_path / "private")
    assert made.private_file.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in made.public_file.read_bytes()
    assert made.fingerprint in made.describe()
    for lost in (made.private_file, made.public_file):
        kept = lost.read_bytes()
        lost.unlink()
        with pytest.raises(LifecycleError, match="A key is never overwritten"):
            lifecycle.new_key("head-of-risk", tmp_path, keys=tmp_path / "private")
        lost.write_bytes(kept)


@pytest.mark.parametrize("name", ["", "../eve", "a/b", "Head", "a b", ".hidden", "a.b", "x" * 65, "é", "nul\0"])
def test_a_name_that_is_no_safe_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LifecycleError, match="cannot name a key"):
        lifecycle.new_key(name, tmp_path, keys=tmp_path / "private")
    assert list(tmp_path.iterdir()) == []


def test_a_private_key_does_not_go_into_the_repository_of_the_sets(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(LifecycleError, match="lies in the repository"):
        lifecycle.new_key("eve", tmp_path / "data" / "criteria", keys=tmp_path / "keys")


def test_a_passphrase_protects_the_key(bench: Bench, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_KEY_PASSPHRASE", "a long one")
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "private"))
    made = lifecycle.new_key("eve", tmp_path)
    assert b"ENCRYPTED" in made.private_file.read_bytes()
    lifecycle.draft(bench.file, ["heavy"], by="eve", now=MARCH)
    for passphrase, state in (("another", "wrong"), ("", "missing")):
        monkeypatch.setenv("WORKBENCH_KEY_PASSPHRASE", passphrase)
        with pytest.raises(LifecycleError, match=f"the passphrase in WORKBENCH_KEY_PASSPHRASE is {state}"):
            lifecycle.check(bench.file, ["heavy"], by="eve", columns=COLUMNS, now=MARCH)


def test_a_private_key_that_others_can_read_or_that_is_not_the_signers_signs_nothing(bench: Bench, tmp_path) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(bench.keys, secrets)
    (secrets / "author.pem").chmod(0o644)
    with pytest.raises(LifecycleError, match=r"can be read by others.*chmod 600"):
        lifecycle.draft(bench.file, by="author", keys=secrets)
    shutil.copy(secrets / "other.pem", secrets / "author.pem")
    (secrets / "author.pem").chmod(0o600)
    with pytest.raises(LifecycleError, match="is not the key of 'author'"):
        lifecycle.draft(bench.file, by="author", keys=secrets)
    (secrets / "author.pem").unlink()
    with pytest.raises(LifecycleError, match="The private key of 'author' is needed"):
        lifecycle.draft(bench.file, by="author", keys=secrets)
    with pytest.raises(LifecycleError, match=r"'autor' is not among those .*did you mean 'author'"):
        lifecycle.draft(bench.file, by="autor", keys=secrets)
    assert not bench.journal.exists()


def test_what_somebody_signed_who_left_still_verifies_and_nothing_more_is_signed(bench: Bench) -> None:
    bench.bring()
    public = bench.file.parent / "keys"
    (public / "former").mkdir()
    (public / "author.pub").rename(public / "former" / "author.pub")
    assert bench.audit().ok
    with pytest.raises(LifecycleError, match="'author' left"):
        lifecycle.retire(bench.file, ["heavy"], **bench.by("author"), reason="x")
    with pytest.raises(LifecycleError, match="A key is never overwritten"):
        lifecycle.new_key("author", bench.file.parent, keys=bench.file.parent / "private")
    shutil.copy(public / "former" / "author.pub", public / "author.pub")
    with pytest.raises(LifecycleError, match=r"'author' is in .*keys too"):
        bench.audit()


def test_a_public_key_of_another_kind_is_named(bench: Bench) -> None:
    (bench.file.parent / "keys" / "eve.pub").write_text("ssh-rsa AAAA")
    with pytest.raises(LifecycleError, match=r"eve\.pub is no public key"):
        bench.audit()


# --- runs and bundles --------------------------------------------------------------------------------------------


def test_a_bundle_carries_approved_criteria_only_and_names_the_others(finished_run) -> None:
    manifest = ScoringBundle.load(finished_run.path / "bundle").manifest
    facts = manifest.facts["criteria"]
    assert facts["in_force"] == dict.fromkeys(
        ("cheap-for-origin", "preference-claimed", "gross-below-net", "audit-large"), "active"
    )
    assert facts["left_out"] == {}
    assert facts["journal_head"]["count"] == 24
    assert finished_run.read_json("selection")["criteria_in_force"] == facts


def test_a_draft_beside_active_criteria_is_left_out_of_the_bundle(finished_run, tmp_path: Path) -> None:
    set_file = finished_run.pipeline.resolve(finished_run.pipeline.criteria.path)
    draft = '[[criterion]]\nid = "a-draft"\ntitle = "T"\nwhen = "no_such_column > 1"\nlane = "red"\n'
    before = set_file.read_text()
    try:
        set_file.write_text(before + draft)
        exported = export(finished_run, tmp_path)
    finally:
        set_file.write_text(before)
    assert exported.bundle.manifest.facts["criteria"]["left_out"] == {
        "a-draft": "draft: not in the journal; next step: draft"
    }
    assert "a-draft" not in {one.id for one in exported.bundle.scorer.criteria.criteria}
    assert "Left out: a-draft, draft: not in the journal; next step: draft." in exported.describe()


def test_nothing_is_exported_when_others_are_in_force_than_decided(finished_run, tmp_path: Path, key_ring) -> None:
    shutil.copytree(finished_run.path, tmp_path / "run")
    home = finished_run.pipeline.path.parent
    for file in [*home.glob("*.toml"), *home.glob("*.journal.*")]:
        shutil.copy(file, tmp_path)
    shutil.copytree(home / "keys", tmp_path / "keys")
    saved = tmp_path / "run" / "pipeline.json"
    saved.write_text(saved.read_text().replace(str(home), str(tmp_path)))
    run = RunFolder.open(tmp_path / "run")
    assert len(export(run, tmp_path).bundle.scorer.criteria.criteria) == 4
    selection = run.read_json("selection")
    decided = selection["criteria_in_force"]
    other = decided["text_sha256"] | {"preference-claimed": "0" * 64}
    run.write_json("selection", selection | {"criteria_in_force": decided | {"text_sha256": other}})
    with pytest.raises(CriterionError, match="preference-claimed: its text is another one now"):
        export(run, tmp_path / "new")
    run.write_json("selection", selection)
    lifecycle.retire(tmp_path / "criteria.toml", ["audit-large"], by="approver", keys=key_ring, reason="x")
    (tmp_path / "new").mkdir()
    with pytest.raises(CriterionError, match=r"audit-large: active then, not in force now\nRun the pipeline again"):
        export(run, tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_in_a_trial_drafts_decide_and_nothing_is_exported(make_run, trained_run, tmp_path: Path) -> None:
    run = make_run(("[criteria]\n", "[criteria]\ndrafts = true\n"))
    set_file = run.pipeline.resolve(run.pipeline.criteria.path)
    set_file.write_text(set_file.read_text().replace("share = 0.4", "share = 0.3"))
    found = criteria_in_force(run.pipeline)
    assert found.states["cheap-for-origin"] is State.DRAFT
    assert found.criteria.shadow == set()
    assert found.describe().startswith("Trial: drafts decide too, nothing can be exported.")
    with pytest.raises(CriterionError, match=r"is a trial: .*without -p drafts=true"):
        export(run, tmp_path)
    assert not list(tmp_path.iterdir())
    assert why_no_export(trained_run) == ""


def test_the_export_notebook_of_a_trial_says_so_and_ends_well(trained_run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained_run.path, folder)
    pipeline = json.loads((folder / "pipeline.json").read_text())
    pipeline["criteria"]["drafts"] = True
    (folder / "pipeline.json").write_text(json.dumps(pipeline))
    for name in ("notebooks", "logs"):
        (folder / name).mkdir()
    notebook, executed = ROOT / "notebooks" / "70_export.ipynb", folder / "notebooks" / "70_export.ipynb"
    execute(
        notebook,
        executed,
        folder / "logs" / "70_export.log",
        {"run_dir": str(folder)},
        run_dir=folder,
        step="70_export",
        on_cell=lambda _: None,
    )
    assert "run is a trial: criteria that nobody approved decided in it" in executed.read_text()
    assert not (folder / "bundle").exists()
    assert not (folder / "dist").exists()


@pytest.mark.parametrize("name", ["declarations", "kcs"])
def test_the_shipped_sets_are_in_force_as_they_stand(name: str) -> None:
    given = {"train": "x", "valid": "x"} if name == "kcs" else {}
    pipeline = load_pipeline(ROOT / "pipelines" / f"{name}.toml", given)
    file = pipeline.resolve(pipeline.criteria.path)
    found = lifecycle.audit(file)
    assert found.ok, found.describe()
    assert {one.state for one in found.criteria} == {State.ACTIVE}
    lifecycle.in_force(file, readable_columns(pipeline.features))
    assert not list(file.parent.rglob("*.pem"))
