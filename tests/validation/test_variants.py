"""Several kinds of networks on the same folds: pooled, told apart, side by side."""

import itertools
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.preprocessing import FunctionTransformer
from toys import QUICK, make_features, only, plan

from pipelines.encoders import TabularEncoder
from pipelines.errors import DataError, TrainingWarning
from pipelines.metrics import log_loss
from pipelines.report.lines import score_lines
from pipelines.training import fit as fitting
from pipelines.training import together
from pipelines.training.fit import Job
from pipelines.validation import crossval, groups
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.splits import split


@pytest.fixture
def toy_otto(toy):
    """The toy with probabilities to submit and two more variants: one that sees the signal, one that sees noise."""
    see = lambda *columns: replace(only(toy, QUICK), make_encoder=lambda: TabularEncoder(columns))  # noqa: E731
    return replace(
        toy,
        metric=log_loss,
        submit="probabilities",
        variants=dict(toy.variants) | {"signal": see("signal"), "blind": see("noise")},
    )


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_variants_are_pooled_and_the_blind_one_weighs_nothing(toy_otto):
    features = make_features()
    variants = {name: toy_otto.variants[name] for name in ("signal", "blind")}
    result = cross_validate(toy_otto, features, plan(toy_otto, variants=variants))
    signal, blind = result.variants
    assert (signal.name, blind.name) == ("signal", "blind")
    assert signal.score < 0.5 < 0.6 < blind.score
    assert signal.weight > 0.5
    assert blind.weight < 0.2
    assert result.score < signal.score + 0.01
    np.testing.assert_allclose(result.oof.sum(axis=1), 1)
    np.testing.assert_allclose(result.test.sum(axis=1), 1)
    assert [len(losses) for losses in signal.losses] == [QUICK.epochs] * 4


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_each_variant_says_what_it_costs(toy_otto, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # one after another
    ticks = itertools.count()  # a clock that goes on by a second each time somebody looks
    for module in (crossval, fitting):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    variants = {name: toy_otto.variants[name] for name in ("signal", "blind")}
    result = cross_validate(toy_otto, make_features(), plan(toy_otto, variants=variants))
    # A second for the group of all networks, and one for each fold's predictions.
    assert [variant.seconds for variant in result.variants] == [5.0, 5.0]
    heading, signal, _blind = [line.split() for line in list(score_lines(toy_otto, result))[2:5]]
    assert heading == ["variants", "alone", "score", "weight", "seconds"]
    of_signal = result.variants[0]
    assert signal == ["signal", f"{of_signal.score:.4f}", f"{of_signal.weight:.2f}", "5"]


def groups_of(toy_otto, monkeypatch, *, cores=4, large=False, **changes):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(together, "STACKED_PARAMETERS", 0 if large else 100_000)
    features = make_features()
    of_plan = plan(toy_otto, **changes)
    folds = split(features.y, of_plan.folds, 0)
    encoders = {name: FoldEncoder(features, folds, variant, 0) for name, variant in of_plan.variants.items()}
    return groups.make_groups(toy_otto, of_plan, encoders)


def jobs_of(found):
    return [[(job.fold, job.seed) for job in group.jobs] for group in found]


def test_small_networks_are_stacked_for_each_core_and_large_ones_go_fold_by_fold(toy_otto, monkeypatch):
    found, workers, threads = groups_of(toy_otto, monkeypatch, seeds=12)
    assert [len(group.jobs) for group in found] == [12] * 4  # 48 networks on four cores
    assert (workers, threads) == (4, 1)
    found, workers, threads = groups_of(toy_otto, monkeypatch)
    assert ([len(group.jobs) for group in found], workers) == ([6, 2], 2)  # whole folds, five networks at least
    found, workers, threads = groups_of(toy_otto, monkeypatch, seeds=1)
    assert ([len(group.jobs) for group in found], workers) == ([4], 1)  # fewer than five are one stack
    found, workers, threads = groups_of(toy_otto, monkeypatch, large=True)
    assert jobs_of(found) == [[(fold, 0), (fold, 1)] for fold in range(4)]
    assert (workers, threads) == (4, 1)
    found, workers, threads = groups_of(toy_otto, monkeypatch, large=True, folds=2)
    assert (len(found), workers, threads) == (2, 2, 2)  # no more side by side than there is work; two cores each


def test_a_gpu_takes_all_folds_of_a_variant_at_once(toy_otto, monkeypatch):
    monkeypatch.setattr(groups, "memory_to_use", lambda _device: 1e9)
    variants = dict.fromkeys(("one", "other"), toy_otto.variants["signal"])
    found, workers, _ = groups_of(toy_otto, monkeypatch, large=True, device="cuda", variants=variants)
    assert ([len(group.jobs) for group in found], workers) == ([8, 8], 1)
    assert {group.device.type for group in found} == {"cuda"}


def test_memory_bounds_what_trains_at_the_same_time(toy_otto, monkeypatch):
    rows, network = groups.COPIES * 4 * 2 * 225, 2**18 + 48 * 6  # 225 rows of two features; 2 x 2 weights and 2 biases
    of_fold = rows + 2 * network
    found, _, _ = groups_of(toy_otto, monkeypatch, cores=1, memory_mb=3.5 * of_fold / 1e6)
    assert jobs_of(found) == [[(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)], [(3, 0), (3, 1)]]  # whole folds
    found, _, _ = groups_of(toy_otto, monkeypatch, cores=1, memory_mb=(rows + 1.5 * network) / 1e6)
    assert jobs_of(found) == [[(fold, seed)] for fold in range(4) for seed in range(2)]  # not even one
    for times, expected in ((2.5, 2), (0.5, 1)):
        memory = times * of_fold / 1e6
        _, workers, _ = groups_of(toy_otto, monkeypatch, large=True, memory_mb=memory)
        assert workers == expected


def test_memory_that_does_not_suffice_is_said_before_the_training(toy_otto, monkeypatch):
    monkeypatch.setattr(groups, "memory_there", lambda: 1e6)  # bytes; eight networks' noise takes twice as many
    with pytest.warns(
        TrainingWarning, match=r"takes about 2 MB, and 1 MB are there; .*Killed, exit code 137\)\n.*--memory 1\n"
    ):
        groups_of(toy_otto, monkeypatch, cores=1)
    monkeypatch.setattr(groups, "memory_there", lambda: 1e9)
    groups_of(toy_otto, monkeypatch, cores=1)  # and says nothing
    monkeypatch.setattr(groups, "memory_there", lambda: 1e5)
    monkeypatch.setattr(groups, "memory_to_use", lambda _device: 1e9)
    groups_of(toy_otto, monkeypatch, device="cuda")  # whose memory is another


def test_a_container_with_half_a_core_trains_one_program_at_a_time(toy_otto, monkeypatch):
    monkeypatch.setattr(groups, "n_cores", lambda: 1)
    found, workers, threads = groups_of(toy_otto, monkeypatch, cores=64, seeds=12)
    assert (len(found), workers, threads) == (1, 1, 1)


def test_each_network_predicts_with_the_encoder_that_it_was_trained_with(toy_otto):
    """An encoder with chance of its own, and folds that memory cuts in two: nobody gets another one's features."""

    class Turned(TabularEncoder):
        def fit_transform(self, X, y=None):
            self.sign_ = 1 if next(calls) % 2 else -1
            return self.sign_ * super().fit_transform(X, y)

        def transform(self, X):
            return self.sign_ * super().transform(X)

    calls = itertools.count()
    variant = replace(only(toy_otto, QUICK), make_encoder=lambda: Turned(("signal",)))
    cut = plan(toy_otto, variants={"turned": variant}, memory_mb=0.6, seeds=3)
    result = cross_validate(toy_otto, make_features(), cut)
    assert max(result.variants[0].seed_scores) < 0.5


@pytest.mark.parametrize("where", ["train", "test"])
def test_an_encoder_that_leaves_gaps_is_refused_wherever_they_are(toy_otto, where):
    features = make_features()
    broken = getattr(features, where).copy()
    broken.loc[7, "signal"] = np.nan
    keep = lambda: FunctionTransformer(lambda X: X[["signal"]].to_numpy(np.float32))  # noqa: E731
    variant = replace(only(toy_otto, QUICK), make_encoder=keep)
    with pytest.raises(DataError, match=r"gives nan in its column 0, where networks need finite numbers"):
        cross_validate(toy_otto, replace(features, **{where: broken}), plan(toy_otto, variants={"gaps": variant}))


def test_stacks_of_any_size_give_the_same_networks(toy_otto):
    features = make_features()
    whole, cut = (cross_validate(toy_otto, features, plan(toy_otto, memory_mb=memory)) for memory in (None, 0.6))
    np.testing.assert_allclose(whole.oof, cut.oof, atol=1e-5)
    np.testing.assert_allclose(whole.test, cut.test, atol=1e-5)


def sorted_by_class():
    """A file as Otto's: its first rows know one class only."""
    features = make_features()
    order = np.argsort(features.y, kind="stable")
    return replace(features, train=features.train.iloc[order].reset_index(drop=True), y=features.y[order])


def with_a_rare_class():
    y = np.zeros(600, dtype=np.int64)
    y[[13, 313]] = 1
    return replace(make_features(600), y=y)


@pytest.mark.parametrize("make", [sorted_by_class, with_a_rare_class])
def test_the_rows_that_tell_how_many_features_there_are_hold_every_class(toy_otto, monkeypatch, make):
    monkeypatch.setattr(crossval, "FEW_ROWS", 20)
    features, seen = make(), []

    class Spy(TabularEncoder):
        def fit_transform(self, X, y=None):
            seen.append(set(y))
            return super().fit_transform(X, y)

    variant = replace(only(toy_otto, QUICK), make_encoder=lambda: Spy(("signal",)))
    encode = FoldEncoder(features, split(features.y, 2, 0), variant, 0)
    groups.make_groups(toy_otto, plan(toy_otto, folds=2), {"network": encode})
    assert groups.fits_at_a_time(plan(toy_otto, folds=2), {"network": encode}) >= 1
    assert seen == [{0, 1}]  # once, whoever asks


def test_permuted_labels_do_not_beat_the_base_rate_with_a_blend(toy_otto):
    """A fold's labels reach its weights by way of the other folds' networks: too weak a way to gain by."""
    gains = []
    for seed in range(4):
        features = make_features(200)
        features = replace(features, y=np.random.default_rng(seed).permutation(features.y))
        variants = dict.fromkeys(("one", "two", "three"), toy_otto.variants["signal"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing can be learned
            result = cross_validate(toy_otto, features, plan(toy_otto, variants=variants, seed=seed))
        share = features.y.mean()
        gains.append(-(share * np.log(share) + (1 - share) * np.log(1 - share)) - result.score)
    assert np.mean(gains) < 0.005


@pytest.mark.parametrize("apart", [False, True])
def test_losses_are_told_while_it_trains_each_with_its_job(toy_otto, monkeypatch, apart):
    monkeypatch.setattr(together, "STACKED_PARAMETERS", 0 if apart else together.STACKED_PARAMETERS)
    heard = {}
    variants = dict.fromkeys(("one", "other"), toy_otto.variants["signal"])

    def on_epoch(job, epoch, loss):
        heard.setdefault(job, {})[epoch] = loss

    result = cross_validate(toy_otto, make_features(), plan(toy_otto, variants=variants), on_epoch)
    jobs = [Job(name, fold, seed) for name in variants for fold in range(4) for seed in range(2)]
    assert sorted(heard) == sorted(jobs)
    for variant in result.variants:
        for fold, losses in enumerate(variant.losses):
            of_seeds = [heard[Job(variant.name, fold, seed)] for seed in range(2)]
            assert [list(of_seed) for of_seed in of_seeds] == [list(range(1, QUICK.epochs + 1))] * 2
            np.testing.assert_allclose(np.mean([list(of_seed.values()) for of_seed in of_seeds], axis=0), losses)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_large_networks_side_by_side_give_what_one_after_another_gives(toy_otto, monkeypatch):
    features, threads = make_features(), torch.get_num_threads()
    variants = {name: toy_otto.variants[name] for name in ("signal", "blind")}
    as_stacks = cross_validate(toy_otto, features, plan(toy_otto, variants=variants))
    monkeypatch.setattr(together, "STACKED_PARAMETERS", 0)
    steps = []
    torch.set_num_threads(2)
    try:
        apart = cross_validate(toy_otto, features, plan(toy_otto, variants=variants), lambda *step: steps.append(step))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(as_stacks.oof, apart.oof, atol=1e-4)
    np.testing.assert_allclose(as_stacks.test, apart.test, atol=1e-4)
    assert len(steps) == 16 * QUICK.epochs
