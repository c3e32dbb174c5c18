"""The presentational half of `reports`: page, JSON, charts, HTML."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import workbench.reports as reports
from workbench.errors import RunDirectoryError
from workbench.reports.charts import draw
from workbench.reports.figures import (
    Axis,
    Bar,
    BarChart,
    CalibrationBin,
    CalibrationChart,
    Chart,
    Contribution,
    Curve,
    GainChart,
    GroupedBarChart,
    HeatMap,
    LineChart,
    Reference,
    Series,
    StackedShareChart,
    WaterfallChart,
)
from workbench.reports.heat_plots import SHADES
from workbench.reports.html import render, write_report
from workbench.reports.numbers import EN_DASH, MINUS, Estimate, Kind, cell_text, printable, shortened, tick_texts
from workbench.reports.page import Column, Definition, Details, Fact, Figure, KeyFigure, Page, Section, Table
from workbench.reports.svg import COLOUR_ROLES, SENTINELS
from workbench.scorer.errors import SelectivityError, SourceError

HOSTILE = [
    "<script>alert(1)</script>",
    "]]><svg onload=alert(1)>",
    "R&D \"quoted\" 'single'",
    r"$\frac{1}{",
    "invoice\u202egpj.exe",
    "null\x00and\x1bescape",
    "w" * 10_000,
    "货物 ຂາເຂົ້າ Đồng Đăng 🚢",
    "--></style>{{ 7 * 7 }}",
]
SHARE = Axis("Hit rate", "share")


def charts(label: str) -> list[Chart]:
    """Return one chart of every kind with `label` wherever text is written."""
    axis, measures = Axis(label, "share"), (0.2, None, Estimate(0.3, 0.2, 0.5))
    reference, curve = Reference(label, 0.25), Curve(label, (0.0, 0.5, 1.0), (0.0, 0.8, 1.0))
    series = (Series(label, measures), Series("red", (0.1, 0.2, 0.3)))
    return [
        LineChart((label, "b", "c"), axis, axis, series, (reference,)),
        BarChart((Bar(label, 0.2), Bar("b", None), Bar("c", Estimate(0.3, 0.2, 0.5))), axis, (reference,)),
        GroupedBarChart((label, "b", "c"), series, axis, (reference,)),
        GainChart((curve,), axis, axis, (0.1, 0.3), label),
        CalibrationChart((CalibrationBin(0.1, Estimate(0.2, 0.1, 0.3), 10),), axis, axis, label),
        StackedShareChart((label, "b", "c"), series, axis, axis),
        WaterfallChart(Contribution(label, -3.0), (Contribution(label, 2.5),), label, axis),
        HeatMap((label, "b"), (label, "b"), ((None, 0.7), (0.02, 0)), axis, label),
    ]


def page_of(label: str) -> Page:
    """Return a page with every kind of block and `label` wherever text is written."""
    columns = (Column("who", label), Column("n", "Controls", "count"), Column("hit_rate", "Hit rate", "share"))
    table = Table(label, columns, ((label, 12, 0.25), ("b", None, Estimate(0.0024, 0.0018, 0.0031))))
    figures = tuple(Figure(label, chart, table, label, label) for chart in charts(label))
    return Page(
        label,
        label,
        label,
        label,
        key_figures=(KeyFigure(label, 1_234_567.0, "usd", note=label, tone="bad"), KeyFigure("Hit rate", None)),
        sections=(Section(label, (label,), (*figures[:-1], table, Details(label, (figures[-1], table), (label,)))),),
        next_steps=(label,),
        facts=(Fact(label, label),),
        definitions=(Definition("Hit rate", label),),
    )


def unfolded(block: Figure | Table | Details) -> tuple[Figure | Table, ...]:
    """Return the figures and tables of a block, in reading order."""
    return block.blocks if isinstance(block, Details) else (block,)


class Outline(HTMLParser):
    """Collects what the tests ask of a document: tags, ids, headings, cells and visible text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[list[str]]] = []
        self.words: list[str] = []
        self._cell: list[str] | None = None
        self._in_body = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tbody":
            self.cells.append([])
            self._in_body = True
        elif tag == "tr" and self._in_body:
            self.cells[-1].append([])
        elif tag in ("th", "td"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            if self._in_body:
                self.cells[-1][-1].append("".join(self._cell))
            self._cell = None
        self._in_body = self._in_body and tag != "tbody"

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._cell is not None:
            self._cell.append(data)

    def values(self, attribute: str) -> list[str]:
        return [found for _, attributes in self.tags if (found := attributes.get(attribute)) is not None]


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "kind", "decimals", "written"),
    [
        (Estimate(0.0024, 0.0018, 0.0031), "share", None, "0.24 % (0.18 to 0.31)"),
        (3_491_560, "count", None, "3,491,560"),
        (-1234.5, "usd", 1, f"{MINUS}1,234.5 USD"),
        (-0.0001, "number", 2, "0.00"),
        (None, "share", None, EN_DASH),
        (0.00002, "share", None, "< 0.01 %"),
        (0.0004, "share", 0, "< 1 %"),
        (0.0, "share", None, "0.00 %"),
        (Estimate(0.00002, 0.0, 0.0002), "share", None, "< 0.01 % (0.00 to 0.02)"),
        ("2022-10-31", "date", None, "31 Oct 2022"),
        ("2022-10-31T08:00:00", "date", None, "31 Oct 2022"),
        ("2022-10", "date", None, "Oct 2022"),
        ("2022", "date", None, "2022"),
        ("<b>", "text", None, "<b>"),
    ],
)
def test_cell_is_written_as_its_kind_says(cell, kind, decimals, written):
    assert cell_text(cell, kind, decimals).replace("\u00a0", " ") == written


