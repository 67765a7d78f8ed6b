"""Estimators of scikit-learn's kind as variants: the networks' folds, seeds, pool and record."""

import json
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.parallel import delayed
from toys import QUICK, make_features, plan

from pipelines.competition import Number, Variant
from pipelines.data.sources import from_sample
from pipelines.encoders import DefaultEncoder
from pipelines.errors import TrainingWarning, UsageError
from pipelines.features.frames import Features
from pipelines.metrics import Metric, log_loss
from pipelines.pipeline import run
from pipelines.report.lines import draw_curves, score_lines
from pipelines.settings.knobs import Knobs
from pipelines.settings.plan import make_plan
from pipelines.submission import linter
from pipelines.submission.record import Record
from pipelines.training.targets import Scale
from pipelines.validation.crossval import Plan, cross_validate, random_state
from pipelines.validation.estimators import Fit, fit_one, fits_of
from pipelines.validation.groups import plan_line
from pipelines.validation.splits import Fold, split

TREES = {"max_iter": 15, "early_stopping": False, "random_state": 0}


def trees():
    return HistGradientBoostingClassifier(**TREES)


def forest():
    return RandomForestClassifier(5, max_depth=4)


def only(column):
    return lambda: make_column_transformer(("passthrough", [column]))


def validated(toy, features, variants, **changes):
    return cross_validate(toy, features, plan(toy, variants=variants, **changes))


def test_the_folds_are_the_networks_and_a_frame_is_given_as_it_is(toy):
    """Gaps and categories too. Each fold by hand, with scikit-learn alone."""
    features = make_features()
    frames = []
    for frame in (features.train, features.test):
        colour = pd.Categorical(np.where(frame["noise"] > 0, "red", "blue"), ["red", "blue", "none yet"])
        frames.append(frame.assign(noise=frame["noise"].where(frame["noise"] < 1), colour=colour))
    train, test = frames
    result = validated(toy, Features(train, features.y, test), {"trees": Variant(make_estimator=trees)})
    oof, mean = np.zeros((300, 2)), np.zeros((80, 2))
    for fit, scored in StratifiedKFold(4, shuffle=True, random_state=0).split(features.y, features.y):
        model = trees().fit(train.iloc[fit], features.y[fit])
        oof[scored] = model.predict_proba(train.iloc[scored])
        mean += model.predict_proba(test) / 4
    np.testing.assert_allclose(result.oof, oof, atol=1e-12)
    np.testing.assert_allclose(result.test, mean, atol=1e-12)
    assert 0.75 < result.score < 0.9
    assert result.score == (oof.argmax(axis=1) == features.y).mean()


def test_each_seed_sets_what_chance_there_is_in_a_pipeline_too(toy):
    features = make_features()
    make = lambda: make_pipeline(StandardScaler(), forest())  # noqa: E731
    result = validated(toy, features, {"forest": Variant(make_encoder=only("signal"), make_estimator=make)})
    oof = np.zeros((2, 300, 2))
    for fold, (fit, scored) in enumerate(split(features.y, 4, 0)):
        X, y = features.train[["signal"]].to_numpy(), features.y
        for seed in range(2):
            model = make().set_params(randomforestclassifier__random_state=random_state(0, fold, seed))
            oof[seed, scored] = model.fit(X[fit], y[fit]).predict_proba(X[scored])
    np.testing.assert_allclose(result.oof, oof.mean(axis=0), atol=1e-12)
    assert result.variants[0].seed_scores == [(each.argmax(axis=1) == features.y).mean() for each in oof]


def test_where_no_seed_matters_one_fit_in_each_fold_stands_for_all(toy):
    told, fits = [], []

    class Counted(GaussianNB):
        def fit(self, X, y):
            fits.append(len(X))
            return super().fit(X, y)

    variants = {"trees": Variant(make_estimator=trees), "bayes": Variant(make_estimator=Counted)}
    of_plan = plan(toy, variants=variants, seeds=3)
    result = cross_validate(toy, make_features(), of_plan, on_task=lambda *task: told.append(task))
    assert fits == [225] * 4
    assert told == [("estimators and baselines", done, 16) for done in range(17)]  # 2 x 4 and 2 x 4
    assert [len(set(variant.seed_scores)) for variant in result.variants] == [1, 1]
    assert [len(variant.seed_scores) for variant in result.variants] == [3, 3]
    once = validated(toy, make_features(), variants, seeds=1)
    np.testing.assert_allclose(result.oof, once.oof, atol=1e-12)
    np.testing.assert_allclose(result.test, once.test, atol=1e-12)


