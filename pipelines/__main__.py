"""The command line: `python -m pipelines --help`.

Only this module, `kaggle_commands` and `lecture_commands` print, and they import the rest of the project
inside the commands, so that `--help` does not wait for torch. Exit codes: see `console.EXIT_CODES`.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lectures import commands as lecture_commands
from lectures.commands import TensorBoard, Visdom
from pipelines import console
from pipelines import hardware as heap
from pipelines.kaggle import commands as kaggle_commands

if TYPE_CHECKING:
    from pipelines.data.sources import Source
    from pipelines.validation.crossval import CVResult

app = typer.Typer(
    help="From a competition's name to a scored Kaggle submission.",
    epilog=console.EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(help="Competition: folder name, Kaggle slug or URL.", metavar="COMPETITION")]
Data = Annotated[Path | None, typer.Option(help="Folder with the competition's csv files.")]
Output = Annotated[Path, typer.Option(help="Where submissions go; a folder per competition.")]
Preset = Annotated[str, typer.Option(help="fast or best: how many networks are averaged.")]
Variants = Annotated[
    str | None, typer.Option(help="Networks of the competition, in place of the preset's.", metavar="NAME,NAME")
]
Folds = Annotated[int | None, typer.Option(help="Folds of the cross-validation; else as the preset says.")]
Seeds = Annotated[int | None, typer.Option(help="Networks per fold; else as the preset says.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training rows; else as the recipe says.")]
Seed = Annotated[int, typer.Option(help="Fixes all chance: the same seed gives the same csv on the CPU.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Memory = Annotated[
    int | None,
    typer.Option(help="MB for networks that train at the same time; else found, for the machine or its GPU."),
]
Practice = Annotated[
    bool, typer.Option("--practice", help="Hide a fifth of the training rows; in the end, the score on those.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the path of the csv (run) or the score (cv) only.")]
Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON; everything else goes to stderr.")]


@app.command()
def run(
    name: Name,
    data: Data = None,
    output: Output = Path("submissions"),
    preset: Preset = "fast",
    variants: Variants = None,
    folds: Folds = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    device: Device = "auto",
    memory: Memory = None,
    tensorboard: TensorBoard = None,
    visdom: Visdom = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cross-validate, predict the test rows and write a checked submission with its record."""
    knobs = {
        "data": data, "output": output, "preset": preset, "variants": variants, "folds": folds, "seeds": seeds,
        "epochs": epochs, "seed": seed, "device": device, "memory": memory,
    }  # fmt: skip
    _run(name, knobs, (tensorboard, visdom), write=True, quiet=quiet, as_json=as_json)


@app.command()
def cv(
    name: Name,
    data: Data = None,
    preset: Preset = "fast",
    variants: Variants = None,
    folds: Folds = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    device: Device = "auto",
    memory: Memory = None,
    practice: Practice = False,
    tensorboard: TensorBoard = None,
    visdom: Visdom = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cross-validate only: scores, baselines and forecast; nothing is written."""
    knobs = {
        "data": data, "preset": preset, "variants": variants, "folds": folds, "seeds": seeds,
        "epochs": epochs, "seed": seed, "device": device, "memory": memory, "practice": practice,
    }  # fmt: skip
    _run(name, knobs, (tensorboard, visdom), write=False, quiet=quiet, as_json=as_json)


def _run(
    name: str,
    options: Mapping[str, object],
    shown: tuple[Path | None, bool],
    *,
    write: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    with console.errors_in_plain_words("interrupted; nothing was written"):
        from pipelines import report
        from pipelines.competition import load
        from pipelines.kaggle.download import fetch
        from pipelines.run import Knobs
        from pipelines.run import run as run_competition
        from pipelines.training.curves import make_curves

        say = _speaker(quiet=quiet, to_stderr=as_json)
        competition, knobs = load(name), Knobs(**options)  # type: ignore[arg-type]

        def on_result(source: "Source", result: "CVResult") -> None:
            no_public_score = None if source.kind == "sample" else "public score"
            for line in report.score_lines(competition, result, "hidden rows" if knobs.practice else no_public_score):
                say(line)

        with contextlib.closing(make_curves(*shown)) as curves, console.progress_bar(silent=quiet) as bar:
            outcome = run_competition(
                competition,
                knobs,
                write=write,
                fetch=partial(fetch, say=console.say_aside),
                say=say,
                progress=partial(bar, "epochs of networks"),
                on_loss=curves.add,
                on_result=on_result,
            )
        if outcome.path is not None:
            report.draw_curves(competition, outcome, outcome.path.with_suffix(".png"))
        for line in report.outcome_lines(competition, outcome):
            say(line)
        if as_json:
            console.say(json.dumps(outcome.record, indent=2))
        elif quiet:
            console.say(str(outcome.path) if outcome.path else f"{outcome.result.score:.6f}")


def _speaker(*, quiet: bool, to_stderr: bool) -> Callable[[str], None]:
    return lambda line: None if quiet else console.say(line, err=to_stderr)


kaggle_commands.register(app)
lecture_commands.register(app)


def main() -> None:
    """Run the command line; text that a console cannot show is replaced, not fatal.

    Threads that wait are told to sleep: torch's spin, and two programs that spin on the same cores
    slow each other down tenfold (LOG.md, 2026-11-23).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    heap.keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="python -m pipelines")


if __name__ == "__main__":
    main()
