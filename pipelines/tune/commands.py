"""The command `tune`: which layers, widths and rates are best, and whether that is better than the default.

All else is imported inside it.
"""

import json
import math
import shlex
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report import console, options

if TYPE_CHECKING:
    from pipelines.tune.tuning import Found


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("tune", epilog=console.EXIT_CODES)(tune_command)


def tune_command(
    name: options.Name,
    minutes: Annotated[float, typer.Option(help="How long it may take, all in all.")] = 10.0,
    variant: Annotated[
        str | None, typer.Option(help="The network to search around; else the preset's first.", metavar="NAME")
    ] = None,
    data: options.Data = None,
    preset: options.Preset = "fast",
    seed: Annotated[int, typer.Option(help="Fixes folds and first weights.")] = 0,
    device: options.Device = "auto",
    runs: options.Runs = options.RUNS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the variant only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all else goes to stderr.")] = False,
) -> None:
    """Search layers, width, dropout and rates of a network; say what the best is worth on rows it has not seen."""
    began, folders = time.perf_counter(), list[Path]()
    with console.errors_in_plain_words(lambda: interrupted(folders)):
        from pipelines.report.asked import asked
        from pipelines.settings.knobs import Knobs
        from pipelines.settings.lookup import load
        from pipelines.settings.tuned import TUNED, refuse_to_tune_again

        check_minutes(minutes)
        knobs = Knobs(
            data=data, preset=preset, variants=None if variant is None else (variant,), seed=seed, device=device,
            runs=runs,
        )  # fmt: skip
        outline = asked(name, knobs, write=False)
        refuse_to_tune_again(variant, outline.variants or [TUNED])
        refuse_without_optuna()

        from pipelines.kaggle.download import fetch
        from pipelines.tune import show
        from pipelines.tune.tuning import tune

        say = partial(console.say, err=as_json)
        with console.progress_bar(silent=quiet) as bar:
            found = tune(
                load(name), knobs, minutes, base=variant, began=began, fetch=partial(fetch, say=console.say_aside),
                say=(lambda _line: None) if quiet else say, on_folder=folders.append,
                on_time=lambda what, seconds, of: bar(f"{what}, in seconds", round(seconds), round(of)),
            )  # fmt: skip
        if as_json:
            console.give(json.dumps(show.to_plain(found), indent=2))
        if quiet:
            console.give(found.tuned.line)
            return
        places = {"--data": data, "--runs": runs if runs != options.RUNS else None}
        given = [word for option, place in places.items() if place is not None for word in (option, str(place))]
        for line in show.lines(found, f" {shlex.join(given)}" * bool(given)):
            say(line)
        _draw(found, as_json=as_json)


def _draw(found: "Found", *, as_json: bool) -> None:
    """The picture; where there is none, because a disk is full or of whatever matplotlib meets, that is said."""
    from pipelines.tune import show

    try:
        console.say(f"picture: {show.draw(found)}", err=as_json)
    except Exception as error:  # the recipe is known, and kept
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        console.complain(f"warning: no picture in {found.folder}: {why or error}")


def interrupted(folders: list[Path]) -> str:
    """What is said on Ctrl-C."""
    if not folders:
        return "interrupted; nothing was searched"
    return f"interrupted; what was finished is kept in {folders[-1]}: the same command goes on with it"


def check_minutes(minutes: float) -> None:
    """Refuse a time that is none.

    Raises: UsageError.
    """
    from pipelines.errors import UsageError
    from pipelines.settings.knobs import MOST_MINUTES

    if not (math.isfinite(minutes) and 0 < minutes <= MOST_MINUTES):
        raise UsageError(
            f"--minutes must be above 0, at most {MOST_MINUTES} (a week), got {minutes:g}",
            "choose --minutes 10, say; a search goes on where the one before it stopped",
            "请指定合适的时间，例如 --minutes 10；再次搜索会接着上一次继续",
        )


def refuse_without_optuna() -> None:
    """Optuna is installed for those who search.

    Raises: UsageError.
    """
    from importlib.util import find_spec

    from pipelines.errors import UsageError

    if find_spec("optuna") is None:
        raise UsageError(
            "tune needs optuna, which is not installed",
            'install it: python -m pip install --constraint constraints.txt --editable ".[tune]"',
            '请安装：python -m pip install --constraint constraints.txt --editable ".[tune]"',
        )
