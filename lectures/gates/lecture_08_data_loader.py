"""Lecture 8, Dataset and DataLoader: rows one by one, rows a batch at a time; the same loop takes both.

The homework is Titanic: `python -m pipelines run titanic`.

# NOTE[DIFF]: the notes use five worker processes, which crash on Windows outside a main guard; 759 rows
# are in memory already. And they count `len(dataset) / 32` batches, which is 23.7. A loader knows its length.
"""

import math
import time

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lectures.course.data import load_diabetes
from lectures.course.fit import draw_losses, fit, seeded
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import MLP
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import Batches, predict_logits

EPOCHS, BATCH = 100, 32


class DiabetesDataset(Dataset[tuple[Tensor, Tensor]]):
    """A map-style dataset: `dataset[i]` is one row (8,) and its label (1,), `len(dataset)` the rows.

    >>> dataset = DiabetesDataset(torch.zeros(3, 8), torch.ones(3, 1))
    >>> len(dataset), dataset[2][1]
    (3, tensor([1.]))
    """

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels = inputs, labels

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.labels[index]


def trained(setting: Setting, name: str, batches: Batches, epochs: int) -> tuple[nn.Module, list[float]]:
    """The network of lecture 7 after some epochs of these batches, and its loss after each."""
    model = seeded(setting, lambda: MLP([8, 6, 4, 1]))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return model, fit(setting, model, batches, nn.BCEWithLogitsLoss(), optimizer, epochs, name=f"08/{name}")


def run(setting: Setting) -> Gates:
    """Count, look at an epoch, and train on both kinds of batches."""
    data = load_diabetes(setting)
    dataset = DiabetesDataset(data.inputs.to(setting.device), data.target.to(setting.device))

    def order() -> ShuffledBatches:
        return ShuffledBatches(len(dataset), BATCH, torch.Generator().manual_seed(setting.seed))

    by_row = DataLoader(dataset, BATCH, shuffle=True, generator=torch.Generator().manual_seed(setting.seed))
    rows = TensorRows(dataset.inputs, dataset.labels)
    by_batch = training_batches(rows, order())
    yield Gate.equal("batches of 32", (len(by_row), len(by_batch)), (math.ceil(len(dataset) / BATCH),) * 2)
    yield Gate.equal("rows in the last batch", len(list(by_row)[-1][1]), len(dataset) % BATCH)
    everybody = (len(dataset), int(dataset.labels.sum()))
    curves: dict[str, list[float]] = {}
    for name, batches in (("row by row", by_row), ("batch by batch", by_batch)):
        seen = torch.cat([target for _, target in batches])
        yield Gate.equal(f"{name}: rows in an epoch, positives", (len(seen), int(seen.sum())), everybody)
        start = time.perf_counter()
        model, curves[name] = trained(setting, name, batches, EPOCHS)
        right = (predict_logits(model, dataset.inputs) > 0) == dataset.labels.bool()
        setting.say(f"{name}: {1e3 * (time.perf_counter() - start) / EPOCHS:.1f} ms per epoch")
        accuracy = right.cpu().double().mean().item()
        yield Gate.at_least(f"{name}: accuracy on the training rows", accuracy, 0.75 if data.is_stand_in else 0.77)
    with setting.picture("08-loss") as figure:
        draw_losses(figure, curves, "The same rows, fetched in two ways: training loss", "binary cross entropy")
    same_order = DataLoader(dataset, batch_sampler=order())  # type: ignore[arg-type]  # tensors of row numbers
    ways = {"same order, row by row": same_order, "same order, batch by batch": training_batches(rows, order())}
    models = [trained(setting, name, batches, 3)[0] for name, batches in ways.items()]
    one, other = (nn.utils.parameters_to_vector(model.parameters()) for model in models)
    yield Gate.at_most("same order, weights of both ways, largest difference", (one - other).abs().max().item(), 1e-6)
    setting.say("homework: python -m pipelines run titanic")


LECTURE = Lecture(number="08", title="Dataset and DataLoader", title_zh="Dataset 与 DataLoader", run=run)
