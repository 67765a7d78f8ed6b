"""Lecture 11, residual network: the notes' CnnNet, a ResidualBlock behind each convolution."""

from collections.abc import Iterator
from functools import partial

from lectures.data import load_digits
from lectures.fit import draw_losses
from lectures.image_training import Plan, draw_mistakes, learn, standardised, summary
from lectures.lecture import Gate, Lecture, Setting
from pipelines.models import ResidualBlock, residual_net


def run(setting: Setting) -> Iterator[Gate]:
    """Train CnnNet on the digits and draw its mistakes."""
    images = standardised(load_digits(setting), setting.device)
    plan = images.plan(Plan(epochs=4, lr=6e-3))
    make_model = partial(residual_net, images.shape, 10, ResidualBlock, padding=images.padding)
    trained = learn("11/resnet", make_model, images, plan, setting)
    setting.say(summary("CnnNet with two residual blocks", trained, plan))
    with setting.picture("11-resnet-loss") as figure:
        draw_losses(figure, {"training": trained.losses}, "Residual network: training loss", "cross entropy per image")
    with setting.picture("11-resnet-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Residual network")
    yield Gate.at_least("accuracy", trained.accuracy, 0.95 if images.is_stand_in else 0.988)


LECTURE = Lecture(number="11-resnet", title="Residual network", run=run)
