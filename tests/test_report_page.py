"""The report in a real browser: at the width of a desk and of a phone, with hostile text, loading nothing."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from workbench.reports.html import render
from workbench.reports.page import Fact, Page
from workbench.stages.backtesting import backtest_criteria
from workbench.stages.folder import RunFolder
from workbench.stages.reporting import build

WIDTHS = {"desk": 1280, "phone": 390}
HOSTILE = (
    "USED ENGINES</p></td></table></style><img src=x onerror=\"document.title='owned'\">"
    "<script>document.title='owned'</script><svg onload=\"document.title='owned'\">&amp; \u202e{{ 7 * 7 }}"
)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # The measuring page reads the size of the report that it frames; both are files.
    "--allow-file-access-from-files",
)

each_width = pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory) -> Callable[..., str]:
    """Start Chromium with some options on a file or address; return what it prints."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        reason = "Chromium is not installed, so nobody looked at the report: install chromium (Debian: apt-get install)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    home = tmp_path_factory.mktemp("chromium")

    def start(address: str, *options: str) -> str:
        command = [program, *OPTIONS, f"--user-data-dir={home / 'profile'}", *options, address]
        environment = {**os.environ, "HOME": str(home)}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=90, check=True, encoding="utf-8"
        ).stdout

    return start


@pytest.fixture(scope="session")
def page(finished_run: RunFolder) -> Page:
    """The report of a whole run, with text by strangers where facts stand."""
    backtest_criteria(finished_run)
    built = build(finished_run)
    return replace(built, facts=(*built.facts, Fact("Goods of the first declaration", HOSTILE)))


@pytest.fixture(scope="session")
def report(page, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render(page), encoding="utf-8")
    return file


class Elements(HTMLParser):
    """Tags with their attributes, and the visible text, of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="session")
def dom(chromium, report) -> Elements:
    """What Chromium made of the report."""
    return Elements(chromium(report.as_uri(), "--dump-dom"))


def test_the_question_and_the_answer_are_read(dom, page):
    assert page.question in dom.text
    assert page.answer in dom.text
    assert all(step in dom.text for step in page.next_steps)


def test_every_section_and_chart_is_there(dom, page):
    assert all(section.title in dom.text for section in page.sections)
    assert dom.tags.count("svg") >= len(page.sections) > 0


def test_text_by_strangers_is_text(dom):
    assert "USED ENGINES</p></td></table></style><img src=x onerror" in dom.text
    assert {"script", "img", "iframe", "object", "link"} & set(dom.tags) == set()
    assert [name for name, _ in dom.attributes if name.startswith("on")] == []
    assert "owned" not in re.findall(r"<title>(.*)</title>", dom.text)
    assert "\u202e" not in dom.text


@pytest.fixture
def sink() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that answers everything; it gives its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Keep the terminal clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def _smuggled(address: str) -> str:
    return (
        f"<img src='{address}/image'><link rel='stylesheet' href='{address}/style'><script src='{address}/script'>"
        f"</script><iframe src='{address}/frame'></iframe><style>@import '{address}/import';</style>"
        f"<video src='{address}/video'></video><script>fetch('{address}/fetch')</script>"
    )


def test_the_page_loads_nothing_even_with_smuggled_tags(chromium, report, sink, tmp_path):
    address, asked = sink
    smuggled = tmp_path / "smuggled.html"
    document = report.read_text("utf-8").replace("</body>", f"{_smuggled(address)}</body>")
    assert address in document
    smuggled.write_text(document, encoding="utf-8")
    assert address in html.unescape(chromium(smuggled.as_uri(), "--dump-dom"))
    assert asked == []


def test_the_sink_hears_a_page_without_the_policy(chromium, sink, tmp_path):
    address, asked = sink
    (tmp_path / "open.html").write_text(f"<html><body>{_smuggled(address)}</body></html>", encoding="utf-8")
    chromium((tmp_path / "open.html").as_uri(), "--dump-dom")
    assert {"/image", "/style", "/script"} <= set(asked)


@each_width
def test_the_screen_shows_something(chromium, report, tmp_path, width):
    from matplotlib.image import imread

    shot = tmp_path / "report.png"
    chromium(report.as_uri(), f"--window-size={width},1600", f"--screenshot={shot}")
    pixels = imread(shot)[:, :, :3]
    assert pixels.shape[:2] == (1600, width)
    colours, counts = np.unique(pixels.reshape(-1, 3).round(2), axis=0, return_counts=True)
    assert len(colours) > 20
    assert counts.max() < 0.98 * counts.sum()
    # Ink in the upper and in the lower half: the page did not stop at its title.
    background = colours[counts.argmax()]
    ink = (abs(pixels - background).max(axis=2) > 0.2).mean(axis=1)
    assert ink[:800].mean() > 0.005
    assert ink[800:].mean() > 0.005


@each_width
def test_nothing_is_wider_than_the_screen(chromium, report, tmp_path, width):
    frame = tmp_path / "frame.html"
    frame.write_text(
        f"<iframe id='f' src='{report.as_uri()}' width='{width}' height='900' style='border:0' onload=\""
        "document.body.append('width=' + this.contentDocument.documentElement.scrollWidth)\"></iframe>",
        encoding="utf-8",
    )
    printed = chromium(frame.as_uri(), "--window-size=1400,1000", "--dump-dom")
    (found,) = re.findall(r"width=(\d+)", printed.split("</iframe>")[-1])
    assert int(found) <= width
