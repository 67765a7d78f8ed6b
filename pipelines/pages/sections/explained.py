"""What the predictions go by, and where they go wrong: importance of columns, and the hardest rows."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from pipelines.audit.hardest import HardRow
from pipelines.errors import HomeworkError
from pipelines.pages.charts.drawing import draw
from pipelines.pages.charts.painters import bars
from pipelines.pages.parts import Section, Table, Text
from pipelines.pages.sections.subject import Subject, amount, listed, percent, told
from pipelines.pages.words import shown
from pipelines.submission.record import Importance

SHOWN, MOST = 15, 100  # columns drawn, and rows of the table
NAMED = 60  # characters of a group of columns


def importance(subject: Subject) -> Section:
    """What the metric loses without each column; where the run has not asked, how to."""
    say, found, title = subject.say, subject.record.importance, subject.say("Which columns matter", "哪些列重要")
    if not found:
        command = f"python -m pipelines run {subject.record.slug} --importance"
        return Section("importance", title, say(
            f"This run has not asked. The same command with --importance does: {command}; what is trained is "
            f"taken over.",
            f"此次运行没有计算。加上 --importance 即可：{command}；已训练的模型会沿用。",
        ))  # fmt: skip
    known = [each for each in found if np.isfinite(each.loss)]
    sure = [each for each in known if each.loss > 2 * each.se]
    drawn = (sure or known)[:SHOWN]
    columns = [
        say("column", "列"),
        say(f"{subject.metric.name} lost", f"{subject.metric.name} 损失"),
        say("told from chance", "超出偶然"),
    ]
    rows = [
        [each.name, f"{shown(each.loss)} ± {shown(each.se)}", say("yes", "是") if each in sure else say("no", "否")]
        for each in found[:MOST]
    ]
    table = Table(say("Loss where a column is permuted", "打乱某列后的损失"), columns, rows, (1,))
    note = Text(say(
        "Each fold's own models predict its scored rows with the column dealt anew among them; the error is over "
        "folds. Of "
        "columns that say the same either may seem useless: those that go together are permuted together as well.",
        "各折用自己的模型预测其评分行，并将该列在这些行之间打乱；误差为各折之间的标准误。"
        "含义相同的列单独看可能都不重要，因此相关的列也会一起打乱。",
    ))  # fmt: skip
    parts: list[Any] = [table, note]
    if drawn:
        parts.insert(0, _bars(subject, drawn))
    return Section("importance", title, _importance_lead(subject, known, sure), parts)


def _importance_lead(subject: Subject, known: Sequence[Importance], sure: Sequence[Importance]) -> str:
    say = subject.say
    if not sure:
        return say(
            "No column's loss is told from chance: each says what others say too, or there are too few rows.",
            "没有哪一列的损失超出偶然：各列互相重复，或行数太少。",
        )
    first, idle = sure[0], len([each for each in known if len(each.columns) == 1 and each not in sure])
    most = listed(say, [_named(each.name) for each in sure[1:3]])
    then = say(f", then {most}", f"，其次是 {most}") if most else ""
    rest = say(
        f" {idle} single columns are not told from chance: leaving one out may cost nothing." if idle > 1
        else " One single column is not told from chance: leaving it out may cost nothing.",
        f"有 {idle} 个单独的列不超出偶然：去掉其中一个可能没有损失。",
    ) if idle else ""  # fmt: skip
    return (
        say(
            f"Most is lost without {_named(first.name)}: {shown(first.loss)} ± {shown(first.se)} "
            f"{subject.metric.name}{then}.",
            f"没有 {_named(first.name)} 损失最大：{shown(first.loss)} ± "
            f"{shown(first.se)}（{subject.metric.name}）{then}。",
        )
        + rest
    )


def _named(name: str) -> str:
    return name if len(name) <= NAMED else f"{name[: NAMED - 1]}…"


def _bars(subject: Subject, drawn: Sequence[Importance]) -> Any:
    say = subject.say
    losses, errors = np.array([each.loss for each in drawn]), np.nan_to_num([each.se for each in drawn])
    axis = say(f"{subject.metric.name} lost", f"{subject.metric.name} 损失")

    def paint(axes: Any) -> None:
        bars(axes, [each.name for each in drawn], losses, errors)
        axes.set(xlabel=axis)

    alt = told(say, [(_named(each.name), f"{shown(each.loss)} ± {shown(each.se)}") for each in drawn])
    title = say("Lost where a column is permuted, ± one standard error", "打乱某列后的损失，± 一个标准误")
    return draw(title, alt, paint, height=float(64 + 22 * max(3, len(drawn))))


def hardest(subject: Subject) -> Section | None:
    """The rows of the greatest loss; None where the run has kept none."""
    say, title = subject.say, subject.say("The hardest rows", "最难的行")
    try:
        rows = subject.run.hardest
    except HomeworkError as error:
        hint = say(f"What to do: {error.hint}.", f"怎么办：{error.hint_zh}。")
        lead = say("The list of the hardest rows is damaged, and left out.", "最难行的列表已损坏，故略去。")
        return Section("hardest", title, lead, [Text(error.message), Text(hint)])
    if not rows:
        return None
    parts: list[Table | Text] = [_why(subject, rows), _cells(subject, rows), Text(say(
        "Near are rows that agree in most columns of the feature table (Gower's distance: numbers by their "
        "ranks), but for "
        "those of the same group. A value is unusual where so few rows of the same truth are as far out that among all "
        "columns chance gives less than one.",
        "“近邻”是特征表中多数列一致的行（Gower 距离，数值按秩），同组的行除外。"
        "“不寻常”指在真实值相同的行中，如此极端的取值少到在所有列中偶然出现不足一次。",
    ))]  # fmt: skip
    return Section("hardest", title, _hardest_lead(subject, rows), parts)


def _hardest_lead(subject: Subject, rows: Sequence[HardRow]) -> str:
    say, n = subject.say, len(rows)
    share = _share(subject, rows)
    odd = len([row for row in rows if row.odd])
    these = f"These {n} rows make" if n > 1 else "This row makes"
    loss = say(f"{these} {percent(share)} of the whole loss.", f"这 {n} 行占全部损失的 {percent(share)}。")
    unusual = say(
        f" {odd} of them {'have' if odd > 1 else 'has'} values that are unusual for such a truth.",
        f"{odd} 行有对其真实值而言不寻常的取值。",
    ) if odd else ""  # fmt: skip
    if subject.number is not None:
        closer = len([row for row in rows if row.near and _nearer(row)])
        return (
            loss
            + say(
                f" {_of_them(closer)} the nearest rows are nearer to the prediction than to the truth: what "
                f"makes them "
                "different is not in the columns, or the truth is odd.",
                f"其中 {closer} 行的近邻更接近预测而非真实值：造成差异的原因不在这些列里，或真实值本身异常。",
            )
            + unusual
        )
    other = len(
        [row for row in rows if row.near and Counter(each.truth for each in row.near)[row.truth] * 2 < len(row.near)]
    )
    return (
        loss
        + say(
            f" {_of_them(other)} most of the nearest rows are of another class: the columns do not tell them "
            f"apart, or the "
            "truth is mistaken.",
            f"其中 {other} 行的近邻大多属于其他类别：这些列无法区分它们，或标签有误。",
        )
        + unusual
    )


def _of_them(n: int) -> str:
    return f"In {n or 'none'} of them"


def _nearer(row: HardRow) -> bool:
    middle = median(float(each.truth) for each in row.near)
    return abs(middle - float(row.said)) < abs(middle - float(row.truth))


def _share(subject: Subject, rows: Sequence[HardRow]) -> float:
    """Of the sum of all rows' losses, what these are."""
    if subject.number is not None:
        whole = float(np.abs(subject.off).sum())
    else:
        whole = float(-np.log(np.clip(subject.of_truth, 1e-15, 1)).sum())
    return sum(row.loss for row in rows) / whole if whole else float("nan")


