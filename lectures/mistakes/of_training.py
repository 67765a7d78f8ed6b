"""Mistakes in the training cycle, measured on scikit-learn's digits; the lines are one step, or what a step needs."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from lectures.mistakes.gallery import Mistake, after, fails
from lectures.mistakes.of_networks import EPOCHS, Shuffled, digits, network
from pipelines.models import MLP
from pipelines.training.noise import seeded

NAMES: dict[str, Any] = {"torch": torch, "nn": nn, "criterion": nn.CrossEntropyLoss(), "softplus": softplus}
STEP = "loss = criterion(model(inputs), labels)\noptimizer.zero_grad()\nloss.backward()\noptimizer.step()"


def cycle(seed: int, lines: str, epochs: int = EPOCHS, **names: Any) -> list[Any]:
    """Train by running the lines at every batch; what stands in the names after each epoch."""
    names = NAMES | names | {"total": 0.0, "seen": 0}
    batches, step, left = Shuffled(seed), compile(lines, "<lines>", "exec"), []
    for _ in range(epochs):
        names |= {"total": 0.0, "seen": 0}
        for inputs, labels in batches:
            names |= {"inputs": inputs, "labels": labels}
            exec(step, names)  # noqa: S102 lines of this file
        left.append(dict(names))
    return left


def loss_on_test(model: nn.Module) -> float:
    """Log loss of the test images."""
    images, labels = digits()[2:]
    with torch.no_grad():
        return float(cross_entropy(model.eval()(images), labels))


def by_step(seed: int, lines: str) -> float:
    """Log loss of a network that is trained by the lines."""
    model = network(seed)
    cycle(seed, lines, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    return loss_on_test(model)


def of_plan(seed: int, lines: str) -> float:
    """Log loss of the lines' model, trained by the lines' optimizer."""
    made = seeded(lambda: after(lines, torch=torch, MLP=MLP), seed)
    cycle(seed, STEP, model=made.model, optimizer=made.optimizer)
    return loss_on_test(made.model)


def of_epoch(seed: int, lines: str) -> float:
    """How far the lines' loss of an epoch lies from the mean loss per row."""
    model = network(seed)
    count = "rows.append((loss.item(), len(inputs)))\n"
    rows: list[tuple[float, int]] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    ends = cycle(seed, f"{STEP}\n{count}{lines}", model=model, optimizer=optimizer, rows=rows)
    means = [np.average(each[:, 0], weights=each[:, 1]) for each in np.split(np.array(rows), EPOCHS)]
    return float(np.mean([abs(names["epoch_loss"] - mean) for names, mean in zip(ends, means, strict=True)]))


def nodes_held(seed: int, lines: str) -> float:
    """Nodes of the graph that `total` keeps in memory after an epoch."""
    model = network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    total = cycle(seed, f"{STEP}\n{lines}", epochs=1, model=model, optimizer=optimizer)[-1]["total"]
    seen, waiting = set(), [getattr(total, "grad_fn", None)]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return float(len(seen))


