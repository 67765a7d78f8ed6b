"""Pictures that several lectures draw.

Shapes: N rows, C classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipelines.lectures.data import Split
from pipelines.lectures.lecture import Setting


def draw_loss_and_mistakes(setting: Setting, name: str, losses: Sequence[float], split: Split, found: Tensor) -> None:
    """The learning curve beside 20 test images that were taken for something else; `found` (N,) classes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.8), layout="constrained")
    left, right = np.ravel(figure.subfigures(1, 2, width_ratios=[1, 1.5]))
    axes = left.add_subplot()
    axes.plot(range(1, len(losses) + 1), losses, marker="o")
    axes.set(xlabel="epoch", ylabel="training loss", title="Learning curve")
    wrong = torch.nonzero(found != split.test_targets).flatten()
    right.suptitle(f"{len(wrong)} of {len(found)} test images are wrong; true → taken for")
    for axes, row in zip(right.subplots(4, 5).flat, [*wrong[:20].tolist(), *[None] * 20], strict=False):
        axes.axis("off")
        if row is not None:
            axes.imshow(split.test_inputs[row, 0], cmap="gray_r")
            axes.set_title(f"{split.test_targets[row]} → {found[row]}", fontsize=9)
    setting.save(name, figure)


def draw_filters(setting: Setting, name: str, weight: Tensor) -> None:
    """The kernels (K, 1, H, W) of a first convolution."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.2 * ((len(weight) + 9) // 10)), layout="constrained")
    figure.suptitle("Kernels of the first convolution: dark pulls down, bright pushes up")
    limit = float(weight.abs().max())
    grid = figure.subplots((len(weight) + 9) // 10, 10, squeeze=False)
    for axes, kernel in zip(grid.flat, [*weight.detach().cpu(), *[None] * 10], strict=False):
        axes.axis("off")
        if kernel is not None:
            axes.imshow(kernel[0], cmap="gray", vmin=-limit, vmax=limit)
    setting.save(name, figure)


def draw_confusion(setting: Setting, name: str, truth: Tensor, found: Tensor, classes: Sequence[str]) -> None:
    """Shares of each true class (N,) taken for each class, rows sum to one."""
    from matplotlib.figure import Figure

    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, (truth.numpy(), found.numpy()), 1)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(8.5, 7.5), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(
        range(len(classes)), [f"{name} ({int(n)})" for name, n in zip(classes, counts.sum(axis=1), strict=True)]
    )
    axes.set(xlabel="taken for", ylabel="true (test rows)", title="Confusion matrix: share of each row's names")
    figure.colorbar(shown, shrink=0.8)
    setting.save(name, figure)
