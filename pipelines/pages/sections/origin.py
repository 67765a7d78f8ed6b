"""Where a run comes from and what it has cost.

What was tuned, leak watch, time and memory, versions and inputs, the record itself.
"""

from typing import Any

import numpy as np

from pipelines.pages.charts.drawing import draw
from pipelines.pages.charts.painters import bars, ranges
from pipelines.pages.parts import Chart, Code, Picture, Section, Table, Text
from pipelines.pages.sections.subject import Subject, listed, told
from pipelines.pages.words import in_language, shown, signed
from pipelines.settings.tuned import FILE, PICTURE, TUNED, Tuned

PNG = b"\x89PNG\r\n\x1a\n"  # how such a file begins


def tuned(subject: Subject) -> Section | None:
    """What the search was worth that has found the variant `tuned`, and how good networks of each depth were."""
    say, folder = subject.say, subject.run.path
    if TUNED not in [each.name for each in subject.record.variants] or not (folder / FILE).exists():
        return None
    found = Tuned.load(folder, subject.record.slug)
    if found.gain is None or found.gain_se is None:
        lead = say("What it gains was not measured: the time was over.", "没有测出增益：时间已到。")
    else:
        chinese = {"helps": "有提升", "hurts": "更差"}.get(found.verdict, "无法区分")
        difference = f"{signed(found.gain)} ± {shown(found.gain_se)}"
        lead = say(
            f"Against {found.candidate.base}, on rows that the search had not seen: {difference} {found.metric}, "
            f"{found.verdict}.",
            f"在搜索没有用过的行上，与 {found.candidate.base} 相比：{difference}（{found.metric}），{chinese}。",
        )
    columns = [
        say("hidden layers", "隐藏层数"), say("candidates", "候选网络"), say("saw all folds", "用完各折"),
        say("best score", "最好得分"),
    ]  # fmt: skip
    table = Table(say("Networks of each depth", "各种层数的网络"), columns, _depths(found), range(4))
    note = Text(say(
        f"The best of many is flattered: the same rows have chosen it. The search is kept in {found.study}, beside "
        f"the runs.",
        f"从许多网络中选出的最好得分偏乐观：正是这些行选出了它。搜索记录在各次运行旁边的 {found.study} 中。",
    ))  # fmt: skip
    parts = [_of_depths(subject, found), table, note, Code(f'"tuned": {found.line},'), _of_search(subject, found)]
    return Section("tuned", say("The tuned variant", "搜索得到的变体"), lead, [each for each in parts if each])


def _depths(found: Tuned) -> list[list[str]]:
    rows = []
    for layers, tried, finished, score, se in found.depths:
        known = "–" if score is None else f"{shown(score)} ± {shown(float('nan') if se is None else se)}"
        rows.append([*(f"{each or 0:.0f}" for each in (layers, tried, finished)), known])
    return rows


def _of_depths(subject: Subject, found: Tuned) -> Chart | None:
    say = subject.say
    known = [(int(layers or 0), score, se or 0.0) for layers, _, _, score, se in found.depths if score is not None]
    if not known:
        return None
    labels = [say(f"{layers} layers", f"{layers} 层") for layers, _, _ in known]
    scores, errors = np.array([each[1] for each in known]), np.array([each[2] for each in known])

    def paint(axes: Any) -> None:
        ranges(axes, labels, scores, scores - errors, scores + errors)
        axes.set(xlabel=subject.score_name())

    alt = told(say, [(label, shown(float(score))) for label, score in zip(labels, scores, strict=True)])
    title = say("Best score by depth, ± one standard error", "各种层数的最好得分，± 一个标准误")
    return draw(title, alt, paint, height=80.0 + 26 * len(labels))


def _of_search(subject: Subject, found: Tuned) -> Picture | None:
    """What `tune` has drawn: Optuna's own plots below the depths."""
    path, say = subject.run.path / PICTURE, subject.say
    png = path.read_bytes() if path.is_file() else b""
    if not png.startswith(PNG):
        return None
    best = f"{found.metric} {shown(found.score)}"
    return Picture(say("The search in pictures", "搜索过程图"), png, say(
        f"Plots of the search's candidates: in the order of their trial, and by what was chosen. The best has {best}.",
        f"搜索中各候选网络的图：按尝试顺序，以及按所选的值。最好的得分为 {best}。",
    ))  # fmt: skip


