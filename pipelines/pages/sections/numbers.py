"""A target that is a number: predicted against true, what is left over, and where the errors are.

Shapes: n scored rows, T tenths of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.bootstrap import standard_error
from pipelines.metrics import FloatArray, IntArray
from pipelines.pages.charts.colours import INK, MUTED, SERIES
from pipelines.pages.charts.drawing import NARROW, Key, draw, width_in_points
from pipelines.pages.charts.painters import cloud, curve, diagonal, whole_numbers
from pipelines.pages.parts import Chart, Section, Table, Text
from pipelines.pages.sections.subject import Subject, amount, percent, told
from pipelines.pages.words import shown, signed

TENTHS, BINS = 10, 40
FEW = 0.01  # of the rows: those with the greatest errors


@dataclass(frozen=True)
class Tenths:
    """Rows in tenths by some values, low to high: range, rows, mean error with its error, mean size of it; (T,)."""

    low: FloatArray
    high: FloatArray
    n: IntArray
    off: FloatArray
    se: FloatArray
    size: FloatArray


def tenths_of(values: FloatArray, off: FloatArray, units: IntArray | None = None) -> Tenths:
    """Of values and errors (n,); equal values are not parted, so that there may be fewer than ten."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, TENTHS + 1)))
    place = np.searchsorted(edges[1:-1], values, side="right")
    parts = [np.flatnonzero(place == tenth) for tenth in np.unique(place)]
    held = [(values[part], off[part], None if units is None else units[part]) for part in parts]
    return Tenths(
        np.array([own.min() for own, _, _ in held]), np.array([own.max() for own, _, _ in held]),
        np.array([len(own) for own, _, _ in held]), np.array([own.mean() for _, own, _ in held]),
        np.array([standard_error(own, of) for _, own, of in held]),
        np.array([np.abs(own).mean() for _, own, _ in held]),
    )  # fmt: skip


def truth(subject: Subject) -> Section | None:
    """Predicted against true values."""
    if subject.number is None:
        return None
    say, (y, said) = subject.say, (np.asarray(subject.y, dtype=np.float64), subject.oof[:, 0])
    logs = _in_logs(subject)

    def paint(axes: Any) -> None:
        cloud(axes, *((np.log10(y), np.log10(said)) if logs else (y, said)))
        diagonal(axes)
        axes.set(xlabel=say("true", "真实"), ylabel=say("predicted", "预测"))
        _plain_ticks(axes, x=logs, y=logs)

    variance = float(np.var(subject.number.forward(y)))
    explained = 1 - float((subject.off**2).mean()) / variance if variance else float("nan")
    alt = say(
        f"{len(y):,} rows around the diagonal; {percent(explained)} of the variance is explained.",
        f"{len(y):,} 行分布在对角线附近；解释了 {percent(explained)} 的方差。",
    )
    chart = draw(say("Predicted by true", "预测值与真实值"), alt, paint, height=320, keys=[
        Key(say("rows", "行"), SERIES[0], "dot"), Key(say("predicted as it is", "预测与真实相等"), MUTED, "dashes"),
    ])  # fmt: skip
    off = np.abs(said - y)
    half, most = np.quantile(off, [0.5, 0.9])
    relative = np.quantile(off[y != 0] / np.abs(y[y != 0]), 0.5) if (y != 0).any() else float("nan")
    learned = "" if subject.number.transform == "identity" else say(" of its logarithm", "（取对数后）")
    lead = say(
        f"{percent(explained)} of the variance{learned} is explained. Half of the values are off by less than "
        f"{amount(half)} "
        f"({percent(relative)}), nine of ten by less than {amount(most)}.",
        f"解释了 {percent(explained)} 的方差{learned}。一半的预测误差小于 {amount(half)}（{percent(relative)}），"
        f"九成小于 {amount(most)}。",
    )
    return Section("truth", say("Predicted against true", "预测与真实"), lead, [chart])


