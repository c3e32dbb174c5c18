"""Goods descriptions in the declarant's words: mostly plain, sometimes empty of meaning, now and then hostile."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.synthetic.draws import Ints

VAGUE = ("general merchandise", "spare parts", "assorted goods as per invoice", "samples without value", "accessories")

# Text by strangers reaches reports, spreadsheets and terminals: each of these has broken one of them somewhere.
HOSTILE = (
    "<script>alert('lane')</script> steel bolts",
    "\"><img src=x onerror=alert(1)> toys",
    "=HYPERLINK(\"http://example.invalid\",\"invoice\")",
    "=1+1+cmd|' /C calc'!A0",
    "+84 24 0000 0000 call before opening",
    "@SUM(A1:A9) fabric rolls",
    "-2+3 glass, \"special\" grade; 'new'",
    "Robert'); DROP TABLE declarations;--",
    "{{ 7 * 7 }} ${7*7} %s %n plastic parts",
    "hàng mới 100% — máy nén khí, số lượng ½ tá “đặc biệt”",
    "отвёртки 工具 도구 🔩",
    "\u202egnp.exe\u202c catalogue \u200b\ufeff",
    "tab\tand\nnew line in one text",
    "</td></tr></table><!-- unclosed",
)  # fmt: skip

# Styles of declarants: share of texts, and how the words and a running number become a text.
_STYLE_SHARES = (0.34, 0.22, 0.26, 0.18)


def describe(words: Ints, goods: pl.Series, hostile_rate: float, rng: np.random.Generator) -> pl.Series:
    """Write one description an item.

    Parameters
    ----------
    words
        Position in `goods` of the words that describe the item; -1 for words that say nothing.
    goods
        Words of every HS code.
    hostile_rate
        Share of hostile texts.
    rng
        The block's random stream.
    """
    count = len(words)
    known = pl.concat([goods, pl.Series(VAGUE)])
    at = np.where(words >= 0, words, len(goods) + rng.integers(0, len(VAGUE), count))
    frame = pl.DataFrame(
        {
            "goods": known.gather(at),
            "style": rng.choice(len(_STYLE_SHARES), count, p=_STYLE_SHARES),
            "model": rng.integers(100, 9_999, count),
            "hostile": np.where(rng.random(count) < hostile_rate, rng.integers(0, len(HOSTILE), count), -1),
        }
    )
    text = pl.col("goods")
    styled = (
        pl.when(pl.col("style") == 1)
        .then(text.str.to_uppercase())
        .when(pl.col("style") == 2)
        .then(pl.format("{}, model {}, new 100%", text, pl.col("model")))
        .when(pl.col("style") == 3)
        .then(pl.format("{} (lot {})", text, pl.col("model")))
        .otherwise(text)
    )
    hostile = pl.col("hostile").replace_strict(dict(enumerate(HOSTILE)), default=None, return_dtype=pl.String)
    return frame.select(pl.coalesce(hostile, styled).alias("goods_description")).to_series()
