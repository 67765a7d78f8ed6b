"""Curves arrive where they should, and what is not installed says so."""

import errno
import sys
import types

import pytest

from pipelines.errors import TrainingWarning, UsageError
from pipelines.report.curves import Curves, TensorBoardCurves, VisdomCurves, make_curves
from pipelines.training.fit import Job
from pipelines.training.learning_curves.watch import EpochLoss


def test_tensorboard_curves_can_be_read_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = make_curves(tmp_path, visdom=False)
    assert isinstance(curves, TensorBoardCurves)
    for epoch, loss in enumerate([2.0, 1.0, 0.5], start=1):
        curves.add("loss", loss, epoch)
    curves.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 2.0), (2, 1.0), (3, 0.5)]


class FakeVisdom:
    connected = True
    lines: list = []  # noqa: RUF012 shared on purpose: the test reads it

    def __init__(self, env, raise_exceptions):
        assert (env, raise_exceptions) == ("kaggle-homework", False)

    def check_connection(self):
        return self.connected

    def line(self, **what):
        self.lines.append((what["win"], what["X"], what["Y"], what["update"]))


@pytest.fixture
def fake_visdom(monkeypatch):
    monkeypatch.setitem(sys.modules, "visdom", types.SimpleNamespace(Visdom=FakeVisdom))
    monkeypatch.setattr(FakeVisdom, "lines", [])


def test_visdom_gets_a_point_per_epoch(fake_visdom):
    curves = make_curves(None, visdom=True)
    assert isinstance(curves, VisdomCurves)
    curves.add("loss", 2.0, 1)
    assert FakeVisdom.lines == [("loss", [1], [2.0], "append")]


def test_visdom_without_a_server_says_how_to_start_one(fake_visdom, monkeypatch):
    monkeypatch.setattr(FakeVisdom, "connected", False)
    with pytest.raises(UsageError, match=r"no server answers\n.*python -m visdom.server"):
        make_curves(None, visdom=True)


@pytest.mark.parametrize(("module", "option"), [("visdom", "--visdom"), ("torch.utils.tensorboard", "--tensorboard")])
def test_what_is_not_installed_is_named(monkeypatch, tmp_path, module, option):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"{option} needs the package .*not installed\n.*pip install"):
        make_curves(tmp_path if "tensorboard" in module else None, visdom=module == "visdom")


def test_nothing_is_needed_and_both_are_too_much(tmp_path):
    assert type(make_curves(None, visdom=False)) is Curves
    make_curves(None, visdom=False).add("loss", 1.0, 1)
    with pytest.raises(UsageError, match="together"):
        make_curves(tmp_path, visdom=True)


def test_each_network_has_a_curve_of_its_own_and_rows_held_out_another_where_there_are_any():
    points = []
    curves = Curves()
    curves.add = lambda *point: points.append(point)
    curves.on_epoch(Job("network", 0, 1), 1, EpochLoss.of(0.5, 0.75))
    curves.on_epoch(Job("network", 0, 1), 2, EpochLoss.of(0.25, None))
    curves.on_epoch(Job("network", 0, 1), 3, 0.125)
    name = "network/fold 1 seed 2"
    assert points == [(name, 0.5, 1), (f"{name}/held out", 0.75, 1), (name, 0.25, 2), (name, 0.125, 3)]


def test_a_full_disk_ends_the_curves_and_not_the_training(tmp_path, monkeypatch):
    def full(*_what):
        raise OSError(errno.ENOSPC, "No space left on device")

    curves = make_curves(tmp_path, visdom=False)
    with monkeypatch.context() as patched:
        patched.setattr(curves._writer, "add_scalar", full)
        patched.setattr(curves._writer, "close", full)
        for step in (lambda: curves.add("loss", 1.0, 1), curves.close):
            with pytest.warns(TrainingWarning, match="No space left on device; the curves end here, the run goes on"):
                step()
    curves.close()
