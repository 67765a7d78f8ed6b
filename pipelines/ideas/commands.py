"""The command `try`: does an idea help? All else is imported inside it."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report import console, options

if TYPE_CHECKING:
    from pipelines.competition import Competition
    from pipelines.pipeline import Outcome
    from pipelines.settings.knobs import Knobs

INTERRUPTED = "interrupted; what was finished is kept: the same command goes on where it stopped"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("try", epilog=console.EXIT_CODES)(try_command)


def try_command(
    name: options.Name,
    features: Annotated[
        Path | None,
        typer.Option(help="Python file with add_features(rows), make_encoder() or make_model(n_features, n_outputs)."),
    ] = None,
    variants: Annotated[
        str | None, typer.Option(help="Further variants, beside those of the preset.", metavar="NAME,NAME")
    ] = None,
    data: options.Data = None,
    preset: options.Preset = "fast",
    folds: options.Folds = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    seed: Annotated[int, typer.Option(help="Fixes all chance, the folds too.")] = 0,
    device: options.Device = "auto",
    memory: options.Memory = None,
    runs: options.Runs = options.RUNS,
    note: Annotated[str | None, typer.Option(help="Words for the run; else what is tried.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all else goes to stderr.")] = False,
) -> None:
    """Try an idea: run it and the plain way on the same folds and seeds; say whether the difference is chance."""
    with console.errors_in_plain_words(INTERRUPTED):
        from pipelines.ideas.idea import read_idea
        from pipelines.report.asked import asked
        from pipelines.settings.knobs import Knobs
        from pipelines.settings.lookup import load

        further = options.names(variants or None) or ()
        knobs = Knobs(
            data=data, preset=preset, variants=further or None, folds=folds, seeds=seeds, epochs=epochs, seed=seed,
            device=device, memory=memory, runs=runs, note=note,
        )  # fmt: skip
        idea = read_idea(features, further)
        asked(name, knobs, write=False)

        from pipelines.ideas.ledger import Ideas
        from pipelines.ideas.trial import try_idea, verdict
        from pipelines.runs.history.shown import as_plain, part_lines

        competition = load(name)
        ideas = Ideas(runs / competition.slug, console.say_aside)
        trial = try_idea(competition, idea, knobs, partial(_way, silent=quiet, aside=as_json), ideas)
        if as_json:
            console.give(json.dumps(dict(trial.to_plain()) | {"comparison": as_plain(trial.comparison)}, indent=2))
            return
        if not quiet:
            console.say(f"A, the plain way: {trial.plain}   {trial.comparison.score_a:.4f}")
            console.say(f"B, with {trial.what}: {trial.run}   {trial.comparison.score_b:.4f}")
            for line in part_lines(competition.target, trial.comparison.classes):
                console.say(line)
        console.say(verdict(trial))


def _way(competition: "Competition", knobs: "Knobs", *, silent: bool, aside: bool) -> "Outcome":
    """Cross-validate, keep the run, and say how it goes."""
    from pipelines.pages.words import Words, language
    from pipelines.report.live.log import Log, saying
    from pipelines.report.watched import watched

    log, words = Log(), Words(language(None))
    say = saying(log, silent=silent, aside=aside)
    say(f"-- {knobs.note}")
    return watched(competition, knobs, say, silent=silent, log=log, write=False, words=words)
