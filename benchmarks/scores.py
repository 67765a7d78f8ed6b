"""Cross-validated log loss and seconds of well-known models on the Otto rehearsal: `python -m benchmarks.scores NAME`.

Every model sees the same five folds (split seed 0): trees the counts as they are, networks their standardised logs.
Settings are each library's defaults or published ones; none was tuned on these rows.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

MODELS = ("scikit-learn MLP", "scikit-learn HistGradientBoosting", "XGBoost", "LightGBM", "skorch")


def make(name: str) -> Any:
    """A new model with scikit-learn's interface."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    logs = (FunctionTransformer(np.log1p), StandardScaler())
    if name == "scikit-learn MLP":
        from sklearn.neural_network import MLPClassifier

        return make_pipeline(*logs, MLPClassifier((256, 128), early_stopping=True, random_state=0))
    if name == "scikit-learn HistGradientBoosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            learning_rate=0.1, max_iter=400, early_stopping=True, n_iter_no_change=10, random_state=0
        )
    if name == "XGBoost":
        from xgboost import XGBClassifier

        return XGBClassifier(
            n_estimators=300, max_depth=8, learning_rate=0.1, subsample=0.8, colsample_bytree=0.5, random_state=0
        )
    if name == "LightGBM":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=300, num_leaves=63, learning_rate=0.06, subsample=0.8, subsample_freq=1, colsample_bytree=0.5,
            random_state=0, verbose=-1,
        )  # fmt: skip
    return make_pipeline(*logs, FunctionTransformer(lambda X: X.astype(np.float32)), _skorch())


def _skorch() -> Any:
    import skorch
    import torch
    from torch import nn

    from pipelines.models import MLP

    return skorch.NeuralNetClassifier(
        MLP([93, 512, 256, 9], norm="batch", dropout=0.5), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.AdamW,
        lr=1e-3, batch_size=512, max_epochs=20, train_split=None, iterator_train__shuffle=True, verbose=0,
        device=os.environ.get("BENCHMARK_DEVICE", "cpu"),
    )  # fmt: skip


def main(name: str, folder: str, n_rows: int | None = None) -> None:
    """Print score, its standard error and the seconds of fits and predictions, on all rows or on `n_rows` of them."""
    import pandas as pd
    import torch

    from pipelines.metrics import log_loss
    from pipelines.validation.crossval import split

    torch.manual_seed(0)
    train = pd.read_csv(Path(folder) / "train.csv")
    train = train if n_rows is None else train.sample(n_rows, random_state=0)
    y = train["target"].str.removeprefix("Class_").astype(int).to_numpy() - 1
    X = train.drop(columns=["id", "target"]).to_numpy(np.float64)
    oof, started = np.zeros((len(y), 9)), time.perf_counter()
    for fit_rows, scored in split(y, 5, 0):
        oof[scored] = make(name).fit(X[fit_rows], y[fit_rows]).predict_proba(X[scored])
    seconds = time.perf_counter() - started
    result = {"score": log_loss(y, oof), "se": log_loss.se(y, oof), "seconds": seconds}
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(n) for n in sys.argv[3:]))
