"""Lectures 2 to 9: every gate on small data, and oracles for what is done by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from lectures import (
    lecture_02_linear_model,
    lecture_03_gradient_descent,
    lecture_03_saddle,
    lecture_04_back_propagation,
    lecture_05_linear_regression,
    lecture_06_logistic_regression,
    lecture_07_diabetes,
    lecture_08_data_loader,
    lecture_09_mnist,
    lecture_09_softmax,
)
from lectures.fit import seeded
from lectures.lecture import Setting
from pipelines.training.loop import train


@pytest.fixture
def setting(tmp_path):
    return Setting(stand_in=True, pictures=tmp_path)


def failed(gates):
    """Gates that did not pass; at least one gate is needed."""
    gates = list(gates)
    assert gates
    return [gate for gate in gates if not gate.passed]


@pytest.mark.parametrize(
    ("lecture", "pictures"),
    [
        (lecture_02_linear_model, {"02-cost.png"}),
        (lecture_03_gradient_descent, {"03-descent.png"}),
        (lecture_03_saddle, {"03-saddle.png"}),
        (lecture_04_back_propagation, set()),
        (lecture_09_softmax, set()),
        (lecture_09_mnist, {"09-loss.png", "09-mistakes.png"}),
    ],
    ids=lambda value: value.LECTURE.number if hasattr(value, "LECTURE") else "",
)
def test_gates_and_pictures(setting, lecture, pictures):
    assert failed(lecture.run(setting)) == []
    assert {path.name for path in setting.pictures.glob("*")} == pictures


@pytest.mark.parametrize(
    ("lecture", "epochs", "pictures"),
    [(lecture_06_logistic_regression, 2_000, {"06-sigmoid.png"}), (lecture_08_data_loader, 15, {"08-loss.png"})],
    ids=lambda value: value.LECTURE.number if hasattr(value, "LECTURE") else "",
)
def test_gates_and_pictures_with_fewer_epochs(setting, monkeypatch, lecture, epochs, pictures):
    monkeypatch.setattr(lecture, "EPOCHS", epochs)
    assert failed(lecture.run(setting)) == []
    assert {path.name for path in setting.pictures.glob("*")} == pictures


def test_linear_regression_and_its_eight_optimizers(setting, monkeypatch):
    monkeypatch.setattr(lecture_05_linear_regression, "EPOCHS", 2_000)
    monkeypatch.setattr(lecture_05_linear_regression, "COMPARED", 600)
    assert len(lecture_05_linear_regression.OPTIMIZERS) == 8
    assert failed(lecture_05_linear_regression.run(setting)) == []


def test_diabetes_with_fewer_depths_and_epochs(setting, monkeypatch):
    monkeypatch.setattr(lecture_07_diabetes, "EPOCHS", 8)
    monkeypatch.setattr(lecture_07_diabetes, "DEPTHS", {"none": (8, 1), "one": (8, 6, 1)})
    monkeypatch.setattr(lecture_07_diabetes, "ACTIVATIONS", ["tanh"])
    assert failed(lecture_07_diabetes.run(setting)) == []
    assert {path.name for path in setting.pictures.glob("*")} == {"07-activations.png", "07-layers.png"}


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # 07 tries narrow ReLU layers that die
@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    "lecture", [lecture_07_diabetes, lecture_08_data_loader, lecture_09_mnist], ids=lambda value: value.LECTURE.number
)
def test_gates_on_the_courses_files(real_data, tmp_path, lecture):
    assert failed(lecture.run(Setting(data=real_data, pictures=tmp_path))) == []


def test_the_vectorised_cost_is_that_of_the_loops():
    w, b = np.array([0.5, 3.0]), np.array([-1.0, 2.0])
    expected = [lecture_02_linear_model.cost_by_loops(*pair) for pair in zip(w, b, strict=True)]
    assert lecture_02_linear_model.cost(w, b) == pytest.approx(expected)
    assert expected[0] == pytest.approx((2.5**2 + 4**2 + 5.5**2) / 3)


class Slope(nn.Module):
    """y = w x from w = 1."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        return inputs * self.w


