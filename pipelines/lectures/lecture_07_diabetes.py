"""Lecture 7, several inputs: diabetes from eight measurements; activations; how many layers.

# NOTE[DIFF]: the notes' three sigmoids with SGD 0.01 and 100 epochs learn nothing: 0.6535, the majority class.
# Here ReLU and Adam, and the loss on logits.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

from pipelines.estimator import Rows, TorchClassifier, fit_together
from pipelines.lectures.data import load_diabetes
from pipelines.lectures.fit import fit, seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting
from pipelines.models import MLP
from pipelines.training import predict_logits

EPOCHS, BATCH, FOLDS, SEEDS = 100, 32, 5, 3
ACTIVATIONS = ("relu", "tanh", "sigmoid", "silu")
WIDTHS: dict[int, list[int]] = {0: [], 1: [6], 2: [6, 4], 3: [16, 8, 4], 4: [16, 16, 8, 4]}  # by hidden layers


def train_network(
    setting: Setting, inputs: Tensor, labels: Tensor, activation: str = "relu"
) -> tuple[float, list[float]]:
    """Accuracy on the training rows of the 8-6-4-1 network, and its loss in each epoch."""
    model = seeded(setting, lambda: MLP([8, 6, 4, 1], activation=activation))
    rows = (inputs, labels.float()[:, None])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = fit(
        setting, model, rows, nn.BCEWithLogitsLoss(), optimizer, EPOCHS, batch_size=BATCH, name=f"07/{activation}"
    )
    right = (predict_logits(model, inputs.to(setting.device)).cpu()[:, 0] > 0) == labels.bool()
    return float(right.float().mean()), history.losses


def cross_validated(inputs: Tensor, labels: Tensor, hidden: list[int], seed: int) -> tuple[float, float]:
    """Accuracy over five folds, mean of three networks each, and its standard error over rows."""
    X, y = inputs.numpy(), labels.numpy()
    parts = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y))
    make_model = partial(_network, hidden)
    networks = [
        TorchClassifier(make_model, epochs=EPOCHS, batch_size=BATCH, lr=0.01, weight_decay=0.0, random_state=seed + i)
        for _ in parts
        for i in range(SEEDS)
    ]
    fit_together(networks, [Rows(X[fit_rows], y[fit_rows]) for fit_rows, _ in parts for _ in range(SEEDS)])
    right = np.zeros(len(y))
    for fold, (_, scored) in enumerate(parts):
        proba = np.mean([net.predict_proba(X[scored]) for net in networks[fold * SEEDS : (fold + 1) * SEEDS]], axis=0)
        right[scored] = proba.argmax(axis=1) == y[scored]
    return float(right.mean()), float(right.std(ddof=1) / np.sqrt(len(y)))


def _network(hidden: list[int], n_features: int, n_classes: int) -> nn.Module:
    return MLP([n_features, *hidden, n_classes])


def run(setting: Setting) -> Iterator[Gate]:
    """Train on all rows, cross-validate, compare activations, choose the number of layers."""
    inputs, labels, stand_in = load_diabetes(setting)
    baseline = float(labels.float().mean().maximum(1 - labels.float().mean()))
    setting.say(f"majority class: {baseline:.4f}")
    losses = {}
    for activation in ACTIVATIONS:
        accuracy, losses[activation] = train_network(setting, inputs, labels, activation)
        setting.say(f"8-6-4-1, {activation}: training accuracy {accuracy:.4f}")
        if activation == "relu":
            yield Gate.at_least("8-6-4-1, accuracy on the training rows", accuracy, 0.75 if stand_in else 0.77)
    scores = {layers: cross_validated(inputs, labels, hidden, setting.seed) for layers, hidden in WIDTHS.items()}
    for layers, (score, error) in scores.items():
        setting.say(f"{layers} hidden layers: {FOLDS}-fold accuracy {score:.4f} ± {error:.4f}")
    best = max(scores, key=lambda layers: scores[layers][0])
    within = min(layers for layers, (score, _) in scores.items() if score >= scores[best][0] - scores[best][1])
    setting.say(f"best: {best} hidden layers; the fewest within one standard error of it: {within}")
    yield Gate.at_least("8-6-4-1, 5-fold accuracy", scores[2][0], 0.72 if stand_in else 0.745)
    yield Gate.at_least("chosen number of layers less majority class", scores[best][0] - baseline, 0.05)
    _draw(setting, losses, scores)


def _draw(setting: Setting, losses: dict[str, list[float]], scores: dict[int, tuple[float, float]]) -> None:
    with setting.picture("07-diabetes") as figure:
        figure.set_size_inches(11, 4.5)
        left, right = figure.subplots(1, 2)
        for name, of_name in losses.items():
            left.plot(of_name, label=name)
        left.set(xlabel="epoch", ylabel="loss", title="8-6-4-1: four activations")
        left.legend()
        means, errors = zip(*scores.values(), strict=True)
        right.errorbar(list(scores), means, yerr=errors, fmt="o", capsize=4)
        right.set(
            xlabel="hidden layers",
            ylabel="5-fold accuracy ± standard error",
            title="How many layers?",
            xticks=list(scores),
        )


LECTURE = Lecture(number="07", title="diabetes", run=run)