def test_a_useful_one_weighs_in_the_pool_and_noise_does_not(toy):
    toy = replace(toy, metric=log_loss, submit="probabilities")
    blind = Variant(make_encoder=only("noise"), make_estimator=forest)
    few = replace(toy.variants["network"], recipe=replace(toy.variants["network"].recipe, epochs=3))
    result = validated(toy, make_features(), {"network": few, "trees": Variant(make_estimator=trees), "blind": blind})
    network, useful, noise = result.variants
    assert useful.weight > 0.3
    assert noise.weight < 0.1
    assert result.score < min(network.score, useful.score) + 0.01
    np.testing.assert_allclose(result.oof.sum(axis=1), 1)


def test_the_same_plan_gives_the_same_bytes_however_many_cores(toy, monkeypatch):
    variants = {"forest": Variant(make_estimator=forest), "trees": Variant(make_estimator=trees)}
    found = []
    for workers in (1, 3, 3):
        monkeypatch.setattr("pipelines.validation.groups.n_cores", lambda workers=workers: workers)
        found.append(validated(toy, make_features(), variants))
    assert len({each.oof.tobytes() for each in found}) == len({each.test.tobytes() for each in found}) == 1
    assert validated(toy, make_features(), variants, seed=1).oof.tobytes() != found[0].oof.tobytes()


def test_a_class_that_a_fold_has_not_learned_is_impossible_there(toy):
    """Classes 0, 1, 2; the training rows know 0 and 2: codes have no gap for those who allow none."""
    toy = replace(toy, classes=(0, 1, 2))
    features = make_features(90)
    y = np.arange(90) % 3
    train = np.flatnonzero(y[:60] != 1)
    fold = Fold(train, np.arange(60, 90))
    said = fit_one(
        toy, replace(features, y=y), [fold], Fit(Variant(make_estimator=trees), tuple(plan(toy).jobs(0))[:1])
    )
    X = features.train
    expected = trees().fit(X.iloc[train], y[train]).predict_proba(X.iloc[60:])
    np.testing.assert_allclose(said.scored[0][:, [0, 2]], expected)
    assert (said.scored[0][:, 1] == 0).all()
    assert said.test.shape == (80, 3)


def test_a_number_is_learned_and_predicted_transformed(toy):
    rmse = Metric(
        "RMSE", score=lambda y, p: float(np.sqrt(((y - p) ** 2).mean())), greater_is_better=False, of="values"
    )
    houses = replace(toy, classes=(), number=Number(transform="log1p"), metric=rmse, submit="values")
    features = make_features()
    features = replace(features, y=np.expm1(5 + features.train["signal"].to_numpy()))
    fold = Fold(np.arange(200), np.arange(200, 300))
    for make in (Ridge, lambda: HistGradientBoostingRegressor(**TREES)):
        said = fit_one(houses, features, [fold], Fit(Variant(make_estimator=make), tuple(plan(toy).jobs(0))))
        model = make().fit(features.train[:200], 5 + features.train["signal"][:200])
        scale = Scale.of(Number(transform="log1p"), features.y[:200])
        expected, of_test = (scale.within(model.predict(each)) for each in (features.train[200:], features.test))
        assert said.scored.shape == (2, 100, 1)
        np.testing.assert_allclose(said.scored[0, :, 0], expected, atol=1e-9)
        np.testing.assert_allclose(said.test[:, 0], 2 * of_test, atol=1e-9)


