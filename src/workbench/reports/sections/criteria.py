"""What a back-test found, as sections: one in a run's report, several on a page of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from workbench.reports.numbers import Estimate
from workbench.reports.page import Definition, Details, Fact, Figure, KeyFigure, Section, Table, Tone
from workbench.reports.sections import criteria_figures as figures
from workbench.reports.sections import criteria_tables as tables
from workbench.reports.sections import criteria_words as words
from workbench.reports.sections.cells import Row, counted, day, decimals, estimate, percent
from workbench.reports.sections.criteria_offices import offices

_NO_STATES: Mapping[str, str] = {}


def section(found: Row, states: Mapping[str, str] = _NO_STATES) -> Section | None:
    """Return the criteria's section of a run's report; ``None`` where there are none.

    Parameters
    ----------
    found
        A back-test as JSON.
    states
        State of each criterion in its lifecycle, by id; one that is missing is told by its mode.
    """
    if not found["criteria"]:
        return None
    whole = _present(
        tables.league(found, states),
        figures.versus(found),
        figures.gain(found),
        _details("Overlap, months and offices", figures.overlap(found), figures.months(found), offices(found)),
        _details(
            "All numbers, and what they rest on", tables.numbers(found), tables.flags(found), text=found["caveats"]
        ),
    )
    return Section("What the criteria find", _words(found, states), whole)


def sections(found: Row, states: Mapping[str, str] = _NO_STATES) -> tuple[Section, ...]:
    """Return the sections of a back-test's own page; parameters as :func:`section`."""
    made = [
        Section("Criterion by criterion", _single(found, states), _present(tables.league(found, states))),
        Section(
            "What the set adds up to", (), _present(figures.versus(found), figures.gain(found), tables.lanes(found))
        ),
        Section("What hits the same goods", (), _present(figures.overlap(found))),
        Section("Over time", (), _present(figures.months(found), figures.given_lanes(found))),
        Section("What it costs the offices", (), _present(offices(found))),
        Section(
            "All numbers",
            tuple(found["caveats"]),
            _present(
                _details("By criterion", tables.numbers(found)),
                _details("Why criteria stand out", tables.flags(found)),
                _details("By kind of violation", tables.kinds(found)),
            ),
        ),
    ]
    return tuple(one for one in made if one.blocks or one.text)


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen of a back-test's own page."""
    whole = words.of_set(found)
    rate, lot = estimate(whole, "hit_rate_of_controlled"), words.chance(found)
    beside = "no rate by lot is known"
    if lot is not None:
        beside = f"by lot: {percent(lot.value, 2)} ({percent(lot.low, 2)} to {percent(lot.high, 2)})"
    places = decimals(whole["hit_rate_of_controlled"] or 0.0)
    yield KeyFigure("Hit rate", rate, "share", places, beside, _tone(rate, lot))
    known = f"{whole['known_violations']:,} of {counted(found['violations'], 'violation')} known"
    yield KeyFigure("Of all known", whole["share_of_known_violations"], "share", 0, known)
    asked = f"of {counted(found['declarations'], 'declaration')}, {words.days(found)}"
    yield KeyFigure("Controls asked for", whole["expected_controls"], "count", 0, asked)
    count = len(words.to_look_at(found))
    tone: Tone = "attention" if count else "good"
    yield KeyFigure("Criteria to look at", count, "count", 0, f"of {len(found['criteria'])} in the set", tone)


def facts(found: Row) -> Iterator[Fact]:
    """Yield where the figures of a back-test come from."""
    yield Fact("Period", words.days(found))
    yield Fact("Declaration items", f"{found['items']:,}, of these {found['known_items']:,} with a recorded result")
    yield Fact("Expiry judged on", day(found["on"]))
    yield Fact("Scores", "none" if found["score_from"] is None else f"from {day(found['score_from'])} on")
    yield Fact("Rate by lot", figures.BASES[found["chance_basis"]])


def _words(found: Row, states: Mapping[str, str]) -> tuple[str, ...]:
    *telling, shadow = *words.stands_out(found), words.in_shadow(found, states)
    return tuple(filter(None, (words.answer(found), words.covered(found), " ".join(telling), shadow)))


def _single(found: Row, states: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(filter(None, (*words.stands_out(found), words.in_shadow(found, states))))


def _tone(rate: Estimate | None, lot: Estimate | None) -> Tone:
    if rate is None or lot is None:
        return "neutral"
    if rate.low > lot.high:
        return "good"
    return "bad" if rate.high < lot.low else "attention"


def _present(*blocks: Figure | Table | Details | None) -> tuple[Figure | Table | Details, ...]:
    return tuple(block for block in blocks if block is not None)


def _details(title: str, *blocks: Figure | Table | None, text: Iterable[str] = ()) -> Details | None:
    found = tuple(block for block in blocks if block is not None)
    return Details(title, found, tuple(text)) if found else None


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Hits": "Declaration items for which a criterion's condition is true.",
        "Not evaluable": "A value that the condition reads is missing: neither a hit nor a clean bill.",
        "Controls asked for": "Expected number of declarations that the hit percentages select, each counted once.",
        "Results": "Items hit whose control has a recorded result. What is in the others nobody knows.",
        "Hit rate": "Violations / items with a recorded result (Wilson interval at 95 %). Larger is better.",
        "Of all known": "Share of all violations known in the period that lie in the goods hit. Larger is better.",
        "By lot": "What the same number of controls would find if chance chose the goods.",
        "Unique": "Hit by no other criterion of the set.",
        "Stands out": "Finds more or less than chance: the 95 % interval of the difference to the rate by lot leaves "
        "out 0 (Newcombe's, which counts the uncertainty of both). Hits or finds less and less: the later half of the "
        "days lies a fifth or more below the earlier one, as chance does in less than one of a hundred cases. It is "
        "said apart where a profile that counts declarations or controls is read: such counts grow with the history. "
        "Soon: within 30 days.",
        "Criteria to look at": "Those that what to do next is about: expired or expiring, finding less than chance, "
        "never hitting, fading, often not evaluable, or hitting what another hits.",
    }.items()
)
