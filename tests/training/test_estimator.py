"""scikit-learn's own checks, and what its users expect."""

import copy
import pickle
import warnings
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipelines.errors import ModelError, UsageError
from pipelines.metrics import accuracy
from pipelines.models import MLP
from pipelines.training.estimator import TorchClassifier, TorchRegressor, by_value

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "asks for agreement to 1e-7; training in float32 agrees to 1e-5, which test_weights_equal_repeated_rows checks"
    ),
}


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # some checks have labels of pure chance
@parametrize_with_checks(
    [TorchClassifier(epochs=15, lr=0.02), TorchRegressor(epochs=15, lr=0.02)],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
    assert estimator is not None


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(200, 6, n_informative=4, class_sep=2.0, random_state=0)
    return X, y


def test_weights_equal_repeated_rows(data):
    X, y = data[0][:30], data[1][:30]
    weight = np.random.default_rng(0).integers(0, 4, 30)
    weighted = TorchClassifier(batch_size=1000, random_state=0).fit(X, y, sample_weight=weight)
    repeated = TorchClassifier(batch_size=1000, random_state=0).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-5, atol=1e-6)


def test_equal_weights_change_nothing_but_rounding(data):
    X, y = data
    plain = TorchClassifier(epochs=5, random_state=0).fit(X, y).predict_proba(X)
    weighted = TorchClassifier(epochs=5, random_state=0).fit(X, y, sample_weight=np.full(200, 7.0)).predict_proba(X)
    np.testing.assert_allclose(plain, weighted, atol=1e-5)


@pytest.mark.parametrize("size", [1e308, 5e-324])
def test_the_size_of_weights_means_nothing(data, size):
    X, y = data
    model = TorchClassifier(epochs=3, random_state=0)
    plain = model.fit(X, y, sample_weight=np.ones(200)).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y, sample_weight=np.full(200, size)).predict_proba(X), plain)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the small learning rate is meant
def test_cross_val_score_grid_search_and_pipeline(data):
    X, y = data
    model = make_pipeline(StandardScaler(), TorchClassifier(epochs=20, lr=0.01, random_state=0))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9
    search = GridSearchCV(model, {"torchclassifier__lr": [1e-4, 1e-2]}, cv=2).fit(X, y)
    assert search.best_params_ == {"torchclassifier__lr": 1e-2}


def test_clone_copies_the_parameters_and_forgets_the_fit(data):
    fitted = TorchClassifier(epochs=2, lr=0.5, random_state=3).fit(*data)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")


def test_string_labels_and_frames(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcdef"))
    labels = np.array(["yes", "no"])[y]
    model = TorchClassifier(epochs=20, lr=0.01, random_state=0).fit(frame, labels)
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.feature_names_in_.tolist() == list("abcdef")
    assert model.score(frame, labels) > 0.9
    assert set(model.predict(frame)) == {"yes", "no"}
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("fedcba")])


def test_the_same_seed_gives_the_same_bytes_and_leaves_torchs_state_alone(data):
    model = TorchClassifier(lambda d, c: MLP([d, 8, c], dropout=0.5), epochs=3, random_state=5)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first = clone(model).fit(*data).predict_proba(data[0])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(12)
    assert (clone(model).fit(*data).predict_proba(data[0]) == first).all()
    other = TorchClassifier(model.make_model, epochs=3, random_state=6).fit(*data).predict_proba(data[0])
    assert (other != first).any()


def test_each_fit_trains_a_new_network(data):
    model = TorchClassifier(lambda d, c: MLP([d, c]), epochs=1, random_state=0)
    first = model.fit(*data).model_
    weights = first.layers[0].weight.clone()
    assert model.fit(*data).model_ is not first
    assert torch.equal(first.layers[0].weight, weights)


def test_early_stopping_keeps_the_best_epoch_of_rows_held_out(data):
    X, y = data
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(200) < 0.3, 1 - y, y)
    model = TorchClassifier(
        lambda d, c: MLP([d, 128, c]), epochs=200, lr=0.02, patience=5, metric=accuracy, random_state=0
    ).fit(X[:150], noisy[:150], X_val=X[150:], y_val=y[150:])
    assert model.n_iter_ < 200
    scores = model.history_.scores
    assert model.history_.best_epoch == int(np.argmax(scores)) + 1
    assert model.score(X[150:], y[150:]) == max(scores)


