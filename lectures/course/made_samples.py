"""Made samples that take the place of the course's files where there is no network."""

import numpy as np
from numpy.typing import NDArray

# Invented countries, each with syllables of its own and a few that all share; some syllables have wandered.
WANDERED = 0.15
SHARED = ("an", "el", "or", "in")
SYLLABLES = {
    "Ardenia": ("bou", "cha", "dre", "lau", "mont", "ville"),
    "Borsk": ("bro", "gor", "kov", "ski", "vich", "yev"),
    "Cathay": ("chen", "li", "wang", "xu", "zhou", "ng"),
    "Dorado": ("alva", "cruz", "gar", "men", "rez", "vela"),
    "Estmark": ("berg", "feld", "hau", "mann", "sch", "stein"),
}


def made_diabetes(n_rows: int = 600) -> NDArray[np.float32]:
    """Rows (N, 9): eight numbers in [-1, 1] and a label that two thirds of the rows have, learnable to about 0.86."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (n_rows, 8))
    signal = 3 * inputs[:, 1] + 2 * inputs[:, 5] + 2 * np.abs(inputs[:, 7]) + 0.1
    label = signal + rng.logistic(0, 0.7, n_rows) > 0
    return np.column_stack([inputs, label]).astype(np.float32)


def made_names(n_train: int = 2000, n_test: int = 500) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Pairs of name and country for training and for testing."""
    rng = np.random.default_rng(0)
    countries = list(SYLLABLES)
    pairs = []
    for _ in range(n_train + n_test):
        country = countries[rng.integers(len(countries))]
        homes = [str(rng.choice(countries)) if rng.random() < WANDERED else country for _ in range(rng.integers(1, 3))]
        own = [str(rng.choice(SYLLABLES[home])) for home in homes]
        parts = rng.permutation([*own, str(rng.choice(SHARED))])
        pairs.append(("".join(parts).capitalize(), country))
    return tuple(pairs[:n_train]), tuple(pairs[n_train:])
