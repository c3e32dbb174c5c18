"""Where a step is taken: the journal held and verified, criteria chosen, lines signed and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from workbench.chain import NO_LINE, now_or
from workbench.criteria.lifecycle.entries import Entry, written_moment
from workbench.criteria.lifecycle.journal import Journal, append, locked, read
from workbench.criteria.lifecycle.keys import Signer, signer
from workbench.criteria.lifecycle.places import set_file
from workbench.criteria.lifecycle.states import UNENDED, LifecycleError, State, next_step
from workbench.criteria.lifecycle.texts import Text, part_of, texts
from workbench.errors import did_you_mean
from workbench.scorer.criteria import CriteriaSet, fields
from workbench.scorer.expressions import RefusedCriterionError


@dataclass(frozen=True)
class Taken:
    """Steps that were written.

    Parameters
    ----------
    journal
        The file that they were added to.
    entries
        The lines that were added.
    notes
        What the signer should know: a text whose place was taken.
    """

    journal: Path
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say what was written and which step comes next."""
        lines = [f"{one.criterion}: {one.step}, signed by {one.by} (line {one.seq})" for one in self.entries]
        following = next_step(self.entries[-1].state)
        advice = f" Next step: {following}." if following else ""
        return "\n".join([*lines, *self.notes, f"Written to {self.journal}.{advice}"])


@contextmanager
def at_desk(criteria_file: str | Path, now: datetime | None) -> Iterator[Desk]:
    """Hold the journal of a set, verified, for one command at one moment.

    Raises
    ------
    LifecycleError
        The journal does not verify, or the clock went back.
    CriterionError
        The set cannot be read.
    """
    file = set_file(criteria_file)
    criteria = CriteriaSet.from_toml(file)
    with locked(file):
        # Only now: whoever held the lock before has written lines of a later moment than that of our asking for it.
        journal, moment = read(file), now_or(now)
        journal.check(moment)
        yield Desk(file, criteria, texts(criteria), journal, moment)


