"""Lecture 10: convolutions, and the GPU."""

import torch
from torch import nn

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, uses


def size(yours: Yours) -> None:
    """The sides against those of torch's layers on pictures of zeros."""
    for n, kernel, stride, padding in ((28, 5, 1, 0), (24, 2, 2, 0), (28, 3, 1, 1), (7, 3, 2, 1), (9, 2, 2, 0)):
        wanted = nn.Conv2d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, n, n)).shape[-1]
        exact = (n + 2 * padding - kernel) / stride + 1
        expect(
            f"n = {n}, kernel = {kernel}, stride = {stride}, padding = {padding}",
            yours.size(n, kernel, stride, padding), wanted,
            Slip(exact, "What does not fit is left out: // in place of /", "放不下的部分要舍去：用 // 而不是 /"),
            Slip((n + padding - kernel) // stride + 1, "The padding is on both sides", "填充在两边都有"),
            Slip((n + 2 * padding - kernel) // stride, "The first place counts as well: + 1", "第一个位置也要算：加 1"),
        )  # fmt: skip
    for n in (28, 32, 20):
        layers = nn.Sequential(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.Conv2d(10, 20, 5), nn.MaxPool2d(2))
        wanted = layers(torch.zeros(1, 1, n, n)).numel()
        expect(
            f"a picture of {n} x {n}", yours.n_features(n), wanted,
            Slip(wanted // 20, "Times the 20 channels", "还要乘以 20 个通道"),
            Slip(320, "320 holds for 28 x 28 alone", "320 只适用于 28 x 28"),
        )  # fmt: skip


def convolution(yours: Yours) -> None:
    """The output against torch's, for one channel and several."""
    for c, m, k, height, width in ((1, 1, 3, 5, 5), (3, 2, 3, 6, 5), (2, 4, 2, 4, 7)):
        image, weight, bias = drawn(c, c, height, width), drawn(m, m, c, k, k), drawn(9, m)
        conv = nn.functional.conv2d
        first = conv(image[None, :1], weight[:, :1], bias)[0]
        expect(
            f"image {tuple(image.shape)}, weight {tuple(weight.shape)}",
            yours.convolve(image, weight, bias),
            conv(image[None], weight, bias)[0],
            Slip(conv(image[None], weight)[0], "The bias is missing", "漏掉了偏置"),
            Slip(conv(image[None], weight.flip(2, 3), bias)[0], "The kernel is turned round: take it as it stands",
                 "卷积核翻转了：直接用即可"),
            Slip(first, "Only the first channel is looked at: the kernel has all C",
                 "只看了第一个通道：卷积核包含全部 C 个通道"),
            Slip(conv(image[None], weight[:1].expand_as(weight), bias)[0], "Each channel has its own kernel: weight[o]",
                 "每个输出通道有自己的核：weight[o]"),
            Slip(conv(image[None], weight, bias * c * k * k)[0], "The bias is added once, after the sum",
                 "偏置只加一次，在求和之后"),
            tolerance=1e-4,
        )  # fmt: skip
    require(
        not uses(yours.convolve, names="(?i)conv"),
        "right, but by torch's convolution",
        "结果正确，但调用了 torch 的卷积",
    )


def device(yours: Yours) -> None:
    """The loss on the CPU against torch's, and where it is on another device."""
    inputs, labels = drawn(1, 4, 3), torch.tensor([0, 1, 1, 0])
    model, criterion = nn.Linear(3, 2), nn.CrossEntropyLoss()
    with torch.no_grad():
        wanted = criterion(model(inputs), labels)
    expect("device = cpu, four drawn rows", yours.batch_loss(model, criterion, (inputs, labels), "cpu"), wanted)
    for where in (torch.device("meta"), "meta"):
        try:
            loss = yours.batch_loss(nn.Linear(3, 2), criterion, (inputs, labels), where)
            there = getattr(loss, "device", None)
        except (RuntimeError, NotImplementedError) as error:
            if "device" not in str(error) and "meta" not in str(error):
                raise
            there = None
        require(
            there is not None and there.type == "meta",
            f"for device = meta: the loss was computed on {there}" if there is not None else
            "for device = meta: model, inputs and labels are on different devices; is what inputs.to(device) "
            "returns kept, and are the labels moved?",
            f"输入 device = meta：损失是在 {there} 上算的" if there is not None else
            "输入 device = meta：模型、输入、标签不在同一设备上；inputs.to(device) 的返回值接住了吗？标签移动了吗？",
        )  # fmt: skip
