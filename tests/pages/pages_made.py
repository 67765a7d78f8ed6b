"""A run on made rows, and what is in a page, read as a browser reads it."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load

VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = '<script>parent.hacked=1;document.title="hacked"</script>'
IMAGE = '"><img src=x onerror="parent.hacked=2">'


def run_of(name, folder, **changes):
    """The folder of a quick run on the competition's made rows."""
    knobs = Knobs(
        data=Path("sample"),
        folds=2,
        seeds=1,
        epochs=1,
        runs=folder / "runs",
        output=folder / "submissions",
        device="cpu",
    )
    return run(load(name), replace(knobs, **changes)).folder.path


class Page(HTMLParser):
    """Tags, attributes and text of a page; `open_tags` is empty where all that was opened is closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open_tags, self.wrong, self.texts, self.attributes = Counter(), [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open_tags or self.open_tags.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open_tags):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def scores(self):
        """Numbers of four decimals, with how often each stands there."""
        return Counter(re.findall(r"\d\.\d{4}\b", self.text))

    def values(self, name, *tags):
        return [value for tag, own, value in self.attributes if own == name and (not tags or tag in tags)]
