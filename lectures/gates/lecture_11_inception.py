"""Lecture 11, Inception: four branches side by side, joined along the channels."""

from functools import partial

import torch

from lectures.course.fit import draw_losses
from lectures.course.image_training import Plan, draw_mistakes, learn, load_images, plan_for, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import Inception, inception_net


def run(setting: Setting) -> Gates:
    """Count the branches' channels, then train the notes' network of two Inception blocks."""
    branches = Inception(10).branches
    widths = [branch(torch.zeros(1, 10, 8, 8)).shape[1] for branch in branches]
    setting.say(f"channels of the branches: {' + '.join(map(str, widths))} = {sum(widths)}")
    yield Gate.equal("channels out", sum(widths), 88)

    images = load_images(setting)
    plan = plan_for(images, Plan(epochs=3, lr=3e-3))
    make_model = partial(inception_net, images.shape, 10, padding=images.padding)
    trained = learn("11/inception", make_model, images, plan, setting)
    setting.say(summary("Inception", trained))
    with setting.picture("11-inception-loss") as figure:
        draw_losses(figure, {"training": trained.losses}, "Inception: training loss", "cross entropy per image")
    with setting.picture("11-inception-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Inception")
    yield Gate.at_least("accuracy", trained.accuracy, 0.95 if images.is_stand_in else 0.986)


LECTURE = Lecture(number="11", title="Inception", title_zh="Inception", run=run)
