"""Lecture 7: several features, several layers."""

from itertools import pairwise

import torch
from torch import nn

from lectures.exercises.judging import Slip, Yours, drawn, expect, require


def parameters(yours: Yours) -> None:
    """The number against that of a network of torch's."""
    for widths in ([8, 6, 4, 1], [784, 512, 256, 128, 64, 10], [3, 2]):
        pairs = list(pairwise(widths))
        wanted = sum(p.numel() for n, m in pairs for p in nn.Linear(n, m).parameters())
        weights = sum(n * m for n, m in pairs)
        expect(
            f"widths = {widths}",
            yours.n_parameters(widths),
            wanted,
            Slip(weights, "The biases are missing", "漏掉了偏置"),
            Slip(weights + sum(widths), "The input has no bias", "输入层没有偏置"),
        )


def activation(yours: Yours) -> None:
    """Shapes, where the activations are, and the numbers against the same by hand."""
    for kind in (nn.ReLU, nn.Tanh, nn.Sigmoid):
        model, said = yours.make_model(kind), f"activation = nn.{kind.__name__}"
        require(
            isinstance(model, nn.Module), f"for {said}: came {type(model).__name__}, expected a network",
            f"输入 {said}：得到 {type(model).__name__}，应为网络",
        )  # fmt: skip
        layers = [each for each in model.modules() if isinstance(each, nn.Linear)]
        expect(f"{said}: widths", [(each.in_features, each.out_features) for each in layers], [(8, 6), (6, 4), (4, 1)])
        found = sum(isinstance(each, kind) for each in model.modules())
        with torch.no_grad():
            layers[-1].bias.fill_(-3.0)
            inputs = drawn(1, 5, 8)
            one, two = (kind()(layers[0](inputs)) for _ in range(2))
            wanted = layers[2](kind()(layers[1](one)))
            expect(
                f"{said}, five drawn rows",
                model(inputs),
                wanted,
                Slip(kind()(wanted), f"There is an activation after the last layer ({found} in all)",
                     f"最后一层之后也接了激活函数（共 {found} 个）"),
                Slip(layers[2](layers[1](layers[0](inputs))), "There is no activation between the layers",
                     "层与层之间没有激活函数"),
                Slip(layers[2](layers[1](two)), "The second hidden layer has no activation",
                     "第二个隐藏层之后没有激活函数"),
            )  # fmt: skip
