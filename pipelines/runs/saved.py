"""A run that has come to its end: what it found out, what it said of each row, and what it says of new ones.

Shapes: N training rows, M new rows, P predictions of a row: probabilities of the classes, or one value.
"""

import warnings
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn

from pipelines.audit.hardest import FILE, HardRow, from_json, refuse_foreign
from pipelines.competition import Competition
from pipelines.data.agreement import ids_as
from pipelines.data.sources import Source
from pipelines.data.tables import further, read_rows
from pipelines.errors import DataWarning, UsageError
from pipelines.features.frames import features_of
from pipelines.metrics import FloatArray
from pipelines.runs import inputs
from pipelines.runs.fitted.models import Models, damaged
from pipelines.runs.folder import RunFolder
from pipelines.runs.predictions import RowPredictions
from pipelines.runs.tensors import DamagedError
from pipelines.settings.lookup import load
from pipelines.settings.tuned import with_kept
from pipelines.submission.record import VERSION, Record, RecordError
from pipelines.validation.results import in_units, pool_of


class SavedRun:
    """A run's folder. It may have been moved; the competition's code is needed, as it was.

    Raises: UsageError where the folder holds no such run, DataError where it is damaged.
    """

    def __init__(self, path: Path | str, competition: Competition | None = None) -> None:
        self.path = Path(path)
        self.record = _record(self.path)
        self.competition = with_kept(competition or load(self.record.slug), self.path)
        if self.record.slug != self.competition.slug:
            raise UsageError(
                f"{path} is a run of {self.record.slug}, not of {self.competition.slug}",
                f"ask for predict {self.record.slug}, or name a run of {self.competition.slug}",
                f"请使用 predict {self.record.slug}，或指定 {self.competition.slug} 的运行",
            )
        self.models = Models(RunFolder(self.path), self.competition, [each.name for each in self.record.variants])

    @cached_property
    def predictions(self) -> RowPredictions:
        """What the run said of the training rows, out of fold, and of the test rows."""
        try:
            return RowPredictions.load(self.path)
        except DamagedError as error:
            raise damaged(self.path, error) from error

    @cached_property
    def hardest(self) -> list[HardRow]:
        """The rows that are predicted worst, the worst first, and why they may be hard; none of an older run.

        Raises: DataError.
        """
        path, kept = self.path / FILE, self.predictions
        if not path.exists():
            return []
        try:
            rows = from_json(path.read_bytes())
            refuse_foreign(rows, self.competition, kept.ids, kept.y, kept.oof)
            return rows
        except (OSError, ValueError) as error:
            raise damaged(self.path, DamagedError(f"{path.name} cannot be read: {error}")) from error

    @property
    def networks(self) -> list[tuple[str, int, int]]:
        """Variant, fold and seed of each model."""
        return self.models.names

    def state_dict(self, variant: str, fold: int, seed: int) -> dict[str, Tensor]:
        """The weights of one network, by name; folds and seeds from 0."""
        return self.models.state_dict(variant, fold, seed)

    def network(self, variant: str, fold: int, seed: int) -> nn.Module:
        """One network, on the CPU, ready to predict; it takes what `models.encoder(variant, fold)` makes of rows."""
        return self.models.network(variant, fold, seed)

    def predict_proba(self, rows: pd.DataFrame) -> FloatArray:
        """Probabilities (M, C) of new rows, in the order of the competition's classes; see `said_of`."""
        if self.competition.number is not None:
            raise UsageError(
                f"{self.record.slug} predicts a number, which has no probabilities", "ask for predict", "请使用 predict"
            )
        return self.said_of(rows.to_csv(index=False).encode())[1]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Labels (M,), or numbers in the file's units, of new rows."""
        said = self.said_of(rows.to_csv(index=False).encode())[1]
        return said[:, 0] if self.competition.number is not None else self.labels(said)

    def labels(self, predictions: FloatArray) -> np.ndarray:
        """The most probable class of each row (M, C)."""
        classes = np.empty(len(self.competition.classes), dtype=object)
        classes[:] = self.competition.classes
        return np.asarray(classes[predictions.argmax(axis=1)])

    def said_of(self, csv: bytes, name: str = "rows") -> tuple[pd.Series, FloatArray]:
        """Ids (M,) and predictions (M, P), in the file's units, of the rows of a csv, as the run has predicted its own.

        The csv has the columns of the test file; a target is passed over. Features that look at other rows (how many
        share a ticket) see the training rows and these.
        Raises: DataError for what is wrong with the csv.
        """
        kept = self.predictions
        rows = read_rows(self.competition, name, csv, kept.columns, _first(kept))
        ids = rows[self.competition.key]
        features = self._features(name, rows)
        numbers = range(self.models.n_folds)
        if (kept.fold < 0).any():  # by time: the last fold has learned from the latest rows
            last = self.models.said(numbers[-1], features)
            said = np.stack([last for _ in numbers])
        else:
            said = np.stack([self.models.said(fold, features) for fold in numbers])
        assert kept.weights is not None  # a finished run has some
        pool = pool_of(self.competition, kept.weights, kept.y, kept.fold)
        predictions = in_units(self.competition, pool.of_folds(said))
        if not np.isfinite(predictions).all():
            raise damaged(self.path, DamagedError("its networks say what is no number"))
        return ids, predictions

    def _features(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """What the competition makes of new rows, in their order; beside the training rows, if it wants them."""
        competition, key, kept = self.competition, self.competition.key, self.predictions
        if competition.add_features is None:
            return features_of(competition, rows, {})
        try:
            files = inputs.load(self.path, competition)
        except DamagedError as error:
            raise damaged(self.path, error) from error
        train = read_rows(
            competition, competition.train_file, files[competition.train_file], kept.columns, _first(kept)
        )
        known = pd.Series([*kept.ids, *kept.test_ids])
        train[key], rows = ids_as(competition.train_file, train[key], known), rows.copy()
        rows[key] = ids_as(name, rows[key], known)
        place = pd.Series(np.arange(len(train)), index=train[key].astype(str))
        train = train.iloc[place[list(kept.ids)]]  # practice has hidden some
        train = train[~self._among(name, train, rows)]
        order = rows[key].argsort(kind="stable") if rows[key].dtype.kind == "i" else np.arange(len(rows))
        together = pd.concat([train, rows.iloc[order]], ignore_index=True)
        text = [column for column in kept.columns if pd.api.types.is_string_dtype(rows[column])]
        more = further(competition, Source("folder", str(self.path), files), text, rows)[0]
        features = features_of(competition, together, more).iloc[len(train) :]
        return features.iloc[np.argsort(np.asarray(order), kind="stable")].reset_index(drop=True)

    def _among(self, name: str, train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
        """Which training rows stand among the new ones too, with their ids: they count once."""
        if self.competition.id_column is None:
            return np.zeros(len(train), dtype=bool)
        both = pd.concat([train, rows], ignore_index=True).duplicated(keep="last").to_numpy()[: len(train)]
        if both.any():
            said = f"{name}: {both.sum()} rows are training rows: most models have learned their answers"
            warnings.warn(said, DataWarning, stacklevel=5)
        return np.asarray(both)


def load_run(path: Path | str, competition: Competition | None = None) -> SavedRun:
    """A run's folder, to look at and to predict with; `competition` where it is none of `competitions/`.

    Raises: UsageError, DataError.
    """
    return SavedRun(path, competition)


def _record(path: Path) -> Record:
    folder = RunFolder(path)
    if not folder.is_finished:
        what = "is a run that has not come to its end" if folder.plan() else "is no run's folder"
        raise UsageError(
            f"{path} {what}",
            "let it come to its end (the same command goes on with it), or name another: runs/<slug>/<name>",
            "请用同一命令让它运行完，或指定其他运行的文件夹：runs/<slug>/<name>",
        )
    try:
        record = folder.record()
    except RecordError as error:
        raise damaged(path, error) from error
    if record.version > VERSION:
        raise UsageError(
            f"{path} is of version {record.version}, and this is version {VERSION}",
            "take the version of kaggle-homework that made it",
            "请使用生成它的版本",
        )
    return record


def _first(kept: RowPredictions) -> int:
    """The number of the first row, where rows have no ids."""
    return int(kept.ids[0] != "0")
