"""What a check for drift says: which features moved, since when, whom it concerns, and what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from workbench.drift.measures import MEASURES, in_words
from workbench.drift.weeks import DIMENSIONS
from workbench.reports.figures import Axis, Bar, BarChart, HeatMap
from workbench.reports.page import Definition, Fact, Figure, KeyFigure, Section, Tone
from workbench.reports.sections.cells import Row, counted, day, laid_out, percent, period, table
from workbench.reports.sections.drift_weeks import code_words, group, labelled, named, small_multiples, watches

_LISTED, _BARS, _GROUPS, _COLUMNS = 30, 12, 12, 13

DEFINITIONS = (
    Definition("Reference", "The weeks that thresholds were learnt on; nothing is known to have drifted in them."),
    Definition("Baseline", "The weeks right before a week, which it is compared with, in the reference as after it."),
    Definition(
        "Change",
        "How far a week's statistic was from its usual value, in spreads: standard deviations of the same statistic "
        "over the weeks of the reference. It does not hang on the number of goods in the week.",
    ),
    Definition(
        "Threshold",
        "How far a statistic may go so that, in a year in which nothing drifts, the expected number of findings over "
        "all statistics together is the stated one.",
    ),
    Definition(
        "PSI", "Population stability index: the sum over bins of (q - p) ln(q / p), p before and q in the week."
    ),
    Definition(
        "Anderson-Darling",
        "A-D beside bars. Distance of two distributions of numbers that weighs the tails; 1 by chance alone.",
    ),
    Definition(
        "Part of a change", "What a group's goods add to the difference of the means that the change is made of."
    ),
    *(
        Definition(in_words(name).capitalize(), f"{meaning.capitalize()}; {name} in tables.")
        for name, meaning in MEASURES.items()
    ),
)


def answer(found: Row) -> str:
    """Return whether anything drifts, which subjects moved most, whom it concerns, and what could not be watched."""
    return " ".join([_found(found), *_left_open(found["reference"])])


def _found(found: Row) -> str:
    if not found["findings"]:
        return f"Yes: nothing that is watched left its usual range in {counted(found['weeks'], 'week')}."
    first = found["findings"][0]
    subjects = len({_key(one)[1:] for one in found["findings"]})
    told = f"; most of it: {_who(first)}" if first["concerns"] else ""
    return (
        f"No: {counted(len(found['findings']), 'finding')} on {counted(subjects, 'subject')}. What moved most is "
        f"{named(first)}, since the week from {day(first['since'])}: {first['change']:.1f} times as far from usual "
        f"as it strays by itself{told}."
    )


def _left_open(learnt: Row) -> Iterator[str]:
    if learnt["refused"]:
        names = ", ".join(dict.fromkeys(watches(one["code"]) for one in learnt["refused"]))
        yield f"Not watched: {names}; the last section says why."
    if learnt["lacks_seasons"]:
        yield "The reference is shorter than a year: a season that it lacks looks like drift."


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen."""
    expected = found["reference"]["false_alarms_per_year"] * found["weeks"] / 52
    count = len(found["findings"])
    tone: Tone = "attention" if count else "neutral"
    yield KeyFigure("Findings", count, "count", note=f"{expected:.2g} expected if nothing drifts", tone=tone)
    watched = counted(found["reference"]["subjects"], "statistic")
    yield KeyFigure("Weeks checked", found["weeks"], "count", note=f"{watched} each")
    yield KeyFigure("Items", found["items"], "count", note=f"{found['results']:,} results of controls recorded")
    largest = found["findings"][0] if count else (found["ranking"] or [None])[0]
    if largest:
        yield KeyFigure("Change", largest["change"], "number", 1, note=f"largest: {named(largest)}")


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    if found["findings"]:
        yield _listed(found)
    if found["ranking"]:
        weekly = (_weeks(found),) if found["findings"] else ()
        title = "Which columns and rates moved" if found["findings"] else "What moved within its usual range"
        yield Section(title, (), (_ranking(found), *weekly))
        yield Section("Week by week", (_SMALL,), tuple(small_multiples(found)))
    if any(one["concerns"] for one in found["findings"]):
        yield _concerned(found)
    yield _learnt(found)


