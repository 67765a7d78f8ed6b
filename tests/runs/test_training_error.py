"""The chance of training, told by the seeds."""

from dataclasses import replace

import kept
import numpy as np
import pytest
from scipy.special import stdtr

from pipelines.metrics import log_loss
from pipelines.runs import tensors
from pipelines.runs.folder import RunFolder
from pipelines.runs.history.choice import KeptRun
from pipelines.runs.history.compare import compare
from pipelines.runs.history.training import with_training
from pipelines.submission.record import VariantScore

N, FOLDS = 200, 5


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
    gains = [part.gain for part in rows.folds]
    assert found.se == pytest.approx(np.sqrt(rows.se**2 + np.var(gains, ddof=1) / FOLDS))


def test_an_estimator_that_stands_for_all_seeds_has_no_chance_of_training_and_others_have(tmp_path, titanic):
    rows, found, _, _ = both(tmp_path / "one", 1, titanic, losses=(), seeds=3)
    assert found == rows
    gains = [part.gain for part in rows.folds]
    rows, found, _, _ = both(tmp_path / "unknown", 1, titanic, losses=())  # one seed: whether it draws is not told
    assert found.se == pytest.approx(np.sqrt(rows.se**2 + np.var(gains, ddof=1) / FOLDS))
    rows, found, _, _ = both(tmp_path / "three", 3, titanic, losses=())
    assert found.se > rows.se


def test_networks_that_are_not_there_leave_it_to_the_folds(tmp_path, titanic):
    a, _ = trained(tmp_path, "20261121-101010-fast", 3, 1)
    b, _ = trained(tmp_path, "20261122-101010-fast", 3, 2)
    (b[0].folder.path / "networks" / "v0-1.safetensors").write_bytes(b"cut")
    rows = compare(log_loss, a[1], b[1])
    found = with_training(rows, replace(titanic, metric=log_loss), a, b)
    assert found.se == pytest.approx(np.sqrt(rows.se**2 + np.var([part.gain for part in rows.folds], ddof=1) / FOLDS))
