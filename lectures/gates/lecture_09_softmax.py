"""Lecture 9, softmax: make positive, normalise, bring out the largest; and what torch's names for its loss mean.

# NOTE[DIFF]: the notes say that NLLLoss takes the predicted probability. It takes the log-probability and
# returns minus the one of the true class.

Shapes: N rows, C classes.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = [2, 0, 1]
GOOD = [[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]]  # the slide's two predictions, logits
BAD = [[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]]
SCORES = np.array([2.0, 1.0, -1.0, 0.5])  # of four classes, for the picture


def softmax_in_steps(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Scores (C,) made positive by exp, then divided by their sum.

    >>> softmax_in_steps(np.array([0.0, 0.0]))["normalised"]
    array([0.5, 0.5])
    """
    positive = np.exp(scores)
    return {"scores": scores, "positive": positive, "normalised": positive / positive.sum()}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of minus the log-softmax of the true class; logits (N, C), labels (N,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # no overflow, same softmax
    log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_proba[np.arange(len(labels)), labels].mean())


def run(setting: Setting) -> Gates:
    """The program's steps, then the slide's numbers, three ways."""
    program = run_program(setting, "lecture_09_softmax")
    steps = softmax_in_steps(SCORES)
    for name, values in steps.items():
        setting.say(f"{name:<11}{np.array2string(values, precision=3, floatmode='fixed')}")
    largest = SCORES.argmax()
    share = np.abs(SCORES) / np.abs(SCORES).sum()
    setting.say(
        f"brings out the largest: {steps['normalised'][largest]:.3f} of the whole by exp, {share[largest]:.3f} if "
        "absolute values were divided by their sum, which does not know -1 from 1"
    )
    with setting.picture("09-softmax", (11, 4)) as figure:
        draw_softmax(figure, steps)
    by_torch = torch.softmax(torch.from_numpy(SCORES), dim=0).numpy()
    yield Gate.at_most("softmax by steps less torch.softmax", np.abs(steps["normalised"] - by_torch).max(), 1e-6)
    yield Gate.close("the program's sample: NumPy less CrossEntropyLoss", program.loss - program.in_one.item(), 0, 1e-6)
    labels = torch.tensor(LABELS, device=setting.device)
    for name, logits, expected in (("good", GOOD, 0.4966), ("bad", BAD, 1.2389)):
        by_hand = cross_entropy(np.array(logits), np.array(LABELS))
        outputs = torch.tensor(logits, device=setting.device)
        yield Gate.close(f"the slide's {name} prediction, NumPy", by_hand, expected, 1e-4)
        loss = nn.CrossEntropyLoss()(outputs, labels).item()
        yield Gate.close(f"the slide's {name} prediction, CrossEntropyLoss less NumPy", loss - by_hand, 0, 1e-6)
        in_two_steps = nn.NLLLoss()(nn.LogSoftmax(dim=1)(outputs), labels).item()
        what = f"the slide's {name} prediction, LogSoftmax and NLLLoss less NumPy"
        yield Gate.close(what, in_two_steps - by_hand, 0, 1e-6)


def draw_softmax(figure: "Figure", steps: dict[str, np.ndarray]) -> None:
    """Bars of four classes: the scores, made positive, and normalised."""
    titles = ("1. the last layer's scores", "2. exp: all positive, the largest brought out", "3. divided by their sum")
    for axis, values, title in zip(figure.subplots(1, 3), steps.values(), titles, strict=True):
        bars = axis.bar(range(len(values)), values, color=["C1" if v == values.max() else "C0" for v in values])
        axis.bar_label(bars, fmt="{:.2f}", padding=2)
        axis.axhline(0, color="C7", linewidth=1)
        axis.margins(y=0.15)
        axis.set_xticks(range(len(values)))
        axis.set(xlabel="class", title=title)
    figure.suptitle("Softmax, step by step")


LECTURE = Lecture(number="09", title="Softmax and cross entropy", title_zh="Softmax 与交叉熵", run=run)
