"""Which line may follow those before it: writing the public file and verifying it ask the same."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.chain import NO_LINE
from workbench.random_arm.entries import Entry, Kind, commitment

_DONE = {Kind.COMMIT: "committed to", Kind.SEAL: "sealed", Kind.REVEAL: "revealed"}


class Lines:
    """The lines so far, and which line may follow them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._by_day: dict[str, dict[str, Entry]] = {}

    @property
    def last_sha256(self) -> str:
        """What the next line names as its `previous`."""
        return self.entries[-1].sha256 if self.entries else NO_LINE

    def take(self, entry: Entry) -> None:
        """Add a line."""
        self.entries.append(entry)
        self._by_day.setdefault(entry.day, {}).setdefault(entry.kind, entry)

    def unfit(self, entry: Entry) -> Iterator[str]:
        """Yield why a line may not follow."""
        known = self._by_day.get(entry.day, {})
        if self.entries and entry.programme != self.entries[0].programme:
            yield f"it is of the programme {entry.programme!r}, and the file is of {self.entries[0].programme!r}"
        if self.entries and entry.offset != self.entries[0].offset:
            first = self.entries[0].at
            yield f"it is of {entry.at}, by another clock than line 1 ({first}), at whose midnight days begin"
        if (again := known.get(entry.kind)) is not None:
            yield f"{_DONE[Kind(entry.kind)]} already in line {again.number}"
        if entry.kind == Kind.COMMIT:
            yield from _unfit_commit(entry)
        elif (committed := known.get(Kind.COMMIT)) is None:
            yield "there is no commitment to it"
        elif entry.kind == Kind.REVEAL:
            yield from _unfit_reveal(entry, committed, is_sealed=Kind.SEAL in known)


def _unfit_commit(entry: Entry) -> Iterator[str]:
    if entry.moment.date() >= entry.date and not entry.trial:
        yield (
            f"the commitment is of {entry.at}, when {entry.day} had begun: a key chosen after the fact proves nothing. "
            "Commit ahead; for a trial say so by name"
        )


def _unfit_reveal(entry: Entry, committed: Entry, *, is_sealed: bool) -> Iterator[str]:
    if not is_sealed:
        yield (
            f"no decisions of {entry.day} are sealed: with the key out they could be written to fit it. Seal them "
            "first (workbench daily does); the key of a day without decisions stays secret"
        )
    if entry.moment.date() <= entry.date:
        yield f"{entry.day} has not ended at {entry.at}: whoever knows the key foresees the draws of that day"
    if commitment(entry.programme, entry.date, bytes.fromhex(entry.key)) != committed.commitment:
        yield f"it is not the one that line {committed.number} commits to"
