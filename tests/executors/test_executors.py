"""Wherever groups are computed: the same bytes, and what goes wrong there arrives here in words."""

import errno
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import toys
from computed import Noted, bytes_of, encoder, validated, variants_of
from sklearn.linear_model import LogisticRegression

from pipelines import errors
from pipelines.competition import Variant
from pipelines.encoders import TabularEncoder
from pipelines.errors import HomeworkError, NoRoomError, TrainingError, TrainingWarning, UsageError
from pipelines.executors import processes, sending
from pipelines.executors.processes import Processes
from pipelines.executors.threads import THREADS
from pipelines.hardware import n_cores
from pipelines.models import MLP
from pipelines.training.fit import Job


@pytest.fixture(scope="module")
def one():
    """A process for all tests of this file: to begin one takes seconds, in which it loads torch."""
    with Processes(1) as executor:
        yield executor


def test_processes_give_the_same_bytes_as_threads_and_tell_of_the_same_epochs(toy):
    """The processes are one for each of two devices, of which there is a stand-in."""
    by_estimator = Variant(make_encoder=encoder, make_estimator=LogisticRegression)
    variants = variants_of() | {"line": by_estimator}
    here, there, told_here, told_there = Noted(), Noted(), [], []
    at_home = validated(toy, THREADS, variants, here, lambda *step: told_here.append(step), shares=2)
    with Processes(2, ("cpu", "cpu")) as two:
        away = validated(toy, two, variants, there, lambda *step: told_there.append(step))
    assert bytes_of(away) == bytes_of(at_home)
    assert sorted(told_there) == sorted(told_here)
    assert there.finished.keys() == here.finished.keys()
    for key, model in here.models.items():
        if key[1].variant == "network":
            for mine, theirs in zip(model.model.parameters(), there.models[key].model.parameters(), strict=True):
                assert np.array_equal(mine.detach().numpy(), theirs.detach().numpy())


def test_a_process_that_is_killed_costs_its_group_which_is_sent_again(toy, one, tmp_path):
    flag, home = tmp_path / "flag", os.getpid()

    def deadly_once(n_features, n_outputs):
        if os.getpid() != home and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return MLP([n_features, 5, n_outputs])

    variants = variants_of(deadly_once)
    assert bytes_of(validated(toy, one, variants)) == bytes_of(validated(toy, THREADS, variants))
    assert flag.exists()


def grows(path):
    """A network's function whose process grows with each look that loky takes at its memory, by 1 TB a second."""
    home = os.getpid()

    def make_model(n_features, n_outputs):
        from joblib.externals.loky import process_executor

        if os.getpid() != home:
            (path / str(os.getpid())).touch()
            process_executor._MEMORY_LEAK_CHECK_DELAY = -1.0
            process_executor._get_memory_usage = lambda _pid, force_gc=False: 1000 * time.monotonic_ns()
        return MLP([n_features, 5, n_outputs])

    return make_model


def test_a_process_that_keeps_much_is_not_ended_for_it(toy, tmp_path):
    variants = variants_of(grows(tmp_path))
    with Processes(1) as executor:
        there = [bytes_of(validated(toy, executor, variants)) for _ in range(3)]
    assert there == [bytes_of(validated(toy, THREADS, variants))] * 3
    assert len(list(tmp_path.iterdir())) == 1


