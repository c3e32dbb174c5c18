"""What several simulations say: which policy at which capacity, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.reports.figures import Axis, LineChart, Series
from workbench.reports.numbers import Cell, Estimate, Measure
from workbench.reports.page import Definition, Details, Figure, KeyFigure, Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, percent, table
from workbench.reports.sections.simulation_advice import DEFINITIONS as OF_SIMULATIONS
from workbench.reports.sections.simulation_words import listed, measure, scope

_MOST_LINES = 5
_LABELS = {"precision": "Precision", "recall": "Recall", "revenue": "Revenue"}


def answer(found: Row) -> str:
    """Return the best policy of each capacity, and whether the same one is best at all of them."""
    rows = [row for row in found["simulations"] if row["best_value"]["value"] is not None]
    if not rows:
        return "Nothing was controlled in any simulation, so no policy can be compared with another."
    together = ". ".join(map(_at, rows))
    if not _by_rate(found):
        return f"Each simulation stands for itself. {together}. {_how_sure(found, rows)}"
    if len({row["best"] for row in rows}) == 1:
        values = "; ".join(map(_value, rows))
        most = "came out first" if any(row["rivals"] for row in rows) else "found most"
        return f"{rows[0]['best']} {most} at every capacity: {values}. {_how_sure(found, rows)}"
    if unbeaten := _unbeaten(found, rows):
        lead = f"At none of these capacities is any policy shown to find more than {listed(unbeaten)}"
        return f"{lead}. {together}. {_how_sure(found, rows)}"
    return f"It depends on the capacity. {together}. {_how_sure(found, rows)}"


def _unbeaten(found: Row, rows: Sequence[Row]) -> list[str]:
    """Return the policies that are the best, or behind it by what may be chance, at every capacity."""
    return [name for name in found["policies"] if all(name in (row["best"], *row["rivals"]) for row in rows)]


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the best value of up to four capacities."""
    for row in found["simulations"][:4]:
        label = f"{_LABELS[row['headline']]} at {_capacity(found, row)}"
        yield KeyFigure(label, measure(row["best_value"]), "share", 1, row["best"])


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    yield Section("Which policy at which capacity", (), (_winners(found),))
    metrics = [name for name in _LABELS if name != "revenue" or any(row["has_revenue"] for row in found["simulations"])]
    title = "What more capacity buys" if _by_rate(found) else "One beside the other"
    yield Section(title, (_reading(found),), tuple(_curve(found, name) for name in metrics))
    yield Section("All figures", (), tuple(Details(_LABELS[name], (_grid(found, name),)) for name in metrics))
    yield Section("What these figures do not say", tuple(_caveats(found)))


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do with the comparison."""
    if any(row["rivals"] for row in found["simulations"]):
        yield "Where a lead may be chance, choose by what else they give: a random arm allows estimates."
    if len(found["simulations"]) < 3:
        yield "Simulate more rates, such as 1, 2, 5 and 10 %, to see where the order turns."
    yield "Open the report of each simulation for its weeks, its arms and what exploration cost."


def _at(row: Row) -> str:
    most = "came out first" if row["rivals"] else "found most"
    return f"With {percent(row['rate'])} controlled, {row['best']} {most} ({_value(row, at='')})"


def _value(row: Row, *, at: str | None = None) -> str:
    value = row["best_value"]
    ends = "" if value["low_95"] is None else f", {percent(value['low_95'])} to {percent(value['high_95'])}"
    place = f" at {percent(row['rate'])}" if at is None else at
    return f"{percent(value['value'])} {row['headline']}{place}{ends}"


def _how_sure(found: Row, rows: Sequence[Row]) -> str:
    if _is_too_short(rows[0]):
        weeks, least = counted(rows[0]["weeks"], "week"), rows[0]["fewest_weeks"]
        return f"How sure that is cannot be said: {weeks} are too few, an interval needs {least}."
    unsure = [row for row in rows if row["rivals"]]
    if not unsure:
        return f"Each lead is more than chance from week to week, in {scope(rows[0])}; others may differ."
    leads = [f"at {_capacity(found, row)} that of {row['best']} over {listed(row['rivals'])}" for row in unsure]
    return f"{'This lead' if len(leads) == 1 else 'These leads'} may be chance: {'; '.join(leads)}."


def _is_too_short(row: Row) -> bool:
    return bool(row["best_value"]["low_95"] is None)


def _winners(found: Row) -> Table:
    columns: dict[str, Spec] = {
        "capacity": ("Controlled", "text"),
        "best": ("First", "text"),
        "value": ("All weeks together", "share", 1),
        "headline": ("Ranked by", "text"),
        "sure": ("Clear lead over", "text"),
        "rivals": ("May be chance over", "text"),
        "weeks": ("Weeks", "count"),
    }
    rows = [
        {
            **row,
            "capacity": _capacity(found, row),
            "value": measure(row["best_value"]),
            "sure": "too few weeks"
            if _is_too_short(row)
            else f"{row['others'] - len(row['rivals'])} of {row['others']}",
            "rivals": listed(row["rivals"]) if row["rivals"] else "nobody",
        }
        for row in found["simulations"]
    ]
    return table("The best policy of each simulation", rows, **columns)


def _curve(found: Row, metric: str) -> Figure:
    names = found["policies"][:_MOST_LINES]
    simulations = [row["name"] for row in found["simulations"]]
    series = [Series(name, tuple(_measure(found, one, name, metric) for one in simulations)) for name in names]
    hidden = len(found["policies"]) - len(names)
    label = _LABELS[metric]
    return Figure(
        f"{label} by share controlled",
        LineChart(_positions(found), _axis(found), Axis(f"{label}, all weeks together", "share", 1), tuple(series)),
        _grid(found, metric),
        f"{label} of {listed(names)} at {len(simulations)} capacities.",
        _bands(series) + (f" {hidden} more policies stand in the table." if hidden else ""),
    )


def _bands(series: Sequence[Series]) -> str:
    drawn = [isinstance(value, Estimate) for line in series for value in line.values if value is not None]
    if all(drawn):
        return "Bands are 95 % intervals."
    return "Too few weeks for intervals." if not any(drawn) else "Bands are 95 % intervals; some have too few weeks."


def _positions(found: Row) -> tuple[Cell, ...]:
    if _by_rate(found):
        return tuple(row["rate"] for row in found["simulations"])
    return tuple(_capacity(found, row) for row in found["simulations"])


def _axis(found: Row) -> Axis:
    return Axis("Share of the goods controlled", "share") if _by_rate(found) else Axis("Simulation", "text")


def _by_rate(found: Row) -> bool:
    """Say whether the simulations differ in their rates, and in nothing else that moves figures."""
    rates = [row["rate"] for row in found["simulations"]]
    return len(set(rates)) == len(rates) and not found["differing"]


def _capacity(found: Row, row: Row) -> str:
    """Name a simulation by its rate, and by its folder where the rate does not tell it from the others."""
    return percent(row["rate"]) if _by_rate(found) else f"{percent(row['rate'])} ({row['name']})"


def _reading(found: Row) -> str:
    if _by_rate(found):
        return "With more controls precision falls, since the surest finds come first, and recall rises."
    other = f"They differ in {listed(found['differing'])}. " if found["differing"] else ""
    return f"{other}The simulations are told apart by their folders."


def _grid(found: Row, metric: str) -> Table:
    keys = {f"simulation_{place}": row for place, row in enumerate(found["simulations"])}
    columns: dict[str, Spec] = {"policy": ("Policy", "text")}
    columns |= {key: (_capacity(found, row), "share", 1) for key, row in keys.items()}
    rows = [
        {"policy": name, **{key: _measure(found, row["name"], name, metric) for key, row in keys.items()}}
        for name in found["policies"]
    ]
    return table(f"{_LABELS[metric]}, all weeks together", rows, **columns)


def _measure(found: Row, simulation: str, policy: str, metric: str) -> Measure:
    point = next((row for row in found["points"] if (row["simulation"], row["policy"]) == (simulation, policy)), None)
    if point is None or point[metric] is None:
        return None
    low, high = point[f"{metric}_low_95"], point[f"{metric}_high_95"]
    return point[metric] if low is None else Estimate(point[metric], low, high)


def _caveats(found: Row) -> Iterator[str]:
    if found["differing"]:
        yield f"The simulations differ in {listed(found['differing'])} too, and their figures may for that."
    yield (
        "Each simulation stands for itself: its intervals say how much its result hangs on its weeks. Read its own "
        "report for what its data do not show."
    )
    if any(row["reacts"] for row in found["simulations"]):
        yield "Where traders react, more controls also mean fewer violations to find: recall ranks, not precision."


_USED = ("Policy", "Control", "Precision", "Recall", "Revenue", "May be chance", "Interval")
DEFINITIONS: tuple[Definition, ...] = tuple(one for one in OF_SIMULATIONS if one.term in _USED)
