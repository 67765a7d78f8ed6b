"""Lecture 8, Dataset and DataLoader: rows one by one, rows a batch at a time; the same loop takes both.

The homework is Titanic: `python -m pipelines run titanic`.

# NOTE[DIFF]: the notes use five worker processes, which crash on Windows outside a main guard and are slower
# on 759 rows; and they count `len(dataset) / 32` batches, which is 23.7. A loader knows its length.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pipelines.lectures.data import load_diabetes
from pipelines.lectures.fit import seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting
from pipelines.loaders import ShuffledBatches, TensorRows, training_batches
from pipelines.models import MLP
from pipelines.training import Batches, predict_logits, train

EPOCHS, BATCH = 100, 32


class DiabetesDataset(Dataset[tuple[Tensor, Tensor]]):
    """A map-style dataset: `dataset[i]` is one row (8,) and its label (1,)."""

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels = inputs, labels.float()[:, None]

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.labels[index]


def accuracy_after(setting: Setting, batches: Batches, inputs: Tensor, labels: Tensor) -> float:
    """Training accuracy of the network of lecture 7 on these batches."""
    model = seeded(setting, lambda: MLP([8, 6, 4, 1]))
    train(model, batches, nn.BCEWithLogitsLoss(), torch.optim.Adam(model.parameters(), lr=0.01), EPOCHS)
    return float(((predict_logits(model, inputs)[:, 0] > 0) == labels.bool()).float().mean())


def run(setting: Setting) -> Iterator[Gate]:
    """Count, look, and train on both kinds of batches."""
    data = load_diabetes(setting)
    inputs, labels, stand_in = data.inputs.to(setting.device), data.target[:, 0].to(setting.device), data.is_stand_in
    dataset = DiabetesDataset(inputs, labels)
    by_row = DataLoader(dataset, BATCH, shuffle=True, generator=torch.Generator().manual_seed(setting.seed))
    rows = TensorRows(inputs, dataset.labels)
    by_batch = training_batches(rows, ShuffledBatches(len(rows), BATCH, torch.Generator().manual_seed(setting.seed)))
    yield Gate.equal("batches of 32", (len(by_row), len(by_batch)), (math.ceil(len(dataset) / BATCH),) * 2)
    yield Gate.equal("rows in the last batch", len(list(by_row)[-1][1]), len(dataset) % BATCH)
    for name, batches in (("row by row", by_row), ("batch by batch", by_batch)):
        seen = torch.cat([targets for _, targets in batches])
        yield Gate.equal(
            f"{name}: rows in an epoch, positives", (len(seen), int(seen.sum())), (len(labels), int(labels.sum()))
        )
        accuracy = accuracy_after(setting, batches, inputs, labels)
        yield Gate.at_least(f"{name}: training accuracy", accuracy, 0.75 if stand_in else 0.77)


LECTURE = Lecture(number="08", title="Dataset and DataLoader", run=run)
