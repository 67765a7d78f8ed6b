"""Batches of one shape, halved fold by fold; a study that several processes and a kill leave whole."""

import multiprocessing
import os
import sqlite3
from collections import Counter
from functools import partial
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
import toys
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from searches import RECIPE, search_of, searched, space_for, trainer_of

from pipelines.competition import Recipe
from pipelines.errors import DataError, HomeworkError, NoRoomError, TrainingError
from pipelines.settings.tuned import Candidate
from pipelines.tune import study as study_module
from pipelines.tune import training
from pipelines.tune.nested import Outside
from pipelines.tune.search import ERROR, Clock, Pace
from pipelines.tune.study import DATABASE, WORKERS, Asked, Storage, best, in_memory, states
from pipelines.tune.training import OutOfTimeError
from pipelines.tune.tuning import Tuning
from pipelines.validation.crossval import Plan, cross_validate


def finished(study):
    return [trial for trial in study.trials if trial.state.is_finished()]


@pytest.fixture
def storage(tmp_path):
    with Storage(tmp_path) as opened:
        yield opened


def test_candidates_of_a_batch_have_one_shape_and_numbers_of_their_own(storage, toy):
    study = storage.study("x", greater_is_better=True, seed=0)
    asked = Asked(study, space_for(toy), storage)
    batch = asked.batch(6)
    shapes = {asked.space.shape(trial.params) for trial in batch}
    assert (len(batch), len(shapes)) == (6, 1)
    assert len({trial.params["lr"] for trial in batch}) == 6


def test_every_depth_is_tried_before_the_sampler_chooses(storage, toy):
    study = storage.study("x", greater_is_better=True, seed=0)
    asked = Asked(study, space_for(toy), storage)
    batches = [asked.batch(2) for _ in range(5)]
    assert [[trial.params["layers"] for trial in batch] for batch in batches] == [
        [depth] * 2 for depth in (1, 0, 2, 3, 4)
    ]
    assert {trial.params["width"] for batch in batches for trial in batch} == {16}
    assert batches[0][0].params == asked.space.start  # the default is the first candidate


def test_a_depth_that_the_time_cut_off_is_tried_again(storage, toy):
    search = search_of(storage, toy, limit=None, clock=Clock(0.0))
    assert search.run() == 0
    again = search_of(storage, toy, limit=2)
    assert again.run() == 2
    assert finished(again.asked.study)[-2].params == again.asked.space.start


def test_a_depth_whose_best_was_cut_off_on_a_later_fold_is_tried_again(storage, toy):
    """Its worse half was told pruned before; a kill leaves it failed."""
    search = search_of(storage, toy, limit=2, folds=4)
    study, asked = search.asked.study, search.asked
    first, second = asked.batch(2)
    study.tell(second, state=TrialState.PRUNED)
    study.tell(first, state=TrialState.PRUNED)
    assert asked.batch(1)[0].params["layers"] == first.params["layers"]


def test_a_depth_that_diverges_is_not_tried_again(storage, toy):
    search = search_of(storage, toy, limit=2)
    first, second = search.asked.batch(2)
    for trial in (first, second):
        assert not search._scored(trial, [0], {trial.number: []}, {})
    assert search.asked.batch(1)[0].params["layers"] != first.params["layers"]


def test_the_better_half_sees_further_folds_and_the_best_of_a_batch_all(storage, toy):
    search = search_of(storage, toy, limit=16, folds=4)
    search.run()
    trials = finished(search.asked.study)
    steps = Counter(max(trial.intermediate_values) for trial in trials)
    assert set(steps) <= {1, 2, 4}
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert 1 <= len(done) < len(trials)
    first = [trial.intermediate_values[1] for trial in trials]
    leads = trials[int(np.argmax(first))]
    assert len(leads.intermediate_values) > 1
    assert {trial.state for trial in trials if steps and max(trial.intermediate_values) < 4} == {TrialState.PRUNED}


