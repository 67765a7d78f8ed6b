"""Practice without an upload: some training rows play Kaggle's test file, and their labels stay hidden.

Shapes: N training rows, M hidden rows, C classes.

The example of a submission that Kaggle gives out (for Titanic: women live, men die) is not the truth; a score
against it measures likeness to that rule. Hidden rows have a truth.
"""

from dataclasses import dataclass, replace

from pipelines.competition import Competition
from pipelines.data.tables import RawData
from pipelines.metrics import FloatArray, IntArray, Metric, standard_error
from pipelines.validation.crossval import split

PARTS = 5  # one of so many is hidden


@dataclass(frozen=True)
class Hidden:
    """`data` with hidden rows in the place of the test rows, and their class codes `truth` (M,)."""

    data: RawData
    truth: IntArray

    def score(self, metric: Metric, proba: FloatArray) -> dict[str, float]:
        """Score of probabilities (M, C) of the hidden rows, its standard error, and M."""
        per_row = metric.per_row(self.truth, proba)
        return {"score": metric(self.truth, proba), "se": standard_error(per_row), "rows": len(self.truth)}


def hide(data: RawData, seed: int) -> Hidden:
    """Take a stratified fifth of the N training rows for test rows, without their labels.

    Raises: DataError when a class has fewer rows than there are parts.
    """
    shown, hidden = split(data.y, PARTS, seed)[0]
    train, test = (data.train.iloc[rows].reset_index(drop=True) for rows in (shown, hidden))
    return Hidden(replace(data, train=train, y=data.y[shown], test=test), data.y[hidden])


def without_published(competition: Competition) -> Competition:
    """Without what others showed of Kaggle's own test rows: hidden rows are no harder, and all of them count."""
    return replace(competition, published=None, public_share=1.0)