_SMALL = (
    "What moved most, or came nearest to it: the statistic of each week, what is usual, and the threshold of a single "
    "week. Rates of results are also added up over weeks, so that they may be found without a week above its threshold."
)


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do, for the largest findings first and each advice once; with none, when to look again."""
    if not found["findings"]:
        yield (
            "Nothing has to be mended. Check the coming weeks against the same thresholds: workbench drift with "
            "--thresholds and the thresholds.json beside this page."
        )
        yield "Keep the random arm: what no column shows is seen in its results alone."
    seen: set[str] = set()
    for one in found["findings"]:
        if one["advice"] not in seen and len(seen) < 5:
            seen.add(one["advice"])
            yield f"{named(one)}: {one['advice']}"


def facts(found: Row) -> Iterator[Fact]:
    """Yield where the thresholds come from."""
    learnt = found["reference"]
    yield Fact(
        "Reference", f"{counted(learnt['weeks'], 'week')} to {day(learnt['last_day'])}, {learnt['items']:,} goods"
    )
    yield Fact("Baseline", counted(learnt["baseline"], "week"))
    yield Fact("False findings a year", f"{learnt['false_alarms_per_year']:g}, expected where nothing drifts")


def _listed(found: Row) -> Section:
    rows = [{**one, "what": named(one), "how": code_words(one["code"]), "who": _who(one)} for one in found["findings"]]
    caption = "Findings, what moved most first"
    if len(rows) > _LISTED:
        caption = f"The first {_LISTED} of {len(rows)} findings, what moved most first"
    made = table(
        caption,
        rows[:_LISTED],
        what=("What", "text"),
        subject=("Name in tables", "text"),
        how=("By", "text"),
        since=("Since the week from", "date"),
        change=("Change", "number", 1),
        statistic=("Statistic", "number", 3),
        usual=("Usual", "number", 3),
        threshold=("Threshold", "number", 3),
        who=("Whom it concerns", "text"),
    )
    return Section("What was found", (), (laid_out(made, under=("subject", "how", "usual", "threshold")),))


def _ranking(found: Row) -> Figure:
    rows = found["ranking"][:_BARS]
    labels = [labelled(row) for row in rows]
    return Figure(
        f"What moved most{'' if found['findings'] else ', within its usual range'}: {named(rows[0])}",
        BarChart(
            tuple(Bar(label, row["change"]) for label, row in zip(labels, rows, strict=True)),
            Axis("Largest change, in spreads of the reference", "number", 1),
            order="given",
            highlight=tuple(label for label, row in zip(labels, rows, strict=True) if row["weeks_over"]),
        ),
        table(
            "Statistics by how far they moved",
            [{**row, "what": named(row), "how": code_words(row["code"])} for row in found["ranking"]],
            what=("What", "text"),
            how=("By", "text"),
            change=("Change", "number", 1),
            weeks_over=("Weeks over", "count"),
            weeks=("Weeks", "count"),
        ),
        f"{named(rows[0])} moved by {rows[0]['change']:.1f} spreads.",
        "What was over its threshold in some week is marked."
        if found["findings"]
        else "Nothing was over its threshold.",
    )


def _weeks(found: Row) -> Figure:
    rows = [row for row in found["ranking"][:_BARS] if row["weeks_over"]]
    weeks = sorted({row["week_start"] for row in found["weekly"]})[-_COLUMNS:]
    parts = {(_key(row), row["week_start"]): row["of_limit"] for row in found["weekly"]}
    grid = tuple(tuple(_shade(parts.get((_key(row), week))) for week in weeks) for row in rows)
    over = sum(row["weeks_over"] for row in rows)
    return Figure(
        "When it was over its threshold",
        HeatMap(
            tuple(map(labelled, rows)),
            tuple(week[5:] for week in weeks),
            grid,
            Axis("Part of the threshold", "number", 1),
            link="in the week from",
            full=2.0,
        ),
        table(
            "Weeks over the threshold",
            [{**row, "what": named(row)} for row in found["weekly"] if row["over"]],
            what=("What", "text"),
            week_start=("Week from", "date"),
            change=("Change", "number", 1),
            of_limit=("Part of the threshold", "number", 2),
        ),
        f"{counted(over, 'week')} of what moved most over the threshold.",
        "A cell is empty up to its threshold, and darkest at twice the threshold. Shown are the last 13 weeks at most, "
        "by month and day of their beginning.",
    )


def _shade(part: float | None) -> float | None:
    return None if part is None or part <= 1 else part


def _concerned(found: Row) -> Section:
    """Say which offices, importers, chapters and origins findings name, those with most of the changes first."""
    parts: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for one in found["findings"]:
        own = [{**one, "share": 1.0}] if one["dimension"] in DIMENSIONS else []
        for concern in (*own, *one["concerns"]):
            parts[concern["dimension"], concern["group"]].append((concern["share"], concern["share"] * one["change"]))
    most = sorted(parts.items(), key=lambda one: (-sum(moved for _, moved in one[1]), one[0]))
    rows = [
        {
            "who": group({"dimension": who[0], "group": who[1]}),
            "findings": len(shares),
            "largest": max(share for share, _ in shares),
        }
        for who, shares in most
    ]
    made = table(
        "Groups that findings name, by how much of the changes is theirs",
        rows[:_GROUPS],
        who=("Who", "text"),
        findings=("Findings", "count"),
        largest=("Largest part of a change", "share", 0),
    )
    text = (
        "Parts add up to 100 % over the groups of a column; above 100 % means that others moved the other way. A part "
        "says where a change is, not who is at fault, and large groups have a part in every change."
    )
    return Section("Whom it concerns", (text,), (made,))


def _learnt(found: Row) -> Section:
    learnt = found["reference"]
    text = (
        f"Thresholds were learnt on {learnt['weeks']} weeks, {period(learnt['start'], learnt['last_day'])}: each week "
        f"was compared with the {learnt['baseline']} before it, as the weeks after it are. In a year without drift the "
        f"expected number of findings, over all statistics together, is {learnt['false_alarms_per_year']:g} at most."
    )
    if not learnt["refused"]:
        return Section("How thresholds were learnt", (text,))
    rows = [{"what": code_words(one["code"]), "reason": one["reason"]} for one in learnt["refused"]]
    made = table("What could not be watched", rows, what=("What", "text"), reason=("Why", "text"))
    return Section("How thresholds were learnt", (text,), (made,))


def _who(one: Row) -> str:
    who = sorted(one["concerns"], key=lambda concern: -concern["share"])[:3]
    return ", ".join(f"{group(concern)} {percent(concern['share'], 2)}" for concern in who)


def _key(row: Row) -> tuple[str, str, str, str]:
    return row["code"], row["subject"], row["dimension"], row["group"]
