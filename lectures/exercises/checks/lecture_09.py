"""Lecture 9: softmax, MNIST."""

import warnings

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, shown, uses


def cross_entropy(yours: Yours) -> None:
    """The loss against torch's; the first rows are those of the lecture's slide."""
    for z, y in (
        ([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]], [2, 0, 1]),
        ([[1000.0, 0.0], [0.0, 1000.0]], [0, 0]),
        ([[-1000.0, -1001.0, -999.0]], [1]),
        ([[0.5, 0.5, 0.5, 0.5]], [3]),
    ):
        logits, labels = np.array(z), np.array(y)
        wanted = nn.functional.cross_entropy(torch.tensor(z), torch.tensor(y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what overflows is seen by its number
            got = yours.cross_entropy(logits.copy(), labels.copy())
        shares = torch.softmax(torch.tensor(z), dim=1)
        over_rows = torch.log_softmax(torch.tensor(z), dim=0)[range(len(y)), y]
        expect(
            f"z = {shown(logits)}, y = {shown(labels)}", got, wanted,
            Slip(wanted * len(y), "That is the sum over the rows, not the mean", "这是求和，不是平均"),
            Slip(-wanted, "The sign: the loss is minus the log", "符号：损失是对数取负"),
            Slip(nn.functional.cross_entropy(shares, torch.tensor(y)), "Softmax is taken twice", "做了两次 softmax"),
            Slip(-over_rows.mean(), "The shares are those of a column: sum over axis 1",
                 "按列归一化了：应沿 axis=1 求和"),
            *(Slip(each, "exp or log has overflowed: take the largest logit of the row away first",
                   "exp 或 log 溢出了：先减去每行最大的 logit") for each in (np.inf, np.nan)),
        )  # fmt: skip

    require(not uses(yours.cross_entropy, names="torch"), "right, but by torch", "结果正确，但用了 torch")


class _Watched(nn.Module):
    """Right where it is asked in evaluation mode, upside down in training mode; keeps how it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits."""
        self.modes.append((self.training, torch.is_grad_enabled()))
        return -inputs if self.training else inputs


def evaluate(yours: Yours) -> None:
    """The accuracy of drawn logits, and in which mode the model was asked and left."""
    for n, size in ((10, 4), (9, 3)):
        logits = drawn(n, n, 3)
        labels = torch.where(torch.arange(n) % 3 > 0, logits.argmax(dim=1), logits.argmin(dim=1))
        hits = [(a.argmax(1) == b).float() for a, b in zip(logits.split(size), labels.split(size), strict=True)]
        model = _Watched()
        said = f"{n} rows in batches of {size}"
        got = yours.accuracy(model, DataLoader(TensorDataset(logits, labels), batch_size=size))
        whole = torch.cat(hits)
        require(
            not any(training for training, _ in model.modes),
            f"for {said}: the model was asked in training mode, dropout would be on: call model.eval() first",
            f"输入 {said}：测试时模型仍在训练模式，dropout 还开着：先调用 model.eval()",
        )
        expect(
            said, got, whole.mean(),
            Slip(whole.sum(), "That is how many are right: divide by all rows", "这是答对的个数：应除以总行数"),
            Slip(hits[-1].mean(), "That is the last batch alone", "这只是最后一批"),
            Slip(torch.stack([each.mean() for each in hits]).mean(), "The mean of the batches: weigh them by rows",
                 "这是各批准确率的平均：应按行数计算"),
            Slip(100 * whole.mean(), "That is per cent: return the share", "这是百分数：请返回比例"),
        )  # fmt: skip
        require(
            not any(graph for _, graph in model.modes),
            f"for {said}: right, but a graph was built for every batch: torch.no_grad()",
            f"输入 {said}：结果正确，但每一批都建了计算图：请用 torch.no_grad()",
        )
        require(
            model.training,
            f"for {said}: right, but the model is left in evaluation mode: model.train() at the end",
            f"输入 {said}：结果正确，但模型停留在评估模式：最后要 model.train()",
        )
