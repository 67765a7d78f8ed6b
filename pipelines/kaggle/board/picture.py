"""The marks, drawn: cross-validated score, forecast, hidden rows, public and private score, run by run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.kaggle.board.marks import RunMark
from pipelines.kaggle.board.percentile import LINES, Field
from pipelines.report.pictures import MUTED, PALETTE, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Say = Callable[[str, str], str]  # English, Chinese -> the one that is asked for: `pages.words.Words`
Scored = tuple[float | None, float | None]  # a score and its standard error
MOST = 40  # marks that can be told apart
LABELS = 12  # names below them
WIDTH = 16  # letters of a name


@dataclass(frozen=True)
class Ink:
    """Colours, for a page has its own."""

    series: Sequence[str] = PALETTE
    muted: str = MUTED


@dataclass(frozen=True)
class Kind:
    """One of the things that are known of a run: its name, its sign, its colour, and what it is for each mark.

    `shift` is how far it stands beside the run's place, so that none hides another.
    """

    name: str
    sign: str
    colour: str
    shift: float
    scores: Sequence[Scored]


def write(path: Path, title: str, marks: Sequence[RunMark], field: Field | None = None) -> None:
    """Draw the newest marks into a PNG, whole or not at all.

    Raises: OSError where it cannot be written.
    """
    shown = marks[-MOST:]
    left_out = f", the newest {len(shown)} of {len(marks)} runs" if len(shown) < len(marks) else ""
    with picture(path, (min(14.0, 6.5 + 0.3 * len(shown)), 5.0), dpi=110) as figure:
        axes = figure.add_subplot()
        draw(axes, shown, lambda english, _chinese: english, field)
        axes.set_title(f"{title}{left_out}")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")


def kinds(marks: Sequence[RunMark], words: Say, ink: Ink | None = None) -> list[Kind]:
    """What is known of any of the marks, the forecast apart, which is `FORECAST`."""
    series = (ink or Ink()).series
    hidden = [(mark.practice.score, mark.practice.se) if mark.practice else (None, None) for mark in marks]
    found = [
        Kind(words("cross-validated", "交叉验证"), "o", series[0], -0.2, [(m.cv, m.cv_se) for m in marks]),
        Kind(words("hidden rows (practice)", "留出行（演练）"), "D", series[3], 0.0, hidden),
        Kind(words("public score", "公榜分数"), "*", series[1], 0.28, [(m.public, None) for m in marks]),
        Kind(words("private score", "私榜分数"), "s", series[2], 0.38, [(m.private, None) for m in marks]),
    ]
    return [kind for kind in found if any(score is not None for score, _ in kind.scores)]


def forecast_name(words: Say) -> str:
    """What the bars are."""
    return words("forecast, 95 % interval", "预估，95% 区间")


def draw(
    axes: "Axes", marks: Sequence[RunMark], words: Say, field: Field | None = None, ink: Ink | None = None
) -> None:
    """Put the marks on empty axes, in their order; with the teams' scores, what half, 90 and 99 % of them reach.

    Bars and signs have labels for a legend, which is the caller's.
    """
    ink = ink or Ink()
    axes.use_sticky_edges = False  # a bar may not stand on the frame
    _draw_forecasts(axes, marks, forecast_name(words), ink.series[6])
    for kind in kinds(marks, words, ink):
        there = [(x + kind.shift, *each) for x, each in enumerate(kind.scores) if each[0] is not None]
        x, y, errors = zip(*there, strict=True)
        axes.errorbar(
            x, y, [error or 0.0 for error in errors] if any(errors) else None, fmt=kind.sign, color=kind.colour,
            label=kind.name, markersize=11 if kind.sign == "*" else 6, capsize=3, zorder=3,
        )  # fmt: skip
    _label(axes, marks, words)
    if field is not None:
        _draw_teams(axes, field, words, ink.muted)


def _draw_forecasts(axes: "Axes", marks: Sequence[RunMark], label: str, colour: str) -> None:
    """A bar from end to end of each interval, with a line at its middle."""
    there = [(x, mark.forecast) for x, mark in enumerate(marks) if mark.forecast]
    if not there:
        return
    axes.bar(
        [x for x, _ in there], [each.high - each.low for _, each in there], 0.26,
        bottom=[each.low for _, each in there], color=colour, alpha=0.35, label=label, zorder=2,
    )  # fmt: skip
    places, means = zip(*[(x, each.mean) for x, each in there], strict=True)
    axes.hlines(means, [x - 0.13 for x in places], [x + 0.13 for x in places], color=colour, zorder=2.5)


def _label(axes: "Axes", marks: Sequence[RunMark], words: Say) -> None:
    """Names below the marks, as many as have room; the day where it changes; room on the right for the teams."""
    step = max(1, -(-len(marks) // LABELS))
    days = ["", *(mark.time[:10] for mark in marks)]
    fresh = [day != before for before, day in pairwise(days)]
    places = range(0, len(marks), step)
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if len(places) > 5 else {}
    sign = " " if turned else "\n"
    labels = [f"{m.time[:10] if new or step > 1 else ''}{sign}{short(m)}" for m, new in zip(marks, fresh, strict=True)]
    axes.set_xticks(list(places), [labels[place].strip() for place in places], **turned)
    middle, half = (len(marks) - 1) / 2, max(1.5, len(marks) / 2 + 0.2)
    axes.set_xlim(middle - half, middle + 1.35 * half)
    axes.grid(visible=False, axis="x")
    metric = next((mark.metric for mark in reversed(marks) if mark.metric), None)
    axes.set_ylabel(metric or words("score", "得分"))


def short(mark: RunMark) -> str:
    """A run's clock time and what it is, or a file's name.

    >>> short(RunMark("20261126-101010-fast", "2026-11-26T10:10:10")), short(RunMark("by-hand-and-long.csv", ""))
    ('10:10 fast', 'by-hand-and-lon…')
    """
    is_run = mark.time and mark.name[:8] == mark.time[:10].replace("-", "")
    text = f"{mark.time[11:16]} {mark.name[16:]}" if is_run else mark.name
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _draw_teams(axes: "Axes", field: Field, words: Say, colour: str) -> None:
    """Lines at what a share of the teams does not surpass; those beyond the marks are left out."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    for percent in LINES:
        score = field.score_at(percent)
        if low <= score <= high:
            axes.axhline(score, color=colour, linestyle=":", linewidth=1.2, zorder=1)
            name = words(f"{percent} % of teams", f"{percent}% 的队伍")
            axes.text(
                1, score, name, transform=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize="small",
                color=colour, parse_math=False,
            )  # fmt: skip
