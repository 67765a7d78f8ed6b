"""Which classes are taken for which, and how each class fares.

Shapes: n scored rows, C classes.
"""

from typing import Any

import numpy as np

from pipelines.bootstrap import standard_error
from pipelines.metrics import FloatArray, IntArray, negative_log_likelihood
from pipelines.pages.charts.drawing import draw
from pipelines.pages.charts.painters import matrix, ranges
from pipelines.pages.parts import Chart, Section, Table, Text
from pipelines.pages.sections.subject import Subject, percent, wilson
from pipelines.pages.words import shown

WRITTEN, MOST = 12, 40  # classes up to which cells are written on, and that are drawn
PAIRS, CLASSES = 15, 30  # most rows of a table


def counts_of(y: IntArray, labels: IntArray, n_classes: int) -> IntArray:
    """How many rows of each class (rows) were said to be of each (columns); (C, C)."""
    cells = y * n_classes + labels
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def confusion(subject: Subject) -> Section | None:
    """Counts and shares of each true and said class, and the pairs that are taken for each other most often."""
    if subject.number is not None:
        return None
    say, names = subject.say, subject.names
    counts = counts_of(subject.y.astype(np.int64), subject.labels, len(names))
    parts: list[Chart | Table | Text] = [_matrix(subject, counts)]
    if len(names) > MOST:
        parts.append(Text(say(
            f"Drawn are the {MOST} classes of {len(names)} that take part in most mistakes.",
            f"共 {len(names)} 个类别，图中为参与错误最多的 {MOST} 个。",
        )))  # fmt: skip
    parts.append(_pairs(subject, counts) if len(names) > 2 else _counts(subject, counts))
    return Section("confusion", say("Which classes are confused", "哪些类别被混淆"), _lead(subject, counts), parts)


def _lead(subject: Subject, counts: IntArray) -> str:
    say, names, spoken, wrong = subject.say, subject.names, subject.spoken, _mistakes(counts)
    right = percent(np.trace(counts) / counts.sum())
    if not wrong.any():
        return say("Every row's own class is the most probable one.", "每一行最可能的类别都正确。")
    true, said = np.unravel_index(int(wrong.argmax()), wrong.shape)
    n, back = int(wrong[true, said]), int(wrong[said, true])
    share = percent(n / counts[true].sum())
    two_ways = say(f", and {back:,} the other way round", f"，反向为 {back:,} 行") if back else ""
    return say(
        f"{right} of the rows get their own class. The most frequent mistake: {n:,} rows of {spoken[true]} are "
        f"said to be "
        f"{names[said]} ({share} of that class){two_ways}.",
        f"{right} 的行类别正确。最常见的错误：{n:,} 行 {spoken[true]} 被判为 {names[said]}（占该类的 "
        f"{share}）{two_ways}。",
    )


def _mistakes(counts: IntArray) -> IntArray:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    return wrong


def _matrix(subject: Subject, counts: IntArray) -> Chart:
    say, wrong = subject.say, _mistakes(counts)
    chosen = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MOST])
    part = counts[np.ix_(chosen, chosen)]
    of_row = part / np.maximum(counts[chosen].sum(axis=1, keepdims=True), 1)
    names = [subject.names[i] for i in chosen]
    texts: list[list[str]] = []
    if len(names) <= WRITTEN:
        texts = [
            [_cell(count, share, len(names)) for count, share in zip(*each, strict=True)]
            for each in zip(part, of_row, strict=True)
        ]

    def paint(axes: Any) -> None:
        matrix(axes, of_row, names, names, texts)
        axes.set(xlabel=say("said", "预测"), ylabel=say("true", "真实"))

    height = float(np.clip(90 + 44 * len(names), 180, 420))
    alt = say(
        f"A matrix of {len(names)} true classes by as many that were said; a cell is as dark as its share of the true "
        "class. The numbers are in the table.",
        f"{len(names)} 个真实类别对预测类别的矩阵；颜色越深，占该真实类别的比例越大。数字见表格。",
    )
    title = say("True class by what was said; % of the true class", "真实类别与预测类别；百分数为占真实类别的比例")
    return draw(title, alt, paint, height=height)


def _cell(count: int, share: float, n_classes: int) -> str:
    if n_classes <= 6:
        return f"{count:,}\n{100 * share:.1f} %"
    return f"{count}\n{100 * share:.0f}%" if count else ""


def _counts(subject: Subject, counts: IntArray) -> Table:
    say = subject.say
    columns = [
        say("true", "真实"),
        *(say(f"said {each}", f"预测为 {each}") for each in subject.names),
        say("rows", "行数"),
    ]
    rows = [
        [name, *(f"{n:,} ({percent(n / max(1, of.sum()))})" for n in of), f"{of.sum():,}"]
        for name, of in zip(subject.names, counts, strict=True)
    ]
    return Table(
        say("Rows, and shares of each true class", "行数及占各真实类别的比例"), columns, rows, range(1, len(columns))
    )


