"""Measures that compare an item with what is typical of its goods: a shift in one chapter stands out in them."""

from __future__ import annotations

import polars as pl

from workbench.scorer.schema import known_at_lodgement

TYPICAL_OF = "hs6"
"""Goods of one subheading have one typical price, mass per unit and duty rate."""

_TO_TYPICAL = {
    "unit_value_to_typical": "unit_value_usd_per_kg",
    "unit_mass_to_typical": "net_mass_kg_per_quantity",
}

MEASURES: dict[str, str] = {
    "unit_value_to_typical": "logarithm of the value per kilogram over the typical one of the subheading",
    "unit_mass_to_typical": "logarithm of the mass per unit over the typical one of the subheading",
    "duty_rate_to_typical": "declared duty rate less the typical one of the subheading",
    "gross_to_net_mass": "logarithm of gross over net mass",
}
"""What :func:`with_measures` adds, by name: known at lodgement, given the first weeks."""

_WORDS = {
    "unit_value_to_typical": "value per kg against typical",
    "unit_mass_to_typical": "mass per unit against typical",
    "duty_rate_to_typical": "duty rate against typical",
    "gross_to_net_mass": "gross to net mass",
    "hs2": "chapter",
    "hs4": "heading",
    "hs6": "subheading",
    "hs_code": "tariff code",
    "unit_value_usd_per_kg": "value per kg",
    "unit_value_usd_per_quantity": "value per unit",
    "net_mass_kg_per_quantity": "net mass per unit",
}
_ENDINGS = ("_id", "_code", "_usd", "_kg")

NOT_WATCHED = ("goods_description",)
"""Lodgement columns without a distribution to speak of: words of strangers."""


def with_measures(goods: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """Return the goods with the columns of :data:`MEASURES`; null where there is nothing to compare with.

    Parameters
    ----------
    goods
        Canonical columns known at lodgement, the derived ones, and ``week``.
    weeks
        Typical is the median of these first weeks, so that nothing later plays a part.
    """
    of = {name: pl.col(column).filter(pl.col(column) > 0).median() for name, column in _TO_TYPICAL.items()}
    typical = goods.filter(pl.col("week") < weeks).group_by(TYPICAL_OF).agg(**of, duty=pl.col("duty_rate").median())
    beside = goods.join(
        typical.rename({name: f"{name}_" for name in of}), on=TYPICAL_OF, how="left", maintain_order="left"
    )
    ratios = {name: _log_ratio(pl.col(column), pl.col(f"{name}_")) for name, column in _TO_TYPICAL.items()}
    return beside.with_columns(
        **ratios,
        duty_rate_to_typical=pl.col("duty_rate") - pl.col("duty"),
        gross_to_net_mass=_log_ratio(pl.col("gross_mass_kg"), pl.col("net_mass_kg")),
    ).drop("duty", *(f"{name}_" for name in of))


def in_words(subject: str) -> str:
    """Return a watched column as people read it; what is no column of the goods is its own name.

    >>> in_words("origin_country_code"), in_words("hs6"), in_words("criterion:low_value")
    ('origin country', 'subheading', 'criterion:low_value')
    """
    if subject not in {*known_at_lodgement(), *MEASURES}:
        return subject
    ending = next((one for one in _ENDINGS if subject.endswith(one)), "")
    return _WORDS.get(subject, subject.removesuffix(ending).replace("_", " "))


def watched(goods: pl.DataFrame) -> list[str]:
    """Return the columns whose distribution is watched: lodgement columns, derived ones and measures.

    Columns that were always empty are among them, because the day they are filled something has changed; the moment of
    lodgement is not, because it differs from week to week by itself.
    """
    names = {*known_at_lodgement(), *MEASURES} - {"lodged_at", *NOT_WATCHED}
    return [name for name in goods.columns if name in names]


def _log_ratio(value: pl.Expr, usual: pl.Expr) -> pl.Expr:
    return pl.when((value > 0) & (usual > 0)).then(value.log() - usual.log())
