"""Encoders that work a block at a time give what they give in one go."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from pipelines.encoders import DefaultEncoder, InBlocks, StandardisedInBlocks, blocks


class Seen(TransformerMixin, BaseEstimator):
    """Remembers how many rows it was given at a time."""

    def fit(self, X, y=None):
        self.fitted_ = len(X)
        self.seen_ = []
        return self

    def transform(self, X):
        self.seen_.append(len(X))
        return X


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(3, 2, (23, 4)), columns=list("abcd"))


@pytest.fixture(params=[1, 5, 23, 40])
def few_at_a_time(request, monkeypatch):
    monkeypatch.setattr(blocks, "ROWS_AT_A_TIME", request.param)
    return request.param


def test_rows_are_fitted_at_once_and_encoded_in_blocks(rows, few_at_a_time):
    encoder = InBlocks(FeatureUnion([("same", Seen()), ("scaled", StandardScaler())]))
    encoded = encoder.fit_transform(rows)
    expected = np.hstack([rows, StandardScaler().fit_transform(rows)], dtype=np.float32)
    np.testing.assert_array_equal(encoded, expected)
    assert encoded.dtype == np.float32
    seen = encoder.encoder.transformer_list[0][1]
    assert seen.fitted_ == 23
    assert max(seen.seen_) == min(few_at_a_time, 23)
    assert sum(seen.seen_) == 23
    np.testing.assert_array_equal(encoder.transform(rows[:7]), encoded[:7])


def test_scales_are_learned_from_all_blocks(rows, few_at_a_time):
    encoder = StandardisedInBlocks(FunctionTransformer(np.square)).fit(rows)
    whole = make_pipeline(FunctionTransformer(np.square), StandardScaler()).fit(rows)
    np.testing.assert_allclose(encoder.transform(rows), whole.transform(rows), atol=1e-6)
    if few_at_a_time >= len(rows):  # in one block, to the last bit
        np.testing.assert_array_equal(encoder.transform(rows), whole.transform(rows).astype(np.float32))
    again = StandardisedInBlocks(FunctionTransformer(np.square)).fit_transform(rows)
    np.testing.assert_array_equal(again, encoder.transform(rows))


def test_sparse_rows_arrays_and_no_rows_are_encoded(few_at_a_time):
    words = pd.DataFrame({"word": list("abcab" * 3)})
    encoder = InBlocks(OneHotEncoder()).fit(words)
    assert isinstance(encoder.encoder.transform(words), csr_array) or encoder.encoder.sparse_output
    np.testing.assert_array_equal(encoder.transform(words)[:3], np.eye(3))
    numbers = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(InBlocks(FunctionTransformer()).fit_transform(numbers), numbers)
    assert InBlocks(FunctionTransformer()).fit(numbers).transform(numbers[:0]).shape == (0, 2)


def test_any_frame_is_encoded_in_blocks_as_in_one_go(monkeypatch):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "number": rng.lognormal(size=200),
            "gaps": np.where(rng.random(200) < 0.2, np.nan, rng.normal(size=200)),
            "few": rng.integers(0, 4, 200),
            "word": rng.choice(list("abc"), 200),
        }
    )
    for some in (frame, frame.drop(columns="word")):
        whole = DefaultEncoder().fit(some)
        encoded = whole.transform(some)
        assert encoded.dtype == np.float32
        with monkeypatch.context() as changed:
            changed.setattr(blocks, "ROWS_AT_A_TIME", 7)
            np.testing.assert_array_equal(DefaultEncoder().fit_transform(some), encoded)
            np.testing.assert_array_equal(whole.transform(some), encoded)
            np.testing.assert_array_equal(whole.transform(some.iloc[3:20]), encoded[3:20])