def test_patience_splits_rows_off_when_none_are_given(data):
    model = TorchClassifier(epochs=30, patience=3, random_state=0).fit(*data)
    assert len(model.history_.scores) == model.n_iter_
    assert TorchClassifier(epochs=3, random_state=0).fit(*data).history_.scores == []


def test_one_class_is_refused_by_name(data):
    with pytest.raises(ValueError, match=r"at least two classes; y holds one class: \[1\]"):
        TorchClassifier().fit(data[0], np.ones(200, dtype=int))


def test_validation_labels_unknown_to_training_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="y_val holds 7"):
        TorchClassifier(epochs=1).fit(X, y, X_val=X[:2], y_val=np.array([0, 7]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "onecycle"}, {"schedule": None}, {"patience": 0}, {"epochs": True}, {"batch_size": "64"},
        {"lr": -1.0}, {"validation_fraction": 1}, {"bfloat16": 1}, {"metric": "accuracy"}, {"metric": max},
        {"random_state": True}, {"random_state": -1}, {"make_model": MLP([6, 2])}, {"make_model": lambda: MLP([6, 2])},
        {"device": "gpu"}, {"device": None}, {"batch_size": 10**30},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_parameters_are_looked_at_in_fit(data, wrong):
    model = TorchClassifier(**({"epochs": 1} | wrong))
    assert model.get_params()[next(iter(wrong))] == next(iter(wrong.values()))
    with pytest.raises(UsageError, match=next(iter(wrong))):
        model.fit(*data)


def test_numpys_numbers_and_torchs_devices_are_taken(data):
    plain = TorchClassifier(epochs=2, batch_size=50, patience=2, random_state=3).fit(*data)
    numpys = {"epochs": np.int64(2), "batch_size": np.int32(50), "patience": np.int64(2), "random_state": np.int64(3)}
    model = TorchClassifier(**numpys, device=torch.device("cpu")).fit(*data)
    np.testing.assert_array_equal(plain.predict_proba(data[0]), model.predict_proba(data[0]))


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.mark.parametrize(
    "form",
    [
        read_only, lambda X: X[::-1].copy()[::-1], lambda X: np.flip(X, 1).copy()[:, ::-1], np.asfortranarray,
        pd.DataFrame, np.ndarray.tolist,
    ],
    ids=["read-only", "backwards", "columns backwards", "by columns", "a frame", "a list"],
)  # fmt: skip
def test_arrays_of_any_memory_are_taken(data, form):
    X, y = data[0].astype(np.float32), data[1]
    model = TorchClassifier(epochs=2, patience=2, random_state=0)
    plain = clone(model).fit(X, y, X_val=X[:50], y_val=y[:50]).predict_proba(X)
    found = model.fit(form(X), y, X_val=form(X[:50]), y_val=y[:50]).predict_proba(form(X))
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_it_trains_where_gradients_are_switched_off(data, off):
    model = TorchClassifier(epochs=3, patience=2, random_state=0)
    plain = model.fit(*data).predict_proba(data[0])
    with off():
        model.fit(*data)
        assert not torch.is_grad_enabled()
        np.testing.assert_array_equal(model.predict_proba(data[0]), plain)


def test_a_huge_batch_is_all_rows(data):
    of = lambda size: TorchClassifier(epochs=3, batch_size=size, random_state=0).fit(*data).history_.losses  # noqa: E731
    assert of(2**63 - 1) == of(200)


def test_the_hint_for_a_device_that_is_not_there_leads_on(data):
    with pytest.raises(UsageError, match="device='cpu' in Python"):
        TorchClassifier(device="gpu").fit(*data)


def test_a_default_device_without_numbers_is_told(data):
    torch.set_default_device("meta")
    try:
        with pytest.raises(ModelError, match="on the device 'meta'") as refused:
            TorchClassifier(epochs=1).fit(*data)
    finally:
        torch.set_default_device(None)
    assert "torch.set_default_device" in refused.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_network_for_a_gpu_that_is_not_there_is_told(data):
    with pytest.raises(ModelError, match=r"make_model fails: \w+: .*\n.*no \.cuda\(\)"):
        TorchClassifier(lambda d, c: MLP([d, c]).cuda(), epochs=1).fit(*data)


class Shifts(torch.nn.Module):
    """A first layer that works in place, and not the same when it is done twice."""

    def forward(self, inputs):
        return inputs.sub_(1)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_first_layer_that_works_in_place_leaves_the_callers_rows_alone(data, lazy):
    X, y = data[0].astype(np.float32), data[1]
    before = X.copy()
    linear = lambda d, c: torch.nn.LazyLinear(c) if lazy else torch.nn.Linear(d, c)  # noqa: E731
    in_place = lambda d, c: torch.nn.Sequential(Shifts(), linear(d, c))  # noqa: E731
    model = TorchClassifier(in_place, epochs=3, patience=3, random_state=0).fit(X, y, X_val=X[:50], y_val=y[:50])
    first = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), first)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("given", ["X_val", "y_val"])
