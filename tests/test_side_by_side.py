"""Tasks side by side give what they give alone, and a failure ends them all."""

import threading

import pytest
import torch

from pipelines.training.side_by_side import StoppedError, side_by_side


def test_results_come_in_the_order_of_the_tasks():
    tasks = [lambda step, i=i: step(i) or i * i for i in range(7)]
    steps = []
    assert side_by_side(tasks, 3, steps.append) == [i * i for i in range(7)]
    assert sorted(steps) == list(range(7))


@pytest.mark.parametrize(("workers", "expected"), [(1, 2), (2, 1)])
def test_side_by_side_tasks_compute_on_one_core_each(workers, expected):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert side_by_side([lambda _step: torch.get_num_threads()] * 4, workers) == [expected] * 4
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_tasks_really_run_at_the_same_time():
    together = threading.Barrier(2, timeout=30)  # nobody passes alone
    assert sorted(side_by_side([lambda _step: together.wait()] * 2, 2)) == [0, 1]


def test_a_failure_is_raised_and_the_others_stop_at_their_next_step():
    started, failed, stopped = threading.Event(), threading.Event(), []

    def fails(_step):
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

    with pytest.raises(ValueError, match="the loss is nan"):
        side_by_side([goes_on, fails, lambda _step: stopped.append("never begun")], 2)
    assert stopped == [True]


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    side_by_side([lambda _step: torch.rand(5)] * 3, 2)
    assert torch.equal(torch.rand(3), expected)
