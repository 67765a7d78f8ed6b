"""A run of so many minutes, by a clock that only epochs and fits move: nobody sleeps, nothing is timed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from toys import QUICK, make_features, only

from pipelines.budget import start, within
from pipelines.budget.deadline import Deadline
from pipelines.budget.earlier import Earlier, measured_earlier
from pipelines.budget.seconds import Trial
from pipelines.budget.within import Within
from pipelines.competition import Preset, Variant
from pipelines.errors import UsageError
from pipelines.models import MLP
from pipelines.pipeline import run
from pipelines.runs.folder import folders
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import find
from pipelines.validation.blend import blend
from pipelines.validation.crossval import Plan, cross_validate
from pipelines.validation.results import Keep

FOLDS, RESERVE = 4, 4.0
RECIPE = replace(QUICK, epochs=2)
TREES = Variant(make_estimator=lambda: DecisionTreeClassifier(max_depth=2, random_state=0))  # no chance is drawn


class Clock:
    """Each epoch of a variant's network takes so many seconds, by its name; so does a fit."""

    def __init__(self, **seconds):
        self.now, self.seconds, self.epochs = 0.0, seconds, []

    def __call__(self):
        return self.now

    def on_epoch(self, job, epoch, _loss):
        self.epochs.append((job.variant, job.fold, job.seed, epoch))
        self.now += self.seconds[job.variant]

    def of(self, *names, per=RECIPE.epochs):
        """What earlier runs measured: two cores, so an epoch's seconds twice over."""
        return {name: Earlier(per * 2 * self.seconds[name]) for name in names}


class Heard(Keep):
    """Remembers what was finished."""

    def __init__(self):
        self.done = []

    def put(self, finished, encoders, models, *, pooled=True):
        self.done += [(each.job.variant, each.job.fold, each.job.seed) for each in finished if pooled]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(within, "n_cores", lambda: 2)
    monkeypatch.setattr(within, "crowding", lambda _workers: 1.0)
    monkeypatch.setattr("pipelines.validation.groups.n_cores", lambda: 2)
    monkeypatch.setattr("pipelines.validation.groups.fills_a_core", lambda *_: True)  # each fold is a group
    monkeypatch.setattr("pipelines.training.together.fills_a_core", lambda *_: True)
    monkeypatch.setattr(within, "seconds_after", lambda *_: RESERVE)


def competition(toy, *names, **more):
    networks = {
        name: Variant(
            make_encoder=StandardScaler, make_model=lambda d, c, width=4 + i: MLP([d, width, c]), recipe=RECIPE
        )
        for i, name in enumerate(names)
    }
    variants = networks | more
    return replace(toy, variants=variants, presets={"fast": Preset(folds=2, seeds=1, variants=tuple(variants))})


def went(toy, clock, minutes, earlier, *, plan=None, keep=None, usual=()):
    features, said = make_features(), []
    plan = Plan(**{"folds": FOLDS, "seeds": 3, "variants": toy.variants} | (plan or {}))
    one = Within(toy, features, plan, Deadline(minutes, clock), earlier, said.append, usual)
    return one.cross_validate(clock.on_epoch, lambda *_: None, keep or Keep()), said


def test_the_cheapest_is_first_then_the_greatest_gain_per_second(toy):
    toy, clock = competition(toy, "dear", "cheap"), Clock(dear=5.0, cheap=1.0)
    result, said = went(toy, clock, 10, clock.of("dear", "cheap"))
    assert result.budget.seeds == {"dear": 3, "cheap": 3}  # time for all
    assert result.budget.order[0] == "cheap 1"
    assert (result.budget.left, said) == ({}, [])
    assert len(clock.epochs) == 2 * 3 * FOLDS * RECIPE.epochs
    assert {name for name, *_ in clock.epochs[: FOLDS * RECIPE.epochs]} == {"cheap"}


def test_the_usual_are_first_where_they_fit(toy):
    toy, clock = competition(toy, "dear", "cheap"), Clock(dear=5.0, cheap=1.0)
    earlier = clock.of("dear", "cheap")
    result, _ = went(toy, clock, 10, earlier, usual=["dear"])
    assert result.budget.order[0] == "dear 1"
    result, _ = went(toy, clock, 0.4, earlier, usual=["dear"])
    assert result.budget.order[0] == "cheap 1"  # a unit of the other takes 40 s


