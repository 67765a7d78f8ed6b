"""Lecture 10, convolutions: the notes' network of 10 and 20 channels, a deeper one, and what the device changes."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from pipelines.lectures.data import Split, mnist
from pipelines.lectures.fit import accuracy_on_test, fit, predicted, seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting, at_least, at_most
from pipelines.lectures.pictures import draw_filters, draw_loss_and_mistakes
from pipelines.models.cnn import cnn, deep_cnn
from pipelines.training import predict_logits

EPOCHS = 4


def train_images(
    setting: Setting, split: Split, make_model: Callable[[], nn.Module], name: str, epochs: int = EPOCHS
) -> tuple[nn.Module, list[float]]:
    """A network trained on the images by AdamW, one-cycle; stand-ins are few, so they are seen more often."""
    model = seeded(setting, make_model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
    epochs, batch_size = (20, 32) if split.stand_in else (epochs, 128)
    rows = split.inputs, split.targets
    criterion = nn.CrossEntropyLoss()
    history = fit(
        setting, model, rows, criterion, optimizer, epochs, batch_size=batch_size, schedule="one-cycle", name=name
    )
    return model, history.losses


def image_size(split: Split) -> tuple[int, int]:
    """Height and width of the images."""
    return split.inputs.shape[2], split.inputs.shape[3]


def kernel_for(split: Split) -> int:
    """The notes' kernel of 5, or 3 for the stand-in's 8 x 8 pixels, where two of 5 do not fit."""
    return 3 if split.stand_in else 5


def gate(split: Split, on_mnist: float) -> float:
    """The course's gate, or the stand-in's."""
    return 0.95 if split.stand_in else on_mnist


def run(setting: Setting) -> Iterator[Gate]:
    """Two networks, and the same outputs on another device."""
    split = mnist(setting)
    size = image_size(split)
    model, losses = train_images(setting, split, lambda: cnn(size, kernel=kernel_for(split)), "10/loss")
    draw_loss_and_mistakes(setting, "10-cnn", losses, split, predicted(setting, model, split.test_inputs))
    draw_filters(setting, "10-filters", next(model.parameters()))
    n = len(losses)
    yield at_least(
        f"two convolutions, test accuracy, {n} epochs", accuracy_on_test(setting, model, split), gate(split, 0.985)
    )
    deep, _ = train_images(setting, split, lambda: deep_cnn(size), "10/loss, deeper")
    yield at_least(
        f"three convolutions, test accuracy, {n} epochs", accuracy_on_test(setting, deep, split), gate(split, 0.985)
    )
    yield _device_gate(setting, model, split)


def _device_gate(setting: Setting, model: nn.Module, split: Split) -> Gate:
    """Model, inputs and outputs on the device and on the CPU."""
    inputs = split.test_inputs[:500]
    there = predict_logits(model, inputs.to(setting.device)).cpu()
    here = predict_logits(model.cpu(), inputs)
    if setting.device.type == "cpu":
        setting.say("no GPU chosen or none here: outputs are compared between the CPU and itself")
    return at_most(f"outputs on {setting.device.type} less outputs on the CPU", float((there - here).abs().max()), 1e-4)


LECTURE = Lecture(number="10", title="convolutional network", run=run)
