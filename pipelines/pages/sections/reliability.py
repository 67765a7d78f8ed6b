"""Whether probabilities can be taken at their word.

Shapes: n scored rows, C classes, B bins of equal width from 0 to 1, K samples.

Of two classes the last one's probability is looked at; of more, that of the class that was said. Sources: DeGroot &
Fienberg 1983; Guo et al. 2017 (expected calibration error).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.bootstrap import samples, standard_error
from pipelines.metrics import FloatArray, IntArray
from pipelines.pages.charts.colours import MUTED, SERIES
from pipelines.pages.charts.drawing import Key, draw
from pipelines.pages.charts.painters import diagonal
from pipelines.pages.parts import Chart, Section, Table, Text
from pipelines.pages.sections.subject import Subject, percent, told, wilson
from pipelines.pages.words import shown, signed

BINS = 10
VALUES = 8_000_000  # drawn at most, of all rows in all samples
SAMPLES, FEWEST = 400, 50
CLASSES = 30  # most rows of a table


@dataclass(frozen=True)
class Reliability:
    """Rows by what probability was said: how many, which on average, and in how many it was so; (B,).

    `ece` is the expected calibration error: the bins' mean distance between both, weighted by rows; `se` its standard
    error over rows (bootstrap). `chance` is what probabilities that hold exactly come to on so many rows, on average
    and in 19 of 20 cases at most.
    """

    n: IntArray
    said: FloatArray
    true: FloatArray
    ece: float
    se: float
    chance: tuple[float, float]


def reliability_of(p: FloatArray, hit: Any, units: IntArray | None = None) -> Reliability:
    """Of probabilities (n,) and whether what they are of was so (n,)."""
    place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], p)
    order = np.argsort(place, kind="stable")
    p, hit, place = p[order], np.asarray(hit, dtype=np.float64)[order], place[order]
    held, starts = np.unique(place, return_index=True)
    n, said, true = np.zeros(BINS, dtype=np.int64), np.full(BINS, np.nan), np.full(BINS, np.nan)
    n[held] = np.bincount(place)[held]
    said[held], true[held] = (np.add.reduceat(each, starts) / n[held] for each in (p, hit))

    def ece(weighted: FloatArray, weights: Any) -> FloatArray:
        return np.asarray(np.abs(np.add.reduceat(weighted, starts)).sum(axis=0) / weights)

    n_samples = max(FEWEST, min(SAMPLES, VALUES // len(p)))
    drawn = samples(len(p), n_samples, None if units is None else units[order])
    again = np.concatenate([ece((hit - p)[:, None] * counts, counts.sum(axis=0)) for counts in drawn])
    chance = np.concatenate([ece(each - p[:, None], len(p)) for each in _kept_words(p, n_samples)])
    return Reliability(
        n, said, true, float(ece(hit - p, len(p))), float(again.std(ddof=1)),
        (float(chance.mean()), float(np.quantile(chance, 0.95))),
    )  # fmt: skip


def _kept_words(p: FloatArray, n_samples: int) -> Iterator[FloatArray]:
    """What comes to pass where each probability holds; (n, some samples) at a time."""
    rng, at_once = np.random.default_rng(0), max(1, 2_000_000 // len(p))
    for start in range(0, n_samples, at_once):
        yield (rng.random((len(p), min(at_once, n_samples - start))) < p[:, None]).astype(np.float64)


def reliability(subject: Subject) -> Section | None:
    """The diagram, its error, and whether the networks are too sure."""
    if subject.number is not None:
        return None
    say, two = subject.say, subject.oof.shape[1] == 2
    p = np.clip(subject.oof[:, 1] if two else subject.oof.max(axis=1), 0, 1)
    found = reliability_of(p, subject.y == 1 if two else subject.labels == subject.y, subject.units)
    what = (
        say(f"probability of {subject.spoken[1]}", f"{subject.spoken[1]} 的概率") if two
        else say("probability of the class that was said", "所预测类别的概率")
    )  # fmt: skip
    parts: list[Chart | Table | Text] = [_chart(subject, found, what), _table(subject, found)]
    if not two:
        parts.append(_classes(subject))
    parts.append(Text(say(
        f"{BINS} bins of equal width. Bars are 95 % binomial intervals (Wilson). These are out-of-fold "
        f"predictions, each "
        "by one fold's networks; a test row's is the mean over all folds, which is a little less sure.",
        f"{BINS} 个等宽区间；误差线为 95 % 二项区间（Wilson）。这里是折外预测，每行来自一折的网络；"
        "测试行的预测为各折的平均，会稍不确定一些。",
    )))  # fmt: skip
    return Section(
        "reliability", say("Can the probabilities be believed?", "概率可信吗？"), _lead(subject, found), parts
    )


def _lead(subject: Subject, found: Reliability) -> str:
    say = subject.say
    sure = subject.oof.max(axis=1)
    gap = sure - (subject.labels == subject.y)
    off, error = float(gap.mean()), standard_error(gap, subject.units)
    means = f"{percent(float(sure.mean()))}", f"{percent(float((subject.labels == subject.y).mean()))}"
    ece = f"{shown(found.ece)} ± {shown(found.se)}"
    by_chance = shown(found.chance[0])
    tail = say(
        f" Expected calibration error: {ece}; probabilities that hold exactly would show {by_chance} on so many rows.",
        f"期望校准误差：{ece}；若概率完全准确，在这么多行上也会有 {by_chance}。",
    )
    said = say(
        f"they say {means[0]} on average, and are right in {means[1]} of the rows",
        f"平均给出的概率为 {means[0]}，实际正确 {means[1]}",
    )
    if off > 2 * error:
        return say(f"The networks are too sure: {said}.", f"网络过于自信：{said}。") + tail
    if off < -2 * error:
        return say(f"The networks are less sure than they may be: {said}.", f"网络过于谨慎：{said}。") + tail
    if found.ece > found.chance[1]:
        return say(
            f"On the whole they are as sure as they may be ({said}), but not everywhere: see where the dots "
            f"leave the line.",
            f"总体上自信得当（{said}），但并非处处如此：请看偏离直线的点。",
        ) + tail  # fmt: skip
    return say(
        f"The probabilities can be taken at their word: {said}.", f"概率可以直接采信：{said}。"
    ) + tail  # fmt: skip


def _chart(subject: Subject, found: Reliability, what: str) -> Chart:
    say, held = subject.say, found.n > 0
    low, high = wilson(found.true[held] * found.n[held], found.n[held])

    def paint(axes: Any) -> None:
        middle = (np.arange(BINS) + 0.5) / BINS
        axes.bar(middle, found.n / found.n.sum(), width=0.9 / BINS, color=MUTED, alpha=0.3, linewidth=0)
        axes.vlines(found.said[held], low, high, color=SERIES[0], linewidth=2, alpha=0.55)
        axes.plot(found.said[held], found.true[held], "o", color=SERIES[0], markersize=6)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=what, ylabel=say("share in which it is so", "实际比例"))
        diagonal(axes)

    keys = [
        Key(say("share that is so", "实际比例"), SERIES[0], "dot"), Key(say("as said", "与预测一致"), MUTED, "dashes"),
        Key(say("share of the rows", "行的占比"), MUTED, "band"),
    ]  # fmt: skip
    pairs = [f"{shown(x, 2)} → {shown(y, 2)}" for x, y in zip(found.said[held], found.true[held], strict=True)]
    alt = told(say, [(f"{what} → {say('share in which it is so', '实际比例')}", say(", ", "，").join(pairs))])
    return draw(say("Reliability", "可靠性图"), alt, paint, keys=keys, height=300)


def _table(subject: Subject, found: Reliability) -> Table:
    say, low_high = subject.say, wilson(np.nan_to_num(found.true) * found.n, found.n)
    rows = [
        [f"{i / BINS:.1f} – {(i + 1) / BINS:.1f}", f"{found.n[i]:,}", shown(found.said[i], 3), shown(found.true[i], 3),
         " – ".join(shown(limit[i], 3) for limit in low_high)]
        for i in np.flatnonzero(found.n)
    ]  # fmt: skip
    columns = [
        say("probability", "概率"), say("rows", "行数"), say("said, mean", "预测均值"), say("is so", "实际比例"),
        say("95 % interval", "95 % 区间"),
    ]  # fmt: skip
    return Table(say("By what was said", "按预测概率"), columns, rows, range(1, 5))


def _classes(subject: Subject) -> Table:
    """Of each class: the mean probability that all rows gave it, and its share of them."""
    say, rows = subject.say, []
    one_hot = subject.y[:, None] == np.arange(subject.oof.shape[1])
    off = subject.oof.mean(axis=0) - one_hot.mean(axis=0)
    for i in np.argsort(-np.abs(off), kind="stable")[:CLASSES]:
        error = standard_error(subject.oof[:, i] - one_hot[:, i], subject.units)
        rows.append([
            subject.names[i], percent(float(subject.oof[:, i].mean()), 2), percent(float(one_hot[:, i].mean()), 2),
            f"{signed(100 * float(off[i]), 2)} ± {100 * error:.2f}",
        ])  # fmt: skip
    columns = [
        say("class", "类别"), say("said, mean", "预测均值"), say("share of the rows", "行的占比"),
        say("too much by (points)", "高出（百分点）"),
    ]  # fmt: skip
    return Table(say("Is each class said as often as it is?", "各类别的预测频率与实际频率"), columns, rows, (1, 2, 3))
