"""Forecast intervals beside outcomes, sorted."""

import math
from pathlib import Path

from pipelines.practice.coverage import LEVELS, half_width
from pipelines.practice.kept import Practice
from pipelines.report.pictures import picture

NAMES = ("practice.png", "practice.svg")
FORECAST, INSIDE, OUTSIDE = "#0072b2", "#1b1b1b", "#d55e00"  # Okabe & Ito's blue and vermilion
WIDTHS = {0.95: 0.35, 0.8: 0.6, 0.5: 1.0}  # of a bar, as shares of the widest


def draw(practice: Practice, folder: Path) -> list[Path]:
    """Write `practice.png` and `practice.svg`: a bar for each round, wide where it is most likely, and the outcome."""
    paths = [folder / name for name in NAMES]
    for path in paths:
        _draw(practice, path)
    return paths


def _draw(practice: Practice, path: Path) -> None:
    rounds = sorted((each for each in practice.rounds if math.isfinite(each.z)), key=lambda each: each.z)
    places, outcomes = range(len(rounds)), [each.outcome for each in rounds]
    inside = [abs(each.z) <= half_width(LEVELS[-1]) for each in rounds]
    thick = min(9.0, 420 / max(1, len(rounds)))  # points
    with picture(path, (9, 5), 120) as figure:
        axes = figure.add_subplot()
        for level in sorted(LEVELS, reverse=True):
            halves = [half_width(level) * each.error for each in rounds]
            low, high = (
                [each.mean + sign * half for each, half in zip(rounds, halves, strict=True)] for sign in (-1, 1)
            )
            axes.vlines(
                places, low, high, colors=FORECAST, alpha=0.35 + 0.3 * (1 - WIDTHS[level]),
                linewidth=thick * WIDTHS[level], label=f"forecast, {100 * level:.0f} %",
            )  # fmt: skip
        for kind, colour, marker in ((True, INSIDE, "o"), (False, OUTSIDE, "X")):
            of_kind = [i for i in places if inside[i] == kind]
            where = "inside 95 %" if kind else "outside"
            axes.scatter(
                of_kind, [outcomes[i] for i in of_kind], s=14 if kind else 30, c=colour, marker=marker, zorder=3,
                label=f"outcome, {where}",
            )  # fmt: skip
        held = ", ".join(f"{100 * each.share:.0f} % in the {100 * each.level:.0f} %" for each in practice.coverage.held)
        axes.set_title(
            f"{practice.slug}: practice, {len(rounds)} rounds\noutcomes inside the forecast's interval: {held}"
        )
        axes.set_xlabel("rounds, from the lowest outcome to the highest, in standard errors from the forecast")
        axes.set_ylabel(practice.metric)
        axes.locator_params(axis="x", integer=True)
        figure.legend(loc="outside lower center", ncols=5, fontsize="small")
