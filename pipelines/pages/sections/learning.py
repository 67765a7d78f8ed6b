"""Learning curves: the loss of training rows and of held-out rows, epoch by epoch, for each variant.

Shapes: F folds, T epochs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import Any

import numpy as np

from pipelines.metrics import FloatArray
from pipelines.pages.charts.colours import SERIES
from pipelines.pages.charts.drawing import Key, draw
from pipelines.pages.charts.painters import curve, whole_numbers
from pipelines.pages.parts import Chart, Section, Text
from pipelines.pages.sections.subject import Subject, told
from pipelines.pages.words import Words, shown
from pipelines.submission.record import VariantScore

LEVEL = 0.005  # of the loss: a change that is less is none
FEWEST_EPOCHS, FEWEST_FOLDS = 5, 2  # of which a verdict can be given


@dataclass(frozen=True)
class Curves:
    """A variant's curves: `mean` (F, T) over a fold's networks, and their `spread` (F, T).

    A fold that ends early keeps its last values: else the mean would jump as easy folds end.
    """

    mean: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, losses: Sequence[Sequence[float]], spread: Sequence[Sequence[float]]) -> "Curves":
        """Of what a record holds; a spread that is not there is none."""
        none: list[float] = []
        both = zip_longest(map(finite, losses), map(finite, spread), fillvalue=none)
        folds = [(curve, own[: len(curve)]) for curve, own in both if curve]
        n_epochs = max((len(curve) for curve, _ in folds), default=0)
        mean = _table([curve for curve, _ in folds], n_epochs)
        return cls(mean, np.nan_to_num(_table([own or [0.0] for _, own in folds], n_epochs)))

    @property
    def overall(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation over all networks, of all folds and seeds; (T,)."""
        variance = np.nanmean(self.spread**2, axis=0) + np.nanvar(self.mean, axis=0)
        return np.nanmean(self.mean, axis=0), np.sqrt(variance)


def learning(subject: Subject) -> Section | None:
    """A chart for each variant that has learned epoch by epoch; None where none has."""
    say = subject.say
    trained = [each for each in subject.record.variants if any(map(finite, each.losses))]
    if not trained:
        return None
    parts: list[Chart | Text] = [_chart(subject, each) for each in trained]
    parts.append(Text(say(
        "A band is one standard deviation over the networks of all folds and seeds. The training loss is taken while "
        "an epoch goes on, with dropout; the held-out loss after it, without: it may lie below.",
        "色带为各折、各种子的网络之间的一个标准差。训练损失是在该轮进行中、带 dropout 时取得的，"
        "留出损失是在该轮结束后、不带 dropout 时取得的，因此可能更低。",
    )))  # fmt: skip
    said = [verdict(subject, each) for each in trained if any(map(finite, each.held_out))] or [
        _without(subject, trained)
    ]
    others = len(subject.record.variants) - len(trained)
    if others:
        have = "more variants have" if others > 1 else "more variant has"
        said.append(say(f"{others} {have} no epochs (estimators).", f"其余 {others} 个变体（估计器）没有轮数可言。"))
    gap = say(" ", "")
    return Section("learning", say("Learning curves", "学习曲线"), gap.join(said), parts)


def finite(losses: Sequence[float]) -> list[float]:
    """A curve ends before its first value that is no number."""
    return list(takewhile(math.isfinite, losses))


def _without(subject: Subject, trained: Sequence[VariantScore]) -> str:
    """What can be said of an older run, which has no held-out rows."""
    ends = [f"{each.name} {shown(Curves.of(each.losses, []).overall[0][-1])}" for each in trained]
    return subject.say(
        f"The training loss ends at: {', '.join(ends)}. This run has kept no loss of held-out rows, which alone "
        f"would tell "
        "whether it learns too little or too much.",
        f"训练损失最终为：{'、'.join(ends)}。此次运行没有保存留出行的损失，无法判断欠拟合还是过拟合。",
    )