def test_rows_for_early_stopping_come_with_their_labels(data, given):
    with pytest.raises(UsageError, match=f"got {given} without"):
        TorchClassifier(epochs=1, patience=1).fit(
            *data, **{given: dict(zip(("X_val", "y_val"), data, strict=True))[given]}
        )


def test_in_float64_by_default_it_learns_the_same_way(data):
    torch.set_default_dtype(torch.float64)
    try:
        model = TorchClassifier(epochs=20, lr=0.01, random_state=0).fit(*data)
        assert model.score(*data) > 0.9
    finally:
        torch.set_default_dtype(torch.float32)
    assert next(model.model_.parameters()).dtype == torch.float32


def test_a_fitted_classifier_with_a_lambda_can_be_pickled_and_copied(data):
    class Local(torch.nn.Linear):
        """A network that has no name to be found by."""

    width = 8
    for make in (lambda d, c: MLP([d, width, c], dropout=0.2), Local):
        model = TorchClassifier(make, epochs=2, random_state=0).fit(*data)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(data[0]), model.predict_proba(data[0]))
        np.testing.assert_array_equal(again.fit(*data).predict_proba(data[0]), model.predict_proba(data[0]))
        for copied in (copy.copy(model), copy.deepcopy(model), clone(model)):
            assert copied.make_model is make
    assert b"cloudpickle" not in pickle.dumps(TorchClassifier(epochs=2, random_state=0).fit(*data))


def test_weights_are_not_pickled_only_to_see_whether_they_can_be(data, monkeypatch):
    model = TorchClassifier(epochs=1, random_state=0).fit(*data)
    model.model_.register_buffer("much", torch.zeros(10**6))
    files = []
    monkeypatch.setattr(by_value, "BytesIO", lambda: files.append(BytesIO()) or files[-1])
    assert model.__getstate__()["model_"] is model.model_
    assert 0 < sum(file.tell() for file in files) < 10**5


def test_networks_of_a_local_class_are_pickled_by_value(data):
    assert next(iter(pickle.loads(pickle.dumps(TorchClassifier(make_local, epochs=1).fit(*data))).model_.children()))


def make_local(n_features, n_classes):
    class Local(torch.nn.Sequential):
        """A class that the function alone knows."""

    return Local(torch.nn.Linear(n_features, n_classes))


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
def test_equal_rows_do_not_tell_early_stopping_of_coin_flips():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 20)), rng.integers(0, 2, 100)
    order = rng.permutation(200) % 100
    model = TorchClassifier(
        lambda d, c: MLP([d, 64, c]), epochs=40, lr=0.01, patience=40, validation_fraction=0.3, metric=accuracy,
        random_state=0,
    ).fit(X[order], y[order])  # fmt: skip
    assert max(model.history_.scores) < 0.75  # 0.97 where equal rows are parted


def test_nothing_is_said_of_what_is_right(data):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        TorchClassifier(epochs=2, random_state=0).fit(pd.DataFrame(data[0].astype(np.float32)), data[1] > 0)
    assert said == []
