"""Customs offices: seaports, airports and land borders of a country like Vietnam."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.synthetic.draws import Floats, Ints

KINDS = ("seaport", "airport", "land_border")
TRANSPORT_MODE = {"seaport": "SEA", "airport": "AIR", "land_border": "ROAD"}

# Number, kind, place, share of the volume of its kind, and the neighbour beyond a land border.
_OFFICES = (
    ("02CI", "seaport", "Cat Lai", 34.0, ""),
    ("03CC", "seaport", "Hai Phong area 1", 17.0, ""),
    ("03TG", "seaport", "Dinh Vu", 14.0, ""),
    ("51BE", "seaport", "Cai Mep", 11.0, ""),
    ("34CE", "seaport", "Da Nang port", 6.0, ""),
    ("20CF", "seaport", "Cai Lan", 4.0, ""),
    ("43IH", "seaport", "Binh Duong river port", 8.0, ""),
    ("37CB", "seaport", "Quy Nhon", 3.0, ""),
    ("54CB", "seaport", "Can Tho", 2.0, ""),
    ("02B1", "airport", "Tan Son Nhat", 46.0, ""),
    ("01B1", "airport", "Noi Bai", 45.0, ""),
    ("34AB", "airport", "Da Nang airport", 9.0, ""),
    ("15BB", "land_border", "Huu Nghi", 33.0, "CN"),
    ("20BB", "land_border", "Mong Cai", 21.0, "CN"),
    ("13BB", "land_border", "Lao Cai", 16.0, "CN"),
    ("45BA", "land_border", "Moc Bai", 14.0, "KH"),
    ("32BB", "land_border", "Lao Bao", 8.0, "LA"),
    ("30BB", "land_border", "Cau Treo", 8.0, "LA"),
)


def offices() -> pl.DataFrame:
    """Return the offices: number, kind, place, volume weight within the kind, and neighbouring country.

    >>> offices()["kind"].unique().sort().to_list()
    ['airport', 'land_border', 'seaport']
    """
    columns = ["office_id", "kind", "place", "volume_weight", "neighbour_country_code"]
    return pl.DataFrame(_OFFICES, schema=columns, orient="row").with_columns(
        pl.col("neighbour_country_code").replace("", None)
    )


def offices_of_kind(kind: str) -> tuple[Ints, Floats]:
    """Return positions and volume weights of the offices of one kind."""
    table = offices().with_row_index("position").filter(kind=kind)
    return table["position"].to_numpy().astype(np.int64), table["volume_weight"].to_numpy()
