"""Lecture 7, eight measurements to one probability: 8-6-4-1, its activations, and how many layers it needs.

Shapes: N patients, F folds.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lectures.course.data import load_diabetes
from lectures.course.fit import draw_losses, fit, seeded, shuffled
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import MLP
from pipelines.models.mlp import ACTIVATIONS
from pipelines.report.curves import Curves
from pipelines.training.loop import predict_logits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = (8, 6, 4, 1)  # the notes' network
EPOCHS = 100
DEPTHS = {"none": (8, 1), "one": (8, 6, 1), "two": (8, 6, 4, 1), "three": (8, 6, 6, 4, 1), "four": (8, 6, 6, 6, 4, 1)}


def learn(
    setting: Setting, rows: tuple[Tensor, Tensor], widths: Sequence[int] = WIDTHS, activation: str = "relu"
) -> tuple[nn.Module, list[float]]:
    """A fresh network trained on rows, inputs (N, 8) and target (N, 1), and its loss after each epoch."""
    # NOTE[DIFF]: three sigmoids and SGD 0.01 stay at the majority class for 100 epochs; ReLU and Adam learn.
    model = seeded(setting, lambda: MLP(widths, activation=activation))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    # NOTE[DIFF]: the criterion takes logits; BCELoss behind a sigmoid loses its gradient far from zero.
    batches = shuffled(setting, 32, *rows)
    return model, fit(setting, model, batches, nn.BCEWithLogitsLoss(), optimizer, EPOCHS, name=f"07/{activation}")


def accuracy(model: nn.Module, inputs: Tensor, target: Tensor) -> float:
    """Share of patients on the right side of 0.5, which is logit 0."""
    return ((predict_logits(model, inputs) > 0) == (target > 0.5)).cpu().double().mean().item()


def cross_validated(
    setting: Setting, inputs: Tensor, target: Tensor, widths: Sequence[int] = WIDTHS, activation: str = "relu"
) -> list[float]:
    """Accuracy on each of five stratified folds, (F,); a fresh network for each, the same folds for each call."""
    from sklearn.model_selection import StratifiedKFold

    scores, silent = [], replace(setting, curves=Curves())
    folds = StratifiedKFold(5, shuffle=True, random_state=setting.seed).split(inputs.cpu(), target.cpu())
    for train_rows, held_out in folds:
        model, _ = learn(silent, (inputs[train_rows], target[train_rows]), widths, activation)
        scores.append(accuracy(model, inputs[held_out], target[held_out]))
    return scores


def described(scores: Sequence[float]) -> str:
    """Mean of the folds and its standard error.

    >>> described([0.7, 0.8])
    '0.7500 ± 0.0500'
    """
    return f"{mean(scores):.4f} ± {stdev(scores) / len(scores) ** 0.5:.4f}"


def leading(leads: Sequence[float]) -> bool:
    """Whether the folds' differences have a mean of at least two standard errors.

    >>> leading([0.1, 0.1, 0.2]), leading([0.1, -0.1, 0.2])
    (True, False)
    """
    return bool(mean(leads) >= 2 * stdev(leads) / len(leads) ** 0.5)


def picked(scores: dict[str, list[float]]) -> str:
    """The name with the best mean over the folds.

    >>> picked({"one": [0.7, 0.9], "two": [0.8, 0.7]})
    'one'
    """
    return max(scores, key=lambda name: mean(scores[name]))


def run(setting: Setting) -> Gates:
    """The notes' network on all rows and cross-validated; then activations; then the number of layers."""
    patients = load_diabetes(setting)
    inputs, target = patients.inputs.to(setting.device), patients.target.to(setting.device)
    share = target.mean().item()
    setting.say(f"{len(target)} patients; always the larger class: {max(share, 1 - share):.4f}")
    model, losses = learn(setting, (inputs, target))
    wanted, wanted_held_out = (0.80, 0.78) if patients.is_stand_in else (0.77, 0.745)
    yield Gate.at_least("accuracy on the training rows", accuracy(model, inputs, target), wanted)
    scores = {"relu": cross_validated(setting, inputs, target)}
    yield Gate.at_least("accuracy, 5-fold", mean(scores["relu"]), wanted_held_out)

    curves = {"relu": losses}
    for name in ACTIVATIONS:
        if name != "relu":
            _, curves[name] = learn(setting, (inputs, target), activation=name)
            scores[name] = cross_validated(setting, inputs, target, activation=name)
        setting.say(f"activation {name:<8} {described(scores[name])} (mean of five folds ± standard error)")
    with setting.picture("07-activations") as figure:
        draw_losses(figure, curves, "8-6-4-1: training loss by activation", "binary cross entropy")
    setting.say("layers as narrow as these may die: ReLUs that pass nothing on leave a loss that stays, with a warning")
    depths = {}
    for name, widths in DEPTHS.items():
        depths[name] = scores["relu"] if widths == WIDTHS else cross_validated(setting, inputs, target, widths)
        setting.say(f"hidden layers {name:<6} {described(depths[name])} (mean of five folds ± standard error)")
    best = picked(depths)
    setting.say(f"picked by the cross-validated score: {best}; it leads by (two standard errors make a lead):")
    for name in (name for name in depths if name != best):
        leads = [ours - theirs for ours, theirs in zip(depths[best], depths[name], strict=True)]
        setting.say(f"  over {name:<6} {described(leads)}: {'a lead' if leading(leads) else 'no lead'}")
    with setting.picture("07-layers") as figure:
        draw_depths(figure, depths, max(share, 1 - share))


def draw_depths(figure: "Figure", depths: dict[str, list[float]], baseline: float) -> None:
    """Cross-validated accuracy by number of hidden layers, with standard errors."""
    axis = figure.subplots()
    means = [mean(scores) for scores in depths.values()]
    errors = [stdev(scores) / len(scores) ** 0.5 for scores in depths.values()]
    axis.errorbar(range(len(depths)), means, errors, fmt="o", capsize=6)
    axis.axhline(baseline, color="C7", linestyle="--", label="always the larger class")
    axis.legend(loc="center left")  # above guessing, below what was learned
    axis.set_xticks(range(len(depths)), list(depths))
    ylabel = "accuracy, mean of five folds ± standard error"
    axis.set(xlabel="hidden layers", ylabel=ylabel, title="How many hidden layers?")


LECTURE = Lecture(number="07", title="Several inputs: the diabetes rows", title_zh="多维输入：糖尿病数据", run=run)
