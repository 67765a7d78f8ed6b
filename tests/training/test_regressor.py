"""TorchRegressor does with numbers what TorchClassifier does with classes."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_regression
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from pipelines.errors import ModelError, TrainingError, UsageError
from pipelines.metrics import Metric, accuracy
from pipelines.models import MLP
from pipelines.training.estimator import TorchRegressor

MAE = Metric("MAE", score=mean_absolute_error, greater_is_better=False, of="values")
EXACT = {"epochs": 60, "lr": 0.05, "weight_decay": 0.0, "schedule": "cosine", "random_state": 0}


@pytest.fixture(scope="module")
def data():
    X, y = make_regression(200, 6, n_informative=4, bias=5000, noise=1.0, random_state=0)
    return X, y


def test_a_linear_network_is_linear_regression(data):
    X, y = data
    found = TorchRegressor(nn.Linear, **EXACT).fit(X[:150], y[:150])
    oracle = LinearRegression().fit(X[:150], y[:150])
    np.testing.assert_allclose(found.predict(X[150:]), oracle.predict(X[150:]), atol=0.5)
    assert found.score(X[150:], y[150:]) > 0.999
    assert (found.scale_.mean, found.scale_.deviation) == (pytest.approx(y[:150].mean()), pytest.approx(y[:150].std()))


@pytest.mark.parametrize(("loss", "constant"), [("squared", np.mean), ("absolute", np.median)])
@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn but a constant
def test_each_loss_finds_its_own_middle(loss, constant):
    y = np.random.default_rng(0).exponential(size=301) ** 2
    model = TorchRegressor(nn.Linear, loss=loss, batch_size=400, **EXACT | {"epochs": 300})
    assert model.fit(np.zeros((301, 1)), y).predict([[0.0]]) == pytest.approx(constant(y), abs=0.02)


def test_nothing_ends_what_it_predicts(data):
    X = np.linspace(-1, 1, 64)[:, None]
    model = TorchRegressor(nn.Linear, batch_size=8, **EXACT).fit(X, 300 * X[:, 0])
    np.testing.assert_allclose(model.predict([[10.0], [-10.0]]), [3000, -3000], rtol=1e-3)


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
def test_weights_equal_repeated_rows(data, loss):
    X, y = data[0][:30], data[1][:30]
    weight = np.random.default_rng(0).integers(0, 4, 30)
    model = TorchRegressor(batch_size=1000, loss=loss, random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert weighted.scale_.mean == pytest.approx(repeated.scale_.mean)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=2e-3 * y.std())


def test_equal_weights_of_any_size_change_nothing(data):
    X, y = data
    model = TorchRegressor(epochs=3, random_state=0)
    plain = model.fit(X, y).predict(X)
    for size in (7.0, 1e308, 5e-324):
        np.testing.assert_allclose(model.fit(X, y, sample_weight=np.full(200, size)).predict(X), plain, rtol=1e-5)


def test_cross_val_score_grid_search_pipeline_and_frames(data):
    X, y = pd.DataFrame(data[0], columns=list("abcdef")), pd.Series(data[1])
    model = make_pipeline(StandardScaler(), TorchRegressor(epochs=30, lr=0.02, random_state=0))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.95
    search = GridSearchCV(model, {"torchregressor__loss": ["squared", "huber"]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    logs = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp).fit(X, y)
    assert logs.score(X, y) > 0.9
    assert TorchRegressor(epochs=1).fit(X, y).feature_names_in_.tolist() == list("abcdef")


def test_the_same_seed_gives_the_same_bytes_and_it_can_be_pickled_and_copied(data):
    model = TorchRegressor(lambda d, p: MLP([d, 8, p], dropout=0.5), epochs=3, random_state=5).fit(*data)
    said = model.predict(data[0])
    assert (said.shape, said.dtype) == ((200,), np.float64)
    for again in (clone(model).fit(*data), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict(data[0]), said)
    assert (clone(model).set_params(random_state=6).fit(*data).predict(data[0]) != said).all()


@pytest.mark.parametrize("metric", [None, MAE])
def test_early_stopping_keeps_the_best_epoch_in_the_units_of_y(data, metric):
    X, y = data
    noisy = y + y.std() * np.random.default_rng(0).normal(size=200)
    more = {} if metric is None else {"metric": metric}
    model = TorchRegressor(lambda d, p: MLP([d, 128, p]), epochs=200, lr=0.02, patience=5, random_state=0, **more)
    model.fit(X[:150], noisy[:150], X_val=X[150:], y_val=y[150:])
    assert model.n_iter_ < 200
    scores = model.history_.scores
    assert model.history_.best_epoch == int(np.argmax(scores)) + 1
    score = root_mean_squared_error if metric is None else mean_absolute_error
    assert score(y[150:], model.predict(X[150:])) == pytest.approx(-max(scores), rel=1e-5)


def test_patience_splits_rows_off_when_none_are_given(data):
    model = TorchRegressor(epochs=30, patience=3, random_state=0).fit(*data)
    assert len(model.history_.scores) == model.n_iter_
    assert TorchRegressor(epochs=3, random_state=0).fit(*data).history_.scores == []


def test_equal_rows_do_not_tell_early_stopping_of_noise():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 20)), rng.normal(size=100)
    order = rng.permutation(200) % 100
    model = TorchRegressor(
        lambda d, p: MLP([d, 64, p]), epochs=40, lr=0.01, patience=40, validation_fraction=0.3, random_state=0
    ).fit(X[order], y[order])
    assert max(model.history_.scores) < -0.9 * y.std()  # much better where equal rows are parted


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "mse"}, {"loss": None}, {"patience": 0}, {"epochs": True}, {"metric": max}, {"make_model": MLP([6, 1])}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_parameters_are_looked_at_in_fit(data, wrong):
    with pytest.raises(UsageError, match=f"TorchRegressor: {next(iter(wrong))} must be"):
        TorchRegressor(**({"epochs": 1} | wrong)).fit(*data)


def test_a_metric_of_classes_is_refused(data):
    with pytest.raises(UsageError, match="TorchRegressor: metric must be None or a Metric of values"):
        TorchRegressor(epochs=1, metric=accuracy).fit(*data)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_numbers_that_are_missing_are_refused(data, odd):
    y = data[1].copy()
    y[3] = odd
    with pytest.raises(ValueError, match="NaN|infinity"):
        TorchRegressor(epochs=1).fit(data[0], y)


def test_networks_of_a_wrong_end_are_told(data):
    with pytest.raises(ModelError, match=r"shape \(32, 1\): one number for each of 32 rows.*shape \(32, 2\)"):
        TorchRegressor(lambda d, _p: nn.Linear(d, 2)).fit(*data)
    with pytest.raises(TrainingError, match="those of a last ReLU"):
        TorchRegressor(lambda d, p: nn.Sequential(nn.Linear(d, p), nn.ReLU())).fit(*data)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
def test_a_constant_is_learned(data):
    model = TorchRegressor(epochs=30, lr=0.02, random_state=0).fit(data[0], np.full(200, 1e6))
    np.testing.assert_allclose(model.predict(data[0]), 1e6, atol=1)