def test_units_are_joined_by_a_no_break_space():
    assert cell_text(0.5, "share") == "50.00\u00a0%"
    assert cell_text(5, "usd") == "5\u00a0USD"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), True, [1]])
def test_numbers_that_mean_nothing_are_refused(bad):
    with pytest.raises(ValidationError):
        KeyFigure("Hit rate", bad)


def test_interval_with_its_ends_swapped_is_refused():
    with pytest.raises(ValidationError, match="give the lower end first"):
        Estimate(0.2, 0.3, 0.1)


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=8, unique=True), st.sampled_from(get_args(Kind)))
def test_ticks_are_written_for_any_numbers(ticks, kind):
    assert len(tick_texts(sorted(ticks), kind)) == len(ticks)


def test_ticks_keep_apart_what_is_apart():
    assert tick_texts([0.0, 0.0025, 0.005], "share") == ["0", "0.25\u00a0%", "0.50\u00a0%"]


@given(st.text(), st.integers(2, 40))
def test_shortened_text_is_short_and_on_one_line(text, characters):
    short = shortened(text, characters)
    assert len(short) <= characters
    assert "\n" not in short
    assert printable(short) == short


# --- page and JSON ---------------------------------------------------------------------------------------------------

CELLS = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(CELLS, max_size=6), st.text(st.characters(exclude_categories=["Cs"])))
def test_json_round_trip_is_exact(cells, text):
    table = Table(text, (Column("a", text), Column("b", "B", "number")), tuple((text, cell) for cell in cells))
    page = Page(text, text, text, text, sections=(Section(text, (), (table,)),))
    again = Page.from_json(page.to_json())
    assert again == page
    assert [[type(cell) for cell in row] for row in again.sections[0].blocks[0].rows] == [
        [type(cell) for cell in row] for row in table.rows
    ]


def test_json_round_trip_of_every_kind_of_block():
    page = page_of("Cat Lai")
    assert Page.from_json(page.to_json()) == page


def test_dates_and_numpy_scalars_become_plain_values():
    columns = (Column("day", "Day", "date"), Column("n", "N", "count"), Column("r", "R", "share"))
    table = Table("t", columns, ((date(2022, 10, 31), np.int64(3), np.float64(0.5)),))
    assert table.rows == (("2022-10-31", 3, 0.5),)
    assert [type(cell) for cell in table.rows[0]] == [str, int, float]


