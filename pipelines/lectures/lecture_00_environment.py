"""Lecture 0, the environment: Python, torch, the device, and whether it computes.

# NOTE[DIFF]: the notes write `torch.cuda.is_availabel()`, which is no attribute, and install by conda, which
# PyTorch has left; AMD's cards work too, by ROCm builds. `python -m pipelines doctor` looks at Kaggle.
"""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version

import torch

from pipelines.lectures.lecture import Gate, Lecture, Setting


def table() -> dict[str, str]:
    """What is here, by name."""
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "CUDA of this torch": torch.version.cuda or "none",
        "GPU": torch.cuda.get_device_name(0) if cuda else "none",
        "MPS": "yes" if torch.backends.mps.is_available() else "no",
        "threads": str(torch.get_num_threads()),
        **{package: version(package) for package in ("numpy", "pandas", "scikit-learn", "kaggle")},
    }


def run(setting: Setting) -> Iterator[Gate]:
    """The table, and a product on the device."""
    for name, value in table().items():
        setting.say(f"{name:<20}{value}")
    yield Gate.equal("Python is 3.11 or newer", sys.version_info >= (3, 11), True)
    left, right = (torch.arange(6.0).reshape(shape) / 6 for shape in ((2, 3), (3, 2)))
    there = (left.to(setting.device) @ right.to(setting.device)).cpu()
    yield Gate.at_most(
        f"a product on {setting.device.type} less one on the CPU", float((there - left @ right).abs().max()), 1e-6
    )


LECTURE = Lecture(number="00", title="environment", run=run)
