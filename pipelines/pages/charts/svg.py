"""What matplotlib wrote as SVG, made fit to stand inside a page, beside others.

It takes its width from its box, its colours from the page's variables and its font from the page; it has no style
sheet, no date, no frames around nothing, and no id that another drawing has.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from pipelines.pages.charts.colours import CSS
from pipelines.pages.charts.texts import NO_XML, plain

NUMBER = re.compile(r"-?\d+\.\d+")
POINTS_TO = re.compile(r"#([\w.-]+)\)?$")  # href="#a", clip-path="url(#a)"
COLOUR = re.compile(r"#[0-9a-f]{6}")
KEPT = {"id", "d", "x", "y", "width", "height", "transform", "style", "clip-path", "href", "points"}


def clean(svg: str, title: str, description: str) -> str:
    """The drawing as a string that an HTML page can hold.

    The same drawing of the same title is the same string; its ids begin with a hash of both.
    """
    root = ET.fromstring(NO_XML.sub("\ufffd", svg).encode())  # noqa: S314 matplotlib has written it just now
    ids = _ids(root, f"c{sha256((title + svg).encode('utf-8', 'replace')).hexdigest()[:10]}")
    said = f"<title>{escape(plain(title))}</title><desc>{escape(plain(description))}</desc>"
    inner = "".join(part for child in root for part in _written(child, ids))
    box = quoteattr(_rounded(root.attrib["viewBox"]))
    around = 'width="100%" role="img" class="chart" stroke-linejoin="round"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox={box} {around}>{said}{inner}</svg>'


def _ids(root: ET.Element, prefix: str) -> dict[str, str]:
    """New names of those ids that something points to, in the order in which they are pointed to."""
    found: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            pointed = POINTS_TO.search(value) if _local(name) in ("href", "clip-path") else None
            if pointed and pointed[1] not in found:
                found[pointed[1]] = f"{prefix}-{len(found) + 1}"
    return found


def _written(element: ET.Element, ids: Mapping[str, str]) -> Iterator[str]:
    """An element and what is in it; groups that do nothing are opened, what cannot be seen is left out."""
    tag = _local(element.tag)
    if tag in ("metadata", "style") or element.attrib.get("style") == "fill: none":
        return
    children = list(element)
    own = dict(_attributes(element, ids))
    styles = {child.attrib.get("style", "") for child in children if _local(child.tag) == "use"}
    if len(styles) == 1 and len(children) > 1 and tag == "g":  # said once of all marks
        own["style"] = _style(styles.pop())
        for child in children:
            child.attrib.pop("style", None)
    inner = "".join(part for child in children for part in _written(child, ids))
    text = escape(element.text or "") if tag == "text" or tag == "tspan" else ""
    if not inner and not text and tag in ("g", "defs"):
        return
    if tag == "g" and not own:
        yield inner
        return
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in own.items())
    yield f"<{tag}{attributes}>{text}{inner}</{tag}>" if text or inner else f"<{tag}{attributes}/>"


def _attributes(element: ET.Element, ids: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for full, value in element.attrib.items():
        name = _local(full)
        if name == "id":
            if value in ids:
                yield name, ids[value]
        elif name in ("href", "clip-path"):
            yield name, POINTS_TO.sub(lambda found: found[0].replace(found[1], ids[found[1]]), value)
        elif name == "style":
            yield name, _style(value)
        elif name in KEPT and not value.startswith("rotate(-0 "):
            yield name, _rounded(value)


def _style(style: str) -> str:
    """Colours by the page's names; the page says the font."""
    kept = [part.strip() for part in style.split(";") if not part.strip().startswith("font-family")]
    return COLOUR.sub(lambda found: CSS.get(found[0], found[0]), ";".join(each for each in kept if each))


def _rounded(value: str) -> str:
    """Numbers to a hundredth of a point, and no space that is not needed."""
    short = NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    return re.sub(r"\s*([MLQCZz])\s*", r"\1", " ".join(short.split()))


def _local(name: str) -> str:
    return name.rpartition("}")[2]
