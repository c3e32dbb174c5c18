"""What a simulation says in words: which policy, at which capacity, how sure, and what the figures do not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.reports.numbers import Estimate, cell_text
from workbench.reports.page import Definition, KeyFigure
from workbench.reports.sections.cells import Row, counted, estimate, percent

MANY_REPEATS = 0.2
"""Share of goods repeating an earlier record from which figures are said to measure recognition."""

SAFE_SHARE = 0.05
_LABELS = {"precision": "Precision", "recall": "Recall", "revenue": "Revenue"}
_MEANS = {"precision": "of what it controlled held a violation", "recall": "of the violations were found"}
_MOST_NAMED = 3


def answer(found: Row) -> str:
    """Return which policy found most, by how much and how surely, and what exploration cost."""
    best = found["policies"][0]
    value = best["whole"][found["headline"]]
    if value["value"] is None:
        return "Nothing was controlled in any week, so no policy can be compared with another."
    sentences = [_found_most(found, best), *_ahead(found), *_exploration(found), *_most_duty(found)]
    return " ".join(sentences)


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen: of the best policy, and what exploration cost or gained."""
    best, bounds = found["policies"][0], found["bounds"]
    for metric in sorted(_LABELS, key=lambda name: name != found["headline"]):
        if best["whole"][metric]["value"] is not None:
            possible = "" if bounds[metric] is None else f"; at most {percent(bounds[metric])} was possible"
            yield KeyFigure(_LABELS[metric], measure(best["whole"][metric]), "share", 1, f"{best['policy']}{possible}")
    explorer = best_explorer(found)
    if explorer is not None and found["reference"] is not None:
        less = explorer["whole"]["less_reference"][found["headline"]]
        note = f"points of {found['headline']}: {explorer['policy']} less {found['reference']}"
        yield KeyFigure("Gain of exploration", points(less), "number", 1, note)


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do with the result."""
    best, rivals = found["policies"][0], close_rivals(found)
    explores = best["exploration_share"] > 0
    if rivals:
        yield (
            f"Choose between {listed([best['policy'], *rivals])} by what else they give: as far as these weeks tell, "
            "they find the same."
        )
    if not explores:
        yield (
            f"Keep a random arm of at least {percent(SAFE_SHARE)} beside {best['policy']}: without one, nothing tells "
            "what was missed, nor that a scheme has changed."
        )
    if best["whole"][found["headline"]]["low_95"] is None:
        yield "Simulate more weeks: so few give no interval."
    elif rivals and found["replications"] == 1:
        yield "Simulate more replications (--replications 5) to see how much is due to the lots."
    yield "Try the policies at other rates, and set the simulations side by side: workbench experiments DIR DIR."


def caveats(found: Row) -> Iterator[str]:
    """Yield what the figures do not say."""
    settings = found["settings"]
    if found["reacts"]:
        yield (
            "The goods were generated. Traders react here as the generator has them react; real ones may do otherwise. "
            "Where controls deter, less is left to find, so policies are ranked by recall and not by precision."
        )
    elif settings.get("world") == "recorded":
        yield (
            "Records were replayed: a control finds what the record says, and traders do not react to what is "
            "controlled. How a policy would deter is not measured."
        )
    if found["goods_unknown"]:
        yield (
            f"For {percent(found['goods_unknown'] / found['goods'], 2)} of the goods no record says whether there was "
            "a violation. Controls of them use up seats and enter no figure."
        )
    if (settings.get("repeated_share") or 0.0) >= MANY_REPEATS:
        yield (
            f"{percent(settings['repeated_share'], 2)} of the goods repeat an earlier record: same goods, origin, "
            "departure, value and mass. The figures measure how well repeats are recognised and are no evidence about "
            "fraud in new consignments (decision 0009)."
        )
    yield (
        f"Intervals come from drawing blocks of {counted(found['block_weeks'], 'week')} anew, 1,000 times. They say "
        "how much the result hangs on these weeks, not how another country, year or training seed would differ. A "
        "policy that still learns or decays over the weeks has a wider interval for it."
    )
    if len(found["policies"]) > _MOST_NAMED:
        yield (
            f"{len(found['policies'])} policies were compared: of so many differences some exclude zero by chance. "
            "Take one that hardly does so as a hint."
        )


def close_rivals(found: Row) -> list[str]:
    """Return the policies that the best one is not surely ahead of."""
    others = [row for row in found["policies"][1:] if row["whole"][found["headline"]]["value"] is not None]
    return [row["policy"] for row in others if not surely_below(row["whole"]["less_best"][found["headline"]])]


def best_explorer(found: Row) -> Row | None:
    """Return the best of the policies that explore with a part of their controls; ``None`` where none does."""
    return next((row for row in found["policies"] if 0 < row["exploration_share"] < 1), None)


def surely_below(difference: Row) -> bool:
    """Return whether a difference is below zero with its whole interval; without an interval it is not sure."""
    return difference["high_95"] is not None and difference["high_95"] < 0


def surely_above(difference: Row) -> bool:
    """Return whether a difference is above zero with its whole interval; without an interval it is not sure."""
    return difference["low_95"] is not None and difference["low_95"] > 0


def measure(row: Row) -> Estimate | float | None:
    """Return a mean with its interval, or alone where it has none."""
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


def _found_most(found: Row, best: Row) -> str:
    metric = found["headline"]
    share = f"With {percent(found['settings']['rate'])} of the goods controlled"
    value = best["whole"][metric]
    inside = f"{_interval(value)}mean of {counted(found['weeks'], 'week')}"
    most = "found most" if len(found["policies"]) > 1 else "was simulated alone"
    sentence = f"{share}, {best['policy']} {most}: {percent(value['value'])} {_MEANS[metric]} ({inside})"
    if metric == "precision" and found["base_rate"]:
        sentence += f", {value['value'] / found['base_rate']:.1f} times as much as by lot"
    return f"{sentence}."


def _ahead(found: Row) -> Iterator[str]:
    others, rivals = found["policies"][1:], close_rivals(found)
    if not others:
        return
    if found["policies"][0]["whole"][found["headline"]]["low_95"] is None:
        yield "With so few weeks nothing says how sure its lead is."
        return
    if not rivals:
        count = "the other policy" if len(others) == 1 else f"all {len(others)} others"
        yield f"It is surely ahead of {count}."
        return
    nearest = next(row for row in others if row["policy"] == rivals[0])["whole"]["less_best"][found["headline"]]
    behind = -100 * nearest["value"]
    ends = f"{_signed(-100 * nearest['high_95'])} to {_signed(-100 * nearest['low_95'])}"
    if len(rivals) == 1:
        yield f"Its lead over {rivals[0]}, {behind:.1f} points ({ends}), may be chance."
    else:
        yield f"Its lead over {listed(rivals)} may be chance; over {rivals[0]} it is {behind:.1f} points ({ends})."


def _exploration(found: Row) -> Iterator[str]:
    explorer, reference = best_explorer(found), found["reference"]
    if explorer is None or reference is None:
        return
    less = explorer["whole"]["less_reference"][found["headline"]]
    if less["value"] is None or less["low_95"] is None:
        return
    share = f"Exploring with {percent(explorer['exploration_share'], 2)} of the controls ({explorer['policy']})"
    ends = sorted(abs(100 * less[name]) for name in ("low_95", "high_95"))
    size = f"{abs(100 * less['value']):.1f} points of {found['headline']}"
    if surely_below(less):
        yield f"{share} cost {size} against {reference} ({ends[0]:.1f} to {ends[1]:.1f})."
    elif surely_above(less):
        yield f"{share} gained {size} over {reference} ({ends[0]:.1f} to {ends[1]:.1f})."
    else:
        yield f"{share} neither surely cost nor surely gained anything against {reference}."


def _most_duty(found: Row) -> Iterator[str]:
    known = [row for row in found["policies"] if row["whole"]["revenue"]["value"] is not None]
    if not known:
        return
    most = max(known, key=lambda row: row["whole"]["revenue"]["value"])
    if most["policy"] != found["policies"][0]["policy"]:
        yield f"Most duty was found by {most['policy']}: {percent(most['whole']['revenue']['value'])} of all."


def _interval(row: Row) -> str:
    if row["low_95"] is None:
        return ""
    return f"{percent(row['low_95'])} to {percent(row['high_95'])}, "


def _signed(number: float) -> str:
    return cell_text(round(number, 1), "number", 1)


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Policy": "What decides which goods are controlled. Every policy had the same seats in the same weeks, and was "
        "shown the results of its own controls only.",
        "Precision": "Violations found / controls. The mean over the weeks; larger is better.",
        "Recall": "Violations found / violations in all goods of the week. The mean over the weeks; larger is better.",
        "Revenue": "Duty recovered / duty that controlling everything would have recovered. The mean over the weeks.",
        "Normalised": "Value / the most that any choice of as many goods could have reached: 100 % is perfect.",
        "Cumulative": "Sums from the first week on, one divided by the other; late in a simulation it hardly moves.",
        "Explored": "Share of the controls that were chosen to learn (by lot, by doubt, by diversity), not because "
        "they looked worst.",
        "Gain of exploration": "The best policy that explores with a part of its controls, less the best one that "
        "never does, in points; below zero exploration costs.",
        "Behind the best": "Difference to the first policy of the table, week by week, in percentage points; an "
        "interval that reaches zero may be chance.",
        "Interval": "95 %: circular block bootstrap over weeks, and over replications where there is more than one.",
    }.items()
)
