"""What can be wrong with criteria beside one another: ids, points, conditions that say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

from ..expressions import Expression, Fault
from ..expressions.faults import nearest
from ..expressions.outcomes import Analyst
from ..expressions.reach import first_implies
from ..schema import Lane
from .criterion import Criterion

_MOST_COMPARISONS = 50_000

Numbered = tuple[int, Criterion, Expression]
"""A criterion with its number in the set and its parsed condition."""


def repeated_ids(criteria: Sequence[Criterion]) -> Iterator[Fault]:
    """Yield a fault for each criterion whose id an earlier one has."""
    counts, seen = Counter(criterion.id for criterion in criteria), set()
    for number, criterion in enumerate(criteria):
        if criterion.id in seen:
            message = f"{counts[criterion.id]} criteria have this id."
            key = ("criterion", number, "id")
            yield Fault("duplicate_id", message, suggestion="give each its own id", criterion=criterion.id, key=key)
        seen.add(criterion.id)


def points_faults(points: Mapping[str, float], criteria: Sequence[Criterion]) -> Iterator[Fault]:
    """Yield what is wrong with the points from which a lane is given, and with the criteria that give points."""
    yield from _thresholds(points, sum(max(criterion.points, 0) for criterion in criteria))
    for number, criterion in enumerate(criteria):
        if criterion.lane == Lane.GREEN and not (criterion.points and points):
            missing = "there is no [points] table for its points" if criterion.points else "it gives no points"
            message = f"It has no effect: its lane is green and {missing}."
            yield Fault(
                "no_effect", message, suggestion="name a lane", criterion=criterion.id, key=("criterion", number)
            )


def _thresholds(points: Mapping[str, float], total: float) -> Iterator[Fault]:
    lanes = [str(lane) for lane in Lane if lane is not Lane.GREEN]
    for lane, threshold in points.items():
        key = ("points", lane)
        if lane not in lanes:
            yield Fault(
                "lane", f"No lane {lane!r} is given by points.", suggestion=f"one of {', '.join(lanes)}", key=key
            )
        elif threshold <= 0:
            message = f"The lane {lane} is given from {threshold:g} points on, that is to every declaration."
            yield Fault("points", message, suggestion="a sum above 0", key=key)
        elif threshold > total:
            message = f"The lane {lane} needs {threshold:g} points and all criteria together give {total:g}."
            # No fault: of a pointed set only some criteria may be in force, and those have to run.
            advice = f"{total:g} or less" if total else "give points"
            yield Fault("points", message, suggestion=advice, key=key, warning=True)
    known = [(lane, points[lane]) for lane in lanes if lane in points]
    for (milder, low), (severer, high) in pairwise(known):
        if high <= low:
            message = f"Nothing gets the lane {milder} by points: {severer} is given from {high:g} points on."
            yield Fault("points", message, suggestion="more points for the severer lane", key=("points", milder))


def unknown_shadows(shadow: Iterable[str], criteria: Sequence[Criterion]) -> Iterator[Fault]:
    """Yield a fault for each id in shadow that no criterion has."""
    known = [criterion.id for criterion in criteria]
    for name in sorted(set(shadow) - set(known)):
        message = f"There is no criterion {name!r} to run in shadow."
        yield Fault("shadow", message, suggestion=nearest(name, known), key=("shadow",))


def same_conditions(criteria: Sequence[Numbered]) -> Iterator[Fault]:
    """Yield a warning for each criterion that adds nothing to one other, because that hits wherever it does.

    A criterion that gives points, whose lane is more severe, whose hit percentage is higher or whose scope is wider
    than the other's adds something. Pairs are compared where the one reads every column that the other does, up to
    50,000 of them.
    """
    first: dict[object, Criterion] = {}
    different = []
    for number, criterion, expression in criteria:
        said = (Analyst(expression.names).text(expression.tree), *_scope(criterion))
        if said in first:
            yield _same(number, criterion, f"It has the condition and the scope of {first[said].id!r}.")
        else:
            first[said] = criterion
            different.append((number, criterion, expression))
    yield from _implied([numbered for numbered in different if not numbered[1].points])


def _implied(criteria: Sequence[Numbered]) -> Iterator[Fault]:
    outcomes = {number: Analyst(expression.names).outcomes(expression.tree) for number, _, expression in criteria}
    left = _MOST_COMPARISONS
    for numbered, others in _comparable(criteria):
        number, one, _ = numbered
        for other_number, other, _ in islice(others, left):
            left -= 1
            # Of two that imply each other the later one is superfluous.
            later = number > other_number or not _covers(one, other)
            if first_implies(outcomes[number], outcomes[other_number]) and (
                later or not first_implies(outcomes[other_number], outcomes[number])
            ):
                yield _same(number, one, f"It hits nothing that {other.id!r} does not hit as well.")
                break


def _comparable(criteria: Sequence[Numbered]) -> Iterator[tuple[Numbered, Iterator[Numbered]]]:
    """Yield each criterion with those to which it could add nothing."""
    by_columns: dict[frozenset[str], list[Numbered]] = {}
    for numbered in criteria:
        by_columns.setdefault(numbered[2].columns, []).append(numbered)
    for read, ones in by_columns.items():
        wider = [other for columns, others in by_columns.items() if columns <= read for other in others]
        for one in ones:
            yield one, (other for other in wider if other is not one and _covers(other[1], one[1]))


def _covers(wide: Criterion, narrow: Criterion) -> bool:
    """Say whether `wide` applies wherever `narrow` does, at least as severely."""
    offices = wide.offices is None or (narrow.offices is not None and set(narrow.offices) <= set(wide.offices))
    starts = wide.valid_from is None or (narrow.valid_from is not None and narrow.valid_from >= wide.valid_from)
    ends = wide.valid_to is None or (narrow.valid_to is not None and narrow.valid_to <= wide.valid_to)
    severe = Lane(wide.lane).severity >= Lane(narrow.lane).severity and wide.hit_percentage >= narrow.hit_percentage
    return offices and starts and ends and severe and wide.flow in {None, narrow.flow}


def _scope(criterion: Criterion) -> tuple[object, ...]:
    offices = None if criterion.offices is None else frozenset(criterion.offices)
    return criterion.flow, offices, criterion.valid_from, criterion.valid_to


def _same(number: int, criterion: Criterion, message: str) -> Fault:
    key = ("criterion", number, "when")
    advice = "remove one of them, or make them differ"
    return Fault("same_condition", message, suggestion=advice, criterion=criterion.id, warning=True, key=key)
