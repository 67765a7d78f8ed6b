"""What is searched around a network, and a candidate as a line to paste."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from competitions.titanic import competition as titanic_file
from pipelines.competition import Recipe, Variant
from pipelines.data.sources import from_sample
from pipelines.data.tables import read
from pipelines.encoders import DefaultEncoder, TabularEncoder
from pipelines.errors import UsageError
from pipelines.features.frames import make_features
from pipelines.models import MLP
from pipelines.settings import variants
from pipelines.settings.lookup import load
from pipelines.settings.tuned import Candidate
from pipelines.settings.variants import mlp
from pipelines.tune.space import base_of, plain_of, space_of

ROWS = pd.DataFrame({"signal": np.linspace(-1, 1, 40) ** 3, "noise": np.arange(40) % 7 * 1.5})
Y = np.arange(40) % 2


def space(competition, variant, rows=ROWS):
    return space_of(replace(competition, variants={"network": variant}), "network", rows, Y)


@pytest.fixture
def small(toy):
    """A network of two layers that halve, with the default encoder."""
    recipe = Recipe(epochs=10, lr=4e-3, weight_decay=0.02, batch_size=32)
    return space(toy, mlp(64, 32, dropout=0.3, recipe=recipe))


def test_the_space_lies_around_the_default(small):
    assert small.choices["width"] == (16, 32, 64, 128, 256)
    assert small.choices["epochs"] == (5, 10, 20)
    assert small.choices["pieces"] == (0, 8, 16, 32)
    assert "text" not in small.choices
    assert small.ranges["lr"] == (5e-4, 0.032)
    assert small.start == {
        "layers": 2, "width": 64, "taper": "halving", "epochs": 10, "pieces": 16, "dropout": 0.3,
        "input_dropout": 0.0, "lr": 4e-3, "weight_decay": 0.02,
    }  # fmt: skip
    assert small.candidate(small.start).hidden == (64, 32)


def test_text_is_a_choice_where_there_is_some(toy):
    words = [f"word{i}" for i in range(15)]
    texts = [" ".join(np.random.default_rng(i).permutation(words)) for i in range(40)]
    found = space(toy, mlp(8, recipe=Recipe(epochs=2)), ROWS.assign(said=texts))
    assert found.choices["text"] == ("leave", "tfidf")


def test_another_network_lends_its_encoder_and_recipe_only(toy):
    recipe = Recipe(epochs=8, patience=3)
    variant = Variant(
        make_encoder=StandardScaler, make_model=lambda d, c: nn.Sequential(nn.Linear(d, 5), nn.Tanh(), nn.Linear(5, c)),
        recipe=recipe,
    )  # fmt: skip
    found = space(toy, variant)
    assert (found.start, found.plain.hidden, found.plain.activation) == (None, (64,), "silu")
    assert found.recipe.patience is None  # the scored fold, and rows beside it, choose nothing
    assert "pieces" not in found.choices


def test_widths_that_no_choice_makes_are_no_start(toy):
    found = space(toy, mlp(64, 48, recipe=Recipe(epochs=2)))
    assert found.start is None
    assert found.first["width"] == 64


def test_bytes_of_images_are_refused(toy):
    encoder = partial(FunctionTransformer, lambda rows: rows.to_numpy(dtype=np.uint8))
    variant = Variant(make_encoder=encoder, make_model=lambda d, c: MLP([d, c]))
    with pytest.raises(UsageError, match="gives bytes"):
        space(toy, variant, ROWS.abs())


@pytest.mark.parametrize("layers", range(5))
def test_each_depth_has_as_many_hidden_layers_none_narrower_than_eight(small, layers):
    params = dict(small.start) | {"layers": layers, "width": 16}
    assert small.candidate(params).hidden == (16, 8, 8, 8)[:layers]
    assert small.candidate(params | {"taper": "even"}).hidden == (16,) * layers
    assert ("dropout" in small.candidate(params).layers) == (layers > 0)


def test_numbers_are_trained_as_they_are_printed(small):
    params = dict(small.start) | {"lr": 0.00123456, "weight_decay": 0.0456789, "dropout": 0.234567}
    found = small.candidate(params)
    assert (found.recipe.lr, found.recipe.weight_decay, found.layers["dropout"]) == (0.00123, 0.0457, 0.23)


def test_candidates_with_and_without_dropout_are_of_two_shapes(small):
    start = dict(small.start)
    assert small.shape(start) == small.shape(start | {"lr": 1e-3, "dropout": 0.5, "weight_decay": 0.3})
    assert small.shape(start) != small.shape(start | {"dropout": 0.0})
    assert small.shape(start) != small.shape(start | {"pieces": 0})


def test_what_consists_of_no_mlp_is_not_read_as_one():
    assert plain_of(nn.Sequential(nn.Linear(3, 2))) is None
    found = plain_of(MLP([9, 30, 20, 2], norm="layer", dropout=0.2, input_dropout=0.1, activation="tanh"))
    assert (found.hidden, found.activation, found.norm) == ((30, 20), "tanh", "layer")
    assert (found.dropout, found.input_dropout) == (0.2, 0.1)


def test_the_first_network_of_the_preset_is_searched_around(titanic):
    assert base_of(titanic, "fast", None) == "network"
    with pytest.raises(UsageError, match=r"hist-gradient-boosting is no network .*networks: network"):
        base_of(titanic, "fast", "hist-gradient-boosting")


def parts(variant):
    return repr(variant.make_model(7, 2)), repr(variant.make_encoder()), variant.recipe


def pasted(line, **names):
    return eval(line, {"mlp": mlp, "Recipe": Recipe, "partial": partial, **names})


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate(base="network", hidden=(64, 64), layers={"activation": "silu", "dropout": 0.35}),
        Candidate(base="network", layers={"activation": "relu", "norm": "batch", "input_dropout": 0.1}),
        Candidate(
            base="network", hidden=(8,), layers={"activation": "silu"}, encoder={"pieces": 8, "text": "tfidf"},
            recipe=Recipe(epochs=7, lr=1.23e-3, weight_decay=3e-4, schedule="cosine", bfloat16=True),
        ),
        Candidate(base="network", encoder={"pieces": 16, "text": "leave"}, layers={"activation": "silu"}),
    ],
)  # fmt: skip
def test_the_printed_line_is_the_variant(toy, candidate):
    competition = replace(toy, variants={"network": mlp(8, recipe=Recipe())})
    assert parts(pasted(candidate.expression(competition))) == parts(candidate.variant(competition))


def test_an_encoder_of_a_competitions_own_is_named(titanic):
    candidate = Candidate(base="network", hidden=(32,), layers={"activation": "silu"}, recipe=Recipe(epochs=3))
    line = candidate.expression(titanic)
    assert line == "mlp(32, make_encoder=make_encoder, recipe=Recipe(epochs=3))"
    assert parts(pasted(line, make_encoder=titanic_file.make_encoder)) == parts(candidate.variant(titanic))


def test_an_encoder_of_other_options_is_written_out(toy):
    variant = Variant(make_encoder=partial(DefaultEncoder, max_one_hot=4), make_model=lambda d, c: MLP([d, c]))
    competition = replace(toy, variants={"network": variant})
    candidate = Candidate(base="network", encoder={"pieces": 0}, layers={"activation": "silu"})
    line = candidate.expression(competition)
    assert parts(pasted(line, DefaultEncoder=DefaultEncoder)) == parts(candidate.variant(competition))
    of_columns = replace(variant, make_encoder=partial(TabularEncoder, ("signal", "noise")))
    line = candidate.expression(replace(toy, variants={"network": of_columns}))
    assert 'make_encoder=partial(TabularEncoder, ("signal", "noise"))' in line


def test_the_pieces_of_a_ready_made_network_are_the_default_encoders_own():
    assert DefaultEncoder().pieces == variants.PIECES
    assert mlp(4, recipe=Recipe(), pieces=0).make_encoder().pieces == 0


@pytest.mark.parametrize("name", ["house_prices", "otto", "spaceship_titanic", "titanic"])
def test_the_networks_of_the_competitions_here_can_be_searched_around(name):
    competition = load(name)
    features = make_features(competition, read(competition, from_sample(competition)))
    rows, y = features.train.iloc[:300], features.y[:300]
    found = space_of(competition, base_of(competition, "fast", None), rows, y)
    assert found.start is not None
    assert found.candidate(found.start).variant(competition).recipe == found.recipe