@dataclass(frozen=True)
class Desk:
    """A set and its journal, held for one command; build it with :func:`at_desk`."""

    file: Path
    criteria: CriteriaSet
    texts: Mapping[str, Text]
    journal: Journal
    now: datetime

    @property
    def day(self) -> date:
        """The day of the step, in UTC as all that the journal says."""
        return date.fromisoformat(written_moment(self.now)[:10])

    def chosen(self, ids: Sequence[str] | None, step: State) -> list[Text]:
        """Return the texts of `ids`, or of all criteria whose turn `step` is."""
        if ids is None:
            found = [text for name, text in self.texts.items() if self._is_due(name, text, step)]
            if not found:
                raise LifecycleError(f"Nothing to {step.command} in {self.file}: it is no criterion's turn.")
            return found
        for name in ids:
            self._refuse_unknown(name, self.texts)
        return [self.texts[name] for name in dict.fromkeys(ids)]

    def _is_due(self, name: str, text: Text, step: State) -> bool:
        standing = self.journal.ledger.of(name, text.sha256)
        if standing is None:
            return step is State.DRAFT
        return step is not State.DRAFT and standing.state in step.before

    def _refuse_unknown(self, name: str, known: Mapping[str, object]) -> None:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise LifecycleError(
                f"There is no criterion {name!r} in {self.file}{did_you_mean(name, known)}. Known: {listed}."
            )

    def unended(self, ids: Sequence[str]) -> list[Text]:
        """Return every text of `ids` that has not ended, also of criteria that the file no longer holds."""
        known = {standing.draft.criterion: standing for standing in self.journal.ledger.standings.values()}
        found: list[Text] = []
        for name in dict.fromkeys(ids):
            self._refuse_unknown(name, known)
            going = [one.text for one in self.journal.ledger.texts_of(name) if one.state in UNENDED]
            if not going:
                raise LifecycleError(f"The criterion {name!r} has ended already: there is nothing to retire.")
            found += going
        return found

    def expired(self) -> list[Text]:
        """Return every text whose last day is over and whose end nobody recorded."""
        standings = self.journal.ledger.standings.values()
        found = [one.text for one in standings if one.state in UNENDED and one.state_on(self.day) is State.EXPIRED]
        if not found:
            raise LifecycleError(
                f"No criterion of {self.file} has a last day that is over: there is nothing to expire."
            )
        return found

    def refuse_unfit(self, chosen: Sequence[Text], columns: Mapping[str, pl.DataType]) -> None:
        """Refuse criteria that do not fit the columns or the rest of their set, with every fault of theirs."""
        names = {None, *(text.criterion["id"] for text in chosen)}
        faults = [one for one in self.criteria.check(columns) if one.criterion in names and not one.warning]
        if faults:
            raise RefusedCriterionError(faults)

    def refuse_untested(self, chosen: Sequence[Text], tested: CriteriaSet) -> None:
        """Refuse criteria whose text is another one than that which was tested."""
        known = texts(tested)
        if changed := [text.criterion["id"] for text in chosen if known.get(text.criterion["id"]) != text]:
            raise LifecycleError(
                f"Nothing was recorded: {', '.join(map(repr, changed))} changed in {self.file} since the back-test "
                "read it, so nobody tested what stands there now. Back-test again."
            )

    def refuse_expired(self, chosen: Sequence[Text]) -> None:
        """Refuse criteria that would come into force with something in them that is over."""
        if faults := [fault for text in chosen for fault in self._what_is_over(text)]:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise LifecycleError(f"Nothing was activated, {len(faults)} fault(s):\n{listed}")

    def _what_is_over(self, text: Text) -> Iterator[str]:
        part = self._part([text])
        [criterion] = part.criteria
        if criterion.valid_to and criterion.valid_to < self.day:
            yield f"{criterion.id!r} ended on {criterion.valid_to}: extend valid_to, which needs a new approval"
        for name, entries in part.lists.items():
            over = [f"{one.value} ({one.expires})" for one in entries if one.expires and one.expires < self.day]
            if over:
                yield (
                    f"{criterion.id!r} uses the list {name!r}, of which {len(over)} entries expired: "
                    f"{', '.join(over[:5])}. Remove or extend them, which needs a new approval"
                )

    def _part(self, chosen: Sequence[Text]) -> CriteriaSet:
        names = {text.criterion["id"] for text in chosen}
        return part_of(self.criteria, tuple(one for one in self.criteria.criteria if one.id in names))

    def sign(
        self,
        step: State,
        chosen: Sequence[Text],
        by: str,
        keys: Path | None,
        detail: Mapping[str, str] | None = None,
    ) -> Taken:
        """Sign and write one line for each of the chosen texts; none where one of them is refused."""
        _refuse_unshowable(detail or {})
        who = signer(by, self.journal.people, keys=keys)
        notes = tuple(filter(None, map(self._taken_place, chosen))) if step is State.APPROVED else ()
        added: list[Entry] = []
        refusals: list[str] = []
        for text in chosen:
            entry = self._entry(step, text, who, added, detail or {})
            if refusal := self.journal.ledger.refusal(entry):
                refusals.append(f"  {entry.criterion!r} {refusal}")
            else:
                self.journal.ledger.take(entry)
                added.append(replace(entry, signature=who.sign(entry.payload())))
        if refusals or not added:
            listed = "\n".join(refusals) or "  no criterion is named"
            raise LifecycleError(f"Nothing was written to {self.journal.file}:\n{listed}")
        append(self.file, self.journal, added)
        return Taken(self.journal.file, tuple(added), notes)

    def _entry(self, step: State, text: Text, who: Signer, added: Sequence[Entry], detail: Mapping[str, str]) -> Entry:
        before = [*self.journal.entries, *added]
        return Entry(
            seq=len(before) + 1,
            set=self.file.stem,
            at=written_moment(self.now),
            criterion=text.criterion["id"],
            text_sha256=text.sha256,
            step=step.value,
            by=who.person.name,
            key=who.person.fingerprint,
            previous=before[-1].sha256() if before else NO_LINE,
            detail=dict(detail),
            text=text.canonical if step is State.DRAFT else "",
            approval=who.sign(text.canonical.encode()) if step is State.APPROVED else "",
        )

    def _taken_place(self, text: Text) -> str:
        before = self.journal.ledger.in_production(self.day).get(text.criterion["id"])
        if before is None:
            return ""
        return (
            f"{text.criterion['id']}: takes the place of the text that is {before.state.value} since line "
            f"{before.last.seq}; until it is activated its hits are recorded and change no lane."
        )


def _refuse_unshowable(detail: Mapping[str, str]) -> None:
    """Refuse what an audit could not show on a line of a terminal."""
    for name, value in detail.items():
        try:
            fields.line(value)
        except fields.Wrong as wrong:
            raise LifecycleError(f"Nothing was written: the {name} has to be {wrong}.") from None
