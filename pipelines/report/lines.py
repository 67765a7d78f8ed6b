"""What a run tells a person: plain lines, the same on a terminal and in a file."""

import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from pipelines.competition import Competition
from pipelines.pages.words import Words
from pipelines.pages.write import write_report
from pipelines.pipeline import Outcome
from pipelines.report.console import complain
from pipelines.report.pictures import picture
from pipelines.submission.record import Budget, Importance, VariantScore
from pipelines.validation.results import CVResult

SHOWN = 12  # columns that matter most
UNUSED = 0.1  # of a run's minutes; what is left of them beyond that is told


def score_lines(competition: Competition, result: CVResult, forecast_of: str | None = "public score") -> Iterator[str]:
    """Score, baselines and a forecast of what comes next, if anything; ± is one standard error over rows."""
    name = competition.metric.name
    yield f"{name + ', out of fold':<27} {result.score:.4f} ± {result.se:.4f}"
    known = [score for score in result.fold_scores if math.isfinite(score)]  # AUC needs two classes in a fold
    if known:
        yield f"{'  folds, lowest to highest':<28}{min(known):.4f} to {max(known):.4f}"
    yield from _variant_lines(result.variants)
    notes = list(dict.fromkeys(note for variant in result.variants for note in variant.notes))
    if notes:
        yield "columns not taken as they are"
    yield from (f"  {note}" for note in notes)
    yield f"{'baseline on the same folds':<28}{name:<18}ours is better by"
    for row in result.baselines:
        yield f"  {row.name:<26}{row.score:.4f} ± {row.se:.4f}   {row.gain:+.4f} ± {row.gain_se:.4f}"
    if forecast_of is not None:
        f = result.forecast
        yield f"{f'forecast, {forecast_of}':<28}{f.mean:.4f}, 95 % interval {f.low:.4f} to {f.high:.4f}"
        yield (
            f"  ({f.n_public} {'test' if forecast_of == 'public score' else 'hidden'} rows"
            f"{f'; shifted as {f.n_published} published models were' if f.n_published else ''})"
        )


def _variant_lines(variants: list[VariantScore]) -> Iterator[str]:
    """What one network reaches, or what each variant reaches, weighs in the blend and costs."""
    if len(variants) > 1:
        yield f"{'variants alone':<28}{'score':<18}weight   seconds"
        for variant in variants:
            yield f"  {variant.name:<26}{variant.score:<18.4f}{variant.weight:<9.2f}{variant.seconds:.0f}"
    elif len(variants[0].seed_scores) > 1:
        scores = variants[0].seed_scores
        mean, sd = statistics.mean(scores), statistics.stdev(scores)
        yield f"{'  one seed alone':<28}{mean:.4f} ± {sd:.4f} (sd over {len(scores)} seeds)"


def draw_curves(competition: Competition, outcome: Outcome, path: Path) -> str:
    """A picture of the losses, of training and (dashed) of rows held out, a line per fold; where it is, or why not.

    The csv is written by now: nothing that happens to its picture is an error.
    """
    result, rows = outcome.result, " on made rows" if outcome.source.kind == "sample" else ""
    curves = [variant for variant in result.variants if any(variant.losses)]
    if not curves:
        return "none: no network was trained"
    score = f"{competition.metric.name} {result.score:.4f} ± {result.se:.4f}"
    try:
        with picture(path, (7.5, 4.5), dpi=110) as figure:
            axes = figure.add_subplot()
            for i, variant in enumerate(curves):
                for fold, losses in enumerate(variant.losses):
                    label = f"{variant.name}, a line per fold" if fold == 0 else None
                    axes.plot(range(1, len(losses) + 1), losses, color=f"C{i}", alpha=0.6, label=label)
                for fold, losses in enumerate(variant.held_out):
                    label = f"{variant.name}, rows held out" if fold == 0 else None
                    axes.plot(range(1, len(losses) + 1), losses, "--", color=f"C{i}", alpha=0.6, label=label)
            axes.set(xlabel="epoch", ylabel="loss per row", title=f"{competition.slug}{rows}: {score}")
            axes.legend()
    except Exception as error:  # of a full disk, or of whatever matplotlib meets on a machine
        complain(f"warning: no picture of the training, {path}: {_why(error)}")
        return "none"
    return str(path)