def test_a_score_is_the_one_that_a_run_has(toy):
    """Of the same network, folds and seeds."""
    features, competition = toys.make_features(n=120, n_test=5), searched(toy)
    trainer = trainer_of(toy, features=features)
    numbers = {"a": (1e-3, 0.5), "b": (RECIPE.lr, 0.2), "c": (0.1, 0.6)}
    candidates = {
        name: Candidate(
            base="network", hidden=(16,), layers={"activation": "silu", "dropout": dropout, "input_dropout": 0.1},
            recipe=Recipe(epochs=2, batch_size=64, lr=lr),
        )
        for name, (lr, dropout) in numbers.items()
    }  # fmt: skip
    said = trainer.candidates(candidates, [0, 1, 2], lambda *_: None)
    plan = Plan(folds=3, seeds=2, variants=competition.variants)
    result = cross_validate(competition, features, plan)
    oof = np.concatenate([said[fold]["b"] for fold in range(3)])
    np.testing.assert_allclose(oof, result.oof[trainer.rows([0, 1, 2])], atol=2e-5)
    assert trainer.score([0, 1, 2], [said[fold]["b"] for fold in range(3)]) == pytest.approx(result.score, abs=1e-9)


def test_a_candidate_whose_loss_is_no_number_fails_alone(toy):
    recipes = [Recipe(epochs=2, batch_size=64, lr=lr) for lr in (0.01, 1e30, 0.02)]
    candidates = {
        name: Candidate(base="network", hidden=(16, 16), layers={"activation": "relu"}, recipe=recipe)
        for name, recipe in zip("abc", recipes, strict=True)
    }
    said = trainer_of(toy).candidates(candidates, [0], lambda *_: None)
    assert set(said[0]) == {"a", "c"}


def test_a_candidate_that_fails_with_nobody_beside_it_is_left_out_and_a_default_that_fails_is_an_error(toy):
    recipe = Recipe(epochs=2, batch_size=64, lr=1e30)
    candidate = Candidate(base="network", hidden=(16, 16), layers={"activation": "relu"}, recipe=recipe)
    trainer = trainer_of(toy)
    assert trainer.candidates({"a": candidate}, [0, 1], lambda *_: None) == {0: {}, 1: {}}
    with pytest.raises(TrainingError):
        trainer.variants({"one": candidate.variant(searched(toy))}, [0], lambda *_: None)


def test_a_search_goes_on_after_a_batch_of_which_nothing_can_be_trained(storage, toy, monkeypatch):
    whole = training.fit

    def fit(group, step):
        if group.jobs[0].fold == 2:
            raise TrainingError("the loss is nan", "lower the learning rate", "请减小学习率")
        return whole(group, step)

    monkeypatch.setattr(training, "fit", fit)
    search = search_of(storage, toy, limit=4)
    search.pace = SimpleNamespace(batch=lambda *_: 2, learn=lambda *_: None, seconds=lambda _: 0.0)
    assert search.run() == 4
    counted = states(search.asked.study)
    assert (counted[TrialState.RUNNING], counted[TrialState.COMPLETE]) == (0, 0)
    assert counted[TrialState.FAIL] >= 2  # the best of each batch, at least
    assert search.asked.waiting == []


def test_where_the_best_cannot_be_trained_on_all_rows_of_its_search_the_next_best_is_asked(storage, toy):
    search, asked = search_of(storage, toy, limit=1), []
    study, space = search.asked.study, search.asked.space
    for value, width in ((0.7, 8), (0.9, 16), (0.8, 32)):
        params = space.start | {"width": width}
        study.add_trial(optuna.create_trial(params=params, distributions=space.distributions(), value=value))

    def outside(_outer, _fold, candidate, _kept):
        asked.append(candidate.hidden)
        if candidate.hidden == (16,):
            raise TrainingError("the loss is nan", "lower the learning rate", "请减小学习率")
        return "said"

    tuning = SimpleNamespace(space=space, outside=outside)
    assert Tuning.best_outside(tuning, [], 0, study, None) == "said"
    assert asked == [(16,), (32,)]


def test_a_clock_ends_a_search_in_the_middle_of_a_batch(storage, toy):
    looks = iter(range(10**6))
    search = search_of(storage, toy, limit=None, clock=Clock(25.0, now=lambda: float(next(looks))))
    search.run()
    study = search.asked.study
    assert 1 <= len(study.trials) <= 32
    assert all(trial.state.is_finished() or trial.state == TrialState.WAITING for trial in study.trials)
    with pytest.raises(OutOfTimeError):
        search.clock.check()


def test_slow_candidates_come_in_small_batches():
    pace = Pace()
    assert pace.batch(60.0, 100) == 16
    pace.learn(10.0, 100)  # a tenth of a second an epoch
    assert pace.seconds(50) == pytest.approx(5.0)
    assert pace.batch(600.0, 100) == 4
    assert pace.batch(6.0, 100) == 2


def test_what_the_time_cuts_off_tells_the_pace(storage, toy):
    looks = iter(range(10**6))
    search = search_of(storage, toy, limit=None, clock=Clock(25.0, now=lambda: float(next(looks))))
    search.run()
    assert search.pace.batch(60.0, 100) == 2


