"""A drawing is one piece of SVG that fits into any page: its text is text, its colours the page's, its ids its own."""

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from pipelines.pages.charts.colours import INK, SERIES
from pipelines.pages.charts.drawing import Key, draw
from pipelines.pages.charts.painters import bars, cloud, curve, diagonal, matrix, ranges
from pipelines.pages.charts.texts import width_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<script>x()", '"><img src=x>', "A & B", "类别一", "שלום עולם", "$x^{$", "_hidden", "a\x00b"]


def texts(chart):
    return [each.text for each in ET.fromstring(chart.svg).iter(f"{SVG}text")]


def draw_ranges(labels, title="t"):
    values = np.linspace(0.1, 0.9, len(labels))
    return draw(title, "a", lambda axes: ranges(axes, labels, values, values - 0.1, values + 0.1))


def test_what_came_from_data_is_text_in_the_drawing():
    kinds = ["line", "dashes", "dot", "band"] * 2
    keys = [Key(name, SERIES[0], kind) for name, kind in zip(HOSTILE, kinds, strict=True)]
    chart = draw("<b>title</b>", '"alt" & more', lambda axes: bars(axes, HOSTILE, np.arange(8.0)), keys=keys)
    root = ET.fromstring(chart.svg)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "desc", "g", "defs", "clipPath", "rect", "path", "use", "text",
    }  # fmt: skip
    assert root.find(f"{SVG}title").text == "<b>title</b>"
    assert root.find(f"{SVG}desc").text == '"alt" & more'
    for name in HOSTILE[:-1]:
        assert texts(chart).count(name) == 2  # beside the axis and above it
    assert texts(chart).count("a\ufffdb") == 2
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]


def test_the_same_drawing_is_the_same_bytes_and_fits_its_box():
    first, again = (draw_ranges(["a", "b"]) for _ in range(2))
    assert first.svg == again.svg
    root = ET.fromstring(first.svg)
    assert root.attrib == {"viewBox": "0 0 400 250", "width": "100%", "role": "img", "class": "chart"} | {
        "stroke-linejoin": "round"
    }
    assert not re.search(r"date|metadata|matplotlib|<style|font-family|DOCTYPE", first.svg, re.IGNORECASE)


def test_colours_are_the_pages():
    chart = draw("t", "a", lambda axes: axes.plot([1, 2], [1, 2], color=SERIES[3], alpha=0.5))
    assert not re.search(r"(fill|stroke): #", chart.svg)
    assert set(re.findall(r"var\(([\w-]+)\)", chart.svg)) == {"--ink", "--muted", "--grid", "--series-4"}


def test_ids_of_several_drawings_do_not_clash_and_all_are_used():
    x = np.linspace(0, 1, 50)
    charts = [draw(title, "a", lambda axes: cloud(axes, x, x)) for title in ("one", "two")]
    ids = [each.attrib["id"] for chart in charts for each in ET.fromstring(chart.svg).iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids)) >= 4
    for chart in charts:
        named = set(re.findall(r'id="([^"]+)"', chart.svg))
        assert named == set(re.findall(r'(?:href="|url\()#([^")]+)', chart.svg))


def test_it_is_drawn_again_for_a_phone_with_letters_as_large():
    keys = [Key(f"its meaning {i}", SERIES[i]) for i in range(3)]
    shares = np.eye(9)
    charts = [
        draw("t", "a", lambda axes: ranges(axes, HOSTILE, np.arange(8.0), np.zeros(8), np.ones(8)), keys=keys),
        draw("t", "a", lambda axes: matrix(axes, shares, NINE, NINE, [["1616\n85%"] * 9] * 9), height=420),
        draw("t", "a", lambda axes: (axes.plot([0, 1e6], [0, 1]), axes.set(xlabel="long " * 20, ylabel="y"))),
    ]
    for chart in charts:
        for svg, width in ((chart.svg, 400), (chart.narrow, 310)):
            root = ET.fromstring(svg)
            assert float(root.attrib["viewBox"].split()[2]) == width
            sizes = re.findall(r"font(?:-size)?: ([\d.]+)px", svg)
            assert min(map(float, sizes)) >= 11
            upright = [
                each
                for each in root.iter(f"{SVG}text")
                if "x" in each.attrib and "rotate(-90" not in each.get("transform", "")
            ]
            assert upright
            for each in upright:
                half = width_of(each.text, 11) * {"middle": 0.5, "end": 0.0}.get(_anchor(each), 1.0)
                assert 0 <= float(each.attrib["x"]) <= width
                assert float(each.attrib["x"]) + half <= width + 3
        assert chart.alt in chart.narrow
    heights = [float(ET.fromstring(svg).attrib["viewBox"].split()[3]) for svg in (charts[0].svg, charts[0].narrow)]
    assert heights == [250, 250 + 17]  # one line of keys, and two


