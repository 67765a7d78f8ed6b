"""What the image lectures (10 and 11) share: train on the digits, score the test images, draw them.

Shapes: N images, B batch, C channels, H and W pixels.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lectures.course.data import Digits, load_digits
from lectures.course.fit import draw_accuracies, draw_losses, fit, shuffled
from lectures.course.lecture import Setting
from pipelines.hardware import in_bfloat16
from pipelines.training.loop import predict_logits

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast to learn: Adam, its learning rate up and down once in the run.

    The lectures' values were chosen on 10,000 training images held out from training, never on test images.
    """

    epochs: int
    lr: float
    batch_size: int = 128


STAND_IN = Plan(epochs=8, lr=1e-2, batch_size=64)  # 1,200 small images: more passes, each of a tenth of a second

NO_TICKS: dict[str, list[float]] = {"xticks": [], "yticks": []}  # else they are laid out, though nobody sees them


def load_images(setting: Setting) -> Digits:
    """The digits, standardised, on the setting's device."""
    return standardised(load_digits(setting), setting.device)


def standardised(digits: Digits, device: torch.device) -> Digits:
    """The digits with mean 0 and deviation 1 over the training images' pixels, from which both are taken."""
    # NOTE[DIFF]: the notes call this "the 0-1 distribution"; it moves and scales, it makes nothing normal.
    mean, sd = digits.train.mean(), digits.train.std()
    moved = digits.to(device)
    return replace(moved, train=(moved.train - mean) / sd, test=(moved.test - mean) / sd)


