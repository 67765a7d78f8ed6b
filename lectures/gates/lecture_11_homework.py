"""Homework of lecture 11: residual blocks compared, by accuracy and by how gradients reach the first layers.

Source of the variants: He et al., Identity Mappings in Deep Residual Networks (2016), figure 2.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean, stdev
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from lectures.course.data import Digits
from lectures.course.image_training import Plan, Trained, learn, load_images, plan_for
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import DenseBlock, ImageClassifier, ResidualBlock, residual_net
from pipelines.models.residual import VARIANTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SEEDS = 3
DEPTH = 20  # blocks in the stack whose gradients are drawn

Block = Callable[[int], nn.Module]


def blocks(*, norm: bool) -> dict[str, Block]:
    """A maker of blocks by name: the residual variants, and the dense block of about as many parameters."""
    made: dict[str, Block] = {name: partial(ResidualBlock, variant=name, norm=norm) for name in VARIANTS}
    made["dense"] = lambda channels: DenseBlock(channels, channels // 2, norm=norm)
    return made


def run(setting: Setting) -> Gates:
    """Train CnnNet with each kind of block from several seeds; one table, and the picture of the gradients."""
    images = load_images(setting)
    with setting.picture("11-gradient-flow", (12, 5.2)) as figure:
        draw_gradient_flow(figure, images, setting.seed)
    plan = plan_for(images, Plan(epochs=1, lr=5e-3))
    epochs = f"{plan.epochs} epoch{'s' * (plan.epochs > 1)}"
    setting.say(f"{'block':<17} parameters   s/epoch   accuracy, mean ± sd of {N_SEEDS} seeds ({epochs})")
    scores: dict[str, list[float]] = {}
    for name, block in blocks(norm=True).items():
        make_model = partial(residual_net, images.shape, 10, block, padding=images.padding)
        settings = [replace(setting, seed=setting.seed + n) for n in range(N_SEEDS)]
        trained = [learn(f"11/{name}/{each.seed}", make_model, images, plan, each) for each in settings]
        scores[name] = [each.accuracy for each in trained]
        setting.say(_row(name, trained))
    means, spread = [mean(of_seeds) for of_seeds in scores.values()], max(stdev(each) for each in scores.values())
    setting.say(f"the means differ by {max(means) - min(means):.4f} at most, the seeds of one block by sd {spread:.4f}")
    with setting.picture("11-homework-accuracy", (8, 4.2)) as figure:
        draw_scores(figure, scores)
    limit = 0.93 if images.is_stand_in else 0.985
    for name, of_seeds in scores.items():
        yield Gate.at_least(f"mean accuracy, {name}", mean(of_seeds), limit)


def _row(name: str, trained: list[Trained]) -> str:
    scores = [each.accuracy for each in trained]
    seconds = mean(each.epoch_seconds for each in trained)
    return f"{name:<17} {trained[0].n_parameters:>10,}   {seconds:>7.1f}   {mean(scores):.4f} ± {stdev(scores):.4f}"


def gradient_norms(block: Block, images: Digits, seed: int) -> list[float]:
    """Norm of the loss's gradient at each block's first 3 x 3 kernels, in a fresh stack of DEPTH blocks."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        start = nn.Sequential(nn.Conv2d(images.shape[0], 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
        stack = [block(16) for _ in range(DEPTH)]
        features = nn.Sequential(start, *stack, nn.AdaptiveAvgPool2d(1))
        model = ImageClassifier(features, images.shape, 10).to(images.train.device)
        loss = F.cross_entropy(model(images.train[:64]), images.train_labels[:64])
    kernels = [next(p for p in each.parameters() if p.dim() == 4 and p.shape[-1] == 3) for each in stack]
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, kernels)]


def draw_gradient_flow(figure: "Figure", images: Digits, seed: int) -> None:
    """Gradient norm by block, before training: without batch norm on the left, with it on the right."""
    axes = figure.subplots(1, 2, sharey=True)
    styles = ["-o", "-s", "-^", "-v", "-D", "-P", ":x", "--*"]
    for axis, norm in zip(axes, (False, True), strict=True):
        for (name, block), style in zip(blocks(norm=norm).items(), styles, strict=True):
            axis.semilogy(range(1, DEPTH + 1), gradient_norms(block, images, seed), style, label=name, markersize=4)
        axis.set(title="with batch norm" if norm else "without batch norm", xlabel="block, first to last")
        axis.set_xticks(range(1, DEPTH + 1, 3))
    axes[0].set_ylabel("gradient norm at its first kernels")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.suptitle(f"Gradients in a fresh stack of {DEPTH} blocks: they come in at the right and must reach the left")


def draw_scores(figure: "Figure", scores: dict[str, list[float]]) -> None:
    """Test accuracy of each seed, a row for each block; the mean is a bar."""
    axis = figure.subplots()
    for row, name in enumerate(reversed(scores)):
        axis.plot([100 * score for score in scores[name]], [row] * len(scores[name]), "o", color="C0", alpha=0.6)
        axis.plot(100 * mean(scores[name]), row, "|", color="black", markersize=16)
    axis.set_yticks(range(len(scores)), list(reversed(scores)))
    axis.set_xlabel("test accuracy in % (a point for each seed, the bar is their mean)")
    axis.set_title("CnnNet with different blocks")


LECTURE = Lecture(number="11-homework", title="Residual blocks compared", title_zh="残差块的比较", run=run)
