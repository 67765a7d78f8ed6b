"""AutoGluon on given folds, for an interpreter that has it: `autogluon_folds.py TRAIN.csv FOLDER SECONDS`.

FOLDER holds `folds.npy`, the fold that scores each row; `oof.npy` is left there, a row's probabilities by the model of
its fold, which has not seen it. SECONDS are for each fold; the preset is the environment's AG_PRESET. Nothing of this
project is imported.
"""

import os
import sys
import tempfile
from pathlib import Path


def main(train: Path, folder: Path, seconds: float) -> None:
    """Train a predictor for each fold, and let it predict."""
    import numpy as np
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    rows, fold_of = pd.read_csv(train).drop(columns="id"), np.load(folder / "folds.npy")
    oof = np.zeros((len(rows), rows["target"].nunique()))
    for fold in np.unique(fold_of):
        with tempfile.TemporaryDirectory() as own:
            predictor = TabularPredictor("target", eval_metric="log_loss", path=own, verbosity=0)
            predictor.fit(rows[fold_of != fold], presets=os.environ["AG_PRESET"], time_limit=seconds)
            said = predictor.predict_proba(rows[fold_of == fold].drop(columns="target"))
            oof[fold_of == fold] = said[sorted(said.columns)].to_numpy()
    np.save(folder / "oof.npy", oof)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
