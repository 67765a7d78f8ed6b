"""What `pipelines.run` returns: the scores, the files, the frames; shown, it is the first screen of the report."""

from functools import cached_property
from pathlib import Path

import pandas as pd

from pipelines.audit.importance import Scored, importances
from pipelines.audit.practice import hide
from pipelines.competition import Competition
from pipelines.data.tables import Tables, read
from pipelines.errors import UsageError
from pipelines.features.frames import make_features
from pipelines.notebook import frames
from pipelines.pages.first import first_screen_html
from pipelines.pages.words import Words
from pipelines.pipeline import Outcome
from pipelines.runs.saved import SavedRun
from pipelines.settings.knobs import Knobs
from pipelines.submission.record import Record
from pipelines.validation.results import pool_of


class Ran:
    """A run that has come to its end.

    Frames that are read from its folder (`oof`, `folds`, `importance`, `hardest`) raise UsageError where it has none.
    """

    def __init__(
        self, outcome: Outcome, competition: Competition, knobs: Knobs, words: Words, report: Path | None
    ) -> None:
        self.outcome, self.competition, self.report = outcome, competition, report
        self._knobs, self._words = knobs, words

    @property
    def record(self) -> Record:
        """Everything that the run found out."""
        return self.outcome.record

    @property
    def score(self) -> float:
        """The score of the rows out of fold."""
        return self.outcome.result.score

    @property
    def se(self) -> float:
        """Its standard error over rows."""
        return self.outcome.result.se

    @property
    def path(self) -> Path | None:
        """The checked csv, if one was written."""
        return self.outcome.path

    @property
    def folder(self) -> Path | None:
        """Where the run is kept, with its log and its `report`."""
        return None if self.outcome.folder is None else self.outcome.folder.path

    @cached_property
    def saved(self) -> SavedRun:
        """The run's folder, to look at its networks and to predict with.

        Raises: UsageError where nothing is kept.
        """
        if self.folder is None:
            raise UsageError(
                "this run has no folder: it was made with runs=None",
                "leave runs out, or name a folder: runs='runs'",
                "请去掉 runs，或指定文件夹：runs='runs'",
            )
        return SavedRun(self.folder, self.competition)

    @cached_property
    def oof(self) -> pd.DataFrame:
        """Out of fold, a row for each training row: id, truth, prediction, probabilities, loss, fold."""
        return frames.oof(self.competition, self.saved.predictions)

    @cached_property
    def folds(self) -> pd.DataFrame:
        """Each fold's rows, score and standard error."""
        return frames.folds(self.record, self.saved.predictions)

    @cached_property
    def importance(self) -> pd.DataFrame:
        """What the metric loses without each column; asked of the networks now if the run was made without it."""
        if self.record.importance is not None:
            return frames.importance(self.record.importance)
        said = self.saved.predictions
        assert said.weights is not None  # a finished run has some
        features = make_features(self.competition, self._tables)
        pool = pool_of(self.competition, said.weights, said.y, said.fold)
        scored = Scored(self.competition, features, said.fold, pool)
        return frames.importance(importances(scored, self.saved.models.said, self._knobs.seed))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """Each variant alone: its score, its weight in the pool, its seconds."""
        return frames.variants(self.record)

    @cached_property
    def baselines(self) -> pd.DataFrame:
        """Simple models on the same folds, and how much better the run is."""
        return frames.baselines(self.record)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The losses of each variant, fold and epoch."""
        return frames.curves(self.record)

    def hardest(self, n: int = 20) -> pd.DataFrame:
        """The training rows that are predicted worst, with what was said of them and what the file says."""
        return frames.hardest(self.competition, self.saved.predictions, self._tables.train, n)

    @cached_property
    def _tables(self) -> Tables:
        """The competition's files again; without the rows that practice has hidden."""
        tables = read(self.competition, self.outcome.source)
        return hide(self.competition, tables, self._knobs.seed).tables if self._knobs.practice else tables

    def _repr_html_(self) -> str:
        return first_screen_html(self.record, self.path, self._words)

    def __repr__(self) -> str:
        record, where = self.record, self.path or self.folder
        made = self._words(" on made rows", "（示例数据）") if record.data == "sample" else ""
        said = f"{record.slug}{made}: {record.metric} {self.score:.4f} ± {self.se:.4f}"
        return said if where is None else f"{said}, {where}"
