"""The pool is fitted on other rows than it is scored on, and finds the best weights."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar, nnls
from scipy.special import softmax

from pipelines.validation.blend import blend, blend_values, fit_linear, fit_weights, pool


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


# numbers


def make_views(n=600, seed=0, noises=(0.5, 1.0, 2.0)):
    """Views (V, N, 1) of numbers (N,) far from zero, of several precisions."""
    rng = np.random.default_rng(seed)
    y = 1000 + rng.normal(size=n)
    return y, np.array([y + noise * rng.normal(size=n) for noise in noises])[..., None], rng


def test_a_folds_weights_are_those_of_nnls_on_the_other_folds_about_their_mean():
    y, oof, rng = make_views()
    scored = np.array_split(rng.permutation(600), 3)
    test = np.array([[oof[v, :50] + rng.normal(size=(50, 1)) for v in range(3)] for _ in range(3)])
    pooled, pooled_test, weights = blend_values(oof, test, y, scored, "squared")
    of_test = []
    for rows, of_fold, found in zip(scored, test, weights, strict=True):
        others = np.setdiff1d(np.arange(600), rows)
        centre = y[others].mean()
        oracle, _ = nnls((oof[:, others, 0] - centre).T, y[others] - centre)
        np.testing.assert_allclose(found, oracle)
        np.testing.assert_allclose(pooled[rows, 0], centre + oracle @ (oof[:, rows, 0] - centre))
        of_test.append(centre + oracle @ (of_fold[..., 0] - centre))
    np.testing.assert_allclose(pooled_test[:, 0], np.mean(of_test, axis=0))
    mse = lambda p: ((p[:, 0] - y) ** 2).mean()  # noqa: E731
    assert mse(pooled) < min(map(mse, oof)) - 0.05
    assert (weights >= 0).all()
    assert weights[0][0] > weights[0][1] > weights[0][2]


def test_the_target_of_a_fold_takes_no_part_in_its_own_weights():
    y, oof, rng = make_views(300)
    scored, test = np.array_split(rng.permutation(300), 3), rng.normal(1000, 1, size=(3, 3, 7, 1))
    pooled, _, weights = blend_values(oof, test, y, scored, "squared")
    changed = y.copy()
    changed[scored[1]] += 100 * rng.normal(size=100)
    again, _, other = blend_values(oof, test, changed, scored, "squared")
    np.testing.assert_array_equal(weights[1], other[1])
    np.testing.assert_array_equal(pooled[scored[1]], again[scored[1]])
    assert (weights[0] != other[0]).any()


def test_views_that_know_nothing_are_pooled_into_the_mean_and_not_into_zero():
    y, _, rng = make_views(6000)
    oof = 1000 + 5 * rng.normal(size=(2, 6000, 1))
    test = 1000 + 5 * rng.normal(size=(2, 2, 9, 1))
    pooled, pooled_test, weights = blend_values(oof, test, y, np.array_split(np.arange(6000), 2), "squared")
    assert weights.sum(axis=1).max() < 0.02
    np.testing.assert_allclose(pooled_test, y.mean(), atol=0.2)
    assert ((pooled[:, 0] - y) ** 2).mean() == pytest.approx(y.var(), rel=0.01)


@pytest.mark.parametrize("loss", ["absolute", "huber"])
def test_weights_for_another_loss_are_a_minimum_of_it(loss):
    rng = np.random.default_rng(0)
    y = rng.normal(size=800)
    views = np.array([y + noise * rng.standard_t(1.5, size=800) for noise in (0.3, 0.6)])
    bend = {"absolute": 0.01, "huber": 1.0}[loss] * y.std()
    weights = fit_linear(views, y, loss)

    def value(weights):
        off = np.abs(weights @ views - y)
        return np.where(off < bend, off**2 / (2 * bend), off - bend / 2).mean()

    assert value(weights) < value(fit_linear(views, y, "squared")) - 0.01
    for _ in range(50):
        assert value(np.clip(weights + 0.05 * rng.normal(size=2), 0, None)) >= value(weights) - 1e-6
    if loss == "absolute":
        mean = lambda w: np.abs(w @ views - y).mean()  # noqa: E731
        assert mean(weights) < mean(fit_linear(views, y, "squared")) - 0.01


def test_a_pool_of_numbers_ends_a_quarter_of_the_range_beyond_the_other_folds_truth():
    y = np.linspace(0, 10, 100)
    oof = (y / 2)[None, :, None].copy()  # too timid: weights of about two
    test = np.array([[[[1e6], [-1e6]]]] * 2)
    scored = [np.arange(0, 100, 2), np.arange(1, 100, 2)]
    pooled, pooled_test, weights = blend_values(oof, test, y, scored, "squared")
    assert weights == pytest.approx(1.2, abs=1)
    high = np.mean([1.25 * y[rows].max() - 0.25 * y[rows].min() for rows in scored])
    assert pooled_test[:, 0].tolist() == [pytest.approx(high), 0.0]
    assert pooled.min() >= 0


def test_a_constant_target_has_weights():
    oof = np.full((2, 20, 1), 7.0)
    for loss in ("squared", "absolute", "huber"):
        scored = [np.arange(10), np.arange(10, 20)]
        pooled, _, weights = blend_values(oof, np.full((2, 2, 3, 1), 7.0), np.full(20, 7.0), scored, loss)
        assert (pooled == 7).all()
        assert np.isfinite(weights).all()
