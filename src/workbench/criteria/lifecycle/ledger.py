"""The rules of the steps: where every text stands after the lines so far, and which step may follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from workbench.criteria.lifecycle.entries import Entry
from workbench.criteria.lifecycle.states import APPROVED_STATES, UNENDED, State, next_step
from workbench.criteria.lifecycle.texts import Text


@dataclass(frozen=True)
class Standing:
    """Where one text of a criterion stands.

    Parameters
    ----------
    text
        The text, as its draft recorded it.
    state
        The state that its last step reached; retired where another text of the criterion took its place.
    draft, last
        The line that drafted it, whose signer is the author, and the line that brought it to where it stands.
    reason
        Why it ended, empty where it did not.
    """

    text: Text
    state: State
    draft: Entry
    last: Entry
    reason: str = ""

    @property
    def last_day(self) -> date | None:
        """Last day on which the criterion applies, ``None`` where it has none."""
        written = self.text.criterion.get("valid_to")
        return date.fromisoformat(written) if written else None

    def state_on(self, day: date) -> State:
        """Return the state on `day`: expired once the last day is over, whether or not a step says so."""
        over = self.last_day is not None and self.last_day < day
        return State.EXPIRED if over and self.state in UNENDED else self.state


@dataclass
class Ledger:
    """Where every text stands; :meth:`refusal` says why a step may not follow, :meth:`take` takes it.

    Writing and auditing ask the same ledger, so that an audit refuses what could not have been written.
    """

    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)

    def of(self, criterion: str, text_sha256: str) -> Standing | None:
        """Return where this text of a criterion stands, ``None`` where nobody drafted it."""
        return self.standings.get((criterion, text_sha256))

    def texts_of(self, criterion: str) -> list[Standing]:
        """Return where the texts of a criterion stand, in the order in which they were first drafted."""
        return [standing for (name, _), standing in self.standings.items() if name == criterion]

    def in_production(self, day: date) -> dict[str, Standing]:
        """Return, by criterion, the text that somebody approved and that has not ended on `day`."""
        return {
            name: standing
            for (name, _), standing in self.standings.items()
            if standing.state_on(day) in APPROVED_STATES
        }

    def refusal(self, entry: Entry) -> str:
        """Return why `entry` may not be the next step, empty where it may."""
        standing = self.of(entry.criterion, entry.text_sha256)
        if refused := _out_of_order(entry, standing):
            return refused
        return next((message for message in _unfit(entry, standing) if message), "")

    def take(self, entry: Entry) -> None:
        """Take a step that :meth:`refusal` lets pass."""
        if entry.state is State.APPROVED:
            self._supersede(entry)
        before = self.of(entry.criterion, entry.text_sha256)
        text, draft = (before.text, before.draft) if before and not entry.text else (Text(entry.text), entry)
        reason = entry.detail.get("reason", "")
        standing = Standing(text, entry.state, draft, entry, reason)
        self.standings[entry.criterion, entry.text_sha256] = standing

    def _supersede(self, entry: Entry) -> None:
        """End the text whose place an approved one takes: nobody goes back to an old approval by restoring a file."""
        for key, standing in self.standings.items():
            if key[0] == entry.criterion and key[1] != entry.text_sha256 and standing.state in APPROVED_STATES:
                reason = f"the text approved in line {entry.seq} took its place"
                self.standings[key] = Standing(standing.text, State.RETIRED, standing.draft, entry, reason)


def _out_of_order(entry: Entry, standing: Standing | None) -> str:
    step = entry.state
    if standing is None:
        return "" if step is State.DRAFT else f"cannot be {step.value}: nobody drafted this text; draft it first"
    if standing.state in step.before:
        return ""
    since = f"it is {standing.state.value} since line {standing.last.seq}"
    following = next_step(standing.state)
    return f"cannot be {step.value}: {since}{f'; its next step is {following}' if following else ''}"


def _unfit(entry: Entry, standing: Standing | None) -> Iterator[str]:
    """Yield what is wrong with a step that comes in its turn."""
    step, detail = entry.state, entry.detail
    if step is State.DRAFT:
        yield _foreign_text(entry)
    elif entry.text:
        yield f"is {step.value} and carries a text; only a draft does"
    if bool(entry.approval) != (step is State.APPROVED):
        yield f"is {step.value} {'and carries' if entry.approval else 'without'} a signature of the text"
    if step is State.BACKTESTED and not detail:
        yield "is backtested without evidence: say which back-test"
    if step is State.RETIRED and not detail.get("reason", "").strip():
        yield "is retired without a reason: say why"
    if step is State.EXPIRED:
        # Where the sun rises first a day is over 14 hours earlier than in UTC, in which journals are written.
        day = (entry.moment + timedelta(hours=14)).date()
        if standing is None or standing.state_on(day) is not State.EXPIRED:
            yield "is not expired: its last day, valid_to, is not over"
    if step is State.APPROVED and standing is not None:
        yield _own_work(entry, standing.draft)


def _foreign_text(entry: Entry) -> str:
    text = Text(entry.text)
    try:
        fits = text.sha256 == entry.text_sha256 and text.criterion["id"] == entry.criterion
    except (ValueError, LookupError, TypeError):
        fits = False
    return "" if fits else "is drafted with a text that is not the one whose hash it names"


def _own_work(entry: Entry, draft: Entry) -> str:
    if entry.by == draft.by:
        return f"cannot be approved by {entry.by!r}, who drafted this text in line {draft.seq}: somebody else has to"
    if entry.key == draft.key:
        return f"cannot be approved with the key that drafted this text in line {draft.seq}: somebody else has to"
    return ""
