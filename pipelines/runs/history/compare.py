"""What two runs said of the same rows, and whether they can be told apart.

Shapes: N rows that both have scored, P predictions of a row: probabilities of the classes, or one value.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import bdtr, ndtr, stdtr

from pipelines.errors import UsageError
from pipelines.metrics import FloatArray, IntArray, Metric, Target

SURE = 0.05  # of equally good ways, the share that is told apart all the same
MOST_APART = 10  # rows that are shown
TENTHS = 10  # of the rows by the target, where that is a number


class Said(Protocol):
    """What of a run's `RowPredictions` is compared."""

    @property
    def ids(self) -> Sequence[str]: ...  # noqa: D102 as there
    @property
    def y(self) -> Target: ...  # noqa: D102
    @property
    def fold(self) -> IntArray: ...  # noqa: D102
    @property
    def oof(self) -> FloatArray: ...  # noqa: D102
    @property
    def units(self) -> IntArray | None: ...  # noqa: D102


@dataclass(frozen=True)
class Part:
    """How much better B is on some of the rows, and the standard error of that; NaN where it cannot be scored."""

    name: str
    rows: int
    gain: float
    se: float


@dataclass(frozen=True)
class Apart:
    """A row of which A and B do not say the same: a class and its probability, or a value (`sure` is None then)."""

    id: str
    truth: str
    a: str
    b: str
    sure_a: float | None = None
    sure_b: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much better B is than A: `gain`, in the metric's own direction, and its standard error `se`.

    `p` is how often two that are equally good would differ as much. `rows_se` and `rows_p` are what the rows alone
    tell, where `se` and `p` count the chance of training too (`training.with_training`). `notes` say what was left
    out, and why. `correlation` is that of the rows' errors; `other_labels` how many rows are said to be of another
    class.
    """

    metric: str
    rows: int
    score_a: float
    score_b: float
    gain: float
    se: float
    p: float
    correlation: float
    other_labels: int | None
    folds: list[Part]
    classes: list[Part]
    most_apart: list[Apart]
    notes: list[str]
    rows_se: float | None = None
    rows_p: float | None = None

    @property
    def difference(self) -> str:
        """The gain with its error.

        >>> Comparison(**dict.fromkeys(Comparison.__dataclass_fields__, 0) | {"gain": 0.0011, "se": 0.0046}).difference
        '+0.0011 ± 0.0046'
        """
        return f"{self.gain:+.4f} ± {self.se:.4f}"

    @property
    def verdict(self) -> str:
        """Whether one of them is better, in plain words."""
        if not np.isfinite(self.p):
            return f"cannot be told apart: {self.difference} (too few rows, or classes, to score)"
        if not self.most_apart:
            return "not told apart: A and B say the same of every row"
        if self.p >= SURE:
            return f"not told apart: {self.difference}"
        better = "B" if self.gain > 0 else "A"
        return f"{better} is better: by {abs(self.gain):.4f} ± {self.se:.4f} ({self.metric}; p {self.p:.2g})"


@dataclass(frozen=True)
class Paired:
    """The rows that both runs have scored: `y` (N,), `a` and `b` (N, P); `fold` (N,) where it is that of both."""

    ids: Sequence[str]
    y: Target
    a: FloatArray
    b: FloatArray
    fold: IntArray | None
    units: IntArray | None
    notes: list[str]


def compare(metric: Metric, a: Said, b: Said, classes: Sequence[object] = ()) -> Comparison:
    """How much better `b` is than `a` on the rows that both have scored; `classes` are the names of the codes.

    Raises: UsageError where they have no row in common, or say other things of it.
    """
    rows = pair(a, b)
    gain, se = metric.difference(rows.y, rows.b, rows.a, rows.units)
    labels = None if rows.a.shape[1] == 1 else int((rows.a.argmax(axis=1) != rows.b.argmax(axis=1)).sum())
    return Comparison(
        metric=metric.name, rows=len(rows.y), score_a=metric(rows.y, rows.a), score_b=metric(rows.y, rows.b),
        gain=gain, se=se, p=chance_of(metric, rows, gain, se), correlation=correlation(rows), other_labels=labels,
        folds=list(by_fold(metric, rows)), classes=list(by_class(metric, rows, classes)),
        most_apart=list(most_apart(rows, classes)), notes=rows.notes,
    )  # fmt: skip


def pair(a: Said, b: Said) -> Paired:
    """The rows of the same id and the same truth that both have scored.

    Raises: UsageError where there is none, or the predictions are not of the same classes.
    """
    i, j = _in_both(a.ids, b.ids)
    same = a.y[i] == b.y[j]
    known = same & np.isfinite(a.oof[i]).all(axis=1) & np.isfinite(b.oof[j]).all(axis=1)
    lost = {f"of {name} {{}} not in the other": len(ids) - len(i) for name, ids in (("A", a.ids), ("B", b.ids))}
    lost |= {
        "{} of another truth in A than in B": int((~same).sum()),
        "{} not scored by both": int((same & ~known).sum()),
    }
    notes = [_counted(what, count) for what, count in lost.items() if count]
    if not known.any() or a.oof.shape[1:] != b.oof.shape[1:]:
        other = f"A says {a.oof.shape[1]} numbers of a row, B {b.oof.shape[1]}" if known.any() else "; ".join(notes)
        raise UsageError(
            f"the two runs cannot be compared: {other}",
            "compare two runs of the same training file: python -m pipelines runs lists them",
            "请比较使用同一训练文件的两次运行；python -m pipelines runs 会列出它们",
        )
    i, j = i[known], j[known]
    same_folds = _same_parts(a.fold[i], b.fold[j])
    notes += [] if same_folds else ["the folds are not the same: what scored a row has learned from other rows"]
    fold = a.fold[i] if same_folds else None
    return Paired([a.ids[row] for row in i], a.y[i], a.oof[i], b.oof[j], fold, _units(a, b, i, j), notes)


def chance_of(metric: Metric, rows: Paired, gain: float, se: float) -> float:
    """How often two that are equally good would differ as much or more: two-sided.

    Of right and wrong labels by McNemar's exact test; of other means over rows by the paired t-test, whose degrees of
    freedom are those of the units; else by the normal distribution.
    """
    if metric.per_row is None:
        return float(2 * ndtr(-abs(gain / se))) if se > 0 else float("nan") if np.isnan(se) else float(gain == 0)
    if rows.units is None:
        per_row = metric.of_rows(rows.y, rows.b) - metric.of_rows(rows.y, rows.a)
        won, lost = int((per_row == 1).sum()), int((per_row == -1).sum())
        if won + lost == np.count_nonzero(per_row):
            return min(1.0, 2 * float(bdtr(min(won, lost), max(1, won + lost), 0.5)))
    n = len(rows.y) if rows.units is None else len(np.unique(rows.units))
    if n < 2 or se == 0:
        return float("nan") if n < 2 else float(gain == 0)
    return float(2 * stdtr(n - 1, -abs(gain / se)))


def correlation(rows: Paired) -> float:
    """How alike the errors are, from -1 to 1: how far values are off, or the probability that the truth did not get."""
    errors = [_errors(rows.y, said) for said in (rows.a, rows.b)]
    if any(each.std() == 0 for each in errors):
        return float("nan")
    return float(np.corrcoef(errors[0], errors[1])[0, 1])


def by_fold(metric: Metric, rows: Paired) -> Iterator[Part]:
    """The gain of each fold, numbered from 1, where both runs had the same folds."""
    for fold in [] if rows.fold is None else np.unique(rows.fold):
        yield _part(metric, rows, rows.fold == fold, str(fold + 1))


def by_class(metric: Metric, rows: Paired, classes: Sequence[object] = ()) -> Iterator[Part]:
    """The gain on the rows of each class; of a number, on each tenth of the rows, from low to high."""
    if rows.a.shape[1] > 1:
        for code in np.unique(rows.y):
            yield _part(metric, rows, rows.y == code, str(classes[code] if classes else code))
        return
    edges = np.unique(np.quantile(rows.y, np.linspace(0, 1, TENTHS + 1)))
    place = np.searchsorted(edges[1:-1], rows.y, side="right")
    for tenth in np.unique(place):
        held = rows.y[place == tenth]
        yield _part(metric, rows, place == tenth, f"{held.min():.6g} to {held.max():.6g}")


def most_apart(rows: Paired, classes: Sequence[object] = ()) -> Iterator[Apart]:
    """The rows of which the two say the most different things, the most different first."""
    apart = np.abs(rows.a - rows.b).sum(axis=1)
    for row in np.argsort(-apart, kind="stable")[:MOST_APART]:
        if apart[row] == 0:
            return
        if rows.a.shape[1] == 1:
            values = (float(rows.y[row]), float(rows.a[row, 0]), float(rows.b[row, 0]))
            truth, of_a, of_b = (f"{value:.6g}" for value in values)
            yield Apart(rows.ids[row], truth, of_a, of_b)
            continue
        codes = (int(rows.y[row]), int(rows.a[row].argmax()), int(rows.b[row].argmax()))
        truth, of_a, of_b = (str(classes[code] if classes else code) for code in codes)
        yield Apart(rows.ids[row], truth, of_a, of_b, float(rows.a[row].max()), float(rows.b[row].max()))


def _in_both(ids: Sequence[str], others: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The places of ids that both have, in both."""
    if ids == others:  # nearly always, and much quicker
        return np.arange(len(ids)), np.arange(len(ids))
    place = {row: j for j, row in enumerate(others)}
    both = np.array([(i, place[row]) for i, row in enumerate(ids) if row in place], dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _counted(what: str, count: int) -> str:
    """So many rows are what is said.

    >>> _counted("of A {} not in the other", 1), _counted("{} not scored by both", 2)
    ('1 row of A is not in the other', '2 rows are not scored by both')
    """
    words = f"row{'s' * (count > 1)} {what}".replace("{}", "is" if count == 1 else "are")
    return f"{count} {words}"


def _part(metric: Metric, rows: Paired, chosen: Any, name: str) -> Part:
    units = None if rows.units is None else rows.units[chosen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metrics that a single class, or a single row, does not suit
        gain, se = metric.difference(rows.y[chosen], rows.b[chosen], rows.a[chosen], units)
    return Part(name, int(chosen.sum()), gain, se)


def _errors(y: Target, said: FloatArray) -> FloatArray:
    if said.shape[1] == 1:
        return np.asarray(said[:, 0] - y, dtype=np.float64)
    return np.asarray(1 - said[np.arange(len(y)), y.astype(np.int64)])


def _same_parts(one: IntArray, other: IntArray) -> bool:
    """Whether both part the rows alike, whatever the folds' numbers."""
    pairs = np.unique(np.stack([one, other]), axis=1)
    return bool(len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1])


def _units(a: Said, b: Said, i: IntArray, j: IntArray) -> IntArray | None:
    """What the rows share that must not count as independent, as either of the runs knows it."""
    if a.units is not None:
        return a.units[i]
    return None if b.units is None else b.units[j]
