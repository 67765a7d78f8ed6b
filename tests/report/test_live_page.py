"""The page of a run that goes on: what is known by now, asked for again; a run is never worse for it."""

import errno
import re
from types import SimpleNamespace

import pytest

from pipelines.errors import TrainingWarning
from pipelines.metrics import accuracy
from pipelines.pages import live
from pipelines.pages.live import LivePage, page
from pipelines.pages.words import Words
from pipelines.report.live.parts import Part
from pipelines.report.live.so_far import SoFar

HOSTILE = '"><img src=x onerror=alert(1)>'


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def state(folder, name="network"):
    so_far = SoFar(clock=Clock())
    part = Part(name, epochs=4, n_models=4, done={(0, 0)}, score=0.8361, se=0.0131, seconds=12.4)
    part.losses = {(0, 0): [2.0, 1.0, 0.5, 0.25], (1, 0): [1.5, 1.0]}
    simple = Part("logistic regression", pooled=False, n_models=2, done={(0, 0), (1, 0)}, score=0.8, se=0.02)
    so_far.parts = {(True, name): part, (False, "logistic regression"): simple}
    so_far.competition = SimpleNamespace(slug="titanic", metric=accuracy)
    so_far.folder = folder
    return so_far


def said(so_far, _words):
    return f"{so_far.n_models[0]} of {so_far.n_models[1]} networks"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_says_what_is_known_and_asks_again(tmp_path, language):
    text = page(state(tmp_path), "1 of 4 networks", Words(language))
    assert '<meta http-equiv="refresh" content="10">' in text
    assert "<script" not in text
    for known in ("titanic", tmp_path.name, "1 of 4 networks", "1 / 4", "0.8361 ± 0.0131", "0.8000 ± 0.0200", "2 / 2"):
        assert known in text
    assert 'value="0.5833"' in text  # one and a half of four networks, two of two baselines
    assert len(re.findall("<polyline", text)) == 2 * 2  # once more for a phone
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in text


def test_the_bar_moves_while_baselines_are_fitted(tmp_path):
    so_far = state(tmp_path)
    network, simple = so_far.variants[0], so_far.baselines[0]
    network.done, network.losses, simple.done = set(), {}, {(0, 0)}
    assert so_far.steps == (0, 16)
    text = page(so_far, "", Words())
    assert 'value="0.1667"' in text  # one of six models
    assert "<title>titanic · 16 %</title>" in text


def test_letters_of_a_curve_can_be_read_on_a_phone(tmp_path):
    text = page(state(tmp_path), "", Words())
    assert re.findall('<svg viewBox="0 0 ([0-9]+) ', text) == ["440", "310"]
    assert set(re.findall('font-size="([0-9]+)"', text)) == {"12"}
    ends = [float(x) for x in re.findall('<text x="([0-9.]+)"', text)]
    assert max(ends[:4]) < 440
    assert max(ends[4:]) < 310


def test_losses_of_rows_held_out_are_drawn_dashed(tmp_path):
    so_far = state(tmp_path)
    so_far.variants[0].held_out = {(0, 0): [3.0, 2.0]}
    text = page(so_far, "", Words())
    assert len(re.findall('<polyline [^>]*stroke="var\\(--series-2\\)"[^>]*stroke-dasharray', text)) == 2
    assert "from 3 at most to 0.25 at least, until epoch 4 of 4" in text


def test_a_run_that_is_over_is_asked_for_until_its_report_is_there_or_says_how_it_ended(tmp_path):
    so_far = state(tmp_path)
    so_far.finish()
    text = page(so_far, "4 of 4 networks", Words())
    assert 'http-equiv="refresh"' in text  # the report, which comes next, has none
    assert "All is trained" in text
    so_far.finish("memory is full <b>")
    text = page(so_far, "1 of 4 networks", Words())
    assert "memory is full &lt;b&gt;" in text
    assert 'http-equiv="refresh"' not in text
    assert "ended early" in text


def test_what_came_from_elsewhere_is_shown_and_not_markup(tmp_path):
    text = page(state(tmp_path, HOSTILE), "", Words())
    assert "<img" not in text
    assert "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;" in text


def test_it_is_written_after_three_seconds_then_every_ten_and_when_all_is_over(tmp_path, monkeypatch):
    clock, written = Clock(), []
    monkeypatch.setattr(live, "write_whole", lambda path, _data: written.append((path, clock.now)))
    show, so_far = LivePage(Words(), said, clock), state(tmp_path)
    for second in range(30):
        clock.now = float(second)
        show(so_far)
    so_far.is_over, clock.now = True, 29.5
    show(so_far)
    assert [when for _, when in written] == [3.0, 13.0, 23.0, 29.5]
    assert {path for path, _ in written} == {tmp_path / "report.html"}


def test_a_page_that_takes_long_is_written_more_seldom(tmp_path, monkeypatch):
    clock, written = Clock(), []

    def slow(_path, _data):
        written.append(clock.now)
        clock.now += 0.2

    monkeypatch.setattr(live, "write_whole", slow)
    show, so_far = LivePage(Words(), said, clock), state(tmp_path)
    for second in range(100):
        clock.now = float(second)
        show(so_far)
    assert written == [3.0, 14.0, 45.0, 76.0]  # a fifth of a second is half a percent of forty, and thirty are the most


def test_a_run_that_is_over_before_the_first_page_leaves_none(tmp_path):
    show, so_far = LivePage(Words(), said, Clock()), state(tmp_path)
    so_far.is_over = True
    show(so_far)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_page_with_one_warning(tmp_path, monkeypatch):
    def full(path, _data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    clock = Clock()
    monkeypatch.setattr(live, "write_whole", full)
    show, so_far = LivePage(Words(), said, clock), state(tmp_path)
    clock.now = 5.0
    with pytest.warns(
        TrainingWarning, match="report.html: No space left on device; the page is given up, the run goes on"
    ):
        show(so_far)
    clock.now = 50.0
    show(so_far)  # no second warning, which would be an error here


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    clock = Clock()
    show, so_far = LivePage(Words(), said, clock), state(tmp_path / "gone")
    clock.now = 5.0
    show(so_far)
    assert list(tmp_path.iterdir()) == []
