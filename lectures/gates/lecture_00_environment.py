"""Before the lectures: what is installed here, and which device computes."""

import os
import platform
import sys
import time

import torch

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.hardware import pick_device
from pipelines.kaggle.doctor import cuda_line, package_findings


def table() -> list[tuple[str, str]]:
    """What and how it is; needs no network and no GPU."""
    return [
        ("python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
        ("torch", torch.__version__),  # with the build, such as +cu130
        ("CUDA", cuda_line()),
        ("MPS", "available" if torch.backends.mps.is_available() else "not available (no GPU of Apple's)"),
        ("CPU", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads for torch"),
        ("device", f"{pick_device('auto')} (--device auto takes it)"),
    ]


def product_error(device: torch.device) -> float:
    """Largest difference of a matrix product on the device from the same on the CPU, in float32."""
    left, right = (torch.rand(64, 64, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    return (left.to(device) @ right.to(device)).cpu().sub(left @ right).abs().max().item()


def run(setting: Setting) -> Gates:
    """The table, and one multiplication on the device."""
    for name, value in table():
        setting.say(f"{name:<10}{value}")
    packages = list(package_findings())
    missing = [finding for finding in packages if finding.next_step]
    for finding in packages:
        setting.say(finding.line)
    setting.say("python -m pipelines doctor looks at credentials, proxy and the way to Kaggle as well")
    yield Gate.equal("Python is 3.11 or newer", sys.version_info >= (3, 11), True)
    yield Gate.equal("packages that are missing", len(missing), 0)
    start = time.perf_counter()
    error = product_error(setting.device)
    setting.say(f"a product of 64 x 64 matrices on {setting.device}: {1e3 * (time.perf_counter() - start):.2f} ms")
    yield Gate.at_most(f"product on {setting.device} and CPU, largest difference", error, 1e-2)


LECTURE = Lecture(number="00", title="The environment: versions and device", title_zh="环境：版本与设备", run=run)
