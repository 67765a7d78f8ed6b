"""Where training computes: the device, its precision, its cores, its memory."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pipelines.errors import UsageError

LEAST_MEMORY = 2e9  # bytes that a run may use on any machine
# Of glibc's malloc.h: which knob, and bytes.
MALLOC_KNOBS = {"M_TRIM_THRESHOLD": (-1, 256 << 20), "M_TOP_PAD": (-2, 64 << 20), "M_MMAP_THRESHOLD": (-3, 32 << 20)}


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises: UsageError when the device is not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind, _, number = name.partition(":")
    count = {"cuda": torch.cuda.device_count()}.get(kind, 1)
    if not available.get(kind, False) or (number and not (number.isdecimal() and int(number) < count)):
        there = ", ".join(kind for kind, ok in available.items() if ok)
        raise UsageError(
            f"device {name!r} is not available here; available: {there}",
            "leave --device out, or use --device cpu",
            "请去掉 --device，或使用 --device cpu",
        )
    return torch.device(name)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices by instructions of its own."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu_has_it = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)  # there is no public way to ask
    return device.type == "cpu" and bool(cpu_has_it())


class InBfloat16(nn.Module):
    """A model that multiplies its matrices in bfloat16; weights and outputs stay float32."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the model says of `inputs`, float32."""
        with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16):
            outputs: Tensor = self.model(*inputs)
        return outputs.float()


def in_bfloat16(model: nn.Module, device: torch.device) -> nn.Module:
    """The model in bfloat16 where the device has it, else the model itself."""
    return InBfloat16(model) if has_bfloat16(device) else model


def memory_to_use(device: torch.device) -> float:
    """Bytes for what trains at the same time: half of a GPU's free memory, a quarter of a machine's."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # free, though torch holds it
        return (torch.cuda.mem_get_info(device)[0] + kept) / 2
    try:
        return max(LEAST_MEMORY, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 4)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return LEAST_MEMORY


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks below 32 MB; False where there is no glibc, and nothing is changed.

    A stack of a hundred small networks allocates and frees the same megabytes in each step; without
    this a quarter of its time goes into page faults (LOG.md, 2026-11-23).
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return all(mallopt(knob, size) == 1 for knob, size in MALLOC_KNOBS.values())


class StoppedError(Exception):
    """Another task has failed, or the user has interrupted: this one need not go on."""


@contextmanager
def cores(workers: int, threads: int, on_step: Callable[..., None]) -> Iterator[tuple[Executor, Callable[..., None]]]:
    """A pool of `workers`, each computing with so many `threads`, and an `on_step` that they may call at any time.

    Python's threads are enough, since torch lets go of the interpreter while it computes; and a core per task beats
    all cores on one: nobody waits for anybody inside a step. When the block ends, in whatever way, tasks that still
    run stop at their next step.
    """
    lock, stop = threading.Lock(), threading.Event()

    def step(*what: object) -> None:
        with lock:
            if stop.is_set():
                raise StoppedError
            on_step(*what)

    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    pool = ThreadPoolExecutor(workers)
    try:
        with torch.random.fork_rng(devices=[]):  # for whoever draws from torch's own generator in a task
            yield pool, step
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


@contextmanager
def threads_for(small: bool) -> Iterator[None]:
    """One thread for small networks: more of them spend their time waiting for each other (LOG.md, 2026-11-23)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
