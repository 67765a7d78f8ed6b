"""Made products in the form of the competition's files, for a machine without the data.

Nine classes in about the real shares; each class has rates of its own for the 93 counts, about 80 % of
which are zero. Classes 2, 3 and 4 resemble each other, as they do in the real data.
"""

import numpy as np
import pandas as pd

N_TRAIN, N_TEST = 3000, 1500
SHARES = np.array([0.031, 0.261, 0.129, 0.044, 0.044, 0.228, 0.046, 0.137, 0.080])  # of the real classes
CLASSES = tuple(f"Class_{i}" for i in range(1, 10))
FEATURES = tuple(f"feat_{i}" for i in range(1, 94))


def make_sample(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Made `train.csv` (3000 x 95), `test.csv` (1500 x 94) and `sampleSubmission.csv` (1500 x 10)."""
    return make_products(N_TRAIN, N_TEST, seed)


def make_products(n_train: int, n_test: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The three files with so many rows."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(9), _class_sizes(n_train + n_test)))
    counts = pd.DataFrame(_counts(rng, codes), columns=list(FEATURES))
    train, test = counts[:n_train].copy(), counts[n_train:].reset_index(drop=True)
    train.insert(0, "id", np.arange(1, n_train + 1))
    test.insert(0, "id", np.arange(1, n_test + 1))  # Kaggle numbers both files from 1
    train["target"] = np.array(CLASSES)[codes[:n_train]]
    example = pd.DataFrame(0, index=test.index, columns=list(CLASSES)).assign(Class_1=1)
    example.insert(0, "id", test["id"])
    return {"train.csv": train, "test.csv": test, "sampleSubmission.csv": example}


def _class_sizes(n: int) -> np.ndarray:
    sizes = np.round(SHARES * n).astype(int)
    sizes[1] += n - sizes.sum()
    return sizes


def _counts(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    """Counts (N, 93): a class's mean rate times the product's own size, Poisson, many of them switched off."""
    rates = rng.lognormal(0.0, 0.8, 93) * rng.lognormal(0.0, 0.7, (9, 93))
    rates[2:4] = rates[1] * rng.lognormal(0.0, 0.35, (2, 93))
    on = np.clip(0.2 * rng.lognormal(0.0, 0.6, 93) * rng.lognormal(0.0, 0.3, (9, 93)), 0.01, 0.95)
    size = rng.lognormal(0.0, 0.5, (len(codes), 1))
    switched_on = rng.random((len(codes), 93)) < on[codes]
    return np.asarray(rng.poisson(2.0 * rates[codes] * size) * switched_on)
