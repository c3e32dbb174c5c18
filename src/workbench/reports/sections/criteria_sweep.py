"""What a sweep of parameters says: controls against violations and duty, the point suggested, every point tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.criteria.sweep import FLATTERS, WORTHWHILE
from workbench.reports.figures import Axis, HeatMap, LineChart, Reference, Series
from workbench.reports.numbers import Kind
from workbench.reports.page import Definition, Details, Figure, KeyFigure, Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, decimals, estimate, laid_out, percent, table

_RATE = "hit_rate_of_controlled"
_VIOLATIONS, _DUTY = "Violations among controlled hits", "Duty recovered from controlled hits"


def answer(found: Row) -> str:
    """Return the suggested values beside those as they stand, with what each costs and finds."""
    now, best = standing(found), suggested(found)
    stands = f"As it stands, with {_written(found, now)}, it {_worth(now)}."
    if best is None:
        return f"Nothing is suggested: no value is clearly better than control by chance. {stands}"
    if best is now:
        return f"The values as they stand are the best of those tried. {stands}"
    return f"With {_written(found, best)} the criterion {_worth(best)}. {stands} {FLATTERS}"


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen: of the suggested point, or of the values as they stand."""
    now = standing(found)
    best = suggested(found) or now
    what = "As it stands" if best is now else "Suggested"
    yield KeyFigure(what, _values(found, best), "text", note="" if best is now else f"now: {_values(found, now)}")
    controls = "" if best is now else f"now: {now['expected_controls']:,.0f}"
    yield KeyFigure("Expected controls", best["expected_controls"], "count", 0, controls)
    known = f"of {best['labelled_hits']:,}"
    if best is not now:
        known += f"; now: {now['known_violations']:,} of {now['labelled_hits']:,}"
    yield KeyFigure("Violations among controlled hits", best["known_violations"], "count", 0, known)
    rate = f"all controlled goods: {percent(found['base_rate'], 2)}" if found["base_rate"] is not None else ""
    yield KeyFigure("Hit rate", estimate(best, _RATE), "share", decimals(best[_RATE] or 0.0), rate)


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    frontiers = [_frontier(found, "best_for_violations", "known_violations", _VIOLATIONS, "count")]
    if _pays(found):
        frontiers.append(_frontier(found, "best_for_duty", "known_recovered_duty_usd", _DUTY, "usd"))
    made = tuple(figure for figure in frontiers if figure is not None)
    if made:
        yield Section("What more controls would buy", (), made)
    yield Section(_effect_title(found), (), tuple(_effects(found)))
    yield Section("Every point tried", (), (Details("All points", (_points(found),)),))


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do with the suggestion."""
    if suggested(found) in (None, standing(found)):
        yield "Leave the values as they are, or try another range or another condition."
        return
    yield (
        "Back-test the whole set with the suggested values on a later period than this one, which had no part in the "
        "choice; other criteria may hit the same goods."
    )
    yield "Then write them into the file and have the criterion approved anew: a changed value voids the approval."


def standing(found: Row) -> Row:
    """Return the point of the values as they stand."""
    point: Row = next(row for row in found["points"] if row["current"])
    return point


def suggested(found: Row) -> Row | None:
    """Return the suggested point; ``None`` where none is better than chance."""
    if found["suggested"] is None:
        return None
    wanted = {f":{name}": value for name, value in found["suggested"].items()}
    point: Row = next(row for row in found["points"] if all(row[name] == value for name, value in wanted.items()))
    return point


def _frontier(found: Row, best: str, gain: str, label: str, kind: Kind) -> Figure | None:
    """Return the most that each number of controls can find, with the points to choose between."""
    rows = sorted((row for row in found["points"] if row[best]), key=lambda row: row["expected_controls"])
    if not rows:
        return None
    now, wanted = standing(found), suggested(found)
    dots = {"As it stands": now} | ({"Suggested": wanted} if wanted not in (None, now) else {})
    x = sorted({row["expected_controls"] for row in [*rows, *dots.values()]})
    reach = tuple(max((row[gain] for row in rows if row["expected_controls"] <= cost), default=None) for cost in x)
    series = [Series("The most that can be found", reach)]
    for name, dot in dots.items():
        series.append(Series(name, tuple(dot[gain] if cost == dot["expected_controls"] else None for cost in x)))
    columns = _value_columns(found) | {"expected_controls": ("Expected controls", "count"), gain: (label, kind)}
    return Figure(
        f"{label} against the controls expected",
        LineChart(
            tuple(x),
            Axis("Expected controls: declarations hit, times the share selected", "count"),
            Axis(label, kind),
            tuple(series),
        ),
        table("Points that no other beats", _rows(found, rows), **columns),
        f"From {rows[0]['expected_controls']:,.0f} controls to {rows[-1]['expected_controls']:,.0f}.",
        f"{_beaten(found, rows)}{_known(found)}",
    )


def _beaten(found: Row, rows: Sequence[Row]) -> str:
    if len(rows) == len(found["points"]) > 1:
        return f"None of the {len(rows)} points is beaten by another: the more controls, the more is found."
    return "A point below the line asks for controls that other values would use better."


def _known(found: Row) -> str:
    """Say that not all is known, where that is so."""
    everything = all(row["labelled_hits"] == row["hits"] for row in found["points"])
    return "" if everything else " The two are counted apart: of hits that nobody controlled nothing is known."


def _pays(found: Row) -> bool:
    return any(row["known_recovered_duty_usd"] for row in found["points"])


def _effects(found: Row) -> Iterator[Figure]:
    parameters = _parameters(found)
    if len(parameters) == 1:
        yield _rate_by_value(found, parameters[0])
    else:
        yield _grid(found, *parameters)


def _effect_title(found: Row) -> str:
    names = [name.removeprefix(":") for name in _parameters(found)]
    return f"What {' and '.join(names)} {'does' if len(names) == 1 else 'do'}"


def _rate_by_value(found: Row, parameter: str) -> Figure:
    rows = found["points"]
    digits = decimals(max((row[_RATE] or 0.0 for row in rows), default=0.0))
    base = found["base_rate"]
    return Figure(
        f"Hit rate by {parameter.removeprefix(':')}",
        LineChart(
            tuple(row[parameter] for row in rows),
            Axis(parameter.removeprefix(":"), "number"),
            Axis("Hit rate", "share", digits),
            (Series("Hit rate", tuple(estimate(row, _RATE) for row in rows)),),
            () if base is None else (Reference("All controls", base),),
        ),
        table(
            "Hit rate by value",
            _rows(found, rows),
            **_rate_columns(found, digits),
        ),
        f"Hit rate at {len(rows)} values of {parameter.removeprefix(':')}, with 95 % intervals.",
        "Where the band is wide, few of the goods hit were controlled.",
    )


def _grid(found: Row, down: str, across: str) -> Figure:
    rows, columns = (sorted({row[name] for row in found["points"]}) for name in (down, across))
    rates = {(row[down], row[across]): row[_RATE] for row in found["points"]}
    digits = decimals(max((rate or 0.0 for rate in rates.values()), default=0.0))
    names = [name.removeprefix(":") for name in (down, across)]
    return Figure(
        f"Hit rate by {names[0]} (rows) and {names[1]} (columns)",
        HeatMap(
            tuple(f"{value:g}" for value in rows),
            tuple(f"{value:g}" for value in columns),
            tuple(tuple(rates.get((row, column)) for column in columns) for row in rows),
            Axis(f"Hit rate by {names[0]} and {names[1]}", "share", digits),
            link="and",
        ),
        table(
            "Hit rate by values",
            _rows(found, found["points"]),
            **_rate_columns(found, digits),
        ),
        f"Hit rate at {len(found['points'])} pairs of values.",
        "An empty cell found nothing, or none of its goods was controlled.",
    )


def _points(found: Row) -> Table:
    columns = _value_columns(found) | {
        "hits": ("Hits", "count"),
        "not_evaluable": ("not evaluable", "count"),
        "expected_controls": ("Expected controls", "count"),
        "labelled_hits": ("Controlled hits", "count"),
        "known_violations": ("Violations among them", "count"),
        "added_known_violations": ("beyond others", "count"),
        "hit_rate": ("Hit rate", "share", 1),
        "known_recovered_duty_usd": ("Duty recovered", "usd"),
    }
    if not _pays(found):
        del columns["known_recovered_duty_usd"]
    made = table("With what each costs and finds", _rows(found, found["points"]), **columns)
    return laid_out(made, under=("not_evaluable", "added_known_violations"))


def _rate_columns(found: Row, digits: int) -> dict[str, Spec]:
    return _value_columns(found) | {
        "labelled_hits": ("Controlled hits", "count"),
        "known_violations": ("Violations among them", "count"),
        "hit_rate": ("Hit rate", "share", digits),
    }


def _rows(found: Row, points: Sequence[Row]) -> list[Row]:
    """Return points as tables show them: values of parameters with no more digits than they have."""
    values = _parameters(found)
    return [{**row, **{name: f"{row[name]:g}" for name in values}, "hit_rate": estimate(row, _RATE)} for row in points]


def _value_columns(found: Row) -> dict[str, Spec]:
    return {name: (name.removeprefix(":"), "text") for name in _parameters(found)}


def _parameters(found: Row) -> list[str]:
    return [name for name in found["points"][0] if name.startswith(":")]


def _values(found: Row, point: Row) -> str:
    return ", ".join(f"{point[name]:g}" for name in _parameters(found))


def _written(found: Row, point: Row) -> str:
    return " and ".join(f"{name.removeprefix(':')} = {point[name]:g}" for name in _parameters(found))


def _worth(point: Row) -> str:
    asks = f"asks for {counted(round(point['expected_controls']), 'control')}"
    if point[_RATE] is None:
        return f"{asks}; none of the goods it hits was controlled"
    rate = f"{percent(point[_RATE], 2)}, {percent(point['low_95'], 2)} to {percent(point['high_95'], 2)}"
    found = f"{point['known_violations']:,} of {counted(point['labelled_hits'], 'controlled hit')} held a violation"
    return f"{asks}; {found} ({rate})"


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Suggested": f"The point with most violations beyond {WORTHWHILE:g} times those that as many controls find "
        "anyway, its hit rate taken at the lower bound.",
        "Expected controls": "Declarations hit, times the share of them that hit percentage and forced selection take.",
        "Hit rate": "Violations / controlled hits (Wilson interval at 95 %). Larger is better.",
        "Controlled hits": "Items hit whose control has a recorded result, whatever had selected them: not the share "
        "that hit percentage and forced selection would have taken.",
        "beyond others": "Known violations that no other criterion of the set hits.",
    }.items()
)
