"""Lecture 3: gradient descent."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from lectures.exercises.judging import Slip, Yours, drawn, expect, shown


def mini_batch(yours: Yours) -> None:
    """One epoch against torch's SGD on the same batches."""
    cases = ((1.0, 6, 2), (0.5, 5, 2), (-1.0, 4, 1), (2.0, 7, 7))
    for seed, (w, n, size) in enumerate(cases):
        x = drawn(seed, n).numpy().astype(float)
        y = 3 * x + drawn(seed + 10, n).numpy()
        parts = [(x[k : k + size], y[k : k + size]) for k in range(0, n, size)]
        weight = torch.nn.Parameter(torch.tensor(w, dtype=torch.float64))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        for a, b in parts:
            loss = ((weight * torch.from_numpy(a) - torch.from_numpy(b)) ** 2).mean()
            weight.grad = torch.autograd.grad(loss, weight)[0]
            optimizer.step()
        expect(
            f"w = {w}, x = {shown(x)}, y = {shown(y)}, lr = 0.1, batch_size = {size}",
            yours.one_epoch(w, x, y, 0.1, size),
            weight,
            Slip(_went(w, [(x, y)], len), "That is one step by all rows: cut them into batches",
                 "这是用全部样本走一步：请分批"),
            Slip(_went(w, parts, lambda _: 1), "Take the mean over the batch, not the sum", "每批应取平均，不是求和"),
            Slip(_went(w, parts, partial(_always, size)), "The last batch is shorter: divide by its own rows",
                 "最后一批不满：应除以该批的样本数"),
            Slip(_went(w, [each for each in parts if len(each[0]) == size], len), "The last, shorter batch is missing",
                 "漏掉了不满的最后一批"),
            Slip(_went(w, parts, lambda rows: 2 * len(rows)), "The factor 2 of the square's derivative is missing",
                 "缺少平方求导得到的系数 2"),
            Slip(_went(w, parts, lambda rows: -len(rows)), "It goes up the gradient: subtract", "方向反了：应减去梯度"),
        )  # fmt: skip


def _always(n: int, _: np.ndarray) -> int:
    return n


def _went(w: float, parts: list[tuple[np.ndarray, np.ndarray]], by: Callable[[np.ndarray], float]) -> float:
    for x, y in parts:
        w -= 0.1 * float((2 * x * (w * x - y)).sum()) / by(x)
    return w


def momentum(yours: Yours) -> None:
    """The path against torch's SGD with momentum."""
    for slope, start, lr, beta in ((2.0, 1.0, 0.1, 0.9), (1.0, -3.0, 0.2, 0.5), (4.0, 2.0, 0.05, 0.0)):
        weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = torch.optim.SGD([weight], lr=lr, momentum=beta)
        path = []
        for _ in range(5):
            weight.grad = slope * weight.detach()
            optimizer.step()
            path.append(weight.item())
        expect(
            f"gradient = {slope:g} w, w = {start:g}, lr = {lr}, momentum = {beta}, 5 steps",
            yours.descend(lambda w, slope=slope: slope * w, start, lr, beta, 5),
            path,
            Slip(path[-1], "That is the last w: return all of them", "这是最后一个 w：应返回全部"),
            Slip([start * (1 - lr * slope) ** (n + 1) for n in range(5)],
                 "That is descent without momentum: is the velocity 0 again in each step?",
                     "这是没有动量的结果：速度是否每步都被清零？"),
            Slip([start, *path[:-1]], "Put w into the list after it has moved", "应在 w 移动之后再放进列表"),
        )  # fmt: skip
