"""Small rows and plans for what is cross-validated in the tests."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from pipelines.competition import Recipe, Variant
from pipelines.features.frames import Features
from pipelines.validation.crossval import Plan
from pipelines.validation.estimators import fit_all, fit_one, fits_of, out_of_fold

QUICK = Recipe(epochs=20, batch_size=64, lr=0.1, weight_decay=0.0)


def make_features(n=300, n_test=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"signal": rng.normal(size=n + n_test), "noise": rng.normal(size=n + n_test)})
    y = (frame["signal"] + 0.8 * rng.normal(size=n + n_test) > 0.3).to_numpy().astype(np.int64)
    return Features(frame[:n], y[:n], frame[n:].reset_index(drop=True))


def number_features(n=300, n_test=80, seed=0, noise=0.5):
    """A number that is linear in `signal`, far from zero and wide, and noise of so many units of the signal."""
    features = make_features(n, n_test, seed)
    both = np.concatenate([features.train["signal"], features.test["signal"]])
    y = 5000 + 100 * (both + noise * np.random.default_rng(seed + 1).normal(size=n + n_test))
    return Features(features.train, y[:n], features.test)


def only(competition, recipe):
    """The competition's network by another recipe."""
    return replace(competition.variants["network"], recipe=recipe)


def plan(toy, recipe=QUICK, **changes):
    """Four folds of two networks; `recipe` trains them, `toy` says what they are."""
    return Plan(**{"folds": 4, "seeds": 2, "variants": {"network": only(toy, recipe)}} | changes)


def fitted_baselines(competition, models, features, folds, workers=1, on_task=lambda *_: None):
    """What simple models, functions that make one by name, say out of fold."""
    variants = {name: Variant(make_estimator=make) for name, make in models.items()}
    fits = fits_of(plan(competition, folds=len(folds)), variants, pooled=False)
    said = fit_all(partial(fit_one, competition, features, folds), fits, workers, on_task)
    return out_of_fold(said, folds, len(features.y))