@pytest.mark.parametrize(
    ("text", "place"), [("", "the beginning"), ("{}", "title"), ('{"title": 3}', "title"), ("[1", "the beginning")]
)
def test_json_that_is_no_page_names_the_place(text, place):
    with pytest.raises(SourceError, match=f"at {place}"):
        Page.from_json(text)


def test_page_of_a_later_protocol_is_refused():
    with pytest.raises(SourceError, match="protocol"):
        Page.from_json(page_of("a").to_json().replace('"protocol": 1', '"protocol": 2'))


@pytest.mark.parametrize(
    ("row", "message"),
    [(("a",), "1 cells for 2 columns"), (("a", "b"), "is not a count"), ((1, 2), "is not a text")],
)
def test_rows_that_do_not_fit_their_columns_are_refused(row, message):
    with pytest.raises(ValidationError, match=message):
        Table("t", (Column("a", "A"), Column("n", "N", "count")), (row,))


def test_series_of_another_length_is_refused_by_name():
    with pytest.raises(ValidationError, match="'Model' has 1 values for 2 positions"):
        LineChart(("a", "b"), SHARE, SHARE, (Series("Model", (0.1,)),))


# --- charts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", HOSTILE)
def test_every_chart_writes_hostile_labels_as_text(label):
    for chart in charts(label):
        drawing = draw(chart, name="figure-1", summary=printable(label))
        for picture in (drawing.wide, drawing.narrow):
            root = ElementTree.fromstring(picture)
            assert {element.tag for element in root.iter()} <= {
                "svg",
                "g",
                "defs",
                "path",
                "use",
                "text",
                "clipPath",
                "rect",
            }
            shown = "".join(text for element in root.iter("text") for text in element.itertext())
            assert shortened(label, 6).rstrip("…") in shown
            assert root.get("aria-label") == printable(label)


def test_pictures_carry_no_style_no_foreign_colour_and_no_colliding_id():
    ids: list[str] = []
    for number, chart in enumerate(charts("Model"), start=1):
        drawing = draw(chart, name=f"figure-{number}", summary="A picture")
        for picture in (drawing.wide, drawing.narrow):
            assert not re.search(r"style=|#[0-9a-fA-F]{6}\b|xlink|xmlns|<metadata", picture)
            assert {role for role in re.findall(r"(?:fill|stroke)-([\w-]+)", picture) if role in COLOUR_ROLES}
            own = re.findall(r'id="([^"]+)"', picture)
            assert set(re.findall(r"#([\w-]+)", picture)) == set(own)
            ids += own
    assert len(ids) == len(set(ids)) > 0


def test_every_shape_and_word_is_coloured_by_the_stylesheet():
    for chart in charts("Model"):
        root = ElementTree.fromstring(draw(chart, name="f", summary="s").wide)
        for text in root.iter("text"):
            assert "fill-" in text.get("class", ""), "a text without a class would be black in the dark theme"


def test_stylesheet_defines_every_colour_role():
    style = (Path(reports.__file__).parent / "templates" / "report.css").read_text("utf-8")
    for role in SENTINELS:
        assert f".fill-{role} " in style


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def palette(dark: bool) -> dict[str, str]:
    """Return the stylesheet's colours by name, in one of the two themes."""
    style = (Path(reports.__file__).parent / "templates" / "report.css").read_text("utf-8")
    light_block, dark_block = style.split("}", 1)[0], style.split("}", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light_block + (dark_block if dark else "")))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_reach_contrast_aa(dark):
    colours = palette(dark)
    for words in ("ink", "muted", "accent", "good", "attention", "bad"):
        assert min(contrast(colours[words], colours[ground]) for ground in ("paper", "raised")) >= 4.5
    for mark in (name for name in colours if name.startswith("series-") or name.endswith("-line")):
        assert contrast(colours[mark], colours["paper"]) >= 3
    for lane in ("green", "blue", "yellow", "orange"):
        assert contrast(colours[f"lane-{lane}"], "#1b2430") >= 4.5
    assert contrast(colours["lane-red"], "#ffffff") >= 4.5
    assert contrast(colours["series-2"], "#1b2430") >= 4.5
    for number in (1, 3, 4, 5, 6):
        assert contrast(colours[f"series-{number}"], colours["paper"]) >= 4.5