def slope_after(batches, epochs):
    model, weights = Slope(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    history = train(model, batches, nn.MSELoss(), optimizer, epochs, on_epoch=lambda *_: weights.append(model.w.item()))
    return weights, history[0].losses


INPUTS = torch.tensor([[1.0], [2.0], [3.0]])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_descent_by_hand_is_the_shared_loop(size):
    cuts = [slice(start, start + size) for start in range(0, 3, size)]
    weights, losses = slope_after([(INPUTS[cut], 2 * INPUTS[cut]) for cut in cuts], 20)
    by_hand, costs = lecture_03_gradient_descent.descend(cuts, 20)
    assert weights == pytest.approx(by_hand, abs=1e-5)
    if size != 2:  # the loop weighs the short batch by its rows, the lecture takes the mean of the batches
        assert losses == pytest.approx(costs, abs=1e-5)


def test_descent_by_autograd_is_the_shared_loop():
    weights, _ = slope_after([(INPUTS[n : n + 1], 2 * INPUTS[n : n + 1]) for n in range(3)], 20)
    assert lecture_04_back_propagation.descend(20).tolist() == pytest.approx(weights, abs=1e-6)


def test_back_propagation_by_hand_is_a_difference_quotient():
    x, y, w, b, h = 1.5, -0.5, 0.7, 0.2, 1e-6

    def loss(w, b):
        return (x * w + b - y) ** 2

    quotients = ((loss(w + h, b) - loss(w - h, b)) / (2 * h), (loss(w, b + h) - loss(w, b - h)) / (2 * h))
    assert lecture_04_back_propagation.by_hand(x, y, w, b) == pytest.approx(quotients, abs=1e-6)


def test_plain_descent_never_leaves_the_ridge_and_noise_goes_both_ways():
    plain = lecture_03_saddle.descend(None)
    assert (plain[:, 1] == 0).all()
    ends = [lecture_03_saddle.descend(seed)[-1, 1] for seed in range(20)]
    assert min(ends) < -1
    assert max(ends) > 1


def test_lbfgs_calls_its_closure_again_and_again():
    model = seeded(Setting(), lambda: nn.Linear(1, 1))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0)
    history = train(model, [(INPUTS, 2 * INPUTS)], nn.MSELoss(), optimizer, 5)[0]
    assert len(calls) > 5
    assert history.losses[-1] < 1e-6 < history.losses[0]


def test_cross_entropy_in_numpy_is_stable():
    assert lecture_09_softmax.cross_entropy(np.array([[1e4, 0.0]]), np.array([0])) == 0
    assert lecture_09_softmax.cross_entropy(np.array([[1e4, 0.0]]), np.array([1])) == 1e4


def test_seeded_models_are_equal_and_leave_the_random_state_alone():
    before = torch.get_rng_state()
    one, other = (seeded(Setting(seed=3), lambda: nn.Linear(2, 2)) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_diabetes_network_is_fresh_in_every_fold(monkeypatch):
    monkeypatch.setattr(lecture_07_diabetes, "EPOCHS", 1)
    seen = []
    learn, scored = lecture_07_diabetes.learn, []
    keep = lambda *args: seen.append((args[1][0], *learn(*args))) or seen[-1][1:]  # noqa: E731
    monkeypatch.setattr(lecture_07_diabetes, "learn", keep)
    inputs = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(lecture_07_diabetes, "accuracy", lambda _model, held_out, _y: scored.append(held_out) or 0.5)
    scores = lecture_07_diabetes.cross_validated(Setting(), inputs, (inputs[:, :1] > 0).float())
    assert len(scores) == 5
    assert len({id(model) for _, model, _ in seen}) == 5
    row = lambda rows: {tuple(values) for values in rows.tolist()}  # noqa: E731
    for (trained_on, _, _), held_out in zip(seen, scored, strict=True):
        assert not row(trained_on) & row(held_out)
        assert row(trained_on) | row(held_out) == row(inputs)


def test_the_activation_asked_for_is_in_the_network(monkeypatch):
    monkeypatch.setattr(lecture_07_diabetes, "EPOCHS", 1)
    rows = torch.randn(40, 8), torch.ones(40, 1)
    for name, kind in (("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)):
        model, _ = lecture_07_diabetes.learn(Setting(), rows, activation=name)
        assert sum(isinstance(module, kind) for module in model.modules()) == 2