# which of loky's threads finds that the new process cannot begin is chance, and one of them only warns of it
@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_that_loky_ends_for_its_memory_is_followed_by_another(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GONE", 0.1)
    make_model, home = grows(tmp_path), os.getpid()

    def leaves(n_features, n_outputs):
        from joblib.externals.loky import process_executor

        process_executor._USE_PSUTIL = os.getpid() != home
        return make_model(n_features, n_outputs)

    variants = variants_of(leaves)
    with Processes(1) as executor:
        there = [bytes_of(validated(toy, executor, variants)) for _ in range(2)]
    assert there == [bytes_of(validated(toy, THREADS, variants))] * 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_process_that_is_gone_unseen_by_loky_is_not_waited_for(toy, one, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GONE", 0.1)
    flag, home = tmp_path / "flag", os.getpid()

    def silent_once(n_features, n_outputs):
        if os.getpid() != home and not flag.exists():
            flag.touch()
            processes._channel[0].close()
            threading.Event().wait()
        return MLP([n_features, 5, n_outputs])

    variants = variants_of(silent_once)
    assert bytes_of(validated(toy, one, variants)) == bytes_of(validated(toy, THREADS, variants))
    assert flag.exists()


def test_an_error_of_whoever_hears_of_epochs_ends_the_run_and_costs_the_next_none_of_its_tries(toy, one, monkeypatch):
    def full(*_step):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as late:
        late.setattr(
            Processes, "_end", lambda _executor, **_which: None
        )  # as where the process had ended itself before
        with pytest.raises(OSError, match="No space left on device"):
            validated(toy, one, on_epoch=full)
    monkeypatch.setattr(processes, "TRIES", 1)
    assert validated(toy, one).score == validated(toy, THREADS).score


def test_what_a_killed_run_had_written_for_its_processes_is_removed_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import os; from pipelines.executors.processes import Files; f = Files(); f.put('large-0', 1); "
        "print(f.folder, flush=True); os._exit(9)"
    )
    around = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", program], env=around, capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert (left.parent, (left / "large-0").is_file()) == (tmp_path, True)
    first, second = processes.Files(), processes.Files()
    first.put("large-0", 1)
    second.put("large-0", 2)
    assert (left.exists(), (first.folder / "large-0").is_file()) == (False, True)
    first.remove()
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_for_temporary_files_is_named(tmp_path, monkeypatch):
    def full(_value, file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(processes.cloudpickle, "dump", full)
    files = processes.Files()
    says = f"the disk of {re.escape(str(files.folder))} is full: No space left"
    with pytest.raises(NoRoomError, match=says) as told:
        files.put("large-0", 1)
    assert "TMPDIR" in told.value.hint
    files.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["mkdtemp", "claim", "gettempdir"])
def test_where_no_temporary_file_can_be_written_that_is_told(tmp_path, monkeypatch, call):
    number = errno.ENOENT if call == "gettempdir" else errno.ENOSPC

    def full(*_given, **_named):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(processes if call == "claim" else tempfile, call, full)
    files = processes.Files()
    says = {"gettempdir": "no folder for temporary files has room"}.get(
        call, f"the disk of {tmp_path} is full: No space"
    )
    with pytest.raises(NoRoomError, match=re.escape(says)):
        files.put("large-0", 1)
    files.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_group_whose_process_always_ends_is_named(toy, one, monkeypatch):
    monkeypatch.setattr(processes, "TRIES", 1)
    home = os.getpid()

    def deadly(n_features, n_outputs):
        if os.getpid() != home:
            os._exit(1)
        return MLP([n_features, n_outputs])

    with pytest.raises(TrainingError, match=r"network, \d networks: the process that computes it has ended 1 times"):
        validated(toy, one, variants_of(deadly))


def test_an_error_arrives_as_it_is_with_its_hint_and_the_others_stop(toy, one):
    home = os.getpid()

    def wrong(n_features, n_outputs):
        if os.getpid() != home:
            raise UsageError("it is too wide", "make it narrow", "请减小宽度")
        return MLP([n_features, n_outputs])

    with pytest.raises(UsageError) as caught:
        validated(toy, one, variants_of(wrong), shares=1)
    assert (caught.value.message, caught.value.hint, caught.value.hint_zh) == (
        "it is too wide", "make it narrow", "请减小宽度",
    )  # fmt: skip
    assert "in another process" in caught.value.__notes__[0]


def test_a_warning_arrives_as_it_is(toy, one):
    home = os.getpid()

    class Talkative(TabularEncoder):
        def fit_transform(self, rows, y):
            if os.getpid() != home:
                warnings.warn(TrainingWarning("a column is odd", "look at it", "请检查"), stacklevel=1)
            return super().fit_transform(rows, y)

    with pytest.warns(TrainingWarning, match="a column is odd\n  what to do: look at it"):
        validated(toy, one, variants_of(make_encoder=lambda: Talkative(("signal", "noise"))))


def test_what_is_interrupted_ends_its_processes_and_new_ones_begin(toy, one):
    def interrupt(*_step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        validated(toy, one, on_epoch=interrupt)
    assert bytes_of(validated(toy, one)) == bytes_of(validated(toy, THREADS))


def test_what_is_finished_is_not_sent_again(toy, one, monkeypatch):
    keep, sent = Noted(), []
    first = validated(toy, THREADS, keep=keep)
    of_fold_2 = [key for key in keep.finished if key[1].fold == 2 and key[1].variant == "network"]
    for key in of_fold_2:
        del keep.finished[key]
    pack = sending.packed
    monkeypatch.setattr(sending, "packed", lambda task, names: sent.append(task.value) or pack(task, names))
    again = validated(toy, one, keep=keep)
    assert [job.fold for value in sent for job in value.jobs] == [2, 2]
    assert again.oof == pytest.approx(first.oof, abs=1e-5)  # a stack of two in place of four: rounding


def test_what_is_large_goes_there_once(toy, one, monkeypatch):
    names = []
    put = processes.Files.put
    monkeypatch.setattr(
        processes.Files, "put", lambda self, name, value: names.append(value.shape) or put(self, name, value)
    )
    features = toys.make_features(n=9000, n_test=9000)
    at_home, away = (validated(toy, each, features=features, folds=3) for each in (THREADS, one))
    assert bytes_of(away) == bytes_of(at_home)
    assert names.count((9000, 2)) == 2  # training rows and test rows, for all groups and fits


def test_groups_do_not_depend_on_where_they_train_but_on_shares(toy, one):
    from pipelines.validation.crossval import FoldEncoder
    from pipelines.validation.groups import make_groups
    from pipelines.validation.splits import split

    features = toys.make_features()
    variants = variants_of()

    def groups_of(**changes):
        plan = toys.plan(toy, folds=6, seeds=10, variants=variants, **changes)
        folds = split(features.y, plan.folds, plan.seed, features.twins)
        encoders = {name: FoldEncoder(features, folds, each, plan.seed) for name, each in variants.items()}
        made, workers, _ = make_groups(toy, plan, encoders)
        return [group.jobs for group in made], workers

    here, there = groups_of(), groups_of(executor=Processes(7))
    assert here[0] == there[0]
    cut, workers = groups_of(executor=Processes(7), shares=3)
    assert ([len(jobs) for jobs in cut], workers) == ([20] * 3, 3)
    assert here[1] == min(n_cores(), len(here[0]))


def test_a_large_network_may_go_alone_to_one_of_many_processes(toy):
    from pipelines.validation.crossval import FoldEncoder
    from pipelines.validation.groups import make_groups
    from pipelines.validation.splits import split

    features, variants = toys.make_features(), variants_of(lambda d, c: MLP([d, 400, 400, c]))
    plan = toys.plan(toy, folds=3, seeds=2, variants=variants, executor=Processes(6))
    folds = split(features.y, 3, 0, features.twins)
    encoders = {"network": FoldEncoder(features, folds, variants["network"], 0)}
    groups, workers, _ = make_groups(toy, plan, encoders)
    assert sorted(job for group in groups for job in group.jobs) == [
        Job("network", fold, seed) for fold in range(3) for seed in range(2)
    ]
    assert (len(groups), workers) == (6, 6)


@pytest.mark.parametrize("kind", [each for each in vars(errors).values() if isinstance(each, type)])
def test_every_error_and_warning_can_be_sent_with_its_hint(kind):
    if not issubclass(kind, HomeworkError | TrainingWarning):
        return
    words = ("no room",) if kind is errors.NoRoomError else ("no file", "fetch it", "请下载")
    made = kind(*words)
    came = pickle.loads(pickle.dumps(made))
    assert (type(came), str(came)) == (kind, str(made))


def test_a_port_where_nobody_answers_is_told_in_words():
    from pipelines.executors.faults import ClusterError, refuse_silent

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        refuse_silent(address)  # somebody listens
    with pytest.raises(ClusterError, match=f"the scheduler {address} cannot be reached: ") as caught:
        refuse_silent(address)
    assert caught.value.exit_code == 6
    refuse_silent("local:2")
    refuse_silent(None)
