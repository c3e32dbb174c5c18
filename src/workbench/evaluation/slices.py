"""The ranking by office, HS chapter, origin or trader: where it selects and how often it is right there."""

from __future__ import annotations

import polars as pl

from workbench.scorer.errors import ConfigError

from .intervals import with_rate
from .ranked import RankedOutcomes
from .tables import OTHER, group_name, ratio, require_columns

_SUMS = ("rows", "labelled", "violations", "selected", "hits")


def by_group(table: pl.DataFrame, column: str, share: float = 0.05, *, minimum_rows: int = 50) -> pl.DataFrame:
    """Judge one selection, the top `share` of all labelled rows, within each group of a column.

    Parameters
    ----------
    table
        Ranked outcome table with the grouping column.
    column
        Such as ``office_id``, ``hs2``, ``origin_country_code``, ``importer_id``; a null value is the group
        "missing".
    share
        Share of all labelled rows selected, in (0, 1]: one threshold for the whole table, not one a group.
    minimum_rows
        Groups with fewer labelled rows than this are pooled in the row "other".

    Returns
    -------
    polars.DataFrame
        One row a group, the largest first and the pooled last: ``group``; ``pooled`` (true for the pooled row, so that
        a group whose own name is "other" stays apart) and ``groups`` (how many it holds); ``rows, labelled,
        violations``; ``base_rate`` = violations / labelled; ``selected`` and ``hits``, expected numbers where the
        threshold falls inside a block of equal scores; ``selection_rate`` = selected / labelled; ``hit_rate`` =
        hits / selected with Wilson interval ``low_95, high_95``; ``lift`` = hit_rate / base_rate of the group. Rates
        are shares of labelled rows, null where the denominator is 0.

    Raises
    ------
    ConfigError
        `share` is outside (0, 1].
    SchemaError, LabelError
        See :meth:`workbench.evaluation.RankedOutcomes.from_table`.

    Examples
    --------
    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1, "office_id": ["N", "N", "N", "S"],
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> by_group(table, "office_id", 0.5, minimum_rows=1).select("group", "labelled", "selected", "hit_rate").rows()
    [('N', 3, 2.0, 0.5), ('S', 1, 0.0, None)]
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share is {share}; it must be above 0 and at most 1, such as 0.05 for 5 %.")
    require_columns(table, [column], "by_group")
    ranked = RankedOutcomes.from_table(table, "by_group")
    groups = _pool(_counts(table, ranked, column, share), minimum_rows)
    rated = with_rate(groups, "hit_rate", "hits", "selected").with_columns(
        base_rate=ratio("violations", "labelled"), selection_rate=ratio("selected", "labelled")
    )
    return rated.with_columns(lift=ratio("hit_rate", "base_rate")).select(
        *("group", "pooled", "groups", *_SUMS[:3], "base_rate", *_SUMS[3:], "selection_rate"),
        *("hit_rate", "low_95", "high_95", "lift"),
    )


def _counts(table: pl.DataFrame, ranked: RankedOutcomes, column: str, share: float) -> pl.DataFrame:
    selected = pl.Series(ranked.selected_weight(int(ranked.frame.height * share)))
    ranked_rows = ranked.frame.with_columns(selected=selected)
    labelled = ranked_rows.group_by(group=group_name(column), maintain_order=True).agg(
        labelled=pl.len().cast(pl.Int64),
        violations=pl.col("violation").cast(pl.Int64).sum(),
        selected=pl.col("selected").sum(),
        hits=(pl.col("selected") * pl.col("violation")).sum(),
    )
    rows = table.group_by(group=group_name(column)).agg(rows=pl.len().cast(pl.Int64))
    return rows.join(labelled, on="group", how="left").with_columns(pl.col(_SUMS).fill_null(0))


def _pool(counts: pl.DataFrame, minimum_rows: int) -> pl.DataFrame:
    pooled = pl.col("labelled") < minimum_rows
    # Sorted first, so that sums of fractions come out the same to the last bit.
    named = counts.sort("group").with_columns(
        group=pl.when(pooled).then(pl.lit(OTHER)).otherwise(pl.col("group")), pooled=pooled
    )
    summed = named.group_by("group", "pooled", maintain_order=True).agg(
        pl.col(_SUMS).sum(), groups=pl.len().cast(pl.Int64)
    )
    return summed.sort("pooled", "labelled", "group", descending=[False, True, False])
