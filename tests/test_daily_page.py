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
    day = {"declarations": lanes, "drawn": 4, "known": 3, "state": "holds", "faults": []}
    rate = {"value": 0.9, "low_95": 0.8, "high_95": 0.96}
    intake = {"day": "2026-03-02", "rejected_results": {"future_result": 2}}
    return {
        "first": "2026-03-01",
        "last": "2026-03-02",
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
            "holds": 1,
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
            "days": [intake],
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
    assert "The 95 % interval was 28 % wide at first and is 16 % wide now." in told
    assert [figure.title for figure in page.figures()] == ["Lanes day by day", "How sure the estimate has become"]
    assert all(isinstance(figure, Figure) and figure.table.rows for figure in page.figures())


def test_a_draw_that_does_not_hold_comes_first() -> None:
    faults = [f"2026-03-0{n}: 1 declaration(s) should have been drawn and were not" for n in range(1, 8)]
    page = daily_page(found(random_arm={**found()["random_arm"], "does not hold": 7, "faults": faults}))
    assert "Days whose draw does NOT hold: 7" in page.answer
    assert page.next_steps[0].startswith("Find out why a draw does not hold")
    assert "And 2 faults more" in text_of(page)
    assert next(one for one in page.key_figures if one.label == "Drawn by lot").tone == "bad"


@pytest.mark.parametrize(
    ("estimates", "told"),
    [
        (None, "No declaration of these days was open to the random arm."),
        ({"status": "refused", "found": 7, "needed": 30, "advice": "Wait."}, "Not estimated: 7 found, 30 needed."),
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
