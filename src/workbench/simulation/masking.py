"""Masking: which labels of the start are known to the simulation.

``none`` leaves all that the world knows. ``random:0.1`` leaves those of a tenth of the goods, by lot; ``importer:0.1``
those of all goods of a tenth of the importers, by lot, so that most importers have no history. ``natural`` leaves what
the source's own controls had looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from workbench.errors import ParameterError, did_you_mean, quoted
from workbench.scorer.lanes.draw import uniforms
from workbench.scorer.schema import KEY

from .world import Start

_PURPOSE = "mask"


@dataclass(frozen=True)
class Mask:
    """A mask, read from its text.

    Parameters
    ----------
    kind
        ``none``, ``natural``, ``random`` or ``importer``.
    share
        Of goods or importers whose labels are known, in (0, 1]; 1 for the first two.
    """

    kind: str
    share: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Mask:
        """Read ``none``, ``natural``, ``random:SHARE`` or ``importer:SHARE``.

        Raises
        ------
        ParameterError
            The text is none of these, or the share is not in (0, 1].

        Examples
        --------
        >>> Mask.parse("importer:0.25")
        Mask(kind='importer', share=0.25)
        """
        kind, colon, share = text.partition(":")
        if kind not in _KNOWN:
            raise ParameterError(f"Unknown mask {quoted(text)}{did_you_mean(kind, _KNOWN)}. Known: {_FORMS}.")
        if (kind in _SHARED) != bool(colon):
            raise ParameterError(
                f"Mask {quoted(text)} {'lacks its' if kind in _SHARED else 'takes no'} share: {_FORMS}."
            )
        return cls(kind, _share(text, share)) if colon else cls(kind)

    def known(self, start: Start, key: bytes) -> pl.DataFrame:
        """Return the outcomes of the start that the simulation may know, with a known truth, in the goods' order."""
        outcomes = start.outcomes.filter(pl.col("violation").is_not_null())
        left = _KNOWN[self.kind](self, start.goods.join(outcomes, on=list(KEY), maintain_order="left"), key)
        return left.select(outcomes.columns)


def _share(text: str, share: str) -> float:
    try:
        value = float(share) if share.isascii() else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise ParameterError(
            f"Mask {quoted(text)} has the share {quoted(share)}; expected a number in (0, 1], such as 0.1."
        )
    return value


def _drawn(rows: pl.DataFrame, names: pl.Expr, mask: Mask, key: bytes) -> pl.DataFrame:
    lots = uniforms(key, f"{_PURPOSE} {mask.kind}", rows.select(names).to_series().to_list())
    return rows.filter(pl.Series(lots < mask.share))


def _all(mask: Mask, rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    return rows


def _controlled(mask: Mask, rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    return rows.filter("controlled")


def _goods(mask: Mask, rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    return _drawn(rows, pl.concat_str("declaration_id", pl.lit("/"), "item_no"), mask, key)


def _importers(mask: Mask, rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    return _drawn(rows, pl.col("importer_id").fill_null(""), mask, key)


_SHARED = ("random", "importer")
_FORMS = "none, natural, random:SHARE, importer:SHARE"
_KNOWN: dict[str, Callable[[Mask, pl.DataFrame, bytes], pl.DataFrame]] = {
    "none": _all,
    "natural": _controlled,
    "random": _goods,
    "importer": _importers,
}