def test_a_search_that_goes_on_knows_its_pace(toy, tmp_path):
    said, kept = np.zeros((3, 2)), Outside(tmp_path)
    kept.keep(0, None, said, 12.0)
    own = SimpleNamespace(costs={}, pace=Pace(), seeds=3, space=SimpleNamespace(recipe=Recipe(epochs=20)))
    own._learn = partial(Tuning._learn, own)
    assert Tuning._outside(own, [], 0, None, kept).tolist() == said.tolist()
    assert own.costs == {"default": 12.0}
    assert own.pace.of_epoch == pytest.approx(12.0 / 60)


def test_a_search_goes_on_where_it_stopped(tmp_path, toy):
    for limit in (6, 4):
        with Storage(tmp_path) as storage:
            search = search_of(storage, toy, limit=limit)
            assert search.run() == limit
            n = len(finished(search.asked.study))
    assert n == 10


def killed(folder, toy):
    """Begin a batch, and be gone in the middle of it."""
    storage = Storage(folder)
    storage.__enter__()
    study = storage.study("x", greater_is_better=True, seed=0)
    Asked(study, space_for(toy), storage).batch(4)
    os._exit(0)


def in_a_process(target, *arguments):
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_what_a_killed_process_has_begun_is_told_failed_and_asked_again(tmp_path, toy):
    assert in_a_process(killed, tmp_path, toy) == 0
    with Storage(tmp_path) as storage:
        study = optuna.load_study(study_name="x", storage=storage.storage)
        lost = [trial.params for trial in study.trials if trial.state == TrialState.RUNNING]
        assert len(lost) >= 4
        search = search_of(storage, toy, limit=len(lost))
        counted = states(study)
        assert (counted[TrialState.FAIL], counted[TrialState.WAITING]) == (len(lost), len(lost))
        search.run()
        again = [trial.params for trial in finished(study) if trial.state != TrialState.FAIL]
        assert sorted(map(repr, again)) == sorted(map(repr, lost))
        assert [path.name for path in (tmp_path / WORKERS).iterdir()] == [storage.worker]


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_what_kills_twice_is_not_asked_a_third_time(tmp_path, toy):
    for _ in range(2):
        assert in_a_process(killed, tmp_path, toy) == 0
    with Storage(tmp_path) as storage:
        study = storage.study("x", greater_is_better=True, seed=0)
        counted = states(study)
        again = [trial for trial in study.trials if trial.user_attrs.get("again")]
        assert counted[TrialState.RUNNING] == 0
        assert counted[TrialState.WAITING] < counted[TrialState.FAIL]
        assert len({repr(trial.params) for trial in again if trial.state == TrialState.FAIL}) > 0
        failed = [repr(trial.params) for trial in again if trial.state == TrialState.FAIL]
        assert not set(failed) & {repr(trial.params) for trial in study.trials if trial.state == TrialState.WAITING}


def test_a_damaged_study_is_told_in_words(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match=r"study.db cannot be used: file is not a database"):
        Storage(tmp_path).__enter__()
    assert not list((tmp_path / WORKERS).iterdir())


@pytest.mark.parametrize("page", [4, 8, 12])
def test_a_study_that_is_damaged_in_the_middle_is_told_in_words(tmp_path, toy, page):
    with Storage(tmp_path) as storage:
        search_of(storage, toy, limit=4).run()
    content = bytearray((tmp_path / DATABASE).read_bytes())
    content[4096 * page : 4096 * (page + 3)] = bytes(3 * 4096)
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(DataError, match=r"study.db cannot be used: ") as error, Storage(tmp_path) as storage:
        search_of(storage, toy, limit=4).run()
    assert error.value.hint == f"remove {tmp_path}, and search anew"


def test_a_study_of_another_optuna_is_told_in_words(tmp_path):
    with Storage(tmp_path):
        pass
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("UPDATE version_info SET schema_version = 99")
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    database.close()
    with pytest.raises(DataError, match=r"study.db cannot be used: The runtime optuna version"):
        Storage(tmp_path).__enter__()


