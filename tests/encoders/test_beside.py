import numpy as np
import pandas as pd
import pytest

from pipelines.encoders import DefaultEncoder, LeaveOneOutMean, TabularEncoder
from pipelines.encoders.beside import BesideEncoder


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"a": rng.normal(size=100), "b": rng.normal(size=100), "kind": rng.choice(["x", "y", "z"], 100)}
    )


def test_a_column_that_the_own_encoder_does_not_look_at_stands_beside_what_it_gives(frame):
    encoder = BesideEncoder(TabularEncoder(("a",)), ("b", "kind"), pieces=0)
    encoded = encoder.fit_transform(frame)
    alone = TabularEncoder(("a",)).fit_transform(frame)
    beside = DefaultEncoder(pieces=0).fit_transform(frame[["b", "kind"]])
    assert encoder.columns_ == ["b", "kind"]
    np.testing.assert_array_equal(encoded, np.hstack([alone, beside]))
    np.testing.assert_array_equal(encoder.transform(frame[:7]), encoded[:7])


def test_a_column_that_it_looks_at_is_not_encoded_twice(frame):
    encoder = BesideEncoder(TabularEncoder(("a", "b")), ("b", "kind"), pieces=0)
    encoder.fit(frame)
    assert encoder.columns_ == ["kind"]
    whole = BesideEncoder(DefaultEncoder(), ("b", "kind"))
    np.testing.assert_array_equal(whole.fit_transform(frame), DefaultEncoder().fit_transform(frame))
    assert whole.columns_ == []
    np.testing.assert_array_equal(whole.transform(frame[:5]), whole.own.transform(frame[:5]))


def test_what_it_learns_it_learns_from_the_training_rows(frame):
    encoder = BesideEncoder(TabularEncoder(("a",)), ("b",), pieces=0)
    encoder.fit(frame[:50])
    changed = frame.assign(b=frame["b"].where(frame.index < 50, 1e3))
    other = BesideEncoder(TabularEncoder(("a",)), ("b",), pieces=0)
    other.fit(changed[:50])
    np.testing.assert_array_equal(encoder.transform(frame[:50]), other.transform(frame[:50]))


def test_both_encoders_hear_of_groups(frame):
    y, groups = (frame["a"] > 0).to_numpy().astype(np.int64), np.arange(100) // 4
    frame = frame.assign(many=[f"m{i // 5}" for i in range(100)])
    own = TabularEncoder(extra=(("fate", LeaveOneOutMean(), ["kind"]),))
    encoder = BesideEncoder(own, ("many",), pieces=0)
    encoded = encoder.fit_transform(frame, y, groups)
    alone = TabularEncoder(extra=(("fate", LeaveOneOutMean(), ["kind"]),)).fit_transform(frame, y, groups=groups)
    beside = DefaultEncoder(pieces=0).fit_transform(frame[["many"]], y, groups)
    np.testing.assert_array_equal(encoded, np.hstack([alone, beside]))


def test_notes_of_both_are_told_and_a_column_that_holds_one_value_adds_nothing(frame):
    frame = frame.assign(same="s", day=pd.date_range("2020-01-01", periods=100).astype(str))
    encoder = BesideEncoder(TabularEncoder(("a",)), ("same",))
    np.testing.assert_array_equal(encoder.fit_transform(frame), encoder.own.transform(frame))
    assert encoder.notes_ == ["same is left out: every training row holds the same value"]
    assert encoder.transform(frame[:3]).shape == (3, 1)
    both = BesideEncoder(DefaultEncoder(), ("day",))
    both.own = DefaultEncoder()
    both.fit(frame[["a", "day"]])
    assert any(note.startswith("day") for note in both.notes_)
