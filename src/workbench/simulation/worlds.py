"""From a pipeline to the worlds that its policies are simulated in: replayed records, or a service that reacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from workbench.config import Pipeline
from workbench.errors import ParameterError

from .reacting import generated_worlds
from .recorded import RecordedWorld, recorded_world
from .settings import Settings
from .world import World

SAME_RECORD = ("hs_code", "origin_country_code", "departure_country_code", "customs_value_usd", "net_mass_kg")
"""What two consignments share that are taken for the same one lodged again; see docs/decisions/0009."""


@dataclass(frozen=True)
class Worlds:
    """The worlds of a simulation.

    Parameters
    ----------
    world_of
        Makes the world of a replication; it can be sent to other processes.
    weeks
        Weeks that are simulated after the start.
    goods_a_week
        Declaration items a week, about.
    kind
        Whether they replay records or are generated, and react.
    events
        Changes of the world: ``week`` and ``what``.
    repeated_share
        Share of the simulated goods whose record occurred before, in [0, 1]; ``None`` for generated worlds.
    fingerprint
        Digest of the records; empty for generated worlds, which the pipeline says all about.
    """

    world_of: Callable[[int], World]
    weeks: int
    goods_a_week: float
    kind: Literal["recorded", "generated"]
    events: Sequence[Mapping[str, Any]] = ()
    repeated_share: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class RecordedWorlds:
    """Gives the same records to every replication, read anew in each process."""

    pipeline: Pipeline
    settings: Settings

    def __call__(self, _: int) -> World:
        """Return the records, whatever the replication."""
        return recorded_world(self.pipeline, self.settings)


def open_worlds(pipeline: Pipeline, settings: Settings) -> Worlds:
    """Return the worlds of a pipeline; records are read once, so that what is wrong with them is told at once.

    Raises
    ------
    ParameterError
        More weeks are asked for than the records have.
    SelectivityError
        The source cannot be read, holds no labels, or ends before the first week; see `recorded_world` and
        `generated_worlds`.
    """
    if pipeline.source.generate is not None:
        worlds = generated_worlds(pipeline, settings)
        return Worlds(worlds, worlds.dates.simulated, worlds.dates.goods, "generated", worlds.events)
    world = recorded_world(pipeline, settings)
    weeks = world.weeks if settings.weeks is None else settings.weeks
    if weeks > world.weeks:
        raise ParameterError(
            f"--weeks {weeks} is more than there are: the records have {world.weeks} weeks after a start of "
            f"{settings.start_weeks}. Give at most that, or leave it out for all of them."
        )
    return Worlds(
        RecordedWorlds(pipeline, settings),
        weeks,
        world.goods.height / (world.weeks + settings.start_weeks),
        "recorded",
        repeated_share=repeated_share(world, weeks),
        fingerprint=world.fingerprint,
    )


def repeated_share(world: RecordedWorld, weeks: int) -> float | None:
    """Return which share of the goods of the first `weeks` weeks repeat the record of goods lodged before, in [0, 1].

    ``None`` where the records lack what tells them apart. Known for all goods: no label is read.
    """
    lodged = pl.concat([world.start().goods, *(world.week(number).goods for number in range(weeks))])
    told_apart = [name for name in SAME_RECORD if lodged[name].null_count() < lodged.height]
    if len(told_apart) < len(SAME_RECORD):
        return None
    repeated = ~pl.struct(told_apart).is_first_distinct()
    share = lodged.select(repeated.slice(world.start().goods.height).mean()).item()
    return None if share is None else float(share)
