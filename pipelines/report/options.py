"""Options that several commands have, each with its help in one place."""

from pathlib import Path
from typing import Annotated

import typer


def a_folder(said: str) -> Path:
    """The folder of that name; an empty name would be the one that one is in."""
    if not said:
        raise typer.BadParameter("it names no folder: name one, or leave the option out")
    return Path(said)


Name = Annotated[str, typer.Argument(help="Competition: folder name, Kaggle slug or URL.", metavar="COMPETITION")]
Data = Annotated[
    Path | None, typer.Option(help="Folder or zip with the competition's csv files; or: sample, for made rows.")
]
Output = Annotated[
    Path, typer.Option(parser=a_folder, metavar="PATH", help="Where submissions are; a folder per competition.")
]
Preset = Annotated[str, typer.Option(help="fast or best: how many networks are averaged.")]
Variants = Annotated[
    str | None,
    typer.Option(help="Networks and estimators of the competition, in place of the preset's.", metavar="NAME,NAME"),
]
Folds = Annotated[int | None, typer.Option(help="Folds of the cross-validation; else as the preset says.")]
Seeds = Annotated[int | None, typer.Option(help="Networks of a variant per fold; else as the preset says.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training rows; else as the recipe says.")]
Minutes = Annotated[
    float | None,
    typer.Option(
        help="Time for all of it, in place of a preset: of all variants, or those of --variants, as much as is best."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Memory = Annotated[int | None, typer.Option(help="MB for what trains at the same time; else found.")]
Jobs = Annotated[int | None, typer.Option(help="Processes that train at the same time; else threads of this one.")]
Cluster = Annotated[
    str | None, typer.Option(help="Dask scheduler that trains: tcp://host:8786; or local:4.", metavar="ADDRESS")
]
Shares = Annotated[int | None, typer.Option(help="Parts that stacked networks are cut into; else one a core.")]
Practice = Annotated[
    bool, typer.Option("--practice", help="Hide a fifth of the training rows; in the end, the score on those.")
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Train all anew: take over nothing that other runs have finished.")
]
Importance = Annotated[
    bool, typer.Option("--importance", help="Ask which columns matter: permute each among the scored rows.")
]
Note = Annotated[str | None, typer.Option(help="What to remember of this run.", metavar="TEXT")]
Runs = Annotated[
    Path, typer.Option("--runs", parser=a_folder, metavar="PATH", help="Where runs are kept; a folder per competition.")
]
TensorBoard = Annotated[Path | None, typer.Option(help="Folder for TensorBoard's curves.")]
Lang = Annotated[str | None, typer.Option(help="Language of lines and pages: en or zh; else as the locale says.")]
Visdom = Annotated[bool, typer.Option("--visdom", help="Curves in the browser, by a running Visdom server.")]
On = Annotated[str | None, typer.Option("--on", help="kaggle: run on Kaggle's machine, and bring it back.")]
Accelerator = Annotated[str | None, typer.Option(help="With --on: gpu, none, or as Kaggle's API has it.")]

SUBMISSIONS, RUNS = Path("submissions"), Path("runs")


def names(text: str | None) -> tuple[str, ...] | None:
    """What stands between commas, without blanks; None where nothing is given.

    >>> names("pieces, trees"), names(None)
    (('pieces', 'trees'), None)
    """
    return None if text is None else tuple(name.strip() for name in text.split(","))
