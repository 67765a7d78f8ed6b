"""Runs as sections see them, made by hand: of two classes, of nine, of a number; nothing is trained."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pipelines.audit.hardest import HardRow, Near, Odd
from pipelines.competition import Number
from pipelines.metrics import accuracy, log_loss, rmse
from pipelines.runs.predictions import RowPredictions
from pipelines.submission.record import Importance, Record, VariantScore

FOLDS = 4


def curves(n_folds=FOLDS, epochs=6, end=0.4):
    falling = [1.0 - (1.0 - end) * epoch / epochs for epoch in range(1, epochs + 1)]
    return [[each + 0.01 * fold for each in falling] for fold in range(n_folds)]


def probabilities(n, n_classes, seed=0, sharp=2.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    logits = rng.normal(size=(n, n_classes)) + sharp * np.eye(n_classes)[y]
    p = np.exp(logits)
    return y, p / p.sum(axis=1, keepdims=True)


def record_of(metric, names, n_folds=FOLDS, **changes):
    variants = [
        VariantScore(name, 0.5, [0.5, 0.52], 1 / len(names), curves(n_folds), 3.0 + i) for i, name in enumerate(names)
    ]
    facts = {
        "slug": "titanic", "data": "folder", "metric": metric.name, "cv_mean": 0.5, "cv_se": 0.01, "folds": n_folds,
        "fold_scores": [0.5, 0.51, 0.49, 0.5][:n_folds], "fold_se": [0.02] * n_folds, "variants": variants, "seeds": 2,
        "seed": 0, "seconds": 12.5, "peak_memory_mb": 500.0, "versions": {"torch": "2.9"}, "git_commit": "abc",
        "inputs_sha256": {"train.csv": "12ab"}, "device": "cpu", "preset": "fast",
    }  # fmt: skip
    return Record(**(facts | changes))


def hard_rows(truths):
    near = [Near("7", truths[1], 0.1), Near("8", truths[0], 0.2), Near("9", truths[1], 0.25)]
    odd = [Odd("Fare", "512", 0.0), Odd("Age", "", 0.004)]
    sure = {} if truths[0].isdigit() else {"sure": 0.98, "of_truth": 0.004}
    rest = {"cells": {"Name": "A", "Age": ""}, "near": near, "odd": odd} | sure
    return [HardRow(str(i), truths[0], truths[1], 5.0 - i, **rest) for i in range(3)]


def of_classes(competition, classes, n=400, names=("network",), chance=0, **changes):
    """A run of these classes; variants differ by a little noise."""
    y, oof = probabilities(n, len(classes), chance)
    metric = changes.pop("metric", log_loss if len(classes) > 2 else accuracy)
    competition = replace(competition, classes=tuple(classes), metric=metric, submit="probabilities", published=None)
    alone = {name: 0.9 * oof + 0.1 * probabilities(n, len(classes), chance + i + 1)[1] for i, name in enumerate(names)}
    return _run(competition, metric, y, oof, alone, hard_rows([str(classes[0]), str(classes[1])]), **changes)


def of_number(competition, n=400, names=("network",), transform="log1p", **changes):
    """A run of a number, about ten in a hundred off."""
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(12, 0.4, size=n))
    alone = {name: (y * np.exp(rng.normal(0, 0.1, size=n)))[:, None] for name in names}
    number = Number(transform=transform)
    competition = replace(competition, classes=(), number=number, metric=rmse, submit="values", published=None)
    oof = np.mean(list(alone.values()), axis=0)
    return _run(competition, rmse, y, oof, alone, hard_rows(["200000", "100000"]), **changes)


def _run(competition, metric, y, oof, alone, hardest, fold=None, weights=True, units=None, **changes):
    n, names = len(y), list(alone)
    fold = np.arange(n) % FOLDS if fold is None else fold
    gone = fold < 0
    oof = np.where(gone[:, None], np.nan, oof)
    predictions = RowPredictions(
        ids=[str(i) for i in range(n)], y=y, fold=fold, oof=oof, test_ids=["t"], test=oof[:1], units=units,
        variants={name: np.where(gone[:, None], np.nan, said) for name, said in alone.items()},
        weights=np.full((FOLDS, len(names)), 1 / len(names)) if weights else None,
    )  # fmt: skip
    record = record_of(metric, names, **changes)
    path = Path("nowhere/runs/titanic/20260101-101010-made")
    return SimpleNamespace(record=record, competition=competition, predictions=predictions, hardest=hardest, path=path)


def with_importance(run):
    found = [Importance("Sex", ["Sex"], 0.2, 0.01), Importance("Sex + title", ["Sex", "title"], 0.1, 0.02)]
    run.record = replace(run.record, importance=[*found, Importance("Age", ["Age"], 0.001, 0.01)])
    return run
