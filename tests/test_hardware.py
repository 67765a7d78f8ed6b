"""Devices, cores and memory: what is asked for is what is there, and tasks side by side give what they give alone."""

import ctypes
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import SimpleNamespace

import pytest
import torch
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_info, threadpool_limits
from torch import nn

from pipelines import hardware
from pipelines.errors import UsageError
from pipelines.hardware import StoppedError, cores, pick_device, threads_for

CPU = torch.device("cpu")


def test_devices():
    assert pick_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(UsageError, match="device 'tpu' is not available here; available: .*cpu"):
        pick_device("tpu")


def test_bfloat16_is_inside_the_model_only(monkeypatch):
    seen = []

    class Product(nn.Linear):
        def forward(self, inputs):
            outputs = super().forward(inputs)
            seen.append(outputs.dtype)
            return outputs

    model = Product(4, 2)
    monkeypatch.setattr(hardware, "has_bfloat16", lambda _device: True)
    wrapped = hardware.in_bfloat16(model, CPU)
    assert (wrapped(torch.randn(3, 4)).dtype, seen) == (torch.float32, [torch.bfloat16])
    assert list(wrapped.parameters()) == list(model.parameters())
    monkeypatch.setattr(hardware, "has_bfloat16", lambda _device: False)
    assert hardware.in_bfloat16(model, CPU) is model


def test_results_come_and_steps_are_told_one_at_a_time():
    steps = []
    with cores(3, 1, steps.append) as (pool, step):
        assert list(pool.map(lambda i: step(i) or i * i, range(7))) == [i * i for i in range(7)]
    assert sorted(steps) == list(range(7))


