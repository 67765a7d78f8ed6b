"""Lecture 6, logistic regression: from hours of study to the probability of passing.

# NOTE[DIFF]: the notes train 500 epochs at 0.01, which leaves the boundary at 3.99 hours, on the wrong side
# of a training point; here 5,000 at 0.1. And the loss is taken on logits, not after a sigmoid: stable.
"""

import torch
from torch import Tensor, nn

from lectures.course.fit import fit, one_batch, seeded
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.training.loop import predict_logits

EPOCHS = 5_000
# NOTE[DIFF]: the notes write torch.Tensor([[0], [0], [1]]), which makes floats of integers unasked, and F.sigmoid,
# which long was deprecated and is torch.sigmoid; here the numbers are floats as written, and the loss takes logits.
X = torch.tensor([[1.0], [2.0], [3.0]])
Y = torch.tensor([[0.0], [0.0], [1.0]])


def run(setting: Setting) -> Gates:
    """Train, and find the hours where passing is as likely as failing."""
    model = seeded(setting, lambda: nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(setting, model, one_batch(setting, X, Y), nn.BCEWithLogitsLoss(), optimizer, EPOCHS, name="06/loss")
    one, two, three = predict_logits(model, X.to(setting.device)).sigmoid().flatten().tolist()
    boundary = -model.bias.item() / model.weight.item()
    _draw(setting, model, boundary)
    setting.say(f"p(1), p(2), p(3) = {one:.3f}, {two:.3f}, {three:.3f}")
    yield Gate.at_most("p(1)", one, 0.5)
    yield Gate.at_most("p(2)", two, 0.5)
    yield Gate.at_least("p(3)", three, 0.5)
    yield Gate.at_least("boundary, hours", boundary, 2.4)
    yield Gate.at_most("boundary, hours", boundary, 2.5)


def _draw(setting: Setting, model: nn.Module, boundary: float) -> None:
    hours: Tensor = torch.linspace(0, 6, 200)[:, None]
    with setting.picture("06-sigmoid", (7, 4.5)) as figure:
        axes = figure.add_subplot()
        axes.plot(hours, predict_logits(model, hours.to(setting.device)).sigmoid().cpu(), label="model")
        axes.scatter(X, Y, color="black", zorder=3, label="students")
        axes.axhline(0.5, color="C7", linestyle="--")
        axes.axvline(boundary, color="C2", label=f"boundary: {boundary:.2f} h")
        title = "Hours of study and the probability of passing"
        axes.set(xlabel="hours of study", ylabel="probability of passing", title=title)
        axes.legend()


LECTURE = Lecture(number="06", title="Logistic regression", title_zh="逻辑回归", run=run)
