"""Validation: every fault has its code, every row its place, and no row depends on its neighbours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from workbench.scorer.errors import ConfigError
from workbench.scorer.intake.checks import Severity, declaration_checks
from workbench.scorer.intake.countries import COUNTRY_CODES
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.intake.validation import FLAGS, ROW_NO, Validated, duplicate_keys, validate
from workbench.scorer.schema import Role, empty, names

COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)
IDENTITY = Mapping.from_dict({"name": "identity", "columns": {name: name for name in COLUMNS}})
AS_OF = datetime(2025, 1, 1)
GOOD: dict[str, Any] = {
    "declaration_id": "A1",
    "item_no": 1,
    "lodged_at": datetime(2024, 12, 31),
    "flow": "import",
    "hs_code": "870323",
    "origin_country_code": "VN",
    "departure_country_code": "XK",
    "duty_rate": 0.1,
    "net_mass_kg": 10.0,
    "gross_mass_kg": 11.0,
    "quantity": 10.0,
    "quantity_unit_code": "KGM",
    "package_count": 1,
    "container_count": 0,
    "customs_value_usd": 100.0,
}


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = empty(COLUMNS).schema
    return pl.DataFrame([GOOD | {"declaration_id": f"A{number}"} | row for number, row in enumerate(rows)], schema)


def checked(*rows: dict[str, Any], **options: Any) -> Validated:
    return validate(Canonical(table(*rows), {}), as_of=AS_OF, **options)


def from_text(**values: str) -> Validated:
    """Validate one row whose `values` are raw text."""
    texts = {name: pl.lit(text) for name, text in values.items()}
    return validate(IDENTITY.apply(table({}).with_columns(**texts)), as_of=AS_OF)


ERRORS = [
    ("missing_key", {"declaration_id": None}),
    ("missing_key", {"item_no": None}),
    ("invisible_key", {"declaration_id": "100000011084\u200b"}),
    ("invisible_key", {"declaration_id": "100000011084\u00a0"}),
    ("invisible_key", {"declaration_id": "1000\t00011084"}),
    ("missing_date", {"lodged_at": None}),
    ("future_date", {"lodged_at": AS_OF + timedelta(microseconds=1)}),
    ("not_finite", {"net_mass_kg": float("nan")}),
    ("not_finite", {"customs_value_usd": float("inf")}),
    ("not_finite", {"duty_rate": float("-inf")}),
    ("negative_mass", {"net_mass_kg": -0.1}),
    ("negative_mass", {"gross_mass_kg": -0.1}),
    ("negative_value", {"customs_value_usd": -1.0}),
    ("negative_value", {"package_count": -1}),
    ("impossible_hs", {"hs_code": "10129"}),
    ("impossible_hs", {"hs_code": "001234"}),
    ("impossible_hs", {"hs_code": "770100"}),
    ("impossible_hs", {"hs_code": "980100"}),
    ("impossible_hs", {"hs_code": "8703.23"}),
    ("impossible_hs", {"hs_code": "8703231234567"}),
    ("impossible_hs", {"hs_code": "٨٧٠٣٢٣"}),
    ("impossible_hs", {"hs_code": "870323\n"}),
    ("missing_hs", {"hs_code": None}),
    ("not_finite", {"customs_value_usd": 1e30}),
    ("not_finite", {"net_mass_kg": -1e300}),
    ("negative_rate", {"duty_rate": -0.01}),
]
WARNINGS = [
    ("missing_mass", {"net_mass_kg": None}),
    ("zero_mass", {"net_mass_kg": 0.0, "quantity": 0.0}),
    ("missing_value", {"customs_value_usd": None}),
    ("zero_value", {"customs_value_usd": 0.0}),
    ("missing_country", {"origin_country_code": None}),
    ("unknown_country", {"origin_country_code": "ZZ"}),
    ("unknown_country", {"departure_country_code": "vn"}),
    ("unknown_code", {"flow": "smuggled"}),
    ("unit_mismatch", {"net_mass_kg": 12.0, "quantity": 12.0}),
    ("unit_mismatch", {"quantity": 10_000.0}),
    ("value_outlier", {"customs_value_usd": 0.009}),
    ("value_outlier", {"customs_value_usd": 1e7 + 1}),
    ("rate_out_of_range", {"duty_rate": 10.1}),
]
UNREADABLE = [
    ("unparsable_date", {"lodged_at": "31/12/2024"}),
    ("unparsable_number", {"net_mass_kg": "ten"}),
    ("unparsable_number", {"package_count": "1.5"}),
]


def test_a_good_row_stays_without_a_flag() -> None:
    result = checked({})
    assert result.valid[FLAGS].to_list() == [""]
    assert result.valid.columns == [*COLUMNS, FLAGS, ROW_NO]
    assert result.quarantined.height == 0
    assert result.findings == ()


@pytest.mark.parametrize(("code", "row"), ERRORS)
def test_an_error_sets_the_row_aside(code: str, row: dict[str, Any]) -> None:
    result = checked({}, row)
    assert result.quarantined["code"].to_list() == [code]
    assert result.quarantined[ROW_NO].to_list() == [2]
    assert result.valid[ROW_NO].to_list() == [1]
    assert next(finding for finding in result.findings if finding.code == code).count == 1


@pytest.mark.parametrize(("code", "row"), WARNINGS)
def test_a_warning_flags_the_row_and_keeps_it(code: str, row: dict[str, Any]) -> None:
    result = checked({}, row)
    assert result.valid[FLAGS].to_list() == ["", code]
    assert [(finding.code, finding.severity) for finding in result.findings] == [(code, Severity.WARNING)]


@pytest.mark.parametrize(("code", "values"), UNREADABLE)
def test_what_cannot_be_read_is_shown_as_it_stands(code: str, values: dict[str, str]) -> None:
    result = from_text(**values)
    assert result.quarantined["code"].to_list() == [code]
    ((column, text),) = values.items()
    assert f"{column}={text}" in result.quarantined["found"].item()


def test_a_code_outside_its_recode_table_is_flagged() -> None:
    recoded = IDENTITY.to_dict()
    recoded["columns"] |= {"flow": {"column": "flow", "values": {"I": "import"}}}
    result = validate(Mapping.from_dict(recoded).apply(table({}).with_columns(flow=pl.lit("X"))))
    assert result.valid[FLAGS].to_list() == ["unknown_code"]
    assert result.findings[0].first[0].found == "flow=X"


def test_every_code_has_its_case() -> None:
    tried = {code for code, _ in [*ERRORS, *WARNINGS, *UNREADABLE]} | {"duplicate_key"}
    assert tried == {check.code for check in declaration_checks([], AS_OF)}


@pytest.mark.parametrize(
    "row",
    [
        {"lodged_at": AS_OF},
        {"hs_code": "010129"},
        {"hs_code": "970600123456"},
        {"origin_country_code": "EU"},
        {"departure_country_code": None, "gross_mass_kg": None, "quantity": None, "duty_rate": None, "flow": None},
        {"quantity": 10.4},
        {"quantity": 7_000.0, "quantity_unit_code": "NMB"},
        {"duty_rate": 7.543},
        {"customs_value_usd": 0.01},
    ],
)
def test_what_is_unusual_but_possible_passes(row: dict[str, Any]) -> None:
    assert checked(row).valid[FLAGS].to_list() == [""]


def test_a_moment_with_a_zone_is_refused() -> None:
    with pytest.raises(ConfigError, match="local time of the offices"):
        validate(Canonical(table({}), {}), as_of=AS_OF.replace(tzinfo=UTC))


def test_no_moment_given_means_no_future() -> None:
    assert validate(Canonical(table({"lodged_at": datetime(2999, 1, 1)}), {})).findings == ()


def test_the_first_error_in_the_order_of_checks_names_the_row() -> None:
    row = {"gross_mass_kg": -1.0, "customs_value_usd": float("nan"), "hs_code": None, "origin_country_code": "ZZ"}
    result = checked(row)
    assert result.quarantined["code"].to_list() == ["not_finite"]
    assert [finding.code for finding in result.findings] == [
        "not_finite",
        "negative_mass",
        "missing_hs",
        "unknown_country",
        "unit_mismatch",
    ]


def test_flags_are_joined_in_the_order_of_checks() -> None:
    row = {"customs_value_usd": 0.0, "origin_country_code": "ZZ", "duty_rate": 99.0}
    assert checked(row, {}, row).valid[FLAGS].to_list() == [
        (f := "zero_value,unknown_country,rate_out_of_range"),
        "",
        f,
    ]


def test_every_row_that_shares_a_key_is_set_aside() -> None:
    twice = {"declaration_id": "D"}
    result = checked(twice, {}, twice, twice | {"item_no": 2})
    assert result.quarantined.select(ROW_NO, "code").rows() == [(1, "duplicate_key"), (3, "duplicate_key")]


def test_a_missing_key_is_no_duplicate() -> None:
    none = {"declaration_id": None}
    assert checked(none, none).quarantined["code"].to_list() == ["missing_key", "missing_key"]


def test_chunks_know_the_duplicates_of_the_whole() -> None:
    rows = table({"declaration_id": "D"}, {}, {"declaration_id": "D"}, {})
    whole = validate(Canonical(rows, {})).quarantined["code"].to_list()
    chunks = [rows[:2], rows[2:]]
    shared = duplicate_keys(IDENTITY.apply_keys(chunk) for chunk in chunks)
    found = [validate(Canonical(chunk, {}), duplicates=shared).quarantined["code"].to_list() for chunk in chunks]
    assert shared.rows() == [("D", 1)]
    assert found == [["duplicate_key"], ["duplicate_key"]]
    assert whole == ["duplicate_key", "duplicate_key"]


def test_no_chunks_have_no_duplicates() -> None:
    assert duplicate_keys([]).rows() == []


def test_a_finding_counts_all_and_shows_the_first_keys() -> None:
    rows = [{"net_mass_kg": -float(number + 1), "quantity": None} for number in range(9)]
    (finding,) = checked(*reversed(rows)).findings
    assert finding.count == 9
    assert [row.declaration_id for row in finding.first] == ["A0", "A1", "A2", "A3", "A4"]
    assert finding.sentence() == (
        "negative_mass: 9 row(s), first A0/1 (row 1): found net_mass_kg=-9.0, gross_mass_kg=11.0, expected 0 kg or more"
    )


def test_an_empty_table_is_valid() -> None:
    result = validate(Canonical(empty(COLUMNS), {}), as_of=AS_OF)
    assert (result.valid.height, result.quarantined.height, result.findings) == (0, 0, ())


def test_countries_are_the_iso_codes_and_two_of_customs() -> None:
    assert len(COUNTRY_CODES) == 249 + 2
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRY_CODES)
    assert not {"ZZ", "AA", "XX", "XA", "QZ", "UK", "SU"} & COUNTRY_CODES
