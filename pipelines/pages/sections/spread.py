"""How far scores differ: between folds and seeds, and between variants.

Shapes: F folds, V variants, S seeds, n scored rows.
"""

import math
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import chdtrc

from pipelines.metrics import FloatArray
from pipelines.pages.charts.colours import MUTED, SERIES
from pipelines.pages.charts.drawing import Key, draw
from pipelines.pages.charts.painters import matrix, ranges
from pipelines.pages.parts import Chart, Section, Table, Text
from pipelines.pages.sections.subject import Subject, listed, percent, told
from pipelines.pages.words import shown

SHAPES = "s^DvP"  # of variants' dots: told apart without colours too
RARE = 0.01  # how seldom chance alone would part the folds so far, to be told


def folds(subject: Subject) -> Section | None:
    """The score of each fold with its error, and of each seed's networks on it."""
    say, record = subject.say, subject.record
    scores, errors = np.array(record.fold_scores, dtype=float), np.array(record.fold_se, dtype=float)
    if not len(scores):
        return None
    if len(errors) != len(scores):  # an older record
        errors = np.full(len(scores), np.nan)
    n = [int((subject.fold == fold).sum()) for fold in range(len(scores))]
    rows = [
        [str(fold + 1), f"{n[fold]:,}", f"{shown(scores[fold])} ± {shown(errors[fold])}", *_of_seeds(subject, fold)]
        for fold in range(len(scores))
    ]
    several = [each.name for each in record.variants if each.by_fold_and_seed]
    columns = [
        say("fold", "折"), say("rows", "行数"), say("score", "得分"),
        *(say(f"single models: {name}", f"单个模型：{name}") for name in several),
    ]  # fmt: skip
    table = Table(say("Score by fold", "各折得分"), columns, rows, range(1, len(columns)))
    return Section("folds", say("Score by fold and seed", "各折、各种子的得分"), _lead(subject, scores, errors), [
        _chart(subject, scores, errors), table,
    ])  # fmt: skip


def _of_seeds(subject: Subject, fold: int) -> list[str]:
    """From the worst to the best network of a fold, for each variant."""
    said = []
    for variant in subject.record.variants:
        if by_fold := variant.by_fold_and_seed:
            known = [score for score in (by_fold[fold] if fold < len(by_fold) else []) if math.isfinite(score)]
            ends = dict.fromkeys(shown(each(known)) for each in (min, max)) if known else ["–"]
            said.append(" – ".join(ends))
    return said


def chance_of_folds(scores: FloatArray, errors: FloatArray) -> float:
    """How often folds that differ by chance alone would differ as much: chi squared; NaN where errors are unknown."""
    known = np.isfinite(scores) & np.isfinite(errors) & (errors > 0)
    if known.sum() < 2:
        return float("nan")
    weights = 1 / errors[known] ** 2
    mean = np.average(scores[known], weights=weights)
    return float(chdtrc(known.sum() - 1, float((weights * (scores[known] - mean) ** 2).sum())))


def _lead(subject: Subject, scores: FloatArray, errors: FloatArray) -> str:
    say, p = subject.say, chance_of_folds(scores, errors)
    known = np.isfinite(scores)
    low, high = (shown(float(each(scores[known]))) if known.any() else "–" for each in (np.min, np.max))
    worst = int(np.nanargmin(scores if subject.metric.greater_is_better else -scores)) + 1 if known.any() else 0
    if math.isnan(p):
        first = say(f"The folds score from {low} to {high}.", f"各折得分从 {low} 到 {high}。")
    elif p < RARE:
        first = say(
            f"The folds score from {low} to {high}, further apart than chance among rows explains (p {p:.1g}): "
            f"those of "
            f"fold {worst} are harder. Do rows belong together, or come one after the other?",
            f"各折得分从 {low} 到 {high}，差异超出行抽样的偶然（p {p:.1g}）：第 {worst} 折较难。行之间是否成组，"
            f"或有时间先后？",
        )
    else:
        first = say(
            f"The folds score from {low} to {high}: no more apart than chance among rows makes them (p {p:.2f}).",
            f"各折得分从 {low} 到 {high}：各折的差异可以用抽样的偶然性解释（p {p:.2f}）。",
        )
    return first + say(" ", "") * bool(second := _of_training(subject)) + second


