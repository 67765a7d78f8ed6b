"""Fitted encoders in files: they come back as they were, and nothing foreign runs when they are read."""

import functools
import io
import json
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from competitions.otto.competition import COMPETITION as OTTO
from competitions.titanic.competition import COMPETITION as TITANIC
from pipelines.data.sources import from_sample
from pipelines.data.tables import read
from pipelines.encoders import DefaultEncoder
from pipelines.encoders.statistics import GroupMedianImputer
from pipelines.features.frames import make_features
from pipelines.runs.fitted.files import from_bytes, to_bytes
from pipelines.runs.fitted.stand_ins import CannotKeepError, exchanged, restored
from pipelines.runs.tensors import DamagedError


@functools.cache
def rows_of(slug):
    competition = {"titanic": TITANIC, "otto": OTTO}[slug]
    features = make_features(competition, read(competition, from_sample(competition)))
    return features.train[:300], features.y[:300], features.test[:40]


@pytest.mark.parametrize(
    ("folder", "make"),
    [
        ("titanic", TITANIC.variants["network"].make_encoder),
        ("titanic", DefaultEncoder),
        ("otto", OTTO.variants["pieces"].make_encoder),
        ("otto", OTTO.variants["two-views"].make_encoder),
        ("otto", OTTO.variants["counts"].make_encoder),
    ],
    ids=["tabular", "default", "pieces", "two views", "counts"],
)
def test_an_encoder_comes_back_and_says_the_same(folder, make):
    train, y, test = rows_of(folder)
    encoder = make()
    encoder.fit_transform(train, y)
    before = encoder.transform(test)
    back = from_bytes(to_bytes(encoder, folder), folder)
    assert type(back) is type(encoder)
    np.testing.assert_array_equal(back.transform(test), before)
    np.testing.assert_array_equal(encoder.transform(test), before)  # what was saved is as it was


ESTIMATORS = {
    "tree": DecisionTreeClassifier(max_depth=4),
    "forest": RandomForestClassifier(3),
    "extra trees": ExtraTreesClassifier(3),
    "boosting": GradientBoostingClassifier(n_estimators=2),
    "bags": BaggingClassifier(n_estimators=2),
    "neighbours": KNeighborsClassifier(),
    "vectors": CalibratedClassifierCV(SVC(), cv=2),
    "splines": make_pipeline(StandardScaler(), SplineTransformer(), LogisticRegression(max_iter=500)),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_estimators_come_back_and_say_the_same(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    estimator = ESTIMATORS[kind].fit(X, (X[:, 0] + rng.normal(size=90) > 0).astype(int))
    back = from_bytes(to_bytes(estimator, "titanic"), "titanic")
    np.testing.assert_array_equal(back.predict_proba(X), estimator.predict_proba(X))


def boosted(X, y):
    return HistGradientBoostingClassifier(max_iter=2, categorical_features=[2], random_state=0).fit(X, y)


UNSOUND = {
    "a child behind the last": lambda tree: tree.children_left.__setitem__(0, 999),
    "a child that is its parent": lambda tree: tree.children_right.__setitem__(0, 0),
    "a child before the first": lambda tree: tree.children_right.__setitem__(0, -5),
    "a column behind the last": lambda tree: tree.feature.__setitem__(0, 3),
    "a column before the first": lambda tree: tree.feature.__setitem__(0, -9),
}
UNSOUND_BOOSTED = {
    "a child behind the last": ("left", 9999),
    "a child that is its parent": ("right", 0),
    "a column behind the last": ("feature_idx", 3),
    "categories behind the last": ("bitset_idx", 50),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_a_tree_that_leads_astray_is_refused(kind):
    X = np.random.default_rng(0).normal(size=(40, 3))
    forest = RandomForestClassifier(2, random_state=0).fit(X, X[:, 0] > 0)
    UNSOUND[kind](forest.estimators_[1].tree_)
    with pytest.raises(DamagedError, match="a tree (leads to a node|asks for a column) that is not there"):
        from_bytes(to_bytes(forest, "titanic"), "titanic")


@pytest.mark.parametrize("kind", UNSOUND_BOOSTED)
def test_a_boosted_tree_that_leads_astray_is_refused(kind):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(300, 2)), rng.integers(0, 6, 300)])
    trees = boosted(X, np.isin(X[:, 2], [1, 3, 4]) ^ (X[:, 0] > 1))
    nodes = trees._predictors[0][0].nodes
    column, value = UNSOUND_BOOSTED[kind]
    place = np.flatnonzero(nodes["is_categorical"])[0] if column == "bitset_idx" else 0
    nodes[column][place] = value
    with pytest.raises(DamagedError, match="a tree .*(not there|lost its categories)"):
        from_bytes(to_bytes(trees, "titanic"), "titanic")


def test_trees_come_back_and_say_the_same():
    train, y, test = rows_of("otto")
    trees = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(train, y)
    back = from_bytes(to_bytes(trees, "otto"), "otto")
    np.testing.assert_array_equal(back.predict_proba(test), trees.predict_proba(test))