ONE, FITTED = DummyClassifier(), StandardScaler()
WRONG = {
    "one for all": (lambda: ONE, "share one DummyClassifier"),
    "one step for all": (lambda: make_pipeline(FITTED, GaussianNB()), "share one StandardScaler"),
    "one that is fitted": (lambda: GaussianNB().fit([[0.0], [1.0]], [0, 1]), "have a fitted GaussianNB"),
    "a frozen one": (
        lambda: CalibratedClassifierCV(FrozenEstimator(GaussianNB().fit([[0.0], [1.0]], [0, 1]))),
        "have a fitted ",
    ),
    "nothing": (lambda: None, "gives None, where an estimator is needed"),
    "a class": (lambda: GaussianNB, "gives <class .*GaussianNB'>, where"),
    "no probabilities": (
        RidgeClassifier, r"RidgeClassifier predicts no probabilities .*\n.* CalibratedClassifierCV\(RidgeC"
    ),
    "none behind a scaler": (lambda: make_pipeline(StandardScaler(), SVC()), "SVC predicts no probabilities"),
    "a regressor": (Ridge, r"Ridge predicts no probabilities .*\n.*of a regressor take the classifier of its kind"),
    "a parameter that is not there": (
        lambda: HistGradientBoostingClassifier(max_iterations=3),
        r"make_estimator fails: TypeError: .*max_iterations.*, tests/validation/test_estimators.py, line \d+\n",
    ),
    "a value that is not allowed": (
        lambda: HistGradientBoostingClassifier(max_iter=-1),
        r"its estimator fails: .*max_iter.*, tests/validation/test_estimators.py, line \d+\n.*correct it, tests/",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_a_variant_is_named(toy, case):
    make, told = WRONG[case]
    with pytest.raises(UsageError, match=rf"^mine: .*{told}"):
        validated(toy, make_features(), {"mine": Variant(make_estimator=make)})


def test_texts_without_an_encoder_are_named(toy):
    features = make_features()
    texts = replace(features, train=features.train.assign(colour="red"), test=features.test.assign(colour="red"))
    with pytest.raises(
        UsageError, match=r"^mine: its estimator fails: ValueError: .*'red'.*\n.* texts \(colour\): a make_enc"
    ):
        validated(toy, texts, {"mine": Variant(make_estimator=trees)})


def test_an_encoder_that_fails_is_named(toy):
    variant = Variant(make_encoder=only("sginal"), make_estimator=trees)
    with pytest.raises(UsageError, match="make_encoder's encoder fails: .*(sginal|not a column)"):
        validated(toy, make_features(), {"mine": variant})


def test_a_prediction_that_is_no_number_is_refused(toy):
    class Lost(GaussianNB):
        def predict_proba(self, X):
            return super().predict_proba(X) * np.nan

    with pytest.raises(UsageError, match="^mine: its estimator fails: .*not finite"):
        validated(toy, make_features(), {"mine": Variant(make_estimator=Lost)})


def test_what_estimators_warn_of_is_said_once(toy):
    hasty = Variant(make_estimator=lambda: LogisticRegression(max_iter=1))
    with pytest.warns(TrainingWarning, match="warns: ConvergenceWarning: lbfgs failed") as caught:
        validated(toy, make_features(), {"hasty": hasty})
    assert len(caught) == 1


def test_what_scikit_learn_says_of_our_threads_is_nobodys_concern(toy):
    class Threaded(GaussianNB):
        def fit(self, X, y):
            delayed(int)()[0]()  # as where another thread has put the filters of warnings away
            return super().fit(X, y)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        validated(toy, make_features(), {"threaded": Variant(make_estimator=Threaded)})
    assert [str(each.message) for each in caught] == []


def test_the_plan_counts_networks_and_estimators(titanic):
    lines = {
        None: "titanic: 10 folds x 5 seeds = 50 networks, 60 epochs each, on cpu",
        ("network", "hist-gradient-boosting"): (
            "titanic: 10 folds x 5 seeds = 50 networks, 60 epochs each, on cpu; 10 estimators in 10 folds"
        ),
        ("hist-gradient-boosting",): "titanic: 10 estimators in 10 folds",
    }
    for variants, line in lines.items():
        of_plan = make_plan(titanic, Knobs(variants=variants, device="cpu"))
        assert plan_line(titanic, of_plan) == line
        assert of_plan.n_epochs == (0 if variants == ("hist-gradient-boosting",) else 3000)
    mixed = make_plan(titanic, Knobs(variants=("network", "hist-gradient-boosting"), epochs=2, device="cpu"))
    assert mixed.n_epochs == 100
    drawn = Plan(folds=4, seeds=3, variants={"forest": Variant(make_estimator=forest)})
    assert plan_line(titanic, drawn) == "titanic: 12 estimators in 4 folds"
    assert len(fits_of(drawn, drawn.variants)) == 12


@pytest.mark.parametrize("variants", [("network", "hist-gradient-boosting"), ("hist-gradient-boosting",)])
def test_a_whole_run(titanic, tmp_path, variants):
    knobs = Knobs(data=Path("sample"), output=tmp_path, variants=variants, folds=2, seeds=1, epochs=4, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # four epochs
        outcome = run(titanic, knobs)
    csv = outcome.path.read_bytes()
    assert linter.lint(titanic, csv, from_sample(titanic).files["gender_submission.csv"]) == []
    record = Record.load(outcome.path.with_suffix(".json"))
    assert json.loads(record.to_json()) == json.loads(outcome.record.to_json())
    scores = {variant.name: variant for variant in record.variants}
    assert tuple(scores) == variants
    estimator = scores["hist-gradient-boosting"]
    assert estimator.recipe["max_leaf_nodes"] == 8
    assert estimator.recipe["early_stopping"] is False
    assert estimator.model.startswith("HistGradientBoostingClassifier(")
    assert estimator.losses == [[]] * 2
    assert estimator.score > 0.7
    drawn = draw_curves(titanic, outcome, tmp_path / "curves.png")
    if "network" in variants:
        assert scores["network"].recipe["epochs"] == 4
        assert drawn == str(tmp_path / "curves.png")
    else:
        assert drawn == "none: no network was trained"
        assert not (tmp_path / "curves.png").exists()


@pytest.mark.parametrize(
    ("package", "name", "settings"),
    [
        ("xgboost", "XGBClassifier", {"n_estimators": 10, "max_depth": 3}),
        ("lightgbm", "LGBMClassifier", {"n_estimators": 10, "verbose": -1}),
        ("catboost", "CatBoostClassifier", {"iterations": 10, "verbose": False, "allow_writing_files": False}),
    ],
)
def test_other_libraries_trees_are_variants_too(toy, package, name, settings):
    make = getattr(pytest.importorskip(package), name)
    variants = {name: Variant(make_estimator=lambda: make(**settings)), "trees": Variant(make_estimator=trees)}
    result = validated(toy, make_features(), variants)
    assert result.variants[0].score > 0.7
    assert json.loads(json.dumps(result.variants[0].recipe)) == result.variants[0].recipe


def test_what_encoders_do_to_columns_is_said(toy):
    """By networks' encoders and by those of estimators, each sentence once."""
    features = make_features()
    frames = [each.assign(seat=[f"A{i % 7}/{i % 5}" for i in range(len(each))], ship="Titanic")
              for each in (features.train, features.test)]  # fmt: skip
    features = replace(features, train=frames[0], test=frames[1])
    encoder = partial(DefaultEncoder, max_one_hot=5)
    both = {
        "network": replace(toy.variants["network"], recipe=QUICK, make_encoder=encoder),
        "trees": Variant(make_encoder=encoder, make_estimator=trees),
    }
    result = cross_validate(toy, features, plan(toy, variants=both))
    notes = ["seat is split at '/' into 2 parts", "ship is left out: every training row holds the same value"]
    assert [variant.notes for variant in result.variants] == [notes, notes]
    lines = list(score_lines(toy, result))
    at = lines.index("columns not taken as they are")
    assert lines[at + 1 : at + 4] == [*(f"  {note}" for note in notes), lines[at + 3]]
    assert lines[at + 3].startswith("baseline on the same folds")


def test_there_may_be_no_baseline_at_all(toy):
    alone = replace(toy, baselines={"majority class": None, "logistic regression": None})
    assert cross_validate(alone, make_features(), plan(toy)).baselines == []
