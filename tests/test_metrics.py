"""Metrics against scikit-learn, hand-computed cases and Kaggle's clipping."""

import numpy as np
import pytest
from sklearn import metrics as sk

from pipelines.metrics import accuracy, log_loss, standard_error


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    return rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200)


def test_accuracy_equals_scikit_learn(predictions):
    y, proba = predictions
    assert accuracy(y, proba) == sk.accuracy_score(y, proba.argmax(axis=1))


def test_log_loss_equals_scikit_learn(predictions):
    y, proba = predictions
    assert log_loss(y, proba) == pytest.approx(sk.log_loss(y, proba), rel=1e-12)


def test_log_loss_rescales_rows():
    y = np.array([0, 1])
    assert log_loss(y, np.array([[2.0, 2.0], [1.0, 3.0]])) == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


def test_a_confident_miss_costs_what_kaggle_takes_for_it():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(1e-15))
    assert log_loss(np.array([0]), np.array([[1.0, 0.0]])) == pytest.approx(1e-15, rel=0.2)


def test_gain_is_positive_when_better():
    assert accuracy.gain(0.9, 0.8) == pytest.approx(0.1)
    assert log_loss.gain(0.4, 0.5) == pytest.approx(0.1)


def test_standard_error_of_a_share():
    per_row = np.repeat([1.0, 0.0], [75, 25])
    assert standard_error(per_row) == pytest.approx(np.sqrt(0.75 * 0.25 / 99))
    assert np.isnan(standard_error(np.array([1.0])))
