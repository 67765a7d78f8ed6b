"""Lecture 3, the saddle: plain descent that starts on the ridge stays there, noise pushes it off.

# NOTE[DIFF]: the notes call a saddle point a special local optimum and say that stochastic descent finds
# the global one. A saddle is no optimum, and noise only leaves it; where descent ends then, nobody promises.
"""

import numpy as np

from lectures.course.lecture import Gate, Gates, Lecture, Setting

STEPS, LR, NOISE = 120, 0.05, 0.01


def descend(seed: int | None) -> np.ndarray:
    """Path (STEPS + 1, 2) on f = x^2 - y^2 from (1, 0); with a seed the gradient is noisy."""
    rng = None if seed is None else np.random.default_rng(seed)
    path = [np.array([1.0, 0.0])]
    for _ in range(STEPS):
        gradient = np.array([2 * path[-1][0], -2 * path[-1][1]])
        noise = 0.0 if rng is None else rng.normal(0, NOISE, 2)
        path.append(path[-1] - LR * (gradient + noise))
    return np.array(path)


def run(setting: Setting) -> Gates:
    """One plain descent, twenty noisy ones."""
    plain, noisy = descend(None), [descend(seed) for seed in range(20)]
    _draw(setting, plain, noisy)
    yield Gate.close("plain descent ends at the saddle: |x| + |y|", float(np.abs(plain[-1]).sum()), 0, 1e-4)
    left = [int(np.argmax(np.abs(path[:, 1]) > 1)) for path in noisy if (np.abs(path[:, 1]) > 1).any()]
    yield Gate.at_least(f"noisy descents that leave (|y| > 1) within {STEPS} steps, of 20", len(left), 20)
    setting.say(f"steps until |y| > 1: {min(left, default=0)} to {max(left, default=0)}")


def _draw(setting: Setting, plain: np.ndarray, noisy: list[np.ndarray]) -> None:
    with setting.picture("03-saddle", (7, 5.5)) as figure:
        axes = figure.add_subplot()
        axes.grid(visible=False)  # heights are the picture
        x, y = np.meshgrid(np.linspace(-0.4, 1.1, 80), np.linspace(-1.5, 1.5, 80))
        levels = np.linspace(-2.25, 2.25, 25)  # the same colours up and down: white is the height of the saddle
        filled = axes.contourf(x, y, x**2 - y**2, levels=levels, cmap="coolwarm", alpha=0.7)
        figure.colorbar(filled, label="f = x² - y²", ticks=range(-2, 3))
        for path in noisy:
            inside = path[np.abs(path[:, 1]) <= 1.5]
            axes.plot(*inside.T, color="black", linewidth=0.7, alpha=0.6, zorder=3)
        axes.plot([], [], color="black", linewidth=0.7, label="20 descents with noise")
        axes.plot(*plain.T, color="C1", linewidth=5, label="plain descent from (1, 0): stops at the saddle")
        axes.plot(0, 0, "*", color="C3", markersize=16, zorder=4, label="saddle: gradient 0, no optimum")
        axes.set(xlabel="x", ylabel="y", title="On the ridge only noise leaves the saddle", ylim=(-1.5, 1.5))
        axes.legend(loc="lower right")  # where no descent comes


LECTURE = Lecture(number="03-saddle", title="Saddle point and noise", title_zh="鞍点与噪声", run=run)
