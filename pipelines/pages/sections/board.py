"""All runs of a competition beside each other: what was forecast, what came, and where that is among all teams.

And what the command `practice` said of forecasts, as it has kept it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.kaggle.board import picture
from pipelines.kaggle.board.marks import RunMark
from pipelines.kaggle.board.percentile import Field
from pipelines.kaggle.board.show import Shown
from pipelines.pages.charts.colours import MUTED, SERIES
from pipelines.pages.charts.drawing import SMALL, Key, draw
from pipelines.pages.parts import Chart, Section, Table, Text
from pipelines.pages.sections.subject import Subject, percent, told
from pipelines.pages.words import shown, signed
from pipelines.runs.folder import RunFolder
from pipelines.submission.plain import from_plain

DRAWN, LISTED = 12, 40  # the newest runs
PRACTICE = Path("reports/practice")  # of the working directory, where the command writes it
VERDICTS = {
    "few": ("too few rounds to tell", "次数太少，无法判断"),
    "holds": ("the forecast holds", "预估可信"),
    "high": ("the forecast is too high", "预估偏高"),
    "low": ("the forecast is too low", "预估偏低"),
    "narrow": ("its intervals are too narrow", "预估区间偏窄"),
    "wide": ("its intervals are too wide", "预估区间偏宽"),
}


def board(subject: Subject) -> Section | None:
    """A mark for each run; None where there is one alone, and nobody to compare it with."""
    say, runs = subject.say, subject.run.path.absolute().parent.parent
    found = Shown.of(subject.record.slug, runs, _submissions(subject), run=own_name(subject))
    if len(found.marks) < 2 and found.field is None:
        return None
    parts: list[Chart | Table | Text] = [_chart(subject, found), _table(subject, found)]
    if found.field is not None and found.teams is not None:
        parts.append(Text(_teams(subject, found.field, f"{found.teams.fetched:%Y-%m-%d}")))
    title = say("All runs: what was forecast, and what came", "所有运行：预估与结果")
    return Section("board", title, _lead(subject, found), parts)


def _submissions(subject: Subject) -> Path:
    """Where the run's csv went; of the copy of a run, whose first folder is still there, what lies beside the copy."""
    path = subject.run.path.absolute()
    beside, options = path.parent.parent.with_name("submissions"), RunFolder(path).plan().get("options")
    output, runs = (options.get(name) for name in ("output", "runs")) if isinstance(options, dict) else (None, None)
    if not isinstance(output, str):  # a run of before
        return beside
    first = Path(output).parent / (runs if isinstance(runs, str) else "runs") / path.parent.name / own_name(subject)
    return beside if first.exists() and not first.samefile(path) else Path(output)


def own_name(subject: Subject) -> str:
    """The name that the run has among the marks: its folder may have another one since."""
    return subject.record.run or subject.run.path.absolute().name


def _lead(subject: Subject, found: Shown) -> str:
    say = subject.say
    both = [(mark.public, mark.forecast) for mark in found.marks if mark.public is not None and mark.forecast]
    held = sum(forecast.low <= public <= forecast.high for public, forecast in both)
    n = len(found.marks)
    runs = say(f"{n} run{'s' * (n != 1)}", f"共 {n} 次运行")
    if both:
        lead = say(
            f"{runs}. Of {len(both)} with a forecast and a public score, {held} came into the 95 % interval.",
            f"{runs}。有预估且有公榜分数的 {len(both)} 次中，{held} 次落在 95% 区间内。",
        )
    else:
        lead = say(f"{runs}; no public score is known yet.", f"{runs}，尚无公榜分数。")
    own = next((mark.forecast for mark in found.marks if mark.name == own_name(subject)), None)
    if found.field is None or own is None:
        return lead
    low, middle, high = (percent(share) for share in sorted(
        found.field.standing(score).percent / 100 for score in (own.low, own.mean, own.high)
    ))  # fmt: skip
    return lead + say(
        f" This run's forecast is better than {middle} of the teams ({low} to {high}).",
        f"本次运行的预估优于 {middle} 的队伍（{low} 至 {high}）。",
    )


def _teams(subject: Subject, field: Field, day: str) -> str:
    best, say = field.score_at(100), subject.say
    shared = f"{field.standing(best).level:,}"
    return say(
        f"Kaggle's public leaderboard of {day}: {len(field.gains):,} teams; the best score is {best:.5f} ({shared} "
        f"of the teams have it), the median {field.score_at(50):.5f}. No better than a dotted line are so many teams.",
        f"Kaggle 公开排行榜（{day}）：{len(field.gains):,} 支队伍；最高分 {best:.5f}（{shared} 支队伍），"
        f"中位数 {field.score_at(50):.5f}。虚线表示有相应比例的队伍得分不优于该线。",
    )


def _chart(subject: Subject, found: Shown) -> Chart:
    say, marks = subject.say, list(found.marks[-DRAWN:])
    ink = picture.Ink(SERIES, MUTED)

    def paint(axes: Any) -> None:
        picture.draw(axes, marks, say, found.field, ink)
        axes.set_xticks(range(len(marks)), [picture.short(mark) for mark in marks], rotation=0, ha="center")
        for text in axes.texts:  # what teams' lines are
            text.set_fontsize(SMALL)

    keys = [Key(kind.name, kind.colour, "dot", kind.sign) for kind in picture.kinds(marks, say, ink)]
    if any(mark.forecast for mark in marks):
        keys.append(Key(picture.forecast_name(say), SERIES[6], "band"))
    alt = told(say, [(mark.name, say(", ", "，").join(_known(subject, mark))) for mark in marks])
    newest = "" if len(marks) == len(found.marks) else say(f", the newest {len(marks)}", f"（最新 {len(marks)} 次）")
    return draw(say("Runs by time", "按时间排列的运行") + newest, alt, paint, keys=keys, height=320)