def test_nothing_is_begun_that_would_not_end_and_that_is_said(toy):
    toy, clock = competition(toy, "dear", "cheap"), Clock(dear=5.0, cheap=1.0)
    result, _ = went(toy, clock, 0.4, clock.of("dear", "cheap"))  # 20 s: 8 for a unit of one, 40 for one of the other
    assert result.budget.seeds == {"cheap": 2}
    assert result.budget.order == ["cheap 1", "cheap 2"]
    assert result.budget.left["dear"].startswith("it would have taken about 60 s, and ")
    assert not [epoch for epoch in clock.epochs if epoch[0] == "dear"]
    assert clock.now == 16 <= 24 - RESERVE
    assert [each.name for each in result.variants] == ["cheap"]


def test_what_takes_longer_than_the_time_is_dropped_and_all_that_is_whole_is_pooled(toy):
    toy, clock, heard = competition(toy, "cheap", "slow"), Clock(cheap=1.0, slow=4.0), Heard()
    earlier = clock.of("cheap") | {"slow": Earlier(4.0, np.full((300, 2), 0.5))}  # it was quicker then
    result, _ = went(toy, clock, 0.5, earlier, keep=heard, plan={"seeds": 1})
    assert result.budget.seeds == {"cheap": 1}
    assert result.budget.left == {"slow": "dropped: it took longer than the time that was left"}
    assert any(name == "slow" for name, *_ in heard.done)  # its finished folds are kept all the same
    assert not any(np.isnan(result.oof).ravel())
    assert 30 - RESERVE <= clock.now < 30 - RESERVE + 2 * 4  # each worker stops at its next epoch


def test_different_seeds_are_pooled_as_one_would_by_hand(toy):
    toy, clock = competition(toy, "one", "other"), Clock(one=1.0, other=1.0)
    features = make_features()
    folds = within.split(features.y, FOLDS, 0)
    only_these = {("one", fold, seed) for fold in range(FOLDS) for seed in range(3)}
    only_these |= {("other", fold, 0) for fold in range(FOLDS)}
    plan = Plan(folds=FOLDS, seeds=3, variants=toy.variants, only=only_these)
    result = cross_validate(toy, features, plan, clock.on_epoch)
    assert len(clock.epochs) == plan.n_epochs == RECIPE.epochs * FOLDS * (3 + 1)
    alone = [cross_validate(toy, features, Plan(folds=FOLDS, seeds=seeds, variants={name: toy.variants[name]}))
             for name, seeds in (("one", 3), ("other", 1))]  # fmt: skip
    assert [len(each.seed_scores) for each in result.variants] == [3, 1]
    for mine, theirs in zip(result.variants, alone, strict=True):
        np.testing.assert_allclose(mine.seed_scores, theirs.variants[0].seed_scores, rtol=1e-6)
        np.testing.assert_allclose(result.alone[mine.name], theirs.alone[mine.name], rtol=1e-5)
    # Labels of one variant are pooled without weights: its `oof` is the mean over its seeds.
    means = np.stack([each.oof for each in alone])
    pooled, _, weights = blend(means, np.stack([np.stack([e.test for e in alone])] * FOLDS), features.y,
                               [fold.scored for fold in folds])  # fmt: skip
    np.testing.assert_allclose(result.oof, pooled, rtol=1e-4)
    np.testing.assert_allclose(result.weights, weights, rtol=1e-3, atol=1e-3)


def test_the_units_that_a_time_chose_give_what_a_plan_of_them_gives(toy):
    toy, clock = competition(toy, "dear", "cheap", trees=TREES), Clock(dear=5.0, cheap=1.0)
    earlier = clock.of("dear", "cheap") | {"trees": Earlier(0.5)}
    result, _ = went(toy, clock, 1.2, earlier)
    seeds = result.budget.seeds
    assert seeds["trees"] == 1  # stands for all seeds
    assert seeds["cheap"] > seeds.get("dear", 0)
    units = {(name, fold, seed) for name, n in seeds.items() for fold in range(FOLDS) for seed in range(n)}
    variants = {name: toy.variants[name] for name in seeds}
    again = cross_validate(toy, make_features(), Plan(folds=FOLDS, seeds=3, variants=variants, only=units))
    assert again.oof.tobytes() == result.oof.tobytes()
    assert again.test.tobytes() == result.test.tobytes()


