"""Mistakes with data, encoders and csv files, measured on the embedded samples of the competitions.

Shapes: N rows, C classes.
"""

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lectures.mistakes.gallery import Mistake, Pair, fails
from pipelines.encoders import LeaveOneOutMean
from pipelines.metrics import FloatArray, IntArray, log_loss
from pipelines.settings import lookup
from pipelines.submission.linter import lint
from pipelines.validation.splits import split

Parts = tuple[FloatArray, FloatArray, IntArray, IntArray]


@cache
def titanic() -> pd.DataFrame:
    """Made passengers with their fate."""
    return lookup.load("titanic").make_sample()["train.csv"]


@cache
def products(seed: int) -> Parts:
    """Made products, log counts: training rows, other rows, and their classes 0 to 8."""
    frame = lookup.load("otto").make_sample()["train.csv"]
    classes = frame["target"].str[-1].astype(int).to_numpy() - 1
    X, X_other, y, y_other = train_test_split(
        np.log1p(frame.filter(like="feat").to_numpy(float)), classes, stratify=classes, random_state=seed
    )
    return X, X_other, y, y_other


@cache
def predicted(seed: int) -> FloatArray:
    """Probabilities (N, 9) of the other rows by logistic regression."""
    X, X_other, y, _ = products(seed)
    return np.asarray(LogisticRegression(max_iter=500).fit(X, y).predict_proba(X_other))


def sex_rule_as_truth(seed: int) -> Pair:
    """A model scored against gender_submission.csv, and against what happened."""
    frame = titanic()
    X = pd.get_dummies(frame[["Sex", "Pclass"]], dtype=float)
    fit, other = train_test_split(np.arange(len(frame)), stratify=frame["Survived"], random_state=seed)
    found = LogisticRegression().fit(X.iloc[fit], frame["Survived"].iloc[fit]).predict(X.iloc[other])
    rule = (frame["Sex"].iloc[other] == "female").astype(int)
    return float((found == rule).mean()), float((found == frame["Survived"].iloc[other]).mean())


def answered(change: Callable[[FloatArray], FloatArray], seed: int) -> Pair:
    """The loss of probabilities after `change`, and as they were predicted."""
    proba, y = predicted(seed), products(seed)[3]
    return log_loss(y, change(proba)), log_loss(y, proba)


# The most probable class as 1, all others as 0.
one_hot = partial(answered, lambda proba: np.eye(9)[proba.argmax(axis=1)])
# A true class of 0.00 costs 34.5.
two_decimals = partial(answered, lambda proba: proba.round(2))
# Labels 1 to 9 taken for columns 0 to 8: every probability one column off.
shifted_columns = partial(answered, lambda proba: np.roll(proba, 1, axis=1))
# Predictions sorted by class while the ids stay in their order.
lost_ids = partial(answered, lambda proba: proba[proba.argmax(axis=1).argsort(kind="stable")])


def columns_without_sense(seed: int) -> Pair:
    """Sex dropped as text, PassengerId kept as a number."""
    frame = titanic()
    wrong = _cv(frame[["PassengerId", "Pclass", "SibSp", "Parch"]], seed)
    right = _cv(pd.get_dummies(frame[["Sex", "Pclass", "SibSp", "Parch"]], dtype=float), seed)
    return wrong, right


def _cv(X: Any, seed: int) -> float:
    y = titanic()["Survived"]
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), X, y, cv=folds)
    return float((found == y).mean())


