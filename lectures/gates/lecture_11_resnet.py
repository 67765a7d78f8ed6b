"""Lecture 11, residual network: the notes' network, a ResidualBlock behind each convolution; the program."""

import torch

from lectures.course.data import files_for_program
from lectures.course.image_program import run_image_program
from lectures.course.image_training import draw_learning, draw_mistakes, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting


def run(setting: Setting) -> Gates:
    """Run the program and draw its mistakes; a block hands on the shape that it got."""
    files = files_for_program("mnist", setting)
    images, trained = run_image_program(setting, "lecture_11_resnet", files, picture="11-resnet-program")
    shape = tuple(trained.model.get_submodule("rblock1")(torch.zeros(2, 16, 12, 12)).shape)
    yield Gate.equal("shape behind a residual block", shape, (2, 16, 12, 12))
    setting.say(summary("two residual blocks", trained))
    with setting.picture("11-resnet-loss") as figure:
        draw_learning(figure, {"training": trained}, "Residual network")
    with setting.picture("11-resnet-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Residual network")
    yield Gate.at_least("test accuracy", trained.accuracy, 0.9 if files.is_stand_in else 0.988)


LECTURE = Lecture(number="11-resnet", title="Residual network", title_zh="残差网络", run=run)
