"""What has to hold before networks are trained: equal rows together, encoders of their own, features whole."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from toys import QUICK, make_features, only, plan

from pipelines.audit import practice
from pipelines.competition import Recipe
from pipelines.data.sources import Source
from pipelines.data.tables import read
from pipelines.encoders import TabularEncoder
from pipelines.errors import DataError, ModelError, UsageError
from pipelines.features import frames
from pipelines.features.frames import Features
from pipelines.models import MLP
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.training.early_stopping import first_equal
from pipelines.validation.conditions import form_of
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.splits import split

COLUMNS = tuple(f"x{i}" for i in range(20))


def coin_flips(copies, n=120):
    """Rows whose labels are dealt at random; each stands so many times, in any order."""
    rng = np.random.default_rng(0)
    rows, y = pd.DataFrame(rng.normal(size=(n, 20)), columns=COLUMNS), rng.integers(0, 2, n)
    order = rng.permutation(copies * n) % n
    return Features(rows.iloc[order].reset_index(drop=True), y[order], rows[:20])


def memory(toy, recipe):
    """A network that learns its rows by heart."""
    make = lambda d, c: MLP([d, 64, c])  # noqa: E731
    return replace(
        toy.variants["network"], make_encoder=lambda: TabularEncoder(COLUMNS), make_model=make, recipe=recipe
    )


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
@pytest.mark.parametrize("patience", [None, 8])
def test_rows_that_stand_twice_do_not_lift_the_score(toy, patience):
    recipe = Recipe(epochs=25, batch_size=32, lr=1e-2, schedule="constant", patience=patience)
    features = coin_flips(2)
    assert features.n_twins == 120
    by_heart = replace(toy, variants={"network": memory(toy, recipe)})
    result = cross_validate(by_heart, features, plan(toy, variants=by_heart.variants, seeds=1))
    assert abs(result.score - 0.5) < 0.14  # 0.9 where equal rows are parted


def test_without_equal_rows_folds_are_scikit_learns():
    y = np.random.default_rng(0).integers(0, 3, 200)
    theirs = StratifiedKFold(5, shuffle=True, random_state=7).split(y, y)
    for twins in (None, np.arange(200)):
        for fold, (train, scored) in zip(split(y, 5, 7, twins), theirs, strict=False):
            np.testing.assert_array_equal(fold.train, train)
            np.testing.assert_array_equal(fold.scored, scored)


def test_equal_rows_share_a_fold_and_each_row_is_scored_once(toy):
    features = coin_flips(3)
    folds = split(features.y, 4, 0, features.twins)
    assert sorted(np.concatenate([fold.scored for fold in folds])) == list(range(360))
    for fold in folds:
        assert sorted([*fold.train, *fold.scored]) == list(range(360))
        assert set(features.twins[fold.train]) & set(features.twins[fold.scored]) == set()
        assert features.y[fold.scored].mean() == pytest.approx(features.y.mean(), abs=0.03)
    encode = FoldEncoder(features, folds, memory(toy, Recipe(patience=2)), 0)
    inputs, stopping = encode(0).rows.inputs, encode(0).rows.held_out[0]
    assert {tuple(row.tolist()) for row in inputs} & {tuple(row.tolist()) for row in stopping} == set()


def doubled(files, n=300):
    """The sample with its first rows once more, under new ids."""
    lines = files["train.csv"].decode().splitlines()
    more = [f"{50_000 + i},{line.partition(',')[2]}" for i, line in enumerate(lines[1 : n + 1])]
    return files | {"train.csv": "\n".join([*lines, *more, ""]).encode()}


def test_a_run_says_how_many_rows_stand_more_than_once(titanic, sample_files, tmp_path):
    said = []
    for files in (sample_files, doubled(sample_files)):
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        run(titanic, Knobs(data=tmp_path, folds=2, seeds=1, epochs=1, device="cpu"), write=False, say=said.append)
    assert [line for line in said if line.startswith("equal rows")] == [
        "equal rows: 300 training rows repeat another but for the id; equal ones share a fold"
    ]


def test_equal_rows_are_hidden_together(titanic, sample_files):
    tables = read(titanic, Source("sample", "", doubled(sample_files)))
    hidden = practice.hide(titanic, tables, 0)
    shown, others = (frame.drop(columns="PassengerId") for frame in (hidden.tables.train, hidden.tables.test))
    assert len(shown.merge(others, how="inner")) == 0
    assert len(others) > len(tables.train) / 6


@pytest.mark.parametrize(
    ("of_class_1", "copies", "folds", "told"),
    [
        (1, 1, 5, "no cross-validation of a class with 1 row: each needs 2"),
        (1, 6, 5, "no cross-validation of a class with 1 different row: each needs 2"),
        (2, 1, 5, "5 folds do not fit: the smallest class has 2 rows\n.*choose --folds 2\n"),
        (4, 1, 5, "5 folds do not fit: the smallest class has 4 rows\n.*choose --folds between 2 and 4\n"),
        (3, 4, 5, "the smallest class has 3 different rows\n.*choose --folds between 2 and 3\n"),
    ],
)
def test_folds_that_do_not_fit_say_what_does(of_class_1, copies, folds, told):
    y = np.concatenate([np.zeros(40, dtype=np.int64), np.ones(of_class_1 * copies, dtype=np.int64)])
    twins = np.concatenate([np.arange(40), 40 + np.arange(of_class_1 * copies) % of_class_1])
    with pytest.raises(DataError, match=told):
        split(y, folds, 0, twins)
    if of_class_1 > 1:
        assert len(split(y, min(of_class_1, folds), 0, twins)) == of_class_1


def test_practice_names_itself_not_folds_that_nobody_chose(titanic, sample_files):
    tables = read(titanic, Source("sample", "", sample_files))
    y = np.zeros_like(tables.y)
    y[:3] = 1
    with pytest.raises(DataError, match=r"--practice hides one row in 5 .* has 3 rows\n.*leave --practice out"):
        practice.hide(titanic, replace(tables, y=y), 0)


ONE, SCALER, TABLE = TabularEncoder(("signal",)), StandardScaler(), make_pipeline(StandardScaler())
SHARED = {
    "one encoder": (lambda: ONE, "share the same TabularEncoder"),
    "one step": (lambda: make_pipeline(FunctionTransformer(), SCALER), "share the same StandardScaler"),
}


@pytest.mark.parametrize("case", SHARED)
def test_encoders_that_share_what_is_fitted_are_refused(toy, case):
    make, told = SHARED[case]
    shared = replace(only(toy, QUICK), make_encoder=make)
    with pytest.raises(UsageError, match=told):
        cross_validate(toy, make_features(), plan(toy, variants={"network": shared}))


def test_steps_that_are_cloned_or_learn_nothing_may_be_shared(toy):
    features = make_features()
    cloned = lambda: make_column_transformer((TABLE, ["signal"]), (TABLE, ["noise"]))  # noqa: E731
    nothing = FunctionTransformer()
    for make in (cloned, lambda: make_pipeline(nothing, StandardScaler())):
        assert form_of(replace(only(toy, QUICK), make_encoder=make), features.train, features.y) == (2, torch.float32)


def test_an_encoder_may_give_sparse_rows(toy):
    features = make_features(120)
    whole = replace(features, train=features.train.round(), test=features.test.round())
    found = []
    for sparse in (True, False):
        make = lambda sparse=sparse: OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)  # noqa: E731
        variant = replace(only(toy, replace(QUICK, epochs=2)), make_encoder=make)
        found.append(cross_validate(toy, whole, plan(toy, variants={"network": variant})).oof)
    np.testing.assert_array_equal(*found)


WRONG = {
    "a column that is not there": (
        lambda f: f.assign(x=f["Agee"]),
        r"KeyError: 'Agee', tests/.*test_conditions.py, line",
    ),
    "no return": (lambda _f: None, "returns NoneType"),
    "an array": (lambda f: f.to_numpy(), "returns ndarray"),
    "rows left out": (lambda f: f.dropna(), "must keep every row in its place"),
}


@pytest.mark.parametrize("case", WRONG)
def test_features_that_fail_are_named(titanic, sample_files, case):
    change, told = WRONG[case]
    raw = read(titanic, Source("sample", "", sample_files))
    with pytest.raises(UsageError, match=f"^add_features of titanic .*{told}") as refused:
        frames.make_features(replace(titanic, add_features=change), raw)
    assert isinstance(refused.value.__cause__, KeyError) == (case == "a column that is not there")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"make_encoder": lambda: TabularEncoder(("signal", "sginal"))},
            "make_encoder's encoder fails: .*(sginal|not a column)",
        ),
        ({"make_model": lambda d, c: MLP([d, 3, c], norm="bacth")}, "make_model fails: .*'bacth', tests/.*, line"),
        ({"make_encoder": lambda: FunctionTransformer(lambda X: X["signal"].to_numpy())}, r"an encoder gives \(225,\)"),
    ],
)
def test_a_variants_own_code_is_named_where_it_fails(toy, change, told):
    with pytest.raises((UsageError, DataError, ModelError), match=told):
        cross_validate(toy, make_features(), plan(toy, variants={"network": replace(only(toy, QUICK), **change)}))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: None, "gives NoneType, where"),
        (lambda: StandardScaler, "gives the class StandardScaler, where"),
        (lambda: 3, "gives int, where"),
        (LogisticRegression, "gives LogisticRegression, where"),
        (lambda: make_pipeline(StandardScaler(), LogisticRegression()), "gives Pipeline, where"),
        (lambda: {}["x"], r"fails: KeyError: .*, tests/.*test_conditions.py, line"),
    ],
    ids=["nothing", "a class", "a number", "a classifier", "a pipeline with a classifier", "an error"],
)
def test_what_make_encoder_gives_is_told(toy, make, told):
    variant = replace(only(toy, QUICK), make_encoder=make)
    with pytest.raises(UsageError, match=f"^make_encoder {told}") as refused:
        cross_validate(toy, make_features(), plan(toy, variants={"network": variant}))
    assert "a column that is not there" not in str(refused.value)


def test_rows_are_compared_as_the_file_has_them(titanic, sample_files):
    """Two passengers may look the same to the network and are no copies."""
    few = lambda frame: frame[["Pclass"]]  # noqa: E731
    raw = read(titanic, Source("sample", "", sample_files))
    features = frames.make_features(replace(titanic, add_features=few), raw)
    assert features.n_twins == 0
    assert len(np.unique(first_equal(features.train, features.y))) <= 6
