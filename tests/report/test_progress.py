"""One line of how far a run is: the same words everywhere, a line a minute where nobody watches."""

from types import SimpleNamespace

import pytest

from pipelines.metrics import accuracy
from pipelines.pages.words import Words
from pipelines.report.live.log import Log
from pipelines.report.live.parts import Part
from pipelines.report.live.progress import LineAMinute, duration, line_of, over, progress
from pipelines.report.live.so_far import SoFar

WHAT = {
    "score": ("12 of 30 networks, accuracy 0.8361 ± 0.0131 so far, about 41 s left",
              "30 个网络已完成 12 个，目前 accuracy 0.8361 ± 0.0131，约剩 41 秒"),
    "baselines": ("3 of 15 baselines, 0 of 30 networks", "15 个基线模型已完成 3 个，30 个网络已完成 0 个"),
    "models": ("1 of 30 models", "30 个模型已完成 1 个"),
}  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def state(what="score"):
    """A run as it may be."""
    so_far = SoFar(clock=Clock())
    done = {"score": 12, "baselines": 0, "models": 1}[what]
    part = Part("network", epochs=0 if what == "models" else 10, n_models=30, done={(0, i) for i in range(done)})
    so_far.parts, so_far.competition = {(True, "network"): part}, SimpleNamespace(metric=accuracy)
    if what == "score":
        so_far.pool.score, so_far.pool.se = 0.8361, 0.0131
        so_far._marks.append((0.0, 0))
        so_far.clock.now = 41.0 / 180 * 120
    elif what == "baselines":
        so_far.task = ("baselines", 3, 15)
    return so_far


@pytest.mark.parametrize("what", WHAT)
def test_the_line_says_the_same_in_both_languages(what):
    assert (line_of(state(what), Words("en")), line_of(state(what), Words("zh"))) == WHAT[what]


def test_what_is_said_in_the_end():
    so_far = state("models")
    so_far.clock.now = 70.0
    assert over(so_far, Words()) == "1 of 30 models, 70 s in all"
    assert over(so_far, Words("zh")) == "30 个模型已完成 1 个，共 70 秒"


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "1 秒"), (99.4, "99 秒"), (100, "2 分钟"), (7200, "2 小时")])
def test_times_have_the_unit_that_fits(seconds, said):
    assert duration(seconds, Words("zh")) == said


def test_on_a_pipe_there_is_nothing_for_a_minute_and_then_a_line_a_minute():
    clock, said = Clock(), []
    show = LineAMinute(Words(), said.append, clock)
    for second in range(0, 200, 7):
        clock.now = float(second)
        show(state())
    assert said == [line_of(state(), Words())] * 3  # at 63, 126 and 189 seconds
    over = state()
    over.is_over, clock.now = True, 500.0
    show(over)
    assert len(said) == 3


def test_who_is_silent_shows_nothing_wherever_it_is(capsys):
    with progress(silent=True) as show:
        show(state())
    assert capsys.readouterr() == ("", "")


def test_the_log_keeps_lines_until_there_is_a_folder_and_then_each_is_there_at_once(tmp_path):
    clock = Clock()
    log, so_far, file = Log(clock=clock), state(), tmp_path / "log.txt"
    log("data: \x1b[31mred")
    assert list(tmp_path.iterdir()) == []
    so_far.folder = tmp_path
    log.hear(so_far)
    log("second")
    assert file.read_text() == "data: [31mred\nsecond\n"
    clock.now = 11.0
    log.hear(so_far)
    clock.now = 12.0
    log.hear(so_far)  # too soon
    (line,) = file.read_text().splitlines()[2:]
    assert line[2:9:3] == ":: " or line[8] == " "
    assert line[9:] == line_of(so_far, Words())
    again = Log(clock=clock)  # the run was killed, and goes on
    again.hear(so_far)
    again("goes on")
    assert file.read_text().splitlines()[-1] == "goes on"
    assert len(file.read_text().splitlines()) == 4


def test_a_log_that_cannot_be_written_is_said_once_and_ends(tmp_path, capsys):
    log, so_far = Log(), state()
    (tmp_path / "log.txt").mkdir()
    so_far.folder = tmp_path
    log.hear(so_far)
    log("one")
    log("two")
    assert capsys.readouterr().err.count("the log ends here") == 1


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path, monkeypatch, capsys):
    import os

    log, so_far = Log(), state()
    so_far.folder = tmp_path
    log.hear(so_far)
    log("whole")
    write = os.write
    monkeypatch.setattr(
        os, "write", lambda file, data: write(file, data[:3]) if data == b"second\n" else write(file, data)
    )
    log("second")
    assert (tmp_path / "log.txt").read_text() == "whole\n"
    assert "No space left on device; the run goes on" in capsys.readouterr().err


def test_a_folder_that_was_removed_since_nothing_was_finished_is_not_made_again(tmp_path, capsys):
    log, so_far = Log(), state()
    so_far.folder = tmp_path / "gone"
    log.hear(so_far)
    log("ended early: interrupted")
    assert (capsys.readouterr().err, (tmp_path / "gone").exists()) == ("", False)
