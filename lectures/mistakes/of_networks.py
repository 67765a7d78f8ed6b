"""Mistakes with what a network is and what it is asked for, measured on scikit-learn's digits.

Shapes: N rows, C classes.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss
from torch.utils.data import DataLoader, TensorDataset

from lectures.course.data import load_digits
from lectures.course.lecture import Setting
from lectures.mistakes.gallery import Mistake, after, fails
from pipelines.models import MLP
from pipelines.training.loop import train_epoch
from pipelines.training.noise import seeded

EPOCHS = 8
Batch = tuple[Tensor, Tensor]


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images (N, 64) and labels, test images and labels."""
    images = load_digits(Setting(stand_in=True))
    return images.train.flatten(1), images.train_labels, images.test.flatten(1), images.test_labels


class Shuffled:
    """Training images in batches of 32, in another order in each epoch, the same for the same seed."""

    def __init__(self, seed: int, n: int | None = None) -> None:
        self.images, self.labels = (tensor[:n] for tensor in digits()[:2])
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.images), generator=self.generator)
        for rows in order.split(32):
            yield self.images[rows], self.labels[rows]


def network(seed: int, widths: Sequence[int] = (64, 64, 10), **options: Any) -> nn.Module:
    """A new network, as it stands 64-64-10."""
    return seeded(lambda: MLP(widths, **options), seed)


def fitted(seed: int, model: nn.Module, criterion: Callable[..., Tensor] | None = None, n: int | None = None) -> None:
    """Train by SGD 0.1 for a few epochs, or as many steps with the first `n` images alone."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        batches = Shuffled(seed, n)
        for _ in range(EPOCHS * len(digits()[0]) // len(batches.images)):  # the bare loop, which the guards do not see
            train_epoch(model, batches, criterion or nn.CrossEntropyLoss(), optimizer)


def by_criterion(seed: int, lines: str) -> float:
    """Log loss of the probabilities that a model gives, trained by the bare CrossEntropyLoss."""
    made = after(lines, nn=nn, network=network(seed))
    fitted(seed, made.model, made.criterion)
    images, labels = digits()[2:]
    outputs = made.model.eval()(images).detach()
    shares = outputs if isinstance(made.model, nn.Sequential) else outputs.softmax(dim=1)
    return float(nll_loss(shares.clamp(min=1e-15).log(), labels))


def asked(seed: int, lines: str) -> float:
    """Log loss of the outputs that the lines get from a trained network with dropout."""
    images, labels = digits()[2:]
    model = network(seed, dropout=0.5)
    fitted(seed, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return float(cross_entropy(after(lines, torch=torch, model=model.train(), inputs=images).outputs, labels))


def asked_row_by_row(seed: int, lines: str) -> float:
    """Log loss of the outputs that the lines get from a trained convolution with batch norm."""
    images, labels = digits()[2:]
    model = seeded(_convolution, seed)
    fitted(seed, model)
    with torch.no_grad():
        return float(cross_entropy(after(lines, torch=torch, model=model.train(), inputs=images).outputs, labels))


def _convolution() -> nn.Module:
    layers = nn.Conv2d(1, 32, 5, stride=3), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10)
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *layers)


def shares_of(seed: int, lines: str) -> float:
    """Log loss of the shares that the lines make of a trained network's logits."""
    images, labels = digits()[2:]
    model = network(seed)
    fitted(seed, model)
    with torch.no_grad():
        shares = after(lines, torch=torch, logits=model.eval()(images)).shares
    return float(nll_loss(shares.clamp(min=1e-15).log(), labels))


def tested_on(seed: int, lines: str) -> float:
    """The accuracy that the lines' loader gives to a network trained on 60 images."""
    images, labels, *test = digits()
    model = network(seed)
    fitted(seed, model, n=60)
    sets = {"train_dataset": TensorDataset(images[:60], labels[:60]), "test_dataset": TensorDataset(*test)}
    made = after(lines, DataLoader=DataLoader, **sets)
    hits = [model.eval()(inputs).argmax(dim=1) == target for inputs, target in made.test_loader]
    return float(torch.cat(hits).float().mean())


def with_a_row_over(_seed: int, lines: str) -> float:
    """Whether a network with batch norm fails in training on the lines' batches of 33 rows."""
    images = digits()[0]
    model = network(0, norm="batch").train()
    loader = after(lines, DataLoader=DataLoader, rows=images[:33]).loader
    return fails(ValueError, lambda: [model(inputs) for inputs in loader])


def on_another_device(_seed: int, lines: str) -> float:
    """Whether the lines fail where the model moves to another device; meta is one that every computer has."""
    names = {"model": network(0), "inputs": digits()[0][:4], "device": torch.device("meta")}
    return fails((RuntimeError, NotImplementedError), lambda: after(lines, **names))


