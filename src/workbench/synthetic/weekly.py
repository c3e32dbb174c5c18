"""A week of the reacting world, drawn from what traders remember when it begins.

Each table of a week has a random stream of its own, and none of what it gives depends on what was controlled before:
who lodges what, what each item would declare under each scheme, and what a control would find. Memory decides only
who cheats and by which scheme, and what rings trade in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC

import numpy as np
import polars as pl

from workbench.scorer.schema import Lane
from workbench.synthetic.calendar import LodgementPlan
from workbench.synthetic.changes import ChangingSchemes, Refuges, Trade
from workbench.synthetic.config import SCHEMES
from workbench.synthetic.consignments import DUTIABLE, Consignments, TraderDraw
from workbench.synthetic.declarations import declarations_table, evaded_duty_usd
from workbench.synthetic.draws import Bools, Floats, Ints, stream
from workbench.synthetic.goods import Goods
from workbench.synthetic.history import LANES, Routing, route
from workbench.synthetic.methods import METHODS, Tools
from workbench.synthetic.offices import offices
from workbench.synthetic.outcomes import outcomes_table
from workbench.synthetic.reactions import Memory, Seen
from workbench.synthetic.regimes import REGIMES
from workbench.synthetic.rings import moved, stakes, steady
from workbench.synthetic.schemes import Planted, choose_schemes, scale_for
from workbench.synthetic.weeks import ReactingConfig, Weeks
from workbench.synthetic.world import SyntheticWorld, beside, build_world, first_items, intentions, pilot, truth_table

_EVERY_SCHEME = np.ones((1, len(SCHEMES)))  # as a schedule: one month, in which all are in use


@dataclass(frozen=True)
class DrawnWeek:
    """A week as drawn.

    Parameters
    ----------
    number
        Number of the week's random streams, from 0.
    plan
        Moments and items of its declarations; the month is 0 throughout.
    shipped, planted
        The declarations, and what they declare in truth and on paper.
    evaded_usd
        Duty evaded, by item.
    declarations
        Identity and lodgement columns of the schema, one row an item, in order of lodgement.
    """

    number: int
    plan: LodgementPlan
    shipped: Consignments
    planted: Planted
    evaded_usd: Floats
    declarations: pl.DataFrame

    @property
    def of(self) -> Ints:
        """Position of each item's declaration."""
        return np.repeat(np.arange(len(self.shipped)), self.shipped.items)


