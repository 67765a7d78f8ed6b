"""The pool is fitted on other rows than it is scored on, and finds the best weights."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from pipelines.validation.blend import blend, fit_weights, pool


def make_rows(n=4000, n_classes=3, seed=0):
    """True class probabilities and classes drawn from them."""
    rng = np.random.default_rng(seed)
    truth = softmax(rng.normal(size=(n, n_classes)) * 1.5, axis=1)
    y = (truth.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return truth, y, rng


def log_loss(y, proba):
    return -np.log(proba[np.arange(len(y)), y]).mean()


def test_one_variant_is_temperature_scaling():
    truth, y, _ = make_rows(20_000)
    overconfident = softmax(2.5 * np.log(truth), axis=1)
    [weight] = fit_weights(np.log(overconfident)[None], y)
    assert weight == pytest.approx(1 / 2.5, rel=0.05)
    oracle = minimize_scalar(lambda t: log_loss(y, softmax(t * np.log(overconfident), axis=1)), bounds=(0.1, 2))
    assert weight == pytest.approx(oracle.x, abs=1e-4)
    assert log_loss(y, pool(np.log(overconfident)[None], [weight])) < log_loss(y, overconfident) - 0.1


def test_a_perfect_variant_gets_all_the_weight_and_noise_gets_none():
    truth, y, rng = make_rows(20_000)
    noise = rng.dirichlet(np.ones(3), len(y))
    weights = fit_weights(np.log([truth, noise]), y)
    assert weights[0] == pytest.approx(1, abs=0.05)
    assert 0 <= weights[1] < 0.02


def test_two_noisy_views_are_better_together():
    truth, y, rng = make_rows()
    views = np.array([softmax(np.log(truth) + rng.normal(size=truth.shape), axis=1) for _ in range(2)])
    weights = fit_weights(np.log(views), y)
    assert weights[0] == pytest.approx(weights[1], abs=0.1)
    alone = min(log_loss(y, pool(np.log(view)[None], fit_weights(np.log(view)[None], y))) for view in views)
    assert log_loss(y, pool(np.log(views), weights)) < alone - 0.02


def test_weights_are_a_minimum():
    truth, y, rng = make_rows(500)
    logs = np.log([softmax(np.log(truth) + s * rng.normal(size=truth.shape), axis=1) for s in (0.5, 1, 2)])
    weights = fit_weights(logs, y)
    best = log_loss(y, pool(logs, weights))
    for _ in range(50):
        other = np.clip(weights + rng.normal(size=3) * 0.05, 0, None)
        assert log_loss(y, pool(logs, other)) >= best - 1e-9


def test_a_fold_takes_no_part_in_its_own_weights():
    truth, y, rng = make_rows(300)
    oof = np.array([softmax(np.log(truth) + rng.normal(size=truth.shape), axis=1) for _ in range(2)])
    test = rng.dirichlet(np.ones(3), size=(3, 2, 7))
    scored = np.array_split(rng.permutation(300), 3)
    pooled, pooled_test, weights = blend(oof, test, y, scored)
    swapped = y.copy()
    swapped[scored[1]] = (y[scored[1]] + 1) % 3
    again, _, other = blend(oof, test, swapped, scored)
    np.testing.assert_array_equal(weights[1], other[1])
    np.testing.assert_array_equal(pooled[scored[1]], again[scored[1]])
    assert (weights[0] != other[0]).all()
    np.testing.assert_allclose(pooled.sum(axis=1), 1)
    by_hand = [pool(np.log(of_fold), w) for of_fold, w in zip(test, weights, strict=True)]
    np.testing.assert_allclose(pooled_test, np.mean(by_hand, axis=0))


def test_certain_and_wrong_is_clipped_as_kaggle_clips():
    oof = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    y = np.array([0, 1, 1, 0])
    pooled, _, weights = blend(oof, np.full((2, 1, 3, 2), 0.5), y, [np.array([0, 1]), np.array([2, 3])])
    assert np.isfinite(pooled).all()
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(pooled, 0.5, atol=1e-6)
