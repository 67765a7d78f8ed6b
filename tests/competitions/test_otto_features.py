"""Otto's views of the counts, against sums by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import TfidfTransformer

from competitions.otto import features
from competitions.otto.competition import COMPETITION, tabm_of_places
from competitions.otto.features import (
    BINS,
    PiecewiseLinear,
    Places,
    make_encoder,
    make_pieces_encoder,
    make_places_encoder,
    make_two_views_encoder,
)
from competitions.otto.networks import PiecesOfPlaces
from pipelines.encoders import blocks
from pipelines.metrics import log_loss
from pipelines.training.fit import Encoded, Group, Job, Rows, fit
from pipelines.training.targets import CrossEntropy


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


def test_a_place_says_what_the_pieces_say(counts):
    """The pieces of log counts, made of places, column by column."""
    train, other = counts[:200], counts[200:].clip(upper=counts[:200].max(), axis=1)
    pieces = PiecewiseLinear(n_bins=10).fit(train)
    logs = np.log1p(train.to_numpy(np.float32))
    places = Places(n_bins=10).fit(logs).transform(np.log1p(other.to_numpy(np.float32)))
    made = np.clip(places[:, :, None] - np.arange(10), 0, 1)
    n_bins = [len(np.unique(np.quantile(column, np.linspace(0, 1, 11)).astype(np.float32))) - 1 for column in logs.T]
    expected = np.concatenate([made[:, i, : n_bins[i]] for i in pieces.columns_], axis=1)
    np.testing.assert_allclose(pieces.transform(other), expected, atol=1e-4)
    assert places.dtype == np.float32
    assert (made[:, 0, n_bins[0] :] == 0).all()


def test_places_of_counts_and_totals_are_learned_from_the_rows_of_fit_only(counts):
    encoder = make_places_encoder().fit(counts[:200])
    alone = encoder.transform(counts[200:210])
    np.testing.assert_array_equal(alone, encoder.transform(counts[200:])[:10])
    assert alone.shape == (10, 2 * (counts.shape[1] + 2))
    assert alone.dtype == np.float32
    log, of_fit = np.split(encoder.transform(counts[:200]), 2, axis=1)
    np.testing.assert_array_equal(log, make_encoder("log").fit(counts[:200]).transform(counts[:200]))
    assert of_fit.min() == 0
    assert (
        of_fit.max(axis=0)[-2] == len(np.unique(np.quantile(counts[:200].sum(axis=1), np.linspace(0, 1, BINS + 1)))) - 1
    )


def test_embeddings_of_places_have_a_slope_for_each_bin():
    torch.manual_seed(0)
    pieces = PiecesOfPlaces(2, n_bins=4, d_embedding=3)
    torch.nn.init.normal_(pieces.linear.weight)
    at = lambda number, place: pieces(torch.tensor([[number, 7.0, place, 3.0]]))[0, 0]  # noqa: E731
    torch.testing.assert_close(at(3.0, 2.5) - at(1.0, 2.5), 2 * pieces.linear0.weight[0])
    for low in range(4):
        for share in (0.5, 1.0):
            slope = share * pieces.linear.weight[0, low]
            torch.testing.assert_close(at(1.0, low + share) - at(1.0, float(low)), slope, atol=1e-5, rtol=1e-4)


def test_a_small_wide_tabm_learns_its_rows_by_the_loss_of_each_network(counts):
    """Its training loss is the mean over the losses of its networks, which is no less than that of their mean."""
    y = np.array(counts["feat_1"] > counts["feat_2"], dtype=np.int64)
    encoder = make_places_encoder()
    inputs = torch.tensor(encoder.fit_transform(counts))
    variant = COMPETITION.variants["wide-tabm"]
    assert (variant.recipe.batch_size, variant.recipe.lr, variant.make_model.args) == (512, 3e-3, (1008, 32, 0.12))
    rows, job = Rows(inputs=inputs, target=torch.from_numpy(y)), Job("wide-tabm", 0, 0, 0)
    group = Group(
        jobs=(job,), encode=lambda _fold: Encoded(rows), make_model=tabm_of_places(16, k=4), n_outputs=2,
        recipe=replace(variant.recipe, batch_size=64, epochs=12), metric=log_loss, device=torch.device("cpu"),
    )  # fmt: skip
    trained = fit(group).networks[job]
    assert trained.history.losses[-1] < 0.4
    model = trained.model.train()
    for dropout in (each for each in model.modules() if isinstance(each, torch.nn.Dropout)):
        dropout.p = 0.0
    with torch.no_grad():
        answers, target = model(inputs), torch.from_numpy(y)
        each = [float(torch.nn.functional.cross_entropy(answers[:, i], target)) for i in range(4)]
        together = float(torch.nn.functional.nll_loss(answers.softmax(dim=-1).mean(dim=1).log(), target))
    assert float(CrossEntropy()(answers, target)) == pytest.approx(np.mean(each), rel=1e-5)
    assert together < np.mean(each)