def residuals(subject: Subject) -> Section | None:
    """How the errors lie, and along the predictions."""
    if subject.number is None:
        return None
    say, off = subject.say, subject.off
    squares = np.sort(off**2)[::-1]
    few = max(1, round(FEW * len(off)))
    share = float(squares[:few].sum() / squares.sum()) if squares.sum() else 0.0
    mean, error = float(off.mean()), standard_error(off, subject.units)
    bias = say("no more than chance", "不超出偶然") if abs(mean) <= 2 * error else say("more than chance", "超出偶然")
    way = say("high", "高") if mean > 0 else say("low", "低")
    few_rows = say(f"{few} rows" if few > 1 else "One row", f"{few} 行")
    lead = say(
        f"{few_rows} with the greatest errors (1 %) make {percent(share)} of the squared error: look at them first. "
        f"Predictions are too {way} by {shown(abs(mean))} ± {shown(error)} on average{_scale(subject)}, {bias}.",
        f"误差最大的 {few_rows}（1 %）占平方误差的 {percent(share)}：请先看这些行。"
        f"预测平均偏{way} {shown(abs(mean))} ± {shown(error)}{_scale(subject)}，{bias}。",
    )
    return Section("residuals", say("Residuals", "残差"), lead, [_histogram(subject), _along(subject)])


def _scale(subject: Subject) -> str:
    """In what errors are counted, where that is not the file's unit."""
    if subject.number is None or subject.number.transform == "identity":
        return ""
    return subject.say(" in logarithms (0.1 is about 10 %)", "（对数单位，0.1 约为 10 %）")


def _off_label(subject: Subject) -> str:
    return subject.say("predicted − true", "预测 − 真实") + (
        subject.say(" (log)", "（对数）") if subject.number and subject.number.transform == "log1p" else ""
    )


