"""Where training computes: the device, its precision, its cores, its memory."""

import contextlib
import ctypes
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

from pipelines.errors import UsageError
from pipelines.settings.allowed import DEVICE

LEAST_MEMORY = 2e9  # bytes that a run may use where there are twice as many
FEW_ROWS = 64  # that no network finds too many
BYTES_AT_A_TIME = 2**28  # that a network's layers may make of the rows that it is asked of in one go
NUMBERS_OF_A_BATCH = 2**25  # above this each layer's kernels take a GPU longer than it takes to begin them
NO_LIMIT = 2.0**60  # what version 1 of control groups writes is more
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
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if not DEVICE.holds(name) or not available[kind] or int(number or 0) >= count:
        there = ", ".join(kind for kind, ok in available.items() if ok)
        raise UsageError(
            f"device {name!r} is not available here; available: {there}",
            "leave the device out, or choose cpu: --device cpu on the command line, device='cpu' in Python",
            "请不要指定设备，或选择 cpu：命令行用 --device cpu，Python 中用 device='cpu'",
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


def numbers_of_a_row(model: nn.Module, few: Tensor) -> int:
    """How many numbers the layers of a network give of one row, told by a `few`; it is in evaluation mode then.

    >>> numbers_of_a_row(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.zeros(3, 4))
    18
    """
    found = 0

    def count(_layer: nn.Module, _inputs: object, outputs: object) -> None:
        nonlocal found
        found += outputs.numel() if isinstance(outputs, Tensor) else 0

    handles = [layer.register_forward_hook(count) for layer in model.modules() if not list(layer.children())]
    try:
        with torch.inference_mode():
            model.eval()(few.clone())
    finally:
        for handle in handles:
            handle.remove()
    return found // len(few)


def fills_a_gpu(numbers: int) -> bool:
    """Whether a network has a GPU busy, told by how many `numbers` its layers give of a batch: reckoned, not measured.

    Of Otto's networks `wide-tabm` does, four times over; those of the other presets stay below a tenth of it.
    """
    return numbers > NUMBERS_OF_A_BATCH


def rows_at_a_time(model: nn.Module, inputs: Tensor, most: int) -> int:
    """How many of the inputs (N, ...) a network is asked of in one go, at most so many: images grow in its layers."""
    if len(inputs) <= FEW_ROWS:
        return most
    return min(most, max(FEW_ROWS, BYTES_AT_A_TIME // (4 * max(1, numbers_of_a_row(model, inputs[:2])))))


def memory_to_use(device: torch.device) -> float:
    """Bytes for what trains at the same time: half of a GPU's free memory, a quarter of the computer's or container's.

    A small one gives up to half, so that a run has `LEAST_MEMORY` where it can be had.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # free, though torch holds it
        return (torch.cuda.mem_get_info(device)[0] + kept) / 2
    there = memory_there()
    return LEAST_MEMORY if math.isinf(there) else max(min(LEAST_MEMORY, there / 2), there / 4)


def memory_there() -> float:
    """Bytes of the computer, or of the container where that has fewer; infinite where the system does not say."""
    there = memory_limit()
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        there = min(there, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return there


def n_cores() -> int:
    """Cores to compute on: as many as torch would take, but no more than a container's share of the processor.

    torch knows of the cores that a process is bound to and of OMP_NUM_THREADS, not of a share.
    """
    return max(1, math.ceil(min(torch.get_num_threads(), cpu_share())))


def memory_limit(root: Path = Path("/")) -> float:
    """Bytes that the control groups of this process leave to it; infinite where nothing bounds it."""
    files = ("memory.max", "memory.high", "memory.limit_in_bytes")
    return min((_number(path) for path in _of_groups(root, "memory", files)), default=math.inf)


def cpu_share(root: Path = Path("/")) -> float:
    """Cores' worth of time that the control groups of this process leave to it; infinite where nothing bounds it."""
    shares = [math.inf]
    for path in _of_groups(root, "cpu", ("cpu.max", "cpu.cfs_quota_us")):
        period = _number(path, 1) if path.name == "cpu.max" else _number(path.with_name("cpu.cfs_period_us"))
        shares.append(_number(path) / period if 0 < period < math.inf else math.inf)
    return min(shares)


def _of_groups(root: Path, controller: str, names: tuple[str, ...]) -> Iterator[Path]:
    """Files of those names in this process's control groups and the groups around them, version 1 or 2.

    A container often sees its own group as the root of all: then the named folder is not there, the root is.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # no Linux
        return
    for line in lines:
        controllers, _, group = line.partition(":")[2].partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        own = PurePosixPath("/", group)
        for mounted in (controllers, controller) if controllers else ("", "unified"):
            for outer in (own, *own.parents):
                folder = root / "sys/fs/cgroup" / mounted / outer.relative_to("/")
                yield from (folder / name for name in names)


def _number(path: Path, place: int = 0) -> float:
    """The number in that place of a control group's file; infinite for `max`, -1, and what cannot be read."""
    try:
        number = float(path.read_text(encoding="ascii").split()[place].replace("max", "inf"))
    except (OSError, ValueError, IndexError):
        return math.inf
    return number if 0 <= number < NO_LIMIT else math.inf


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """What numpy, scipy and scikit-learn multiply inside the block takes one thread: their own beside ours fight.

    It is often quicker, too, and a sum does not depend on the number of cores (LOG.md, 2026-11-26). To be entered by
    one thread, for all: libraries for matrices hold one number for the whole process.
    """
    with _beside_torch().limit(limits=1, user_api="blas"):
        yield


def openmp_on_one_thread() -> None:
    """Whatever uses OpenMP beside torch (histogram gradient boosting) computes on one thread.

    OpenMP holds a number of threads for each thread of Python: this sets the calling thread's, until it ends, in the
    libraries that are loaded by now.
    """
    _beside_torch().limit(limits=1, user_api="openmp")


def _beside_torch() -> ThreadpoolController:
    """The libraries with threads that are loaded now, but for torch's own, which `torch.set_num_threads` governs."""
    loaded, home = ThreadpoolController(), Path(torch.__file__).resolve().parent
    torchs = {home, home.with_name("torch.libs")}
    files = [str(library["filepath"]) for library in loaded.info()]
    return loaded.select(filepath=[file for file in files if not torchs & set(Path(file).resolve().parents)])


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
def cores(
    workers: int, threads: int, on_step: Callable[..., None] = lambda *_: None
) -> Iterator[tuple[Executor, Callable[..., None]]]:
    """A pool of `workers`, each computing with so many `threads`, and an `on_step` that they may call at any time.

    Python's threads are enough, since torch lets go of the interpreter while it computes; and a core per task beats
    all cores on one: nobody waits for anybody inside a step. What else uses OpenMP gets one thread a task. When the
    block ends, in whatever way, tasks that still run stop at their next step.
    """
    lock, stop = threading.Lock(), threading.Event()

    def step(*what: object) -> None:
        with lock:
            if stop.is_set():
                raise StoppedError
            on_step(*what)

    keep_freed_memory()
    before = torch.get_num_threads()

    def begin() -> None:
        openmp_on_one_thread()
        torch.set_num_threads(threads)  # second: where torch shares its OpenMP with others, this is what counts

    torch.set_num_threads(threads)
    pool = ThreadPoolExecutor(workers, initializer=begin)
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
    torch.set_num_threads(1 if small else n_cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)
