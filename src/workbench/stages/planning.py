"""Planning: a plan of inspection from the weeks that a run's measured model judged without having seen them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import ConfigError
from workbench.planning import Ground, Plan, make_plan
from workbench.planning.path import ANNUAL_GROWTH, YEARLY_CHANGE
from workbench.planning.plan import RATES
from workbench.progress import Tell
from workbench.stages.folder import RunFolder

_STORED = {"would_be_lane", "random_probability", "full_control_probability"}
"""What decisions of the workbench store, and a history of another system does not."""


def plan_of_run(
    data: Path,
    *,
    rates: Sequence[float] = (),
    keep: Sequence[float] = (),
    steps: Sequence[float] = (),
    random_share: float | None = None,
    growth: float = ANNUAL_GROWTH,
    yearly_change: float = YEARLY_CHANGE,
    tell: Tell | None = None,
) -> Plan:
    """Plan inspections from a run's judging part.

    Parameters
    ----------
    data
        Folder of a run that has been trained, of a source that keeps lanes and causes.
    rates
        Rates of inspection to compare; by default those usual ones that leave the model something. Those of `steps` are
        compared too.
    keep, steps
        See :func:`workbench.planning.make_plan`.
    random_share
        Share of declarations that planned policies leave to the random arm; the pipeline's own by default.
    growth, yearly_change, tell
        See :func:`workbench.planning.make_plan`.

    Raises
    ------
    ConfigError
        The source keeps no causes, so that nothing tells which controls the random arm drew; or a rate or dial is
        outside its domain.
    SourceError
        `data` is no run, or was not trained.
    """
    run = RunFolder.open(data)
    judged, selection = run.read("judged"), run.pipeline.selection
    if judged["cause"].null_count() == judged.height:
        raise ConfigError(
            f"{data} has no record of what had selected its goods, so no control is known to be of the random arm. "
            "Plan from a source whose mapping has 'lane' and 'cause'."
        )
    share = selection.random_share if random_share is None else random_share
    ground = Ground.of(
        judged,
        (*(rates or (rate for rate in RATES if rate > share)), *steps),
        random_share=share,
        lot_frame=None if set(judged.columns) >= _STORED else run.pipeline.source.lot_frame,
        random_lane=selection.random_lane,
    )
    return make_plan(ground, keep=keep, steps=steps, growth=growth, yearly_change=yearly_change, tell=tell)
