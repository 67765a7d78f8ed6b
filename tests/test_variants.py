"""Several kinds of networks on the same folds: pooled, told apart, side by side."""

import itertools
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys import QUICK, make_features, only, plan

from pipelines.data.encoders import TabularEncoder
from pipelines.metrics import log_loss
from pipelines.report import score_lines
from pipelines.training import fit as fitting
from pipelines.validation import crossval as validation
from pipelines.validation import folds
from pipelines.validation.crossval import cross_validate


@pytest.fixture
def toy_otto(toy):
    """The toy with probabilities to submit and two more variants: one that sees the signal, one that sees noise."""
    see = lambda *columns: replace(only(toy, QUICK), make_encoder=lambda: TabularEncoder(columns))  # noqa: E731
    return replace(
        toy, metric=log_loss, submit="probabilities", variants={"signal": see("signal"), "blind": see("noise")}
    )


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_variants_are_pooled_and_the_blind_one_weighs_nothing(toy_otto):
    features = make_features()
    variants = {name: toy_otto.all_variants[name] for name in ("signal", "blind")}
    steps, announced = [], []
    result = cross_validate(
        toy_otto, features, plan(toy_otto, variants=variants), lambda *step: steps.append(step),
        lambda seconds: announced.append((seconds, list(steps))),
    )  # fmt: skip
    signal, blind = result.variants
    assert (signal.name, blind.name) == ("signal", "blind")
    assert signal.score < 0.5 < 0.6 < blind.score
    assert signal.weight > 0.5
    assert blind.weight < 0.2
    assert result.score < signal.score + 0.01
    np.testing.assert_allclose(result.oof.sum(axis=1), 1)
    np.testing.assert_allclose(result.test.sum(axis=1), 1)
    assert steps[-1] == (16 * QUICK.epochs, 16 * QUICK.epochs)
    [(seconds, before)] = announced  # said once, before the first epoch
    assert before == []
    assert 0 < seconds < 3600
    assert [len(losses) for losses in signal.losses] == [QUICK.epochs] * 4


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_each_variant_says_what_it_costs(toy_otto, monkeypatch):
    ticks = itertools.count()  # a clock that goes on by a second each time somebody looks
    monkeypatch.setattr(folds, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    variants = {name: toy_otto.all_variants[name] for name in ("signal", "blind")}
    result = cross_validate(toy_otto, make_features(), plan(toy_otto, variants=variants))
    assert [variant.seconds for variant in result.variants] == [1.0, 1.0]  # once before, once after all four folds
    heading, signal, _blind = [line.split() for line in list(score_lines(toy_otto, result))[2:5]]
    assert heading == ["variants", "alone", "score", "weight", "seconds"]
    of_signal = result.variants[0]
    assert signal == ["signal", f"{of_signal.score:.4f}", f"{of_signal.weight:.2f}", "1"]


@pytest.mark.parametrize(
    ("costs", "workers", "threads", "expected"),
    [([4.0, 8.0], 1, 2, 12.0), ([4.0, 8.0], 2, 1, 6.0), ([8.0], 1, 2, 8.0), ([8.0], 2, 1, 4.0)],
)
def test_the_time_is_tried_out_as_it_will_run(costs, workers, threads, expected):
    """One network alone on all cores would promise too much to networks that get one core each."""
    seen, before = [], torch.get_num_threads()
    tried = lambda cost: lambda: seen.append(torch.get_num_threads()) or cost  # noqa: E731
    variants = {str(cost): SimpleNamespace(tried_seconds=tried(cost)) for cost in costs}
    torch.set_num_threads(2)
    try:
        assert validation._seconds(variants, workers) == expected
    finally:
        torch.set_num_threads(before)
    assert seen == [threads] * max(len(costs), workers)


@pytest.mark.parametrize(
    ("memory", "device", "small", "expected"),
    [
        (None, "cpu", False, 4),
        (1000, "cpu", False, 2),
        (100, "cpu", False, 1),
        (None, "cpu", True, 1),
        (None, "cuda", False, 1),
    ],
)
def test_as_many_networks_side_by_side_as_cores_and_memory_allow(memory, device, small, expected, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    variants = {
        "a": SimpleNamespace(small=small, bytes_of_a_fold=4e8),
        "b": SimpleNamespace(small=False, bytes_of_a_fold=3e8),
    }
    assert validation._workers(SimpleNamespace(device=device, memory_mb=memory, folds=5), variants) == expected


def test_no_more_side_by_side_than_there_is_work(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    one = {"a": SimpleNamespace(small=False, bytes_of_a_fold=1)}
    assert validation._workers(SimpleNamespace(device="cpu", memory_mb=None, folds=2), one) == 2


@pytest.mark.parametrize(("pages", "expected"), [(10**6, 2e9), (10**7, 1.024e10)])
def test_a_quarter_of_the_memory_is_used(pages, expected, monkeypatch):
    sizes = {"SC_PHYS_PAGES": pages, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(validation, "os", SimpleNamespace(sysconf=sizes.__getitem__))
    assert validation._memory_to_use() == expected
    monkeypatch.setattr(validation, "os", SimpleNamespace())  # as on Windows
    assert validation._memory_to_use() == 2e9


def test_the_memory_of_a_fold_is_its_rows_and_networks(toy_otto):
    features, parts = make_features(), validation.split(make_features().y, 4, 0)
    wide = replace(only(toy_otto, QUICK), make_model=torch.nn.Linear)
    on_folds = folds.VariantOnFolds(toy_otto, features, plan(toy_otto, seeds=2), wide, parts)
    n_features = on_folds.encode(0).fit.X.shape[1]
    weights = (n_features + 1) * 2
    assert on_folds.bytes_of_a_fold == folds.COPIES * 4 * 225 * n_features + 16 * weights * 2


@pytest.mark.parametrize(("device", "small", "pieces"), [("cpu", True, 1), ("cpu", False, 3), ("cuda", False, 1)])
def test_a_gpu_takes_all_folds_at_once(device, small, pieces):
    asked = []
    together = folds.VariantOnFolds.together.fget(SimpleNamespace(small=small, plan=SimpleNamespace(device=device)))
    one = SimpleNamespace(together=together, parts=[()] * 3, run=lambda rows, _step: asked.extend(rows))
    tasks = folds.VariantOnFolds.tasks(one)
    for task in tasks:
        task(None)
    assert (len(tasks), asked) == (pieces, [0, 1, 2])


def test_a_class_that_is_rare_does_not_stop_the_trial(toy_otto):
    features = make_features(600)
    y = np.zeros(600, dtype=np.int64)
    y[[10, 310]] = 1
    few = plan(toy_otto, replace(QUICK, epochs=1, batch_size=2), folds=2, seeds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = cross_validate(toy_otto, replace(features, y=y), few)
    assert result.oof.shape == (600, 2)


def test_permuted_labels_do_not_beat_the_base_rate_with_a_blend(toy_otto):
    """A fold's labels reach its weights by way of the other folds' networks: too weak a way to gain by."""
    gains = []
    for seed in range(4):
        features = make_features(200)
        features = replace(features, y=np.random.default_rng(seed).permutation(features.y))
        variants = dict.fromkeys(("one", "two", "three"), toy_otto.all_variants["signal"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing can be learned
            result = cross_validate(toy_otto, features, plan(toy_otto, variants=variants, seed=seed))
        share = features.y.mean()
        gains.append(-(share * np.log(share) + (1 - share) * np.log(1 - share)) - result.score)
    assert np.mean(gains) < 0.005


@pytest.mark.parametrize("apart", [False, True])
def test_losses_are_told_while_it_trains_each_under_its_networks_name(toy_otto, monkeypatch, apart):
    monkeypatch.setattr(fitting, "STACKED_PARAMETERS", 0 if apart else fitting.STACKED_PARAMETERS)
    heard, when = {}, []
    variants = dict.fromkeys(("one", "other"), toy_otto.all_variants["signal"])

    def on_loss(network, loss, epoch):
        heard.setdefault(network, {})[epoch] = loss

    result = cross_validate(
        toy_otto, make_features(), plan(toy_otto, variants=variants),
        progress=lambda done, _all: when.append((done, sum(len(of_network) for of_network in heard.values()))),
        on_loss=on_loss,
    )  # fmt: skip
    names = [f"{name}/fold {fold} seed {seed}" for name in variants for fold in range(1, 5) for seed in (1, 2)]
    assert sorted(heard) == sorted(names)
    assert all(told == done for done, told in when)  # nothing is kept back until the end
    for variant in result.variants:
        for fold, losses in enumerate(variant.losses, start=1):
            of_seeds = [heard[f"{variant.name}/fold {fold} seed {seed}"] for seed in (1, 2)]
            assert [list(of_seed) for of_seed in of_seeds] == [list(range(1, QUICK.epochs + 1))] * 2
            np.testing.assert_allclose(np.mean([list(of_seed.values()) for of_seed in of_seeds], axis=0), losses)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # the blind variant learns nothing
def test_large_networks_side_by_side_give_what_one_after_another_gives(toy_otto, monkeypatch):
    features, threads = make_features(), torch.get_num_threads()
    variants = {name: toy_otto.all_variants[name] for name in ("signal", "blind")}
    as_stacks = cross_validate(toy_otto, features, plan(toy_otto, variants=variants))
    monkeypatch.setattr(fitting, "STACKED_PARAMETERS", 0)
    steps = []
    torch.set_num_threads(2)
    try:
        apart = cross_validate(
            toy_otto, features, plan(toy_otto, variants=variants), lambda done, _all: steps.append(done)
        )
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(as_stacks.oof, apart.oof, atol=1e-4)
    np.testing.assert_allclose(as_stacks.test, apart.test, atol=1e-4)
    assert steps == sorted(steps)
    assert steps[-1] == 16 * QUICK.epochs
