"""HS codes with what customs and the market make of them: duty, prices by origin, units, tempting neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.synthetic.draws import Floats, Ints, stream
from workbench.synthetic.routes import COUNTRIES
from workbench.synthetic.tariff import LINES, TARIFF

# A code is worth confusing with another one only where the duty falls by at least this much.
WORTHWHILE_DUTY_CUT = 0.05


@dataclass(frozen=True)
class HsCodes:
    """The tariff with its prices; arrays have one element an HS code.

    Parameters
    ----------
    table
        ``hs_code``, ``goods`` (words), ``line``, ``duty_rate`` (share), ``unit_value_usd_per_kg`` (typical),
        ``log_price_spread``, ``quantity_unit_code``, ``mass_kg_per_unit``, ``trade_weight``.
    line
        Position of the line of business in :data:`~workbench.synthetic.tariff.LINES`.
    duty_rate
        MFN duty rate, as a share.
    log_price
        Natural logarithm of the typical price in USD/kg by HS code (rows) and origin (columns, home last).
    price_spread
        Standard deviation of the logarithm of honest prices.
    mass_kg_per_unit
        Net mass of one supplementary unit.
    tare_share
        Typical packing, as a share of the net mass.
    neighbour
        The code with less duty that the goods are easily taken for; -1 without one.
    """

    table: pl.DataFrame
    line: Ints
    duty_rate: Floats
    log_price: Floats
    price_spread: Floats
    mass_kg_per_unit: Floats
    tare_share: Floats
    neighbour: Ints


def build_hs_codes(seed: int) -> HsCodes:
    """Read the tariff and draw its prices by origin.

    >>> build_hs_codes(seed=1).table.filter(hs_code="870323")["duty_rate"].item()
    0.6
    """
    table = _read_tariff()
    rng = stream(seed, "hs_codes")
    levels = np.log([*(country.price_level for country in COUNTRIES), 0.85])
    typical = np.log(table["unit_value_usd_per_kg"].to_numpy())
    shape = (len(table), len(levels))
    line = table["line"].replace_strict({name: at for at, name in enumerate(LINES)}).to_numpy().astype(np.int64)
    return HsCodes(
        table=table,
        line=line,
        duty_rate=table["duty_rate"].to_numpy(),
        log_price=typical[:, None] + levels + rng.normal(0, 0.22, shape),
        price_spread=table["log_price_spread"].to_numpy(),
        mass_kg_per_unit=table["mass_kg_per_unit"].to_numpy(),
        tare_share=rng.uniform(0.02, 0.14, len(table)),
        neighbour=_neighbours(table, line),
    )


def _read_tariff() -> pl.DataFrame:
    names = ["hs_code", "line", "duty_rate", "unit_value_usd_per_kg", "log_price_spread", "quantity_unit_code"]
    names += ["mass_kg_per_unit", "trade_weight", "goods"]
    rows = [[cell.strip() for cell in row.split("|")] for row in TARIFF.strip().splitlines()]
    numbers = ["duty_rate", "unit_value_usd_per_kg", "log_price_spread", "mass_kg_per_unit", "trade_weight"]
    table = pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.col(numbers).cast(pl.Float64))
    return table.with_columns(pl.col("duty_rate") / 100).sort("hs_code")


def _neighbours(table: pl.DataFrame, line: Ints) -> Ints:
    """Return, for each code, the nearest code of the same line that costs clearly less duty, or -1.

    Nearest by heading, then by chapter, then by price: these are the confusions that an officer can be talked into.
    """
    codes, duty = table["hs_code"].to_list(), table["duty_rate"].to_numpy()
    log_price = np.log(table["unit_value_usd_per_kg"].to_numpy())
    found = np.full(len(codes), -1, dtype=np.int64)
    for at, code in enumerate(codes):
        candidates = np.flatnonzero((line == line[at]) & (duty <= duty[at] - WORTHWHILE_DUTY_CUT))
        if len(candidates):
            strangeness = [
                2.0 * (codes[other][:4] != code[:4])
                + 2.0 * (codes[other][:2] != code[:2])
                + abs(log_price[other] - log_price[at])
                for other in candidates
            ]
            found[at] = candidates[int(np.argmin(strangeness))]
    return found
