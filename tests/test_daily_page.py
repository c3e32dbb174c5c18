"""The page of the daily work says what was decided, whether the arm holds, and where refused results lie."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.reports.daily_page import daily_page
from workbench.reports.html import render
from workbench.reports.page import Figure, Page


def found(**changes: Any) -> dict[str, Any]:
    """Return a report as JSON: two days, the second's key still secret."""
    lanes = {"green": 80, "blue": 0, "yellow": 10, "orange": 0, "red": 10}
    day = {"declarations": lanes, "drawn": 4, "known": 3, "state": "holds", "trial": "", "faults": []}
    rate = {"value": 0.9, "low_95": 0.8, "high_95": 0.96}
    return {
        "first": "2026-01-06",
        "last": "2026-03-02",
        "known_by": None,
        "results": 15,
        "controls": {"declarations": 40, "waiting": 1, "waiting_since": "2026-03-01", "released": 2},
        "unread": [],
        "lanes": {lane: {"items": 4 * count, "declarations": 2 * count} for lane, count in lanes.items()},
        "arms": {"random": {"items": 9, "declarations": 8}, "none": {"items": 200, "declarations": 160}},
        "estimates": {
            "status": "estimated",
            "compliance_rate": rate,
            "missing": 2,
            "arm": {"drawn": 8, "known": 6, "violations": 1},
        },
        "random_arm": {
            "drawn": 8,
            "known": 6,
            "waivers_refused": 0,
            "trials": {},
            "holds": 1,
            "holds, of a trial: proves nothing": 0,
            "key not revealed yet": 1,
            "does not hold": 0,
            "faults": [],
        },
        "days": [{**day, "day": "2026-03-01"}, {**day, "day": "2026-03-02", "state": "key not revealed yet"}],
        "came_back": {
            "results": 20,
            "corrections": 1,
            "reroutings": 0,
            "rejected": {"future_result": 2},
            "rejected_files": ["intakes/000001/rejected_results.parquet"],
            "refused": {},
            "refused_files": [],
            "days": [],
        },
        "over_time": [
            {"day": "2026-03-01", "goods": 200, "value": 0.9, "low_95": 0.7, "high_95": 0.98},
            {"day": "2026-03-02", "goods": 400, **rate},
        ],
        **changes,
    }


def text_of(page: Page) -> str:
    """Return all that a page says, without its markup."""
    return render(page).replace("\u00a0", " ")


def test_the_page_answers_first_and_shows_where_refused_results_lie() -> None:
    page = daily_page(found())
    assert Page.from_json(page.to_json()) == page
    assert page.answer.replace("\u00a0", " ") == (
        "200 declarations were decided, 40 of them controlled. The random arm says that 90 % of all items comply (80 % "
        "to 96 %). Draws that were done again from the public file and hold: 1 day; that wait for the key: 1."
    )
    told = text_of(page)
    assert "intakes/000001/rejected_results.parquet" in told
    assert "With what was known by 1 Mar 2026 the 95 % interval was 28 % wide, by 2 Mar 2026 16 %." in told
    assert "dated after the call (future_result)" in told
    assert "Results of the goods of these days: 15. Taken in since the first of them, of goods of any day: 20" in told
    assert "without all results yet: 1, the oldest of 1 Mar 2026." in told
    assert "2 days, 1 Mar to 2 Mar 2026" in told, "of the weeks looked at two days were decided"
    assert [figure.title for figure in page.figures()] == ["Lanes day by day", "How sure the estimate has become"]
    assert all(isinstance(figure, Figure) and figure.table.rows for figure in page.figures())


def test_a_draw_that_does_not_hold_comes_first() -> None:
    faults = [f"2026-03-0{n}: 1 declaration should have been drawn and was not" for n in range(1, 8)]
    page = daily_page(found(random_arm={**found()["random_arm"], "does not hold": 7, "faults": faults}))
    assert "Days whose draw does NOT hold: 7" in page.answer
    assert page.next_steps[0].startswith("Find out why a draw does not hold")
    assert "Faults beside these: 2" in text_of(page)
    assert next(one for one in page.key_figures if one.label == "Drawn by lot").tone == "bad"


@pytest.mark.parametrize(
    ("estimates", "told"),
    [
        (None, "No declaration of these days was open to the random arm."),
        (
            {"status": "refused", "code": "random_arm_too_small", "found": 7, "needed": 30, "advice": "Wait."},
            "Not estimated. Found of declarations drawn by lot with all results: 7; needed: 30.",
        ),
    ],
)
def test_what_cannot_be_estimated_is_said(estimates: dict | None, told: str) -> None:
    page = daily_page(found(estimates=estimates, over_time=[]))
    assert "cannot be estimated yet" in page.answer
    assert told in text_of(page)


def test_days_without_a_declaration_make_a_page_too() -> None:
    nothing = {lane: {"items": 0, "declarations": 0} for lane in found()["lanes"]}
    back = {**found()["came_back"], "rejected": {}, "rejected_files": [], "days": []}
    page = daily_page(found(lanes=nothing, arms={}, days=[], estimates=None, over_time=[], came_back=back))
    assert page.answer.startswith("0 declarations were decided")
    assert "No result was set aside." in text_of(page)


def test_a_trial_never_looks_proven() -> None:
    arm = {**found()["random_arm"], "holds": 0, "holds, of a trial: proves nothing": 1, "trials": {"rehearsal": 2}}
    page = daily_page(found(random_arm=arm))
    assert page.answer.startswith("Trial rehearsal (2\u00a0days): proves nothing") or page.answer.startswith(
        "Trial rehearsal (2 days): proves nothing"
    )
    assert "hold: 0 days" in page.answer.replace("\u00a0", " ")


def test_what_was_refused_or_not_read_is_on_the_page_in_words() -> None:
    unread = [{"file": "results/r.csv", "first": "2026-03-01", "last": "2026-03-02", "why": "no column violation"}]
    back = {**found()["came_back"], "refused": {"future_rerouting": 1}, "refused_files": ["intakes/1/refused.parquet"]}
    page = daily_page(found(came_back=back, unread=unread))
    told = text_of(page)
    for words in ("results/r.csv", "no column violation", "dated after the call (future_rerouting)", "refused.parquet"):
        assert words in told
    assert page.next_steps[0].startswith("See to 1 file that could not be read")


def test_one_day_and_nothing_counted_read_as_sentences() -> None:
    row = found()["days"][0]
    page = daily_page(found(days=[row], over_time=found()["over_time"][:1], known_by="2026-03-09"))
    told = text_of(page)
    assert "1 day, 1 Mar 2026" in told
    assert "with what was known by 9 Mar 2026" in told
    assert "The 95 % interval is 28 % wide." in told
