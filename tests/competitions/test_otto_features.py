"""Otto's views of the counts, against sums by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import TfidfTransformer

from competitions.otto import features
from competitions.otto.competition import COMPETITION
from competitions.otto.features import PiecewiseLinear, make_encoder, make_pieces_encoder, make_two_views_encoder
from pipelines.encoders import blocks


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.poisson(rng.gamma(0.5, 3, 6), (400, 6)), columns=[f"feat_{i}" for i in range(1, 7)])


VIEWS = {
    "log": np.log1p,
    "root": lambda x: np.sqrt(x + 0.375),
    "tf-idf": lambda x: TfidfTransformer(sublinear_tf=True).fit_transform(x).toarray(),
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_and_its_totals_standardised(view, counts):
    x = counts.to_numpy(float)
    expected = np.column_stack([VIEWS[view](x), np.log1p(x.sum(axis=1)), (x > 0).sum(axis=1)])
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    encoded = make_encoder(view).fit_transform(counts)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, expected, atol=1e-5)


def test_tf_idf_is_learned_from_the_rows_of_fit_only(counts):
    encoder = make_encoder("tf-idf").fit(counts[:200])
    alone = encoder.transform(counts[200:210])
    np.testing.assert_array_equal(alone, encoder.transform(counts[200:])[:10])


def test_two_views_stand_side_by_side(counts):
    both = make_two_views_encoder().fit(counts[:200]).transform(counts[200:])
    apart = [make_encoder(view).fit(counts[:200]).transform(counts[200:]) for view in ("root", "tf-idf")]
    np.testing.assert_array_equal(both, np.hstack(apart))
    assert both.dtype == np.float32


def test_pieces_fill_from_the_left():
    one = pd.DataFrame({"feat_1": [0, 0, 1, 3, 7, 7, 15, 31]})
    encoder = PiecewiseLinear(n_bins=2).fit(one)
    low, high = 0.0, np.log1p(31.0)
    middle = (np.log1p(3.0) + np.log1p(7.0)) / 2
    x = np.log1p([0.0, 3.0, 7.0, 31.0, 63.0])
    expected = np.column_stack(
        [np.clip((x - low) / (middle - low), None, 1), np.clip((x - middle) / (high - middle), 0, None)]
    )
    encoded = encoder.transform(pd.DataFrame({"feat_1": [0, 3, 7, 31, 63]}))
    np.testing.assert_allclose(encoded, expected, atol=1e-6)


def test_a_column_of_one_value_has_no_pieces(counts):
    constant = counts.assign(feat_2=0, feat_3=np.arange(400) == 0)  # one bin
    columns = PiecewiseLinear(n_bins=10).fit(constant).columns_
    assert set(columns) == {0, 3, 4, 5}
    encoded = make_pieces_encoder().fit(constant).transform(constant)
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()


def test_the_sample_has_the_zeros_and_shares_of_the_real_rows():
    train = COMPETITION.make_sample()["train.csv"]
    assert (train.filter(like="feat") == 0).to_numpy().mean() == pytest.approx(0.80, abs=0.02)
    shares = train["target"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(shares, [0.031, 0.261, 0.129, 0.044, 0.044, 0.228, 0.046, 0.137, 0.080], atol=0.02)


def test_pieces_are_made_in_blocks(counts, monkeypatch):
    encoder = PiecewiseLinear(n_bins=10).fit(counts)
    whole = encoder.transform(counts)
    monkeypatch.setattr(features, "ROWS_AT_A_TIME", 7)
    np.testing.assert_array_equal(encoder.transform(counts), whole)


@pytest.mark.parametrize("name", [name for name, each in COMPETITION.variants.items() if each.make_model])
def test_every_network_encodes_and_answers(name):
    variant, frames = COMPETITION.variants[name], COMPETITION.make_sample()
    counts = frames["train.csv"].drop(columns=["id", "target"])
    encoder = variant.make_encoder().fit(counts)
    encoded = encoder.transform(counts[:32])
    assert encoded.dtype == np.float32
    model = variant.make_model(encoded.shape[1], 9).eval()
    assert model(torch.from_numpy(encoded)).shape == (32, 9)


@pytest.mark.parametrize("make", [make_encoder, make_pieces_encoder, make_two_views_encoder])
def test_views_of_a_fold_are_made_in_blocks(counts, monkeypatch, make):
    whole = make().fit_transform(counts)
    monkeypatch.setattr(blocks, "ROWS_AT_A_TIME", 37)
    np.testing.assert_allclose(make().fit_transform(counts), whole, atol=1e-5)


@pytest.mark.parametrize("kind", ["float32", "int16", "float64"])
def test_views_do_not_depend_on_the_type_that_holds_the_counts(counts, kind):
    large = counts.assign(feat_1=counts["feat_1"] + 30_000)
    for make in (make_pieces_encoder, make_two_views_encoder, features.make_counts_encoder):
        np.testing.assert_array_equal(make().fit_transform(large.astype(kind)), make().fit_transform(large))
