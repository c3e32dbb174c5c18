"""The states of a criterion and the steps that lead from one to the next."""

from __future__ import annotations

from enum import StrEnum

from workbench.errors import CriterionError


class LifecycleError(CriterionError):
    """A step is not allowed, a key or signature does not fit, or a journal does not verify; nothing was written."""


class State(StrEnum):
    """Where a criterion stands; each state is reached by the signed step of the same name.

    >>> State.BACKTESTED.before
    (<State.CHECKED: 'checked'>,)
    """

    DRAFT = "draft"
    CHECKED = "checked"
    BACKTESTED = "backtested"
    APPROVED = "approved"
    SHADOW = "shadow"
    ACTIVE = "active"
    EXPIRED = "expired"
    RETIRED = "retired"

    @property
    def before(self) -> tuple[State, ...]:
        """States from which the step to this one may be taken; a text that nobody drafted has none of them."""
        if self is State.DRAFT:
            return ENDED
        return UNENDED if self in ENDED else (UNENDED[UNENDED.index(self) - 1],)

    @property
    def command(self) -> str:
        """Name of the step as a command: what somebody does so that a criterion comes to be in this state."""
        return _COMMANDS.get(self, self.value)


UNENDED = (State.DRAFT, State.CHECKED, State.BACKTESTED, State.APPROVED, State.SHADOW, State.ACTIVE)
"""The way of a criterion, in order; no step is left out."""

APPROVED_STATES = UNENDED[3:]
"""States of a text that somebody approved and that is in production: in shadow until it is active."""

ENDED = (State.EXPIRED, State.RETIRED)
"""The ends of the way; the same text may only be drafted anew."""

_COMMANDS = {
    State.CHECKED: "check",
    State.BACKTESTED: "backtest",
    State.APPROVED: "approve",
    State.ACTIVE: "activate",
    State.EXPIRED: "expire",
    State.RETIRED: "retire",
}


def next_step(state: State) -> str:
    """Return the command that leads on from `state`, empty where the way ends.

    >>> next_step(State.SHADOW), next_step(State.ACTIVE)
    ('activate', '')
    """
    following = [one for one in UNENDED if state in one.before]
    return following[0].command if following and state not in ENDED else ""