def _known(subject: Subject, mark: RunMark) -> list[str]:
    say, forecast = subject.say, mark.forecast
    said = [
        (say("cross-validated", "交叉验证"), mark.cv), (say("public", "公开"), mark.public),
        (say("private", "私有"), mark.private),
        (say("hidden rows", "留出行"), mark.practice.score if mark.practice else None),
    ]  # fmt: skip
    known = [f"{name} {shown(score)}" for name, score in said if score is not None]
    if forecast:
        known.append(say("forecast", "预估") + f" {shown(forecast.low)} – {shown(forecast.high)}")
    return known or ["–"]


def _table(subject: Subject, found: Shown) -> Table:
    say = subject.say
    columns = [
        say("run", "运行"), say("cross-validated", "交叉验证"), say("forecast", "预估"), say("hidden rows", "留出行"),
        say("public", "公榜分数"), say("private", "私榜分数"), say("better than, of the teams", "优于的队伍比例"),
    ]  # fmt: skip
    rows = []
    for mark in reversed(found.marks[-LISTED:]):
        forecast, hidden = mark.forecast, mark.practice
        better = found.field.standing(mark.public).percent / 100 if found.field and mark.public is not None else None
        rows.append([
            mark.name, _with_error(mark.cv, mark.cv_se),
            f"{shown(forecast.mean)} ({shown(forecast.low)} – {shown(forecast.high)})" if forecast else "–",
            _with_error(hidden.score, hidden.se) if hidden else "–", shown(mark.public, 5), shown(mark.private, 5),
            "–" if better is None else percent(better),
        ])  # fmt: skip
    return Table(say("Runs, the newest first", "各次运行，最新在前"), columns, rows, range(1, 7))


def _with_error(score: float | None, error: float | None) -> str:
    return shown(score) if score is None or error is None else f"{shown(score)} ± {shown(error)}"


@dataclass(frozen=True)
class _Held:
    level: float
    held: int
    rounds: int
    low: float
    high: float


@dataclass(frozen=True)
class _Coverage:
    held: list[_Held]
    verdict: str
    rounds: int
    shift: float | None = None
    shift_se: float | None = None


@dataclass(frozen=True)
class _Practice:
    """What a page tells of practice.json."""

    data: str
    metric: str
    by_time: bool
    coverage: _Coverage
    unpublished: bool = False


def practice(subject: Subject) -> Section | None:
    """How often forecasts held in practice; None where nobody practised with such rows and this metric."""
    say, record = subject.say, subject.record
    path, title = (
        PRACTICE / record.slug / "practice.json",
        say("Practice: how often forecasts held", "演练：预估的可信度"),
    )
    try:
        found: _Practice = from_plain(_Practice, json.loads(path.read_bytes()), "")
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        said = VERDICTS[found.coverage.verdict]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, RecursionError):
        lead = say(f"{path.as_posix()} cannot be read, and is left out.", f"无法读取 {path.as_posix()}，已略去。")
        return Section("practice", title, lead)
    if (found.data == "sample", found.metric) != (record.data == "sample", record.metric):
        return None
    n = found.coverage.rounds
    lead = say(
        f"{n} round{'s' * (n != 1)} with hidden training rows, {when:%Y-%m-%d}: {said[0]}.",
        f"{when:%Y-%m-%d} 隐藏部分训练行演练 {n} 次：{said[1]}。",
    )
    return Section("practice", title, lead, [_held(subject, found.coverage), *_notes(subject, found)])


def _held(subject: Subject, coverage: _Coverage) -> Table:
    say = subject.say
    rows = [[
        percent(each.level, 0), f"{each.held} / {each.rounds}", percent(each.held / max(1, each.rounds)),
        f"{percent(each.low)} – {percent(each.high)}",
    ] for each in coverage.held]  # fmt: skip
    columns = [
        say("interval", "区间"), say("outcomes inside", "落在其中的次数"), say("share", "比例"),
        say("95 % interval of the share (binomial)", "比例的 95% 区间（二项分布）"),
    ]  # fmt: skip
    return Table(say("Intervals of the forecast, and outcomes", "预估区间与实际结果"), columns, rows, range(1, 4))


def _notes(subject: Subject, found: _Practice) -> list[Text]:
    say, shift, error = subject.say, found.coverage.shift, found.coverage.shift_se
    notes = []
    if shift is not None:
        off = signed(shift) if error is None else f"{signed(shift)} ± {shown(error)}"
        notes.append(say(f"Outcome minus forecast, on the average: {off}.", f"实际减预估的平均值：{off}。"))
    if found.by_time:
        notes.append(say(
            "Hidden rows of rounds overlap: the rounds are not independent, and the errors are too small.",
            "各次隐藏的行有重叠：各次并不独立，误差偏小。",
        ))  # fmt: skip
    if found.unpublished:
        notes.append(say(
            "Judged is the forecast without the shift of published models, which that of a run has.",
            "这里评判的预估不含已发表模型的偏移，而运行的预估含此偏移。",
        ))  # fmt: skip
    return [Text(each) for each in notes]
