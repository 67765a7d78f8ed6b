"""The lectures on the command line: `python -m pipelines lecture 07`."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lectures.exercises import commands as exercises
from lectures.mistakes import commands as mistakes
from pipelines.report.console import EXIT_CODES, complain, errors_in_plain_words, give, progress_bar, say
from pipelines.report.options import Lang, TensorBoard, Visdom

if TYPE_CHECKING:
    from lectures.course.catalogue import Report
    from lectures.course.lecture import Knobs, Lecture, Setting
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
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps; a program uses the GPU only where it has the lines for it.")
    ] = "auto",
    name: Annotated[str | None, typer.Option(help="With 13-names: a surname, whose country is guessed.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Try so many epochs: no gate is judged then.")] = None,
    lr: Annotated[float | None, typer.Option(help="Try this learning rate: no gate is judged then.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Try batches of so many rows: no gate is judged.")] = None,
    as_in_the_notes: Annotated[
        bool, typer.Option("--as-in-the-notes", help="Try the notes' own settings, and see what they give.")
    ] = False,
    lang: Lang = None,
) -> None:
    """Run a lecture: what it shows, its gates, its pictures and a page of them; exit code 1 if a gate fails."""
    with errors_in_plain_words("interrupted"):
        from lectures.course import catalogue
        from pipelines.pages.words import Words, language
        from pipelines.settings.knobs import refuse_device, torch_version

        words = Words(language(lang))

        if show or not number:
            for each in catalogue.all_lectures():
                say(f"{each.number:<14}{each.titled(words)}")
            return
        found = catalogue.find(number)
        _refuse(data, stand_in=stand_in)
        if name is not None:
            _refuse_name(number, name)
            _say_country(name, seed, data, stand_in=stand_in)
            return
        refuse_device(device, torch_version())
        knobs = _knobs(epochs, lr, batch_size, as_in_the_notes=as_in_the_notes)
        catalogue.refuse_knobs(found, knobs)

        from lectures.course.lecture import Setting
        from pipelines.hardware import pick_device
        from pipelines.report.curves import make_curves

        with contextlib.closing(make_curves(tensorboard, visdom)) as curves, progress_bar() as bar:
            setting = Setting(
                device=pick_device(device), seed=seed, knobs=knobs, data=data, stand_in=stand_in, pictures=pictures,
                say=say, give=give, curves=curves, progress=bar,
            )  # fmt: skip
            reports = [_attend(each, setting, words) for each in found]
        for line in catalogue.table_lines(reports):
            say(line)
        if not knobs.turned:  # the page shows what the lectures show by themselves
            _write_page(pictures, reports, words, stand_in=stand_in)
        if not all(report.passed for report in reports):
            raise typer.Exit(1)


def _attend(lecture: "Lecture", setting: "Setting", words: "Words") -> "Report":
    from lectures.course.catalogue import attend

    say(f"== lecture {lecture.number}: {lecture.titled(words)}")
    report = attend(lecture, setting)
    say()
    return report


def _knobs(epochs: int | None, lr: float | None, batch_size: int | None, *, as_in_the_notes: bool) -> "Knobs":
    """What a learner tries.

    Raises: UsageError for what none of them can be.
    """
    from lectures.course.lecture import Knobs
    from pipelines.settings.allowed import POSITIVE, allowed, whole

    for name, value, may_be in (
        ("--epochs", epochs, whole(1)),
        ("--lr", lr, POSITIVE),
        ("--batch-size", batch_size, whole(1)),
    ):
        if value is not None:
            allowed("lecture", name, value, may_be)
    return Knobs(epochs=epochs, lr=lr, batch_size=batch_size, as_in_the_notes=as_in_the_notes)


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


def _refuse_name(number: str, name: str) -> None:
    from pipelines.errors import UsageError

    if number != "13-names" or not name.strip():
        raise UsageError(
            f"--name {name!r} with lecture {number}: it takes a surname, and goes with lecture 13-names",
            "write, say: lecture 13-names --name Kowalski",
            "请写成，例如：lecture 13-names --name Kowalski",
        )


def _say_country(name: str, seed: int, data: Path | None, *, stand_in: bool) -> None:
    from lectures.course.lecture import Setting
    from lectures.course.name_classifier import say_country

    say_country(name, Setting(seed=seed, data=data, stand_in=stand_in, say=say, give=give))
