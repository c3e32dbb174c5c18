"""What to do with a simulation, what its figures do not say, and what its terms mean."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.reports.page import Definition
from workbench.reports.sections.cells import Row, counted, percent
from workbench.reports.sections.simulation_words import close_rivals, is_too_short, listed, scope

MANY_REPEATS = 0.2
"""Share of goods repeating an earlier record from which figures are said to measure recognition."""

SAFE_SHARE = 0.05
_MANY_POLICIES = 3


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do with the result."""
    best, rivals = found["policies"][0], close_rivals(found)
    if is_too_short(found):
        yield (
            f"Simulate more weeks (--weeks 26): {counted(found['weeks'], 'week')} cannot show whether policies differ, "
            f"{found['fewest_weeks']} are the least."
        )
    elif rivals:
        yield (
            f"Choose between {listed([best['policy'], *rivals])} by what else they give: these weeks do not show that "
            "they differ."
        )
        if found["replications"] == 1:
            yield (
                f"Simulate more replications (--replications 5) to see how much is due to "
                f"{'the one world that was drawn' if found['reacts'] else 'the lots'}."
            )
    if best["exploration_share"] == 0:
        yield (
            f"Keep a random arm of at least {percent(SAFE_SHARE)} beside {best['policy']}: without one, nothing tells "
            "what was missed, nor that a scheme has changed."
        )
    yield "Try the policies at other rates, and set the simulations side by side: workbench experiments DIR DIR."


def caveats(found: Row) -> Iterator[str]:
    """Yield what the figures do not say."""
    yield from _of_the_world(found)
    if found["goods_unknown"]:
        yield (
            f"For {percent(found['goods_unknown'] / found['goods'], 2)} of the goods no record says whether there was "
            "a violation. Controls of them are used up and enter no figure."
        )
    if not is_too_short(found):
        yield (
            f"Intervals say how much the result hangs on the weeks of {scope(found)}, not how another country, year, "
            f"seed or world would differ: blocks of {counted(found['block_weeks'], 'week')} are drawn anew, 1,000 "
            "times. A policy that still learns or decays over the weeks has a wider interval for it."
        )
    if len(found["policies"]) > _MANY_POLICIES:
        yield (
            f"{len(found['policies'])} policies were compared: of so many differences some exclude zero by chance. "
            "Take one that hardly does so as a hint."
        )


def _of_the_world(found: Row) -> Iterator[str]:
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
    if (settings.get("repeated_share") or 0.0) >= MANY_REPEATS:
        yield (
            f"{percent(settings['repeated_share'], 2)} of the goods repeat an earlier record: same goods, origin, "
            "departure, value and mass. The figures measure how well repeats are recognised and are no evidence about "
            "fraud in new consignments (decision 0009)."
        )


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Policy": "What decides which goods are controlled. Every policy had the same number of controls in the same "
        "weeks, and was shown the results of its own only.",
        "Control": "A full look at one declaration item (one line of goods). Reports on daily decisions count whole "
        "declarations instead.",
        "Precision": "Violations found / controls, both summed over all weeks; larger is better.",
        "Recall": "Violations found / violations in all goods, both summed over all weeks; larger is better.",
        "Revenue": "Duty recovered / duty that controlling everything would have recovered, summed over all weeks.",
        "Normalised": "Value / the most that any choice of as many goods could have reached: 100 % is perfect.",
        "Cumulative": "Sums from the first week on, one divided by the other; late in a simulation it hardly moves.",
        "Arm": "A part of a policy with controls of its own: the model's highest scores, a lot, criteria, and others.",
        "Explored": "Share of the controls that were chosen to learn (by lot, by doubt, by diversity), not because "
        "they looked worst.",
        "Gain of exploration": "The best policy that explores with a part of its controls, less the best one that "
        "never does, in points; below zero exploration costs.",
        "Behind the best": "Difference to the first policy of the table over the same weeks, in percentage points; an "
        "interval that reaches zero may be chance.",
        "May be chance": "The 95 % interval of the difference over the same weeks reaches zero.",
        "Interval": "95 %: circular block bootstrap over weeks, and over replications where there is more than one. It "
        "speaks of these goods and of no others.",
    }.items()
)
