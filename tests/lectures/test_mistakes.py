"""Every mistake of the gallery does damage, and doing it right does not: in its direction, and of its size."""

import re

import pytest
from typer.testing import CliRunner

from lectures.mistakes.gallery import LESS, MEASURES, MORE, TRUE, find, gallery
from pipelines.__main__ import app
from pipelines.errors import UsageError

CHINESE = re.compile(r"[\u4e00-\u9fff]")
COSTS = {  # how far the wrong lines lie from the right ones: at least, at most
    "sex-rule": (0.1, 0.3), "one-hot": (3, 12), "rounding": (0.1, 1.5), "columns": (6, 11), "ids": (4, 8),
    "test-rows": (0.2, 0.8), "labels": (1, 3), "features": (0.05, 0.2), "refit": (0.2, 0.8), "scaler": (0.2, 0.5),
    "leak": (0.1, 0.3), "fillna": (181, 181), "unseen": (20, 20), "gap": (20, 20), "dummies": (1, 1),
    "softmax": (1.2, 2.2), "softmax-dim": (4, 5), "eval": (0.1, 0.4), "one-row": (0.05, 3), "test-set": (0.08, 0.3),
    "batch-of-one": (1, 1), "device": (1, 1), "zero-grad": (0.5, 6), "stuck": (1.5, 2.3), "last-loss": (0.05, 0.4),
    "loss-item": (200, 500), "broadcast": (0.25, 0.5), "label-range": (1, 1), "int-labels": (1, 1),
    "requires-grad": (1, 1),
}  # fmt: skip


@pytest.mark.parametrize("mistake", gallery(), ids=lambda mistake: mistake.name)
def test_the_damage_is_there_and_has_its_size(mistake):
    if mistake.name == "fillna":
        pytest.importorskip("pandas", minversion="3")
    wrong, right = mistake.run(0)  # `mistakes all` takes three seeds
    # TRUE: what is believed is better than what is true
    worse = right - wrong if mistake.better == MORE else wrong - right
    low, high = COSTS[mistake.name]
    assert low <= worse <= high
    if mistake.measure in ("trainings that fail", "test rows without prediction", "problems found by the linter"):
        assert right == 0


def test_known_damage_has_its_size():
    by_name = {mistake.name: mistake for mistake in gallery()}
    wrong, right = by_name["softmax"].run(0)
    assert 1.5 < wrong < 2.31  # nearly log 10: through two softmaxes hardly any gradient comes
    assert right < 0.5
    assert by_name["last-loss"].run(0)[1] < 1e-6
    assert by_name["loss-item"].run(0)[1] == 0
    assert 0.67 < by_name["broadcast"].run(0)[0] < 0.7  # log 2: nothing is learned but the mean
    assert by_name["test-set"].run(0)[0] == 1.0  # by heart
    assert by_name["scaler"].run(0)[1] == pytest.approx(0.5, abs=0.1)  # noise


def test_a_scaler_alone_lies_by_next_to_nothing():
    scaler = next(mistake for mistake in gallery() if mistake.name == "scaler")
    wrong = scaler.by(0, scaler.wrong.replace("X = SelectKBest(k=20).fit_transform(X, y)\n", ""))
    right = scaler.by(0, scaler.right.replace("SelectKBest(k=20), ", ""))
    assert wrong == pytest.approx(right, abs=0.02)


def test_entries_are_whole_in_both_languages():
    names = [mistake.name for mistake in gallery()]
    assert len(set(names)) == len(names) >= 30
    assert set(names) == set(COSTS)
    for mistake in gallery():
        assert mistake.wrong != mistake.right
        assert mistake.better in (LESS, MORE, TRUE)
        for english, chinese in (
            (mistake.what, mistake.what_zh), (mistake.why, mistake.why_zh), (mistake.guard, mistake.guard_zh),
            (mistake.measure, MEASURES[mistake.measure][0]),
        ):  # fmt: skip
            assert english
            assert not CHINESE.search(english)
            assert CHINESE.search(chinese), chinese


def command(*arguments):
    return CliRunner().invoke(app, ["mistakes", *arguments], env={"LANG": "C.UTF-8"})


def test_the_command_lists_and_runs():
    listed = command()
    assert listed.exit_code == 0
    assert all(mistake.name in listed.output for mistake in gallery())
    assert listed.output.splitlines()[-1].endswith(f"mistakes {gallery()[0].name}, or: mistakes all")
    ran = command("batch-of-one", "--seeds", "2")
    assert ran.exit_code == 0
    assert "wrong    1.0000 ± 0.000 (sd over 2 seeds)" in ran.output
    assert "right    0.0000" in ran.output
    assert "cost     1.0000" in ran.output
    for lines in (find("batch-of-one")[0].wrong, find("batch-of-one")[0].right):
        assert f"\n      {lines}\n" in ran.output
    assert "trainings that fail; less is better" in ran.output


def test_the_command_speaks_chinese():
    listed, ran = command("--lang", "zh").output, command("batch-of-one", "--seeds", "1", "--lang", "zh").output
    assert all(mistake.what_zh in listed and mistake.guard_zh in listed for mistake in gallery())
    assert "  失败的训练；越小越好\n  错误    1.0000\n  正确    0.0000\n  代价    1.0000\n  防范：" in ran


def test_an_unknown_mistake_is_a_usage_error():
    with pytest.raises(UsageError, match="no mistake 'sofmax'; known: sex-rule"):
        find("sofmax")
    assert command("sofmax").exit_code == 2