def write_page(competition: Competition, outcome: Outcome, words: Words) -> Path | None:
    """The page of a run that is kept, if it can be written: where it is. The csv is whole: nothing is an error."""
    if outcome.folder is None:
        return None
    try:
        return write_report(outcome.folder, words, competition)
    except Exception as error:
        complain(
            f"warning: no report in {outcome.folder.path}: {_why(error)}; python -m pipelines report makes it anew"
        )
        return None


def _why(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}")


def importance_lines(competition: Competition, found: list[Importance]) -> Iterator[str]:
    """What the metric loses without each column, as far as it is more than chance."""
    yield f"{'what matters':<28}{competition.metric.name} lost where the column is permuted"
    told = [each for each in found if each.loss > 2 * each.se][:SHOWN]
    for each in told:
        name = each.name if len(each.name) <= 60 else f"{each.name[:57]}..."
        yield f"  {name:<25} {each.loss:.4f} ± {each.se:.4f}"
    if rest := len(found) - len(told):
        yield f"  ({rest} more in the record{': none is told from chance' * (not told)})"


def budget_lines(budget: Budget, seconds: float | None) -> Iterator[str]:
    """What there was time for, and what not, and why; the run took so many `seconds`."""
    said = (f"{name} with {n} seed{'s' * (n > 1)}" for name, n in budget.seeds.items())
    yield f"{f'in {budget.minutes:g} min':<28}{', '.join(said)}"
    for name, why in budget.left.items():
        yield f"  without variant {name}: {why}"
    unused = 0.0 if seconds is None else 60 * budget.minutes - seconds
    if unused > UNUSED * 60 * budget.minutes:
        yield f"  about {unused:.0f} s are left: nothing more was to be trained, or sure to fit into them"


def outcome_lines(competition: Competition, outcome: Outcome, words: Words) -> Iterator[str]:
    """Score on hidden rows, cost, where the csv lies and what to do with it; picture and page are made between them."""
    record, path = outcome.record, outcome.path
    if record.practice is not None:
        hidden = record.practice
        yield f"{'practice, hidden rows':<28}{hidden.score:.4f} ± {hidden.se:.4f} ({hidden.rows} rows)"
    if record.importance is not None:
        yield from importance_lines(competition, record.importance)
    if record.budget is not None:
        yield from budget_lines(record.budget, record.seconds)
    memory = record.peak_memory_mb
    cost = f"{record.seconds:.1f} s" + (f", {memory:.0f} MB at peak" if memory else "")
    yield f"{'cost':<28}{cost}"
    if path is not None:
        yield f"submission: {path} ({len(outcome.result.test)} rows, checked)"
        yield f"record:     {path.with_suffix('.json')}"
        yield f"curves:     {draw_curves(competition, outcome, path.with_suffix('.png'))}"
    if outcome.folder is not None:
        yield f"kept:       {outcome.folder.path}"
        yield f"report:     {write_page(competition, outcome, words) or 'none'}"
    if outcome.source.kind == "sample":
        yield f"for the real data: make data C={competition.slug}, or put {', '.join(competition.files)}"
        yield f"  from {competition.url}/data into data/{competition.slug}/; then run the same command again"
        yield outcome.source.line
    elif path is not None:
        yield f"next: python -m pipelines submit {competition.slug} (or by hand at {competition.url}/submit)"


def leave(outcome: Outcome) -> None:
    """Put the picture into the run's folder; the run is whole without it."""
    if outcome.folder is None or outcome.path is None:
        return
    try:
        outcome.folder.leave(outcome.path.with_suffix(".png"))
    except OSError as error:
        complain(f"warning: no {error.filename or outcome.folder.path}: {error.strerror or error}")
