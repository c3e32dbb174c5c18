"""The declarations table: what customs sees at lodgement, in the canonical columns."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.scorer.schema import SCHEMA, Role, names
from workbench.synthetic.consignments import FLOW, Consignments
from workbench.synthetic.declarants import Declarants, carrier_ids
from workbench.synthetic.descriptions import describe
from workbench.synthetic.draws import Bools, Floats, Ints, pick_by_row
from workbench.synthetic.goods import Goods
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.offices import KINDS, TRANSPORT_MODE, offices
from workbench.synthetic.regimes import REGIMES
from workbench.synthetic.routes import AGREEMENTS, EXEMPT, ORIGIN_CODES
from workbench.synthetic.sellers import Sellers
from workbench.synthetic.traders import Traders

FLOWS = ("import", "export", "transit")
PAYMENTS = ("TT", "LC", "DP", "CASH")
PROCESSES = ("PAPERLESS", "PAPER")
USES = ("SALE", "PRODUCTION", "RE-EXPORT", "OWN_USE")
ORIGIN_MARKS = ("GOODS", "PACKING", "NONE", "NOT_NEEDED")
# Those who cheat prefer ways of paying that leave less trace, by a little.
_HONEST_PAYMENT, _CHEATING_PAYMENT = np.array([0.62, 0.2, 0.11, 0.07]), np.array([0.62, 0.11, 0.12, 0.15])
_PAPER_SHARE, _CHEATING_PAPER_SHARE = 0.12, 0.16
_USE_OF_REGIME = {"A11": 0, "A12": 1, "E31": 1, "E11": 1, "G11": 2, "H11": 3, "B11": 0, "E62": 0, "E42": 0, "T11": 2}

COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)


def declaration_number(first: int, count: int) -> pl.Series:
    """Return the numbers of `count` declarations from the running number `first`: twelve digits, ascending.

    >>> declaration_number(0, 2).to_list()
    ['100000000001', '100000000002']
    """
    return pl.Series(np.arange(first + 1, first + count + 1) + 100_000_000_000).cast(pl.String)


def declarations_table(
    first: int,
    consignments: Consignments,
    goods: Goods,
    cheats: Bools,
    parties: tuple[Traders, Sellers, Declarants],
    hs: HsCodes,
    hostile_rate: float,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return the items of a block as declared, in order of lodgement.

    Parameters
    ----------
    first
        Number of declarations before this block.
    cheats
        Which declarations are fraudulent; it moves a few habits, such as the payment, by a little.
    """
    header = _header(first, consignments, cheats, parties, rng)
    of = np.repeat(np.arange(len(consignments)), consignments.items)
    items = _items(goods, hs, hostile_rate, rng)
    starts = np.repeat(np.cumsum(consignments.items) - consignments.items, consignments.items)
    number = pl.Series("item_no", np.arange(len(of)) - starts + 1)
    frame = pl.concat([header[of], items.with_columns(number)], how="horizontal")
    return frame.select(pl.col(name).cast(SCHEMA[name].dtype) for name in COLUMNS)


def _header(
    first: int,
    block: Consignments,
    cheats: Bools,
    parties: tuple[Traders, Sellers, Declarants],
    rng: np.random.Generator,
) -> pl.DataFrame:
    traders, sellers, declarants = parties
    modes = [TRANSPORT_MODE[kind] for kind in KINDS]
    payment = pick_by_row(rng, np.where(cheats[:, None], _CHEATING_PAYMENT, _HONEST_PAYMENT))
    paper = rng.random(len(block)) < np.where(cheats, _CHEATING_PAPER_SHARE, _PAPER_SHARE)
    return pl.DataFrame(
        {
            "declaration_id": declaration_number(first, len(block)),
            "lodged_at": pl.Series(block.lodged_at_us).cast(pl.Datetime("us")),
            "flow": _words(FLOWS, FLOW[block.regime]),
            "office_id": _words(offices()["office_id"].to_list(), block.office),
            "declarant_id": _words(declarants.declarant_id, block.declarant),
            "importer_id": _words(traders.trader_id, block.trader),
            "seller_id": _words(sellers.seller_id, block.seller),
            "carrier_id": _words(carrier_ids(), block.carrier),
            "regime_code": _words([regime.code for regime in REGIMES], block.regime),
            "process_code": _words(PROCESSES, paper.astype(np.int64)),
            "use_code": _words(USES, np.array([_USE_OF_REGIME[regime.code] for regime in REGIMES])[block.regime]),
            "payment_code": _words(PAYMENTS, payment),
            "transport_mode_code": _words(modes, block.office_kind),
            "departure_country_code": _words(ORIGIN_CODES, block.departure),
        }
    )


def _items(goods: Goods, hs: HsCodes, hostile_rate: float, rng: np.random.Generator) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "hs_code": hs.table["hs_code"].gather(goods.hs),
            "origin_country_code": _words(ORIGIN_CODES, goods.origin),
            "origin_mark_code": _words(ORIGIN_MARKS, goods.origin_mark),
            "preference_code": _words((*AGREEMENTS, EXEMPT), goods.preference),
            "duty_rate": np.round(goods.duty_rate, 4),
            "net_mass_kg": goods.net_mass_kg,
            "gross_mass_kg": goods.gross_mass_kg,
            "quantity": goods.quantity,
            "quantity_unit_code": hs.table["quantity_unit_code"].gather(goods.hs),
            "package_count": goods.packages,
            "container_count": goods.containers,
            "customs_value_usd": goods.value_usd,
            "goods_description": describe(goods.words, hs.table["goods"], hostile_rate, rng),
        }
    )


def _words(vocabulary: list[str] | tuple[str, ...], at: Ints) -> pl.Series:
    return pl.Series(vocabulary, dtype=pl.String).gather(at)


def evaded_duty_usd(
    true: Goods, declared: Goods, hidden_value_usd: Floats, dutiable: Bools, hs: HsCodes
) -> Floats:  # fmt: skip
    """Return the duty in USD that each item escapes; 0 for honest items.

    Goods short in a regime without duty end up on the home market, so that the MFN rate is what they escape.
    """
    mfn = hs.duty_rate[true.hs]
    shown = true.value_usd * true.duty_rate - declared.value_usd * declared.duty_rate
    leaked = (true.value_usd - declared.value_usd) * mfn
    return np.maximum(np.round(np.where(dutiable, shown, leaked) + hidden_value_usd * mfn, 2), 0.0)
