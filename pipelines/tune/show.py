"""What a search came to, in lines and in a picture: the table of layers, Optuna's own plots, recipe, verdict."""

import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import TrialState

from pipelines.report.pictures import GRID, INK, MUTED, PALETTE, as_delivered, picture, say_in_the_language
from pipelines.settings.tuned import PICTURE
from pipelines.tune.nested import OUTER
from pipelines.tune.study import best, quietly, states
from pipelines.tune.tuning import Found

DPI = 100
WIDTH = 12.0  # inches


def lines(found: Found, given: str = "") -> Iterator[str]:
    """All of it, in the order in which it is read; `given` are the options that a run needs to find the same."""
    metric, gain = found.tuned.metric, found.gain
    yield "the last of these searches, on all rows:"
    yield f"{'layers':<8}{'candidates':>11}{'all folds':>11}   best {metric}"
    for row in found.depths:
        score = "-" if row.score is None else f"{row.score:.4f}"
        error = "" if row.se is None else f" ± {row.se:.4f}"
        yield f"{row.layers:<8}{row.tried:>11}{row.finished:>11}   {score}{error}"
    unseen = ", ".join(str(row.layers) for row in found.depths if not row.finished)
    if unseen:
        yield f"not answered for {unseen} layers: no candidate has seen all folds; a longer search goes on"
    yield f"the best ({_depth(len(found.tuned.candidate.hidden))}) is flattered: the same rows have chosen it"
    yield from gain_lines(found)
    if gain is not None and gain.verdict == "hurts":
        yield f"the variant {found.space.base} is better as it is"
    else:
        yield "to paste into the competition's variants (mlp of pipelines.settings.variants):"
        yield f'    "tuned": {found.tuned.line},'
    yield f"kept in {found.path}: python -m pipelines run {found.tuned.slug}{given} --variants tuned"
    if found.before is not None:
        old = found.before
        there = found.folder.parent / old.study / found.path.name
        yield f"in the place of an earlier one, {old.metric} {old.score:.4f} ± {old.se:.4f}, which stays in {there}"


def _depth(layers: int) -> str:
    return "no hidden layer" if layers == 0 else f"{layers} hidden layer{'s' * (layers > 1)}"


def gain_lines(found: Found) -> Iterator[str]:
    """What the search is worth, on rows that it has not seen."""
    gain, base = found.gain, found.space.base
    if gain is None:
        yield f"the gain over {base} is not known: the time was over before it was measured"
        return
    yield (
        f"on {gain.rows:,} rows that the searches had not seen: {base} {gain.default:.4f}, tuned {gain.tuned:.4f}: "
        f"{gain.gain:+.4f} ± {gain.se:.4f} {found.tuned.metric}"
    )
    parts = ", ".join(f"{part.gain:+.4f} ± {part.se:.4f}" for part in gain.folds)
    if len(gain.folds) < OUTER:
        yield f"by outer fold, {len(gain.folds)} of {OUTER} (the time was over): {parts}"
    else:
        yield f"by outer fold: {parts}"
    words = {"helps": "the search helps", "hurts": "the search hurts", "not told apart": "not told apart by these rows"}
    yield f"verdict: {words[gain.verdict]} (p {gain.p:.2g})"


def to_plain(found: Found) -> dict[str, Any]:
    """What is printed as JSON."""
    gain = found.gain
    return {
        "slug": found.tuned.slug, "base": found.space.base, "folder": str(found.folder), "variant": found.tuned.line,
        "score": found.tuned.score, "se": found.tuned.se, "metric": found.tuned.metric,
        "candidates": {state.name.lower(): n for state, n in states(found.study).items()},
        "layers": [vars(row) for row in found.depths],
        "gain": None if gain is None else {
            "gain": gain.gain, "se": gain.se, "p": gain.p, "rows": gain.rows, "default": gain.default,
            "tuned": gain.tuned, "verdict": gain.verdict, "folds": [vars(part) for part in gain.folds],
        },
    }  # fmt: skip


def draw(found: Found) -> Path:
    """Write `search.png`: scores by layers, then Optuna's history, importances and slices.

    Raises: OSError where it cannot be written.
    """
    path = found.folder / PICTURE
    with quietly():
        plots = [_drawn(plot) for plot in _plots(found)]
    heights = [3.2, *(WIDTH * plot.shape[0] / plot.shape[1] for plot in plots)]
    with picture(path, (WIDTH, sum(heights) + 0.4 * len(heights)), DPI) as figure:
        rows = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        _layers(rows[0], found)
        for axes, plot in zip(rows[1:], plots, strict=True):
            axes.imshow(plot, interpolation="antialiased")
            axes.set_axis_off()
    return path


def _layers(axes: Any, found: Found) -> None:
    known = [row for row in found.depths if row.score is not None]
    errors = [row.se or 0.0 for row in known]
    axes.errorbar(
        [row.layers for row in known], [row.score for row in known], yerr=errors, fmt="o", color=PALETTE[0],
        ecolor=INK, capsize=4, markersize=7,
    )  # fmt: skip
    axes.set_title(f"{found.tuned.slug}: the best network of each depth, ± one standard error")
    axes.set_xlabel("hidden layers")
    axes.set_ylabel(found.tuned.metric)
    axes.set_xlim(-0.5, len(found.depths) - 0.5)
    axes.set_xticks([row.layers for row in found.depths])


def _plots(found: Found) -> Iterator[Callable[[], Any]]:
    """Those that can be drawn of so many candidates."""
    from optuna.visualization import matplotlib as plots

    study, name = found.study, found.tuned.metric
    if best(study) is None:
        return
    yield lambda: plots.plot_optimization_history(study, target_name=name)
    values = {trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if len(values) > 1:
        yield lambda: plots.plot_param_importances(study, target_name=f"importance for {name}")
    yield lambda: plots.plot_slice(study, target_name=name)


def _in_our_style(axes: Any) -> None:
    """Optuna draws on grey; rates within a decade have many labels."""
    axes.set_facecolor("white")
    if axes.get_label() != "<colorbar>":
        axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.tick_params(which="both", colors=MUTED, labelcolor=INK)
    axes.tick_params(axis="x", which="both", labelrotation=45, labelsize=7)
    for side in ("left", "bottom"):
        axes.spines[side].set(visible=True, color=MUTED, linewidth=0.8)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(INK)
    if (legend := axes.get_legend()) is not None:
        legend.get_frame().set(facecolor="white", edgecolor="none")


def _drawn(plot: Callable[[], Any]) -> NDArray[Any]:
    """What a plot of Optuna's, which makes a figure of its own, looks like: (height, width, 4)."""
    with as_delivered({"backend": "agg"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of axes with a single value
        from matplotlib import image, pyplot

        figure = np.atleast_1d(plot()).flat[0].figure
        try:
            figure.set_facecolor("white")
            for axes in figure.axes:
                _in_our_style(axes)
            say_in_the_language(figure)
            width, height = figure.get_size_inches()
            figure.set_size_inches(max(WIDTH, min(1.5 * WIDTH, width)), min(height, 4.2))
            buffer = BytesIO()
            figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
        finally:
            pyplot.close(figure)
        buffer.seek(0)
        return np.asarray(image.imread(buffer))
