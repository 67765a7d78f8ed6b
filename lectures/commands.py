"""The lectures on the command line: `python -m pipelines lecture 07`."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lectures.exercises import commands as exercises
from lectures.mistakes import commands as mistakes
from pipelines.report.console import EXIT_CODES, complain, errors_in_plain_words, progress_bar, say
from pipelines.report.options import Lang, TensorBoard, Visdom

if TYPE_CHECKING:
    from lectures.course.catalogue import Report
    from pipelines.pages.words import Words


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=EXIT_CODES)(lecture)
    mistakes.register(app)
    exercises.register(app)


def lecture(
    number: Annotated[str, typer.Argument(help="07, 7, 09-mnist or all.", metavar="NUMBER")] = "",
    show: Annotated[bool, typer.Option("--list", help="List the lectures and end.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder with the course's files; else they are fetched.")] = None,
    stand_in: Annotated[bool, typer.Option("--stand-in", help="Fetch nothing: small made samples instead.")] = False,
    pictures: Annotated[Path, typer.Option(help="Where pictures go.")] = Path("reports/lectures"),
    tensorboard: TensorBoard = None,
    visdom: Visdom = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Fixes all chance.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    lang: Lang = None,
) -> None:
    """Run a lecture: what it shows, its gates, its pictures and a page of them; exit code 1 if a gate fails."""
    with errors_in_plain_words("interrupted"):
        from lectures.course import catalogue
        from pipelines.pages.words import Words, language

        words = Words(language(lang))

        if show or not number:
            for each in catalogue.all_lectures():
                say(f"{each.number:<14}{each.title}")
            return
        found = catalogue.find(number)
        _refuse(data, stand_in=stand_in)

        from lectures.course.lecture import Setting
        from pipelines.hardware import pick_device
        from pipelines.report.curves import make_curves

        reports = []
        with contextlib.closing(make_curves(tensorboard, visdom)) as curves, progress_bar() as bar:
            setting = Setting(
                device=pick_device(device), seed=seed, data=data, stand_in=stand_in, pictures=pictures,
                say=say, curves=curves, progress=bar,
            )  # fmt: skip
            for each in found:
                say(f"== lecture {each.number}: {each.title}")
                reports.append(catalogue.attend(each, setting))
                say()
        for line in catalogue.table_lines(reports):
            say(line)
        _write_page(pictures, reports, words, stand_in=stand_in)
        if not all(report.passed for report in reports):
            raise typer.Exit(1)


def _write_page(pictures: Path, reports: "list[Report]", words: "Words", *, stand_in: bool) -> None:
    """Write the page of all pictures; where there is no room for it, say, nothing else is lost."""
    from lectures.course import overview

    try:
        say(f"all pictures: {overview.write(pictures, reports, words, stand_in=stand_in)}")
    except OSError as error:
        complain(f"warning: no page of the pictures, {pictures / overview.PAGE}: {error.strerror or error}")


def _refuse(data: Path | None, *, stand_in: bool) -> None:
    """A wrong folder is said once, before the first lecture, not by each of them."""
    from pipelines.errors import DataError, UsageError

    if data is not None and stand_in:
        raise UsageError(
            "--data and --stand-in exclude each other", "leave one of them out", "请去掉 --data 或 --stand-in 之一"
        )
    if data is not None and not data.is_dir():
        raise DataError(
            f"there is no folder {data}",
            "name the folder that holds diabetes/, names/ and mnist/, or leave --data out",
            "请指定包含 diabetes/、names/、mnist/ 的文件夹，或去掉 --data",
        )
