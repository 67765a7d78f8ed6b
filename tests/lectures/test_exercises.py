"""For every exercise: the gap fails, the answer passes, and the usual wrong answers are told what is wrong."""

import ast
import re
from pathlib import Path

import pytest

from lectures.exercises.checking import judge
from lectures.exercises.exercise import BEGIN, CHINESE, END, all_exercises, find

WRONG = re.findall(  # exercise, what is said, lines in the gap
    r"^=== (\S+): (.+)\n((?:(?!===).*\n)+)",
    Path(__file__).with_name("wrong_answers.txt").read_text(encoding="utf-8"),
    re.MULTILINE,
)
EXERCISES = {each.name: each for each in all_exercises()}


def judged(name, lines, folder):
    path = folder / EXERCISES[name].file
    path.write_text(EXERCISES[name].with_lines(lines), encoding="utf-8")
    return judge(EXERCISES[name], path)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_gap_fails_and_the_answer_passes(name, tmp_path):
    exercise = EXERCISES[name]
    path = tmp_path / exercise.file
    path.write_text(exercise.start, encoding="utf-8")
    line = next(n for n, text in enumerate(exercise.start.split("\n"), 1) if "NotImplementedError" in text)
    verdict = judge(exercise, path)
    assert (verdict.right, verdict.english) == (False, f"line {line} is not written yet")
    path.write_text(exercise.text, encoding="utf-8")
    assert judge(exercise, path).english == ""
    assert judged(name, exercise.answer, tmp_path).right
    for nothing in ("pass", "return 0"):
        assert not judged(name, nothing, tmp_path).right


@pytest.mark.parametrize(("name", "says", "lines"), WRONG, ids=[f"{each[0]}: {each[1]}" for each in WRONG])
def test_a_usual_wrong_answer_is_told_what_is_wrong(name, says, lines, tmp_path):
    verdict = judged(name, lines, tmp_path)
    assert not verdict.right
    assert says in verdict.english
    assert CHINESE.search(verdict.chinese)


def test_every_exercise_has_a_wrong_answer_of_its_own():
    assert {name for name, *_ in WRONG} == set(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_is_whole_in_both_languages(name):
    exercise = EXERCISES[name]
    assert exercise.text.count(BEGIN) == exercise.text.count(END) == 1
    for english, chinese in (exercise.title, exercise.task, exercise.next, *exercise.hints):
        assert english
        assert not CHINESE.search(english)
        assert CHINESE.search(chinese)
    assert 2 <= len(exercise.hints) <= 4
    start = exercise.start
    assert exercise.task[0].split()[0] in start
    assert "Hint" not in start
    assert exercise.answer.strip().split("\n")[0] not in start
    assert ast.get_docstring(ast.parse(start)).endswith(f"python -m pipelines exercise {name}")


def test_every_lecture_from_the_second_has_two_exercises_or_three():
    numbers = [each.lecture for each in EXERCISES.values()]
    assert {number: numbers.count(number) in (2, 3) for number in sorted(set(numbers))} == {
        f"{n:02}": True for n in range(2, 14)
    }


def test_a_lecture_or_an_exercise_is_found_by_its_number():
    assert [each.name for each in find("5")] == ["05-closure", "05-step"]
    assert [each.name for each in find("5-step")] == ["05-step"]


HELPED = {
    "02-meshgrid": ("loop", """
def of_one(w, b, x, y):
    return np.mean([(w * u + b - v) ** 2 for u, v in zip(x, y)])
""", "return np.vectorize(lambda w, b: of_one(w, b, x, y))(*np.meshgrid(ws, bs))"),
    "13-pack": ("by torch", """
import torch
from torch.nn.utils.rnn import pack_sequence as ps
""", "packed = ps([torch.tensor(each) for each in sequences])\nreturn packed.data, packed.batch_sizes"),
    "09-cross-entropy": ("by torch", """
from torch.nn.functional import cross_entropy as f
from torch import tensor as t
""", "return f(t(z), t(y)).item()"),
    "10-convolution": ("by torch's", """
from torch.nn.functional import conv2d as f
""", "return f(image[None], weight, bias)[0]"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELPED)
def test_what_is_not_to_be_used_is_found_in_other_functions_and_under_other_names(name, tmp_path):
    says, helpers, lines = HELPED[name]
    path = tmp_path / EXERCISES[name].file
    path.write_text(EXERCISES[name].with_lines(lines) + helpers, encoding="utf-8")
    assert says in judge(EXERCISES[name], path).english
    path.write_text(EXERCISES[name].text + helpers + "\nfor _ in range(2):\n    pass\n", encoding="utf-8")
    assert judge(EXERCISES[name], path).english == ""  # nothing of it is used