def refitted_on_test(seed: int) -> Pair:
    """A scaler fitted anew on each ten test rows, as they come in."""
    X, X_other, y, y_other = products(seed)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(max_iter=500).fit(scaler.transform(X), y)
    tens = np.array_split(np.arange(len(X_other)), len(X_other) // 10)
    anew = np.vstack([model.predict_proba(StandardScaler().fit_transform(X_other[ten])) for ten in tens])
    return log_loss(y_other, anew), log_loss(y_other, model.predict_proba(scaler.transform(X_other)))


def fate_of_all(seed: int) -> Pair:
    """Survival by ticket over all rows, one's own included, before the folds are cut: what CV then claims."""
    frame = titanic()
    own = frame.groupby("Ticket")["Survived"].transform("mean").to_frame()
    sex = pd.get_dummies(frame["Sex"], dtype=float)
    wrong = _cv(pd.concat([sex, own], axis=1), seed)
    found, y = np.zeros(len(frame)), frame["Survived"].to_numpy()
    for fit, scored in split(y, 5, seed):
        encoder = LeaveOneOutMean()
        inside = encoder.fit_transform(frame[["Ticket"]].iloc[fit], y[fit])
        model = LogisticRegression().fit(np.hstack([sex.iloc[fit], inside]), y[fit])
        found[scored] = model.predict(np.hstack([sex.iloc[scored], encoder.transform(frame[["Ticket"]].iloc[scored])]))
    return wrong, float((found == y).mean())


def trained_on_test_rows(seed: int) -> Pair:
    """Train and test in one frame, missing targets filled with 0, and the model fitted on all of it."""
    X, X_other, y, y_other = products(seed)
    both, target = np.vstack([X, X_other]), np.concatenate([y, np.zeros_like(y_other)])
    wrong = LogisticRegression(max_iter=500).fit(both, target).predict_proba(X_other)
    return log_loss(y_other, wrong), log_loss(y_other, predicted(seed))


def wrong_form(seed: int) -> Pair:
    """Labels written as 0.0 and 1.0, as pandas does after a missing value: problems that the linter finds."""
    titanic_competition = lookup.load("titanic")
    example = titanic_competition.make_sample()[titanic_competition.sample_submission]
    wrong = example.assign(Survived=example["Survived"].astype(float))
    right = example.assign(Survived=np.random.default_rng(seed).integers(0, 2, len(example)))
    sample, *answers = (frame.to_csv(index=False).encode() for frame in (example, wrong, right))
    counts = [float(len(lint(titanic_competition, answer, sample))) for answer in answers]
    return counts[0], counts[1]


def filled_in_place(_seed: int) -> Pair:
    """`df[column].fillna(value, inplace=True)`: missing values that are left."""
    wrong, right = titanic().copy(), titanic().copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 2 says that it will stop to work; pandas 3 says that it does not
        wrong["Age"].fillna(0, inplace=True)  # noqa: PD002 this is the mistake
    right["Age"] = right["Age"].fillna(0)
    return float(wrong["Age"].isna().sum()), float(right["Age"].isna().sum())


def only_in_test(_seed: int) -> Pair:
    """A title that no training row has: test rows that cannot be predicted."""
    frame = titanic()
    new = frame.head(20).assign(Title="Dona")
    encoders = OneHotEncoder(), OneHotEncoder(handle_unknown="ignore")
    strict, lenient = (encoder.fit(frame.assign(Title="Mr")[["Title"]]) for encoder in encoders)
    wrong, right = (fails(ValueError, partial(encoder.transform, new[["Title"]])) for encoder in (strict, lenient))
    return wrong * len(new), right * len(new)


def gap_only_in_test(_seed: int) -> Pair:
    """One fare missing, in the test file only; gaps are filled where training has them: nobody can be predicted."""
    frame = titanic()[["Age", "Fare"]]
    fit, test = frame.dropna().assign(Age=lambda rows: rows["Age"].where(rows["Age"] > 1)), frame.dropna().head(20)
    test = test.assign(Fare=test["Fare"].where(np.arange(20) != 7))
    y = titanic()["Survived"].loc[fit.index]
    fillers = (make_column_transformer((SimpleImputer(), ["Age"]), remainder="passthrough"), SimpleImputer())
    models = [make_pipeline(filler, StandardScaler(), LogisticRegression()).fit(fit, y) for filler in fillers]
    wrong, right = (fails(ValueError, partial(model.predict, test)) for model in models)
    return wrong * len(test), right * len(test)


def flags_among_numbers(_seed: int) -> Pair:
    """`get_dummies` makes bool columns; beside floats they make an array of objects, which is no tensor."""
    frame = titanic()[["Fare", "Sex"]]
    frames = pd.get_dummies(frame), pd.get_dummies(frame, dtype=float)
    wrong, right = (fails(TypeError, partial(torch.tensor, each.to_numpy())) for each in frames)
    return wrong, right


MISTAKES = [
    Mistake(name="sex-rule", what="gender_submission.csv taken for the truth", measure="accuracy believed / true",
            guard="cv --practice: rows that are hidden and have a truth", run=sex_rule_as_truth),
    Mistake(name="one-hot", what="one-hot rows in place of probabilities", measure="log loss",
            guard="linter", run=one_hot),
    Mistake(name="rounding", what="probabilities rounded to two decimals", measure="log loss",
            guard="linter", run=two_decimals),
    Mistake(name="columns", what="labels 1 to 9, every column one off", measure="log loss",
            guard="columns by name from the sample submission", run=shifted_columns),
    Mistake(name="features", what="Sex dropped, PassengerId kept", measure="accuracy",
            guard="baselines beside every score; the id never reaches the features", run=columns_without_sense),
    Mistake(name="refit", what="encoder fitted anew on every ten test rows", measure="log loss",
            guard="one encoder per fold, fitted on its training rows", run=refitted_on_test),
    Mistake(name="leak", what="group survival counted on all labels", measure="accuracy claimed / true",
            guard="LeaveOneOutMean inside the fold; canary test", run=fate_of_all),
    Mistake(name="test-rows", what="test rows trained on, targets filled with 0", measure="log loss",
            guard="target checked when the files are read", run=trained_on_test_rows),
    Mistake(name="ids", what="predictions in another order than the ids", measure="log loss",
            guard="writer takes ids and order from the sample submission", run=lost_ids),
    Mistake(name="labels", what="0.0 and 1.0 in place of 0 and 1", measure="problems found by the linter",
            guard="linter", run=wrong_form),
    Mistake(name="fillna", what="fillna(inplace=True) on a column", measure="missing values left (pandas 3)",
            guard="tests run with warnings as errors", run=filled_in_place),
    Mistake(name="unseen", what="a category that only the test file has", measure="test rows without prediction",
            guard="encoders take unseen categories in every column", run=only_in_test),
    Mistake(name="gap", what="a gap that only the test file has", measure="test rows without prediction",
            guard="encoders fill gaps in every column", run=gap_only_in_test),
    Mistake(name="dummies", what="get_dummies beside numbers", measure="trainings that fail",
            guard="encoders give float32 only", run=flags_among_numbers),
]  # fmt: skip
