"""Files of competitions that nobody has a folder for, as Kaggle sends them: made rows, `python made_files.py FOLDER`.

Each function gives file name -> frame. What decides the target are products and turns of columns, which no sum of
columns says, so that a network or trees can beat logistic regression and ridge.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def dealt(rows, n_train, target, key="id", first=0):
    """Rows, with numbers for ids, as train and test."""
    rows = rows.reset_index(drop=True)
    rows.insert(0, key, np.arange(first, first + len(rows)))
    only = [target] if isinstance(target, str) else target
    return rows[:n_train], rows[n_train:].drop(columns=only).reset_index(drop=True)


def loans(n_train=3000, n_test=1000, seed=0):
    """Two classes by AUC: numbers with gaps, categories, truth values; the sample submission says 0.5."""
    rng = np.random.default_rng(seed)
    n = n_train + n_test
    age, income = rng.integers(18, 80, n).astype(float), rng.lognormal(10, 0.6, n).round(2)
    home, grade = rng.choice(["OWN", "RENT", "MORTGAGE"], n, p=[0.2, 0.5, 0.3]), rng.choice(list("ABCDEFG"), n)
    employer = rng.choice([f"firm {i}" for i in range(60)], n)
    pull = {name: rng.normal(0, 0.8) for name in np.unique(employer)}
    rate = rng.uniform(5, 24, n).round(2)
    default = rng.choice(["Y", "N"], n, p=[0.2, 0.8])
    score = (
        1.6 * np.sign(age - 45) * np.sign(rate - 12)
        + 1.2 * (home == "RENT") * np.where(grade < "D", 1, -1)
        + 0.8 * (default == "Y")
        + pd.Series(employer).map(pull).to_numpy()
        - 0.6 * (income > 30_000)
    )
    rows = pd.DataFrame(
        {
            "person_age": age, "person_income": income, "home": home, "employer": employer, "loan_grade": grade,
            "rate": rate, "default_on_file": default,
            "loan_status": (rng.random(n) < 1 / (1 + np.exp(-(score - 1)))).astype(int),
        }
    )  # fmt: skip
    rows.loc[rng.random(n) < 0.1, "rate"] = np.nan
    rows.loc[rng.random(n) < 0.05, "home"] = None
    train, test = dealt(rows, n_train, "loan_status")
    sample = pd.DataFrame({"id": test["id"], "loan_status": 0.5})
    return {"train.csv": train, "test.csv": test, "sample_submission.csv": sample}


def forest(n_train=3500, n_test=1500, seed=0):
    """Labels 1 to 7 by accuracy; one-hot soils that are almost always 0."""
    rng = np.random.default_rng(seed)
    n = n_train + n_test
    height, slope, aspect = rng.integers(1900, 3800, n), rng.integers(0, 60, n), rng.integers(0, 360, n)
    soil = rng.integers(1, 11, n)
    turn = np.sin(np.deg2rad(aspect)) * (slope - 30) / 15
    place = (height - 1900) / 1900 * 7 + 1.5 * turn + 0.6 * (soil % 3 - 1) + rng.normal(0, 0.4, n)
    rows = pd.DataFrame({"Elevation": height, "Aspect": aspect, "Slope": slope})
    for i in range(1, 11):
        rows[f"Soil_Type{i}"] = (soil == i).astype(int)
    rows["Cover_Type"] = np.clip(place.astype(int) + 1, 1, 7)
    train, test = dealt(rows, n_train, "Cover_Type", "Id", first=1)
    sample = pd.DataFrame({"Id": test["Id"], "Cover_Type": 1})
    return {"train.csv": train, "test.csv": test, "sampleSubmission.csv": sample}


def leaves(n_classes=99, n_of_each=12, n_test=594, seed=0):
    """Ninety-nine classes by log loss: a column of the sample submission for each."""
    rng = np.random.default_rng(seed)
    names = [f"{genus}_{kind}" for genus in ("Acer", "Quercus", "Salix") for kind in (f"k{i:02d}" for i in range(33))]
    names = names[:n_classes]
    centre = rng.normal(0, 1, (n_classes, 24))
    codes = np.concatenate([np.repeat(np.arange(n_classes), n_of_each), rng.integers(0, n_classes, n_test)])
    codes[:-n_test] = rng.permutation(codes[:-n_test])
    values = np.abs(centre[codes] + rng.normal(0, 0.55, (len(codes), 24))).round(6)
    rows = pd.DataFrame(values, columns=[f"margin{i}" for i in range(1, 13)] + [f"shape{i}" for i in range(1, 13)])
    rows.insert(0, "species", np.array(names)[codes])
    rows.insert(0, "id", rng.permutation(len(rows)) + 1)
    train, test = rows[:-n_test], rows[-n_test:].drop(columns="species").reset_index(drop=True)
    sample = pd.DataFrame(1 / n_classes, index=test.index, columns=sorted(names))
    sample.insert(0, "id", test["id"])
    return {"train.csv": train, "test.csv": test, "sample_submission.csv": sample}


def bikes(n_hours=4400, seed=0):
    """Counts by RMSLE: a timestamp is the id, months' last days are test rows, two columns are parts of it."""
    rng = np.random.default_rng(seed)
    when = pd.date_range("2031-01-01", periods=n_hours, freq="h")
    hour, weekend = when.hour.to_numpy(), (when.day_of_week >= 5).astype(int)
    temperature = (15 + 10 * np.sin((when.day_of_year.to_numpy() - 100) / 58) + rng.normal(0, 3, n_hours)).round(2)
    rush = np.where(
        weekend, np.exp(-((hour - 14) ** 2) / 18), np.exp(-((hour - 8) ** 2) / 4) + np.exp(-((hour - 18) ** 2) / 6)
    )
    weather = rng.choice([1, 2, 3, 4], n_hours, p=[0.65, 0.25, 0.09, 0.01])
    expected = np.exp(1.5 + 3 * rush + 0.04 * temperature - 0.4 * (weather > 2))
    casual, registered = rng.poisson(expected * 0.2), rng.poisson(expected * 0.8)
    rows = pd.DataFrame(
        {
            "datetime": when.strftime("%Y-%m-%d %H:%M:%S"), "workingday": 1 - weekend, "weather": weather,
            "temp": temperature, "humidity": rng.integers(20, 100, n_hours), "casual": casual,
            "registered": registered, "count": casual + registered,
        }
    )  # fmt: skip
    late = when.day > 19
    test = rows[late].drop(columns=["casual", "registered", "count"]).reset_index(drop=True)
    sample = pd.DataFrame({"datetime": test["datetime"], "count": 0})
    return {"train.csv": rows[~late].reset_index(drop=True), "test.csv": test, "sampleSubmission.csv": sample}