HELD = {
    "series": pd.Series([1.5, None], index=["a", "b"], name="x"),
    "texts": pd.Series(["你好", None, ""], dtype="str"),
    "truth": pd.Series([True, None], dtype="boolean"),
    "frame": pd.DataFrame({"n": [1, 2], "t": ["a", "b"], "c": pd.Categorical(["u", None], ["u", "v"])}),
    "indexes": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
    "range": pd.RangeIndex(3, name="i"),
    "moments": pd.Series(pd.to_datetime(["2020-01-02", None])),
    "categories": pd.CategoricalDtype(["b", "a"], ordered=True),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_pandas_holds_comes_back(kind):
    encoder = StandardScaler()
    encoder.held_ = HELD[kind]
    back = from_bytes(to_bytes(encoder, ""), "").held_
    assert type(back) is type(HELD[kind]) or kind == "range"
    if isinstance(back, pd.DataFrame):
        pd.testing.assert_frame_equal(back, HELD[kind])
    elif isinstance(back, pd.Series):
        pd.testing.assert_series_equal(back, HELD[kind])
    elif isinstance(back, pd.Index):
        pd.testing.assert_index_equal(back, HELD[kind], exact=kind != "range")
    else:
        assert back == HELD[kind]


def test_tensors_come_back_in_their_type():
    encoder = StandardScaler()
    encoder.held_ = {
        "a": torch.tensor([1.5], dtype=torch.bfloat16),
        "b": [torch.arange(3)],
        "net": torch.nn.Linear(2, 1),
    }
    back = from_bytes(to_bytes(encoder, ""), "").held_
    assert (back["a"].dtype, back["a"].item(), back["b"][0].tolist()) == (torch.bfloat16, 1.5, [0, 1, 2])
    assert isinstance(back["net"].weight, torch.nn.Parameter)
    assert torch.equal(back["net"].weight, encoder.held_["net"].weight)


@pytest.mark.parametrize(
    "held",
    [{(1, "a"): 2, None: 3}, {True: 1, False: 2}, {f"w{i}": i for i in range(200)}, {f"w{i}": [i] for i in range(200)}],
)
def test_dictionaries_come_back_whatever_their_keys(held):
    back = restored(exchanged(held))
    assert back == held
    assert list(map(type, back)) == list(map(type, held))


def test_the_same_object_comes_back_as_one():
    shared = pd.Series([1.0])
    one, other = exchanged([shared, shared])
    assert one is other


def foreign(X):
    return X


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (FunctionTransformer(foreign), "test_fitted.foreign"),
        (FunctionTransformer(lambda X: X), "test_fitted.<lambda>"),
        (FunctionTransformer(np.load), "numpy.load"),
        (FunctionTransformer(functools.partial(np.load, allow_pickle=True)), "numpy.load"),
    ],
    ids=["of another file", "a lambda", "a function that reads", "a partial of one"],
)
def test_what_may_not_be_named_is_not_kept(held, says):
    with pytest.raises(CannotKeepError, match=says):
        to_bytes(make_pipeline(held), "titanic")


def test_what_cannot_be_kept_is_named_by_its_place():
    encoder = make_pipeline(GroupMedianImputer())
    encoder[0].rows_ = threading.Lock()
    with pytest.raises(CannotKeepError, match=r"Pipeline\.steps\[0\]\[1\]\.rows_"):
        to_bytes(encoder, "titanic")


def changed(data, change):
    """The file with another schema."""
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in source.namelist():
            held = source.read(name)
            file.writestr(name, json.dumps(change(json.loads(held))) if name == "schema.json" else held)
    return target.getvalue()


CALLS = {
    "a system's command": ("ConstructorFromReduceNode", "subprocess", "Popen"),
    "a pickle by numpy": ("ConstructorFromReduceNode", "numpy", "load"),
    "a file by us": ("ConstructorFromReduceNode", "pipelines.files", "write_whole"),
    "a function": ("FunctionNode", "os", "system"),
    "an object": ("ObjectNode", "subprocess", "Popen"),
    "another competition's": ("ObjectNode", "competitions.otto.features", "PiecewiseLinear"),
    "a list of another kind": ("ListNode", "sklearn.preprocessing._data", "StandardScaler"),
}


@pytest.mark.parametrize("kind", CALLS)
def test_a_file_that_names_what_is_not_trusted_is_refused_before_it_is_read(kind, tmp_path):
    loader, module, name = CALLS[kind]
    flag = tmp_path / "flag"
    content = [
        {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(str(flag))}
    ]
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": content}

    def evil(schema):
        held = content if loader == "ListNode" else arguments
        node = {"__class__": name, "__module__": module, "__loader__": loader, "content": held}
        schema["content"]["content"]["with_mean"] = node
        return schema

    data = changed(to_bytes(StandardScaler(), "titanic"), evil)
    with pytest.raises(DamagedError, match=f"{module}.{name}, which is not trusted: nothing of it was read"):
        from_bytes(data, "titanic")
    assert not flag.exists()


def test_keys_of_a_dictionary_are_made_by_no_function():
    def evil(schema):
        schema["content"]["key_types"]["content"][0] |= {
            "__module__": "competitions.titanic.features",
            "__class__": "add_features",
        }
        return schema

    with pytest.raises(DamagedError, match="add_features, which is not trusted"):
        from_bytes(changed(to_bytes(StandardScaler(), "titanic"), evil), "titanic")


@pytest.mark.parametrize("damage", [b"", b"PK", b"\x80\x04."])
def test_what_is_no_such_file_is_damaged(damage):
    with pytest.raises(DamagedError, match="cannot be read"):
        from_bytes(damage, "titanic")