def small_or_large(seed: int, lines: str) -> float:
    """Log loss for the question whether a digit is at least 5."""
    model = network(seed, (64, 32, 1))
    target = "targets = (labels >= 5).float()[:, None]\noptimizer.zero_grad()\n"
    ends = "\nloss.backward()\noptimizer.step()"
    cycle(seed, target + lines + ends, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    images, labels = digits()[2:]
    with torch.no_grad():
        logits = model.eval()(images)[:, 0]
    return float(nn.functional.binary_cross_entropy_with_logits(logits, (labels >= 5).float()))


def one_step(seed: int, lines: str) -> float:
    """Whether the lines fail on the training images."""
    images, labels, *_ = digits()
    names = {"model": network(seed), "binary": network(seed, (64, 1)), "inputs": images, "labels": labels}
    return fails((RuntimeError, IndexError), lambda: after(lines, **NAMES, **names))


MISTAKES = [
    Mistake(
        name="zero-grad", what="gradients not zeroed", what_zh="梯度没有清零",
        why="backward() adds to what is there: each step repeats all steps before it.",
        why_zh="backward() 是累加：每一步都把以前各步的梯度再走一遍。",
        wrong="loss = criterion(model(inputs), labels)\nloss.backward()\noptimizer.step()",
        right="loss = criterion(model(inputs), labels)\noptimizer.zero_grad()\nloss.backward()\noptimizer.step()",
        measure="log loss", guard="the loop does it, and warns of an optimizer that does not (lecture 4)",
        guard_zh="训练循环会清零，优化器不清零时会警告（第 4 讲）", by=by_step,
    ),
    Mistake(
        name="stuck", what="sigmoids and a small learning rate", what_zh="全用 sigmoid，学习率又小",
        why="Each sigmoid makes the gradient a quarter at most: the loss stays where guessing is.",
        why_zh="每个 sigmoid 至多让梯度剩下四分之一：损失停在瞎猜的水平。",
        wrong='model = MLP((64, 64, 32, 16, 10), activation="sigmoid")\n'
              'optimizer = torch.optim.SGD(model.parameters(), lr=0.01)',
        right='model = MLP((64, 64, 32, 16, 10), activation="relu")\n'
              'optimizer = torch.optim.Adam(model.parameters(), lr=0.003)',
        measure="log loss", guard="the loop warns of a loss that is no better than guessing (lecture 7)",
        guard_zh="损失不比瞎猜好时，训练循环会警告（第 7 讲）", by=of_plan,
    ),
    Mistake(
        name="last-loss", what="the last batch's loss taken for the epoch's", what_zh="把最后一批的损失当作整轮的损失",
        why="One batch of 32 is noise, and the last may be shorter.",
        why_zh="一批 32 行偶然性很大，最后一批还可能不满。",
        wrong="epoch_loss = loss.item()",
        right="total += loss.item() * len(inputs)\nseen += len(inputs)\nepoch_loss = total / seen",
        measure="distance from the mean loss", guard="the loop weighs every batch by its rows",
        guard_zh="训练循环按行数给各批加权", by=of_epoch,
    ),
    Mistake(
        name="loss-item", what="losses added up without item()", what_zh="累加损失时没有用 item()",
        why="The sum of tensors keeps the graph of every batch in memory until the epoch ends.",
        why_zh="张量之和保留着每一批的计算图，到一轮结束才释放，内存越占越多。",
        wrong="total = total + loss", right="total = total + loss.item()",
        measure="graph nodes held", guard="the loop adds up detached losses",
        guard_zh="训练循环累加的是脱离计算图的损失", by=nodes_held,
    ),
    Mistake(
        name="broadcast", what="logits (B,) beside targets (B, 1)", what_zh="logits 是 (B,)，目标却是 (B, 1)",
        why="They are broadcast to B x B: each logit is compared with the targets of all rows, and learns their mean.",
        why_zh="广播成 B x B：每个 logit 与所有行的目标比较，学到的只是平均值。",
        wrong="logits = model(inputs).squeeze(1)\nloss = (softplus(logits) - targets * logits).mean()",
        right="logits = model(inputs)  # (B, 1), as the targets\nloss = (softplus(logits) - targets * logits).mean()",
        measure="log loss", guard="BCEWithLogitsLoss refuses unequal shapes, MSELoss warns", by=small_or_large,
        guard_zh="形状不同时 BCEWithLogitsLoss 会报错，MSELoss 会警告",
    ),
    Mistake(
        name="label-range", what="labels 1 to C in place of 0 to C - 1", what_zh="标签写成 1 到 C，而不是 0 到 C - 1",
        why="CrossEntropyLoss takes a label for the number of a column, counted from 0.",
        why_zh="CrossEntropyLoss 把标签当作列号，从 0 数起。",
        wrong="loss = criterion(model(inputs), labels + 1)", right="loss = criterion(model(inputs), labels)",
        measure="trainings that fail", guard="the loop says which label (lecture 9)",
        guard_zh="训练循环会指出是哪个标签（第 9 讲）",
        by=one_step,
    ),
    Mistake(
        name="int-labels", what="whole numbers as labels of BCE", what_zh="BCE 的标签是整数",
        why="BCEWithLogitsLoss multiplies with the labels and wants floats, as the logits are.",
        why_zh="BCEWithLogitsLoss 要与标签相乘，需要与 logits 相同的浮点数。",
        wrong="targets = (labels >= 5).long()[:, None]\nloss = nn.BCEWithLogitsLoss()(binary(inputs), targets)",
        right="targets = (labels >= 5).float()[:, None]\nloss = nn.BCEWithLogitsLoss()(binary(inputs), targets)",
        measure="trainings that fail", guard="competitions train by CrossEntropyLoss, which wants whole numbers",
        by=one_step,
        guard_zh="比赛用 CrossEntropyLoss 训练，它要的就是整数",
    ),
    Mistake(
        name="requires-grad", what="requires_grad off", what_zh="没有打开 requires_grad",
        why="A tensor is no parameter by itself: without it there is no graph, and backward() has nowhere to go.",
        why_zh="普通张量不会自动成为参数：不打开就没有计算图，backward() 无从算起。",
        wrong="w = torch.zeros(64, 10)\nloss = criterion(inputs @ w, labels)\nloss.backward()",
        right="w = torch.zeros(64, 10, requires_grad=True)\nloss = criterion(inputs @ w, labels)\nloss.backward()",
        measure="trainings that fail", guard="nn.Parameter, and every layer of nn, has it on", by=one_step,
        guard_zh="nn.Parameter 以及 nn 的各层默认打开",
    ),
]  # fmt: skip