def _why(subject: Subject, rows: Sequence[HardRow]) -> Table:
    say, number = subject.say, subject.number is not None
    columns = [
        say("row", "行"), say("truth", "真实"), say("predicted", "预测"), say("nearest rows", "近邻"),
        say("unusual for its truth", "对其真实值而言不寻常"), say("nearest rows' ids", "近邻的编号"),
    ]  # fmt: skip
    cells = []
    for row in rows:
        said = amount(float(row.said)) if number else f"{row.said} ({percent(row.sure or 0)})"
        truth = amount(float(row.truth)) if number else f"{row.truth} ({percent(row.of_truth or 0, 2)})"
        near = [f"{each.id} ({amount(float(each.truth)) if number else each.truth})" for each in row.near[:3]]
        ids = say(", ", "、").join(near) or "–"
        cells.append([row.id, truth, said, _neighbours(subject, row), _oddities(subject, row), ids])
    return Table(say("What was said of them, and why they may be hard", "对它们的预测，以及可能的原因"), columns, cells)


def _neighbours(subject: Subject, row: HardRow) -> str:
    """What most of the nearest rows are."""
    say, n = subject.say, len(row.near)
    if not n:
        return "–"
    if subject.number is not None:
        values = [float(each.truth) for each in row.near]
        middle, low, high = amount(median(values)), amount(min(values)), amount(max(values))
        return say(f"median {middle} (from {low} to {high})", f"中位数 {middle}（{low} 到 {high}）")
    counts = Counter(each.truth for each in row.near)
    (name, most), alike = counts.most_common(1)[0], counts[row.truth]
    if name == row.truth:
        return say(f"{most} of {n} are {name}, as it is", f"{n} 个中 {most} 个为 {name}，与其相同")
    same = say(f"{alike or 'none'} as it is", f"{alike} 个与其相同")
    return say(f"{most} of {n} are {name}, {same}", f"{n} 个中 {most} 个为 {name}，{same}")


def _oddities(subject: Subject, row: HardRow) -> str:
    say, said = subject.say, []
    for each in row.odd:
        value = each.value or say("missing", "缺失")
        share = (
            say(f"as {percent(each.share)} are", f"仅 {percent(each.share)}")
            if each.share
            else say("no other is", "别无他行")
        )
        said.append(say(f"{each.column} = {value} ({share})", f"{each.column} = {value}（{share}）"))
    return say("; ", "；").join(said) or "–"


def _cells(subject: Subject, rows: Sequence[HardRow]) -> Table:
    say, names = subject.say, list(dict.fromkeys(name for row in rows for name in row.cells))
    cells = [[row.id, *(row.cells.get(name) or "–" for name in names)] for row in rows]
    return Table(say("What the file has of them", "文件中的内容"), [say("row", "行"), *names], cells)
