"""Programs of lectures 2 to 8: what they learn is what the shared loop learns from the same start and order of rows."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from lectures.course.data import made_files
from lectures.course.lecture import Setting
from lectures.course.program import FOLDER, run_program
from pipelines.training.loop import train


class Slope(nn.Module):
    """y = w x, in float64: the programs that compute the gradient by hand keep w so."""

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, inputs):
        return inputs * self.w


def slopes(w, lr, batches, epochs):
    """Weights and losses after each epoch of the shared loop."""
    model, weights = Slope(w), []
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = train(model, batches, nn.MSELoss(), optimizer, epochs, on_epoch=lambda *_: weights.append(model.w.item()))
    return weights, history[0].losses


@pytest.fixture
def shorter(tmp_path, monkeypatch):
    """`shorter(name, there, other)`: the program, run from seed 3 with `other` written in the place of `there`."""

    def run(name, there, other, files=None):
        text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        assert text.count(there) == 1
        (tmp_path / f"{name}.py").write_text(text.replace(there, other), encoding="utf-8")
        monkeypatch.setattr("lectures.course.program.FOLDER", tmp_path)
        return run_program(Setting(seed=3, pictures=tmp_path), name, files)

    return run


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).tolist()


ROWS = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)


def test_the_sweep_is_the_mean_squared_error(tmp_path):
    program = run_program(Setting(pictures=tmp_path), "lecture_02_linear_model")
    w, b = program.w_grid[3, 7], program.b_grid[3, 7]
    assert (w, b) == pytest.approx((0.7, -1.7))
    assert program.mse_grid[3, 7] == pytest.approx(((w + b - 2) ** 2 + (2 * w + b - 4) ** 2 + (3 * w + b - 6) ** 2) / 3)
    assert program.mse_list == pytest.approx(program.mse_grid[20].tolist(), abs=1e-9)
    assert len(program.w_list) == 41


def test_gradient_descent_is_the_shared_loop(tmp_path):
    program = run_program(Setting(seed=3, pictures=tmp_path), "lecture_03_gradient_descent")
    of_loop, losses = slopes(1.0, 0.01, [(ROWS, 2 * ROWS)], 100)
    assert program.w_list == pytest.approx(of_loop, abs=1e-6)
    assert program.cost_list == pytest.approx(losses, abs=1e-5)

    torch.manual_seed(3)
    x = 4 * torch.rand(200)
    y = 2 * x + 2 * torch.randn(200)
    x, y = x.double(), y.double()
    for name, size in program.ways.items():
        drawn = [torch.randperm(200)[:size] for _ in range(150)]
        [w], _ = slopes(0.0, 0.01, [(x[rows], y[rows]) for rows in drawn], 1)
        assert program.costs[name][-1] == pytest.approx(((x * w - y) ** 2).mean().item(), rel=1e-5)
    assert program.w == pytest.approx(w, abs=1e-6)


def test_back_propagation_is_the_shared_loop(tmp_path):
    program = run_program(Setting(pictures=tmp_path), "lecture_04_back_propagation")
    of_loop, _ = slopes(1.0, 0.01, [(row, 2 * row) for row in ROWS], 100)
    assert program.w.item() == pytest.approx(of_loop[-1], abs=1e-6)
    assert program.loss_list[0] == pytest.approx(7.315944, abs=1e-5)  # (3 w - 6)^2 after two updates of w


def test_logistic_regression_is_the_shared_loop(shorter):
    program = shorter("lecture_06_logistic_regression", "range(5000)", "range(200)")
    torch.manual_seed(3)
    model = type(program.model)()
    rows = [(program.x_data, program.y_data)]
    [history] = train(model, rows, nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=0.1), 200)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)
    assert program.losses == pytest.approx(history.losses, abs=1e-6)


def test_the_loader_is_trained_as_by_the_shared_loop(shorter):
    program = shorter("lecture_08_data_loader", "range(100)", "range(5)", made_files("diabetes"))
    torch.manual_seed(3)
    model = program.Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    [history] = train(model, program.train_loader, nn.BCEWithLogitsLoss(), optimizer, 5)
    assert program.losses == pytest.approx(history.losses, abs=1e-6)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)
    assert program.dataset[5][1].shape == (1,)


def test_tensors_show_leaves_graphs_and_what_data_hides():
    program = run_program(Setting(), "lecture_04_tensors")
    assert (program.grad, program.by_data) == (-8.0, 20.0)
    assert "second time" in program.freed
    assert "modified by an inplace operation" in program.by_detach


@pytest.mark.slow
def test_workers_of_the_loader_run_under_spawn(tmp_path):
    text = (FOLDER / "lecture_08_data_loader.py").read_text(encoding="utf-8")
    for there, other in (
        ("num_workers=0", 'num_workers=1, multiprocessing_context="spawn"'),
        ("range(100)", "range(1)"),
    ):
        assert text.count(there) == 1
        text = text.replace(there, other)
    (tmp_path / "program.py").write_text(text, encoding="utf-8")
    (tmp_path / "diabetes").mkdir()
    np.savetxt(tmp_path / "diabetes" / "diabetes.csv", np.tile([0.5] * 8 + [1.0], (40, 1)), delimiter=",")
    command = [sys.executable, "program.py", str(tmp_path)]
    environment = os.environ | {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "40 rows, 2 batches"  # once: the worker's import prints nothing
    assert done.stdout.count("rows,") == 1
