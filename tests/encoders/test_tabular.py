"""Encoders learn from the rows of `fit` alone."""

import numpy as np
import pandas as pd
import pytest

from pipelines.encoders import GroupMedianImputer, LeaveOneOutMean, TabularEncoder


def test_group_median_fills_by_group_then_by_the_overall_median():
    frame = pd.DataFrame({"age": [10, 30, np.nan, 50], "title": ["a", "a", "a", "b"]})
    imputer = GroupMedianImputer().fit(frame)
    new = pd.DataFrame({"age": [np.nan, np.nan, np.nan, 7], "title": ["a", "b", "never seen", "a"]})
    assert imputer.transform(new).ravel().tolist() == [20, 50, 30, 7]


def test_group_median_of_several_columns_and_an_empty_group():
    frame = pd.DataFrame({"age": [1.0, 3.0, np.nan], "t": ["a", "a", "b"], "k": [1, 1, 2]})
    assert GroupMedianImputer().fit_transform(frame).ravel().tolist() == [1, 3, 2]


def test_leave_one_out_by_hand():
    frame = pd.DataFrame({"group": ["a", "a", "a", "b", None]})
    y = np.array([1, 1, 0, 1, 0])
    encoder = LeaveOneOutMean(unknown=0.5)
    assert encoder.fit_transform(frame, y).ravel().tolist() == [0.5, 0.5, 1.0, 0.5, 0.5]
    new = pd.DataFrame({"group": ["a", "b", "never seen", None]})
    assert encoder.transform(new).ravel() == pytest.approx([2 / 3, 1.0, 0.5, 0.5])


def test_leave_one_out_does_not_depend_on_the_own_label():
    rng = np.random.default_rng(0)
    frame, y = pd.DataFrame({"group": rng.choice(list("abcdef"), 60)}), rng.integers(0, 2, 60)
    for row in range(60):
        flipped = y.copy()
        flipped[row] = 1 - flipped[row]
        ours, theirs = (LeaveOneOutMean().fit_transform(frame, labels)[row, 0] for labels in (y, flipped))
        assert ours == theirs


def test_prior_weight_draws_towards_unknown():
    frame = pd.DataFrame({"group": ["a", "a"]})
    values = LeaveOneOutMean(unknown=0.5, prior_weight=1.0).fit_transform(frame, np.array([1, 0]))
    assert values.ravel().tolist() == [0.25, 0.75]


def test_leave_one_out_refuses_more_than_two_classes():
    with pytest.raises(ValueError, match=r"class codes 0 and 1, got \[0, 1, 2\]"):
        LeaveOneOutMean().fit(pd.DataFrame({"group": list("abc")}), np.array([0, 1, 2]))


@pytest.fixture
def frame():
    return pd.DataFrame({"n": [1.0, 2.0, 3.0, np.nan], "c": ["x", "y", "x", "y"]})


def test_tabular_encoder_standardises_and_one_hot_encodes(frame):
    out = TabularEncoder(("n",), ("c",)).fit_transform(frame, np.array([0, 1, 0, 1]))
    assert out.dtype == np.float32
    assert out[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert out[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert out[:, 1:].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_unseen_categories_and_gaps_that_training_did_not_have(frame):
    encoder = TabularEncoder(("n",), ("c",)).fit(frame.iloc[:3])
    out = encoder.transform(pd.DataFrame({"n": [np.nan, 2.0], "c": ["never seen", "x"]}))
    assert out.tolist() == [[0, 0, 0], [0, 1, 0]]


def test_transform_does_not_learn(frame):
    encoder = TabularEncoder(("n",), ("c",)).fit(frame)
    before = encoder.transform(frame)
    encoder.transform(frame.assign(n=1e6))
    assert (encoder.transform(frame) == before).all()
    assert (encoder.transform(frame.iloc[::-1])[::-1] == before).all()


def test_leave_one_out_leaves_the_row_s_whole_group_out():
    """Families that travel in parties: a party's labels say nothing of its own members, the family's other ones do."""
    X = pd.DataFrame({"family": ["a", "a", "a", "a", None, "b", "b"]}, index=[3, 9, 1, 2, 0, 7, 8])
    y, party = np.array([1, 1, 0, 0, 1, 1, 0]), np.array([5, 5, 6, 7, 7, 8, 8])
    means = LeaveOneOutMean().fit_transform(X, y, groups=party)[:, 0]
    np.testing.assert_allclose(means, [0, 0, 2 / 3, 2 / 3, 0.5, 0.5, 0.5])
    alone = LeaveOneOutMean().fit_transform(X, y, groups=np.arange(7))
    np.testing.assert_array_equal(alone, LeaveOneOutMean().fit_transform(X, y))
    np.testing.assert_allclose(alone[:, 0], [1 / 3, 1 / 3, 2 / 3, 2 / 3, 0.5, 0, 1])


def test_the_encoder_hands_groups_to_the_steps_that_ask_for_them():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "family": rng.choice(list("abcd"), 60)})
    y, groups = rng.integers(0, 2, 60), rng.integers(9, size=60)
    encoder = TabularEncoder(("x",), extra=(("fate", LeaveOneOutMean(), ["family"]),))
    fate = LeaveOneOutMean().fit_transform(X[["family"]], y, groups)
    expected = (fate - fate.mean()) / fate.std()
    np.testing.assert_allclose(encoder.fit_transform(X, y, groups=groups)[:, 1:], expected, rtol=1e-5)
    assert not np.allclose(encoder.fit_transform(X, y)[:, 1:], expected)
    plain = TabularEncoder(("x",))  # nothing in it asks
    np.testing.assert_array_equal(plain.fit_transform(X, y, groups=groups), plain.fit_transform(X, y))
