"""Lecture 2, linear model: try every weight, and look at the cost."""

import numpy as np

from lectures.course.lecture import Gate, Gates, Lecture, Setting

X = np.array([1.0, 2.0, 3.0])  # hours
Y = np.array([2.0, 4.0, 6.0])  # points


def cost(w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared error of w x + b; `w` and `b` of any one shape, the cost has it too."""
    errors = w[..., None] * X + b[..., None] - Y
    return np.asarray((errors**2).mean(axis=-1))


def cost_by_loops(w: float, b: float) -> float:
    """The same, as the lecture writes it."""
    total = 0.0
    for x, y in zip(X, Y, strict=True):
        total += (x * w + b - y) ** 2
    return total / len(X)


def run(setting: Setting) -> Gates:
    """Sweep w alone, then w and b over a grid."""
    sweep = np.linspace(0, 4, 41)
    alone = cost(sweep, np.zeros_like(sweep))
    w, b = np.meshgrid(np.linspace(0, 4, 41), np.linspace(-2, 2, 41))
    surface = cost(w, b)
    best = np.unravel_index(surface.argmin(), surface.shape)
    _draw(setting, sweep, alone, w, b, surface)
    yield Gate.close("w with the least cost, b = 0", sweep[alone.argmin()], 2, 1e-9)
    yield Gate.close("w with the least cost on the surface", w[best], 2, 1e-9)
    yield Gate.close("b with the least cost on the surface", b[best], 0, 1e-9)
    by_loops = [cost_by_loops(float(one_w), float(one_b)) for one_w, one_b in zip(w.flat, b.flat, strict=True)]
    yield Gate.equal("vectorised equals loops", bool(np.allclose(surface.ravel(), by_loops)), True)


def _draw(setting: Setting, sweep: np.ndarray, alone: np.ndarray, w: np.ndarray, b: np.ndarray, z: np.ndarray) -> None:
    with setting.picture("02-cost", (11, 4.5)) as figure:
        left = figure.add_subplot(1, 2, 1)
        left.plot(sweep, alone)
        left.axvline(2, color="C7", linestyle="--")
        left.set(xlabel="w", ylabel="cost (mean squared error)", title="b = 0: the cost is least at w = 2")
        right = figure.add_subplot(1, 2, 2, projection="3d", computed_zorder=False)
        right.plot_surface(w, b, z, cmap="viridis", alpha=0.75)
        right.scatter(2, 0, 0, color="C1", s=60, depthshade=False, zorder=3, label="least: w = 2, b = 0")
        right.set(xlabel="w", ylabel="b", zlabel="cost", title="cost over w and b")
        right.zaxis.labelpad = 8  # else it stands among the numbers
        right.set_xticks(range(5))
        right.set_yticks(range(-2, 3))
        right.view_init(elev=35, azim=-75)
        right.legend(loc="upper left")


LECTURE = Lecture(number="02", title="Linear model: try every weight", title_zh="线性模型：逐个试权重", run=run)
