"""Baselines: each fold by a new model, side by side, the same numbers however many cores there are."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_info, threadpool_limits
from toys import fitted_baselines, make_features, plan

from pipelines.competition import Variant
from pipelines.errors import UsageError
from pipelines.features.frames import Features
from pipelines.hardware import blas_on_one_thread
from pipelines.validation import crossval, groups
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.estimators import Fit, fit_one
from pipelines.validation.splits import split

MODELS = {
    "shares": lambda: DummyClassifier(strategy="prior"),
    "linear": lambda: LogisticRegression(max_iter=300),
    "trees": lambda: HistGradientBoostingClassifier(max_iter=8, early_stopping=False),
}


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def wide_rows(n=1500, n_features=60):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(n, n_features)))
    return rows, (rows @ rng.normal(size=n_features) + rng.normal(size=n) > 0).to_numpy().astype(np.int64)


def test_the_same_bytes_on_any_number_of_cores(toy):
    rows, y = wide_rows()
    folds = split(y, 3, 0)
    found = []
    for workers in (1, 3):
        with threadpool_limits(limits=workers, user_api="blas"), blas_on_one_thread():
            found.append(fitted_baselines(toy, MODELS, Features(rows, y, rows[:0]), folds, workers))
    one, three = found
    assert list(one) == list(three) == list(MODELS)
    for name, make in MODELS.items():
        assert one[name].tobytes() == three[name].tobytes()
        for train, scored in folds:
            alone = make().fit(rows.iloc[train], y[train]).predict_proba(rows.iloc[scored])
            np.testing.assert_allclose(one[name][scored], alone, atol=1e-6)


def test_fits_run_side_by_side_on_one_thread_each_and_are_counted(toy):
    together, threads = threading.Barrier(2, timeout=30), []

    class Watched(DummyClassifier):
        def fit(self, X, y):
            together.wait()  # nobody passes alone
            threads.append(blas_threads() | {_openmp_effective_n_threads()})
            return super().fit(X, y)

    rows, y = wide_rows(60, 2)
    told = []
    with blas_on_one_thread():
        fitted_baselines(
            toy, {"a": Watched}, Features(rows, y, rows[:0]), split(y, 2, 0), 2, lambda *task: told.append(task)
        )
    assert threads == [{1}] * 2
    assert told == [("baselines", done, 2) for done in range(3)]


def openmp_threads():
    """Of the calling thread, in libraries that are not torch's."""
    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "openmp" and "torch" not in lib["filepath"]]
    return {lib["num_threads"] for lib in libraries}


@pytest.mark.skipif(not openmp_threads(), reason="scikit-learn has no OpenMP of its own here")
def test_a_library_that_a_model_loads_when_it_is_made_computes_on_one_thread_too(toy):
    """Loading one is stood in for by what it does: the calling thread has OpenMP's own number of threads again."""
    threads = []

    class Late(DummyClassifier):
        def __init__(self):
            super().__init__()
            threadpool_limits(limits=3, user_api="openmp")
            threads.append(openmp_threads())

        def fit(self, X, y):
            threads.append(openmp_threads())
            return super().fit(X, y)

    rows, y = wide_rows(60, 2)
    with ThreadPoolExecutor(1) as pool:  # OpenMP's number is the thread's, and ends with it
        fit = Fit(Variant(make_estimator=Late), tuple(plan(toy).jobs(0)), pooled=False)
        pool.submit(fit_one, toy, Features(rows, y, rows[:0]), split(y, 2, 0), fit).result()
    assert threads == [{3}, {1}]


def test_a_baseline_that_fails_is_named(toy):
    def broken():
        raise ValueError("no such library")

    rows, y = wide_rows(60, 2)
    told = r"^a: make_estimator fails: ValueError: no such library, tests/validation/test_baselines.py, line \d+\n"
    with pytest.raises(UsageError, match=told):
        fitted_baselines(toy, {"a": broken}, Features(rows, y, rows[:0]), split(y, 2, 0), 2)


def test_memory_bounds_how_many_are_fitted_at_a_time(toy, monkeypatch):
    features = make_features()
    folds = split(features.y, 4, 0)
    encoders = {name: FoldEncoder(features, folds, variant, 0) for name, variant in toy.variants.items()}
    of_one = groups.COPIES * 4 * 2 * 225  # 225 rows of two features
    monkeypatch.setattr(groups, "n_cores", lambda: 4)
    for memory_mb, expected in ((None, 4), (2.5 * of_one / 1e6, 2), (0.5 * of_one / 1e6, 1)):
        assert groups.fits_at_a_time(plan(toy, memory_mb=memory_mb), encoders) == expected
    on_gpu = plan(toy, memory_mb=of_one / 1e6, device="cuda")  # whose memory this bounds
    assert groups.fits_at_a_time(on_gpu, encoders) == 4


@pytest.mark.skipif(not blas_threads(), reason="no BLAS that threadpoolctl knows, such as Accelerate")
def test_everything_beside_torch_computes_on_one_thread(toy, monkeypatch):
    """Encoders, baselines and the blend; afterwards all is as it was."""
    seen = {}

    def watched(name, module, function):
        original = getattr(module, function)

        def watching(*args, **kwargs):
            seen[name] = blas_threads()
            return original(*args, **kwargs)

        monkeypatch.setattr(module, function, watching)

    watched("groups", crossval, "make_groups")
    watched("encoders", crossval.FoldEncoder, "__call__")
    watched("baselines", crossval, "fit_all")
    watched("blend", crossval, "summarise")
    with threadpool_limits(limits=2, user_api="blas"):
        cross_validate(toy, make_features(), plan(toy))
        assert blas_threads() == {2}
    assert seen == {name: {1} for name in ("groups", "encoders", "baselines", "blend")}
