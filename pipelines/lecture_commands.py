"""The commands of the course: `lecture` and `mistakes`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import console

if TYPE_CHECKING:
    from pipelines.lectures.lecture import Gate, Lecture, Setting

Number = Annotated[str, typer.Argument(help="02 to 13, 09-mnist, or all.", metavar="LECTURE")]
ListThem = Annotated[bool, typer.Option("--list", help="Name the lectures and end.")]
Data = Annotated[Path | None, typer.Option(help="Folder with diabetes/, names/ and mnist/; else they are fetched.")]
Pictures = Annotated[Path, typer.Option(help="Where pictures go.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Fixes all chance.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing: stand-ins for what --data does not hold.")]
TensorBoard = Annotated[Path | None, typer.Option(help="Folder for TensorBoard's curves.")]
Visdom = Annotated[bool, typer.Option("--visdom", help="Curves in the browser, by a running Visdom server.")]


def lecture(
    number: Number = "all",
    list_them: ListThem = False,
    data: Data = None,
    pictures: Pictures = Path("reports/lectures"),
    device: Device = "auto",
    seed: Seed = 0,
    offline: Offline = False,
    tensorboard: TensorBoard = None,
    visdom: Visdom = False,
) -> None:
    """Run a lecture's program and hold what it measures against its gate."""
    with console.errors_in_plain_words("interrupted"):
        from pipelines.curves import make_curves
        from pipelines.lectures.lecture import Setting, find, lectures
        from pipelines.training import pick_device

        if list_them:
            for one in lectures():
                typer.echo(f"{one.number:<12}{one.title}")
            return
        chosen = find(number)
        setting = Setting(
            data=data, device=pick_device(device), seed=seed, pictures=pictures,
            say=lambda line: typer.echo("  " + line), curves=make_curves(tensorboard, visdom), fetch=not offline,
        )  # fmt: skip
        results = [(one, *_run(one, setting)) for one in chosen]
        setting.curves.close()
        failed = _table(results)
        if failed:
            raise typer.Exit(1)


def _run(lecture: "Lecture", setting: "Setting") -> "tuple[list[Gate], float]":
    typer.echo(f"lecture {lecture.number}, {lecture.title}")
    started = time.perf_counter()
    gates = list(lecture.run(setting))
    return gates, time.perf_counter() - started


def _table(results: "list[tuple[Lecture, list[Gate], float]]") -> int:
    """Print lecture, measured, gate and seconds; the number of gates that were missed."""
    typer.echo(f"\n{'lecture':<11}{'what':<62}{'measured':<14}{'gate':<16}seconds")
    for lecture, gates, seconds in results:
        for i, gate in enumerate(gates):
            mark = "" if gate.passed else "  MISSED"
            cost = f"{seconds:.1f}" if i == 0 else ""
            number = lecture.number if i == 0 else ""
            typer.echo(f"{number:<11}{gate.what:<62}{gate.measured:<14}{gate.wanted:<16}{cost}{mark}")
    gates = [gate for _, of_lecture, _ in results for gate in of_lecture]
    missed = sum(not gate.passed for gate in gates)
    typer.echo(f"{len(gates) - missed} of {len(gates)} gates passed")
    return missed


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(lecture)
