"""Devices, cores and memory: what is asked for is what is there, and tasks side by side give what they give alone."""

import ctypes
import sys
import threading
from concurrent.futures import as_completed
from types import SimpleNamespace

import pytest
import torch
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


@pytest.mark.parametrize(("pages", "expected"), [(10**6, 2e9), (10**7, 1.024e10)])
def test_a_quarter_of_the_memory_is_used(pages, expected, monkeypatch):
    sizes = {"SC_PHYS_PAGES": pages, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(hardware, "os", SimpleNamespace(sysconf=sizes.__getitem__))
    assert hardware.memory_to_use(CPU) == expected
    monkeypatch.setattr(hardware, "os", SimpleNamespace())  # as on Windows
    assert hardware.memory_to_use(CPU) == 2e9


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
