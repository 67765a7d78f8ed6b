"""Lecture 4: back-propagation."""

import torch

from lectures.exercises.judging import Slip, Yours, expect, shown


def by_hand(yours: Yours) -> None:
    """The three derivatives against autograd."""
    for w1, w2, b, x, y in ((1.0, 2.0, 3.0, 2.0, 4.0), (0.5, -1.0, 0.0, -3.0, 1.0), (1.0, 1.0, 1.0, 0.5, 5.0)):
        w = torch.tensor([w1, w2, b], dtype=torch.float64, requires_grad=True)
        loss = (w[0] * x**2 + w[1] * x + w[2] - y) ** 2
        (wanted,) = torch.autograd.grad(loss, w)
        expect(
            f"w1 = {w1:g}, w2 = {w2:g}, b = {b:g}, x = {x:g}, y = {y:g}",
            yours.gradients(w1, w2, b, x, y),
            wanted,
            Slip(wanted / 2, "The factor 2 of the square is missing", "缺少平方求导得到的系数 2"),
            Slip(-wanted, "The sign is wrong: it is y_hat - y", "符号反了：应为 y_hat - y"),
            Slip(wanted[[2, 1, 0]], "The order is w1, w2, b", "顺序应为 w1、w2、b"),
        )


def cycle(yours: Yours) -> None:
    """The weight after the cycle against numbers by hand."""
    for xs, ys, w, lr, epochs in (
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], 1.0, 0.01, 10),
        ([2.0], [4.0], 0.0, 0.05, 3),
        ([1.0, -1.0], [3.0, 1.0], 0.5, 0.1, 2),
    ):
        right = kept = w
        total = 0.0
        for _ in range(epochs):
            for x, y in zip(xs, ys, strict=True):
                right -= lr * 2 * x * (right * x - y)
                total += 2 * x * (kept * x - y)
                kept -= lr * total
        got = yours.fit(xs, ys, w, lr, epochs)
        expect(
            f"xs = {shown(xs)}, ys = {shown(ys)}, w = {w:g}, lr = {lr}, {epochs} epochs",
            got,
            right,
            Slip(kept, "The gradients add up: empty them after each step", "梯度在累加：每步之后要清空"),
            Slip(w, "w is where it began: the update must change w itself, in place", "w 没有变：更新必须原地修改 w"),
        )
