"""Lecture 11, Inception: four branches side by side, joined along the channels; the program."""

import torch

from lectures.course.data import files_for_program
from lectures.course.image_program import run_image_program
from lectures.course.image_training import draw_learning, draw_mistakes, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting


def run(setting: Setting) -> Gates:
    """Run the program, the notes' network of two Inception blocks; count its branches' channels."""
    files = files_for_program("mnist", setting)
    images, trained = run_image_program(setting, "lecture_11_inception", files, picture="11-inception-program")
    branches = trained.model.get_submodule("incep1").children()
    widths = [branch(torch.zeros(1, 10, 8, 8)).shape[1] for branch in branches]
    setting.say(f"channels of the branches: {' + '.join(map(str, widths))} = {sum(widths)}")
    yield Gate.equal("channels out", sum(widths), 88)
    setting.say(summary("Inception", trained))
    with setting.picture("11-inception-loss") as figure:
        draw_learning(figure, {"training": trained}, "Inception")
    with setting.picture("11-inception-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Inception")
    yield Gate.at_least("test accuracy", trained.accuracy, 0.8 if files.is_stand_in else 0.986)


LECTURE = Lecture(number="11-inception", title="Inception", title_zh="Inception", run=run)