MISTAKES = [
    Mistake(
        name="softmax", what="a Softmax layer before CrossEntropyLoss",
        what_zh="CrossEntropyLoss 之前又加了 Softmax 层",
        why="CrossEntropyLoss takes the softmax itself; through two of them hardly any gradient comes.",
        why_zh="CrossEntropyLoss 自带 softmax；做两次，梯度几乎传不过去。",
        wrong="model = nn.Sequential(network, nn.Softmax(dim=1))\ncriterion = nn.CrossEntropyLoss()",
        right="model = network  # logits\ncriterion = nn.CrossEntropyLoss()",
        measure="log loss", guard="the loop looks at the first outputs and refuses (lecture 9)",
        guard_zh="训练循环检查第一批输出并拒绝（第 9 讲）", by=by_criterion,
    ),
    Mistake(
        name="softmax-dim", what="softmax along the wrong dim", what_zh="softmax 的 dim 写错",
        why="dim=0 divides by the sum over the rows: the shares of a row do not add up to 1.",
        why_zh="dim=0 是除以各行之和：一行的各类份额加起来不等于 1。",
        wrong="shares = torch.softmax(logits, dim=0)",
        right="shares = torch.softmax(logits, dim=1)  # over the classes",
        measure="log loss", guard="predict_proba does it; the linter wants rows that sum to 1",
        guard_zh="由 predict_proba 来做；格式检查要求每行之和为 1", by=shares_of,
    ),
    Mistake(
        name="eval", what="eval() forgotten while predicting", what_zh="预测时忘了 eval()",
        why="Dropout goes on and takes half of the units away.", why_zh="dropout 仍然开着，一半的神经元被关掉。",
        wrong="with torch.no_grad():\n    outputs = model(inputs)",
        right="model.eval()\nwith torch.no_grad():\n    outputs = model(inputs)",
        measure="log loss", guard="predict_proba does it; the loop warns of a monitor that does not (lecture 9)",
        guard_zh="predict_proba 会切换；监控函数没切换时训练循环会警告（第 9 讲）", by=asked,
    ),
    Mistake(
        name="one-row", what="eval() forgotten, one row at a time", what_zh="忘了 eval()，而且一次只预测一行",
        why="Batch norm then takes mean and deviation from this one image, not from the training.",
        why_zh="批归一化这时用这一张图自己的均值和标准差，而不是训练时的。",
        wrong="outputs = torch.cat([model(x) for x in inputs.split(1)])",
        right="model.eval()\noutputs = torch.cat([model(x) for x in inputs.split(1)])",
        measure="log loss", guard="predict_proba does it", guard_zh="由 predict_proba 切换", by=asked_row_by_row,
    ),
    Mistake(
        name="test-set", what="tested on the training set", what_zh="在训练集上测试",
        why="The notes build the test loader of MNIST from train_dataset: what was learned by heart is right.",
        why_zh="讲义的 MNIST 测试加载器用的是 train_dataset：背下来的当然答得对。",
        wrong="test_loader = DataLoader(train_dataset, batch_size=64)",
        right="test_loader = DataLoader(test_dataset, batch_size=64)",
        measure="accuracy believed / true", guard="a test proves that both sets share no image (lecture 9)",
        guard_zh="有测试证明两个集合没有相同的图片（第 9 讲）", by=tested_on,
    ),
    Mistake(
        name="batch-of-one", what="batch norm on a last batch of one row", what_zh="最后一批只有一行，却有批归一化",
        why="One row has no deviation: PyTorch refuses it in training.",
        why_zh="只有一行就没有标准差：训练时 PyTorch 会报错。",
        wrong="loader = DataLoader(rows, batch_size=32)",
        right="loader = DataLoader(rows, batch_size=32, drop_last=True)",
        measure="trainings that fail", guard="the loader leaves such a batch out", guard_zh="加载器会略去这样的批",
        by=with_a_row_over,
    ),
    Mistake(
        name="device", what="model and rows on different devices", what_zh="模型和数据不在同一设备上",
        why="model.to(device) moves the model; a tensor that has moved is a new one.",
        why_zh="model.to(device) 会移动模型本身；张量移动后得到的是新张量，要接住。",
        wrong="model.to(device)\ninputs.to(device)\noutputs = model(inputs)",
        right="model.to(device)\ninputs = inputs.to(device)\noutputs = model(inputs)",
        measure="trainings that fail", guard="the loop says what to move (lecture 10)",
        guard_zh="训练循环会指出该移动什么（第 10 讲）",
        by=on_another_device,
    ),
]  # fmt: skip
