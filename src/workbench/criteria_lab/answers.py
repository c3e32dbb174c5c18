"""What there is to say of one criterion in a period: its figures, or its faults; counted by `evidence`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.evaluation import Estimate
from workbench.scorer.criteria import Criterion
from workbench.scorer.expressions import Fault

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """Some declaration items, and what controls found among them.

    Parameters
    ----------
    items, declarations
        How many items, and how many declarations they belong to.
    controlled
        Items whose control has a recorded result; the three figures below are known for these only.
    violations
        Controlled items with a violation.
    hit_rate
        violations / controlled with its 95 % Wilson interval; ``None`` throughout where nothing was controlled.
    recovered_duty_usd
        Duty recovered from them, in USD; ``None`` where the source records none.
    """

    items: int
    declarations: int
    controlled: int
    violations: int
    hit_rate: Estimate
    recovered_duty_usd: float | None


@dataclass(frozen=True)
class Overlap:
    """One criterion of the set that hits some of the same items.

    Parameters
    ----------
    criterion, title
        Of the set.
    shared
        Items that both hit.
    share
        Of the asked criterion's hits, in (0, 1].
    """

    criterion: str
    title: str
    shared: int
    share: float


@dataclass(frozen=True)
class AgainstModel:
    """The criterion beside the same number of controls chosen by the model's score.

    Parameters
    ----------
    since
        First day of lodgement that the model had not seen when it was trained, ISO 8601; empty where it is not known.
    hits
        Hits among the items that the model scored without having seen their future.
    taken
        Of these, those that are among the model's `hits` highest scores.
    controlled
        Hits that were scored and controlled: the number of controls that is compared below.
    violations
        Violations that the criterion's controlled hits hold.
    model_violations
        Violations in as many controlled items of the highest scores.
    beyond_model
        Violations of the criterion's that are not among those items: what the criterion finds and the model does not.
    by_chance
        Violations expected in as many controlled items drawn by lot.
    """

    since: str
    hits: int
    taken: int
    controlled: int
    violations: int
    model_violations: int
    beyond_model: int
    by_chance: float


@dataclass(frozen=True)
class Month:
    """Hits of one month of lodgement; `month` is its first day, ISO 8601."""

    month: str
    hits: int
    controlled: int
    violations: int
    hit_rate: Estimate


@dataclass(frozen=True)
class Figures:
    """The numbers of one criterion in one period.

    Parameters
    ----------
    whole
        Every item of the period.
    hits
        The items that the criterion hits.
    not_evaluable
        Items for which a missing value left the condition open.
    share_of_violations
        Of all violations found in the period, those among the hits, in [0, 1]; ``None`` where none was found.
    controls_per_day
        Declarations a day that the hit percentage would send to control, on average over the period.
    beyond_set
        Hits that no other criterion of the set has: what it adds to the set.
    overlaps
        The criteria of the set that hit the same items, most shared first.
    model
        The comparison with the model; ``None`` where no hit has a score that may be compared.
    months
        The hits by month of lodgement.
    """

    whole: Found
    hits: Found
    not_evaluable: int
    share_of_violations: float | None
    controls_per_day: float
    beyond_set: Found
    overlaps: tuple[Overlap, ...]
    model: AgainstModel | None
    months: tuple[Month, ...]


@dataclass(frozen=True)
class Answers:
    """What there is to say of a criterion: its figures, or why it cannot have any.

    Parameters
    ----------
    criterion
        The criterion that was asked about.
    faults
        Everything wrong with it, warnings included, with places in the condition.
    figures
        ``None`` where a fault keeps it from being evaluated.
    hit
        Mask of the hits among the rows of the evidence, in their order; without figures all false.
    """

    criterion: Criterion
    faults: tuple[Fault, ...]
    figures: Figures | None
    hit: Mask

    def to_dict(self) -> dict[str, Any]:
        """Return faults and figures as plain JSON values; the mask stays behind."""
        return {
            "id": self.criterion.id,
            "faults": [asdict(fault) for fault in self.faults],
            "figures": None if self.figures is None else asdict(self.figures),
        }
