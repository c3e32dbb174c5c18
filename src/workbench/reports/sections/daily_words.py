"""What the codes of the daily cycle mean, in words for its page."""

from __future__ import annotations

from workbench.reports.sections.cells import cause

_RESULTS = {
    "contradictory_label": "another result of the same moment, or a finding without a violation",
    "future_result": "dated after the call",
    "impossible_label": "no possible value",
    "missing_label_date": "without the moment of recording",
    "negative_value": "an amount below 0",
    "older_result": "recorded before the result that is known",
    "repeated_label": "said before",
    "result_before_lodgement": "recorded before the goods were declared",
    "unknown_declaration": "no such declaration is known",
}
_REROUTINGS = {
    "contradictory": "two different re-routings of one moment",
    "future_rerouting": "dated after the call",
    "missing_field": "declaration, officer or reason is missing",
    "random_arm_waived": "would have spared a declaration drawn by lot",
    "repeated": "said before",
    "unknown_declaration": "no such declaration was decided",
    "unknown_lane": "no such lane",
    "unknown_moment": "the moment cannot be read",
}
_CAUSES = {
    "criterion": "a criterion named it",
    "points": "the points of its criteria",
    "model": "the model's risk",
    "lot": "seats left over, filled by lot",
    "officer": "an officer moved it",
    "quarantine": "it could not be read, or came in parts",
}
_COUNTED = {
    "random_arm_too_small": "declarations drawn by lot with all results",
    "results_missing": "declarations drawn for a full control with all results",
}


def result_reason(code: str) -> str:
    """Say why a result was set aside, with the code that files have it under.

    >>> result_reason("future_result")
    'dated after the call (future_result)'
    """
    return _with(code, _RESULTS)


def rerouting_reason(code: str) -> str:
    """Say why a re-routing was refused, with its code."""
    return _with(code, _REROUTINGS)


def lane_cause(name: str) -> str:
    """Name what gave a lane as a manager reads it.

    >>> lane_cause("model"), lane_cause("random")
    ("the model's risk", 'by lot')
    """
    return _CAUSES.get(name, cause(name))


def counted_by(code: str) -> str:
    """Say of what a refused estimate has too few."""
    return _COUNTED.get(code, "results")


def _with(code: str, words: dict[str, str]) -> str:
    return f"{words[code]} ({code})" if code in words else code