def sales(n_days=400, n_stores=8, seed=0):
    """A number, and test rows that are all later; a further table says more of each store."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2030-03-01", periods=n_days, freq="D")
    stores = pd.DataFrame({"store_nbr": np.arange(1, n_stores + 1), "city": rng.choice(["Quito", "Cuenca"], n_stores)})
    rows = pd.MultiIndex.from_product([days, stores["store_nbr"]], names=["date", "store_nbr"]).to_frame(index=False)
    size = rng.uniform(1, 3, n_stores)[rows["store_nbr"] - 1]
    promotion = rng.integers(0, 20, len(rows))
    week = np.where(rows["date"].dt.day_of_week >= 5, 1.6, 1.0)
    level = 100 * size * week + 6 * promotion * (size - 2)
    rows["onpromotion"] = promotion
    rows["sales"] = (level + rng.normal(0, 12, len(rows))).round(3)
    rows["date"] = rows["date"].dt.strftime("%Y-%m-%d")
    train, test = dealt(rows, (n_days - 16) * n_stores, "sales")
    sample = pd.DataFrame({"id": test["id"], "sales": 0.0})
    return {"train.csv": train, "test.csv": test, "sample_submission.csv": sample, "stores.csv": stores}


FIVE = {"loans": loans, "forest-cover": forest, "leaf-species": leaves, "bike-hours": bikes, "store-days": sales}


def written(files, folder, separator=","):
    """The files in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in files.items():
        sign = "\t" if name.endswith(".tsv") else separator
        (folder / name).write_text(frame.to_csv(index=False, sep=sign, lineterminator="\n"), encoding="utf-8")
    return folder


if __name__ == "__main__":
    for slug, make in FIVE.items():
        print(written(make(), Path(sys.argv[1]) / slug))  # noqa: T201 this is what it is for
