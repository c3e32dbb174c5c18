"""From matplotlib's SVG to a fragment that may stand in a page: themed, without styles, ids or names that collide.

The page's Content-Security-Policy allows one stylesheet by its hash and no style attributes, so every style becomes
a presentation attribute, and every colour a class that the stylesheet fills in for light, dark and print.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

SERIES_COUNT = 6
COLOUR_ROLES = (
    "ink",
    "muted",
    "rule",
    "paper",
    "on-light",
    "on-dark",
    *(f"lane-{lane}" for lane in ("green", "blue", "yellow", "orange", "red")),
    *(f"series-{number}" for number in range(1, SERIES_COUNT + 1)),
)
"""What a colour is for; ``report.css`` says which colour that is in each theme."""

# Matplotlib wants a colour, so each role travels as one that nobody would choose.
SENTINELS = {role: f"#01{index:02x}fe" for index, role in enumerate(COLOUR_ROLES)}
_ROLES = {sentinel: role for role, sentinel in SENTINELS.items()}

_DROPPED = {"metadata", "style"}
_FONT_STYLES = {"font", "font-family", "text-anchor"}
_LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w.-]+)")


def inline_svg(source: str, *, prefix: str, label: str) -> str:
    """Turn a file written by matplotlib into an ``svg`` element for an HTML page.

    Parameters
    ----------
    source
        SVG by matplotlib with ``svg.fonttype: none`` whose colours are :data:`SENTINELS`.
    prefix
        Unique in the page; ids that the picture refers to start with it, the others are dropped.
    label
        What the picture shows, for readers who do not see it.

    Returns
    -------
    str
        One ``svg`` element that fills its box, with classes ``fill-<role>`` and ``stroke-<role>`` for colours.
    """
    root = ElementTree.fromstring(source)
    referred = set(_REFERENCE.findall(" ".join(_reference_texts(root))))
    _clean(root, prefix, referred)
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")


def _reference_texts(root: ElementTree.Element) -> Iterable[str]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href") or value.startswith("url("):
                yield value


def _clean(element: ElementTree.Element, prefix: str, referred: set[str]) -> None:
    for child in [child for child in element if _local(child.tag) in _DROPPED]:
        element.remove(child)
    element.tag = _local(element.tag)
    element.tail = None
    if element.tag not in ("text", "tspan"):
        element.text = None
    element.attrib = _attributes(element.attrib, prefix, referred)
    for child in element:
        _clean(child, prefix, referred)


def _attributes(found: dict[str, str], prefix: str, referred: set[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in found.items():
        if name == "style":
            kept |= _presentation(value)
        elif value.startswith("rotate(-0 "):
            continue
        elif name == "id":
            kept |= {"id": f"{prefix}-{value}"} if value in referred else {}
        elif name.endswith("href") or value.startswith("url("):
            kept[_local(name)] = _REFERENCE.sub(rf"#{prefix}-\1", value)
        else:
            kept[_local(name)] = _LONG_DECIMAL.sub(_two_decimals, value)
    return kept


def _presentation(style: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    classes = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        name, value = (part.strip() for part in declaration.split(":", 1))
        if name in ("fill", "stroke") and value in _ROLES:
            classes.append(f"{name}-{_ROLES[value]}")
        elif name in _FONT_STYLES:
            attributes |= _font(name, value)
        else:
            attributes[name] = value
    return attributes | ({"class": " ".join(classes)} if classes else {})


def _font(name: str, value: str) -> dict[str, str]:
    # The page's own font family applies; of matplotlib's shorthand ("700 12px 'DejaVu Sans'") size and weight stay.
    if name != "font":
        return {} if name == "font-family" else {name: value}
    size = re.search(r"([\d.]+)px", value)
    weight = re.match(r"\d{3}\b", value)
    return ({"font-size": size[1]} if size else {}) | ({"font-weight": weight[0]} if weight else {})


def _two_decimals(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
