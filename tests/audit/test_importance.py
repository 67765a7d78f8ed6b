"""Permutation importance: against what follows from a linear model, and against scikit-learn's."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from pipelines.audit.importance import Scored, alike, cramers_v, importances
from pipelines.features.frames import Features
from pipelines.metrics import Metric, accuracy, roc_auc
from pipelines.validation.blend import Pool

MEAN_SQUARES = Metric("mean squares", per_row=lambda y, p: (y - p) ** 2, greater_is_better=False, of="values")
N, FOLDS = 4000, 4


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=N) for name in ("much", "some", "none")})
    return Features(frame, (2 * frame["much"] + frame["some"]).to_numpy(), frame.head(5))


def scored_by(competition, features, metric=MEAN_SQUARES):
    fold = np.arange(len(features.y)) % FOLDS
    return Scored(replace(competition, metric=metric), features, fold, Pool(None))


def said_by(model, _fold, rows):
    return model.predict(rows).reshape(1, -1, 1)


def test_a_linear_model_loses_twice_its_squared_weight(number_toy, features):
    model = LinearRegression().fit(features.train, features.y)
    found = importances(scored_by(number_toy, features), partial(said_by, model))
    assert [each.name for each in found] == ["much", "some", "none"]
    for each, weight in zip(found, (2, 1, 0), strict=True):
        wanted = 2 * weight**2 * features.train[each.name].var()
        assert each.loss == pytest.approx(wanted, abs=max(4 * each.se, 1e-9))
        assert each.se < 0.05 * max(wanted, 1)


def test_it_is_scikit_learns(number_toy, features):
    model = LinearRegression().fit(features.train, features.y)
    theirs = permutation_importance(
        model, features.train, features.y, scoring="neg_mean_squared_error", n_repeats=5, random_state=0
    )
    ours = {each.name: each for each in importances(scored_by(number_toy, features), partial(said_by, model))}
    for name, wanted in zip(features.train, theirs.importances_mean, strict=True):
        assert ours[name].loss == pytest.approx(wanted, abs=max(4 * ours[name].se, 1e-9))


def test_each_fold_asks_its_own_models(number_toy, features):
    asked = []

    def said(fold, rows):
        asked.append((fold, len(rows)))
        return rows["much"].to_numpy().reshape(1, -1, 1)

    found = importances(scored_by(number_toy, features), said)
    assert {fold for fold, _ in asked} == set(range(FOLDS))
    assert {each.name: each.loss for each in found}["some"] == 0


def test_columns_alike_are_permuted_together_too(number_toy, features):
    twins = Features(features.train.assign(twin=3 * features.train["much"]), features.y, features.test)
    half = lambda _fold, rows: (rows["much"] + rows["twin"] / 3 + rows["some"]).to_numpy().reshape(1, -1, 1)  # noqa: E731
    of_name = {each.name: each.loss for each in importances(scored_by(number_toy, twins), half)}
    assert of_name["much + twin"] == pytest.approx(8, rel=0.1)
    assert of_name["much"] == pytest.approx(2, rel=0.1)  # the other half still tells


def test_the_same_seed_says_the_same_and_another_differs(number_toy, features):
    model = LinearRegression().fit(features.train, features.y)
    ask = partial(importances, scored_by(number_toy, features), partial(said_by, model))
    assert ask() == ask()
    assert ask()[0].loss != ask(seed=1)[0].loss


@pytest.mark.parametrize("metric", [accuracy, roc_auc], ids=["accuracy", "AUC"])
def test_classes_lose_what_decides_them(toy, features, metric):
    rows = Features(features.train, (features.train["much"] > 0).to_numpy().astype(np.int64), features.test)

    def said(_fold, frame):
        second = 1 / (1 + np.exp(-frame["much"].to_numpy()))
        return np.column_stack([1 - second, second])[None]

    found = {each.name: each for each in importances(scored_by(toy, rows, metric), said)}
    assert found["much"].loss == pytest.approx(0.5, abs=4 * found["much"].se)
    assert (found["some"].loss, found["none"].loss) == (0, 0)


def test_what_goes_together_is_found_by_ranks_and_by_categories():
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=500), rng.integers(0, 4, 500)
    frame = pd.DataFrame(
        {"a": a, "exp a": np.exp(a), "c": c, "c as text": np.array(list("wxyz"))[c], "b": rng.normal(size=500)}
    )
    assert alike(frame) == [("a", "exp a"), ("c", "c as text")]
    assert cramers_v(c, rng.permutation(c)) < 0.2
    assert cramers_v(c, np.zeros(500, dtype=int)) == 0
