"""Leak watch: whether training and test rows are as alike as rows of two folds.

Shapes: N training rows, M test rows, n rows of both (training rows first).

Where Kaggle kept groups of rows together (all phrases of a sentence in one file) and folds part them, the
cross-validated score is too good; and it says little of test rows that are of another kind than the training rows.
Both show in the files, before anything is trained.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from pipelines.bootstrap import standard_error
from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.errors import HomeworkError
from pipelines.features.belonging import codes_of, group_names
from pipelines.metrics import FloatArray, IntArray
from pipelines.training.early_stopping import first_equal

FEWEST_GROUPS = 5  # values that several training rows share
LEAST_SHARE = 0.1  # of the training rows, that stand in such groups
CHANCE = np.log(1e-9)  # of rows dealt at random, to leave no value in both files; log-probability
FEW = 0.05  # of the values that random dealing would put into both files
MOST_ROWS, CELLS = 5_000, 500_000  # of each file, that the classifier sees
FOLDS = 3
MARGIN = 0.55  # an AUC that is above it by twice its error is told
NAMED, FEWER = 3, 0.2  # columns in a message, that matter at least so much as the first


@dataclass(frozen=True)
class Unshared:
    """Values (n,) that group training rows, none of which, or next to none, stands in both files."""

    name: str
    declare: str  # what a competition writes: groups=...
    values: pd.Series
    n_groups: int  # values that several training rows share
    n_rows: int  # training rows that stand in such groups
    expected: float  # values that random dealing would put into both files
    shared: int
    later: bool  # all test rows have larger values than all training rows


@dataclass(frozen=True)
class Apart:
    """How well a classifier tells test rows from training rows: AUC, its error, and the columns that it goes by."""

    auc: float
    se: float
    columns: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether it is more than chance, and enough to move a score."""
        return self.auc - 2 * self.se > MARGIN


def watch(competition: Competition, tables: Tables) -> list[str]:
    """What a person should hear of how the files were parted, each with its next steps; nothing where all is well.

    With `competition.time` nothing is looked for: later rows differ, and the folds know it. Of training rows that are
    equal one is looked at: no fold parts them.
    """
    if competition.time is not None:
        return []
    train = tables.train[first_equal(tables.train.iloc[:, 1:], tables.y) == np.arange(len(tables.train))]
    rows, n_train = pd.concat([train, tables.test], ignore_index=True), len(train)
    names = group_names(competition, rows)
    unshared = sorted(find_unshared(rows, n_train, competition.key), key=lambda found: -found.n_rows)
    new = [found for found in unshared if names is None or not covers(names[:n_train], found.values[:n_train])]
    said = [grouped_words(competition, new)] if new else []
    if new:
        names = new[0].values
    left = rows.drop(columns=[competition.key, *(found.name for found in unshared if found.name in rows)])
    apart = tell_apart(left, n_train, None if names is None else codes_of(names)) if left.shape[1] else Apart(0.5, 0.0)
    return [*said, apart_words(competition, apart)] if apart.matters else said


def find_unshared(rows: pd.DataFrame, n_train: int, key: str) -> Iterator[Unshared]:
    """Columns of both files' rows, and beginnings of ids, by whose values the rows were kept together."""
    for name, declare, values in _candidates(rows, key):
        in_train, in_test = (part.value_counts(sort=False) for part in (values[:n_train], values[n_train:]))
        several = in_train[in_train > 1]
        if len(several) < FEWEST_GROUPS or several.sum() < LEAST_SHARE * n_train:
            continue
        sizes, share = in_train.add(in_test, fill_value=0).to_numpy(), n_train / len(rows)
        one_sided = np.logaddexp(sizes * np.log(share), sizes * np.log1p(-share))  # log-probability, of each value
        shared, expected = int(in_train.index.isin(in_test.index).sum()), float(-np.expm1(one_sided).sum())
        if one_sided.sum() < CHANCE and shared <= FEW * expected:
            later = values[n_train:].dropna().min() > values[:n_train].dropna().max()
            yield Unshared(name, declare, values, len(several), int(several.sum()), expected, shared, bool(later))


def _candidates(rows: pd.DataFrame, key: str) -> Iterator[tuple[str, str, pd.Series]]:
    for name in rows.columns.drop(key):
        yield str(name), f"groups={str(name)!r}", rows[name]
    ids = rows[key].astype(str)
    for sign in (sign for sign in "_-./: " if sign in ids.iloc[0]):
        held = ids.str.count(re.escape(sign))
        ways = ("partition", "rpartition") if held.max() > 1 else ("partition",)
        for way in ways if held.min() > 0 else ():
            declare = f"groups=lambda rows: rows[{key!r}].str.{way}({sign!r})[0]"
            which = "the last " if way == "rpartition" else "the first " if len(ways) > 1 else ""
            yield f"the part of {key} before {which}{sign!r}", declare, getattr(ids.str, way)(sign)[0]


def covers(groups: pd.Series, values: pd.Series) -> bool:
    """Whether training rows of one value are of one group, but for a few."""
    n_groups = pd.Series(codes_of(groups), index=values.index).groupby(values).nunique()
    return bool((n_groups == 1).mean() > 1 - FEW)