def _of_training(subject: Subject) -> str:
    """What another seed changes, measured by the score's error over rows."""
    say, record = subject.say, subject.record
    spreads = [float(np.std(each.seed_scores, ddof=1)) for each in record.variants if len(each.seed_scores) > 1]
    if not spreads or not record.cv_se or not math.isfinite(max(spreads)):
        return ""
    spread, error = max(spreads), record.cv_se
    compared = say("less than", "小于") if spread < error else say("at least as much as", "不小于")
    return say(
        f"Another seed changes one network's score by {shown(spread)}, {compared} other rows would ({shown(error)}).",
        f"换一个种子，单个网络的得分变化 {shown(spread)}，{compared}换一批行的变化（{shown(error)}）。",
    )


def _chart(subject: Subject, scores: FloatArray, errors: FloatArray) -> Chart:
    say, record = subject.say, subject.record
    shown_errors = np.nan_to_num(errors)
    labels = [say(f"fold {fold + 1}", f"第 {fold + 1} 折") for fold in range(len(scores))]
    keys = [Key(say("fold, ± one standard error", "折，± 一个标准误"), SERIES[0], "dot")]
    by_variant = {each.name: each.by_fold_and_seed for each in record.variants}
    drawn = [(name, of) for name, of in by_variant.items() if of][: len(SHAPES)]
    keys += [
        Key(say(f"single models: {name}", f"单个模型：{name}"), SERIES[i], "dot", SHAPES[i - 1])
        for i, (name, _) in enumerate(drawn, 1)
    ]
    if record.cv_mean is not None:
        keys.append(Key(say("all rows", "所有行"), MUTED, "dashes"))

    def paint(axes: Any) -> None:
        """Draw the points, and a line for all rows."""
        if record.cv_mean is not None:
            axes.axvline(record.cv_mean, color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2)
        for i, (_, of) in enumerate(drawn, 1):
            for fold, own in enumerate(of[: len(scores)]):
                places = np.full(len(own), fold + 0.2 + 0.6 * i / (len(drawn) + 1))
                axes.plot(own, places, SHAPES[i - 1], color=SERIES[i], markersize=5, alpha=0.7, markeredgewidth=0)
        ranges(axes, labels, scores, scores - shown_errors, scores + shown_errors)
        axes.set_ylim(len(scores) - 0.1, -0.6)  # the last one's dots stand free of the axis
        axes.set(xlabel=subject.score_name())

    alt = told(say, [(label, shown(score)) for label, score in zip(labels, scores, strict=True)])
    height = float(80 + 26 * max(4, min(len(scores), 30)))
    return draw(say("Score by fold", "各折得分"), alt, paint, keys=keys, height=height)


def variants(subject: Subject) -> Section | None:
    """How far variants say different things, what each weighs, and what pooling them gains; None for a single one."""
    names = list(subject.alone)
    if len(names) < 2:
        return None
    say = subject.say
    pairs = [(a, b, *_apart(subject, a, b)) for a, b in combinations(names, 2)]
    other = say("another class is said of", "预测类别不同的行")
    columns = [say("variant", "变体"), say("and", "与"), say("errors correlate", "误差相关系数")]
    columns += [] if subject.number else [other]
    rows = [[a, b, shown(r, 3), *([] if subject.number else [percent(share)])] for a, b, r, share in pairs]
    table = Table(say("How alike they are", "彼此的相似程度"), columns, rows, range(2, len(columns)))
    return Section("variants", say("Variants: disagreement and weights", "变体：分歧与权重"), _gained(subject, pairs), [
        _weights(subject), *([_alike(subject, names, pairs)] if len(pairs) > 1 else []), table,
        Text(say(
            "Variants that are good and wrong on different rows gain most when they are pooled: the lower the "
            "correlation "
            "of their errors, the better.",
            "表现都好、但错在不同行上的变体，合并收益最大：误差相关系数越低越好。",
        )),
    ])  # fmt: skip


