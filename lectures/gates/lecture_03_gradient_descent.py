"""Lecture 3, gradient descent: all rows, one row, a few rows per update, on rows that carry noise.

On the slide's three rows, which lie on one line, single rows have no noise and look best; so the program goes on to 200
rows around a line, and draws them at random.
"""

from types import SimpleNamespace

import numpy as np

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program

ALL, ONE, FEW = "all 200 rows", "stochastic: 1 row", "mini-batch: 20 rows"
SHOWN = {ALL: "batch, all 200 rows", ONE: "stochastic, single rows", FEW: "mini-batches of 20 rows"}
LAST = 50  # updates in which descent should have ended


def run(setting: Setting) -> Gates:
    """The slide's numbers, what noise does to each way, and what each way costs in rows."""
    program = run_program(setting, "lecture_03_gradient_descent")
    for epoch, w, cost in ((0, 1.09, 4.67), (10, 1.66, 0.66)):  # the slide gives two decimals
        yield Gate.close(f"batch, epoch {epoch}: w [slide]", program.w_list[epoch], w, 0.005)
        yield Gate.close(f"batch, epoch {epoch}: cost [slide]", program.cost_list[epoch], cost, 0.005)
    yield Gate.close("batch, epoch 99: w [slide]", program.w_list[99], 2.00, 0.005)
    yield Gate.close("batch: f(4) [slide]", 4 * program.w_list[99], 8, 0.01)

    x, y = program.x_noisy.double().numpy(), program.y_noisy.double().numpy()
    costs = {name: np.array(of_way) for name, of_way in program.costs.items()}
    best = (x * y).sum() / (x * x).sum()
    least = float(((x * best - y) ** 2).mean())
    setting.say(f"noisy rows: the cost is a parabola over w, so convex, with one least: {least:.2f} at w = {best:.2f}")
    yield Gate.at_least("curvature of the cost over w (above 0: convex)", float(2 * (x * x).mean()), 0.1)
    above = {name: float(cost[-LAST:].mean() - least) for name, cost in costs.items()}
    for name, excess in above.items():
        setting.say(f"{SHOWN[name]}: {excess:.4f} above the least cost, mean of the last {LAST} updates")
    yield Gate.at_most("all rows end at the least cost: above it", above[ALL], 1e-3)
    yield Gate.at_least("noise: one row ends higher than few rows, times", above[ONE] / above[FEW], 3)
    rows = {name: rows_until(cost, int(name.split()[-2]), least) for name, cost in costs.items()}
    setting.say(
        f"rows looked at until nine tenths of the way: {rows[ALL]} by all 200 rows, {rows[ONE]} by single rows, "
        f"{rows[FEW]} by mini-batches of 20"
    )
    yield Gate.at_least("compromise: all rows need more rows than few, times", rows[ALL] / rows[FEW], 3)
    _draw(setting, program, best)


def rows_until(cost: np.ndarray, batch_size: int, least: float) -> int:
    """Rows looked at until the cost has come nine tenths of the way from that of the first update to the least.

    >>> rows_until(np.array([11.0, 3.0, 1.5]), 20, least=1.0)
    60
    """
    arrived = cost <= least + (cost[0] - least) / 10
    return int(batch_size * (1 + arrived.argmax()))


def _draw(setting: Setting, program: SimpleNamespace, best: float) -> None:
    with setting.picture("03-convex", (7, 4.5)) as figure:
        axes = figure.add_subplot()
        w = np.linspace(0, 4, 200)
        x, y = program.x_noisy.numpy(), program.y_noisy.numpy()
        costs = (w[:, None] * x - y) ** 2
        steep = np.flatnonzero(x > 1)  # rows near x = 0 hardly pull
        by_least = steep[np.argsort(y[steep] / x[steep])]
        shown = by_least[len(by_least) // 20 :: len(by_least) // 10]  # evenly among them
        axes.plot(w, costs[:, shown], color="C1", linewidth=0.8, alpha=0.6)
        axes.plot([], [], color="C1", linewidth=0.8, label="one row: a least of its own")
        axes.plot(w, costs.mean(axis=1), color="C0", linewidth=3, label="all rows: convex, one least")
        axes.axvline(best, color="C7", linestyle="--", label=f"least cost: w = {best:.2f}")
        axes.set(xlabel="w", ylabel="cost", title="Why single rows are noisy: each pulls w its own way", ylim=(0, 30))
        axes.legend(loc="upper center")


LECTURE = Lecture(
    number="03",
    title="Gradient descent: batch, stochastic, mini-batch",
    title_zh="梯度下降：批量、随机、小批量",
    run=run,
)