NINE = [f"Class_{i}" for i in range(1, 10)]


def _anchor(text):
    return next(iter(re.findall(r"text-anchor: (\w+)", text.get("style", ""))), "start")


def test_what_does_not_fit_into_a_cell_is_left_out():
    def chart_of(n, cell):
        names = [f"Class_{i}" for i in range(n)]
        return draw("t", "a", lambda axes: matrix(axes, np.eye(n), names, names, [[cell] * n] * n))

    def has(svg, text):
        return f">{text}<" in svg

    nine, thirty = chart_of(9, "1616\n85%"), chart_of(30, "1616\n85%")
    assert has(nine.svg, "1616")
    assert has(nine.svg, "85%")
    assert not has(nine.narrow, "1616")
    assert has(nine.narrow, "85%") or has(nine.narrow, "85")
    assert not has(thirty.svg, "1616")
    assert not has(thirty.narrow, "85")


def test_dots_of_several_kinds_are_told_apart_by_their_shape():
    keys = [Key(shape, SERIES[0], "dot", shape) for shape in "os^D"]
    chart = draw("t", "a", lambda axes: axes.set(xlim=(0, 1)), keys=keys)
    assert len(set(re.findall(r'<path id="[^"]+" d="([^"]+)"', chart.svg))) == 4


@pytest.mark.parametrize("n", [300, 200_000])
def test_many_rows_are_few_marks(n):
    x, y = np.random.default_rng(0).normal(size=(2, n))
    chart = draw("t", "a", lambda axes: (cloud(axes, x, y), diagonal(axes)))
    assert len(list(ET.fromstring(chart.svg).iter())) < 2_000
    assert len(chart.svg) < 100_000


def test_a_matrix_has_its_texts_and_is_as_dark_as_its_shares():
    shades = np.array([[0.9, 0.1], [0.0, 1.0]])
    written = draw("t", "a", lambda axes: matrix(axes, shades, ["a", "b"], ["c", "d"], [["1", "2"], ["3", "4"]]))
    assert {"a", "b", "c", "d", "1", "2", "3", "4"} <= set(texts(written))
    bare = draw("t", "a", lambda axes: matrix(axes, shades, ["a", "b"], ["c", "d"]))
    opacity = {float(each) for each in re.findall(r"(?:fill-)?opacity: ([\d.]+)", bare.svg)}
    assert max(opacity) == pytest.approx(0.9)
    assert len(opacity) == 3  # nothing is drawn where there is nothing


def test_long_labels_are_cut_and_stay_inside():
    chart = draw_ranges(["a very long name of a column that nobody can read in so little room", "b"])
    cut = next(text for text in texts(chart) if text.startswith("a very"))
    assert cut.endswith("…")
    places = [float(each.attrib["x"]) for each in ET.fromstring(chart.svg).iter(f"{SVG}text")]
    assert min(places) > 0
    assert max(places) < 400


def test_labels_that_do_not_fit_side_by_side_stand_upright():
    names = [f"class number {i}" for i in range(20)]
    chart = draw("t", "a", lambda axes: matrix(axes, np.eye(20), names, names), height=400)
    turned = [each.get("transform", "") for each in ET.fromstring(chart.svg).iter(f"{SVG}text")]
    assert len([each for each in turned if "rotate(-90" in each]) == 20


def test_a_curve_and_one_point():
    mean = np.array([3.0, 2.0, 1.5])
    chart = draw("t", "a", lambda axes: curve(axes, [1, 2, 3], mean, mean * 0.1, INK, dashes=True))
    assert "stroke-dasharray" in chart.svg
    assert "<use" in draw("t", "a", lambda axes: curve(axes, [1], mean[:1], mean[:1], INK, dashes=False)).svg


def test_matplotlib_is_left_as_it_was():
    with mpl.rc_context({"svg.fonttype": "path", "font.size": 33, "text.usetex": True}):
        chart = draw_ranges(["a"])
        assert (mpl.rcParams["font.size"], mpl.rcParams["text.usetex"]) == (33, True)
    assert chart.svg == draw_ranges(["a"]).svg