def _histogram(subject: Subject) -> Chart:
    say, off = subject.say, subject.off
    low, high = np.quantile(off, [0.002, 0.998])
    inside = np.clip(off, low, high)

    def paint(axes: Any) -> None:
        n, edges = np.histogram(inside, bins=BINS)
        axes.bar((edges[:-1] + edges[1:]) / 2, n, width=np.diff(edges) * 0.94, color=SERIES[0], alpha=0.8, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set(xlabel=_off_label(subject), ylabel=say("rows", "行数"))

    alt = say(
        f"Standard deviation {shown(float(off.std()))}, middle half from {shown(float(np.quantile(off, 0.25)))} to "
        f"{shown(float(np.quantile(off, 0.75)))}; the outermost 0.4 % stand in the first and last bar.",
        f"标准差 {shown(float(off.std()))}，中间一半从 {shown(float(np.quantile(off, 0.25)))} 到 "
        f"{shown(float(np.quantile(off, 0.75)))}；最外侧 0.4 % 计入首末两柱。",
    )
    return draw(say("How errors are spread", "误差分布"), alt, paint)


def _along(subject: Subject) -> Chart:
    say, logs = subject.say, _in_logs(subject)
    said = subject.oof[:, 0]

    def paint(axes: Any) -> None:
        cloud(axes, np.log10(said) if logs else said, subject.off)
        axes.axhline(0, color=INK, linewidth=1)
        axes.set(xlabel=say("predicted", "预测"), ylabel=_off_label(subject))
        _plain_ticks(axes, x=logs, y=False)

    r = float(np.corrcoef(said, np.abs(subject.off))[0, 1]) if said.std() and subject.off.std() else float("nan")
    alt = say(
        f"Errors along the predictions; their size correlates with the prediction by {shown(r, 2)}.",
        f"误差随预测值的分布；误差大小与预测值的相关系数为 {shown(r, 2)}。",
    )
    return draw(say("Errors along the predictions", "误差与预测值"), alt, paint)


def size(subject: Subject) -> Section | None:
    """Mean errors by tenths of the truth, and of the predictions."""
    if subject.number is None:
        return None
    say, y = subject.say, np.asarray(subject.y, dtype=np.float64)
    by_truth = tenths_of(y, subject.off, subject.units)
    by_said = tenths_of(subject.oof[:, 0], subject.off, subject.units)
    if len(by_truth.n) < 2 or len(by_said.n) < 2:
        return None
    rows = [
        [f"{amount(low)} – {amount(high)}", f"{n:,}", f"{signed(off)} ± {shown(se)}", shown(mean)]
        for low, high, n, off, se, mean in zip(*vars(by_truth).values(), strict=True)
    ]
    columns = [
        say("true from – to", "真实值范围"), say("rows", "行数"), say("too high by, mean", "平均偏高"),
        say("mean size of the error", "平均误差大小"),
    ]  # fmt: skip
    table = Table(say("By tenths of the truth", "按真实值十等分"), columns, rows, (1, 2, 3))
    note = Text(say(
        "That low values are predicted too high and high ones too low is expected of every honest model: what "
        "made them "
        "so low or high is partly chance. Along the predictions the mean error should be none.",
        "低值被高估、高值被低估是任何诚实模型都会有的：极端值部分出于偶然。而按预测值分组，平均误差应为零。",
    ))  # fmt: skip
    lead = _size_lead(subject, by_truth, by_said)
    return Section(
        "size", say("Error by size", "误差与数值大小"), lead, [_tenths_chart(subject, by_truth, by_said), table, note]
    )


def _size_lead(subject: Subject, by_truth: Tenths, by_said: Tenths) -> str:
    say = subject.say
    ends = [signed(float(by_truth.off[i])) for i in (0, -1)]
    worst = int(by_truth.size.argmax())
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(by_said.off) / by_said.se
    where = int(np.nanargmax(z)) if np.isfinite(z).any() else 0
    said = say(
        f"The lowest tenth is off by {ends[0]} on average, the highest by {ends[1]}{_scale(subject)}; errors are "
        f"largest "
        f"from {amount(by_truth.low[worst])} to {amount(by_truth.high[worst])}.",
        f"最低的十分之一平均偏差 {ends[0]}，最高的十分之一 {ends[1]}{_scale(subject)}；误差最大的是 "
        f"{amount(by_truth.low[worst])} 到 {amount(by_truth.high[worst])}。",
    )
    if z[where] > 3:  # of ten
        return said + say(
            f" Predictions from {amount(by_said.low[where])} to {amount(by_said.high[where])} are wrong on average, by "
            f"{signed(by_said.off[where])} ± {shown(by_said.se[where])}: that could be mended.",
            f"预测值在 {amount(by_said.low[where])} 到 {amount(by_said.high[where])} 之间时平均偏差 "
            f"{signed(by_said.off[where])} ± {shown(by_said.se[where])}：可以改进。",
        )  # fmt: skip
    return said + say(
        " Along the predictions no tenth is off by more than chance.", "按预测值分组，没有哪一组的偏差超出偶然。"
    )  # fmt: skip


def _tenths_chart(subject: Subject, by_truth: Tenths, by_said: Tenths) -> Chart:
    say = subject.say

    def paint(axes: Any) -> None:
        for tenths, colour, dashes in ((by_truth, SERIES[0], False), (by_said, SERIES[1], True)):
            places = np.arange(1, len(tenths.n) + 1)
            curve(axes, places, tenths.off, 2 * tenths.se, colour, dashes=dashes)
            axes.plot(places, tenths.off, "o", color=colour)
        axes.axhline(0, color=INK, linewidth=1)
        whole_numbers(axes)
        axes.set(xlabel=say("tenth, from low to high", "十等分，从低到高"), ylabel=_off_label(subject))

    keys = [
        Key(say("by the truth", "按真实值"), SERIES[0]), Key(say("by the prediction", "按预测值"), SERIES[1], "dashes"),
        Key(say("± two standard errors", "± 两个标准误"), SERIES[0], "band"),
    ]  # fmt: skip
    alt = told(say, [
        (name, say(", ", "，").join(signed(off) for off in tenths.off))
        for name, tenths in (
            (say("by the truth", "按真实值"), by_truth), (say("by the prediction", "按预测值"), by_said)
        )
    ])  # fmt: skip
    return draw(say("Mean error by tenth", "各十分位的平均误差"), alt, paint, keys=keys)


def _in_logs(subject: Subject) -> bool:
    """Whether values are drawn as logarithms: where these are learned, and all have one."""
    assert subject.number is not None
    return subject.number.transform == "log1p" and min(float(subject.y.min()), float(subject.oof.min())) > 0


def _plain_ticks(axes: Any, *, x: bool, y: bool) -> None:
    """Numbers of the file beside axes of logarithms, and thousands told apart."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    for axis, logs, limits in ((axes.xaxis, x, axes.get_xlim()), (axes.yaxis, y, axes.get_ylim())):
        if logs:
            steps = [k * 10.0**e for e in range(-12, 16) for k in (1, 2, 5)]
            inside = [np.log10(step) for step in steps if limits[0] <= np.log10(step) <= limits[1]]
            most = 3 if axis is axes.xaxis and width_in_points(axes) <= NARROW else 5
            axis.set_major_locator(FixedLocator(inside[:: max(1, -(-len(inside) // most))]))
            axis.set_major_formatter(FuncFormatter(lambda value, _at: amount(10.0**value)))
        else:
            axis.set_major_formatter(FuncFormatter(lambda value, _at: f"{value:,.6g}".replace("-", "−")))
