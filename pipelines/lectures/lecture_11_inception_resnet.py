"""Lecture 11, Inception and residual networks: branches side by side; sums that let gradients by."""

from collections.abc import Iterator

from pipelines.lectures.data import mnist
from pipelines.lectures.fit import accuracy_on_test
from pipelines.lectures.lecture import Gate, Lecture, Setting, at_least, equal
from pipelines.lectures.lecture_10_cnn import gate, image_size, kernel_for, train_images
from pipelines.models.cnn import Inception, inception_net, residual_net

EPOCHS = 4


def run(setting: Setting) -> Iterator[Gate]:
    """Both networks on the same images."""
    split = mnist(setting)
    size, kernel = image_size(split), kernel_for(split)
    yield equal("Inception: channels out", Inception(10)(split.inputs[:2].expand(-1, 10, -1, -1)).shape[1], 88)
    networks = {
        "Inception": (lambda: inception_net(size, kernel=kernel), 0.986),
        "ResNet": (lambda: residual_net(size, kernel=kernel), 0.988),
    }
    for name, (make_model, wanted) in networks.items():
        model, losses = train_images(setting, split, make_model, f"11/{name}", EPOCHS)
        accuracy = accuracy_on_test(setting, model, split)
        yield at_least(f"{name}, test accuracy, {len(losses)} epochs", accuracy, gate(split, wanted))


LECTURE = Lecture(number="11", title="Inception and ResNet", run=run)
