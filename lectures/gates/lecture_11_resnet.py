"""Lecture 11, residual network: the notes' CnnNet, a ResidualBlock behind each convolution."""

from functools import partial

from lectures.course.fit import draw_losses
from lectures.course.image_training import Plan, draw_mistakes, learn, load_images, plan_for, summary
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import ResidualBlock, residual_net


def run(setting: Setting) -> Gates:
    """Train CnnNet on the digits and draw its mistakes."""
    images = load_images(setting)
    plan = plan_for(images, Plan(epochs=4, lr=6e-3))
    make_model = partial(residual_net, images.shape, 10, ResidualBlock, padding=images.padding)
    trained = learn("11/resnet", make_model, images, plan, setting)
    setting.say(summary("CnnNet with two residual blocks", trained))
    with setting.picture("11-resnet-loss") as figure:
        draw_losses(figure, {"training": trained.losses}, "Residual network: training loss", "cross entropy per image")
    with setting.picture("11-resnet-mistakes") as figure:
        draw_mistakes(figure, images, trained.predicted, "Residual network")
    yield Gate.at_least("accuracy", trained.accuracy, 0.95 if images.is_stand_in else 0.988)


LECTURE = Lecture(number="11-resnet", title="Residual network", title_zh="残差网络", run=run)