@pytest.mark.parametrize(("workers", "threads"), [(1, 2), (2, 1)])
def test_tasks_compute_on_their_own_threads_and_the_callers_number_comes_back(workers, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with cores(workers, threads, print) as (pool, _step):
            assert list(pool.map(lambda _i: torch.get_num_threads(), range(4))) == [threads] * 4
        assert torch.get_num_threads() == 2
        with threads_for(small=True):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_tasks_really_run_at_the_same_time():
    together = threading.Barrier(2, timeout=30)  # nobody passes alone
    with cores(2, 1, print) as (pool, _step):
        assert sorted(pool.map(lambda _i: together.wait(), range(2))) == [0, 1]


def test_a_failure_is_raised_and_the_others_stop_at_their_next_step():
    started, failed, stopped = threading.Event(), threading.Event(), []

    def fails():
        started.wait(30)
        failed.set()
        raise ValueError("the loss is nan")

    def goes_on(step):
        started.set()
        failed.wait(30)
        try:
            while True:
                step(1)
        except StoppedError:
            stopped.append(True)
            raise

    def side_by_side():
        with cores(2, 1, lambda _i: None) as (pool, step):
            for done in as_completed([pool.submit(goes_on, step), pool.submit(fails)]):
                done.result()

    with pytest.raises(ValueError, match="the loss is nan"):
        side_by_side()
    assert stopped == [True]


@pytest.mark.parametrize(("pages", "expected"), [(5 * 10**5, 1.024e9), (10**6, 2e9), (10**7, 1.024e10)])
def test_a_quarter_of_the_memory_is_used_and_half_of_little(pages, expected, monkeypatch):
    sizes = {"SC_PHYS_PAGES": pages, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(hardware, "memory_limit", lambda: float("inf"))
    monkeypatch.setattr(hardware, "os", SimpleNamespace(sysconf=sizes.__getitem__))
    assert hardware.memory_to_use(CPU) == expected
    monkeypatch.setattr(hardware, "os", SimpleNamespace())  # as on Windows
    assert hardware.memory_to_use(CPU) == 2e9


@pytest.mark.parametrize(("limit", "expected"), [(10**9, 5e8), (3 * 10**9, 1.5e9), (16 * 10**9, 4e9), (10**12, 2.5e10)])
def test_a_container_that_has_less_memory_than_its_host_gives_less(limit, expected, monkeypatch):
    monkeypatch.setattr(hardware, "memory_limit", lambda: limit)
    monkeypatch.setattr(hardware, "os", SimpleNamespace(sysconf={"SC_PHYS_PAGES": 10**8, "SC_PAGE_SIZE": 1000}.get))
    assert hardware.memory_to_use(CPU) == expected


# name: (/proc/self/cgroup, files under /sys/fs/cgroup, bytes of memory, cores)
GROUPS = {
    "no Linux": (None, {}, "inf", "inf"),
    "no bounds": ("0::/\n", {"memory.max": "max\n", "cpu.max": "max 100000\n"}, "inf", "inf"),
    "version 2, the root of a container": (
        "0::/\n", {"memory.max": "1073741824\n", "cpu.max": "150000 100000\n"}, 2**30, 1.5,
    ),
    "version 2, a group in a group": (
        "0::/work.slice/run.scope\n",
        {
            "work.slice/memory.max": "3000000\n", "work.slice/run.scope/memory.max": "max\n",
            "work.slice/cpu.max": "max 100000\n", "work.slice/run.scope/cpu.max": "200000 50000\n",
        }, 3e6, 4,
    ),
    "version 2, throttled before it is killed": (
        "0::/a\n", {"a/memory.high": "5000\n", "a/memory.max": "9000"}, 5e3, "inf",
    ),
    "version 2, a folder of the host that is not seen": ("0::/docker/abc\n", {"memory.max": "7000\n"}, 7e3, "inf"),
    "version 2, outside of what is seen": ("0::/../../abc\n", {"memory.max": "7000\n"}, 7e3, "inf"),
    "version 1": (
        "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n",
        {
            "memory/memory.limit_in_bytes": "4000\n", "memory/docker/abc/memory.limit_in_bytes": "3000\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        }, 3e3, 0.5,
    ),
    "version 1 without bounds": (
        "5:memory:/\n4:cpu:/\n",
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n",
        }, "inf", "inf",
    ),
    "both versions at once": (
        "4:memory:/a\n0::/b\n",
        {"memory/a/memory.limit_in_bytes": "8000", "unified/b/cpu.max": "300000 100000"}, 8e3, 3,
    ),
    "files of another kind": (
        "nonsense\n0::/\n:\n", {"memory.max": "lots\n", "memory.high": "", "cpu.max": "100000 0\n"}, "inf", "inf",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPS)
def test_control_groups_bound_memory_and_cores(case, tmp_path):
    own, files, memory, cores_worth = GROUPS[case]
    for name, text in ({} if own is None else {"proc/self/cgroup": own}).items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert hardware.memory_limit(tmp_path) == float(memory)
    assert hardware.cpu_share(tmp_path) == float(cores_worth)


@pytest.mark.parametrize(("share", "expected"), [("inf", 8), (0.5, 1), (1.5, 2), (4, 4), (64, 8)])
def test_cores_are_no_more_than_the_share_of_a_container(share, expected, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(hardware, "cpu_share", lambda: float(share))
    assert hardware.n_cores() == expected
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    with threads_for(small=False):
        assert set_to == [expected]
    assert set_to == [expected, 8]


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.skipif(not blas_threads(), reason="no BLAS that threadpoolctl knows, such as Accelerate")
def test_numpy_multiplies_on_one_thread_inside_and_as_before_afterwards():
    with threadpool_limits(limits=2, user_api="blas"):
        assert blas_threads() == {2}
        before = torch.get_num_threads()
        with hardware.blas_on_one_thread():
            assert blas_threads() == {1}
            assert torch.get_num_threads() == before
            with ThreadPoolExecutor(1) as pool:  # it counts for every thread
                assert pool.submit(blas_threads).result() == {1}
        assert blas_threads() == {2}


@pytest.mark.parametrize("threads", [1, 2])
def test_openmp_beside_torch_has_one_thread_a_task(threads):
    with cores(2, threads, print) as (pool, _step):
        counts = pool.submit(lambda: (_openmp_effective_n_threads(), torch.get_num_threads())).result()
    shared = {
        lib["filepath"] for lib in threadpool_info() if lib["user_api"] == "openmp" and "torch" not in lib["filepath"]
    }
    assert counts == (1, threads) if shared else counts[1] == threads


class Library:
    def __init__(self, answer):
        self.asked = []
        self.mallopt = lambda knob, size: self.asked.append((knob, size)) or answer


@pytest.mark.parametrize(("answer", "expected"), [(1, True), (0, False)])
def test_glibc_is_asked_for_three_things_and_its_answer_counts(monkeypatch, answer, expected):
    library = Library(answer)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    assert hardware.keep_freed_memory() is expected
    assert library.asked == list(hardware.MALLOC_KNOBS.values())[: len(library.asked)]
    assert len(library.asked) == (3 if expected else 1)


def test_another_system_or_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert hardware.keep_freed_memory() is False
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert hardware.keep_freed_memory() is False
