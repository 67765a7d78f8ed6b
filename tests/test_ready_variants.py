"""Ready-made variants are those that one would write out, and can be handed to other processes."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from pipelines.competition import Recipe
from pipelines.encoders import DefaultEncoder
from pipelines.models import MLP
from pipelines.settings.variants import mlp, trees

ROWS = pd.DataFrame({"x": np.arange(40.0), "note": [f"some words of row {i}" for i in range(40)]})


def test_a_network_is_the_one_that_is_written_out():
    recipe = Recipe(epochs=3)
    ready = pickle.loads(pickle.dumps(mlp(8, 4, recipe=recipe, norm="batch", dropout=0.4)))
    assert ready.recipe == recipe
    torch.manual_seed(0)
    made = ready.make_model(5, 3)
    torch.manual_seed(0)
    written = MLP([5, 8, 4, 3], activation="silu", norm="batch", dropout=0.4)
    assert repr(made) == repr(written)
    assert all(map(torch.equal, made.parameters(), written.parameters()))
    assert ready.make_model(5, 3) is not ready.make_model(5, 3)
    assert "ReLU" in repr(mlp(8, recipe=recipe, activation="relu").make_model(5, 3))


def test_trees_part_no_groups_by_early_stopping_unless_they_are_told_to():
    made = trees(HistGradientBoostingRegressor, max_iter=7).make_estimator()
    assert isinstance(made, HistGradientBoostingRegressor)
    assert (made.max_iter, made.learning_rate, made.early_stopping, made.random_state) == (7, 0.05, False, 0)
    other = pickle.loads(pickle.dumps(trees(HistGradientBoostingClassifier, random_state=None, early_stopping=True)))
    assert (other.make_estimator().random_state, other.make_estimator().early_stopping) == (None, True)


@pytest.mark.parametrize("text", ["leave", "tfidf"])
def test_both_begin_with_the_default_encoder(text):
    y = np.arange(40) % 2
    network, forest = mlp(8, recipe=Recipe(), text=text), trees(HistGradientBoostingClassifier, text=text)
    for variant, plain in (
        (network, DefaultEncoder(text=text)), (forest, DefaultEncoder(text=text, for_trees=True)),
    ):  # fmt: skip
        expected = plain.fit_transform(ROWS, y)
        np.testing.assert_array_equal(variant.make_encoder().fit_transform(ROWS, y), expected)
