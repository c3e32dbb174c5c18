"""The world: its dimension tables, and the blocks of declarations that it brings forth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from workbench.scorer.schema import KEY
from workbench.synthetic.calendar import LodgementPlan, month_starts, plan_lodgements
from workbench.synthetic.config import DEFAULT_START, SCHEMES, Extent, WorldConfig
from workbench.synthetic.consignments import DUTIABLE, Consignments, TraderDraw, draw_consignments
from workbench.synthetic.criteria import KNOWN_DAYS, TYPICAL_PRICE
from workbench.synthetic.declarants import Declarants, build_declarants
from workbench.synthetic.declarations import declarations_table, evaded_duty_usd
from workbench.synthetic.draws import Bools, Floats, Ints, stream
from workbench.synthetic.goods import Goods, draw_goods
from workbench.synthetic.history import route
from workbench.synthetic.hs_codes import HsCodes, build_hs_codes
from workbench.synthetic.methods import Tools
from workbench.synthetic.offices import offices
from workbench.synthetic.outcomes import outcomes_table
from workbench.synthetic.rings import Rings, build_rings
from workbench.synthetic.routes import Routes, build_routes
from workbench.synthetic.schemes import Planted, eligible, plant, scale_for, scheme_schedule, scheme_weights
from workbench.synthetic.sellers import Sellers, build_sellers
from workbench.synthetic.traders import GROUPS, Traders, build_traders

BLOCK_DECLARATIONS = 16_384
"""Declarations that are drawn together, from one random stream: the tables do not depend on anything larger."""

PILOT_DECLARATIONS = 80_000


@dataclass(frozen=True)
class Tables:
    """What a world brings forth, sorted by moment of lodgement; one row an item in the first three.

    Parameters
    ----------
    declarations
        Identity and lodgement columns of the schema.
    outcomes
        Key, decision and outcome columns; null outcomes where nobody looked.
    truth
        Key, ``fraudulent``, ``scheme``, ``duty_evaded_usd``, ``trader_group``, ``ring``: for tests and simulations.
    """

    declarations: pl.DataFrame
    outcomes: pl.DataFrame
    truth: pl.DataFrame


@dataclass(frozen=True)
class SyntheticWorld:
    """The dimension tables, the plan of lodgements, and how strongly leanings turn into fraud."""

    extent: Extent
    config: WorldConfig
    plan: LodgementPlan
    hs: HsCodes
    routes: Routes
    sellers: Sellers
    declarants: Declarants
    traders: Traders
    rings: Rings
    fraud_scale: float

    def __len__(self) -> int:
        """Return the number of blocks."""
        return -(-len(self.plan) // BLOCK_DECLARATIONS)

    def dimensions(self) -> dict[str, pl.DataFrame]:
        """Return the reference tables that customs would hold: traders, HS codes and offices."""
        return {"traders": self.traders.table(), "hs_codes": self.hs.table, "offices": offices()}


def build_world(extent: Extent, config: WorldConfig | None = None) -> SyntheticWorld:
    """Draw every dimension table; each has its own random stream, so none depends on the size of another's draws."""
    config, seed = config or WorldConfig(), extent.seed
    count = max(60, round(extent.rows / config.rows_per_trader))
    hs = build_hs_codes(seed)
    routes = build_routes(hs.duty_rate, seed)
    sellers, declarants = build_sellers(hs, routes, count, seed), build_declarants(count, seed)
    traders = build_traders(hs, sellers, declarants, count, seed)
    rings = build_rings(traders, hs, routes, sellers, max(4, round(extent.rows / config.rows_per_ring)), seed)
    plan = plan_lodgements(extent)
    world = SyntheticWorld(extent, config, plan, hs, routes, sellers, declarants, traders, rings, fraud_scale=0.0)
    return SyntheticWorld(**{**vars(world), "fraud_scale": _fraud_scale(world)})


def blocks(world: SyntheticWorld) -> Iterator[Tables]:
    """Draw the world block by block, in order of time."""
    draw_trader, schedule = TraderDraw(world.traders), scheme_schedule(world.extent.months, world.config.events)
    for number in range(len(world)):
        first = number * BLOCK_DECLARATIONS
        rng = stream(world.extent.seed, "block", number)
        plan = world.plan.cut(first, first + BLOCK_DECLARATIONS)
        yield _draw_block(world, plan, first, draw_trader, schedule, rng)


def simulate_world(
    *, rows: int, months: int = 12, seed: int = 0, start: date = DEFAULT_START, config: WorldConfig | None = None
) -> Tables:
    """Generate all tables in memory: the same rows that :func:`~workbench.synthetic.generate` writes.

    Parameters
    ----------
    rows, months, seed, start
        As in :class:`~workbench.synthetic.config.Extent`.
    config
        Dials of the world.

    Examples
    --------
    >>> tables = simulate_world(rows=500, months=2, seed=1)
    >>> tables.declarations.height, tables.outcomes.height
    (500, 500)
    """
    drawn = list(blocks(build_world(Extent(rows, months, seed, start), config)))
    names = ("declarations", "outcomes", "truth")
    return Tables(**{name: pl.concat([getattr(tables, name) for tables in drawn]) for name in names})