def test_drawing_is_deterministic_and_ignores_the_readers_own_style():
    import matplotlib as mpl

    first = [draw(chart, name="f", summary="s") for chart in charts("Model")]
    with mpl.rc_context({"lines.linewidth": 9, "text.color": "red", "svg.fonttype": "path"}):
        assert [draw(chart, name="f", summary="s") for chart in charts("Model")] == first


def test_bars_are_sorted_with_unknown_values_last():
    chart = BarChart((Bar("low", 0.1), Bar("unknown", None), Bar("high", Estimate(0.3, 0.2, 0.4))), SHARE)
    words = [text.text for text in ElementTree.fromstring(draw(chart, name="f", summary="s").wide).iter("text")]
    assert [word for word in words if word in ("low", "unknown", "high")] == ["high", "low", "unknown"]


def test_waterfall_adds_up():
    chart = WaterfallChart(Contribution("Base", 0.1), tuple(Contribution(str(n), 0.1) for n in range(9)), "Sum", SHARE)
    assert chart.total == 1.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=6))
def test_charts_of_any_numbers_can_be_drawn(values):
    axis = Axis("Duty recovered", "usd")
    lines = LineChart(tuple(str(n) for n in range(len(values))), axis, axis, (Series("s", tuple(values)),))
    bars = BarChart(tuple(Bar(str(n), value) for n, value in enumerate(values)), axis)
    for chart in (lines, bars):
        ElementTree.fromstring(draw(chart, name="f", summary="s").narrow)


def test_empty_charts_can_be_drawn():
    for chart in (
        LineChart((), SHARE, SHARE, ()),
        BarChart((), SHARE),
        GroupedBarChart((), (), SHARE),
        GainChart((), SHARE, SHARE, (0.1,)),
        CalibrationChart((), SHARE, SHARE),
        StackedShareChart((), (), SHARE, SHARE),
        WaterfallChart(Contribution("Base", 0), (), "Sum", SHARE),
        HeatMap((), (), (), SHARE),
        HeatMap(("a",), ("b",), ((None,),), SHARE),
    ):
        assert draw(chart, name="f", summary="s").wide.startswith("<svg")


def words_of(picture: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(picture).iter("text")]


def test_a_heat_map_is_a_list_of_its_largest_cells_on_a_phone():
    names = tuple(f"criterion-{n}" for n in range(12))
    values = tuple(tuple(None if row == column else (row + column) / 40 for column in range(12)) for row in range(12))
    drawing = draw(HeatMap(names, names, values, Axis("Overlap", "share", 0), "also by"), name="f", summary="s")
    narrow = words_of(drawing.narrow)
    assert narrow[:3] == ["52\u00a0%", "criterion-10", "also by criterion-11"]
    assert len([word for word in narrow if word.startswith("also by")]) == 8
    # Names of twelve columns have no room: the rows are numbered, and the columns carry the numbers.
    wide = words_of(drawing.wide)
    assert "criterion-11  12" in wide
    assert "12" in wide
    assert "criterion-11" not in wide


def test_a_series_of_one_point_is_a_dot_and_the_legend_says_so():
    axis = Axis("Violations", "count")
    series = (Series("Most", (1, 2, 4)), Series("Now", (None, 2, None)))
    drawing = draw(LineChart((10, 20, 40), axis, axis, series), name="f", summary="s")
    assert [entry.shape for entry in drawing.legend] == ["line", "dot"]
    assert all("." not in word for word in words_of(drawing.wide))
    figure = Figure("t", LineChart((10, 20, 40), axis, axis, series), Table("t", (Column("a", "A"),), ()), "s")
    document = render(Page("t", "s", "q", "a", sections=(Section("s", (), (figure,)),)))
    assert document.count("<circle") == 1


def test_columns_of_a_heat_map_are_named_where_there_is_room():
    lanes = ("green", "red")
    chart = HeatMap(lanes, lanes, ((None, 7), (3, None)), Axis("Declarations", "count"), "to")
    assert words_of(draw(chart, name="f", summary="s").wide).count("green") == 2


