"""Cutting by time: what was known when, and that nothing of the future is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from workbench import timeline
from workbench.errors import LabelError, SchemaError
from workbench.timeline import TimeSplit

JAN = datetime(2026, 1, 1)
DAY = timedelta(days=1)


def declarations(*days: float, **columns: list[object]) -> pl.DataFrame:
    rows = {"declaration_id": [f"D{number}" for number in range(len(days))], "item_no": [1] * len(days)}
    moments = pl.Series("lodged_at", [JAN + day * DAY for day in days], dtype=pl.Datetime("us"))
    return pl.DataFrame(rows | columns).with_columns(moments, pl.col("item_no").cast(pl.Int32))


def outcomes(*rows: tuple[str, int | None, float | None]) -> pl.DataFrame:
    moments = [None if known is None else JAN + known * DAY for _, _, known in rows]
    return pl.DataFrame(
        {
            "declaration_id": [row[0] for row in rows],
            "item_no": [1] * len(rows),
            "violation": [row[1] for row in rows],
            "recovered_duty_usd": [None] * len(rows),
            "label_known_at": moments,
        },
        schema_overrides={"item_no": pl.Int32, "label_known_at": pl.Datetime("us")},
    )


def test_a_label_recorded_at_the_moment_itself_is_not_known_yet() -> None:
    table = outcomes(("D0", 1, 2.0), ("D1", 0, 3.0), ("D2", None, 1.0), ("D3", 1, None))
    assert timeline.known_labels(table, JAN + 3 * DAY)["declaration_id"].to_list() == ["D0"]


def test_as_of_keeps_rows_lodged_before_with_the_labels_known_by_then() -> None:
    seen = timeline.as_of(
        declarations(2, 1, 5), outcomes(("D0", 1, 3.0), ("D1", 0, 9.0), ("D2", 1, 1.0)), JAN + 4 * DAY
    )
    assert seen.select("declaration_id", "violation").rows() == [("D1", None), ("D0", 1)]


def test_canonical_order_does_not_depend_on_the_order_of_rows() -> None:
    table = declarations(3, 1, 1, 2)
    assert timeline.in_order(table.reverse()).equals(timeline.in_order(table))


def test_the_last_weeks_are_decided_and_those_before_judge() -> None:
    table = declarations(*range(70))
    split = TimeSplit.last_weeks(table, judge_weeks=2, decide_weeks=3)
    parts = split.parts(table)
    assert split.decide_from - split.judge_from == timedelta(weeks=2)
    assert dict(parts.group_by("part").len().iter_rows()) == {"learn": 35, "judge": 14, "decide": 21}
    assert parts["part"].rle().struct.field("value").to_list() == ["learn", "judge", "decide"]


def test_a_period_shorter_than_its_split_is_refused_with_both_numbers() -> None:
    with pytest.raises(LabelError, match=r"2026-01-01 to 2026-01-10.*2 \+ 3 weeks.*longer period"):
        TimeSplit.last_weeks(declarations(*range(10)), judge_weeks=2, decide_weeks=3)


def test_an_empty_table_and_one_without_dates_cannot_be_split() -> None:
    with pytest.raises(LabelError, match=r"empty.*quarantine"):
        TimeSplit.last_weeks(declarations(), judge_weeks=1, decide_weeks=1)
    with pytest.raises(SchemaError, match="'lodged_at'"):
        TimeSplit.last_weeks(declarations(1).drop("lodged_at"), judge_weeks=1, decide_weeks=1)


def test_parts_that_overlap_in_time_are_refused() -> None:
    timeline.check_order(declarations(0, 1, 2, part=["learn", "judge", "decide"]))
    with pytest.raises(LabelError, match=r"rows for 'judge' begin.*before those for 'learn' end"):
        timeline.check_order(declarations(0, 2, 1, part=["learn", "learn", "judge"]))
    with pytest.raises(LabelError, match="'decide'"):
        timeline.check_order(declarations(2, 1, part=["learn", "decide"]))


def test_one_odd_date_among_the_rows_to_decide_stops_nothing() -> None:
    timeline.check_order(declarations(0, 1, -9_000, 2, 3, part=["learn", "judge", "decide", "decide", "decide"]))


def test_the_start_of_parts() -> None:
    table = declarations(3, 1, 2, part=["decide", "learn", "judge"])
    assert timeline.start_of(table, "judge", "decide") == JAN + 2 * DAY
    assert timeline.start_of(table.filter(pl.col("part") == "learn"), "judge") is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85, 0.99])
def test_the_earlier_share_comes_strictly_before_the_rest_and_splits_no_day(share: float) -> None:
    table = declarations(*(number / 7 for number in range(200)))
    mask = timeline.earlier_share(table.sample(fraction=1.0, shuffle=True, seed=1), share)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=1)
    early, later = shuffled.filter(mask)["lodged_at"], shuffled.filter(~mask)["lodged_at"]
    assert early.dt.date().max() < later.dt.date().min()
    assert len(early) == pytest.approx(200 * share, abs=7)


def test_weeks_cover_the_period_without_gap_or_overlap() -> None:
    windows = list(timeline.weeks(JAN, JAN + 30 * DAY))
    assert windows[0][0] == JAN
    assert all(one[1] == other[0] for one, other in pairwise(windows))
    assert windows[-1][0] <= JAN + 30 * DAY < windows[-1][1]


def test_months_are_their_first_day() -> None:
    table = declarations(0, 31, 45).select(timeline.months())
    assert table.to_series().to_list() == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 2, 1)]
