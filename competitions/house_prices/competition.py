"""House Prices: 1,460 houses with their price, 1,459 without; the error of the price's logarithm counts."""

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from competitions.house_prices.columns import SCHEMA
from competitions.house_prices.sample import make_sample
from pipelines.competition import Competition, Number, Preset, Recipe
from pipelines.metrics import rmsle
from pipelines.settings.variants import mlp, trees


def add_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The floors together, and the house's age: sums and differences, which trees find hard."""
    square_feet = rows[["TotalBsmtSF", "1stFlrSF", "2ndFlrSF"]].sum(axis=1)
    baths = rows[["FullBath", "BsmtFullBath"]].sum(axis=1) + rows[["HalfBath", "BsmtHalfBath"]].sum(axis=1) / 2
    return rows.assign(square_feet=square_feet, baths=baths, age=rows["YrSold"] - rows["YearRemodAdd"])


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
    variants={
        # Batch norm makes prices worse. The trees are small, and each split sees a third of the features.
        "network": mlp(128, 64, dropout=0.3, input_dropout=0.1, recipe=Recipe(epochs=40, batch_size=64, lr=3e-3)),
        "trees": trees(HistGradientBoostingRegressor, max_iter=300, max_leaf_nodes=8, max_features=0.3),
    },
    presets={
        "fast": Preset(folds=5, seeds=2, variants=("network", "trees")),
        "best": Preset(folds=10, seeds=4, variants=("network", "trees")),
    },
    make_sample=make_sample,
)
