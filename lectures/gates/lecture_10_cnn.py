"""Lecture 10, convolutional networks: the notes' network of two convolutions, and a deeper one."""

from functools import partial

from lectures.course.fit import draw_losses
from lectures.course.image_training import Plan, draw_filters, draw_mistakes, learn, load_images, plan_for, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import ConvNet


def run(setting: Setting) -> Gates:
    """Train both networks on the digits; draw the filters of the first, the mistakes of the second."""
    images = load_images(setting)
    limit = 0.95 if images.is_stand_in else 0.985
    shallow, deeper = plan_for(images, Plan(epochs=4, lr=1e-2)), plan_for(images, Plan(epochs=3, lr=5e-3))

    make_shallow = partial(ConvNet, images.shape, 10, padding=images.padding)
    trained = learn("10/two convolutions", make_shallow, images, shallow, setting)
    setting.say(summary("10 and 20 channels, kernel 5, one linear layer", trained))
    with setting.picture("10-filters") as figure:
        draw_filters(figure, trained.model, images)
    yield Gate.at_least("accuracy, two convolutions", trained.accuracy, limit)
    curves = {"two convolutions": trained.losses}

    make_deeper = partial(ConvNet, images.shape, 10, (16, 32, 64), kernel=3, padding=1, hidden=(128, 64))
    trained = learn("10/three convolutions", make_deeper, images, deeper, setting)
    setting.say(summary("16, 32 and 64 channels, kernel 3, three linear layers", trained))
    curves["three convolutions"] = trained.losses
    with setting.picture("10-loss") as figure:
        draw_losses(figure, curves, "Convolutional networks: training loss", "cross entropy per image")
    with setting.picture("10-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Deeper network")
    yield Gate.at_least("accuracy, three convolutions", trained.accuracy, limit)


LECTURE = Lecture(number="10", title="Convolutional networks", title_zh="卷积神经网络", run=run)