def verdict(subject: Subject, variant: VariantScore) -> str:
    """Whether the held-out loss still falls, rises again, or has come to rest; if so much can be told."""
    say, name = subject.say, variant.name
    training = Curves.of(variant.losses, []).overall[0]
    last, curves = training[-1], Curves.of(variant.held_out, [])
    mean, end = curves.overall[0], curves.mean.shape[1] - 1
    best = int(np.nanargmin(mean))
    risen = surely(curves.mean[:, end] - curves.mean[:, best], mean[best])
    before = max(0, end - max(1, end // 10))
    fallen = surely(curves.mean[:, before] - curves.mean[:, end], mean[end])
    final = shown(mean[end])
    if end + 1 < FEWEST_EPOCHS or len(curves.mean) < FEWEST_FOLDS:
        return say(
            f"{name}: the held-out loss ends at {final} (training: {shown(last)}). Whether more epochs would help "
            f"cannot be told from {_several(end + 1, 'epoch')} and {_several(len(curves.mean), 'fold')}.",
            f"{name}：留出损失最终为 {final}（训练损失 {shown(last)}）。仅凭 {end + 1} 轮、{len(curves.mean)} 折，"
            "无法判断增加轮数是否有帮助。",
        )
    if best < end and risen:
        first = say(
            f"{name}: the held-out loss is lowest in epoch {best + 1} ({shown(mean[best])}) and rises to {final}, ",
            f"{name}：留出损失在第 {best + 1} 轮最低（{shown(mean[best])}），随后升至 {final}，",
        )
        return first + _beside(say, training[min(best, len(training) - 1)], last)
    if fallen:
        return say(
            f"{name}: the held-out loss still falls in the last tenth of the epochs, to {final}: more may help.",
            f"{name}：留出损失在最后十分之一的轮中仍在下降，降至 {final}：增加轮数可能有帮助。",
        )
    return say(
        f"{name}: the held-out loss has come to rest at {final} (training: {shown(last)}): the number of epochs is "
        "about right.",
        f"{name}：留出损失已稳定在 {final}（训练损失 {shown(last)}）：轮数大致合适。",
    )


def _beside(say: Words, then: float, last: float) -> str:
    """What the training loss does, from `then` to `last`, while the held-out loss rises."""
    if last < then:
        return say(
            f"while the training loss falls to {shown(last)}: it learns its rows by heart. Fewer epochs, more dropout "
            "or weight decay may help.",
            f"而训练损失降至 {shown(last)}：网络在死记训练行。可尝试减少轮数，或加大 dropout、权重衰减。",
        )
    return say(
        f"and the training loss does not fall either ({shown(then)} to {shown(last)}): training is not stable. A "
        "smaller learning rate may help.",
        f"训练损失也没有下降（从 {shown(then)} 到 {shown(last)}）：训练不稳定。可尝试减小学习率。",
    )


def _several(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def surely(changes: FloatArray, level: float) -> bool:
    """Whether the folds' changes (F,) are more than chance, and more than nothing."""
    known = changes[np.isfinite(changes)]
    if len(known) < 2:
        return False
    error = known.std(ddof=1) / np.sqrt(len(known))
    return bool(known.mean() > 2 * error and known.mean() > LEVEL * abs(level))


def _chart(subject: Subject, variant: VariantScore) -> Chart:
    say = subject.say
    train = Curves.of(variant.losses, variant.losses_spread)
    held, keys = variant.held_out, [Key(say("training rows", "训练行"), SERIES[0])]
    kept = [(train, SERIES[0], False)]
    if any(map(finite, held)):
        kept.append((Curves.of(held, variant.held_out_spread), SERIES[1], True))
        keys.append(Key(say("held-out rows", "留出行"), SERIES[1], "dashes"))
    title = say(f"Loss by epoch: {variant.name}", f"各轮损失：{variant.name}")

    def paint(axes: Any) -> None:
        for curves, colour, dashes in kept:
            mean, spread = curves.overall
            curve(axes, np.arange(1, len(mean) + 1), mean, spread, colour, dashes=dashes)
        whole_numbers(axes)
        axes.set(xlabel=say("epoch", "轮"), ylabel=say("loss per row", "每行损失"))
        axes.set_ylim(*_in_view([each.overall[0] for each, _, _ in kept]))

    ends = [
        (key.label, f"{shown(each.overall[0][0])} → {shown(each.overall[0][-1])}")
        for key, (each, _, _) in zip(keys, kept, strict=True)
    ]
    return draw(title, told(say, ends), paint, keys=keys)


def _in_view(means: Sequence[FloatArray]) -> tuple[float, float]:
    """All that matters of the curves: the first epochs' heights may leave the picture."""
    together = np.concatenate(means)
    low, high = float(np.nanmin(together)), max(float(np.nanquantile(each, 0.97)) for each in means)
    room = 0.08 * (high - low) or 0.05
    return low - room, high + room


def _table(lists: Sequence[list[float]], width: int) -> FloatArray:
    """Lists of different lengths as rows (F, width); the last value of each goes on to the end."""
    rows = [(each + each[-1:] * (width - len(each)))[:width] for each in lists]
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)