def test_a_disk_that_is_full_in_the_middle_is_told_and_the_search_goes_on_where_there_is_room(
    tmp_path, toy, monkeypatch
):
    whole = Storage._connect

    def small(self):
        connection = whole(self)
        connection.execute("PRAGMA max_page_count=30")
        return connection

    monkeypatch.setattr(Storage, "_connect", small)
    with pytest.raises(NoRoomError, match=r"the disk of .*study.db is full"), Storage(tmp_path) as storage:
        search_of(storage, toy, limit=64).run()
    monkeypatch.setattr(Storage, "_connect", whole)
    with Storage(tmp_path) as storage:
        search = search_of(storage, toy, limit=2)
        before = len(finished(search.asked.study))
        assert search.run() == 2
        assert len(finished(search.asked.study)) >= before + 2


def test_a_full_disk_is_told_as_that_where_the_time_was_over_too(tmp_path):
    full = sqlite3.OperationalError("database or disk is full")
    full.__context__ = OutOfTimeError()
    with pytest.raises(NoRoomError), Storage(tmp_path):
        raise StorageInternalError("exceeding max length") from full


def test_a_file_that_cannot_be_written_is_not_to_be_removed(tmp_path):
    with pytest.raises(HomeworkError, match="attempt to write a readonly database") as told, Storage(tmp_path):
        raise StorageInternalError("x") from sqlite3.OperationalError("attempt to write a readonly database")
    assert told.value.hint == f"see that {tmp_path} can be written to, then run the same command again; it goes on"


def test_a_study_that_others_hold_for_long_is_told_in_words(tmp_path, toy, monkeypatch):
    monkeypatch.setattr(study_module, "WAIT", 0.1)
    with Storage(tmp_path) as storage:
        search_of(storage, toy, limit=1)
    with sqlite3.connect(tmp_path / DATABASE) as database:
        told = pytest.raises(HomeworkError, match=r"study.db has been in use by other processes")
        with told, Storage(tmp_path) as storage:
            search = search_of(storage, toy, limit=1)
            database.execute("BEGIN IMMEDIATE")
            search.run()
        database.rollback()
    database.close()


@pytest.mark.parametrize("name", ["a?b=c", "50%41 off", "{a}", "a#b", "a b'c", "数据"])
def test_a_folder_may_have_any_name(tmp_path, toy, name):
    folder = tmp_path / name
    folder.mkdir()
    with Storage(folder) as storage:
        assert search_of(storage, toy, limit=2).run() == 2
    assert (folder / DATABASE).stat().st_size > 4096
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_trials_of_a_process_that_lives_are_left_to_it(tmp_path, toy):
    with Storage(tmp_path) as one:
        batch = Asked(one.study("x", greater_is_better=True, seed=0), space_for(toy), one).batch(3)
        with Storage(tmp_path) as other:
            assert other.others() == [one.worker]
            study = other.study("x", greater_is_better=True, seed=0)
            assert states(study)[TrialState.RUNNING] == len(study.trials) >= len(batch)
            assert states(study)[TrialState.FAIL] == 0


def test_two_searches_of_one_study_share_what_they_learn(tmp_path, toy):
    with Storage(tmp_path) as one, Storage(tmp_path) as other:
        first, second = search_of(one, toy, limit=4), search_of(other, toy, limit=4)
        first.run()
        second.run()
        study = first.asked.study
        layers = [trial.params["layers"] for trial in finished(study)]
        assert set(layers) == {0, 1}  # the second found the default's own tried
        workers = {trial.user_attrs["worker"] for trial in finished(study)}
        assert workers == {one.worker, other.worker}


def test_what_waits_at_the_end_is_left(storage, toy):
    study = storage.study("x", greater_is_better=True, seed=0)
    asked = Asked(study, space_for(toy), storage)
    for depth in range(5):
        study.enqueue_trial(dict(asked.space.start) | {"layers": depth})
    assert len(asked.batch(3)) == 1
    held = len(asked.waiting)
    assert held > 0
    asked.give_back()
    assert states(study)[TrialState.FAIL] == held
    assert asked.waiting == []


def test_the_best_is_known_with_its_error(storage, toy):
    search = search_of(storage, toy, limit=8)
    search.run()
    found = best(search.asked.study)
    done = [trial for trial in search.asked.study.trials if trial.state == TrialState.COMPLETE]
    assert found.value == max(trial.value for trial in done)
    expected = np.sqrt(found.value * (1 - found.value) / 119)
    assert found.user_attrs[ERROR] == pytest.approx(expected, rel=1e-6)
    assert best(in_memory(search.asked.study)).params == found.params


def test_the_study_is_a_file_of_sqlites(storage, toy):
    search_of(storage, toy, limit=2).run()
    with sqlite3.connect(storage.folder / DATABASE) as database:
        names = {name for (name,) in database.execute("SELECT study_name FROM studies")}
    database.close()
    assert names == {"x"}