@pytest.mark.parametrize("values", [((1,),), ((1, 2), (3,)), ((1, -1), (0, 0)), ((1, float("nan")), (0, 0))])
def test_a_heat_map_that_is_no_grid_of_measures_is_refused(values):
    with pytest.raises(ValidationError):
        HeatMap(("a", "b"), ("a", "b"), values, SHARE)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_on_every_shade_of_a_heat_map_reach_contrast_aa(dark):
    colours = palette(dark)
    for shade in SHADES:
        ground = blended(colours["series-1"], colours["paper"], shade)
        assert contrast(colours["paper" if shade == SHADES[-1] else "ink"], ground) >= 4.5


def blended(colour: str, ground: str, share: float) -> str:
    parts = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in parts)


# --- HTML ------------------------------------------------------------------------------------------------------------


def test_a_word_in_a_table_breaks_after_a_colon_only():
    table = Table("t", (Column("a", "A"),), (("criterion:<b>low-value",),))
    document = render(Page("t", "s", "q", "a", sections=(Section("s", (), (table,)),)))
    assert "<bdi>criterion:<wbr>&lt;b&gt;low-value</bdi>" in document


def test_a_column_under_another_shares_its_cell():
    columns = (Column("id", "Criterion"), Column("title", "looks for", under=True), Column("n", "N", "count"))
    table = Table("t", (*columns, Column("of", "of", "count", under=True)), (("a", "<b>", 4, 310),))
    document = render(Page("t", "s", "q", "a", sections=(Section("s", (), (table,)),)))
    assert Outline(document).cells == [[["a <b>", "4 310"]]]
    assert "<small><bdi>&lt;b&gt;</bdi></small>" in document


def test_bars_of_a_column_are_to_one_scale_that_few_controls_do_not_stretch():
    rates = (Estimate(0.10, 0.08, 0.12), Estimate(0.05, 0.04, 0.06), Estimate(0.5, 0.01, 0.99), None)
    columns = (Column("who", "Who"), Column("r", "Hit rate", "share", bars=True))
    table = Table("t", columns, tuple((str(n), rate) for n, rate in enumerate(rates)))
    document = render(Page("t", "s", "q", "a", sections=(Section("s", (), (table,)),)))
    widths = [float(found) for found in re.findall(r'<rect y="2" width="([\d.]+)"', document)]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert 20 < widths[0] < 64 < widths[2]
    assert widths[3] == 0
    assert document.count('class="bar"') == 4


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_text_stays_text(label):
    document = render(page_of(label))
    outline = Outline(document)
    assert not {"script", "img", "iframe", "object", "link", "form"} & {tag for tag, _ in outline.tags}
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    assert printable(label) in "".join(outline.words)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", document)


