"""Lectures 2 to 9: oracles for what is done by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from lectures.course.data import load_diabetes
from lectures.course.fit import fit, seeded
from lectures.course.folds import SmallPlan
from lectures.course.lecture import Knobs, Setting
from lectures.gates import (
    lecture_03_saddle,
    lecture_04_back_propagation,
    lecture_05_linear_regression,
    lecture_06_logistic_regression,
    lecture_07_diabetes,
    lecture_09_mnist,
    lecture_09_softmax,
)
from pipelines.errors import TrainingWarning

INPUTS = torch.tensor([[1.0], [2.0], [3.0]])


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
    losses = lecture_05_linear_regression.by_closure(Setting(), model, optimizer, 5, "")
    assert len(calls) > 5
    assert losses[-1] < 1e-6 < losses[0]


def test_what_is_written_out_for_lbfgs_is_the_shared_loop_for_sgd():
    one, other = (seeded(Setting(), lambda: nn.Linear(1, 1)) for _ in range(2))
    by_closure = lecture_05_linear_regression.by_closure(Setting(), one, torch.optim.SGD(one.parameters(), 0.1), 5, "")
    rows, optimizer = [(INPUTS, 2 * INPUTS)], torch.optim.SGD(other.parameters(), 0.1)
    assert by_closure == fit(Setting(), other, rows, nn.MSELoss(), optimizer, 5, name="")


def test_a_hundred_seeds_at_once_are_each_seed_alone():
    w, b = lecture_06_logistic_regression.over_seeds(0.01, 5, summed=True)
    target = torch.tensor([[0.0], [0.0], [1.0]])
    for seed in (0, 7, 99):
        model = seeded(Setting(seed=seed), lambda: nn.Linear(1, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.03)  # of the mean: the sum's over three rows
        fit(Setting(), model, [(INPUTS, target)], nn.BCEWithLogitsLoss(), optimizer, 5, name="")
        assert (w[seed], b[seed]) == pytest.approx((model.weight.item(), model.bias.item()), abs=1e-6)


def test_what_the_notes_rule_gives_depends_on_the_seed():
    hours = lecture_06_logistic_regression.boundaries(lecture_06_logistic_regression.over_seeds(0.01, 500))
    assert hours[0] == pytest.approx(3.99, abs=0.005)
    assert lecture_06_logistic_regression.counts(hours) == (7, 70, 23)


def test_there_are_eight_optimizers():
    assert len(lecture_05_linear_regression.OPTIMIZERS) == 8


def test_cross_entropy_in_numpy_is_stable():
    assert lecture_09_softmax.cross_entropy(np.array([[1e4, 0.0]]), np.array([0])) == 0
    assert lecture_09_softmax.cross_entropy(np.array([[1e4, 0.0]]), np.array([1])) == 1e4


def test_seeded_models_are_equal_and_leave_the_random_state_alone():
    before = torch.get_rng_state()
    one, other = (seeded(Setting(seed=3), lambda: nn.Linear(2, 2)) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_activation_asked_for_is_in_the_network():
    rows = torch.randn(40, 8), torch.ones(40, 1)
    for name, kind in (("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)):
        model, losses = lecture_07_diabetes.learn(Setting(), rows, SmallPlan(epochs=1, lr=0.01), name)
        assert sum(isinstance(module, kind) for module in model.modules()) == 2
        assert len(losses) == 1


def test_softmax_in_steps_is_that_of_torch_and_brings_out_the_largest():
    scores = np.array([2.0, 1.0, -1.0, 0.5])
    steps = lecture_09_softmax.softmax_in_steps(scores)
    assert (steps["positive"] > 0).all()
    assert steps["normalised"] == pytest.approx(torch.tensor(scores).softmax(dim=0).numpy())
    assert steps["normalised"].max() > scores.max() / np.abs(scores).sum()


def test_to_tensor_and_normalize_are_torchvisions_formulas():
    pixels = torch.arange(12, dtype=torch.uint8).reshape(2, 3, 2) * 23  # (H, W, C)
    scaled = lecture_09_mnist.to_tensor(pixels)
    assert (scaled.shape, scaled.dtype) == ((2, 2, 3), torch.float32)
    assert scaled[1, 0, 2].item() == pytest.approx(pixels[0, 2, 1].item() / 255)
    assert scaled[0].tolist() == [pytest.approx(row) for row in (pixels[:, :, 0].double() / 255).tolist()]
    standard = lecture_09_mnist.normalize(scaled, scaled.mean().item(), scaled.std().item())
    assert [standard.mean().item(), standard.std().item()] == pytest.approx([0, 1], abs=1e-6)
    assert lecture_09_mnist.normalize(torch.zeros(1), 0.1307, 0.3081).item() == pytest.approx(-0.4242, abs=1e-4)


@pytest.mark.parametrize("lecture", [lecture_07_diabetes, lecture_09_mnist])
def test_a_learners_settings_are_those_that_are_trained(lecture, tmp_path):
    said = []
    knobs = Knobs(epochs=2, lr=0.05, batch_size=100)
    setting = Setting(stand_in=True, pictures=tmp_path, say=said.append, knobs=knobs)
    gates = list(lecture.run(setting))
    [told] = [line for line in said if line.startswith("by the shared loop")]
    assert "learning rate 0.05" in told
    assert "2 epochs, batches of 100" in told
    assert len(gates) == (2 if lecture is lecture_07_diabetes else 1)


def test_as_in_the_notes_three_sigmoids_learn_nothing(tmp_path):
    setting = Setting(stand_in=True, pictures=tmp_path, knobs=Knobs(as_in_the_notes=True))
    with pytest.warns(TrainingWarning, match="hardly moved"):
        on_all_rows, *_ = lecture_07_diabetes.run(setting)
    positive = load_diabetes(Setting(stand_in=True)).target.mean().item()
    assert float(on_all_rows.measured) == pytest.approx(max(positive, 1 - positive), abs=1e-4)


def test_as_in_the_notes_mnist_is_tested_on_what_it_has_learned(tmp_path):
    knobs = Knobs(as_in_the_notes=True, epochs=1)
    gates = list(lecture_09_mnist.run(Setting(stand_in=True, pictures=tmp_path, knobs=knobs)))
    assert [gate.what for gate in gates] == [
        "accuracy on 1,200 training images, as the notes test", "accuracy on 597 test images",
    ]  # fmt: skip
