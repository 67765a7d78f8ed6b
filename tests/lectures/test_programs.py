"""The programs that a learner types: plain torch, nothing of ours; what they learn is what the shared loop learns."""

import contextlib
import re

import pytest
import torch
from torch import nn

from lectures.course import program
from lectures.course.lecture import Setting
from lectures.course.program import FOLDER, run_program
from pipelines.training.loop import train

PROGRAMS = sorted(path.stem for path in FOLDER.glob("lecture_*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_short_and_uses_nothing_of_ours(name):
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 75
    assert not re.search(r"^\s*(from|import) (pipelines|lectures|competitions)", text, re.MULTILINE)


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).tolist()


def test_linear_regression_is_the_shared_loop(tmp_path):
    program = run_program(Setting(seed=3, pictures=tmp_path), "lecture_05_linear_regression")
    torch.manual_seed(3)
    model = type(program.model)()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def criterion(outputs, target):
        return nn.MSELoss(reduction="sum")(outputs, target)

    train(model, [(program.x_data, program.y_data)], criterion, optimizer, 1000)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)
    assert (tmp_path / "05-program.png").stat().st_size > 1000


def test_a_program_leaves_the_random_state_and_the_pictures_of_others_alone(tmp_path):
    before = torch.random.get_rng_state()
    said = []
    run_program(Setting(pictures=tmp_path, say=said.append), "lecture_05_linear_regression")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert said[0] == "program: lectures/lecture_05_linear_regression.py, 52 lines"
    assert said[-2].startswith("    y_pred = ")
    from matplotlib import pyplot as plt

    assert plt.get_fignums() == []


@pytest.mark.filterwarnings("error")
def test_a_program_finds_no_gpu_where_the_cpu_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    kept = []
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: kept.append(devices) or contextlib.nullcontext())
    (tmp_path / "lecture_99.py").write_text("import torch\nfound = torch.cuda.is_available()\n")
    found = [run_program(Setting(device=torch.device(each)), "lecture_99").found for each in ("cpu", "cuda")]
    assert (found, kept) == ([False, True], [[], [2]])
    assert torch.cuda.is_available()
