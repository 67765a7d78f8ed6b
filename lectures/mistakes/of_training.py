"""Mistakes in the training, measured on scikit-learn's digits.

Shapes: N rows, C classes.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lectures.course.data import load_digits
from lectures.course.lecture import Setting
from lectures.mistakes.gallery import Mistake, Pair, fails
from pipelines.errors import TrainingError
from pipelines.models import MLP
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.checks import in_plain_words
from pipelines.training.loop import Batches, Criterion, predict_logits, train_epoch
from pipelines.training.noise import seeded

EPOCHS = 8
CRITERION = nn.CrossEntropyLoss()


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images (N, 64) and labels, test images and labels."""
    images = load_digits(Setting(stand_in=True))
    return images.train.flatten(1), images.train_labels, images.test.flatten(1), images.test_labels


class Forgetful(torch.optim.SGD):
    """An optimizer whose gradients nobody zeroes."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Do nothing."""


def batches_of(seed: int, n: int | None = None) -> Batches:
    """The first `n` training images, or all, in shuffled batches of 32."""
    images, labels = (tensor[:n] for tensor in digits()[:2])
    order = ShuffledBatches(len(images), 32, torch.Generator().manual_seed(seed))
    return training_batches(TensorRows(images, labels), order)


def fitted(
    seed: int, model: nn.Module, optimizer: torch.optim.Optimizer, criterion: Criterion = CRITERION
) -> list[float]:
    """Losses of a few epochs of the bare loop, which the loop's own guards do not see."""
    batches = batches_of(seed)
    return [float(train_epoch(model, batches, criterion, optimizer)) for _ in range(EPOCHS)]


def network(seed: int, widths: Sequence[int] = (64, 64, 10), **options: Any) -> nn.Module:
    """A new network, as it stands 64-64-10."""
    return seeded(lambda: MLP(widths, **options), seed)


def loss_on_test(model: nn.Module) -> float:
    """Log loss of the test images."""
    *_, images, labels = digits()
    return float(nn.functional.cross_entropy(predict_logits(model, images), labels))


def softmax_twice(seed: int) -> Pair:
    """A Softmax layer before CrossEntropyLoss: log loss of the probabilities that each model gives."""
    *_, images, labels = digits()
    wrong, right = nn.Sequential(network(seed), nn.Softmax(dim=1)), network(seed)
    for model in (wrong, right):
        fitted(seed, model, torch.optim.SGD(model.parameters(), lr=0.1))
    given = predict_logits(wrong, images).clamp(min=1e-15)  # probabilities already; no second softmax here
    return float(nn.functional.nll_loss(given.log(), labels)), loss_on_test(right)


def eval_forgotten(seed: int) -> Pair:
    """Dropout still on while predicting."""
    *_, images, labels = digits()
    model = network(seed, dropout=0.5)
    fitted(seed, model, torch.optim.SGD(model.parameters(), lr=0.1))
    right = loss_on_test(model)
    model.train()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        wrong = float(nn.functional.cross_entropy(model(images), labels))
    return wrong, right


def gradients_add_up(seed: int) -> Pair:
    """Gradients that nobody zeroes: each step repeats all steps before it."""
    wrong, right = network(seed), network(seed)
    fitted(seed, wrong, Forgetful(wrong.parameters(), lr=0.1))
    fitted(seed, right, torch.optim.SGD(right.parameters(), lr=0.1))
    return loss_on_test(wrong), loss_on_test(right)


def sigmoids(seed: int) -> Pair:
    """Three sigmoids and a small learning rate: the loss stays where guessing is."""
    wrong, right = (network(seed, (64, 64, 32, 16, 10), activation=each) for each in ("sigmoid", "relu"))
    fitted(seed, wrong, torch.optim.SGD(wrong.parameters(), lr=0.01))
    fitted(seed, right, torch.optim.Adam(right.parameters(), lr=0.003))
    return loss_on_test(wrong), loss_on_test(right)


def last_batch_as_epoch(seed: int) -> Pair:
    """`loss.item()` of the last batch drawn as the epoch's loss: how far it lies from the mean."""
    model, seen = network(seed), list[float]()

    def criterion(outputs: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(outputs, target)
        seen.append(float(loss.detach()) * len(target))
        return loss

    means = fitted(seed, model, torch.optim.SGD(model.parameters(), lr=0.1), criterion)
    n, by_epoch = len(digits()[0]), np.reshape(seen, (EPOCHS, -1))  # sums over batches
    last, exact = by_epoch[:, -1] / (n % 32), by_epoch.sum(axis=1) / n
    return float(np.abs(last - exact).mean()), float(np.abs(means - exact).mean())


def last_batch_of_one(_seed: int) -> Pair:
    """33 rows, batches of 32, batch norm: trainings that fail."""
    images = digits()[0]
    model = network(0, norm="batch")
    failed = fails(ValueError, lambda: [model(images[rows]) for rows in (slice(0, 32), slice(32, 33))])
    train_epoch(model, batches_of(0, 33), CRITERION, torch.optim.SGD(model.parameters(), lr=0.1))
    return failed, 0.0


def labels_from_one(_seed: int) -> Pair:
    """Labels 1 to 10 for ten classes: trainings that fail, in words that help."""
    images, labels, *_ = digits()
    loss = partial(in_plain_words()(CRITERION), network(0)(images))
    wrong, right = (partial(loss, target) for target in (labels + 1, labels))
    return fails(TrainingError, wrong), fails(TrainingError, right)


def two_devices(_seed: int) -> Pair:
    """The model on one device, the rows on another: trainings that fail, in words that help."""
    images, *_ = digits()
    wrong, right = (partial(in_plain_words()(network(0).to(device)), images) for device in ("meta", "cpu"))
    return fails(TrainingError, wrong), fails(TrainingError, right)


MISTAKES = [
    Mistake(name="softmax", what="a Softmax layer before CrossEntropyLoss", measure="log loss",
            guard="the loop looks at the first outputs and refuses (lecture 9)", run=softmax_twice),
    Mistake(name="eval", what="eval() forgotten while predicting", measure="log loss",
            guard="predict_proba does it; the loop warns of a monitor that does not (lecture 9)", run=eval_forgotten),
    Mistake(name="zero-grad", what="gradients not zeroed", measure="log loss",
            guard="the loop does it, and warns of an optimizer that does not (lecture 4)", run=gradients_add_up),
    Mistake(name="stuck", what="sigmoids and a small learning rate", measure="log loss",
            guard="the loop warns of a loss that is no better than guessing (lecture 7)", run=sigmoids),
    Mistake(name="last-loss", what="the last batch's loss taken for the epoch's", measure="distance from the mean loss",
            guard="the loop weighs every batch by its rows", run=last_batch_as_epoch),
    Mistake(name="batch-of-one", what="batch norm on a last batch of one row", measure="trainings that fail",
            guard="the loader leaves such a batch out", run=last_batch_of_one),
    Mistake(name="label-range", what="labels 1 to C in place of 0 to C - 1", measure="trainings that fail",
            guard="the loop says which label (lecture 9)", run=labels_from_one),
    Mistake(name="device", what="model and rows on different devices", measure="trainings that fail",
            guard="the loop says what to move (lecture 10)", run=two_devices),
]  # fmt: skip
