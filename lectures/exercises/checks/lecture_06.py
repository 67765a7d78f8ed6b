"""Lecture 6: logistic regression."""

import math
import warnings

import numpy as np
import torch
from torch import nn

from lectures.exercises.judging import Slip, Yours, expect, require, shown


def boundary(yours: Yours) -> None:
    """The hours against the probability that the model itself gives there."""
    for w, b, p in ((1.2, -2.9, 0.5), (0.5, 1.0, 0.9), (-2.0, 3.0, 0.2)):
        model = nn.Linear(1, 1)
        with torch.no_grad():
            model.weight.fill_(w)
            model.bias.fill_(b)
        logit = math.log(p / (1 - p))
        expect(
            f"w = {w:g}, b = {b:g}, p = {p:g}",
            yours.boundary(model, p),
            (logit - b) / w,
            Slip((-logit - b) / w, "The sigmoid is turned round the wrong way: log(p / (1 - p))",
                 "反函数写反了：应为 log(p / (1 - p))"),
            Slip(-b / w, "That is where p = 0.5: use p", "这是 p = 0.5 的位置：请用上 p"),
            Slip((p - b) / w, "p is a probability: turn it into a logit first", "p 是概率：先换算成 logit"),
        )  # fmt: skip


def bce(yours: Yours) -> None:
    """The loss against torch's, small logits and large ones."""
    for z, y in (([0.5, -1.0, 2.0], [1.0, 0.0, 0.0]), ([800.0, -900.0, 40.0], [0.0, 1.0, 1.0]), ([0.0], [1.0])):
        logits, labels = np.array(z), np.array(y)
        wanted = nn.functional.binary_cross_entropy_with_logits(torch.tensor(z), torch.tensor(y))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            got = yours.bce(logits, labels)
        inputs = f"z = {shown(logits)}, y = {shown(labels)}"
        expect(
            inputs, got, wanted,
            Slip(wanted * len(z), "That is the sum, not the mean", "这是求和，不是平均"),
            Slip(np.inf, "exp or log has overflowed", "exp 或 log 溢出了"),
            Slip(np.nan, "exp or log has overflowed, and 0 times infinity is nan",
                 "exp 或 log 溢出了，0 乘无穷大得 nan"),
            Slip(nn.functional.binary_cross_entropy_with_logits(torch.tensor(z), 1 - torch.tensor(y)),
                 "The labels are exchanged", "标签 0 和 1 用反了"),
        )  # fmt: skip
        require(
            not said,
            f"for {inputs}: right, but with a warning: {said[0].message if said else ''}",
            f"输入 {inputs}：结果正确，但出现警告：{said[0].message if said else ''}",
        )