def test_every_number_of_the_json_is_in_the_tables_of_the_html(tmp_path):
    write_report(page_of("Cat Lai"), tmp_path)
    page = Page.from_json((tmp_path / "report.json").read_bytes())
    shown = Outline((tmp_path / "report.html").read_text("utf-8")).cells
    blocks = [block for section in page.sections for outer in section.blocks for block in unfolded(outer)]
    tables = [block.table if isinstance(block, Figure) else block for block in blocks]
    assert shown == [
        [
            [cell_text(cell, column.kind, column.decimals) for cell, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ]
        for table in tables
    ]


@given(st.floats(0, 1), st.integers(0, 10**9))
@settings(max_examples=20, deadline=None)
def test_numbers_read_back_from_the_html_are_those_of_the_page(share, count):
    columns = (Column("a", "A"), Column("s", "S", "share"), Column("n", "N", "count"))
    page = Page("t", "s", "q", "a", sections=(Section("s", (), (Table("t", columns, (("r", share, count),)),)),))
    _, written_share, written_count = Outline(render(page)).cells[0][0]
    assert float(written_share.removesuffix("\u00a0%").removeprefix("<\u00a0")) == pytest.approx(
        share * 100, abs=0.0101
    )
    assert (share > 0) == (written_share != "0.00\u00a0%")
    assert int(written_count.replace(",", "")) == count


def test_policy_forbids_every_load_and_allows_the_one_stylesheet_by_its_hash():
    document = render(page_of("Cat Lai"))
    outline = Outline(document)
    policy = next(a["content"] for tag, a in outline.tags if a.get("http-equiv") == "Content-Security-Policy")
    styles = re.findall(r"<style>(.*?)</style>", document, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert len(styles) == 1
    assert not outline.values("style")
    assert not outline.values("src")
    assert all(target.startswith("#") for target in outline.values("href"))


def test_document_is_built_for_keyboard_and_screen_reader():
    outline = Outline(render(page_of("Cat Lai")))
    ids = outline.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in outline.values("href")} <= set(ids)
    assert {name for names in outline.values("aria-labelledby") for name in names.split()} <= set(ids)
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert next(attributes["lang"] for tag, attributes in outline.tags if tag == "html") == "en"
    assert all(attributes.get("scope") for tag, attributes in outline.tags if tag == "th")
    tags = [tag for tag, _ in outline.tags]
    figures = len([*page_of("Cat Lai").figures()])
    assert tags.count("table") == tags.count("caption") == figures + 2
    assert tags.count("figure") == figures == len(charts("Cat Lai"))
    assert tags.count("details") == tags.count("summary") == figures + 1


def test_a_label_that_is_defined_leads_to_its_definition():
    outline = Outline(render(page_of("Cat Lai")))
    assert "#definition-1" in outline.values("href")


def test_equal_pages_give_equal_documents():
    assert render(page_of("Cat Lai")) == render(Page.from_json(page_of("Cat Lai").to_json()))


def test_a_page_of_words_only_is_a_whole_document():
    outline = Outline(render(Page("Selectivity", "October", "Why?", "Because.")))
    assert [tag for tag, _ in outline.tags if tag in ("h1", "h2", "main", "footer")] == ["h1", "main", "h2"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_both_files_are_written_and_nothing_else(tmp_path):
    write_report(page_of("Cat Lai"), tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["report.html", "report.json"]
    assert (tmp_path / "new" / "folder" / "report.html").stat().st_size < 1_000_000


def test_files_that_belong_to_a_report_are_written_with_it(tmp_path):
    write_report(page_of("Cat Lai"), tmp_path, beside={"tables/a.parquet": b"\x00\r\n", "a.json": b"{}"})
    assert (tmp_path / "tables" / "a.parquet").read_bytes() == b"\x00\r\n"
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.json", "tables", "a.json"}


def test_a_page_that_stands_alone_takes_no_foreign_folder(tmp_path):
    page, own = page_of("Cat Lai"), {"plan.json": b"{}", "frontier.parquet": b""}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.html").write_text("a run's own")
    with pytest.raises(RunDirectoryError, match=r"holds no plan\.json.*report\.html lies in it.*--out"):
        write_report(page, tmp_path / "run", beside=own)
    assert (tmp_path / "run" / "report.html").read_text() == "a run's own"
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / ".lock").touch()
    for _ in range(2):
        write_report(page, tmp_path / "held", beside=own)
    with pytest.raises(RunDirectoryError, match=r"holds no drift\.json"):
        write_report(page, tmp_path / "held", beside={"drift.json": b"{}"})


def test_a_full_disk_leaves_the_earlier_report_whole(tmp_path, monkeypatch):
    write_report(Page("Earlier", "s", "q", "a"), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SelectivityError, match="No space left on device"):
        write_report(Page("Later", "s", "q", "a"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(SelectivityError, match="taken"):
        write_report(Page("t", "s", "q", "a"), tmp_path / "taken")


# --- house rules -----------------------------------------------------------------------------------------------------


def test_matplotlib_is_imported_in_one_module_only():
    importing = set()
    for path in Path(reports.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        typing_only = {node for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)}
        for node in set(ast.walk(tree)) - typing_only:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.split(".")[0] == "matplotlib"}
    assert importing == {"charts.py"}


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_describing_a_page_loads_no_plotting_library():
    code = "import sys, workbench.reports.page; sys.exit('matplotlib' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
