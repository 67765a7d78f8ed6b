"""The first screen of a report: what came out, how sure it is, and what to do next; as data, and as markup."""

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.metrics import METRICS
from pipelines.pages.marks import Kind, Mark, Marks
from pipelines.pages.parts import Table
from pipelines.pages.render import render
from pipelines.pages.words import Words, in_language, shown, signed
from pipelines.submission.record import Baseline, Forecast, Record

SURE = 1.96  # standard errors; a smaller difference is not told from chance
BASELINES = {
    "majority class": "多数类", "class shares": "类别比例", "logistic regression": "逻辑回归", "ridge": "岭回归",
    "median": "中位数", "mean": "均值", "sex only": "仅看性别",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A number in large, with its error, and what it is; `aside` says more of it."""

    label: str
    value: str
    error: str = ""
    aside: str = ""


@dataclass(frozen=True)
class Step:
    """A file, or a command to type, and what for."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class First:
    """All that the first screen says. `tone` of the verdict is good, bad or plain."""

    name: str
    about: str
    note: str | None
    made: bool
    verdict: str
    tone: str
    leaks: Sequence[str]
    facts: Sequence[Fact]
    marks: Marks | None
    baselines: Table | None
    steps: Sequence[Step]


def first_screen(record: Record, csv: Path | None, words: Words) -> First:
    """What a record says first; `csv` is the submission that the run has written, if any."""
    said, tone = verdict(record, words)
    return First(
        name=record.slug, about=" · ".join(_about(record, words)), note=record.note, made=record.data == "sample",
        verdict=said, tone=tone, leaks=[words(". ", "。").join(in_language(each, words)) for each in record.leaks],
        facts=list(_facts(record, words)), marks=_marks(record, words),
        baselines=_baselines(record, words), steps=list(_steps(record, csv, words)),
    )  # fmt: skip


def first_screen_html(record: Record, csv: Path | None, words: Words) -> str:
    """The first screen as a fragment with its own styles, for a notebook beside other things."""
    return render("fragment.html.jinja", words, first=first_screen(record, csv, words))


def verdict(record: Record, words: Words) -> tuple[str, str]:
    """Whether the run is better than the best of the simple models, and how sure that is; its tone.

    >>> verdict(Record(slug="titanic", data="folder"), Words())[0]
    'This run has no score.'
    """
    if record.cv_mean is None:
        return words("This run has no score.", "本次运行没有得分。"), "bad"
    best = min(record.baselines, key=lambda each: each.gain, default=None)
    said, tone = _against(best, words) if best else (words("There is no baseline to judge by.", "没有可比的基线。"), "")
    if record.leaks:
        warned = words(
            "Do not believe the score yet: the leak watch warns of what is listed below. ",
            "请先不要相信此得分：泄漏检查提出了下列警告。",
        )
        said, tone = warned + said, "bad"
    if record.data == "sample":
        said = words("On made rows: ", "在人造数据上：") + said
    return said, tone


def _against(best: Baseline, words: Words) -> tuple[str, str]:
    """How far we are from the best baseline, in a sentence."""
    name, difference = baseline_name(best.name, words), f"{shown(abs(best.gain))} ± {shown(best.gain_se)}"
    if not best.gain_se > 0 or abs(best.gain) < SURE * best.gain_se:
        return words(
            f"Not told apart from the best baseline, {name} ({signed(best.gain)} ± {shown(best.gain_se)}): "
            "these rows do not tell which is better.",
            f"与最好的基线{name}无法区分（{signed(best.gain)} ± {shown(best.gain_se)}）：仅凭这些行无法判断哪个更好。",
        ), "plain"
    chance = _by_chance(best.gain / best.gain_se, words)
    if best.gain > 0:
        return words(
            f"Better than the best baseline, {name}, by {difference}: two equally good models would differ as much "
            f"{chance}.",
            f"优于最好的基线{name}，差 {difference}：两个同样好的模型出现这么大的差异，机会{chance}。",
        ), "good"
    return words(
        f"Worse than the best baseline, {name}, by {difference}: two equally good models would differ as much "
        f"{chance}. Train for longer, or look at the learning curves.",
        f"不如最好的基线{name}，差 {difference}：两个同样好的模型出现这么大的差异，机会{chance}。"
        "请延长训练，或查看学习曲线。",
    ), "bad"


def _by_chance(z: float, words: Words) -> str:
    """How often two that are equally good differ as much: two-sided, by the normal distribution."""
    p = math.erfc(abs(z) / math.sqrt(2))
    if p < 1e-4:
        return words("less than once in 10,000 times", "小于 1/10,000")
    return words(f"about once in {1 / p:,.0f} times", f"约为 1/{1 / p:,.0f}")


def baseline_name(name: str, words: Words) -> str:
    """A baseline's name; those of this project have one in Chinese too."""
    return words(name, BASELINES.get(name, name))


def _about(record: Record, words: Words) -> Iterator[str]:
    """What kind of run it is, in a line."""
    yield words(f"run {record.run}", f"运行 {record.run}") if record.run else words("a run", "运行")
    if record.budget is None:
        yield words(f"preset {record.preset}", f"预设 {record.preset}")
    else:
        minutes, n_units = f"{record.budget.minutes:g}", sum(record.budget.seeds.values())
        yield words(f"the best of {minutes} minutes", f"{minutes} 分钟内的最佳结果")
        yield words(f"{record.folds} folds × {_several(n_units, 'unit')}", f"{record.folds} 折 × {n_units} 组模型")
    if record.folds and record.seeds:
        n_folds, n_seeds, n_variants = record.folds, record.seeds, len(record.variants)
        yield words(f"{n_folds} folds × {_several(n_seeds, 'seed')}", f"{n_folds} 折 × {n_seeds} 个种子")
        yield words(_several(n_variants, "variant"), f"{n_variants} 个模型变体")
    if record.seconds is not None:
        yield words(f"{record.seconds:,.0f} s on {record.device}", f"{record.seconds:,.0f} 秒，{record.device}")


def _several(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _facts(record: Record, words: Words) -> Iterator[Fact]:
    """The numbers in large: the score, what to expect of it, and what became of it."""
    if record.cv_mean is not None:
        label = words(f"{record.metric}, cross-validated", f"{record.metric}，交叉验证")
        error = "" if record.cv_se is None else f"± {shown(record.cv_se)}"
        yield Fact(label, shown(record.cv_mean), error, _direction(record, words))
    if record.baselines:
        best = min(record.baselines, key=lambda each: each.gain)
        name = baseline_name(best.name, words)
        label = words("against the best baseline (+ is better)", "与最好的基线之差（正为更好）")
        yield Fact(
            label, signed(best.gain), f"± {shown(best.gain_se)}", words(f"{name}, row by row", f"{name}，逐行配对")
        )
    if record.forecast is not None and record.data != "sample":
        yield _forecast(record, words)
    if record.practice is not None:
        hidden = record.practice
        aside = words(f"{hidden.rows:,} rows that the run has not seen", f"{hidden.rows:,} 行，运行时未见过")
        label = words("practice, hidden rows", "演练：隐藏的行")
        yield Fact(label, shown(hidden.score), f"± {shown(hidden.se)}", aside + _beside(hidden.score, record, words))
    kaggle = record.kaggle
    if kaggle is not None and kaggle.public is not None:
        rank = "" if kaggle.rank is None else words(f"rank {kaggle.rank:,}", f"排名 {kaggle.rank:,}")
        aside = rank + _beside(kaggle.public, record, words)
        yield Fact(words("public score, by Kaggle", "Kaggle 公榜分数"), shown(kaggle.public), "", aside.lstrip(";； "))
    if kaggle is not None and kaggle.private is not None:
        yield Fact(words("private score, by Kaggle", "Kaggle 私榜分数"), shown(kaggle.private))


def _forecast(record: Record, words: Words) -> Fact:
    forecast = record.forecast
    assert forecast is not None
    hidden = record.practice is not None
    label = words(
        "forecast, hidden rows" if hidden else "forecast of the public score",
        "预估：隐藏的行" if hidden else "公榜分数的预估",
    )
    aside = words(f"95 % interval, {forecast.n_public:,} rows", f"95 % 区间，{forecast.n_public:,} 行")
    if not _between(forecast):
        aside = words(f"{forecast.n_public:,} rows; the interval is not known", f"{forecast.n_public:,} 行；区间未知")
    if forecast.n_published:
        n = forecast.n_published
        aside += words(f"; shifted as {n} published models were", f"；按 {n} 个已发表模型的偏移调整")
    return Fact(label, shown(forecast.mean), _between(forecast), aside)


def _between(forecast: Forecast) -> str:
    """The interval in words; nothing where it is not known."""
    known = math.isfinite(forecast.low) and math.isfinite(forecast.high)
    return f"{shown(forecast.low)} – {shown(forecast.high)}" if known else ""


def _beside(score: float, record: Record, words: Words) -> str:
    """Whether a score that came later lies where it was forecast."""
    if record.forecast is None or not _between(record.forecast):
        return ""
    if record.forecast.low <= score <= record.forecast.high:
        return words("; inside the forecast's interval", "；在预估区间内")
    return words("; outside the forecast's interval", "；在预估区间外")


def _direction(record: Record, words: Words) -> str:
    """Which way is better: as the metric says, or as the differences to baselines tell."""
    known = {metric.name: metric.greater_is_better for metric in METRICS.values()}
    ahead = [(each.gain > 0) == (record.cv_mean > each.score) for each in record.baselines
             if each.gain and record.cv_mean is not None and record.cv_mean != each.score]  # fmt: skip
    greater = known.get(record.metric or "", ahead[0] if ahead else None)
    if greater is None:
        return ""
    return words("higher is better", "越高越好") if greater else words("lower is better", "越低越好")


def _marks(record: Record, words: Words) -> Marks | None:
    """Score, baselines, forecast and what became of it, on one axis; all intervals are of 95 %."""
    if record.cv_mean is None or not math.isfinite(record.cv_mean):
        return None
    marks = [_mark(words("this run", "本次运行"), record.cv_mean, record.cv_se, "ours")]
    best_first = sorted(record.baselines, key=lambda each: each.gain)
    marks += [_mark(baseline_name(each.name, words), each.score, each.se, "baseline") for each in best_first]
    if (forecast := record.forecast) is not None and record.data != "sample":
        between = _between(forecast)
        low, high = (forecast.low, forecast.high) if between else (None, None)
        written = between or shown(forecast.mean)
        marks.append(Mark(words("forecast", "预估"), forecast.mean, low, high, written, "forecast"))
    if (hidden := record.practice) is not None:
        marks.append(_mark(words("practice", "演练"), hidden.score, hidden.se, "known"))
    kaggle = record.kaggle
    for label, score in [] if kaggle is None else [
        (words("public", "公榜分数"), kaggle.public), (words("private", "私榜分数"), kaggle.private)
    ]:  # fmt: skip
        marks += [] if score is None else [_mark(label, score, None, "known")]
    note = words(
        "Lines are 95 % intervals. Whether two differ is told by the paired differences below, not by overlaps.",
        "线段为 95 % 区间。两者是否有差异，应看下表的配对差，而不是线段是否重叠。",
    )
    title = words(f"{record.metric} on one axis", f"同一坐标轴上的 {record.metric}")
    return Marks(title, [mark for mark in marks if math.isfinite(mark.value)], note)


def _mark(label: str, score: float, se: float | None, kind: Kind) -> Mark:
    if se is None or not math.isfinite(se):
        return Mark(label, score, None, None, shown(score), kind)
    return Mark(label, score, score - SURE * se, score + SURE * se, f"{shown(score)} ± {shown(se)}", kind)


def _baselines(record: Record, words: Words) -> Table | None:
    """Simple models on the same folds, the best first."""
    if not record.baselines:
        return None
    columns = [
        words("baseline", "基线"), words("this run is better by", "本次运行优于它"),
        record.metric or words("score", "得分"), words("told from chance", "超出偶然？"),
    ]  # fmt: skip
    rows = [
        [
            baseline_name(each.name, words), f"{signed(each.gain)} ± {shown(each.gain_se)}",
            f"{shown(each.score)} ± {shown(each.se)}",
            words("yes", "是") if abs(each.gain) >= SURE * each.gain_se > 0 else words("no", "否"),
        ]
        for each in sorted(record.baselines, key=lambda each: each.gain)
    ]  # fmt: skip
    title = words("Simple models on the same folds, compared row by row; ± is one standard error",
                  "相同折上的简单模型，逐行比较；± 为一个标准误")  # fmt: skip
    return Table(title, columns, rows, numeric=(1, 2))


def _steps(record: Record, csv: Path | None, words: Words) -> Iterator[Step]:
    """Where the csv lies, and the next command."""
    slug, run = record.slug, "python -m pipelines"
    if csv is not None:
        made = words(" (of made rows: not to be uploaded)", "（人造数据，不可提交）") if record.data == "sample" else ""
        yield Step(words("Submission, checked", "提交文件（已检查）") + made, str(csv))
    if record.data == "sample":
        yield Step(
            words("Next: get the real data, then run again", "下一步：下载真实数据后重新运行"), f"{run} data {slug}"
        )
    elif csv is None:
        command = shlex.join([*run.split(), "run", slug, *_options(record)])
        yield Step(words("Next: write a submission", "下一步：写出提交文件"), command)
    elif record.kaggle is None or record.kaggle.public is None:
        yield Step(words("Next: upload it and wait for its score", "下一步：上传并等待得分"), f"{run} submit {slug}")
    else:
        yield Step(words("Next: does an idea help?", "下一步：试一个想法"), f"{run} try {slug} --features idea.py")


def _options(record: Record) -> Iterator[str]:
    """What the command line needs for a run of the same plan."""
    if record.budget is not None:
        yield from ("--minutes", f"{record.budget.minutes:g}")
    elif record.preset not in (None, "fast"):
        yield from ("--preset", str(record.preset))
    if record.data == "folder" and record.where:
        yield from ("--data", record.where)
    for option, value in (("--folds", record.folds), ("--seeds", record.seeds), ("--seed", record.seed or None)):
        if value is not None:
            yield from (option, str(value))
    if record.variants:
        yield from ("--variants", ",".join(each.name for each in record.variants))
