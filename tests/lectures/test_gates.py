"""Every gate of every lecture: on the stand-ins, and on the course's files where they are.

What takes long is shortened here; `python -m pipelines lecture all` runs all of it. How many epochs suffice for the
course's files was found without test images, by networks that were trained on 50,000 of MNIST's training images and
scored on the other 10,000: after 2 epochs 99.0 % for the deeper network of lecture 10. Lectures 09-mnist and
13-names run in full: on such rows they meet their gates in the last epochs only.
"""

import importlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch

from lectures.course.catalogue import Report, all_lectures, attend, find
from lectures.course.image_training import Plan
from lectures.course.lecture import Setting

PICTURES = {
    "00": [],
    "02": ["02-program-1", "02-program-2"],
    "03": ["03-convex", "03-program"],
    "03-saddle": ["03-saddle"],
    "04": ["04-program"],
    "05": ["05-optimizers", "05-program"],
    "06": ["06-program", "06-seeds"],
    "07": ["07-activations", "07-layers", "07-program", "07-width"],
    "08": ["08-loss", "08-program"],
    "09": ["09-softmax"],
    "09-mnist": ["09-loss", "09-mistakes", "09-numbers", "09-program"],
    "10": ["10-cnn-program", "10-filters", "10-loss", "10-mistakes"],
    "10-by-hand": ["10-by-hand-program"],
    "10-gpu": [],
    "11-homework": ["11-gradient-flow", "11-homework-accuracy"],
    "11-inception": ["11-inception-loss", "11-inception-mistakes", "11-inception-program"],
    "11-resnet": ["11-resnet-loss", "11-resnet-mistakes", "11-resnet-program"],
    "12": ["12-rnn-program"],
    "12-embedding": ["12-embedding-program"],
    "13": [],
    "13-names": ["13-accuracy", "13-confusion", "13-program"],
}

TWO_DEPTHS = {"none": (8, 1), "one": (8, 6, 1)}
SHORTER = {
    "05": {"gates.lecture_05_linear_regression.COMPARED": 500},
    "07": {
        "gates.lecture_07_diabetes.SEEDS": 1,
        "gates.lecture_07_diabetes.DEPTH_SEEDS": 1,
        "gates.lecture_07_diabetes.DEPTHS": TWO_DEPTHS,
        "gates.lecture_07_diabetes.ACTIVATIONS": ["tanh"],
        "gates.lecture_07_diabetes.HIDDEN": (4,),
    },
    "08": {"gates.lecture_08_data_loader.EPOCHS": 3},
    "10": {"course.image_training.STAND_IN": Plan(epochs=4, lr=1e-2, batch_size=64)},
    "11-homework": {  # 16 networks
        "course.image_training.STAND_IN": Plan(epochs=2, lr=5e-3, batch_size=64),
        "gates.lecture_11_homework.N_SEEDS": 2,
        "gates.lecture_11_homework.DEPTH": 5,
    },
}


def two_epochs(_images, plan):
    return replace(plan, epochs=2)


# Lectures 11-inception, 11-resnet (minutes each) and 11-homework (24 networks) are left to `lecture all`: here their
# gates are checked on the stand-in.
SHORTER_ON_FILES = {
    "07": {  # what has a gate: the program on all rows, and ReLU in five folds
        "gates.lecture_07_diabetes.DEPTH_SEEDS": 1,
        "gates.lecture_07_diabetes.DEPTHS": TWO_DEPTHS,
        "gates.lecture_07_diabetes.ACTIVATIONS": ["relu"],
        "gates.lecture_07_diabetes.HIDDEN": (4,),
    },
    "08": {"gates.lecture_08_data_loader.EPOCHS": 3},
    "10": {"gates.lecture_10_cnn.plan_for": two_epochs},
}


@dataclass(frozen=True)
class Attended:
    """What a lecture's run showed."""

    report: Report
    said: list[str]
    pictures: list[Path]


@pytest.fixture(scope="session")
def attended(tmp_path_factory):
    """`attended(number, data)`: the lecture's run on the course's files in `data`, or on the stand-ins.

    It runs once in a session, whichever tests look at what it showed, as short as `SHORTER` and `SHORTER_ON_FILES` say.
    """

    @cache
    def run(number, data=None):
        said, folder = [], tmp_path_factory.mktemp(number)
        setting = Setting(data=data, stand_in=data is None, pictures=folder, say=said.append)
        lecture = next(each for each in find(number) if each.number == number)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (SHORTER if data is None else SHORTER_ON_FILES).get(number, {}).items():
                module, _, attribute = name.rpartition(".")
                patch.setattr(importlib.import_module(f"lectures.{module}"), attribute, value)
            report = attend(lecture, setting)
        return Attended(report, said, sorted(folder.iterdir()))

    return run


def assert_gates_and_pictures(done, number):
    assert [gate for gate in done.report.gates if not gate.passed] == []
    assert done.report.passed
    assert [path.name for path in done.pictures] == [f"{name}.png" for name in PICTURES[number]]
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in done.pictures)


def test_no_lecture_is_left_out():
    assert list(PICTURES) == [lecture.number for lecture in all_lectures()]


@pytest.mark.parametrize("number", PICTURES)
def test_gates_and_pictures(number, attended):
    assert_gates_and_pictures(attended(number), number)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("number", ["07", "08", "09-mnist", "10", "10-gpu", "13-names"])
def test_gates_and_pictures_on_the_courses_files(number, attended, real_data):
    assert_gates_and_pictures(attended(number, real_data), number)


def test_without_a_gpu_the_lecture_says_so(attended):
    assert any("the device is the CPU" in line for line in attended("10-gpu").said)


def test_the_environment_is_a_table(attended):
    said = attended("00").said
    assert {line.split()[0] for line in said} >= {"python", "torch", "CUDA", "device"}
    assert any(torch.__version__ in line for line in said)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_name_classifier_says_what_was_seen_in_training(attended, real_data):
    said = attended("13-names", real_data).said
    assert "always Russian: 46.81%" in said
    assert any("5,927 names" in line and "773 test rows (201 different)" in line for line in said)
