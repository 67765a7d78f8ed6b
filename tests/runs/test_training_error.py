"""The chance of training, told by the seeds."""

from dataclasses import replace

import kept
import numpy as np
import pytest
from scipy.special import stdtr
from scipy.stats import sem, ttest_1samp

from pipelines.metrics import log_loss
from pipelines.runs import tensors
from pipelines.runs.folder import RunFolder
from pipelines.runs.history.choice import KeptRun
from pipelines.runs.history.compare import Comparison, Part, compare
from pipelines.runs.history.training import by_folds, with_training
from pipelines.submission.record import VariantScore

N, FOLDS = 200, 5
SAME = Comparison(**dict.fromkeys(Comparison.__dataclass_fields__))


def trained(root, name, n_seeds, seed, weights=(1.0,), losses=(0.5,), seeds=1):
    """A run whose networks of a fold differ by chance, and what each said of the fold's rows."""
    rng, base = np.random.default_rng(seed), kept.said(seed=seed)
    networks, arrays, jobs = {}, {}, []
    for number in range(len(weights)):
        for fold in range(FOLDS):
            for each in range(n_seeds):
                said = kept.probabilities(rng.normal(size=N // FOLDS))
                networks[number, fold, each] = arrays[f"{fold}-{each}/scored"] = said
                jobs.append({"variant": f"v{number}", "fold": fold, "seed": each, "pooled": True})
        tensors.save(root / "titanic" / name / "networks" / f"v{number}-1.safetensors", arrays, {"jobs": jobs})
        arrays, jobs = {}, []
    variants = [
        VariantScore(f"v{number}", 0.5, [0.5] * n_seeds, weight, losses=[list(losses)] * FOLDS)
        for number, weight in enumerate(weights)
    ]
    folder = kept.keep(root, name, base, variants=variants, seeds=seeds)
    run = RunFolder(folder)
    return (KeptRun(run, run.record()), base), networks


def both(root, n_seeds, titanic, **changes):
    (a, of_a), (b, of_b) = (trained(root, f"2026112{s}-101010-fast", n_seeds, s, **changes) for s in (1, 2))
    found = compare(log_loss, a[1], b[1])
    return found, with_training(found, replace(titanic, metric=log_loss), a, b), (of_a, of_b), (a[1], b[1])


@pytest.mark.parametrize("weights", [(1.0,), (0.7, 0.3)])
def test_the_variance_of_the_mean_over_folds_and_seeds_is_added(tmp_path, titanic, weights):
    rows, found, networks, said = both(tmp_path, 4, titanic, weights=weights)
    parts = [(rows.se**2, N - 1)]
    for of_run, base in zip(networks, said, strict=True):
        for number, weight in enumerate(weights):
            for fold in range(FOLDS):
                y = base.y[base.fold == fold]
                scores = [log_loss(y, of_run[number, fold, seed]) for seed in range(4)]
                parts.append((weight**2 * np.var(scores, ddof=1) / 4 / FOLDS**2, 3))
    variance = sum(each for each, _ in parts)
    df = variance**2 / sum(each**2 / df for each, df in parts)
    assert found.se == pytest.approx(np.sqrt(variance))
    assert found.p == pytest.approx(2 * stdtr(df, -abs(rows.gain) / np.sqrt(variance)))
    assert (found.rows_se, found.rows_p, found.gain) == (rows.se, rows.p, rows.gain)
    assert found.se > rows.se


def test_of_a_single_seed_the_folds_tell(tmp_path, titanic):
    rows, found, _, _ = both(tmp_path, 1, titanic)
    of_folds = ttest_1samp([part.gain for part in rows.folds], 0)
    assert found.se == pytest.approx(max(rows.se, sem([part.gain for part in rows.folds])))
    assert found.p == pytest.approx(max(rows.p, of_folds.pvalue), rel=1e-3)
    assert (found.rows_se, found.rows_p, found.gain) == (rows.se, rows.p, rows.gain)


@pytest.mark.parametrize("of_training", [0.0, 1.0, 2.0])
def test_of_equally_good_ways_with_one_seed_one_in_twenty_is_told_apart(of_training):
    rng, told = np.random.default_rng(0), []
    for _ in range(2000):
        gains = rng.normal(size=5) * np.sqrt(5) * np.sqrt(1 + of_training**2)
        parts = [Part(str(fold), 1000, gain, 5**0.5) for fold, gain in enumerate(gains)]
        gain = gains.mean()
        found = by_folds(replace(SAME, gain=gain, se=1.0, p=2 * stdtr(4999, -abs(gain)), folds=parts))
        told.append(found.p < 0.05)
    assert 0.01 < np.mean(told) < 0.06


def test_an_estimator_that_stands_for_all_seeds_has_no_chance_of_training_and_others_have(tmp_path, titanic):
    rows, found, _, _ = both(tmp_path / "one", 1, titanic, losses=(), seeds=3)
    assert found == rows
    gains = [part.gain for part in rows.folds]
    rows, found, _, _ = both(tmp_path / "unknown", 1, titanic, losses=())  # one seed: whether it draws is not told
    assert found.se == pytest.approx(max(rows.se, sem(gains)))
    rows, found, _, _ = both(tmp_path / "three", 3, titanic, losses=())
    assert found.se > rows.se


def test_networks_that_are_not_there_leave_it_to_the_folds(tmp_path, titanic):
    a, _ = trained(tmp_path, "20261121-101010-fast", 3, 1)
    b, _ = trained(tmp_path, "20261122-101010-fast", 3, 2)
    (b[0].folder.path / "networks" / "v0-1.safetensors").write_bytes(b"cut")
    rows = compare(log_loss, a[1], b[1])
    found = with_training(rows, replace(titanic, metric=log_loss), a, b)
    assert found.se == pytest.approx(max(rows.se, sem([part.gain for part in rows.folds])))