def _draw_block(
    world: SyntheticWorld,
    plan: LodgementPlan,
    first: int,
    draw_trader: TraderDraw,
    schedule: Floats,
    rng: np.random.Generator,
) -> Tables:
    shipped, goods, open_to, weights = intentions(world, plan, draw_trader, schedule, rng)
    of = np.repeat(np.arange(len(shipped)), shipped.items)
    dutiable = DUTIABLE[shipped.regime[of]]
    planted = plant(weights, world.fraud_scale, shipped, goods, open_to, Tools(world.hs, world.routes, dutiable, rng))
    cheats = planted.by_declaration >= 0
    parties = (world.traders, world.sellers, world.declarants)
    hostile_rate = world.config.hostile_text_rate
    declarations = declarations_table(first, shipped, planted.declared, cheats, parties, world.hs, hostile_rate, rng)
    evaded = evaded_duty_usd(goods, planted.declared, planted.hidden_value_usd, dutiable, world.hs)
    looked_up = beside(declarations, world, shipped.trader[of], shipped.moment[of], planted.declared.hs)
    routing = route(looked_up, first_items(plan), cheats, world.config, rng)
    outcomes = outcomes_table(declarations, of, routing, planted.by_declaration, planted.scheme, evaded, rng)
    return Tables(declarations, outcomes, truth_table(declarations, world, shipped, of, planted, evaded))


def intentions(
    world: SyntheticWorld, plan: LodgementPlan, draw_trader: TraderDraw, schedule: Floats, rng: np.random.Generator
) -> tuple[Consignments, Goods, Bools, Floats]:
    """Draw declarations and their goods as they really are, by which schemes each item could cheat, and the leanings.

    The same numbers are drawn whatever the rings do: a declaration of nobody's ring never changes with them.

    Parameters
    ----------
    world
        Its dimension tables are read.
    plan
        Moments and items; ``plan.month`` picks the row of `schedule`.
    draw_trader
        Over the world's traders.
    schedule
        What multiplies each scheme's weight (columns) by month (rows).
    rng
        Random stream.

    Returns
    -------
    tuple
        Consignments, goods, eligible schemes by item, and :func:`scheme_weights` by declaration.
    """
    moment = _share_of_period(world.extent, plan.lodged_at_us)
    shipped = draw_consignments(plan, moment, world.traders, world.rings, world.sellers, world.routes, draw_trader, rng)
    goods = draw_goods(shipped, world.traders, world.rings, world.hs, world.routes, rng)
    open_to, main = eligible(shipped, goods, world.hs, world.routes), first_items(plan)
    duty = world.hs.duty_rate[goods.hs[main]]
    return shipped, goods, open_to, scheme_weights(shipped, open_to[main], duty, world.traders, world.rings, schedule)


def pilot(world: SyntheticWorld, schedule: Floats) -> tuple[Consignments, Goods, Bools, Floats]:
    """Draw :func:`intentions` of lodgements over the whole period that stand for all: one item a declaration."""
    rng = stream(world.extent.seed, "pilot")
    at = np.sort(rng.integers(0, len(world.plan), PILOT_DECLARATIONS))
    lodged = world.plan
    drawn = LodgementPlan(lodged.lodged_at_us[at], lodged.month[at], np.ones(len(at), dtype=np.int64))
    return intentions(world, drawn, TraderDraw(world.traders), schedule, rng)


def _fraud_scale(world: SyntheticWorld) -> float:
    """Return what turns leanings into probabilities, so that their mean is the violation rate asked for."""
    schedule = scheme_schedule(world.extent.months, world.config.events)
    return scale_for(pilot(world, schedule)[3].sum(axis=1), world.config.violation_rate)


def truth_table(
    declarations: pl.DataFrame, world: SyntheticWorld, shipped: Consignments, of: Ints, planted: Planted, evaded: Floats
) -> pl.DataFrame:
    """Return what nobody in the service may read: who cheats in which item, how, for how much, and who they are."""
    return declarations.select(
        *KEY,
        fraudulent=pl.Series(planted.scheme >= 0),
        scheme=pl.Series([*SCHEMES, None]).gather(np.where(planted.scheme >= 0, planted.scheme, len(SCHEMES))),
        duty_evaded_usd=pl.Series(np.where(planted.scheme >= 0, evaded, 0.0)),
        trader_group=pl.Series(GROUPS).gather(world.traders.group[shipped.trader[of]]),
        ring=pl.Series(np.where(shipped.ring >= 0, shipped.ring, -1)[of]).replace(-1, None),
    )


def beside(declarations: pl.DataFrame, world: SyntheticWorld, trader: Ints, moment: Floats, hs: Ints) -> pl.DataFrame:
    """Put beside the declarations what the old criteria look up: the importer's age and the usual price."""
    entry = world.traders.entry[trader]
    days = month_starts(world.extent)[-1] - world.extent.start
    known = np.where(entry > 0, (moment - entry) * days.days, 3_650.0)
    return declarations.with_columns(
        pl.Series(KNOWN_DAYS, known), pl.Series(TYPICAL_PRICE, world.hs.table["unit_value_usd_per_kg"].gather(hs))
    )


def _share_of_period(extent: Extent, lodged_at_us: Ints) -> Floats:
    months = month_starts(extent)
    first, days = (months[0] - date(1970, 1, 1)).days, (months[-1] - months[0]).days
    return (lodged_at_us / 86_400_000_000 - first) / days


def first_items(plan: LodgementPlan) -> Ints:
    """Return the row of each declaration's first item."""
    return np.cumsum(plan.items) - plan.items
