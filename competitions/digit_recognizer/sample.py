"""Made digits in the form of the competition's files, for a machine without the data."""

import numpy as np
import pandas as pd

N_TRAIN, N_TEST = 300, 100
# What a pocket calculator lights for each digit: top, upper left, upper right, middle, lower left, lower right, bottom.
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
STROKES = tuple((slice(y, y + h), slice(x, x + w)) for y, x, h, w in (
    (4, 9, 3, 10), (4, 8, 10, 3), (4, 17, 10, 3), (12, 9, 3, 10), (13, 8, 11, 3), (13, 17, 11, 3), (21, 9, 3, 10),
))  # fmt: skip


def make_sample(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Made `train.csv` (300 x 785), `test.csv` (100 x 784) and `sample_submission.csv` (100 x 2)."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(N_TRAIN + N_TEST) % 10)
    pixels = np.stack([_image(rng, label).reshape(-1) for label in labels])
    rows = pd.DataFrame(pixels, columns=[f"pixel{i}" for i in range(784)])
    train, test = rows[:N_TRAIN].copy(), rows[N_TRAIN:].reset_index(drop=True)
    train.insert(0, "label", labels[:N_TRAIN])
    example = pd.DataFrame({"ImageId": np.arange(1, N_TEST + 1), "Label": 0})
    return {"train.csv": train, "test.csv": test, "sample_submission.csv": example}


def _image(rng: np.random.Generator, label: int) -> np.ndarray:
    """Pixels (28, 28), moved a little, brighter or darker, with noise."""
    image = np.zeros((28, 28))
    for stroke, lit in zip(STROKES, LIT[label], strict=True):
        image[stroke] = max(image[stroke].max(), int(lit))
    moved = np.roll(image, rng.integers(-2, 3, size=2), axis=(0, 1))
    return np.asarray(np.clip(moved * rng.uniform(150, 255) + rng.normal(0, 12, (28, 28)), 0, 255), dtype=np.uint8)
