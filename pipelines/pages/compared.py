"""Two runs side by side, as a page in B's folder."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.files import write_whole
from pipelines.pages.first import SURE, Fact, baseline_name
from pipelines.pages.marks import Mark, Marks
from pipelines.pages.parts import Section, Table, Text
from pipelines.pages.render import render
from pipelines.pages.words import NONE, Words, shown, signed
from pipelines.runs.history.choice import KeptRun
from pipelines.runs.history.compare import SURE as CHANCE
from pipelines.runs.history.compare import Apart, Comparison, Part
from pipelines.submission.record import Record

LONGEST = 120  # characters of a setting that are shown


def write_comparison(found: Comparison, a: KeptRun, b: KeptRun, target: str, words: Words) -> Path:
    """Write the page of a comparison into B's folder, whole or not at all; returns where it is.

    Raises: OSError.
    """
    path = b.folder.path / f"compare-{a.folder.name}.html"
    write_whole(path, comparison_page(found, a, b, target, words).encode())
    return path


def comparison_page(found: Comparison, a: KeptRun, b: KeptRun, target: str, words: Words) -> str:
    """The whole page; `target` is what the runs predict."""
    verdict, tone = plain_verdict(found, words)
    return render(
        "compare.html.jinja", words, name=a.record.slug, a=a.folder.name, b=b.folder.name, verdict=verdict, tone=tone,
        made="sample" in (a.record.data, b.record.data), facts=list(_facts(found, words)), notes=found.notes,
        sections=list(_sections(found, a.record, b.record, target, words)),
    )  # fmt: skip


def plain_verdict(found: Comparison, words: Words) -> tuple[str, str]:
    """Which of the two is better, if that can be told, in a sentence; its tone."""
    if not math.isfinite(found.p):
        return words(
            "The two cannot be told apart: too few rows, or classes, to score.", "两者无法区分：可评分的行或类别太少。"
        ), "plain"
    if not found.most_apart:
        return words(
            "Not told apart: A and B say the same of every row.", "无法区分：A 与 B 对每一行的预测都相同。"
        ), "plain"
    difference, p = f"{shown(abs(found.gain))} ± {shown(found.se)}", f"p {found.p:.2g}"
    if found.p >= CHANCE:
        return words(
            f"Not told apart: B is better by {signed(found.gain)} ± {shown(found.se)}, "
            f"which chance alone may bring ({p}).",
            f"无法区分：B 好 {signed(found.gain)} ± {shown(found.se)}，可能只是偶然（{p}）。",
        ), "plain"
    better = "B" if found.gain > 0 else "A"
    return words(
        f"{better} is better, by {difference}: two that are equally good would seldom differ as much ({p}).",
        f"{better} 更好，差 {difference}：两个同样好的运行很少会相差这么多（{p}）。",
    ), "good" if better == "B" else "bad"


def _facts(found: Comparison, words: Words) -> Iterator[Fact]:
    rows = words(f"{found.rows:,} rows that both have scored", f"两者都评分的 {found.rows:,} 行")
    yield Fact(f"A, {found.metric}", shown(found.score_a), "", rows)
    yield Fact(f"B, {found.metric}", shown(found.score_b), "", rows)
    trained = found.rows_se is not None
    aside = words(
        "paired, row by row; counts the chance of training" if trained else "paired, row by row",
        "逐行配对；计入训练的偶然性" if trained else "逐行配对",
    )
    yield Fact(words("B is better by", "B 好"), signed(found.gain), f"± {shown(found.se)}", aside)
    if found.rows_se is not None:
        label = words("by the rows alone, as trained", "仅按行计，不重新训练")
        yield Fact(label, signed(found.gain), f"± {shown(found.rows_se)}")
    if math.isfinite(found.correlation):
        aside = words("1: both err on the same rows; lower: a blend of both gains", "1：错在相同的行；越低，融合越有益")
        yield Fact(words("errors correlate", "误差相关"), f"{found.correlation:.3f}", "", aside)
    if found.other_labels is not None:
        yield Fact(words("another class is said of", "预测类别不同"), f"{found.other_labels:,}", words("rows", "行"))


def _sections(found: Comparison, a: Record, b: Record, target: str, words: Words) -> Iterator[Section]:
    yield Section(
        "both",
        words("Both runs", "两次运行"),
        words("What each of them found out.", "各自的结果。"),
        [_both(a, b, words)],
    )
    if found.folds:
        lead = words("A gain that is real shows in most folds.", "真实的提升应出现在大多数折上。")
        name = words("fold", "折")
        yield Section("folds", words("By fold", "按折"), lead, list(_of_parts(found.folds, name, words)))
    if found.classes:
        lead = words(f"On which rows B is better: by {target}.", f"B 在哪些行上更好：按 {target}。")
        title = words(f"By {target}", f"按 {target}")
        yield Section("classes", title, lead, list(_of_parts(found.classes, target, words)))
    if found.most_apart:
        lead = words(
            "Out of fold, of the training rows; in brackets the probability of the class that is said.",
            "训练行的折外预测；括号内为所预测类别的概率。",
        )
        title = words("Where they disagree most", "分歧最大的行")
        yield Section("apart", title, lead, [_apart(found.most_apart, words)])
    yield Section("settings", words("What differs between them", "设置的差异"), "", [_different(a, b, words)])


def _both(a: Record, b: Record, words: Words) -> Table:
    """Scores and costs, A beside B."""
    rows: dict[str, Callable[[Record], str]] = {
        a.metric or words("score", "得分"): lambda r: _with_error(r.cv_mean, r.cv_se),
        words("best baseline", "最好的基线"): lambda r: _best(r, words),
        words("forecast, 95 % interval", "预估，95 % 区间"): _forecast,
        words("practice, hidden rows", "演练：隐藏的行"): lambda r: (
            _with_error(r.practice.score, r.practice.se) if r.practice else NONE
        ),
        words("public score", "公榜分数"): lambda r: _with_error(r.kaggle.public if r.kaggle else None, None),
        words("variants", "模型变体"): lambda r: ", ".join(each.name for each in r.variants) or NONE,
        words("seconds", "秒"): lambda r: NONE if r.seconds is None else f"{r.seconds:,.1f}",
        words("memory at peak, MB", "内存峰值，MB"): lambda r: (
            NONE if r.peak_memory_mb is None else f"{r.peak_memory_mb:,.0f}"
        ),
        words("note", "备注"): lambda r: r.note or NONE,
    }
    told = [[name, of(a), of(b)] for name, of in rows.items() if (of(a), of(b)) != (NONE, NONE)]
    return Table(words("Both runs", "两次运行"), [words("what", "项目"), "A", "B"], told)


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return NONE
    return shown(value) if error is None else f"{shown(value)} ± {shown(error)}"


def _best(record: Record, words: Words) -> str:
    best = min(record.baselines, key=lambda each: each.gain, default=None)
    return NONE if best is None else f"{baseline_name(best.name, words)} {_with_error(best.score, best.se)}"


def _forecast(record: Record) -> str:
    f = record.forecast
    if f is None or not math.isfinite(f.mean):
        return NONE
    known = math.isfinite(f.low) and math.isfinite(f.high)
    return f"{shown(f.mean)} ({shown(f.low)} – {shown(f.high)})" if known else shown(f.mean)


def _of_parts(parts: Sequence[Part], name: str, words: Words) -> Iterator[Marks | Table]:
    """The gain on each part of the rows: drawn around nought, and as numbers."""
    gain = words("B is better by", "B 好")
    marks = [
        Mark(part.name, part.gain, *_interval(part), signed(part.gain), "ours")
        for part in parts
        if math.isfinite(part.gain)
    ]
    if marks:
        note = words("Right of 0: B is better. Lines are 95 % intervals.", "0 的右侧：B 更好。线段为 95 % 区间。")
        yield Marks(gain, marks, note, around=0.0)
    rows = [[part.name, f"{part.rows:,}", f"{signed(part.gain)} ± {shown(part.se)}"] for part in parts]
    yield Table(words(f"By {name}", f"按{name}"), [name, words("rows", "行数"), gain], rows, numeric=(1, 2))


def _interval(part: Part) -> tuple[float | None, float | None]:
    return (part.gain - SURE * part.se, part.gain + SURE * part.se) if math.isfinite(part.se) else (None, None)


def _apart(rows: Sequence[Apart], words: Words) -> Table:
    columns = ["id", words("truth", "真值"), words("A says", "A 的预测"), words("B says", "B 的预测")]
    said = [[row.id, row.truth, _said(row.a, row.sure_a), _said(row.b, row.sure_b)] for row in rows]
    return Table(words("The most different predictions", "差异最大的预测"), columns, said)


def _said(what: str, sure: float | None) -> str:
    return what if sure is None else f"{what} ({sure:.2f})"


def _different(a: Record, b: Record, words: Words) -> Table | Text:
    """What the two were made with, where that is not the same."""
    of_a, of_b = settings(a), settings(b)
    names = [name for name in of_a | of_b if of_a.get(name) != of_b.get(name)]
    if not names:
        return Text(words("Nothing: the same settings, data and versions.", "没有差异：设置、数据与版本都相同。"))
    rows = [[name, *(_short(each.get(name, NONE)) for each in (of_a, of_b))] for name in names]
    return Table(words("Settings", "设置"), [words("setting", "设置"), "A", "B"], rows)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def settings(record: Record) -> dict[str, str]:
    """All that a run was made with, by name.

    >>> settings(Record(slug="titanic", data="folder", folds=5, versions={"torch": "2.11"}))
    {'data': 'folder', 'folds': '5', 'versions.torch': '2.11'}
    """
    names = ("data", "where", "preset", "folds", "seeds", "seed", "device", "git_commit", "versions", "inputs_sha256")
    found: dict[str, Any] = {name: getattr(record, name) for name in names}
    for variant in record.variants:
        found[variant.name] = {"model": variant.model} | variant.recipe
    return dict(_flat(found, ""))


def _flat(value: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _flat(each, f"{before}{name}.")
        elif each is not None:
            yield f"{before}{name}", str(each)
