"""A page as Chromium shows it, from a file: where Chromium is installed."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from pages_made import HOSTILE, IMAGE, Page

from pipelines.pages.charts.drawing import draw
from pipelines.pages.charts.painters import bars
from pipelines.pages.first import first_screen
from pipelines.pages.parts import Code, Section, Table, Text
from pipelines.pages.render import render
from pipelines.pages.words import Words
from pipelines.submission.record import Baseline, Forecast, Record

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--disable-extensions",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=4000",
)  # fmt: skip
WIDTH = 390  # of a phone, in pixels of CSS
LOOKING = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>%s<pre id="found"></pre><script>
window.hacked = 0
onload = () => setTimeout(() => {
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement
    return {
      width: root.clientWidth, scrolls: root.scrollWidth, title: page.title,
      sections: page.querySelectorAll("section").length,
      requests: frame.contentWindow.performance.getEntriesByType("resource").map(each => each.name),
      broken: [...page.images].filter(image => !image.naturalWidth).length,
      boxes: [...page.querySelectorAll(".box, figure")].filter(
        box => box.getBoundingClientRect().right > root.clientWidth).length,
      letters: Math.min(...[...page.querySelectorAll("svg text")].filter(
        each => each.getBoundingClientRect().width).map(
        each => parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a)),
      drawn: [...page.querySelectorAll("figure.chart svg")].filter(each => each.getBoundingClientRect().width).length,
      text: page.body.innerText, styled: getComputedStyle(page.body).backgroundColor,
    }
  })
  document.getElementById("found").textContent = JSON.stringify({hacked: window.hacked, found})
}, 300)
</script>"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (none of: " + ", ".join(NAMES) + ")"),
    pytest.mark.slow,
]


def page(words):
    """A report whose texts are hostile, long, or both."""
    record = Record(
        slug="titanic", data="folder", run="20261126-101010-fast", metric="accuracy", cv_mean=0.8462, cv_se=0.0121,
        note=HOSTILE, leaks=[IMAGE], preset="fast", folds=10, seeds=5, seconds=60.0, device="cpu",
        baselines=[Baseline(HOSTILE, 0.7868, 0.0137, 0.0594, 0.0112), Baseline("x" * 90, 0.61, 0.0163, 0.23, 0.018)],
        forecast=Forecast(0.79, 0.767, 0.814, 418),
    )  # fmt: skip
    wide = Table(
        IMAGE, [f"{HOSTILE} {i}" for i in range(12)], [["Braund, Mr. " + HOSTILE, *["0.1234"] * 11]] * 3, (3, 4)
    )
    chart = draw(HOSTILE, IMAGE, lambda axes: bars(axes, [HOSTILE, IMAGE], np.array([1.0, 2.0])))
    sections = [
        Section("hardest", IMAGE, HOSTILE, [wide, Text("y" * 300)]),
        Section("folds", "f", "", [chart]),
        Section("record", "r", "", [Code("z" * 900)], True),
    ]  # fmt: skip
    return render("report.html.jinja", words, first=first_screen(record, None, words), sections=sections)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What Chromium found, of the page in English and in Chinese; and what its console said."""
    folder, frames = tmp_path_factory.mktemp("pages"), ""
    for language in ("en", "zh"):
        (folder / f"{language}.html").write_text(page(Words(language)), encoding="utf-8")
        frames += f'<iframe src="{language}.html" width="{WIDTH}" height="844" style="border:0"></iframe>'
    (folder / "looking.html").write_text(LOOKING % frames, encoding="utf-8")
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        (folder / "looking.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=True)
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL).group(1)))
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return found, console


def test_it_loads_without_an_error_or_a_request(seen):
    found, console = seen
    assert console == []
    assert [each["requests"] for each in found["found"]] == [[], []]
    assert [each["broken"] for each in found["found"]] == [0, 0]
    assert [each["sections"] for each in found["found"]] == [4, 4]
    assert {each["styled"] for each in found["found"]} <= {"rgb(246, 247, 249)", "rgb(20, 23, 27)"}


def test_nothing_scrolls_sideways_on_a_phone(seen):
    for each in seen[0]["found"]:
        assert each["width"] == each["scrolls"] <= WIDTH
        assert each["boxes"] == 0


def test_letters_of_a_chart_can_be_read_on_a_phone(seen):
    for each in seen[0]["found"]:
        assert each["drawn"] == 1  # of the two
        assert each["letters"] >= 11


def test_hostile_text_is_shown_and_not_run(seen):
    assert seen[0]["hacked"] == 0
    for each in seen[0]["found"]:
        assert "hacked" not in each["title"]
        assert each["text"].count(HOSTILE) > 5
        assert each["text"].count(IMAGE) > 1


def test_the_page_is_the_one_that_a_parser_reads():
    assert Page(page(Words())).tags["script"] == 0