def plan_for(images: Digits, published: Plan) -> Plan:
    """The lecture's plan, or the stand-in's."""
    return STAND_IN if images.is_stand_in else published


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network, its mean loss after each epoch, seconds per epoch and what it says of the test images.

    `test_losses` and `accuracies` are those of the test images, after each epoch.
    """

    model: nn.Module
    losses: list[float]
    epoch_seconds: float
    predicted: Tensor
    accuracy: float
    test_losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)

    @property
    def n_parameters(self) -> int:
        """How many numbers the network has learned."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def learn(name: str, make_model: Callable[[], nn.Module], images: Digits, plan: Plan, setting: Setting) -> Trained:
    """Train a fresh network by `plan` and score it on the test images; `name` is that of its curve.

    On CPUs that have bfloat16 the convolutions use it, and channels lie last in memory: together they
    halve the time of an epoch. Weights, sums of gradients and the loss stay in float32.
    """
    start, plan = time.perf_counter(), setting.knobs.applied(plan)
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)  # for the weights, and for dropout where there is any
        model = make_model().to(images.train.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # NOTE[DIFF]: the notes log every 300 batches and never the last 38; the loop counts every row.
        batches = shuffled(setting, plan.batch_size, images.train, images.train_labels)
        optimizer = torch.optim.Adam(model.parameters(), plan.lr)
        trained, test = in_bfloat16(model, images.train.device), TestImages(model, images)
        losses = fit(
            setting, trained, batches, nn.CrossEntropyLoss(), optimizer, plan.epochs,
            schedule="one-cycle", name=name, on_epoch=test.look,
        )  # fmt: skip
    seconds = (time.perf_counter() - start - test.seconds) / plan.epochs
    return Trained(
        model=model, losses=losses, epoch_seconds=seconds, predicted=test.predicted, accuracy=test.accuracies[-1],
        test_losses=test.losses, accuracies=test.accuracies,
    )  # fmt: skip


class TestImages:
    """What a network says of the test images, each time that it is asked: loss, accuracy, and the digits read (N,)."""

    __test__ = False  # no test, though its name begins like one

    def __init__(self, model: nn.Module, images: Digits) -> None:
        # NOTE[DIFF]: the notes' test_loader is built from the training images; these are the test images.
        self.model, self.images = model, images
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.seconds = 0.0

    def look(self) -> None:
        """After an epoch; what they show chooses nothing."""
        start = time.perf_counter()
        logits = predict_logits(self.model, self.images.test, batch_size=500)
        self.losses.append(nn.functional.cross_entropy(logits, self.images.test_labels).item())
        self.predicted = logits.argmax(dim=1)
        self.accuracies.append(accuracy(self.predicted, self.images))
        self.seconds += time.perf_counter() - start


def accuracy(predicted: Tensor, images: Digits) -> float:
    """Share of the test images whose digit (N,) was read rightly."""
    return (predicted == images.test_labels).cpu().double().mean().item()


def summary(name: str, trained: Trained) -> str:
    """One line for the learner: what was trained, how long, how well."""
    wrong = int((1 - trained.accuracy) * len(trained.predicted) + 0.5)
    return (
        f"{name}: {trained.n_parameters:,} parameters, {len(trained.losses)} epochs of {trained.epoch_seconds:.1f} s, "
        f"loss {trained.losses[0]:.3f} to {trained.losses[-1]:.3f}, "
        f"{trained.accuracy:.2%} of {len(trained.predicted):,} test images, {wrong} wrong"
    )


def draw_learning(figure: "Figure", networks: dict[str, Trained], title: str) -> None:
    """On the left the loss by epoch, of training and (broken) of the test images; on the right their accuracy."""
    figure.set_size_inches(11, 4.5)
    panels: Any = figure.subfigures(1, 2)
    losses = {name: each.losses for name, each in networks.items()}
    test = {name: each.test_losses for name, each in networks.items()}
    draw_losses(panels[0], losses, f"{title}: loss", "cross entropy per image", test=test)
    accuracies = {"test" if name == "training" else name: each.accuracies for name, each in networks.items()}
    draw_accuracies(panels[1], accuracies, f"{title}: accuracy", "accuracy on the test images in %")


def draw_mistakes(figure: "Figure", images: Digits, predicted: Tensor, title: str) -> None:
    """The first 32 test images that the network reads wrongly, each with its label and what was read."""
    wrong = (predicted != images.test_labels).nonzero().flatten().tolist()
    n_rows = min(4, max(1, -(-len(wrong) // 8)))
    figure.set_size_inches(9, 0.6 + 1.3 * n_rows)
    axes = figure.subplots(n_rows, 8, subplot_kw=NO_TICKS).flatten()
    for axis in axes:
        axis.set_axis_off()
    for axis, index in zip(axes, wrong, strict=False):
        axis.imshow(images.test[index, 0].cpu().numpy(), cmap="gray_r")
        axis.set_title(f"{images.test_labels[index]}, read as {predicted[index]}", fontsize=9)
    figure.suptitle(f"{title}: {min(32, len(wrong))} of {len(wrong)} mistakes in {len(predicted):,} test images")


def draw_filters(figure: "Figure", model: nn.Module, images: Digits) -> None:
    """The first convolution's kernels, and what each makes of one test image before pooling."""
    convolution = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    kernels = convolution.weight.detach().float().cpu()[:, 0]
    with torch.inference_mode():
        maps = convolution(images.test[:1]).relu()[0].float().cpu()
    limit = kernels.abs().max().item()
    figure.set_size_inches(12, 3.2)
    grid = figure.subplots(2, len(kernels) + 1, subplot_kw=NO_TICKS)
    for axis in grid.flatten():
        axis.set_axis_off()
    grid[1, 0].imshow(images.test[0, 0].cpu().numpy(), cmap="gray_r")
    grid[1, 0].set_title("input", fontsize=9)
    for n, (kernel, response) in enumerate(zip(kernels, maps, strict=True)):
        shown = grid[0, n + 1].imshow(kernel.numpy(), cmap="RdBu", vmin=-limit, vmax=limit)
        grid[0, n + 1].set_title(f"kernel {n}", fontsize=9)
        grid[1, n + 1].imshow(response.numpy(), cmap="gray_r")
        grid[1, n + 1].set_title(f"output {n}", fontsize=9)
    figure.colorbar(shown, ax=grid[0, :], label="weight", fraction=0.02, pad=0.01)
    figure.suptitle("What the first convolution looks for (above), and where it finds it in one digit (below)")
