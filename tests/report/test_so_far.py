"""What is known of a run that goes on: counts, scores of the rows that are scored by now, the time that is left."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier
from toys import QUICK, make_features, only, plan

from pipelines.competition import Variant
from pipelines.metrics import Metric, accuracy
from pipelines.report.live.so_far import SoFar
from pipelines.runs.keeping import RunKeep
from pipelines.settings.knobs import Knobs
from pipelines.training.fit import Job
from pipelines.validation.crossval import cross_validate
from pipelines.validation.results import Finished
from pipelines.validation.splits import split


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Rows:
    """What `RunKeep` asks of a source."""

    files: dict = {}  # noqa: RUF012
    kind = "folder"


def keep_in(root, said=None):
    return RunKeep(Rows, "titanic", "fast", Knobs(runs=root), (said or []).append)


def cross_validated(toy, so_far, root=None, **changes):
    with keep_in(root) as keep:
        return cross_validate(
            toy, make_features(), plan(toy, replace(QUICK, epochs=2), variants=toy.variants, **changes),
            so_far.on_epoch, so_far.on_task, so_far.around(keep),
        )  # fmt: skip


def of_two_variants(toy):
    trees = Variant(make_estimator=lambda: DecisionTreeClassifier(max_depth=2, random_state=0))
    network = only(toy, replace(QUICK, epochs=2))
    return replace(toy, variants={"network": network, "trees": trees})


def test_all_is_counted_and_the_score_is_that_of_all_rows_in_the_end(toy, monkeypatch):
    monkeypatch.setattr("pipelines.report.live.so_far.SHARE", float("inf"))  # scored each time
    toy = of_two_variants(toy)
    so_far = SoFar()
    result = cross_validated(toy, so_far)
    assert so_far.n_models == (8 + 4, 8 + 4)  # trees draw nothing: one fit a fold
    assert so_far.steps == (16, 16)
    assert so_far.left == 0.0
    assert [(part.name, len(part.done), part.n_models) for part in so_far.variants] == [
        ("network", 8, 8), ("trees", 4, 4),
    ]  # fmt: skip
    assert [part.name for part in so_far.baselines] == [row.name for row in result.baselines]
    assert [part.score for part in so_far.baselines] == [row.score for row in result.baselines]
    network, trees = so_far.variants
    assert [len(curve) for curve in network.curves[0]] == [2, 2, 2, 2]
    np.testing.assert_allclose(network.curves[0], result.variants[0].losses)
    assert trees.curves == ([], [])
    assert trees.score == accuracy(make_features().y, result.alone["trees"])
    assert so_far.pool.n_scored == 300
    both = (network.sums / network.times[:, None] + trees.sums / trees.times[:, None]) / 2
    assert so_far.pool.score == accuracy(make_features().y, both)
    assert so_far.pool.se == pytest.approx(accuracy.se(make_features().y, both))


def begun(toy, clock, listeners=()):
    """Four folds of two networks of ten epochs, none trained yet; and the folds."""
    toy = replace(toy, variants={"network": only(toy, replace(QUICK, epochs=10))})
    features, so_far = make_features(), SoFar(listeners, clock)
    of_plan = plan(toy, replace(QUICK, epochs=10))
    from pipelines.validation.estimators import networks_of

    so_far.begin(toy, features, split(features.y, 4, 0), of_plan, networks_of(of_plan))
    so_far.trains()
    return so_far, split(features.y, 4, 0), features


def test_the_score_so_far_is_that_of_the_rows_of_the_folds_that_are_done(toy):
    so_far, folds, features = begun(toy, Clock())
    y = features.y[folds[2].scored]
    right, wrong = np.eye(2)[y], np.eye(2)[1 - y]
    done = [Finished(job=Job("network", 2, seed), scored=said, test=said[:0], losses=[0.5], model="", seconds=1.5)
            for seed, said in enumerate((0.8 * right + 0.2 * wrong, 0.4 * right + 0.6 * wrong))]  # fmt: skip
    so_far.add(done[:1], pooled=True)
    assert (so_far.pool.score, so_far.pool.n_scored) == (1.0, 75)
    so_far._score_again = 0.0
    so_far.add(done[1:], pooled=True)  # alone it is wrong everywhere; the mean of both is right
    assert (so_far.pool.score, so_far.n_models) == (1.0, (2, 8))
    so_far.add(done, pooled=True)  # heard again, as where a run reads what it has written
    assert so_far.variants[0].seconds == 3.0


def test_the_time_left_is_told_by_the_pace_and_not_before_there_is_one(toy):
    clock = Clock()
    so_far, _, _ = begun(toy, clock)
    assert so_far.left is None
    for epoch in range(1, 4):
        clock.now += 2.0
        so_far.on_epoch(Job("network", 0, 0), epoch, 0.5)
    assert so_far.steps == (3, 80)
    assert so_far.left == pytest.approx(77 * 2.0)  # from the first epoch on: what comes before it is no training


def test_epochs_that_early_stopping_saves_count_as_done_and_a_curve_may_begin_anew(toy):
    so_far, folds, _ = begun(toy, Clock())
    for epoch in (1, 2, 3):
        so_far.on_epoch(Job("network", 0, 0), epoch, 1.0 / epoch)
    so_far.on_epoch(Job("network", 0, 0), 1, 0.25)  # memory was full: in halves, from the beginning
    assert so_far.steps == (1, 80)
    assert so_far.variants[0].curves[0] == [[0.25]]
    said = np.full((len(folds[0].scored), 2), 0.5)
    one = Finished(job=Job("network", 0, 0), scored=said, test=said[:0], losses=[0.3, 0.2], model="", seconds=1.0)
    so_far.add([one], pooled=True)
    assert so_far.steps == (10, 80)
    assert so_far.variants[0].curves[0] == [[0.3, 0.2]]


def test_a_metric_that_takes_no_part_of_the_rows_gives_no_score_and_no_error(toy):
    def only_all(y, _p):
        if len(y) < 300:
            raise ValueError("not all rows")
        return 1.0

    toy = replace(toy, metric=Metric("mine", score=only_all, of="labels"))
    so_far, folds, _ = begun(toy, Clock())
    said = np.full((len(folds[0].scored), 2), 0.5)
    so_far.add([Finished(job=Job("network", 0, 0), scored=said, test=said[:0], model="", seconds=1.0)], pooled=True)
    assert (so_far.pool.score, so_far.n_models) == (None, (1, 8))


def test_a_run_that_goes_on_counts_what_is_there(toy, tmp_path, monkeypatch):
    toy = of_two_variants(toy)
    cross_validated(toy, SoFar(), tmp_path)
    counts, so_far = [], SoFar()
    so_far.listeners = [lambda each: counts.append((each.n_models, each.steps, each.folder))]
    cross_validated(toy, so_far, tmp_path)
    assert counts[0][:2] == ((12, 12), (16, 16))
    assert counts[0][2].parent == tmp_path / "titanic"
    assert so_far.pool.n_scored == 300


def test_listeners_are_told_ten_times_a_second_at_most_but_of_each_model(toy):
    clock, told = Clock(), []
    so_far, folds, _ = begun(toy, clock, [lambda each: told.append(each.steps[0])])
    for epoch in range(1, 9):
        clock.now = epoch / 25
        so_far.on_epoch(Job("network", 0, 0), epoch, 0.5)
    assert told == [1, 4, 7]
    said = np.full((len(folds[0].scored), 2), 0.5)
    so_far.add([Finished(job=Job("network", 0, 0), scored=said, test=said[:0], model="", seconds=1.0)], pooled=True)
    so_far.finish()
    assert told[3:] == [10, 10]


class WithHeldOut(float):
    """A training loss that knows of another one."""

    held_out = 0.75


def test_losses_of_rows_held_out_are_kept_beside_those_of_training(toy):
    so_far, _, _ = begun(toy, Clock())
    so_far.on_epoch(Job("network", 1, 0), 1, WithHeldOut(0.5))
    so_far.on_epoch(Job("network", 2, 0), 1, 0.25)
    assert so_far.variants[0].losses == {(1, 0): [0.5], (2, 0): [0.25]}
    assert so_far.variants[0].held_out == {(1, 0): [0.75]}


def test_of_a_run_that_has_minutes_the_time_says_how_far_it_is(toy):
    from pipelines.budget.deadline import Deadline
    from pipelines.pages.words import Words
    from pipelines.report.live.progress import line_of
    from pipelines.validation.estimators import networks_of

    clock, features = Clock(), make_features()
    so_far = SoFar(clock=clock, deadline=Deadline(2.0, clock))
    of_plan = plan(toy, seeds=20)
    fits = networks_of(of_plan)
    so_far.begin(toy, features, split(features.y, 4, 0), of_plan, fits)
    assert so_far.n_models == (0, 0)  # of 80 that may be trained none is begun
    so_far.want(fits[:3])
    clock.now = 30.0
    assert (so_far.n_models, so_far.steps, so_far.share, so_far.left) == ((0, 3), (30, 120), 0.25, 90.0)
    assert line_of(so_far, Words()) == "0 of 3 networks, 90 s left"
    job = fits[0].jobs[0]
    scored = np.full((len(split(features.y, 4, 0)[job.fold].scored), 2), 0.5)
    so_far.add([Finished(job=job, scored=scored, test=scored[:1], model="", seconds=1.0)], pooled=True)
    so_far.want(fits[:1])  # it is there
    assert so_far.n_models == (1, 3)
    clock.now = 130.0
    assert (so_far.left, so_far.share) == (0.0, 1.0)