def test_a_time_too_short_for_the_cheapest_gives_a_network_fewer_epochs(toy):
    toy, clock = competition(toy, "network"), Clock(network=1.0)
    longer = replace(toy.variants["network"], recipe=replace(RECIPE, epochs=20))
    toy = replace(toy, variants={"network": longer})
    result, said = went(toy, clock, 1.0, clock.of("network", per=20))
    cut = result.variants[0].recipe["epochs"]
    assert said == [f"network: {cut} epochs in place of 20, since more would not fit into the time"]
    assert cut == int(20 * (60 - RESERVE) / (1.5 * 80)) == 9
    assert result.budget.seeds == {"network": 1}


def test_a_time_too_short_for_an_epoch_is_said_and_how_long_it_would_take(toy):
    clock = Clock(network=100.0)
    with pytest.raises(UsageError, match=r"--minutes 0.5 is too short: 0 s are gone, the cheapest variant, network, "
                                         r"takes about 1200 s") as error:  # fmt: skip
        went(competition(toy, "network"), clock, 0.5, clock.of("network"))
    assert "give --minutes 20.5 or more" in error.value.hint
    with pytest.raises(UsageError, match="the cheapest variant, trees, takes"):
        went(competition(toy, trees=TREES), clock, 0.5, {"trees": Earlier(100.0)})  # has no epochs
    clock.seconds["network"] = 9.0  # and quicker before
    with pytest.raises(UsageError, match="the time was over before network was trained in all folds"):
        went(competition(toy, "network"), clock, 0.5, {"network": Earlier(2.0)})


def test_an_estimator_is_not_begun_that_would_not_end(toy, monkeypatch):
    toy = competition(toy, "network", trees=TREES)
    clock, begun = Clock(network=0.5), []
    fit_one = within.fit_one

    def slow(competition, features, folds, fit, keep):
        begun.append(fit.jobs[0].fold)
        clock.now += 9.0 * fit.pooled  # 4 s were said
        return replace(fit_one(competition, features, folds, fit, keep), seconds=9.0)

    monkeypatch.setattr(within, "fit_one", slow)
    monkeypatch.setattr(within, "fits_at_a_time", lambda *_: 1)
    earlier = clock.of("network") | {"trees": Earlier(4.0, np.full((300, 2), 0.5))}
    result, _ = went(toy, clock, 0.6, earlier, plan={"seeds": 1})
    assert result.budget.seeds == {"network": 1}
    assert clock.now == 4 + 3 * 9 <= 36 - RESERVE  # of four folds, each of 9 s, the last would be late
    assert "dropped" in result.budget.left["trees"]