def _pairs(subject: Subject, counts: IntArray) -> Table:
    say, wrong = subject.say, _mistakes(counts)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    rows = []
    for true, said in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if n := int(wrong[true, said]):
            all_rows, all_wrong = int(counts[true].sum()), int(wrong.sum())
            names = [subject.names[true], subject.names[said]]
            rows.append([*names, f"{n:,}", percent(n / all_rows), percent(n / all_wrong)])
    columns = [
        say("true", "真实"), say("said", "预测"), say("rows", "行数"), say("of the class", "占该类"),
        say("of all mistakes", "占全部错误"),
    ]  # fmt: skip
    return Table(say("Most confused pairs", "最易混淆的类别对"), columns, rows, (2, 3, 4))


def per_class(subject: Subject) -> Section | None:
    """Recall, precision and loss of each class."""
    if subject.number is not None:
        return None
    say, names = subject.say, subject.names
    counts = counts_of(subject.y.astype(np.int64), subject.labels, len(names))
    n, hits, said = counts.sum(axis=1), np.diag(counts), counts.sum(axis=0)
    there = np.flatnonzero(n)
    losses = negative_log_likelihood(subject.y.astype(np.int64), subject.oof)
    recall = hits / np.maximum(n, 1)
    worst = there[np.argsort(recall[there], kind="stable")][:CLASSES]
    low, high = wilson(hits.astype(np.float64), n)
    rows = []
    for i in worst:
        mean, error = _mean(subject, losses, subject.y == i)
        rows.append([
            names[i], f"{n[i]:,}", percent(recall[i]), f"{percent(low[i])} – {percent(high[i])}",
            percent(hits[i] / said[i]) if said[i] else "–", f"{shown(mean)} ± {shown(error)}",
        ])  # fmt: skip
    columns = [
        say("class", "类别"), say("rows", "行数"), say("found (recall)", "找出（召回率）"),
        say("95 % interval", "95 % 区间"),
        say("right when said (precision)", "预测为该类时正确（精确率）"), say("log loss per row", "每行对数损失"),
    ]  # fmt: skip
    table = Table(say("Each class, the least found first", "各类别，找出最少的在前"), columns, rows, range(1, 6))

    def paint(axes: Any) -> None:
        ranges(axes, [names[i] for i in worst], recall[worst], low[worst], high[worst])
        axes.set(xlabel=say("share of its rows that are found", "被找出的行所占比例"))
        axes.set_xlim(max(0.0, float(low[worst].min()) - 0.05), min(1.02, float(high[worst].max()) + 0.05))

    first, last = worst[0], worst[-1]
    alt = say(
        f"From {names[first]} ({percent(recall[first])}) to {names[last]} ({percent(recall[last])}), with 95 % "
        f"intervals.",
        f"从 {names[first]}（{percent(recall[first])}）到 {names[last]}（{percent(recall[last])}），附 95 % 区间。",
    )
    chart = draw(say("Recall by class", "各类别的召回率"), alt, paint, height=float(70 + 24 * max(3, len(worst))))
    return Section(
        "classes", say("How each class fares", "各类别的表现"), _worst(subject, n, recall, losses), [chart, table]
    )


def _worst(subject: Subject, n: IntArray, recall: FloatArray, losses: FloatArray) -> str:
    say, there = subject.say, np.flatnonzero(n)
    i = there[int(np.argmin(recall[there]))]
    of_class = np.array([losses[subject.y == each].sum() for each in there])
    dear = int(of_class.argmax())
    named, dearest = subject.spoken[i], subject.spoken[there[dear]]
    rare = say(
        f" It is rare: {n[i]:,} of {n.sum():,} rows.", f"它很少见：{n.sum():,} 行中仅 {n[i]:,} 行。"
    ) if n[i] < 0.5 * n.sum() / len(there) else ""  # fmt: skip
    share, of_rows = percent(of_class[dear] / losses.sum()), percent(n[there[dear]] / n.sum())
    return say(
        f"{named} is found least: {percent(recall[i])} of its rows.{rare} The largest part of the log loss "
        f"comes from {dearest}: {share} of it, with {of_rows} of the rows.",
        f"{named} 召回率最低：{percent(recall[i])}。{rare}对数损失最多来自 {dearest}：占 {share}，其行数占 {of_rows}。",
    )


def _mean(subject: Subject, losses: FloatArray, chosen: Any) -> tuple[float, float]:
    """Mean of some rows' losses, and its error."""
    units = None if subject.units is None else subject.units[chosen]
    own = losses[chosen]
    return float(own.mean()), standard_error(own, units) if len(own) > 1 else float("nan")
