"""What mining proposes: drafts with their evidence, for a terminal, for JSON and for a criteria file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.criteria.editing import save_draft
from workbench.criteria.mining.evidence import Count, Evidence
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.files import write_text_atomically


@dataclass(frozen=True)
class Saved:
    """Where drafts and their evidence were written."""

    drafts: Path
    evidence: Path
    count: int

    def describe(self) -> str:
        """Return one line for a terminal."""
        return f"{self.count} drafts written to {self.drafts}, their evidence to {self.evidence}."


@dataclass(frozen=True)
class Proposal:
    """A draft and why it was proposed."""

    criterion: Criterion
    evidence: Evidence

    def sentence(self) -> str:
        """Return the evidence in two sentences, for a comment beside the draft."""
        later, stated = self.evidence.later, self.evidence.stated
        promise = "no control told what to expect"
        if stated.value is not None:
            promise = f"{stated.value:.1%} expected, {stated.low_95:.1%} to {stated.high_95:.1%} stated"
        rate = later.hit_rate.value
        shown = "no hit was controlled" if rate is None else f"{rate:.1%} ({later.violations:,} of {later.labelled:,})"
        verdict = "confirmed" if self.evidence.confirmed else "not confirmed"
        return (
            f"Later period: {later.hits:,} hits, hit rate {shown} of those controlled; {promise}; {verdict}. "
            f"Hit rate of all controlled goods: {self.evidence.base_rate:.1%}."
        )


@dataclass(frozen=True)
class Mined:
    """Proposals in the order in which they were chosen: the one that adds most first.

    Parameters
    ----------
    proposals
        All that were chosen, confirmed by the later period or not.
    later
        All goods of the later period, for comparison.
    """

    proposals: tuple[Proposal, ...]
    later: Count

    @property
    def confirmed(self) -> tuple[Proposal, ...]:
        """The proposals that the later period confirms: those worth an analyst's time."""
        return tuple(one for one in self.proposals if one.evidence.confirmed)

    @property
    def held(self) -> tuple[int, int]:
        """How many stated intervals held in the later period, and of how many that could be judged."""
        judged = [one.evidence.held for one in self.proposals if one.evidence.held is not None]
        return sum(judged), len(judged)

    @property
    def criteria(self) -> CriteriaSet:
        """All proposals as a set of drafts."""
        return CriteriaSet(tuple(one.criterion for one in self.proposals))

    def save(self, path: str | Path) -> Saved:
        """Add the proposals to a criteria file as drafts, each under its evidence as a comment.

        The comment says whether the later period confirmed it. The file is made where there is none; a draft that
        stands there already is brought up to date. The evidence goes to a JSON file beside it, too.

        Raises
        ------
        CriterionError
            The file could not be changed without changing something else.
        SourceError
            The folder does not exist or cannot be written to.
        """
        drafts = Path(path)
        evidence = drafts.with_suffix(".evidence.json")
        for one in self.proposals:
            save_draft(drafts, one.criterion, one.sentence())
        write_text_atomically(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", evidence)
        return Saved(drafts, evidence, len(self.proposals))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        pairs = zip(self.criteria.to_dict()["criterion"], self.proposals, strict=True)
        return {
            "proposals": [{"criterion": table, "evidence": one.evidence.to_dict()} for table, one in pairs],
            "later": self.later.to_dict(),
        }

    def describe(self) -> str:
        """Return a line a proposal for a terminal."""
        if not self.proposals:
            return "No rule adds enough to what is controlled already. Give a longer past or a smaller support."
        held, judged = self.held
        counted = f"{len(self.proposals)} proposal{'s' if len(self.proposals) > 1 else ''}"
        head = (
            f"{counted}, {len(self.confirmed)} confirmed by the later period; the hit rate there "
            f"lies in the stated interval for {held} of {judged}. All figures are known for controlled goods only."
        )
        lines = [
            f"{'+' if one.evidence.confirmed else '-'} {one.criterion.id}  {one.criterion.title}\n    {one.sentence()}"
            for one in self.proposals
        ]
        return "\n".join([head, *lines])
