"""The rows that are predicted worst, and why they may be hard: what their nearest rows are, and in what they are odd.

Shapes: N training rows, n of them that are compared with, D columns, K nearest rows.

Near are rows by Gower's distance over the feature table: numbers by their ranks (Podani 1999), others by whether they
are the same. Rows of the same group, or equal ones, are no neighbours: the networks could not learn from them either.
"""

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pipelines.audit.importance import cramers_v
from pipelines.competition import Competition
from pipelines.data.tables import Tables
from pipelines.features.frames import Features
from pipelines.metrics import FloatArray, IntArray, Target, negative_log_likelihood
from pipelines.submission.plain import from_plain
from pipelines.validation.results import CVResult

FILE = "hardest.json"  # in a run's folder
ROWS, NEAREST = 20, 10
CELLS = 2_000_000  # of the feature table that are compared with
ALIKE, FEWEST = 0.1, 30  # of the rows, of about the same value, and how many at least, where the target is a number
MISSING = 2.0  # place of a missing number: far from all ranks
DISTINCT, FEW = 0.5, 50  # share of distinct texts from which they are names; categories at most, of a telling column
SAME = 1e-4  # share by which losses of the same row may differ, as files round
TELLING, SHOWN, LONG = 5_000, 6, 80  # rows that tell which columns matter; columns, and characters, that are shown


@dataclass(frozen=True)
class Near:
    """A neighbour: its id, its truth, and how far it is, from 0 to 1."""

    id: str
    truth: str
    distance: float


@dataclass(frozen=True)
class Odd:
    """A value, and the share of the rows of the same truth that have such a one, or one that is further out."""

    column: str
    value: str
    share: float


@dataclass(frozen=True)
class HardRow:
    """A row that is predicted badly: `loss` is minus the logarithm of its truth's probability, or the absolute error.

    An error is that of numbers as they are learned. `cells` are a few columns as the file has them.
    """

    id: str
    truth: str
    said: str
    loss: float
    sure: float | None = None  # probability of what was said
    of_truth: float | None = None  # and of the truth
    cells: Mapping[str, str] = field(default_factory=dict)
    near: list[Near] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)


def hardest(competition: Competition, tables: Tables, features: Features, result: CVResult) -> list[HardRow]:
    """The rows of the greatest out-of-fold loss, the greatest first; rows that no fold scores are left out."""
    scored = np.flatnonzero(np.isfinite(result.oof).all(axis=1))
    losses = losses_of(competition, features.y[scored], result.oof[scored])
    hard = scored[np.argsort(-losses, kind="stable")[:ROWS]]
    loss_of = dict(zip(scored.tolist(), losses.tolist(), strict=True))
    others = _sample(len(features.y), features.train.shape[1])
    compared = _Compared(features, hard, others)
    columns, ids = _columns(tables.train, competition.key, features), tables.train[competition.key]
    found = []
    for i, row in enumerate(hard):
        near = [
            Near(str(ids.iloc[other]), _truth(competition, features.y[other]), round(distance, 4))
            for other, distance in compared.nearest(i)
        ]
        cells = {str(name): _cell(tables.train[name].iloc[row]) for name in columns}
        said = _said(competition, result.oof[row], features.y[row])
        truth, odd = _truth(competition, features.y[row]), compared.odd(i, number=competition.number is not None)
        found.append(
            HardRow(str(ids.iloc[row]), truth, loss=loss_of[int(row)], cells=cells, near=near, odd=odd, **said)
        )
    return found


def to_json(rows: Sequence[HardRow]) -> str:
    """The rows as a run's folder holds them."""
    return json.dumps([asdict(row) for row in rows], indent=1)


