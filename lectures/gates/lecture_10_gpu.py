"""Lecture 10, the GPU: model, inputs and labels go to the device; the numbers stay the same."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lectures.course.data import load_digits
from lectures.course.image_training import standardised
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import ConvNet


def outputs_and_gradient(model: nn.Module, inputs: Tensor, target: Tensor, device: torch.device) -> tuple[Tensor, ...]:
    """Logits and the gradient of the first weights, computed on `device`, handed back on the CPU.

    All three go to the device: model, inputs and labels. A model is moved in place, a tensor is copied.
    NVIDIA's convolutions round to 10 bits (TF32) unless told not to, which alone costs more than 1e-4.
    """
    model.to(device)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        outputs = model(inputs.to(device))
        loss = F.cross_entropy(outputs, target.to(device))
        (gradient,) = torch.autograd.grad(loss, [next(model.parameters())])
    return outputs.detach().cpu(), gradient.cpu()


def run(setting: Setting) -> Gates:
    """The same network, images and labels on the CPU and on the device: largest difference of the outputs."""
    # NOTE[DIFF]: the notes ask torch.cuda.is_availabel(), an AttributeError; hardware.pick_device asks rightly.
    device = setting.device
    cpu = torch.device("cpu")
    images = standardised(load_digits(setting), cpu)
    inputs, target = images.test[:256], images.test_labels[:256]
    torch.manual_seed(setting.seed)
    model = ConvNet(images.shape, 10, padding=images.padding)
    if device.type == "cpu":
        setting.say("the device is the CPU: the same steps run on it twice, which shows the code and nothing more")
    else:
        setting.say(f"the second device is {device}")
    reference = outputs_and_gradient(model, inputs, target, cpu)
    moved = outputs_and_gradient(model, inputs, target, device)
    for what, one, other in zip(("outputs", "gradients"), reference, moved, strict=True):
        difference = (one - other).abs().max().item()
        where = "the CPU twice" if device.type == "cpu" else f"{device.type} and CPU"
        yield Gate.at_most(f"{what}, {where}: largest difference", difference, 1e-4)


LECTURE = Lecture(
    number="10-gpu", title="Model, inputs and labels to the device", title_zh="把模型、输入和标签放到设备上", run=run
)
