"""Lecture 2: the cost over weights."""

import numpy as np

from lectures.exercises.judging import LOOPS, Slip, Yours, expect, require, shown, uses

X, Y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])


def meshgrid(yours: Yours) -> None:
    """The surface against two loops."""
    for ws, bs, x, y in (
        (np.linspace(0, 4, 5), np.linspace(-1, 1, 3), X, Y),
        (np.array([1.0, 2.5]), np.array([0.0, -2.0, 3.0, 1.0]), np.array([1.0, -1.0]), np.array([0.5, 2.0])),
    ):
        wanted = np.array([[np.mean((w * x + b - y) ** 2) for w in ws] for b in bs])
        expect(
            f"ws = {shown(ws)}, bs = {shown(bs)}, x = {shown(x)}, y = {shown(y)}",
            yours.cost_surface(ws, bs, x, y),
            wanted,
            Slip(wanted.T, "Rows and columns are exchanged: a row per b", "行与列反了：一行对应一个 b"),
            Slip(wanted * len(x), "That is the sum over the rows, not the mean", "这是求和，不是平均"),
        )
    require(
        not uses(yours.cost_surface, LOOPS),
        "right, but by a loop: let NumPy do it",
        "结果正确，但写了循环：请交给 NumPy",
    )


def best(yours: Yours) -> None:
    """The weight against the least of all costs."""
    for ws, x, y in (
        (np.arange(1, 42, 5) / 10, X, Y),  # no weight is a place, nor a cost
        (np.array([-3.0, -1.0, 5.0]), X, -Y),
        (np.array([4.0, 1.5, 3.0]), X, np.array([3.0, 4.0, 5.0])),
    ):
        costs = ((ws[:, None] * x - y) ** 2).mean(axis=1)
        least = int(costs.argmin())
        expect(
            f"ws = {shown(ws)}, x = {shown(x)}, y = {shown(y)}",
            yours.best_weight(ws, x, y),
            ws[least],
            Slip(least, "That is its place in `ws`", "这是它在 `ws` 中的位置"),
            Slip(costs[least], "That is its cost", "这是它的代价"),
            Slip(ws[costs.argmax()], "That is the weight of the largest cost", "这是代价最大的权重"),
        )
