"""Workers of Dask: the same bytes, and each fault in words; loopback only."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

pytest.importorskip("distributed")

from computed import Noted, bytes_of, encoder, validated, variants_of
from distributed import LocalCluster
from sklearn.linear_model import LogisticRegression

from pipelines.competition import Variant
from pipelines.encoders import TabularEncoder
from pipelines.errors import UsageError
from pipelines.executors import cluster, faults, watch
from pipelines.executors.cluster import Cluster
from pipelines.executors.threads import THREADS
from pipelines.models import MLP
from pipelines.submission.provenance import code_hash, identity

OURS = {"kaggle-homework": "0.1.0 (code ours)", "python": "3.11.7", "torch": "2.13.0"}


@pytest.fixture(scope="module")
def two():
    """Two workers for all tests of this file: to begin one takes seconds, in which it loads torch."""
    with Cluster("local:2", "titanic") as executor:
        yield executor


@pytest.fixture(scope="module")
def address(two):
    """Where their scheduler listens, as others are told it."""
    return str(two.client.scheduler.address)


def test_two_workers_give_the_same_bytes_as_threads_and_tell_of_the_same_epochs(toy, two):
    variants = variants_of() | {"line": Variant(make_encoder=encoder, make_estimator=LogisticRegression)}
    here, there, told_here, told_there = Noted(), Noted(), [], []
    at_home = validated(toy, THREADS, variants, here, lambda *step: told_here.append(step))
    away = validated(toy, two, variants, there, lambda *step: told_there.append(step))
    assert bytes_of(away) == bytes_of(at_home)
    assert there.finished.keys() == here.finished.keys()
    assert set(told_there) <= set(told_here)  # the last may come after what is finished, and are left out
    assert told_there


def test_a_worker_that_is_killed_costs_its_group_which_another_one_takes(toy, two, tmp_path):
    flag, home = tmp_path / "flag", os.getpid()

    def deadly_once(n_features, n_outputs):
        if os.getpid() != home and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return MLP([n_features, 5, n_outputs])

    variants = variants_of(deadly_once)
    assert bytes_of(validated(toy, two, variants)) == bytes_of(validated(toy, THREADS, variants))
    assert flag.exists()


def test_an_error_arrives_as_it_is(toy, two):
    home = os.getpid()

    def wrong(n_features, n_outputs):
        if os.getpid() != home:
            raise UsageError("it is too wide", "make it narrow", "请减小宽度")
        return MLP([n_features, n_outputs])

    with pytest.raises(UsageError, match="it is too wide\n  what to do: make it narrow\n  怎么办: 请减小宽度"):
        validated(toy, two, variants_of(wrong), shares=1)


def test_an_error_of_whoever_hears_of_epochs_ends_the_run(toy, two):
    def full(*_step):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        validated(toy, two, on_epoch=full)
    assert bytes_of(validated(toy, two)) == bytes_of(validated(toy, THREADS))


def test_a_scheduler_that_runs_elsewhere_is_named_by_its_address(toy, two, address):
    two.client.wait_for_workers(2)  # one that was killed before is begun anew
    with Cluster(address, "titanic") as executor:
        assert (executor.here, executor.workers) == (False, two.workers) == (False, 2)
        assert bytes_of(validated(toy, executor)) == bytes_of(validated(toy, THREADS))


def test_workers_of_another_version_are_refused_with_both(two, address, monkeypatch):
    home = os.getpid()

    def of_process(_folder):
        return OURS if os.getpid() == home else OURS | {"torch": "2.11.0"}

    monkeypatch.setattr(cluster, "identity", of_process)
    with (
        pytest.raises(UsageError, match=r"the worker tcp://\S+ has other versions: torch 2.11.0 there, here 2.13.0\n"),
        Cluster(address, "titanic"),
    ):
        pass


def test_a_worker_that_came_later_is_refused_before_it_looks_at_its_task(toy, two, monkeypatch):
    monkeypatch.setattr(cluster, "identity", lambda _folder: OURS)  # of this process; workers call their own
    with pytest.raises(UsageError, match=r"has other versions: kaggle-homework .* here 0.1.0 \(code ours\)"):
        validated(toy, two)


def test_a_worker_without_the_project_is_refused():
    with pytest.raises(UsageError, match="tcp://1.2.3.4:5 cannot load the project: ModuleNotFoundError: No module"):
        cluster.refuse_others({"tcp://1.2.3.4:5": ModuleNotFoundError("No module named 'pipelines'")}, OURS)


def test_the_code_of_the_project_and_of_the_competition_is_told_apart(tmp_path):
    (tmp_path / "one").mkdir()
    file = tmp_path / "one" / "features.py"
    file.write_bytes(b"x = 1\ny = 2\n")
    before = code_hash(tmp_path / "one")
    file.write_bytes(b"x = 1\r\ny = 2\r\n")
    assert code_hash(tmp_path / "one") == before  # another system's line ends
    file.write_bytes(b"x = 1\ny = 3\n")
    assert code_hash(tmp_path / "one") != before
    titanic, otto = identity("titanic"), identity("otto")
    assert {name for name in titanic if titanic[name] != otto[name]} == {"kaggle-homework"}


def test_a_scheduler_that_is_not_there_or_does_not_speak_is_told_in_words():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(faults.ClusterError, match=f"the scheduler {address} cannot be reached: "):
            Cluster(address, "", connect=0.5).__enter__()
    with pytest.raises(faults.ClusterError, match=f"the scheduler {address} cannot be reached: ") as caught:
        Cluster(address, "", connect=0.5).__enter__()
    assert caught.value.exit_code == 6


def test_a_cluster_without_workers_is_told_in_words():
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", host="127.0.0.1") as empty:
        address = empty.scheduler_address
        with pytest.raises(faults.ClusterError, match=f"the scheduler {address} has no workers, after 0 s"):
            Cluster(address, "", workers=0.1).__enter__()


# a worker that first loads torch when it is asked for something may be silent for so long that it is given up
LOADED = "--preload", "pipelines.executors.cluster"


def dask(name, *options):
    """A program of Dask's."""
    around = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *options, "--no-dashboard"]
    return subprocess.Popen(command, env=around, stderr=subprocess.DEVNULL)


