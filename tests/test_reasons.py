"""Sentences: true to the row, silent where a value is no ground for suspicion, safe against strangers' text."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from workbench.scorer.risk.reasons import SENTENCES, Teller, by_subject, sentences, subjects
from workbench.scorer.schema import derive
from workbench.scorer.scorer import Scorer


def teller(scorer: Scorer, raw: pl.DataFrame) -> tuple[Teller, pl.DataFrame]:
    rows = derive(scorer.mapping.apply(raw).frame)
    return Teller(scorer.model.features, scorer.model.features.read(rows)), rows


def tell(scorer: Scorer, raw: pl.DataFrame, subject: str, row: int = 0) -> str:
    named = {one.name: one for one in subjects(scorer.model.features)}
    return teller(scorer, raw)[0].tell(row, named[subject]).sentence


def test_contributions_by_subject_add_up_to_those_by_feature(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    model = small_scorer.model
    given = model.features.read(derive(small_raw.head(50)))
    found = model.contributions(model.features.matrix(given))
    assert by_subject(model.features, found).sum(axis=1) + found[:, -1] == pytest.approx(found.sum(axis=1), abs=1e-5)


def test_every_feature_belongs_to_one_subject(small_scorer: Scorer) -> None:
    places = [place for subject in subjects(small_scorer.model.features) for place in subject.recipes]
    assert sorted(places) == list(range(len(small_scorer.model.features.recipes)))


def test_no_more_sentences_than_are_read_at_the_counter(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    model = small_scorer.model
    given = model.features.read(derive(small_raw.head(200)))
    for approximate in (False, True):
        told = sentences(model, given, model.features.matrix(given), approximate=approximate)
        assert len(told) == 200
        assert any(told)
        assert all(len(re.findall(r"\.(?: |$)", text)) <= SENTENCES for text in told)


def test_reasons_of_a_row_do_not_depend_on_its_company(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    model = small_scorer.model

    def told(rows: pl.DataFrame) -> list[str]:
        given = model.features.read(derive(rows))
        return sentences(model, given, model.features.matrix(given))

    together = told(small_raw.head(30))
    assert [told(small_raw[[at]])[0] for at in range(30)] == together


def test_no_rows_have_no_sentences(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    given = small_scorer.model.features.read(derive(small_raw.head(0)))
    assert sentences(small_scorer.model, given, np.empty((0, 3), dtype=np.float32)) == []


def test_a_price_is_told_with_what_is_usual_for_the_goods(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    lookup = small_scorer.model.features.lookups["hs6__unit_value_usd_per_kg"]
    _, rows = teller(small_scorer, small_raw)
    space = small_scorer.model.features.space
    places = lookup.rows(space.keys(space.codes(rows), lookup.columns))
    low = lookup.take(places, "p25_unit_value_usd_per_kg")
    own = rows["unit_value_usd_per_kg"].fill_null(np.inf).to_numpy()
    at = int(np.flatnonzero((own < low) & (low >= 0.01) & (low < 1000) & (own >= 0.01))[0])
    told = tell(small_scorer, small_raw, "hs6__unit_value_usd_per_kg", at)
    assert told == (f"Unit value {own[at]:.2f} USD/kg; three quarters of HS {rows['hs6'][at]} are above {low[at]:.2f}.")


def test_a_missing_mass_is_told_as_such(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    nothing = small_raw.head(1).with_columns(net_mass_kg=pl.lit(0.0))
    told = tell(small_scorer, nothing, "hs6__unit_value_usd_per_kg")
    assert told == "Unit value cannot be computed: mass or quantity is zero or missing."


def test_a_new_importer_is_told_as_new(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    new = small_raw.head(1).with_columns(importer_id=pl.lit("NEW"))
    assert tell(small_scorer, new, "importer__controls") == ""
    assert tell(small_scorer, new, "importer__declarations") == "First declaration of importer NEW."


def test_a_group_no_worse_than_usual_is_no_reason(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    features = small_scorer.model.features
    _, rows = teller(small_scorer, small_raw)
    profile = features.profiles(features.read(rows), ["importer_hit_rate", "importer_controls", "importer_violations"])
    usual = features.lookups["importer__controls"].defaults["hit_rate"]
    controlled = profile["importer_controls"] >= 1
    clean = int((controlled & (profile["importer_hit_rate"] <= usual)).arg_true()[0])
    caught = int((controlled & (profile["importer_hit_rate"] > 1.5 * usual)).arg_true()[0])
    counts = [int(profile[name][caught]) for name in ("importer_violations", "importer_controls")]
    assert tell(small_scorer, small_raw, "importer__controls", clean) == ""
    # The counts are those observed, never the smoothed rate that the model reads.
    assert re.fullmatch(
        rf"{counts[0]} of {counts[1]} past controls? of importer {rows['importer_id'][caught]} "
        r"found a violation; usual is [\d.]+ %\.",
        tell(small_scorer, small_raw, "importer__controls", caught),
    )


def test_one_fact_is_told_once_however_many_crosses_speak_of_it(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    model = small_scorer.model
    given = model.features.read(derive(small_raw.head(300)))
    for text in sentences(model, given, model.features.matrix(given)):
        facts = re.findall(r"([\d,]+ of [\d,]+) past control|^(Unit value)| (Unit value)", text)
        assert len(facts) == len(set(facts))


def test_a_score_that_no_value_explains_alone_says_so(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    model = small_scorer.model
    given = model.features.read(derive(small_raw.head(300)))
    assert all(sentences(model, given, model.features.matrix(given)))


def test_text_by_strangers_forges_no_sentence(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    forged = "X\nAll clear.\x00\u202e" + "y" * 200
    told = tell(small_scorer, small_raw.head(1).with_columns(importer_id=pl.lit(forged)), "importer__declarations")
    assert told.isprintable()
    assert len(told) < 100
