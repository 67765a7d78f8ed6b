"""The page with all pictures: what is on it, in both languages, and that nothing of it is taken for markup."""

import json
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from lectures.course import catalogue, overview
from lectures.course.catalogue import attend
from lectures.course.lecture import Gate, Lecture, Setting
from pipelines.__main__ import app
from pipelines.pages.words import Words

HOSTILE = '<script>alert(1)</script>"><img src=x>'


class Read(HTMLParser):
    """Tags with their attributes, and the text, of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def drawing(number, *names, title="A title", passed=True):
    """A lecture that draws pictures, and has one gate."""

    def run(setting):
        for name in names:
            with setting.picture(name, (2, 1)) as figure:
                axes = figure.add_subplot()
                axes.plot([1, 2], label="a line & more")
                axes.set(xlabel="epoch", ylabel="loss", title=f"Loss of {name}")
                axes.legend()
        yield Gate.equal("a gate", 1, 1 if passed else 2)

    return Lecture(number=number, title=title, title_zh="标题", run=run)


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Runs lectures, of which there are three, and returns the page that is then there."""
    there = {each.number: each for each in (drawing("01", "01-a", "01-b"), drawing("02", "02-a"), drawing("03"))}

    def run(*numbers, language="en", **changed):
        lectures = there | {each.number: each for each in changed.values()}
        monkeypatch.setattr(overview, "all_lectures", lambda: list(lectures.values()))
        reports = [attend(lectures[number], Setting(pictures=tmp_path)) for number in numbers]
        path = overview.write(tmp_path, reports, Words(language), stand_in=True)
        assert path == tmp_path / "index.html"
        return Read(path.read_text(encoding="utf-8"))

    return run


def test_every_picture_is_on_the_page_with_what_it_shows(show):
    page = show("01", "02", "03")
    images = page.of("img")
    assert [each["src"] for each in images] == ["01-a.png", "01-b.png", "02-a.png"]
    assert images[0]["alt"] == "Loss of 01-a; epoch / loss; a line & more"
    assert {(each["width"], each["height"]) for each in images} == {("240", "120")}
    assert "All gates are passed. 3 of 3 lectures have run here." in " ".join(page.text.split())
    assert page.of("script") == []


def test_one_lecture_keeps_the_others_on_the_page(show):
    show("01", "02")
    page = show("02", two=drawing("02", "02-new", passed=False))
    assert [each["src"] for each in page.of("img")] == ["01-a.png", "01-b.png", "02-new.png", "02-a.png"]  # of before
    text = " ".join(page.text.split())
    assert "Not all gates are passed: 02. 2 of 3 lectures have run here." in text
    assert "python -m pipelines lecture 03" in text
    assert "Other pictures" in text


def test_both_languages_say_the_same(show):
    english, chinese = show("01", "02"), show("01", "02", language="zh")
    assert [tag for tag, _ in english.tags] == [tag for tag, _ in chinese.tags]
    assert (english.of("html"), chinese.of("html")) == ([{"lang": "en"}], [{"lang": "zh-CN"}])
    assert "01 · 标题" in " ".join(chinese.text.split())
    assert "All gates of those that have run are passed. 2 of 3 lectures" in " ".join(english.text.split())
    assert "已运行的各讲全部达标。 共 3 讲，已运行 2 讲。" in " ".join(chinese.text.split())


def test_the_verdict_is_green_when_all_have_run(show):
    some, every = show("01"), show("01", "02", "03")
    assert "All gates of those that have run are passed. 1 of 3 lectures" in " ".join(some.text.split())
    assert "All gates are passed. 3 of 3 lectures" in " ".join(every.text.split())
    assert [each["class"] for each in some.of("p") if "verdict" in each.get("class", "")] == ["verdict plain"]
    assert [each["class"] for each in every.of("p") if "verdict" in each.get("class", "")] == ["verdict good"]


def test_what_looks_like_markup_is_text(show, tmp_path):
    (tmp_path / '"><b onload=x>.png').write_bytes(overview.PNG + bytes(16))
    (tmp_path / "no picture.png").write_bytes(b"<script>")
    hostile = drawing("01", "01-a", title=HOSTILE)
    page = show("01", one=hostile)
    assert (page.of("script"), page.of("b")) == ([], [])
    assert f"01 · {HOSTILE}" in page.text
    assert [each["src"] for each in page.of("img")] == ["01-a.png", "%22%3E%3Cb%20onload%3Dx%3E.png"]


@pytest.mark.parametrize("text", ["", "[]", '{"lectures": {"01": {"gates": 3}}}', "[" * 100_000, "\udcff"])
def test_what_was_kept_may_be_damaged(show, tmp_path, text):
    show("01", "02")
    (tmp_path / "index.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert [each["src"] for each in show("02").of("img")] == ["02-a.png", "01-a.png", "01-b.png"]
    assert list(json.loads((tmp_path / "index.json").read_text())["lectures"]) == ["02"]


def test_the_command_says_where_the_page_is(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "all_lectures", lambda: [drawing("04", "04-a")])
    run = ["lecture", "4", "--device", "cpu", "--pictures", str(tmp_path)]
    done = CliRunner().invoke(app, [*run, "--lang", "zh"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, f"全部图片：{tmp_path / 'index.html'}")
    assert 'lang="zh-CN"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, [*run, "--lang", "fr"]).exit_code == 2
    (tmp_path / "index.html").unlink()
    (tmp_path / "index.html").mkdir()
    done = CliRunner().invoke(app, run)
    assert (done.exit_code, "warning: no page of the pictures" in done.output) == (0, True)
