"""Properties of reading and validation that hold for any table, however bad."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.declarations import prepare_declarations
from workbench.scorer.errors import SourceError
from workbench.scorer.intake import csv_reading
from workbench.scorer.intake.checks import declaration_checks
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.intake.reading import read_table
from workbench.scorer.intake.validation import FLAGS, ROW_NO, Validated, validate
from workbench.scorer.schema import KEY, SCHEMA, Role, names

COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)
IDENTITY = Mapping.from_dict(
    {
        "name": "identity",
        "columns": {name: name for name in COLUMNS} | {"hs_code": {"column": "hs_code", "width": 6}},
        "outcomes": {name: name for name in names(Role.OUTCOME)},
    }
)
AS_OF = datetime(2025, 1, 1)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Real values beside garbage, so that rows fail in every way and some in none.
LIKELY = [
    "A1",
    "A2",
    "1",
    "2",
    "2024-12-31",
    "2999-01-01",
    "870323",
    "70323",
    "VN",
    "ZZ",
    "0",
    "-1",
    "2.5",
    "nan",
    "inf",
    "",
]
text = st.one_of(st.none(), st.sampled_from(LIKELY), st.text(max_size=6))
good = st.fixed_dictionaries(
    {
        "declaration_id": st.sampled_from(["A1", "A2", "A3", "A4", None]),
        "item_no": st.sampled_from(["1", "2"]),
        "lodged_at": st.sampled_from(["2024-12-31", "2999-01-01", "31/12"]),
        "hs_code": st.sampled_from(["870323", "10129"]),
        "origin_country_code": st.sampled_from(["VN", "ZZ", None]),
        "customs_value_usd": st.sampled_from(["100", "0", "-1", "1e999"]),
        "net_mass_kg": st.sampled_from(["10", "0", "-1"]),
    }
).map(lambda row: dict.fromkeys([*COLUMNS, *names(Role.OUTCOME)]) | row)
garbage = st.fixed_dictionaries(dict.fromkeys([*COLUMNS, *names(Role.OUTCOME)], text))
rows = st.lists(st.one_of(good, garbage), min_size=1, max_size=12)
typed = st.lists(
    st.fixed_dictionaries(
        {name: st.one_of(st.none(), st.floats()) if SCHEMA[name].dtype.is_float() else text for name in COLUMNS}
    ),
    min_size=1,
    max_size=8,
)


def frame(table: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: pl.Float64() if isinstance(_example(table, name), float) else pl.String() for name in table[0]}
    return pl.DataFrame(table, schema=schema)


def _example(table: list[dict[str, Any]], name: str) -> Any:
    return next((row[name] for row in table if row[name] is not None), None)


def judged(table: pl.DataFrame, **options: Any) -> Validated:
    return validate(IDENTITY.apply(table), as_of=AS_OF, **options)


def verdicts(result: Validated) -> dict[int, tuple[str, str]]:
    """Return code and flags of each row by its position."""
    set_aside = result.quarantined.select(ROW_NO, "code", pl.lit("").alias(FLAGS))
    kept = result.valid.select(ROW_NO, pl.lit("").alias("code"), FLAGS)
    return {row_no: (code, flags) for row_no, code, flags in pl.concat([set_aside, kept]).iter_rows()}


@quick
@given(st.one_of(rows, typed))
def test_rows_out_are_rows_in(table: list[dict[str, Any]]) -> None:
    result = judged(frame(table))
    assert sorted([*result.valid[ROW_NO], *result.quarantined[ROW_NO]]) == list(range(1, len(table) + 1))


@quick
@given(rows)
def test_every_row_set_aside_has_a_known_code_and_no_valid_row_has_an_error(table: list[dict[str, Any]]) -> None:
    result = judged(frame(table))
    codes = {check.code: check.severity for check in declaration_checks(COLUMNS, AS_OF)}
    assert all(codes[code] == "error" for code in result.quarantined["code"])
    assert all(codes[flag] == "warning" for flags in result.valid[FLAGS] if flags for flag in flags.split(","))
    assert result.valid.select(pl.all_horizontal(pl.col(KEY).is_not_null())).to_series().all()


@quick
@given(rows, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(table: list[dict[str, Any]], random: Any) -> None:
    order = list(range(len(table)))
    random.shuffle(order)
    straight, shuffled = judged(frame(table)), judged(frame([table[place] for place in order]))
    expected, found = verdicts(straight), verdicts(shuffled)
    assert {place + 1: found[position + 1] for position, place in enumerate(order)} == expected
    assert _without_positions(straight) == _without_positions(shuffled)


def _without_positions(result: Validated) -> list[tuple[Any, ...]]:
    return [
        (finding.code, finding.count, [(row.declaration_id, row.item_no, row.found) for row in finding.first])
        for finding in result.findings
    ]


@quick
@given(rows)
def test_a_row_alone_is_judged_as_in_its_batch(table: list[dict[str, Any]]) -> None:
    whole = frame(table)
    together = verdicts(judged(whole, duplicates=IDENTITY.apply_keys(whole).clear()))
    for position in range(len(table)):
        assert verdicts(judged(whole[position])) == {1: together[position + 1]}


@quick
@given(rows)
def test_no_declaration_and_no_outcome_is_lost(table: list[dict[str, Any]]) -> None:
    raw = frame(table)
    prepared = prepare_declarations(raw, IDENTITY, as_of=AS_OF)
    assert prepared.declarations.height + prepared.quarantine.height == len(table)
    assert prepared.outcomes.height + prepared.rejected_outcomes.height == len(table)
    assert not prepared.declarations.select(KEY).is_duplicated().any()
    assert prepared.outcomes.join(prepared.declarations, on=list(KEY), how="anti").is_empty()
    for row_no, kept in prepared.quarantine.select(ROW_NO, "raw").iter_rows():
        assert json.loads(kept) == table[row_no - 1]


@quick
@given(rows, st.randoms(use_true_random=False))
def test_labels_change_no_declaration(table: list[dict[str, Any]], random: Any) -> None:
    raw = frame(table)
    order = list(range(len(table)))
    random.shuffle(order)
    outcomes = names(Role.OUTCOME)
    shuffled = raw.with_columns(raw.select(outcomes)[order])
    straight = prepare_declarations(raw, IDENTITY, as_of=AS_OF).declarations
    assert straight.equals(prepare_declarations(shuffled, IDENTITY, as_of=AS_OF).declarations)


# What Polars writes, with every value quoted, is what the strict reader must read: quotes, newlines and separators in
# values, cut anywhere by a block.
field = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@quick
@given(st.lists(st.tuples(field, field), max_size=12), st.integers(1, 40))
def test_written_text_is_read_back_whatever_it_holds(table: list[tuple[str, str]], block_bytes: int) -> None:
    written = pl.DataFrame(table, schema={"a": pl.String, "b": pl.String}, orient="row")
    with TemporaryDirectory() as folder, patch.object(csv_reading, "_BLOCK_BYTES", block_bytes):
        path = Path(folder) / "t.csv"
        written.write_csv(path, quote_style="always")
        assert read_table(path).equals(written)


@quick
@given(
    st.sampled_from([b"", b"a,b\n"]),
    st.one_of(st.binary(max_size=40), st.text('ab1,"\n\r', max_size=40).map(str.encode)),
)
def test_any_bytes_are_a_table_or_a_source_error(header: bytes, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(header + content)
        found = _columns_or_message(path)
        assert isinstance(found, list) or str(path) in found
        assert found == ["a", "b"] or not header or isinstance(found, str)


def _columns_or_message(path: Path) -> list[str] | str:
    try:
        return read_table(path).columns
    except SourceError as error:
        return str(error)


pieces = st.lists(st.sampled_from(["a", ",", '"', "\n", '","', '""', '"x"', '"\n"']), max_size=14).map("".join)


@settings(quick, max_examples=300)
@given(pieces)
def test_what_is_accepted_is_what_another_strict_reader_reads(body: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("a,b\n" + body, encoding="utf-8")
        try:
            found = read_table(path)
        except SourceError:
            return
    expected = [tuple(row) for row in csv.reader(io.StringIO(body), strict=True) if row]
    assert found.with_columns(pl.all().fill_null("")).rows() == expected