class WeekDrawer:
    """Draws the weeks of one world.

    Parameters
    ----------
    weeks, config
        Which weeks there are, and the dials.
    """

    def __init__(self, weeks: Weeks, config: ReactingConfig) -> None:
        self._weeks, self._config, extent = weeks, config, weeks.extent
        world = build_world(extent, config.service(extent.months))
        world = replace(world, rings=steady(world.rings))
        self._chapter = world.hs.table["hs_code"].str.slice(0, 2).rank("dense").to_numpy().astype(np.int64) - 1
        shipped, goods, _, leaning = pilot(world, np.repeat(_EVERY_SCHEME, extent.months, axis=0))
        self.world = replace(world, fraud_scale=scale_for(leaning.sum(axis=1), config.violation_rate))
        alone = shipped.ring < 0
        chapter = self._chapter[goods.hs]
        trade = Trade(shipped.regime[alone], chapter[alone], shipped.trader[alone], leaning[alone])
        self.schemes = ChangingSchemes(config.changes, trade, len(world.traders), weeks.seed)
        self._draw_trader, self._worth = TraderDraw(world.traders), stakes(world.hs, world.routes)

    def blank_memory(self) -> Memory:
        """Return what traders remember before the first week of the start."""
        return Memory.blank(
            traders=len(self.world.traders),
            alike=offices().height * self._chapters,
            regimes=len(REGIMES),
            rings=len(self.world.rings.begins),
        )

    def draw(self, week: int, memory: Memory) -> DrawnWeek:
        """Draw a week, from minus the weeks of the start, as `memory` has it when the week begins."""
        number, world = self._weeks.start + week, self._with_rings(memory)
        first, plan = self._plan(week)
        rng = stream(self._weeks.seed, "week", number)
        shipped, goods, open_to, leaning = intentions(world, plan, self._draw_trader, _EVERY_SCHEME, rng)
        weights = self._weights(week, memory, shipped, goods.hs[first_items(plan)], leaning)
        by_declaration, scheme = self._choose(number, weights, plan.items, open_to)
        dutiable = DUTIABLE[shipped.regime[np.repeat(np.arange(len(shipped)), shipped.items)]]
        declared, hidden = self._declare(number, goods, scheme, dutiable)
        evaded = evaded_duty_usd(goods, declared, hidden, dutiable, world.hs)
        planted = Planted(declared, scheme, hidden, by_declaration)
        return DrawnWeek(number, plan, shipped, planted, evaded, self._table(number, first, shipped, planted))

    def outcomes(self, drawn: DrawnWeek) -> pl.DataFrame:
        """Return what physical controls of everything would find, and when it would be recorded: an outcome table."""
        count = len(drawn.shipped)
        lane = np.full(count, LANES.index(Lane.RED))
        return self._outcomes(drawn, Routing(lane, np.full(count, "none", dtype=object), np.ones(count)))

    def history(self, drawn: DrawnWeek) -> pl.DataFrame:
        """Return what the old service's controls found: an outcome table, null where nobody looked."""
        if not len(drawn.shipped):
            return self.outcomes(drawn)
        rng, shipped, of = stream(self._weeks.seed, "week as routed", drawn.number), drawn.shipped, drawn.of
        items = beside(
            drawn.declarations, self.world, shipped.trader[of], shipped.moment[of], drawn.planted.declared.hs
        )
        cheats = drawn.planted.by_declaration >= 0
        return self._outcomes(drawn, route(items, first_items(drawn.plan), cheats, self.world.config, rng))

    def truth(self, drawn: DrawnWeek) -> pl.DataFrame:
        """Return the truth about each item, as in :class:`~workbench.synthetic.world.Tables`."""
        return truth_table(drawn.declarations, self.world, drawn.shipped, drawn.of, drawn.planted, drawn.evaded_usd)

    def refuges(self, week: int, memory: Memory) -> Refuges:
        """Return where schemes have moved to by a week that begins with `memory`."""
        return self.schemes.refuges(week, memory.refuges, memory.perceived_in_regimes())

    def seen(self, drawn: DrawnWeek, controlled: Bools, found: Bools) -> Seen:
        """Return what traders see of a week, of which so much was controlled and found, by item."""
        shipped, of = drawn.shipped, drawn.of
        alike = self._alike(shipped.office[of], drawn.planted.declared.hs)
        return Seen(shipped.trader[of], shipped.ring[of], alike, shipped.regime[of], controlled, found)

    def _with_rings(self, memory: Memory) -> SyntheticWorld:
        """Return the world with its rings where their losses have driven them."""
        partners = len(self.world.sellers.line), len(self.world.declarants.declarant_id)
        moves = memory.ring_moves.astype(np.int64)
        return replace(self.world, rings=moved(self.world.rings, moves, self._worth, partners, self._weeks.seed))

    def _plan(self, week: int) -> tuple[int, LodgementPlan]:
        """Return how many declarations there are before a week, and those of the week."""
        moments = [self._weeks.begins(number).replace(tzinfo=UTC).timestamp() * 1e6 for number in (week, week + 1)]
        begin, end = np.searchsorted(self.world.plan.lodged_at_us, moments).tolist()
        plan = self.world.plan.cut(begin, end)
        return begin, replace(plan, month=np.zeros_like(plan.month))

    def _weights(self, week: int, memory: Memory, shipped: Consignments, hs: Ints, leaning: Floats) -> Floats:
        alike = self._alike(shipped.office, hs)
        group = self.world.traders.group[shipped.trader]
        restraint = memory.restraint(shipped.trader, alike, group, self._config.deterrence)
        trade = Trade(shipped.regime, self._chapter[hs], shipped.trader, leaning)
        changed = self.schemes.weights(week, trade, self.refuges(week, memory), alone=shipped.ring < 0)
        # Rings answer to controls by moving, not by honesty.
        return changed * np.where(shipped.ring >= 0, 1.0, restraint)[:, None]

    def _choose(self, number: int, weights: Floats, items: Ints, open_to: Bools) -> tuple[Ints, Ints]:
        rng = stream(self._weeks.seed, "week of cheats", number)
        return choose_schemes(weights, self.world.fraud_scale, items, open_to, rng)

    def _declare(self, number: int, goods: Goods, scheme: Ints, dutiable: Bools) -> tuple[Goods, Floats]:
        """Return the goods as declared and the value hidden in each item.

        Every item is falsified by every scheme, and its own taken, so that no number depends on who cheats.
        """
        declared, hidden, everything = goods.copy(), np.zeros(len(scheme)), np.arange(len(scheme))
        for position, name in enumerate(SCHEMES):
            rng = stream(self._weeks.seed, f"week of {name}", number)
            false, at = goods.copy(), scheme == position
            hidden[at] = METHODS[name](false, everything, Tools(self.world.hs, self.world.routes, dutiable, rng))[at]
            for field in fields(Goods):
                getattr(declared, field.name)[at] = getattr(false, field.name)[at]
        return declared, hidden

    def _table(self, number: int, first: int, shipped: Consignments, planted: Planted) -> pl.DataFrame:
        world, rng = self.world, stream(self._weeks.seed, "week as declared", number)
        parties, hostile_rate = (world.traders, world.sellers, world.declarants), world.config.hostile_text_rate
        cheats = planted.by_declaration >= 0
        return declarations_table(first, shipped, planted.declared, cheats, parties, world.hs, hostile_rate, rng)

    def _outcomes(self, drawn: DrawnWeek, routing: Routing) -> pl.DataFrame:
        rng, planted = stream(self._weeks.seed, "week as found", drawn.number), drawn.planted
        return outcomes_table(
            drawn.declarations, drawn.of, routing, planted.by_declaration, planted.scheme, drawn.evaded_usd, rng
        )

    def _alike(self, office: Ints, hs: Ints) -> Ints:
        return office * self._chapters + self._chapter[hs]

    @property
    def _chapters(self) -> int:
        return int(self._chapter.max()) + 1
