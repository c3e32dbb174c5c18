"""What a simulation says in words: which policy found most, by how much, how sure that is, what exploration cost.

Figures are those of all weeks together, ratios of sums: what pages show anywhere else are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.reports.numbers import Estimate, cell_text
from workbench.reports.page import KeyFigure
from workbench.reports.sections.cells import Row, counted, estimate, percent

_LABELS = {"precision": "Precision", "recall": "Recall", "revenue": "Revenue"}
_MEANS = {"precision": "of its controls found a violation", "recall": "of the violations"}
_SHARES = {
    "precision": "the share of controls that found a violation (precision)",
    "recall": "the share of violations found (recall)",
}
_NOTES = {
    "precision": "of the controls of {} found a violation",
    "recall": "of the violations were found by {}",
    "revenue": "of the duty that controlling everything would have recovered was found by {}",
}
_MOST_NAMED = 3


def answer(found: Row) -> str:
    """Return which policy found most, by how much and how sure that is, and what exploration cost."""
    best = found["policies"][0]
    value = whole(best)[found["headline"]]
    if value["value"] is None:
        return "Nothing was controlled in any week, so no policy can be compared with another."
    if is_too_short(found):
        return _too_short(found)
    return " ".join([_found_most(found, best), *_ahead(found), *_exploration(found), *_most_duty(found)])


def is_too_short(found: Row) -> bool:
    """Return whether so few weeks have a value that nothing says how sure any of it is."""
    best = whole(found["policies"][0])[found["headline"]]
    return best["value"] is not None and best["low_95"] is None


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen: of the best policy, and what exploration cost or gained."""
    best, bounds = found["policies"][0], found["bounds"]
    for metric in sorted(_LABELS, key=lambda name: name != found["headline"]):
        if whole(best)[metric]["value"] is not None:
            note = _NOTES[metric].format(best["policy"])
            possible = "" if bounds[metric] is None else f"; at most {percent(bounds[metric])} was possible"
            yield KeyFigure(_LABELS[metric], measure(whole(best)[metric]), "share", 1, f"{note}{possible}")
    explorer = best_explorer(found)
    if explorer is not None and found["reference"] is not None:
        less = whole(explorer)["less_reference"][found["headline"]]
        note = f"points of {found['headline']}: {explorer['policy']} less {found['reference']}"
        note += "; too few weeks to tell" if less["low_95"] is None else ""
        yield KeyFigure("Gain of exploration", points(less), "number", 1, note)


def close_rivals(found: Row) -> list[str]:
    """Return the policies over which the lead of the best one may be chance."""
    headline, others = found["headline"], found["policies"][1:]
    known = [row for row in others if whole(row)[headline]["value"] is not None]
    return [row["policy"] for row in known if not is_below(whole(row)["less_best"][headline])]


def best_explorer(found: Row) -> Row | None:
    """Return the best of the policies that explore with a part of their controls; ``None`` where none does."""
    return next((row for row in found["policies"] if 0 < row["exploration_share"] < 1), None)


def is_below(difference: Row) -> bool:
    """Return whether a difference is below zero with its whole interval; without an interval nobody knows."""
    return difference["high_95"] is not None and difference["high_95"] < 0


def is_above(difference: Row) -> bool:
    """Return whether a difference is above zero with its whole interval; without an interval nobody knows."""
    return difference["low_95"] is not None and difference["low_95"] > 0


def whole(row: Row) -> Row:
    """Return a policy's figures of all weeks together."""
    figures: Row = row["totals"]["whole"]
    return figures


def measure(row: Row) -> Estimate | float | None:
    """Return a figure with its interval, or alone where it has none."""
    value: float | None = row["value"]
    return estimate(row) or value


def points(row: Row) -> Estimate | float | None:
    """Return a difference of shares in percentage points, with its interval where it has one."""
    if row["value"] is None:
        return None
    bounds = [None if row[name] is None else 100 * row[name] for name in ("value", "low_95", "high_95")]
    return measure(dict(zip(("value", "low_95", "high_95"), bounds, strict=True)))


def policies(count: int) -> str:
    """Write a number of policies.

    >>> policies(1), policies(15)
    ('1 policy', '15 policies')
    """
    return "1 policy" if count == 1 else f"{count} policies"