def _apart(subject: Subject, a: str, b: str) -> tuple[float, float]:
    """Correlation of two variants' errors, and the share of rows of which they say another class."""
    one, other = subject.alone[a], subject.alone[b]
    errors = [_errors(subject, said) for said in (one, other)]
    flat = any(each.std() == 0 for each in errors)
    r = float("nan") if flat else float(np.corrcoef(errors[0], errors[1])[0, 1])
    return r, float((one.argmax(axis=1) != other.argmax(axis=1)).mean())


def _errors(subject: Subject, said: FloatArray) -> FloatArray:
    if subject.number is not None:
        return np.asarray(subject.number.forward(said[:, 0]) - subject.number.forward(subject.y))
    return np.asarray(1 - said[np.arange(len(said)), subject.y.astype(np.int64)])


def _gained(subject: Subject, pairs: list[tuple[str, str, float, float]]) -> str:
    say, metric = subject.say, subject.metric
    scores = {name: metric(subject.y, said) for name, said in subject.alone.items()}
    best = max(scores, key=lambda name: metric.gain(scores[name], 0.0))
    gain, error = metric.difference(subject.y, subject.oof, subject.alone[best], subject.units)
    sure = abs(gain) > 2 * error
    chance = say("more than chance", "超出偶然") if sure else say("no more than chance may make", "不超出偶然")
    way = say("better", "好") if gain >= 0 else say("worse", "差")
    a, b, r, share = min(pairs, key=lambda pair: (math.isnan(pair[2]), pair[2]))
    other = say(
        f", and they say another class of {percent(share)} of the rows", f"，{percent(share)} 的行预测类别不同"
    ) if subject.number is None else ""  # fmt: skip
    return say(
        f"Pooling them is {way} than the best alone ({best}) by {shown(abs(gain))} ± {shown(error)} {metric.name}, "
        f"{chance}. {a} and {b} differ most: their errors correlate by {shown(r, 2)}{other}.",
        f"合并后比最好的单个变体（{best}）{way} {shown(abs(gain))} ± {shown(error)}（{metric.name}），{chance}。"
        f"{a} 与 {b} 差异最大：误差相关系数 {shown(r, 2)}{other}。",
    )


def _weights(subject: Subject) -> Table:
    say, kept = subject.say, subject.run.predictions.weights
    rows = []
    for i, variant in enumerate(subject.record.variants):
        own = None if kept is None or kept.shape[1] != len(subject.record.variants) else kept[:, i]
        spread = "–" if own is None else f"{own.min():.2f} – {own.max():.2f}"
        rows.append([variant.name, shown(variant.score), f"{variant.weight:.2f}", spread, f"{variant.seconds:.0f}"])
    columns = [
        say("variant", "变体"), say("score alone", "单独得分"), say("weight", "权重"),
        say("weight over folds", "各折权重范围"),
        say("seconds", "秒"),
    ]  # fmt: skip
    return Table(say("Scores and weights", "得分与权重"), columns, rows, (1, 2, 3, 4))


def _alike(subject: Subject, names: list[str], pairs: list[tuple[str, str, float, float]]) -> Chart:
    say, of = subject.say, np.eye(len(names))
    for a, b, r, _ in pairs:
        i, j = names.index(a), names.index(b)
        of[i, j] = of[j, i] = r
    texts = [[shown(float(r), 2) for r in row] for row in of] if len(names) <= 8 else []
    alt = told(say, [(listed(say, [a, b]), shown(r, 2)) for a, b, r, _ in pairs])
    height = float(np.clip(80 + 36 * len(names), 150, 400))
    return draw(
        say("Correlation of the variants' errors", "变体误差的相关系数"),
        alt,
        lambda axes: matrix(axes, of, names, names, texts),
        height=height,
    )
