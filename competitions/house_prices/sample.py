"""Made houses in the form of the competition's files: drawn column by column, none was ever sold."""

import pandas as pd

from competitions.house_prices.columns import CATEGORIES, GAPS, NUMBERS
from pipelines.made import Categories, Made, MadeFiles, Numbers

COLUMNS: dict[str, Made] = {}
for name, (low, middle, high) in (item for columns in NUMBERS.values() for item in columns.items()):
    COLUMNS[name] = Numbers((low, (low + middle) // 2, middle, (middle + high) // 2, high), gaps=GAPS.get(name, 0.0))
for name, values in CATEGORIES.items():  # the second value is half as frequent as the first, the third a third
    shares = {value: 1 / (i + 1) for i, value in enumerate(values.split("|"))}
    COLUMNS[name] = Categories(shares, GAPS.get(name, 0.0))


def make_sample() -> dict[str, pd.DataFrame]:
    """The three files, always the same."""
    return MadeFiles(
        columns=COLUMNS, target="SalePrice", values=Numbers((61_800, 130_000, 163_000, 214_000, 443_000)), id="Id",
        sample_id="Id", files=("train.csv", "test.csv", "sample_submission.csv"), predicted={"SalePrice": 163_000},
    ).make()  # fmt: skip