def test_a_scheduler_that_goes_away_is_told_in_words(toy):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])
    worker = dask("worker", address, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1", *LOADED)
    try:
        with (
            pytest.raises(faults.ClusterError, match=f"the scheduler {address} is gone"),
            Cluster(address, "titanic", connect=60, workers=60) as executor,
        ):
            validated(toy, executor, on_epoch=lambda *_step: scheduler.kill())
    finally:
        for program in (scheduler, worker):
            program.kill()
            program.wait()


def test_workers_that_are_all_gone_are_told_in_words_and_what_is_finished_is_kept(toy, monkeypatch):
    """The worker is killed when the network has come back, while it still makes another one."""
    monkeypatch.setattr(watch, "EVERY", 0.1)
    home = os.getpid()

    class Endless(TabularEncoder):
        def fit_transform(self, rows, y):
            if os.getpid() != home:
                threading.Event().wait()
            return super().fit_transform(rows, y)

    class Kills(Noted):
        def put(self, finished, *args, **more):
            super().put(finished, *args, **more)
            if finished[0].job.variant == "network":
                worker.kill()

    keep, endless = Kills(), variants_of(make_encoder=lambda: Endless(("signal", "noise")))["network"]
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", host="127.0.0.1") as scheduler:
        address = scheduler.scheduler_address
        gone = f"all workers of the scheduler {address} are gone, for 1 s"
        worker = dask("worker", address, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "2", *LOADED)
        try:
            with Cluster(address, "titanic", workers=60) as executor:
                executor._patience = 0.6  # the first has to begin, none is going to come
                with pytest.raises(faults.ClusterError, match=gone) as caught:
                    validated(toy, executor, variants_of() | {"endless": endless}, keep, shares=1)
                with pytest.raises(faults.ClusterError, match=gone):
                    executor.put("large-0", [1])
        finally:
            worker.kill()
            worker.wait()
    assert caught.value.exit_code == 6
    assert {job.variant for pooled, job in keep.models if pooled} == {"network"}