def tell_apart(rows: pd.DataFrame, n_train: int, groups: IntArray | None) -> Apart:
    """Adversarial validation: a classifier learns which file a row is from, and is scored on rows it has not seen.

    It sees a sample of the rows; those of one number in `groups` (n,) are not parted. Columns are looked for only where
    it tells the files apart: those without which it does so less well.
    """
    rng, most = np.random.default_rng(0), int(np.clip(CELLS // rows.shape[1], 500, MOST_ROWS))
    picked = np.concatenate([rng.permutation(n_train)[:most], n_train + rng.permutation(len(rows) - n_train)[:most]])
    X, is_test = as_numbers(rows.iloc[picked]), picked >= n_train
    units = np.unique(picked if groups is None else groups[picked], return_inverse=True)[1]
    fold_of = (rng.permutation(int(units.max()) + 1) % FOLDS)[units]
    with threadpool_limits(limits=1, user_api="openmp"):  # rows are so few that threads would wait for each other
        models = [_classifier().fit(X[fold_of != fold], is_test[fold_of != fold]) for fold in range(FOLDS)]

        def score(X: FloatArray) -> tuple[float, float]:
            proba = np.empty(len(X))
            for fold, model in enumerate(models):
                proba[fold_of == fold] = model.predict_proba(X[fold_of == fold])[:, 1]
            return auc_with_error(is_test, proba, units)

        apart = Apart(*score(X))
        if not apart.matters:
            return apart
        lost = np.array([apart.auc - score(_shuffled(X, column, rng))[0] for column in range(X.shape[1])])
    first = np.argsort(-lost)[:NAMED]
    named = first[(lost[first] > FEWER * lost.max()) | (first == first[0])]
    return Apart(apart.auc, apart.se, tuple(str(rows.columns[i]) for i in named))


def _classifier() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=15, early_stopping=False, random_state=0)


def _shuffled(X: FloatArray, column: int, rng: np.random.Generator) -> FloatArray:
    shuffled = X.copy()
    shuffled[:, column] = rng.permutation(X[:, column])
    return shuffled


def as_numbers(rows: pd.DataFrame) -> FloatArray:
    """Numbers as they are, other values (dates too) as their places in order; gaps below all of them; (n, D)."""
    columns = []
    for name in rows:
        values = rows[name]
        if values.dtype.kind not in "iuf":
            values = pd.Series(pd.factorize(values, sort=True)[0])  # a gap is -1
        numbers = values.astype(np.float64)  # a byte has nothing below 0
        columns.append(numbers.fillna(numbers.min() - 1 if numbers.notna().any() else 0).to_numpy())
    return np.column_stack(columns)


def auc_with_error(positive: NDArray[np.bool_], score: FloatArray, groups: IntArray) -> tuple[float, float]:
    """Area under the ROC curve and its standard error; rows of one number in `groups` (n,) are not independent.

    Source: DeLong, DeLong & Clarke-Pearson 1988, by mid-ranks (Sun & Xu 2014).
    """
    ranks, errors = rankdata(score), []
    n = {True: int(positive.sum()), False: int((~positive).sum())}
    above = np.empty(len(score))  # share of the other kind that each row is on the right side of
    for kind in (True, False):
        of_kind = positive == kind
        below = (ranks[of_kind] - rankdata(score[of_kind])) / n[not kind]
        above[of_kind] = below if kind else 1 - below
        errors.append(standard_error(above[of_kind], groups[of_kind]))
    return float(above[positive].mean()), math.hypot(*errors)


def grouped_words(competition: Competition, found: list[Unshared]) -> str:
    """Rows were kept together by these columns, the first of which has most of them."""
    first, others = found[0], [each.name for each in found[1 : 1 + NAMED]]
    beside = f"; so are those of {', '.join(others)}" if others else ""
    time = f", or time={first.name!r} if it says when a row was" * first.later
    time_zh = f"；若该列表示时间，请设置 time={first.name!r}" * first.later
    return str(HomeworkError(
        f"{first.n_rows} training rows share their value of {first.name} with others ({first.n_groups} values), and "
        f"{first.shared or 'none'} of its values is in both files, where rows dealt at random would put about "
        f"{first.expected:.0f}: they were kept together{beside}. Folds that part them score too well",
        f"write {first.declare} in the competition.py of {competition.slug}{time}",
        f"请在 {competition.slug} 的 competition.py 中写入 {first.declare}{time_zh}",
    ))  # fmt: skip


def apart_words(competition: Competition, apart: Apart) -> str:
    """Test rows are of another kind than training rows."""
    first, columns, slug = apart.columns[0], ", ".join(apart.columns), competition.slug
    return str(HomeworkError(
        f"test rows can be told from training rows, by {columns}: AUC {apart.auc:.2f} ± {apart.se:.2f}, where 0.5 is "
        "chance. The cross-validated score may not hold for them",
        f"if {first} says when a row was, write time={first!r} in the competition.py of {slug}; if some rows belong "
        "together, groups=...; else see whether the score holds without it",
        f"若 {first} 表示时间，请在 {slug} 的 competition.py 中写入 time={first!r}；若某些行属于同一组，请设置 "
        "groups=...；否则请检查去掉该列后得分是否不变",
    ))  # fmt: skip