def from_json(text: bytes) -> list[HardRow]:
    """What `to_json` has written.

    Raises: ValueError for anything else.
    """
    try:
        return list(from_plain(list[HardRow], json.loads(text), "rows"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def refuse_foreign(
    rows: Sequence[HardRow], competition: Competition, ids: Sequence[str], y: Target, oof: FloatArray
) -> None:
    """Refuse a list that is not of the run whose training rows have these `ids`, targets `y` (N,) and `oof` (N, P).

    Raises: ValueError with what is wrong with it.
    """
    scored = np.flatnonzero(np.isfinite(oof).all(axis=1))
    loss_of = dict(zip((ids[i] for i in scored.tolist()), losses_of(competition, y[scored], oof[scored]), strict=True))
    known, among = set(ids), {str(each) for each in competition.classes}
    if not rows and loss_of:
        raise ValueError("it names no row")
    if len({row.id for row in rows}) < len(rows):
        raise ValueError("it names a row twice")
    for row in rows:
        foreign = [each.id for each in row.near if each.id not in known] if row.id in loss_of else [row.id]
        if foreign:
            raise ValueError(f"the run has scored no row {foreign[0]!r}")
        if abs(row.loss - loss_of[row.id]) > SAME * (1 + abs(row.loss)):
            raise ValueError(f"the loss of row {row.id!r} is {loss_of[row.id]:.6g}, not {row.loss:.6g}")
        for value in (row.truth, row.said, *(each.truth for each in row.near)):
            if value not in among if competition.number is None else not math.isfinite(float(value)):
                raise ValueError(f"{value!r} is nothing that {competition.target} may be")


class _Compared:
    """Hard rows beside a sample of all, column by column: numbers as ranks from 0 to 1, others as codes."""

    def __init__(self, features: Features, hard: IntArray, others: IntArray) -> None:
        self.features, self.hard, self.others = features, hard, others
        rows = np.concatenate([hard, others])
        found = {number: _places(features.train.iloc[rows, number]) for number in range(features.train.shape[1])}
        kept = {number: places for number, places in found.items() if places is not None}
        self.columns, empty = list(kept), np.empty((len(rows), 0), dtype=np.float32)
        table = np.stack([column for column, _ in kept.values()], axis=1) if kept else empty
        self.ordered = np.array([ordered for _, ordered in kept.values()], dtype=bool)
        self.own, self.rest = table[: len(hard)], table[len(hard) :]

    def nearest(self, i: int) -> list[tuple[int, float]]:
        """Places of the nearest rows, of other groups, and how far they are."""
        units = self.features.units
        far = np.minimum(np.abs(self.rest - self.own[i]), 1).mean(axis=1) if self.columns else np.zeros(len(self.rest))
        far[units[self.others] == units[self.hard[i]]] = np.inf
        nearest = np.argsort(far, kind="stable")[:NEAREST]
        return [(int(self.others[j]), float(far[j])) for j in nearest if np.isfinite(far[j])]

    def odd(self, i: int, *, number: bool) -> list[Odd]:
        """Columns in which it is so far out among rows of its truth that chance gives one of a row at most."""
        y, own = self.features.y[self.others], self.features.y[self.hard[i]]
        if number:
            alike = np.argsort(np.abs(y - own), kind="stable")[: max(FEWEST, round(ALIKE * len(y)))]
        else:
            alike = np.flatnonzero(y == own)
        alike = alike[self.others[alike] != self.hard[i]]
        if len(alike) < FEWEST or not self.columns:
            return []
        rest, here = self.rest[alike], self.own[i]
        above = (rest >= here) & (rest != MISSING)
        tails = np.minimum((rest <= here).mean(axis=0), above.mean(axis=0))
        same = (rest == here).mean(axis=0)
        share = np.where(self.ordered & (here != MISSING), tails, same)
        first = [int(j) for j in np.argsort(share, kind="stable")[:3] if share[j] < 0.5 / len(self.columns)]
        return [Odd(*self._named(i, self.columns[j]), round(float(share[j]), 5)) for j in first]

    def _named(self, i: int, column: int) -> tuple[str, str]:
        """A column's name, and what a hard row has there."""
        train = self.features.train
        return str(train.columns[column]), _cell(train.iloc[int(self.hard[i]), column])


def _places(values: pd.Series) -> tuple[FloatArray, bool] | None:
    """A column as numbers of which two are the nearer the more alike they are, 1 at most; None for one of names."""
    if values.dtype.kind == "M":
        values = values.astype("int64").where(values.notna())
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
        places = np.full(len(numbers), MISSING)
        if known.any():
            places[known] = (rankdata(numbers[known]) - 1) / max(1, known.sum() - 1)
        return places.astype(np.float32), True
    codes, distinct = pd.factorize(
        values if values.dtype.kind != "O" else values.where(values.isna(), values.astype(str))
    )
    if len(distinct) > max(2, DISTINCT * (codes >= 0).sum()):
        return None
    return codes.astype(np.float32), False


def _sample(n_rows: int, n_columns: int) -> IntArray:
    """Places of rows to compare with."""
    most = max(500, CELLS // max(1, n_columns))
    return np.arange(n_rows) if n_rows <= most else np.sort(np.random.default_rng(0).permutation(n_rows)[:most])


def losses_of(competition: Competition, y: Target, said: FloatArray) -> FloatArray:
    """By which rows are ranked: minus the logarithm of the truth's probability, or the error as numbers are learned."""
    if competition.number is None:
        return negative_log_likelihood(y.astype(np.int64), said)
    return np.abs(competition.number.forward(said[:, 0]) - competition.number.forward(y))


def _said(competition: Competition, oof: FloatArray, y: Any) -> dict[str, Any]:
    if competition.number is not None:
        return {"said": f"{float(oof[0]):.10g}"}
    best = int(oof.argmax())
    return {"said": str(competition.classes[best]), "sure": float(oof[best]), "of_truth": float(oof[int(y)])}


def _truth(competition: Competition, y: Any) -> str:
    return f"{float(y):.10g}" if competition.number is not None else str(competition.classes[int(y)])


def _columns(rows: pd.DataFrame, key: str, features: Features) -> list[Hashable]:
    """A few columns of the file in its order: the first of names, if there is one, and those that tell most."""
    picked = np.random.default_rng(0).permutation(len(rows))[: min(TELLING, max(500, CELLS // 2 // rows.shape[1]))]
    y = _binned(pd.Series(features.y[picked]))
    telling: dict[Hashable, float] = {}
    names: list[Hashable] = []
    for name in rows.columns.drop(key):
        values = rows[name].iloc[picked].reset_index(drop=True)
        codes = _binned(values)
        if int(codes.max()) < FEW:
            telling[name] = cramers_v(codes, y)
        elif values.nunique() > DISTINCT * len(values):
            names.append(name)
    most = sorted(telling, key=lambda name: -telling[name])[: SHOWN - len(names[:1])]
    return [name for name in rows if name in (*names[:1], *most)]


def _binned(values: pd.Series) -> IntArray:
    """Categories as codes; numbers of more than ten values as tenths; a gap is a category."""
    if values.dtype.kind in "iuf" and values.nunique() > 10:
        edges = np.unique(np.nanquantile(values.to_numpy(dtype=np.float64), np.linspace(0.1, 0.9, 9)))
        codes = np.searchsorted(edges, values.to_numpy(dtype=np.float64), side="right")
        return np.where(values.isna(), len(edges) + 1, codes).astype(np.int64)
    if values.dtype.kind == "O":
        values = values.where(values.isna(), values.astype(str))
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0], dtype=np.int64)


def _cell(value: Any) -> str:
    """A value as a csv has it, cut where it is long; empty where it is missing."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    text = str(value)
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"
