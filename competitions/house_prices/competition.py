"""House Prices: 1,460 houses with their price, 1,459 without; the error of the price's logarithm counts."""

from functools import partial

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import nn

from competitions.house_prices.columns import SCHEMA
from competitions.house_prices.sample import make_sample
from pipelines.competition import Competition, Number, Preset, Recipe, Variant
from pipelines.encoders import DefaultEncoder
from pipelines.metrics import rmsle
from pipelines.models import MLP


def add_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The floors together, and the house's age: sums and differences, which trees find hard."""
    square_feet = rows[["TotalBsmtSF", "1stFlrSF", "2ndFlrSF"]].sum(axis=1)
    baths = rows[["FullBath", "BsmtFullBath"]].sum(axis=1) + rows[["HalfBath", "BsmtHalfBath"]].sum(axis=1) / 2
    return rows.assign(square_feet=square_feet, baths=baths, age=rows["YrSold"] - rows["YearRemodAdd"])


def make_model(n_features: int, n_outputs: int) -> nn.Module:
    """Two hidden layers; batch norm makes prices worse."""
    return MLP([n_features, 128, 64, n_outputs], activation="silu", dropout=0.3, input_dropout=0.1)


def make_trees() -> HistGradientBoostingRegressor:
    """Boosted trees, small and many, each split seeing a third of the features."""
    return HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=300, max_leaf_nodes=8, max_features=0.3, early_stopping=False, random_state=0
    )


VARIANTS = {
    "network": Variant(
        make_encoder=DefaultEncoder,
        make_model=make_model,
        recipe=Recipe(epochs=40, batch_size=64, lr=3e-3, weight_decay=1e-2),
    ),
    "trees": Variant(make_encoder=partial(DefaultEncoder, for_trees=True), make_estimator=make_trees),
}

COMPETITION = Competition(
    slug="house-prices-advanced-regression-techniques",
    id_column="Id",
    target="SalePrice",
    number=Number(transform="log1p"),  # networks and trees learn log(1 + price)
    metric=rmsle,  # Kaggle: "RMSE between the logarithm of the predicted value and of the observed sales price"
    submit="values",
    sample_submission="sample_submission.csv",
    schema=SCHEMA,
    add_features=add_features,
    variants=VARIANTS,
    presets={
        "fast": Preset(folds=5, seeds=2, variants=tuple(VARIANTS)),
        "best": Preset(folds=10, seeds=4, variants=tuple(VARIANTS)),
    },
    make_sample=make_sample,
)
