"""Mistakes that the training loop can see, said in words that name the lecture.

Shapes: B batch, C classes.

It looks at the outputs of the first batch and at the losses after the last epoch, at nothing in between. What is
certainly wrong is an error; what may be meant is a warning.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from pipelines.errors import TrainingError

EPOCHS = 10  # of training before a loss that has not moved is remarkable
STILL = 0.005  # share of the first epoch's loss by which a loss has to fall, or it has not moved


class TrainingWarning(UserWarning):
    """Training ran, and what it shows is probably not what was meant."""


@contextlib.contextmanager
def watching(model: nn.Module, criterion: object) -> Iterator[None]:
    """Look at the outputs of the first batch, and say in plain words what torch says of labels and devices.

    Raises: TrainingError for outputs that are probabilities where the criterion takes logits; for labels
    that are no classes of the model; for rows on another device than the model.
    """
    logits = isinstance(criterion, nn.CrossEntropyLoss) or getattr(criterion, "takes_logits", False)

    def look(_model: nn.Module, _inputs: object, outputs: Tensor) -> None:
        handle.remove()
        if logits:
            _refuse_probabilities(outputs.detach().float())

    handle = model.register_forward_hook(look)
    try:
        with _in_plain_words():
            yield
    finally:
        handle.remove()


def _refuse_probabilities(outputs: Tensor) -> None:
    """Outputs (..., C) that are never negative and whose rows all sum to one are no logits."""
    sums = outputs.sum(dim=-1)
    if outputs.shape[-1] > 1 and bool(
        (outputs >= 0).all() and torch.isclose(sums, torch.ones_like(sums), atol=1e-4).all()
    ):
        raise TrainingError(
            "the model's outputs are probabilities (each row sums to 1), and the loss applies softmax once more",
            "leave the Softmax layer out of the model: CrossEntropyLoss takes logits (lecture 9)",
            "请去掉模型末尾的 Softmax 层: CrossEntropyLoss 的输入是 logits（第 9 讲）",
        )


@contextlib.contextmanager
def _in_plain_words() -> Iterator[None]:
    """Turn what torch says about labels and devices into what to do about it."""
    try:
        yield
    except (IndexError, RuntimeError) as error:
        text = str(error)
        if "out of bounds" in text and "Target" in text:
            raise TrainingError(
                f"a label is not a class of the model: {text}",
                "labels begin at 0 and end at C - 1; 1 to 9 have to become 0 to 8 (lecture 9)",
                "标签必须从 0 到 C-1；1 到 9 应先变为 0 到 8（第 9 讲）",
            ) from error
        if "same device" in text or "not on the expected device" in text:
            raise TrainingError(
                f"model and rows lie on different devices: {text.splitlines()[0]}",
                "move the model, the inputs and the labels: .to(device) on all three (lecture 10)",
                "请将模型、输入和标签都移到同一设备: .to(device)（第 10 讲）",
            ) from error
        raise


def warn_if_still(losses: Sequence[Sequence[float]]) -> None:
    """Warn about a loss that has hardly moved; `losses` holds one list per epoch, one number per member."""
    if len(losses) < EPOCHS:
        return
    first, last = losses[0][0], min(of_epoch[0] for of_epoch in losses)
    if first > 0 and first - last < STILL * first:
        warnings.warn(
            f"the loss has hardly moved: {first:.4f} in the first of {len(losses)} epochs, {last:.4f} at best. "
            "A model that only learns how frequent the classes are looks like this (lecture 7): try another "
            "learning rate, ReLU in place of sigmoid, standardised inputs",
            TrainingWarning,
            stacklevel=3,
        )
