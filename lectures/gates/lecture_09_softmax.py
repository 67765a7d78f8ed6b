"""Lecture 9, softmax: cross entropy in NumPy, and what torch's three names for it mean.

# NOTE[DIFF]: the notes say that NLLLoss takes the predicted probability. It takes the log-probability and
# returns minus the one of the true class.
"""

import numpy as np
import torch
from torch import nn

from lectures.course.lecture import Gate, Gates, Lecture, Setting

LABELS = [2, 0, 1]
GOOD = [[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]]  # the slide's two predictions, logits
BAD = [[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of minus the log-softmax of the true class; logits (N, C), labels (N,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # no overflow, same softmax
    log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_proba[np.arange(len(labels)), labels].mean())


def run(setting: Setting) -> Gates:
    """The slide's numbers, three ways."""
    labels = torch.tensor(LABELS, device=setting.device)
    for name, logits, expected in (("good", GOOD, 0.4966), ("bad", BAD, 1.2389)):
        by_hand = cross_entropy(np.array(logits), np.array(LABELS))
        outputs = torch.tensor(logits, device=setting.device)
        yield Gate.close(f"{name} prediction, NumPy", by_hand, expected, 1e-4)
        loss = nn.CrossEntropyLoss()(outputs, labels).item()
        yield Gate.close(f"{name} prediction, CrossEntropyLoss less NumPy", loss - by_hand, 0, 1e-6)
        in_two_steps = nn.NLLLoss()(nn.LogSoftmax(dim=1)(outputs), labels).item()
        yield Gate.close(f"{name} prediction, LogSoftmax and NLLLoss less NumPy", in_two_steps - by_hand, 0, 1e-6)


LECTURE = Lecture(number="09", title="Softmax and cross entropy", title_zh="Softmax 与交叉熵", run=run)