def leaks(subject: Subject) -> Section | None:
    """What the leak watch said of how the files were parted."""
    say, said = subject.say, subject.record.leaks
    title = say("Leak watch", "泄漏检查")
    if subject.competition.time is not None and not said:
        return Section("leaks", title, say(
            "Not looked for: later rows differ from earlier ones, and the folds know it (the split is by time).",
            "未检查：按时间划分时，后面的行本就不同，各折已考虑到这一点。",
        ))  # fmt: skip
    if not said:
        return Section("leaks", title, say(
            "Nothing was found: test rows look like training rows, and none were kept together that folds part.",
            "未发现问题：测试行与训练行相似，也没有应放在一起却被各折拆开的行。",
        ))  # fmt: skip
    lead = say(
        f"{len(said)} warning{'s' * (len(said) > 1)}: the cross-validated score may not hold for the test rows.",
        f"{len(said)} 条警告：交叉验证得分可能不适用于测试行。",
    )
    return Section("leaks", title, lead, [Text(line) for each in said for line in in_language(each, say)])


def cost(subject: Subject) -> Section | None:
    """Seconds and memory, of the whole and of each variant."""
    say, record = subject.say, subject.record
    if record.seconds is None:
        return None
    per = [(each.name, each.seconds) for each in record.variants if each.seconds]
    rows = [[say("whole run", "整个运行"), f"{record.seconds:,.1f} s"]]
    rows += [[say(f"all models of {name}", f"{name} 的全部模型"), f"{seconds:,.1f} s"] for name, seconds in per]
    if record.peak_memory_mb:
        rows.append([say("memory at peak", "内存峰值"), f"{record.peak_memory_mb:,.0f} MB"])
    n_units = (record.seeds or 0) * len(record.variants) if record.budget is None else sum(record.budget.seeds.values())
    networks = (record.folds or 0) * n_units
    memory = say(
        f", with {record.peak_memory_mb:,.0f} MB of memory at its peak", f"，内存峰值 {record.peak_memory_mb:,.0f} MB"
    ) if record.peak_memory_mb else ""  # fmt: skip
    models = say(f" for {networks} models at most", f"，最多 {networks} 个模型") if networks else ""
    dearest = max(per, key=lambda each: each[1])[0] if len(per) > 1 else ""
    most = say(f" The largest part went to {dearest}.", f"耗时最多的是 {dearest}。") if dearest else ""
    lead = say(f"{record.seconds:,.1f} seconds{models}{memory}.", f"{record.seconds:,.1f} 秒{models}{memory}。") + most
    table = Table(say("Time and memory", "时间与内存"), (say("what", "项目"), say("cost", "开销")), rows, (1,))
    parts: list[Any] = [table]

    def paint(axes: Any) -> None:
        bars(axes, [name for name, _ in per], np.array([seconds for _, seconds in per]))
        axes.set(xlabel=say("seconds", "秒"))

    if len(per) > 1:
        parts.insert(0, draw(
            say("Seconds by variant", "各变体用时（秒）"),
            told(say, [(name, say(f"{seconds:,.1f} s", f"{seconds:,.1f} 秒")) for name, seconds in per]),
            paint, height=float(64 + 26 * max(2, len(per))),
        ))  # fmt: skip
        parts.append(Text(say(
            "Seconds of models that were fitted side by side count for each.", "并行训练的模型，其用时分别计入。"
        )))  # fmt: skip
    return Section("cost", say("Time and memory", "时间与内存"), lead, parts)


def environment(subject: Subject) -> Section:
    """Device, versions, commit, and hashes of what was read and written."""
    say, record = subject.say, subject.record
    known = [
        (say("device", "设备"), record.device), (say("git commit", "git 提交"), record.git_commit),
        (say("preset", "预设"), record.preset), (say("folds", "折数"), record.folds),
        (say("seeds", "种子数"), record.seeds), (say("seed", "种子"), record.seed),
        *((name, version) for name, version in record.versions.items()),
    ]  # fmt: skip
    rows = [[name, str(value)] for name, value in known if value is not None]
    hashes = [[name, digest] for name, digest in record.inputs_sha256.items()]
    if record.csv_sha256:
        hashes.append([say("the submission", "提交文件"), record.csv_sha256])
    parts = [Table(say("Environment", "环境"), (say("what", "项目"), say("value", "值")), rows)]
    if hashes:
        parts.append(Table(say("Files", "文件"), (say("file", "文件"), "sha256"), hashes))
    given = listed(say, [say(name, zh) for name, zh, value in (
        ("versions", "版本", record.versions), ("commit", "提交", record.git_commit), ("device", "设备", record.device),
        ("hashes of the files", "文件哈希", hashes),
    ) if value])  # fmt: skip
    lead = say(f"What is needed to make it again: {given}.", f"复现所需：{given}。")
    if subject.record.git_commit is None:
        lead += say(" The commit is not known.", "提交号未知。")
    return Section("environment", say("Environment", "环境"), lead, parts, folded=True)


def record(subject: Subject) -> Section:
    """The record as it stands beside the csv."""
    say = subject.say
    lead = say(
        "Everything that the run found out, as record.json holds it.", "此次运行的全部结果，即 record.json 的内容。"
    )
    return Section("record", say("The record", "记录"), lead, [Code(subject.record.to_json())], folded=True)
