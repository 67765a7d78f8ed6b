"""The page of a run that is not over: rewritten as it goes on; a browser's tab, which asks again, shows it growing.

Its curves are drawn by hand: matplotlib would take longer than the page may.
"""

import html
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import TrainingWarning
from pipelines.files import write_whole
from pipelines.language.catalogue import translated
from pipelines.pages.parts import Chart, Table
from pipelines.pages.render import render
from pipelines.pages.words import Words
from pipelines.runs.folder import REPORT

if TYPE_CHECKING:
    from pipelines.report.live.parts import Part
    from pipelines.report.live.so_far import SoFar

FIRST, EVERY = 3.0, 10.0  # seconds until the page is written, and at least between two times
LONGEST = 30.0  # and at most
SHARE = 0.005  # of a run's time that its page may take, as far as that goes
REFRESH = 10  # seconds after which a tab asks again
WIDTH, NARROW, HEIGHT, LEFT, BOTTOM, TOP = 440, 310, 200, 52, 22, 8  # of a chart, and of one on a phone
POINTS = 100  # of a curve


class LivePage:
    """Writes the page when it is told how far a run is, if it is time; `line` says that in words.

    A page that cannot be written is given up, with one warning; the run goes on.
    """

    def __init__(
        self, words: Words, line: "Callable[[SoFar, Words], str]", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._words, self._line, self._clock = words, line, clock
        self._again, self._n_written, self._given_up = clock() + FIRST, 0, False

    def __call__(self, so_far: "SoFar") -> None:
        """Write it; one that was written is written a last time when the run is over."""
        now, folder = self._clock(), so_far.folder
        is_time = self._n_written > 0 if so_far.is_over else now >= self._again
        if folder is None or self._given_up or not is_time or not folder.exists():
            return
        try:
            write_whole(folder / REPORT, page(so_far, self._line(so_far, self._words), self._words).encode())
        except Exception as error:
            self._given_up = True
            _warn(folder / REPORT, error)
        took = (self._clock() - now) / SHARE if self._n_written else 0.0  # the first time loads the templates, too
        self._again, self._n_written = self._clock() + min(max(EVERY, took), LONGEST), self._n_written + 1


def page(so_far: "SoFar", line: str, words: Words) -> str:
    """The page as it is now."""
    return render(
        "live.html.jinja", words, refresh=None if so_far.failed else REFRESH,
        failed=so_far.failed, is_over=so_far.is_over,
        name="" if so_far.competition is None else so_far.competition.slug,
        run="" if so_far.folder is None else so_far.folder.name, line=line, share=so_far.share,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", elapsed=f"{so_far.elapsed / 60:.1f}",
        tables=list(_tables(so_far, words)),
        charts=[_chart(part, words) for part in so_far.variants if part.losses], to_come=_to_come(so_far, words),
    )  # fmt: skip


def _tables(so_far: "SoFar", words: Words) -> Iterator[Table]:
    """What is known of each variant and each baseline."""
    metric = "" if so_far.competition is None else so_far.competition.metric.name
    so_far_score, seconds = words(f"{metric} so far", f"目前的{metric}"), words("seconds", "秒")
    of_both = [words("models done", "已完成的模型"), so_far_score, seconds]
    for title, column, parts in (
        (words("Variants", "模型变体"), words("variant", "变体"), so_far.variants),
        (words("Simple models on the same folds", "相同折上的简单模型"), words("baseline", "基线"), so_far.baselines),
    ):
        if parts:
            yield Table(title, [column, *of_both], [_row(part, words) for part in parts], numeric=(1, 2, 3))


def _row(part: "Part", words: Words) -> list[str]:
    score = "-" if part.score is None or part.se is None else f"{part.score:.4f} ± {part.se:.4f}"
    return [translated(part.name, words.language), f"{len(part.done)} / {part.n_models}", score, f"{part.seconds:.0f}"]


def _to_come(so_far: "SoFar", words: Words) -> str:
    """What is still to be done, in the order in which it is."""
    left = [(part.name, part.n_models - len(part.done)) for part in so_far.variants if not part.is_done]
    n_baselines = sum(part.n_models - len(part.done) for part in so_far.baselines)
    steps = [words(f"{n_baselines} fits of simple models", f"简单模型 {n_baselines} 个")] if n_baselines else []
    steps += [words(f"{n} models of {name}", f"{name} 的模型 {n} 个") for name, n in left]
    last = words("then the pool of all, the checks, and the report", "最后合并、检查并生成报告")
    return words(", ", "，").join([*steps, last])


def _chart(part: "Part", words: Words) -> Chart:
    """The loss of each epoch, a line per fold, of training rows and, dashed, of rows held out."""
    training, held_out = ([_thinned(losses) for losses in each] for each in part.curves)
    values = [loss for curve in (*training, *held_out) for _, loss in curve]
    low, high, last = min(values), max(values), max(epoch for curve in training for epoch, _ in curve)
    title = words(f"{part.name}: training loss by epoch, a line per fold", f"{part.name}：各轮的训练损失，每折一条线")
    if held_out:
        title += words("; dashed: of rows held out", "；虚线为留出行")
    alt = words(
        f"{title}: {len(training)} folds, from {high:.4g} at most to {low:.4g} at least, until epoch {last} "
        f"of {part.epochs}",
        f"{title}：{len(training)} 折，{low:.4g} 至 {high:.4g}，第 {last} 轮（共 {part.epochs} 轮）",
    )
    lines = [("var(--series-1)", "", curve) for curve in training]
    lines += [("var(--series-2)", ' stroke-dasharray="4 3"', curve) for curve in held_out]
    axis = f"{low:.3g}", f"{high:.3g}", words(f"epoch {max(part.epochs, last)}", f"第 {max(part.epochs, last)} 轮")

    def drawn(width: int) -> str:
        return _svg([(*look, _placed(curve, (low, high), max(part.epochs, last), width)) for *look, curve in lines],
                    axis, width, alt)  # fmt: skip

    return Chart(title, drawn(WIDTH), alt, drawn(NARROW))


def _thinned(losses: Sequence[float]) -> list[tuple[int, float]]:
    """Epochs and losses of a curve, no more points than can be told apart; the last is among them."""
    step = max(1, len(losses) // POINTS)
    return [(epoch, loss) for epoch, loss in enumerate(losses, 1) if (len(losses) - epoch) % step == 0]


def _placed(curve: Sequence[tuple[int, float]], span: tuple[float, float], epochs: int, width: int) -> str:
    """The points of a curve in a drawing of that width; `span` is the lowest and the highest loss of all."""
    low, high = span
    across, upright = width - 8 - LEFT, HEIGHT - BOTTOM - TOP
    places = (
        (LEFT + across * (epoch - 1) / max(1, epochs - 1), TOP + upright * (1 - (loss - low) / (high - low or 1)))
        for epoch, loss in curve
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _svg(lines: Sequence[Sequence[str]], axis: tuple[str, str, str], width: int, alt: str) -> str:
    """Axes and lines; each has a colour, further attributes and points; `alt` says what they show.

    `axis` says what is written at the ends: the lowest and the highest loss, the last epoch.
    """
    right, floor = width - 8, HEIGHT - BOTTOM
    drawn = "".join(
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" opacity=".7"{more}/>'
        for colour, more, points in lines
    )
    labels = [(LEFT - 6, TOP + 8, "end", axis[1]), (LEFT - 6, floor, "end", axis[0])]
    labels += [(LEFT, HEIGHT - 4, "start", "1"), (right, HEIGHT - 4, "end", axis[2])]
    texts = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="var(--muted)" font-size="12">{html.escape(text)}</text>'
        for x, y, anchor, text in labels
    )
    axes = f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="var(--grid)"/>'
    shows = f"<title>{html.escape(alt)}</title>"
    head = f'<svg viewBox="0 0 {width} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}{shows}{axes}{drawn}{texts}</svg>"


def _warn(path: Path, error: Exception) -> None:
    why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    warnings.warn(
        TrainingWarning(
            f"{path}: {why or error}; the page is given up, the run goes on",
            "free some room there; python -m pipelines report writes it when the run is over",
            "请清理磁盘；运行结束后可用 python -m pipelines report 生成",
        ),
        stacklevel=3,
    )
