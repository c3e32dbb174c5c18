"""A generated world whose traders react to what a policy controls.

What a control would find is known of everything: mask ``none`` leaves it for all goods of the start, ``natural`` only
what the old service's own criteria, officers and lot had found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from workbench.config import Pipeline
from workbench.errors import ConfigError
from workbench.scorer.schema import KEY
from workbench.synthetic.changes import WeeklySchemeChange
from workbench.synthetic.reacting import ReactingService
from workbench.synthetic.weeks import ReactingConfig, Weeks

from .digests import digest_of, sha256
from .policy import Counts
from .recorded import TRUTH
from .settings import Settings
from .world import Start, Week

DEFAULT_WEEKS = 104
_DAYS_A_MONTH = 365.25 / 12


class ReactingWorld:
    """Goods week by week from a synthetic service.

    Parameters
    ----------
    dates
        Which weeks there are.
    config
        Dials; by default a stable world, in which nothing but the traders' reactions changes.
    """

    def __init__(self, dates: Weeks, config: ReactingConfig | None = None) -> None:
        self._dates, self._config = dates, config or ReactingConfig()
        self._service = ReactingService(dates, self._config)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the dials by which weeks are drawn, and of the start, which another generator draws otherwise."""
        start = self.start()
        return sha256(f"{self._dates!r} {self._config!r} {digest_of(start.goods, start.outcomes)}".encode())

    @property
    def weeks(self) -> int:
        """Number of weeks after the start."""
        return self._dates.simulated

    def start(self) -> Start:
        """Return the goods of the start, with what a physical control finds, or the old service's control did find."""
        goods, own = self._service.history.declarations, self._service.history.outcomes
        full, controlled = self._service.history_in_full, own["violation"].is_not_null()
        known = {name: own[name].zip_with(controlled, full[name]) for name in TRUTH if name not in KEY}
        return Start(goods, full.select(KEY).with_columns(**known, controlled=controlled))

    def week(self, number: int) -> Week:
        """Return a week's goods."""
        tables = self._service.week(number)
        begin, end = self._dates.begins(number), self._dates.begins(number + 1)
        return Week(number, begin, end, tables.declarations, tables.outcomes.select(TRUTH))

    def controlled(self, week: Week, places: Counts) -> None:
        """Let traders see what was controlled."""
        self._service.controlled(week.number, places)

    @property
    def state(self) -> Mapping[str, Any]:
        """What traders remember."""
        return self._service.state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._service.restore(state)


@dataclass(frozen=True)
class ReactingWorlds:
    """Makes the world of each replication: another draw of the same service; it can be sent to other processes.

    Parameters
    ----------
    dates
        Which weeks there are; replication 0 has this seed.
    config
        Dials.
    """

    dates: Weeks
    config: ReactingConfig

    def __call__(self, replication: int) -> ReactingWorld:
        """Return the world of a replication."""
        return ReactingWorld(replace(self.dates, seed=self.dates.seed + replication), self.config)

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """Changes of the schemes, by ``week`` and ``what``, in order of the weeks that are simulated."""
        changes = sorted(self.config.changes, key=lambda change: change.week)
        simulated = (one for one in changes if 0 <= one.week < self.dates.simulated)
        return [{"week": one.week, "what": one.describe()} for one in simulated]


def generated_worlds(pipeline: Pipeline, settings: Settings) -> ReactingWorlds:
    """Return the worlds of a pipeline that generates its data.

    Parameters
    ----------
    pipeline
        With [source.generate]: its rows over its months say how many goods a week has, and its seed the first world;
        [simulation.world] has the dials.
    settings
        Weeks (104 unless stated) and weeks of the start.

    Raises
    ------
    ConfigError
        The pipeline reads records.
    GenerationError
        Dials outside their domain, an unknown scheme, or more weeks than ten years have.
    """
    dials, world = pipeline.source.generate, pipeline.simulation.world
    if dials is None:
        raise ConfigError(
            f"{pipeline.path.name} reads records, which do not react. Give a pipeline with [source.generate]."
        )
    goods = dials.rows / (dials.months * _DAYS_A_MONTH / 7)
    changes = tuple(
        WeeklySchemeChange(change.week, scheme, change.intensity, change.moves, change.share)
        for change in world.changes
        for scheme in change.schemes
    )
    weeks = DEFAULT_WEEKS if settings.weeks is None else settings.weeks
    dates = Weeks(settings.start_weeks, weeks, goods, dials.seed)
    # Refuses more weeks than a world can have before anything is drawn.
    _ = dates.extent
    return ReactingWorlds(dates, ReactingConfig(world.violation_rate, world.deterrence, changes))
