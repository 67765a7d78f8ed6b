"""The command that predicts rows of any csv by a finished run's models; all else is imported inside it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipelines.report import console

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.metrics import FloatArray
    from pipelines.runs.folder import RunFolder
    from pipelines.runs.saved import SavedRun

WHICH = "A run's folder or its name, or how that begins; newest, previous; or best, by its cross-validated score."


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=console.EXIT_CODES)(predict)


def predict(
    name: Annotated[str, typer.Argument(help="Folder name, Kaggle slug or URL.", metavar="COMPETITION")],
    rows: Annotated[Path, typer.Argument(help="A csv with the columns of the test file.")],
    run: Annotated[str, typer.Option(help=WHICH)] = "newest",
    to: Annotated[Path | None, typer.Option(help="A csv to write; else it is printed.")] = None,
    runs: Annotated[Path, typer.Option(help="Where the runs' folders are.")] = Path("runs"),
) -> None:
    """Predict new rows by what a run has trained: a csv of ids, labels and probabilities, or of ids and values."""
    with console.errors_in_plain_words("interrupted; nothing was written", stop_unread=to is None):
        from pipelines.files import write_whole
        from pipelines.settings.knobs import refuse_unwritable
        from pipelines.settings.lookup import find, load

        outline = find(name)
        csv = _csv(rows)
        if to is not None:
            _refuse_place(to, rows)
            refuse_unwritable(to.parent, "--to")
        found = choose(runs, outline.slug or load(name).slug, run)

        from pipelines.runs.saved import SavedRun

        saved = SavedRun(found, load(name))
        refuse_other(saved)
        console.say_aside(f"run: {found}" + " (of made rows)" * (saved.record.data == "sample"))
        ids, said = saved.said_of(csv, rows.name)
        text = to_csv(saved, ids, said)
        if to is None:
            console.say(text.removesuffix("\n"))
        else:
            write_whole(to, text.encode())
            console.say(f"written: {to} ({len(ids)} rows)")


def choose(root: Path, slug: str, run: str) -> Path:
    """The folder of the run that is meant: a path, a name or its beginning, `newest`, `previous`, or `best`.

    Practice runs, and runs of made rows where there are others, have to be named.
    Raises: UsageError, naming those that there are.
    """
    from pipelines.runs.folder import IDEA, folders
    from pipelines.runs.history.choice import WORDS

    if ("/" in run or "\\" in run or Path(run).is_absolute()) and Path(run).is_dir():
        return Path(run)
    there = [folder for folder in folders(root, slug) if folder.is_finished]
    if run in WORDS:
        there = [folder for folder in there if not (folder.path / IDEA).exists()]
    else:
        named = [folder for folder in there if folder.name == run] or [
            folder for folder in there if folder.name.startswith(run)
        ]
        if len(named) != 1:
            _refuse(
                f"{run!r} is " + ("no finished run" if not named else f"the beginning of {len(named)} runs"),
                root,
                slug,
                there,
            )
        return named[0].path
    whole = [folder for folder in there if "-practice" not in folder.name]
    real = [folder for folder in whole if "-sample" not in folder.name] or whole
    if not real:
        _refuse("there is no finished run", root, slug, there)
    if run == "previous" and len(real) < 2:
        _refuse("there is no previous run", root, slug, there)
    return _best(real) if run == "best" else real[int(run == "previous")].path


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


def _best(runs: "list[RunFolder]") -> Path:
    from pipelines.errors import DataWarning
    from pipelines.settings.lookup import load
    from pipelines.submission.record import RecordError

    scores, metric = [], load(runs[0].slug).metric
    for folder in runs:
        try:
            record = folder.record()
        except RecordError as error:
            warnings.warn(f"{folder.path} is passed over: {error}", DataWarning, stacklevel=2)
            continue
        if record.cv_mean is not None and record.metric == metric.name:
            scores.append((metric.gain(record.cv_mean, 0.0), folder.name, folder.path))
    if not scores:
        _refuse("no run can be compared by its score", runs[0].path.parent.parent, runs[0].slug, runs)
    return max(scores)[2]


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


def _refuse(what: str, root: Path, slug: str, there: "list[RunFolder]") -> NoReturn:
    from pipelines.errors import UsageError

    names = ", ".join(folder.name for folder in there[:5]) + ", ..." * (len(there) > 5)
    found = f"; there are {names}" if there else ""
    raise UsageError(
        f"{what} in {root / slug}{found}",
        f"name one by --run (a folder or its name), or train: python -m pipelines run {slug}",
        f"请用 --run 指定（文件夹或名称），或先训练：python -m pipelines run {slug}",
    )
