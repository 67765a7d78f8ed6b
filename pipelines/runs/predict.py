"""The command that predicts rows of any csv by a finished run's models; all else is imported inside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report import console, options

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.metrics import FloatArray
    from pipelines.runs.saved import SavedRun

WHICH = "A run's folder or its name, or how that begins; newest, previous; or best, by its cross-validated score."


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=console.EXIT_CODES)(predict)


def predict(
    name: options.Name,
    rows: Annotated[Path, typer.Argument(help="A csv with the columns of the test file.")],
    run: Annotated[str, typer.Option(help=WHICH)] = "newest",
    to: Annotated[Path | None, typer.Option(help="A csv to write; else it is printed.")] = None,
    runs: options.Runs = options.RUNS,
) -> None:
    """Predict new rows by what a run has trained: a csv of ids, labels and probabilities, or of ids and values."""
    with console.errors_in_plain_words("interrupted; nothing was written", stop_unread=to is None):
        from pipelines.files import write_whole
        from pipelines.runs.history.choice import choose
        from pipelines.settings.knobs import refuse_unwritable
        from pipelines.settings.lookup import find, load

        outline = find(name)
        csv = _csv(rows)
        if to is not None:
            _refuse_place(to, rows)
            refuse_unwritable(to.parent, "--to")
        found = choose(runs, outline.slug or load(name).slug, run, to_predict=True).folder.path

        from pipelines.runs.saved import SavedRun

        saved = SavedRun(found, load(name))
        refuse_other(saved)
        console.say_aside(f"run: {found}" + " (of made rows)" * (saved.record.data == "sample"))
        ids, said = saved.said_of(csv, rows.name)
        text = to_csv(saved, ids, said)
        if to is None:
            console.give(text.removesuffix("\n"))
        else:
            write_whole(to, text.encode())
            console.say(f"written: {to} ({len(ids)} rows)")


def to_csv(saved: "SavedRun", ids: "pd.Series", said: "FloatArray") -> str:
    """Ids (M,), labels and probabilities (M, C), or values (M, 1), as a csv."""
    import pandas as pd

    competition = saved.competition
    if competition.number is not None:
        columns = {
            competition.target: competition.metric.given(said) if competition.metric.of == "values" else said[:, 0]
        }
    else:
        columns = {competition.target: saved.labels(said)}
        columns |= {str(label): said[:, i] for i, label in enumerate(competition.classes)}
    frame = pd.DataFrame({competition.key: ids.to_numpy()} | columns)
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.9g")


def refuse_other(saved: "SavedRun") -> None:
    """A run of `try` has features that the competition has not.

    Raises: UsageError.
    """
    from pipelines.errors import UsageError
    from pipelines.runs.folder import IDEA

    if (saved.path / IDEA).exists():
        raise UsageError(
            f"{saved.path} is a run of try: what its {IDEA} adds is not in the competition",
            f"put it into competitions/ and run again; or choose another: python -m pipelines runs {saved.record.slug}",
            f"请将其内容写入 competitions/ 后重新运行；或选择其他运行：python -m pipelines runs {saved.record.slug}",
        )


def _csv(rows: Path) -> bytes:
    from pipelines.errors import DataError

    try:
        return rows.read_bytes()
    except OSError as error:
        raise DataError(
            f"{rows} cannot be read: {error.strerror}",
            "name a csv with the columns of the test file",
            "请给出与测试文件列相同的 csv 文件",
        ) from error


def _refuse_place(to: Path, rows: Path) -> None:
    from pipelines.errors import UsageError

    if to.exists() and (not to.is_file() or to.samefile(rows)):  # a device would be replaced by a file
        what = "is a folder" if to.is_dir() else "is the csv that is read" if to.is_file() else "is no ordinary file"
        raise UsageError(f"--to: {to} {what}", "name another file", "请指定其他文件名")
