"""Lecture 11: Inception and residual networks."""

import torch
from torch import Tensor, nn

from lectures.exercises.judging import Slip, Yours, drawn, expect, require


def residual(yours: Yours) -> None:
    """The output against F(x) by the block's own layers."""
    for channels, side in ((2, 5), (4, 3)):
        block, x = yours.ResidualBlock(channels), drawn(channels, 3, channels, side, side)
        with torch.no_grad():
            inner = block.conv2(torch.relu(block.conv1(x)))
            bare = block.conv2(block.conv1(x))
            expect(
                f"{channels} channels, x of shape {tuple(x.shape)}",
                block(x), torch.relu(x + inner),
                Slip(x + inner, "The last ReLU is missing", "缺少最后的 ReLU"),
                Slip(torch.relu(inner), "x is not added", "没有加上 x"),
                Slip(x + torch.relu(inner), "Add x first, then the last ReLU", "先加 x，再做最后的 ReLU"),
                Slip(torch.relu(x + bare), "There is no ReLU between the convolutions", "两个卷积之间没有 ReLU"),
                Slip(torch.relu(x + torch.relu(inner)), "A ReLU before the sum cuts off what is negative in F(x)",
                     "相加之前多了一个 ReLU：F(x) 的负值被截掉了"),
            )  # fmt: skip


def branches(yours: Yours) -> None:
    """Shapes of both branches, and what each of them sees."""
    for in_channels, side in ((3, 8), (5, 6)):
        block, x = yours.Branches(in_channels), drawn(side, 2, in_channels, side, side)
        said = f"{in_channels} channels, x of shape {tuple(x.shape)}"
        with torch.no_grad():
            got = block(x)
        shape = tuple(got.shape)
        wanted = (2, 48, side, side)
        require(
            shape == wanted,
            f"for {said}: came shape {shape}, expected {wanted}; "
            "channels are put together along dim 1, padding keeps the size",
            f"输入 {said}：得到形状 {shape}，应为 {wanted}；通道沿第 1 维拼接，填充保持大小",
        )  # fmt: skip
        kernels = sorted(tuple(each.weight.shape) for each in block.modules() if isinstance(each, nn.Conv2d))
        right = sorted([(16, in_channels, 1, 1), (24, 16, 5, 5), (24, in_channels, 1, 1)])
        require(
            kernels == right,
            f"for {said}: the convolutions' weights have the shapes {kernels}, expected {right}",
            f"输入 {said}：各卷积权重的形状为 {kernels}，应为 {right}",
        )
        seen = _sight(block, x)
        require(
            seen == (5, 3),
            f"for {said}: the branches see {seen[0]} and {seen[1]} pixels of a row, expected 5 and 3; "
            "is the pooling there?",
            f"输入 {said}：两个分支一行各看到 {seen[0]} 和 {seen[1]} 个像素，应为 5 和 3（池化写了吗？）",
        )  # fmt: skip


def _sight(block: nn.Module, x: Tensor) -> tuple[int, int]:
    """How many pixels of a row change what each half of the channels gives in the middle."""
    x = x[:1].clone().requires_grad_(True)
    output, middle = block(x)[0, :, x.shape[2] // 2, x.shape[3] // 2], x.shape[2] // 2
    (one,) = torch.autograd.grad(output[:24].pow(2).sum(), x, retain_graph=True)
    (two,) = torch.autograd.grad(output[24:].pow(2).sum(), x)
    a, b = (int((each[0, :, middle].abs().sum(dim=0) > 0).sum()) for each in (one, two))
    return a, b


def identity(yours: Yours) -> None:
    """Shape, identity where the last weights are zero, the gradient's flow, and the numbers."""
    block, x = yours.PreActivationBlock(3), drawn(3, 4, 3, 5, 5)
    said = f"x of shape {tuple(x.shape)}"
    with torch.no_grad():
        inner = block.conv2(torch.relu(block.bn2(block.conv1(torch.relu(block.bn1(x))))))
        after = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
        expect(
            said, block(x), x + inner,
            Slip(torch.relu(x + inner), "There is a ReLU after the sum", "相加之后多了 ReLU"),
            Slip(inner, "x is not added", "没有加上 x"),
            Slip(torch.relu(x + after), "That is the older block: batch norm and ReLU come before each convolution",
                 "这是原来的残差块：批归一化和 ReLU 应在每个卷积之前"),
            Slip(torch.relu(block.bn1(x)) + inner, "What is added is x itself, before batch norm and ReLU",
                 "相加的是 x 本身，不是批归一化和 ReLU 之后的值"),
            tolerance=1e-4,
        )  # fmt: skip
        block.conv2.weight.zero_()
        block.conv2.bias.zero_()
        expect(f"{said}, conv2 all zero: the block must be the identity", block(x), x)
    deep = nn.Sequential(*[yours.PreActivationBlock(3) for _ in range(20)]).eval()
    x = x.requires_grad_(True)
    (flow,) = torch.autograd.grad(deep(x).sum(), x)
    require(
        float(flow.abs().mean()) > 0.1,
        f"through twenty blocks there comes a gradient of {float(flow.abs().mean()):.2g}, expected about 1",
        f"穿过二十个块的梯度只有 {float(flow.abs().mean()):.2g}，应在 1 左右",
    )
