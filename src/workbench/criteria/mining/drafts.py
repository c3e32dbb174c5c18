"""Drafts: a rule as a criterion of the language, with named thresholds, a title and a reason."""

from __future__ import annotations

import datetime as dt
import hashlib

from workbench.criteria.mining.conditions import Codes, Condition, Differ, Rule, Threshold
from workbench.criteria.mining.evidence import Count
from workbench.criteria.mining.rounding import Scale, neighbourhood
from workbench.scorer.criteria import Criterion

OWNER, TAG = "mining", "mined"


def draft(rule: Rule, lane: str, valid_to: dt.date) -> Criterion:
    """Return the rule as a criterion; its id depends on the rule alone, so the same proposal keeps its name.

    Parameters
    ----------
    rule
        Conditions that all hold.
    lane
        Lane that it proposes.
    valid_to
        Last day: what was mined ages, and is mined again.
    """
    names = _parameter_names(rule)
    when = " AND ".join(_written(part, names) for part in rule)
    thresholds = {names[part]: part for part in rule if isinstance(part, Threshold)}
    digest = hashlib.sha256(" AND ".join(part.text for part in rule).encode()).hexdigest()
    return Criterion(
        id=f"mined-{digest[:8]}",
        title=_title(rule),
        when=when,
        lane=lane,
        valid_to=valid_to,
        owner=OWNER,
        tags=(TAG,),
        parameters={name: part.value for name, part in thresholds.items()},
        ranges={name: neighbourhood(part.value, part.quantity.scale) for name, part in thresholds.items()},
    )


def reason(rule: Rule, *past: Count) -> str:
    """Return the sentence for the officer: what is true of the goods, and what controls of such goods found.

    Thresholds stand in it as parameters, so that it stays true when they are tuned.
    """
    names = _parameter_names(rule)
    said = "; ".join(_words(part, names.get(part)) for part in rule)
    violations, labelled = (sum(getattr(one, name) for one in past) for name in ("violations", "labelled"))
    found = f"{violations:,} of {labelled:,} controls of such goods found a violation"
    return f"{said[0].upper()}{said[1:]}. {found}."


def _parameter_names(rule: Rule) -> dict[Condition, str]:
    thresholds = [part for part in rule if isinstance(part, Threshold)]
    return {part: f"{'below' if part.below else 'least'}_{part.quantity.slug}" for part in thresholds}


def _written(part: Condition, names: dict[Condition, str]) -> str:
    return f"{part.subject} :{names[part]}" if isinstance(part, Threshold) else part.text


def _title(rule: Rule) -> str:
    said = "; ".join(_words(part, None) for part in rule)
    return f"{said[0].upper()}{said[1:]}"


def _words(part: Condition, parameter: str | None) -> str:
    if isinstance(part, Threshold):
        share = part.quantity.scale is Scale.SHARE
        number = f"{100 * part.value:g} %" if share else f"{part.value:,.12g}"
        if parameter is not None:
            number = f"{{{parameter}{':%' if share else ''}}}"
        return f"{part.quantity.words} {'below' if part.below else 'at least'} {number}"
    if isinstance(part, Differ):
        return f"{_name(part.left)} {'differs from' if part.differ else 'is'} {_name(part.right)}"
    return f"{_name(part.column)} is {'' if part.among else 'not '}{_listed(part)}"


def _listed(part: Codes) -> str:
    return part.values[0] if len(part.values) == 1 else f"one of {', '.join(part.values)}"


def _name(column: str) -> str:
    words = column.removesuffix("_id").removesuffix("_code").replace("_", " ")
    return words.upper() if words.startswith("hs") else words
