"""Scoring over arbitrary dirt in raw rows: no declaration is lost, and what is read is decided alike in any order."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.declarations import prepare_declarations
from workbench.scorer.batch import score_file
from workbench.scorer.bundle import Manifest, ScoringBundle
from workbench.scorer.scorer import DECISIONS, Scorer

AS_OF = datetime(2025, 7, 1)
DIRT = st.sampled_from(
    [
        "",
        " ",
        "x",
        "-1",
        "1e400",
        "inf",
        "-inf",
        "NaN",
        "1,5",
        "0",
        "2999-01-01",
        "2025-13-01",
        "\u0665",
        "999999999999",
    ]
)
COLUMNS = ["declaration_id", "item_no", "lodged_at", "hs_code", "net_mass_kg", "customs_value_usd", "office_id",
           "package_count", "importer_id", "origin_country_code", "duty_rate"]  # fmt: skip

changes = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(COLUMNS), st.one_of(st.none(), DIRT)), min_size=1, max_size=12
)
copies = st.lists(st.integers(0, 11), max_size=4)

relaxed = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def dirty(raw: pl.DataFrame, dirt: list[tuple[int, str, Any]], repeated: list[int]) -> pl.DataFrame:
    """Write twelve rows as a CSV holds them, put dirt into cells and repeat rows."""
    table = raw[200:212].with_columns(pl.col("lodged_at").dt.to_string("%Y-%m-%d %H:%M:%S"))
    rows = table.cast(pl.String).to_dicts()
    for at, column, value in dirt:
        rows[at][column] = value
    return pl.DataFrame(rows + [rows[at] for at in repeated], schema=dict.fromkeys(table.columns, pl.String))


@given(dirt=changes, repeated=copies)
@relaxed
def test_no_declaration_is_lost_decided_plus_quarantined_is_read(
    small_scorer: Scorer, small_raw: pl.DataFrame, dirt: list[Any], repeated: list[int]
) -> None:
    raw = dirty(small_raw, dirt, repeated)
    decided = small_scorer.score(raw, as_of=AS_OF)
    assert tuple(decided.columns) == DECISIONS
    assert decided.height == raw.height
    unread = decided["cause"].str.starts_with("quarantine:") & decided["score"].is_null()
    assert (decided["score"].is_not_null() | unread).all()
    assert decided["score"].drop_nulls().is_finite().all()
    assert (decided.filter(unread)["lane"] == "yellow").all()
    assert decided.select("lane", "cause", "inclusion_probability").null_count().row(0) == (0, 0, 0)


@given(dirt=changes, repeated=copies)
@relaxed
def test_preparing_loses_no_row_either(
    small_scorer: Scorer, small_raw: pl.DataFrame, dirt: list[Any], repeated: list[int]
) -> None:
    raw = dirty(small_raw, dirt, repeated)
    prepared = prepare_declarations(raw, small_scorer.mapping, as_of=AS_OF, labelled=False)
    assert prepared.declarations.height + prepared.quarantine.height == raw.height
    decided = small_scorer.score(raw, as_of=AS_OF)
    assert decided["score"].null_count() == prepared.quarantine.height


@given(dirt=changes, repeated=copies, random=st.randoms(use_true_random=False))
@relaxed
def test_order_of_dirty_rows_changes_no_decision(
    small_scorer: Scorer, small_raw: pl.DataFrame, dirt: list[Any], repeated: list[int], random: Any
) -> None:
    raw = dirty(small_raw, dirt, repeated)
    order = list(range(raw.height))
    random.shuffle(order)
    straight = small_scorer.score(raw, as_of=AS_OF)
    shuffled = small_scorer.score(raw[order], as_of=AS_OF)
    assert shuffled.equals(straight[order])


@given(dirt=changes, repeated=copies)
@settings(relaxed, max_examples=10)
def test_a_file_in_chunks_is_decided_as_a_table_in_memory(
    small_scorer: Scorer,
    small_raw: pl.DataFrame,
    dirt: list[Any],
    repeated: list[int],
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("workbench.scorer.batch.CHUNK_ROWS", 5)
    raw = dirty(small_raw, dirt, repeated)
    raw.write_parquet(tmp_path / "raw.parquet")
    bundle = ScoringBundle(Manifest(1, "p", "1", "", {}, {}), small_scorer)
    summary = score_file(bundle, tmp_path / "raw.parquet", tmp_path / "out.parquet", as_of=AS_OF)
    expected = small_scorer.score(raw, as_of=AS_OF)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(expected)
    assert summary.rows == raw.height == sum(summary.lanes.values())
