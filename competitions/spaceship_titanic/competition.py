"""Spaceship Titanic: 8,693 passengers with their fate, 4,277 without; accuracy counts."""

import pandas as pd
import pandera.pandas as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from competitions.spaceship_titanic.sample import make_sample
from pipelines.competition import Competition, Preset, Recipe
from pipelines.metrics import accuracy
from pipelines.settings.variants import mlp, trees

BOTH = ("network", "trees")
BILLS = ["RoomService", "FoodCourt", "ShoppingMall", "Spa", "VRDeck"]  # who sleeps through the journey pays none
PLANETS = ["Earth", "Europa", "Mars"]
DESTINATIONS = ["55 Cancri e", "PSO J318.5-22", "TRAPPIST-1e"]

SCHEMA = pa.DataFrameSchema(
    {
        "HomePlanet": pa.Column(str, pa.Check.isin(PLANETS), nullable=True),
        "CryoSleep": pa.Column("boolean", nullable=True),
        "Cabin": pa.Column(str, nullable=True),  # deck/number/side, which the encoder parts
        "Destination": pa.Column(str, pa.Check.isin(DESTINATIONS), nullable=True),
        "Age": pa.Column(float, pa.Check.in_range(0, 120), nullable=True),
        "VIP": pa.Column("boolean", nullable=True),
        "Name": pa.Column(str, nullable=True),
    }
    | {bill: pa.Column(float, pa.Check.in_range(0, 100_000), nullable=True) for bill in BILLS}
)


def party_of(rows: pd.DataFrame) -> pd.Series:
    """Who travels together: 0013_01 and 0013_02. No party is in both files, so none may be in two folds."""
    return rows["PassengerId"].str.split("_").str[0]


def add_features(rows: pd.DataFrame) -> pd.DataFrame:
    """How many travel together, and what a passenger spends in all."""
    party_size = rows.groupby(party_of(rows))["PassengerId"].transform("size")
    return rows.assign(party_size=party_size, spent=rows[BILLS].sum(axis=1))


COMPETITION = Competition(
    slug="spaceship-titanic",
    id_column="PassengerId",
    target="Transported",
    classes=(False, True),
    metric=accuracy,
    submit="labels",
    sample_submission="sample_submission.csv",
    groups=party_of,
    schema=SCHEMA,
    add_features=add_features,
    variants={
        "network": mlp(128, 64, norm="batch", dropout=0.4, recipe=Recipe(epochs=20, batch_size=256, lr=3e-3)),
        "trees": trees(HistGradientBoostingClassifier, max_iter=200, max_leaf_nodes=16),
    },
    presets={
        "fast": Preset(folds=5, seeds=2, variants=BOTH),
        "best": Preset(folds=10, seeds=4, variants=BOTH),
    },
    make_sample=make_sample,
)