def listed(names: Sequence[str], most: int = _MOST_NAMED + 1) -> str:
    """Write names one after the other, the last with *and*; of many only the first.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2)
    ('a, b and c', 'a, b and 1 more')
    """
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _too_short(found: Row) -> str:
    metric = found["headline"]
    values = {row["policy"]: whole(row)[metric]["value"] for row in found["policies"]}
    means = [f"{percent(value)} for {policy}" for policy, value in values.items() if value is not None]
    unsure = "How sure that is cannot be said" if len(values) == 1 else "The policies are not shown to differ"
    return (
        f"With {percent(found['settings']['rate'])} of the goods controlled, {_SHARES[metric]} was {listed(means)}. "
        f"{unsure}: {counted(found['weeks'], 'week')} are too few, an interval needs {found['fewest_weeks']}."
    )


def _found_most(found: Row, best: Row) -> str:
    metric = found["headline"]
    value = whole(best)[metric]
    most = "found most" if not close_rivals(found) else "came out first"
    if len(found["policies"]) == 1:
        most = "was simulated alone"
    inside = f"{percent(value['low_95'])} to {percent(value['high_95'])}, {counted(found['weeks'], 'week')} together"
    sentence = (
        f"With {percent(found['settings']['rate'])} of the goods controlled, {best['policy']} {most}: "
        f"{percent(value['value'])} {_MEANS[metric]} ({inside})"
    )
    if metric == "precision" and found["base_rate"]:
        sentence += f", {value['value'] / found['base_rate']:.1f} times as much as by lot"
    return f"{sentence}."


def _ahead(found: Row) -> Iterator[str]:
    others, rivals = found["policies"][1:], close_rivals(found)
    if not others:
        return
    if not rivals:
        everybody = others_in_words(len(others))
        yield f"Its lead over {everybody} is more than chance from week to week, in {scope(found)}; others may differ."
        return
    nearest = whole(next(row for row in others if row["policy"] == rivals[0]))["less_best"][found["headline"]]
    behind = -100 * nearest["value"]
    ends = f"{_signed(-100 * nearest['high_95'])} to {_signed(-100 * nearest['low_95'])}"
    if len(rivals) == 1:
        yield f"Its lead over {rivals[0]}, {behind:.1f} points ({ends}), may be chance."
    else:
        yield f"Its lead over {listed(rivals)} may be chance; over {rivals[0]} it is {behind:.1f} points ({ends})."


def others_in_words(count: int) -> str:
    """Name the other policies by their number.

    >>> others_in_words(1), others_in_words(2), others_in_words(3)
    ('the other policy', 'both others', 'all 3 others')
    """
    return {1: "the other policy", 2: "both others"}.get(count, f"all {count} others")


def scope(found: Row) -> str:
    """Say what intervals speak of: the goods of these weeks, replayed or generated, and no others."""
    if not found["reacts"]:
        return "these records"
    return "this one generated world" if found["replications"] == 1 else "these generated worlds"


def _exploration(found: Row) -> Iterator[str]:
    explorer, reference = best_explorer(found), found["reference"]
    if explorer is None or reference is None:
        return
    less = whole(explorer)["less_reference"][found["headline"]]
    if less["value"] is None or less["low_95"] is None:
        return
    part = f"{percent(explorer['exploration_share'], 2)} of the controls of {explorer['policy']}, chosen to learn"
    share = f"Exploration ({part})"
    ends = sorted(abs(100 * less[name]) for name in ("low_95", "high_95"))
    size = f"{abs(100 * less['value']):.1f} points of {found['headline']}"
    if is_below(less):
        yield f"{share} cost {size} against {reference} ({ends[0]:.1f} to {ends[1]:.1f})."
    elif is_above(less):
        yield f"{share} gained {size} over {reference} ({ends[0]:.1f} to {ends[1]:.1f})."
    else:
        yield f"{share} is not shown to cost or to gain anything against {reference}."


def _most_duty(found: Row) -> Iterator[str]:
    known = [row for row in found["policies"] if whole(row)["revenue"]["value"] is not None]
    if not known:
        return
    most, best = max(known, key=_revenue), found["policies"][0]
    if most is best:
        return
    shares = f"{percent(_revenue(most))} of all, {best['policy']} {percent(_revenue(best))}"
    less = whole(most)["less_best"]["revenue"]
    if is_above(less):
        yield f"Most duty was found by {most['policy']}: {shares}."
        return
    ends = f"{_signed(100 * less['low_95'])} to {_signed(100 * less['high_95'])} points"
    yield f"{most['policy']} found more duty, {shares}; that may be chance ({ends})."


def _revenue(row: Row) -> float:
    share: float = whole(row)["revenue"]["value"]
    return share


def _signed(number: float) -> str:
    return cell_text(round(number, 1), "number", 1)
