"""Curves of a simulation: what each policy had found by each week, and how much it explored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.reports.figures import Axis, GroupedBarChart, LineChart, Series
from workbench.reports.numbers import Cell
from workbench.reports.page import Details, Figure, Table
from workbench.reports.sections.cells import Row, Spec, counted, day, percent, table
from workbench.reports.sections.simulation_words import listed, measure, policies

_MOST_LINES = 5
_MOST_POINTS, _MOST_ROWS, _MOST_MARKS = 120, 27, 3
_MOVES = 0.05
"""Range from which a share of exploration is said to change over time."""

_OF = {
    "precision": "Violations found / controls",
    "recall": "Violations found / all violations",
    "revenue": "Duty found / all that there was to recover",
}
_BOUND = "Most that was possible"


def shown(found: Row) -> list[str]:
    """Return the policies that charts show: the best, the best without exploration, chance, and who comes next."""
    names = [row["policy"] for row in found["policies"]]
    first = [names[0], *(name for name in (found["reference"], "random") if name in names)]
    chosen = list(dict.fromkeys([*first, *names]))[:_MOST_LINES]
    return sorted(chosen, key=names.index)


def left_out(found: Row) -> str:
    """Say which policies no chart shows, the empty string where all are shown."""
    names = [row["policy"] for row in found["policies"] if row["policy"] not in shown(found)]
    return f" Not shown, to keep the lines apart: {listed(names, len(names))}." if names else ""


def cumulative(found: Row, metric: str) -> Figure:
    """Return what each policy had found by each week, with the most that was possible."""
    curves, names = found["curves"], shown(found)
    column = f"cumulative_{metric}"
    series = {name: curves["policies"][name][column] for name in names} | {_BOUND: curves[f"bound_{metric}"]}
    best = names[0]
    last = _last(series[best])
    return _figure(
        found,
        f"By the last week {best} had a {metric} of {percent(last)}" if last is not None else f"{metric}",
        f"{_OF[metric]}, since the first week",
        series,
        "Sums since the first week: a late change moves the line only a little." + left_out(found),
    )


def weekly(found: Row) -> Figure:
    """Return the headline metric over the last few weeks, which moves as fast as the policies learn or decay."""
    curves, names, metric = found["curves"], shown(found), found["headline"]
    weeks = curves["window_weeks"]
    over = "each week" if weeks == 1 else f"the last {counted(weeks, 'week')}"
    return _figure(
        found,
        f"{metric.capitalize()} over {over}",
        f"{_OF[metric]}, over {over}",
        {name: curves["policies"][name][f"smoothed_{metric}"] for name in names},
        "A policy whose line falls away no longer finds what the others find." + left_out(found),
    )


def exploration(found: Row) -> Figure | None:
    """Return how the share of exploration moved; ``None`` where it moved for no policy."""
    curves = found["curves"]
    series = {
        row["policy"]: curves["policies"][row["policy"]]["exploration_share"]
        for row in found["policies"]
        if _moves(curves["policies"][row["policy"]]["exploration_share"])
    }
    if not series:
        return None
    kept = dict(list(series.items())[: _MOST_LINES + 1])
    return _figure(
        found,
        f"How much {next(iter(kept)) if len(kept) == 1 else 'the policies'} explored",
        "Share of the controls chosen to learn",
        kept,
        "Only policies whose share changes are shown.",
    )


def changes(found: Row) -> Iterator[Figure | Details]:
    """Yield what followed each change of the world; of many, the later ones folded away."""
    made = [_change(found, row) for row in found["changes"]]
    yield from made[:2]
    if made[2:]:
        yield Details("Later changes", tuple(made[2:]))


def _change(found: Row, change: Row) -> Figure:
    names = [row["policy"] for row in change["policies"]]
    parts = {"before": "Weeks before", "after": "From then on"}
    until = counted(change["until"] - change["week"], "week")
    series = tuple(
        Series(name, tuple(measure(row[part]) for row in change["policies"])) for part, name in parts.items()
    )
    rows = [{"policy": row["policy"], **{part: measure(row[part]) for part in parts}} for row in change["policies"]]
    columns: dict[str, Spec] = {"policy": ("Policy", "text")}
    columns |= {part: (name, "share", 1) for part, name in parts.items()}
    return Figure(
        f"Week {change['week']}: {change['what']}",
        GroupedBarChart(tuple(names), series, Axis("Recall, weeks together", "share", 1)),
        table(f"Recall before week {change['week']} and in the {until} from then on", rows, **columns),
        f"Recall of {policies(len(names))} before and after week {change['week']}.",
        f"Up to 13 weeks before, and {until} from then on. A policy that loses recall here has not seen the new fraud.",
    )


def _figure(found: Row, title: str, axis: str, series: dict[str, list[float | None]], note: str) -> Figure:
    curves = found["curves"]
    at, rows = (_spread(len(curves["week"]), most) for most in (_MOST_POINTS, _MOST_ROWS))
    lines = [Series(name, tuple(values[week] for week in at)) for name, values in series.items()]
    marks = _marks(found, next(iter(series.values())), at)
    last = ", ".join(f"{name} {percent(end)}" for name, line in series.items() if (end := _last(line)) is not None)
    return Figure(
        title,
        LineChart(
            tuple(curves["week_start"][week] for week in at),
            Axis("Week", "date"),
            Axis(axis, "share", 1),
            (*lines, *marks),
        ),
        _numbers(curves, series, rows),
        f"{title}. At the end: {last}.",
        note + (" Dots: a change of the schemes." if marks else ""),
    )


def _marks(found: Row, line: Sequence[float | None], at: Sequence[int]) -> list[Series]:
    """Return a dot on the best policy's line for each of the first changes of the world, at the nearest week drawn."""
    marks = []
    for change in found["changes"][:_MOST_MARKS]:
        near = min(range(len(at)), key=lambda place: abs(at[place] - change["week"]))
        dot = tuple(line[at[place]] if place == near else None for place in range(len(at)))
        marks.append(Series(f"Schemes change, {day(found['curves']['week_start'][change['week']])}", dot))
    return marks


def _numbers(curves: Row, series: dict[str, list[float | None]], at: Sequence[int]) -> Table:
    keys = {f"series_{place}": name for place, name in enumerate(series)}
    rows: list[dict[str, Cell]] = [
        {"week": curves["week_start"][week], **{key: series[name][week] for key, name in keys.items()}} for week in at
    ]
    columns: dict[str, Spec] = {"week": ("Week", "date")}
    columns |= {key: (name, "share", 1) for key, name in keys.items()}
    every = "Each week" if len(at) == len(curves["week"]) else f"{len(at)} of the {len(curves['week'])} weeks"
    return table(every, rows, **columns)


def _spread(count: int, most: int) -> list[int]:
    """Return places spread evenly over `count`, at most `most`, the last one always."""
    step = -(-count // most)
    return list(range((count - 1) % step, count, step))


def _moves(shares: Sequence[float | None]) -> bool:
    known = [share for share in shares if share is not None]
    return bool(known) and max(known) - min(known) >= _MOVES


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)
