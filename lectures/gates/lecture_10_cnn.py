"""Lecture 10, convolutional networks: the notes' network of two convolutions, its program; and a deeper one."""

from functools import partial

from lectures.course.data import files_for_program
from lectures.course.image_program import run_image_program
from lectures.course.image_training import Plan, draw_filters, draw_learning, draw_mistakes, learn, plan_for, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import ConvNet


def run(setting: Setting) -> Gates:
    """The program, its filters; then a deeper network on the same images, by the shared loop, and its mistakes."""
    files = files_for_program("mnist", setting)
    limit = 0.95 if files.is_stand_in else 0.985
    images, shallow = run_image_program(setting, "lecture_10_cnn", files, picture="10-cnn-program")
    setting.say(summary("10 and 20 channels, kernel 5, one linear layer", shallow))
    with setting.picture("10-filters") as figure:
        draw_filters(figure, shallow.model, images)
    yield Gate.at_least("accuracy, two convolutions", shallow.accuracy, 0.9 if files.is_stand_in else limit)

    images = images.to(setting.device)
    plan = plan_for(images, Plan(epochs=3, lr=5e-3))
    make_deeper = partial(ConvNet, images.shape, 10, (16, 32, 64), kernel=3, padding=1, hidden=(128, 64))
    deeper = learn("10/three convolutions", make_deeper, images, plan, setting)
    setting.say(summary("16, 32 and 64 channels by the shared loop, kernel 3, three linear layers", deeper))
    with setting.picture("10-loss") as figure:
        draw_learning(figure, {"two (the program)": shallow, "three": deeper}, "Two and three convolutions")
    with setting.picture("10-mistakes") as figure:
        draw_mistakes(figure, images, deeper.predicted, "Deeper network")
    yield Gate.at_least("accuracy, three convolutions", deeper.accuracy, limit)


LECTURE = Lecture(number="10", title="Convolutional networks", title_zh="卷积神经网络", run=run)
