"""Lectures 2 to 9: oracles for what is done by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from lectures.course.fit import fit, seeded
from lectures.course.lecture import Setting
from lectures.gates import (
    lecture_03_saddle,
    lecture_04_back_propagation,
    lecture_05_linear_regression,
    lecture_06_logistic_regression,
    lecture_07_diabetes,
    lecture_09_softmax,
)

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
