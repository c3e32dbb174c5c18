"""Target probabilities: how likely each item would be controlled fully under a policy that was not in force."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.errors import ConfigError, SchemaError
from workbench.evaluation.tables import require_columns, require_unique_keys
from workbench.scorer.schema import KEY

TARGET = "target_probability"
"""Column that both functions add."""


def target_from_decisions(table: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Add what another policy decided, or would have decided, on the same goods.

    Parameters
    ----------
    table
        Goods, one row an item.
    decisions
        Key and ``full_control_probability`` under the target policy, for example of ``Scorer.score`` with another model
        or other criteria; null, as in quarantine, is no full control.

    Returns
    -------
    polars.DataFrame
        `table` with ``target_probability``.

    Raises
    ------
    SchemaError
        An item of `table` has no decision, or two.

    Examples
    --------
    >>> goods = pl.DataFrame({"declaration_id": ["A", "B"], "item_no": 1})
    >>> decisions = goods.with_columns(full_control_probability=pl.Series([0.2, None]))
    >>> target_from_decisions(goods, decisions)[TARGET].to_list()
    [0.2, 0.0]
    """
    where = "target_from_decisions"
    require_columns(decisions, (*KEY, "full_control_probability"), where)
    require_unique_keys(decisions, where)
    wanted = decisions.select(*KEY, pl.col("full_control_probability").fill_null(0.0).alias(TARGET))
    joined = table.join(wanted, on=list(KEY), how="left", maintain_order="left")
    if missing := joined[TARGET].null_count():
        raise SchemaError(
            f"{where} found no decision of the target policy for {missing:,} items. Decide on all of them."
        )
    return joined


def target_from_ranking(table: pl.DataFrame, share: float, *, score: str = "score") -> pl.DataFrame:
    """Add the target of a ranking with a capacity: each week the declarations with the highest scores, for sure.

    Parameters
    ----------
    table
        Key, ``lodged_at`` and the column `score` (larger means control sooner; null or NaN comes last), one row an
        item. A declaration ranks by its highest item and is controlled as a whole.
    share
        Share of each week's declarations that are controlled, in (0, 1]; rounded down.
    score
        Column of scores.

    Returns
    -------
    polars.DataFrame
        `table` with ``target_probability`` of 0 or 1; equal scores are told apart by the declaration's number.

    Examples
    --------
    >>> from datetime import datetime
    >>> goods = pl.DataFrame({"declaration_id": ["A", "B", "B", "C", "D"], "item_no": [1, 1, 2, 1, 1],
    ...                       "lodged_at": datetime(2026, 1, 5), "score": [0.1, 0.2, 0.9, 0.8, 0.3]})
    >>> target_from_ranking(goods, 0.25)[TARGET].to_list()
    [0.0, 1.0, 1.0, 0.0, 0.0]
    """
    require_columns(table, (KEY[0], "lodged_at", score), "target_from_ranking")
    if not 0 < share <= 1:
        raise ConfigError(f"share is {share}; it must be above 0 and at most 1, such as 0.05 for 5 %.")
    rank = pl.col(score).cast(pl.Float64).fill_nan(None).max().fill_null(-np.inf)
    week = pl.col("lodged_at").min().dt.truncate("1w")
    goods = (
        table.group_by(KEY[0]).agg(week=week, rank=rank).sort("week", "rank", KEY[0], descending=[False, True, False])
    )
    place, count = pl.int_range(pl.len()).over("week"), pl.len().over("week")
    chosen = goods.with_columns((place < (count * share).floor()).cast(pl.Float64).alias(TARGET))
    return table.join(chosen.select(KEY[0], TARGET), on=KEY[0], how="left", maintain_order="left")
