"""Declarations, outcomes and quarantine: every row leaves somewhere, with its reason."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench.declarations import Prepared, prepare_declarations
from workbench.scorer.errors import LabelError, MappingError, SchemaError, SourceError
from workbench.scorer.frames import like, to_polars
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.schema import SCHEMA, Role, names

MAPPINGS = Path(__file__).parents[1] / "data" / "mappings"
KCS = Mapping.from_toml(MAPPINGS / "kcs.toml")
GENERATED = Mapping.from_toml(MAPPINGS / "generated.toml")
AS_OF = datetime(2021, 1, 1)
ROW = {
    "Declaration ID": "97061800",
    "Date": "2020-01-01",
    "Office ID": "030",
    "Process Type": "B",
    "Import Type": "11",
    "Import Use": "21",
    "Payment Type": "11",
    "Mode of Transport": "10",
    "Declarant ID": "D",
    "Importer ID": "I",
    "Seller ID": "S",
    "Courier ID": None,
    "HS6 Code": "440890",
    "Country of Departure": "BE",
    "Country of Origin": "BE",
    "Tax Rate": "8.0",
    "Tax Type": "FEU1",
    "Country of Origin Indicator": "G",
    "Net Mass": "108.0",
    "Item Price": "1000000.0",
    "Fraud": "0",
    "Critical Fraud": "0",
}


def kcs(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [ROW | {"Declaration ID": f"D{number}"} | row for number, row in enumerate(rows)],
        schema=dict.fromkeys(ROW, pl.String()),
    )


def prepared(*rows: dict[str, Any], **options: Any) -> Prepared[pl.DataFrame]:
    return prepare_declarations(kcs(*rows), KCS, as_of=AS_OF, **options)


def test_a_kcs_row_becomes_a_declaration_and_an_outcome() -> None:
    result = prepared({"Fraud": "1", "Critical Fraud": "2"})
    row = result.declarations.row(0, named=True)
    assert row["lodged_at"] == datetime(2020, 1, 1)
    assert (row["office_id"], row["hs_code"], row["duty_rate"], row["flags"]) == ("030", "440890", 0.08, "")
    assert row["customs_value_usd"] == pytest.approx(847.0)
    outcome = result.outcomes.row(0, named=True)
    assert (outcome["violation"], outcome["critical_violation"]) == (1, 1)
    assert outcome["label_known_at"] == datetime(2020, 1, 1)


def test_tables_have_the_schemas_columns_and_types() -> None:
    result = prepared({})
    expected = {name: SCHEMA[name].dtype for name in names(Role.IDENTITY, Role.LODGEMENT)} | {"flags": pl.String()}
    assert result.declarations.schema == expected
    outcome = {name: SCHEMA[name].dtype for name in names(Role.IDENTITY, Role.DECISION, Role.OUTCOME)}
    assert result.outcomes.schema == outcome
    assert prepared({}, labelled=False).outcomes.schema == outcome
    assert result.quarantine.schema == prepared({"HS6 Code": None}).quarantine.schema


def test_what_is_set_aside_says_why_and_keeps_its_raw_values() -> None:
    result = prepared({}, {"HS6 Code": "10129"}, {"Net Mass": "nan"})
    assert result.declarations["declaration_id"].to_list() == ["D0"]
    assert result.quarantine.select("row_no", "declaration_id", "code").rows() == [
        (2, "D1", "impossible_hs"),
        (3, "D2", "not_finite"),
    ]
    assert result.quarantine["reason"][0].startswith("found hs_code=10129; expected 6 to 12 digits")
    assert json.loads(result.quarantine["raw"][0])["HS6 Code"] == "10129"
    assert result.rejected_outcomes["code"].to_list() == ["quarantined_declaration", "quarantined_declaration"]


def test_typed_raw_values_stay_visible_in_quarantine() -> None:
    raw = kcs({}).with_columns(pl.lit(float("nan")).alias("Net Mass"), pl.lit(datetime(2020, 1, 1)).alias("Date"))
    kept = json.loads(prepare_declarations(raw, KCS, as_of=AS_OF).quarantine["raw"].item())
    assert (kept["Net Mass"], kept["Date"][:10]) == ("NaN", "2020-01-01")


def test_an_unlabelled_part_reads_no_label() -> None:
    raw = kcs({}, {}).drop("Fraud", "Critical Fraud")
    result = prepare_declarations(raw, KCS, as_of=AS_OF, labelled=False)
    assert (result.declarations.height, result.outcomes.height, result.outcome_findings) == (2, 0, ())


def test_missing_label_columns_are_named() -> None:
    with pytest.raises(LabelError, match=r"label column.s. 'Fraud' \(did you mean 'Frauds'\?\), 'Critical Fraud'"):
        prepare_declarations(kcs({}).rename({"Fraud": "Frauds"}).drop("Critical Fraud"), KCS, as_of=AS_OF)


def test_a_labelled_part_needs_outcomes_in_the_mapping() -> None:
    unlabelled = Mapping.from_dict({key: value for key, value in KCS.to_dict().items() if key != "outcomes"})
    with pytest.raises(LabelError, match=r"has no \[outcomes\]"):
        prepare_declarations(kcs({}), unlabelled, as_of=AS_OF)


def test_an_empty_table_and_a_wrong_mapping_are_refused() -> None:
    with pytest.raises(SourceError, match="has no rows"):
        prepare_declarations(kcs({}).clear(), KCS, as_of=AS_OF)
    with pytest.raises(MappingError, match="does not fit the table"):
        prepare_declarations(kcs({}), GENERATED, as_of=AS_OF)


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ({"Fraud": "maybe", "Critical Fraud": None}, "unparsable_label"),
        ({"Critical Fraud": "3"}, "unparsable_label"),
        ({"Fraud": "2"}, "impossible_label"),
        ({"Fraud": "0", "Critical Fraud": "2"}, "contradictory_label"),
        ({"Fraud": None, "Critical Fraud": "2"}, "contradictory_label"),
    ],
)
def test_a_doubtful_label_is_rejected_and_its_declaration_stays(labels: dict[str, Any], code: str) -> None:
    result = prepared({}, labels)
    assert result.rejected_outcomes["code"].to_list() == [code]
    assert (result.declarations.height, result.outcomes.height) == (2, 1)
    assert [(finding.code, finding.count) for finding in result.outcome_findings] == [(code, 1)]


GOOD = {
    "declaration_id": "A",
    "item_no": 1,
    "lodged_at": datetime(2020, 1, 1, 14),
    "hs_code": "870323",
    "origin_country_code": "VN",
    "customs_value_usd": 100.0,
    "net_mass_kg": 10.0,
}
CONTROLLED = {
    "declaration_id": "A",
    "item_no": 1,
    "lane": "red",
    "cause": "random",
    "inclusion_probability": 0.01,
    "violation": 1,
    "critical_violation": 0,
    "violation_kind": "undervaluation",
    "recovered_duty_usd": 12.5,
    "label_known_at": datetime(2020, 1, 1),
}


def generated(*outcomes: dict[str, Any]) -> Prepared[pl.DataFrame]:
    lodged = names(Role.IDENTITY, Role.LODGEMENT)
    known = names(Role.IDENTITY, Role.DECISION, Role.OUTCOME)
    declarations = pl.DataFrame(
        [GOOD, GOOD | {"declaration_id": "B"}], schema={name: SCHEMA[name].dtype for name in lodged}
    )
    labels = pl.DataFrame([CONTROLLED | row for row in outcomes], schema={name: SCHEMA[name].dtype for name in known})
    return prepare_declarations(declarations, GENERATED, as_of=AS_OF, outcomes=labels)


def test_outcomes_may_live_in_a_table_of_their_own() -> None:
    nobody_looked = dict.fromkeys(names(Role.OUTCOME))
    result = generated({}, {"declaration_id": "B", "lane": "green", "cause": "none"} | nobody_looked)
    assert result.outcomes.select("declaration_id", "lane", "violation").rows() == [
        ("A", "red", 1),
        ("B", "green", None),
    ]
    assert result.rejected_outcomes.height == 0


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ({"declaration_id": "X"}, "unknown_declaration"),
        ({"declaration_id": None}, "missing_key"),
        ({"inclusion_probability": 1.5}, "impossible_label"),
        ({"violation": 0}, "contradictory_label"),
        ({"violation": None}, "contradictory_label"),
        ({"recovered_duty_usd": float("inf")}, "not_finite"),
        ({"recovered_duty_usd": 2e12}, "not_finite"),
        ({"recovered_duty_usd": -1.0}, "negative_value"),
        ({"label_known_at": None}, "missing_label_date"),
        ({"label_known_at": datetime(2019, 12, 31)}, "result_before_lodgement"),
    ],
)
def test_an_outcome_that_cannot_be_believed_is_rejected(outcome: dict[str, Any], code: str) -> None:
    result = generated(outcome)
    assert result.rejected_outcomes["code"].to_list() == [code]
    assert (result.declarations.height, result.outcomes.height) == (2, 0)


def test_a_result_told_twice_counts_once() -> None:
    result = generated({}, {})
    assert result.outcomes.height == 1
    assert result.rejected_outcomes["code"].to_list() == ["repeated_label"]


def test_results_that_contradict_each_other_all_go() -> None:
    result = generated({}, {"recovered_duty_usd": 13.0}, {})
    assert result.outcomes.height == 0
    assert sorted(result.rejected_outcomes["code"]) == ["contradictory_label", "contradictory_label", "repeated_label"]


@pytest.mark.parametrize(
    "convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow, pl.DataFrame.lazy, pl.DataFrame.clone]
)
def test_tables_come_back_as_the_kind_that_was_given(convert: Any) -> None:
    given = convert(kcs({}, {"HS6 Code": None}))
    result = prepare_declarations(given, KCS, as_of=AS_OF)
    expected = prepared({}, {"HS6 Code": None})
    for table in ("declarations", "outcomes", "quarantine", "rejected_outcomes"):
        assert type(getattr(result, table)) is type(given)
    assert to_polars(result.declarations).cast(expected.declarations.schema).equals(expected.declarations)


def test_pandas_codes_with_gaps_keep_their_meaning() -> None:
    frame = pd.DataFrame({"office": [40.0, float("nan")], "name": ["a", None]})
    assert to_polars(frame).rows() == [(40.0, "a"), (None, None)]
    assert to_polars(pd.DataFrame({"a": []})).columns == ["a"]


def test_arrow_tables_and_batches_are_read() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    assert to_polars(batch).rows() == to_polars(pa.table({"a": [1]})).rows() == [(1,)]
    assert isinstance(like(pa.table({"a": [1]}), pl.DataFrame({"b": [1]})), pa.Table)


@pytest.mark.parametrize(
    ("frame", "part"),
    [
        ([1, 2], "expected a pandas, Polars or Arrow table, found list"),
        (pd.DataFrame({"a": [1, "x", object()]}), "pandas column 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column is named 'a'"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "more than one column is named '1'"),
    ],
)
def test_what_is_no_plain_table_is_refused(frame: Any, part: str) -> None:
    with pytest.raises(SchemaError, match=part):
        to_polars(frame)


def test_the_door_loads_neither_pandas_nor_arrow() -> None:
    heavy = "{'pandas', 'pyarrow', 'sqlalchemy'}"
    code = f"import sys, workbench.declarations, workbench.sources; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
