"""The command line: `python -m pipelines --help`. Options in, lines out; the rest is imported inside the commands.

A wrong name or option is answered before torch is loaded. Exit codes: see `console.EXIT_CODES`.
"""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.ideas import commands as ideas_commands
from pipelines.kaggle import commands
from pipelines.kaggle.remote.away import run_away
from pipelines.new import commands as new_commands
from pipelines.pages import commands as pages_commands
from pipelines.practice import commands as practice_commands
from pipelines.report import console, options, process
from pipelines.report.help import Commands
from pipelines.runs import commands as runs_commands
from pipelines.runs import predict

if TYPE_CHECKING:
    from pipelines.data.sources import Source
    from pipelines.pipeline import Outcome
    from pipelines.validation.results import CVResult

app = typer.Typer(
    cls=Commands,
    help="From a competition's name to a scored Kaggle submission.",
    epilog=console.EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def program(lang: options.Lang = None) -> None:
    """Options of the program itself; `Commands` has read them by now."""
    with console.errors_in_plain_words("interrupted"):
        from pipelines.language.choice import language

        language(lang)


@app.command("run", help="Cross-validate, predict the test rows and write a checked submission with its record.")
@app.command("cv", help="Cross-validate only: scores, baselines and forecast; no submission is written.")
def run_command(
    context: typer.Context,
    name: options.Name,
    data: options.Data = None,
    output: options.Output = options.SUBMISSIONS,
    preset: options.Preset = "fast",
    variants: options.Variants = None,
    folds: options.Folds = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    seed: Annotated[int, typer.Option(help="Fixes all chance: the same seed gives the same csv on the CPU.")] = 0,
    device: options.Device = "auto",
    memory: options.Memory = None,
    practice: options.Practice = False,
    runs: Annotated[str, typer.Option(help='Where each run has a folder; "" keeps nothing.')] = "runs",
    restart: options.Restart = False,
    importance: options.Importance = False,
    note: options.Note = None,
    on: options.On = None,
    accelerator: options.Accelerator = None,
    lang: options.Lang = None,
    tensorboard: options.TensorBoard = None,
    visdom: options.Visdom = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the csv's path (run) or the score (cv).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record; all else goes to stderr.")] = False,
) -> None:
    """Both commands: they differ in whether anything is written."""
    if on is not None or accelerator is not None:
        run_away(context)
        return
    writes = context.info_name == "run" and not practice
    with console.errors_in_plain_words(_interrupted(), stop_unread=not writes):
        from pipelines.pages.words import Words, language
        from pipelines.report.asked import asked
        from pipelines.settings.knobs import Knobs
        from pipelines.settings.lookup import load

        knobs = Knobs(
            data=data, output=output, preset=preset, variants=options.names(variants), folds=folds, seeds=seeds,
            epochs=epochs, seed=seed, device=device, memory=memory, practice=practice,
            runs=Path(runs) if runs else None, restart=restart, note=note, importance=importance,
        )  # fmt: skip
        words = Words(language(lang))
        asked(name, knobs, write=writes)

        from pipelines.report import lines
        from pipelines.report.live.log import Log, saying
        from pipelines.report.watched import watched

        competition, log = load(name), Log()
        say = saying(log, silent=quiet, aside=as_json)

        def on_result(source: "Source", result: "CVResult") -> None:
            if quiet and source.kind == "sample":
                console.say_aside(source.line)
            for line in lines.score_lines(competition, result, forecast_of(source, practice=practice)):
                say(line)

        outcome = watched(
            competition, knobs, say, silent=quiet, tensorboard=tensorboard, visdom=visdom, write=writes,
            on_result=on_result, log=log, words=words,
        )  # fmt: skip
        if as_json or quiet:
            console.give(outcome.record.to_json() if as_json else in_short(outcome))
        for line in lines.outcome_lines(competition, outcome, words):  # picture and page too: seconds
            say(line)
        lines.leave(outcome)
        if console.unread() and outcome.path is not None:
            console.say_aside(f"submission: {outcome.path}")


def forecast_of(source: "Source", *, practice: bool) -> str | None:
    """What the forecast is of: of made rows there is none but that of hidden ones."""
    return "hidden rows" if practice else None if source.kind == "sample" else "public score"


def in_short(outcome: "Outcome") -> str:
    """All that a quiet run says: where its csv is, or its score."""
    return str(outcome.path) if outcome.path else f"{outcome.result.score:.6f}"


def _interrupted() -> Callable[[], str]:
    """What an interruption leaves, to be said when it comes: the csv may have its name by then."""
    from pipelines.runs.folder import opened_here
    from pipelines.submission.folder import reserved_here

    n_csvs, n_runs = len(reserved_here), len(opened_here)

    def line() -> str:
        written = [f"the submission is written: {path}" for path in reserved_here[n_csvs:] if path.exists()]
        kept = [f"what is trained is kept in {run.path}" for run in opened_here[n_runs:] if run.networks()]
        return f"interrupted; {[*written, *kept, 'nothing was written'][0]}"

    return line


commands.register(app)
new_commands.register(app)
runs_commands.register(app)
pages_commands.register(app)
predict.register(app)
ideas_commands.register(app)
practice_commands.register(app)
if find_spec("lectures"):  # the course uses the pipelines and is found by name, as competitions are
    import_module("lectures.commands").register(app)


def main() -> None:
    """Run the command line; text that a console cannot show is replaced, not fatal.

    Threads that wait are told to sleep: torch's spin, and two programs that spin on the same cores
    slow each other down tenfold (LOG.md, 2026-11-23).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with process.well_behaved():
        app(prog_name="python -m pipelines")


if __name__ == "__main__":
    main()
