"""A toy search: few rows, small networks, trials counted in place of minutes."""

from dataclasses import replace

import toys

from pipelines.competition import Recipe
from pipelines.encoders import TabularEncoder
from pipelines.settings.variants import mlp
from pipelines.tune.search import Clock, Pace, Search
from pipelines.tune.space import space_of
from pipelines.tune.study import Asked
from pipelines.tune.training import Trainer
from pipelines.validation.splits import split

RECIPE = Recipe(epochs=2, batch_size=64, lr=0.02)


def searched(toy, recipe=RECIPE):
    """The toy with a small MLP on its two columns."""
    encoder = lambda: TabularEncoder(("signal", "noise"))  # noqa: E731
    network = mlp(16, dropout=0.2, input_dropout=0.1, recipe=recipe, make_encoder=encoder)
    return replace(toy, variants={"network": network})


def trainer_of(toy, n=120, folds=3, seeds=2, features=None):
    features = toys.make_features(n=n, n_test=5) if features is None else features
    found = split(features.y, folds, 0, features.twins, groups=features.groups, time=features.time)
    return Trainer(searched(toy), features, found, seeds, 0, "cpu")


def space_for(toy, features=None):
    features = toys.make_features(n=120, n_test=5) if features is None else features
    return space_of(searched(toy), "network", features.train, features.y)


def search_of(storage, toy, limit, name="x", clock=None, **more):
    study = storage.study(name, greater_is_better=True, seed=0)
    asked = Asked(study, space_for(toy), storage)
    return Search(asked, trainer_of(toy, **more), clock or Clock(float("inf")), Pace(), limit)
