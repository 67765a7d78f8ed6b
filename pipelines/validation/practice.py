"""Practice without an upload: some training rows play Kaggle's test file, and their labels stay hidden.

Shapes: N training rows, M hidden rows, C classes.

The example of a submission that Kaggle gives out (for Titanic: women live, men die) is not the truth; a score
against it measures likeness to that rule. Hidden rows have a truth.
"""

from dataclasses import dataclass, replace

from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.metrics import FloatArray, IntArray, Metric, standard_error
from pipelines.submission.record import HiddenScore
from pipelines.validation.splits import split

PARTS = 5  # one of so many is hidden


@dataclass(frozen=True)
class Hidden:
    """`tables` with hidden rows in the place of the test rows, and their class codes `truth` (M,)."""

    tables: Tables
    truth: IntArray

    def score(self, metric: Metric, proba: FloatArray) -> HiddenScore:
        """Score of probabilities (M, C) of the hidden rows."""
        per_row = metric.per_row(self.truth, proba)
        return HiddenScore(metric(self.truth, proba), standard_error(per_row), len(self.truth))


def hide(tables: Tables, seed: int) -> Hidden:
    """Take a stratified fifth of the N training rows for test rows, without their labels.

    Raises: DataError when a class has fewer rows than there are parts.
    """
    shown, hidden = split(tables.y, PARTS, seed)[0]
    train, test = (tables.train.iloc[rows].reset_index(drop=True) for rows in (shown, hidden))
    return Hidden(replace(tables, train=train, y=tables.y[shown], test=test), tables.y[hidden])


def without_published(competition: Competition) -> Competition:
    """Without what others showed of Kaggle's own test rows: hidden rows are no harder, and all of them count."""
    return replace(competition, published=None, public_share=1.0)