def test_how_crowded_the_cores_are_is_told_by_computing(monkeypatch):
    from pipelines.budget import deadline

    now = iter(np.arange(0, 100, 0.1))
    monkeypatch.setattr(deadline.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(deadline.time, "thread_time", iter([0.0, 0.2]).__next__)
    monkeypatch.setattr(deadline, "ThreadPoolExecutor", Alone)
    assert deadline.crowding(1) == pytest.approx(2.0)  # four tenths by the clock, two by the thread


class Alone:
    """A pool whose one worker is the caller."""

    def __init__(self, _workers):
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_what_nobody_has_measured_is_tried_by_few_rows(toy, monkeypatch):
    toy, clock, tried = competition(toy, "network", trees=TREES), Clock(network=0.1), []

    def by_trial(_competition, _features, _plan, _fold, variant, *, pooled=True):
        tried.append(variant)
        clock.now += 2.0
        return Trial(1.0)

    monkeypatch.setattr(start, "by_trial", by_trial)
    monkeypatch.setattr(within, "by_trial", by_trial)
    monkeypatch.setattr(start, "TRIALS", 1 / 60)
    result, _ = went(toy, clock, 1.0, {})
    assert tried[0] is toy.variants["network"]  # networks first
    assert TREES not in tried  # a second of trials is over
    assert result.budget.left == {"trees": "not tried: there was no time for it"}


@pytest.mark.parametrize("kind", ["network", "trees"])
def test_a_trial_tells_seconds(toy, kind, monkeypatch):
    from pipelines.budget.seconds import by_trial

    toy = competition(toy, "network", trees=TREES)
    features = make_features()
    fold = within.split(features.y, FOLDS, 0)[0]
    plan = Plan(folds=FOLDS, seeds=1, variants=toy.variants)
    found = by_trial(toy, features, plan, fold, toy.variants[kind])
    assert 0 < found.seconds < 60
    assert found.at_once == 1
    monkeypatch.setattr("pipelines.validation.groups.fills_a_core", lambda *_: False)
    assert by_trial(toy, features, plan, fold, toy.variants[kind]).at_once == (4 if kind == "network" else 1)


def test_a_trial_of_an_ensemble_is_of_few_rounds_on_all_rows(toy, monkeypatch):
    from pipelines.budget import seconds

    fitted, clock = [], Clock()
    monkeypatch.setattr(seconds.time, "thread_time", clock)

    class Boosted(HistGradientBoostingClassifier):
        def fit(self, X, y):
            fitted.append((len(X), self.max_iter))
            clock.now += 0.5 + 0.1 * self.max_iter
            return super().fit(X, y)

    toy = competition(toy, trees=Variant(make_estimator=lambda: Boosted(max_iter=200)))
    features = make_features()
    fold = within.split(features.y, FOLDS, 0)[0]
    plan = Plan(folds=FOLDS, seeds=1, variants=toy.variants)
    found = seconds._of_estimator(toy, features, plan, fold, toy.variants["trees"], 100)
    assert fitted == [(len(fold.train), 1), (len(fold.train), 4)]
    assert found.seconds == pytest.approx(0.5 + 0.1 * 200)


def knobs(tmp_path, **changes):
    given = {"data": Path("sample"), "output": tmp_path / "out", "runs": tmp_path / "runs", "device": "cpu",
             "folds": 2, "epochs": 1, "minutes": 1.0}  # fmt: skip
    return Knobs(**given | changes)


@pytest.fixture
def measured(monkeypatch):
    """Titanic's variants as measured; a clock of their epochs."""
    clock = Clock(network=2.0)
    found = {"network": Earlier(4.0), "hist-gradient-boosting": Earlier(1.0)}
    monkeypatch.setattr("pipelines.budget.within.measured_earlier", lambda *_: found)
    return clock


def test_a_whole_run_says_what_there_was_time_for_and_its_folder_holds_that(titanic, tmp_path, measured):
    said = []
    deadline = Deadline(1.0, measured)
    outcome = run(titanic, knobs(tmp_path), say=said.append, on_epoch=measured.on_epoch, deadline=deadline)
    record = outcome.record
    assert said[1] == "titanic: the best of 1 min, with 2 variants in 2 folds, on cpu"
    assert (record.preset, record.seeds, record.folds, record.budget.minutes) == ("1min", None, 2, 1.0)
    assert record.budget.seeds["hist-gradient-boosting"] == 1
    assert 1 < record.budget.seeds["network"] < 20  # the clock ended it
    assert outcome.folder.name.endswith("-1min-sample")
    assert outcome.path.name.endswith("-1min-sample.csv")
    units = {(job["variant"], job["seed"]) for job in outcome.folder.jobs() if job["pooled"]}
    assert units == {(name, seed) for name, n in record.budget.seeds.items() for seed in range(n)}
    again = type(record).load(outcome.path.with_suffix(".json"))
    assert again.budget == record.budget
    from pipelines.runs.saved import SavedRun

    saved = SavedRun(outcome.folder.path, titanic)  # predicts as it did
    assert len(saved.models.names) == 2 * sum(record.budget.seeds.values())


def test_a_run_that_was_killed_goes_on_and_takes_over_what_is_finished(titanic, tmp_path, measured):
    def killed(job, epoch, loss):
        measured.on_epoch(job, epoch, loss)
        if job.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(titanic, knobs(tmp_path), on_epoch=killed, deadline=Deadline(1.0, measured))
    [folder] = folders(tmp_path / "runs", "titanic")
    assert not folder.is_finished
    before, said = list(measured.epochs), []
    deadline = Deadline(1.0, measured)
    outcome = run(titanic, knobs(tmp_path), say=said.append, on_epoch=measured.on_epoch, deadline=deadline)
    assert outcome.folder.path == folder.path
    assert any("goes on with" in line for line in said)
    assert not {epoch[:3] for epoch in measured.epochs[len(before) :]} & {e[:3] for e in before if e[2] == 0}
    assert outcome.record.budget.seeds["network"] >= 2
    assert "network 1" not in outcome.record.budget.order  # it was there


def test_earlier_runs_tell_seconds_and_what_variants_said(titanic, tmp_path):
    plain = knobs(tmp_path, minutes=None, variants=("network", "hist-gradient-boosting"), seeds=2)
    outcome = run(titanic, plain)
    from pipelines.data.sources import locate
    from pipelines.data.tables import read
    from pipelines.features.frames import make_features as features_of
    from pipelines.settings.plan import make_plan

    timed = knobs(tmp_path)
    source, plan = locate(titanic, timed.data), make_plan(titanic, timed)
    features = features_of(titanic, read(titanic, source))
    found = measured_earlier(titanic, features, plan, timed, source)
    network, trees = (each.seconds for each in outcome.record.variants)
    assert found["network"].seconds == pytest.approx(network / 4)
    assert found["hist-gradient-boosting"].seconds == pytest.approx(trees / 2)  # one stands for both seeds
    np.testing.assert_array_equal(found["network"].said, outcome.result.alone["network"])
    longer = make_plan(titanic, knobs(tmp_path, epochs=2, folds=4))
    others = measured_earlier(titanic, features, longer, timed, source)
    assert others.keys() == {"hist-gradient-boosting"}  # the recipe of the other is another
    assert others["hist-gradient-boosting"].seconds == pytest.approx(trees / 2 * (3 / 4) / (1 / 2))
    assert measured_earlier(titanic, features, plan, knobs(tmp_path, practice=True), source) == {}
    assert measured_earlier(titanic, features, plan, knobs(tmp_path, runs=None), source) == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minutes": 0}, "--minutes must be above 0 and at most 10080"), ({"minutes": -1.0}, "got -1"),
        ({"minutes": float("nan")}, "got nan"), ({"minutes": 1e9}, "got 1e"), ({"minutes": float("inf")}, "got inf"),
        ({"minutes": 5, "seeds": 2}, "--minutes together with --seeds"),
        ({"minutes": 5, "preset": "best"}, "--minutes together with --preset best"),
        ({"minutes": 5, "importance": True}, "--minutes together with --importance"),
    ],
)  # fmt: skip
def test_minutes_that_are_none_and_what_contradicts_them_are_refused(given, words, tmp_path):
    from pipelines.settings.knobs import check

    with pytest.raises(UsageError) as error:
        check(Knobs(runs=tmp_path, output=tmp_path, **given), find("titanic"), write=True)
    assert words in error.value.message
    check(Knobs(runs=tmp_path, output=tmp_path, minutes=0.5, epochs=3, folds=3), find("titanic"), write=True)


def test_the_plan_of_minutes_has_all_variants_or_those_that_are_named(titanic):
    from pipelines.settings.plan import make_plan

    plan = make_plan(titanic, Knobs(minutes=5, device="cpu"))
    assert (list(plan.variants), plan.folds, plan.seeds) == (list(titanic.variants), 10, within.MOST_SEEDS)
    named = make_plan(titanic, Knobs(minutes=5, device="cpu", variants=("network",), epochs=3, folds=4))
    assert (list(named.variants), named.folds, named.variants["network"].recipe.epochs) == (["network"], 4, 3)
    other = replace(titanic, presets={"quick": titanic.presets["fast"]})
    assert make_plan(other, Knobs(minutes=5, device="cpu")).folds == 10
    assert only(titanic, RECIPE).recipe == RECIPE
    assert json.dumps(Knobs(minutes=2.5).what) == '"2.5min"'


def test_what_is_made_for_a_gpu_alone_is_no_candidate_without_one():
    from pipelines.budget.within import all_there_is
    from pipelines.settings.lookup import load

    otto = load("otto")
    here, there = (all_there_is(otto, "fast", device).variants for device in ("cpu", "cuda"))
    assert set(there) - set(here) == {"wide-tabm"}
    assert set(there) == set(otto.variants)
