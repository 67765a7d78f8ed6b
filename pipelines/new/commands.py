"""The command that writes a competition's folder; all else is imported inside it."""

import keyword
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report.console import EXIT_CODES, errors_in_plain_words, progress_bar, say, say_aside

if TYPE_CHECKING:
    from pipelines.new.roles import Said
    from pipelines.new.text import Found

INTERRUPTED = "interrupted; no folder was written"
SHOWN = 8  # names in a printed line
LONGEST = 100  # signs of a list in a printed line


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=EXIT_CODES)(new)


def new(
    name: Annotated[str, typer.Argument(help="Kaggle slug or URL of a competition.", metavar="COMPETITION")],
    data: Annotated[
        Path | None, typer.Option(help="Folder or zip with its files; else data/<slug>/, fetched from Kaggle.")
    ] = None,
    folder: Annotated[str | None, typer.Option("--name", help="Name of the folder; else made of the slug.")] = None,
    metric: Annotated[str | None, typer.Option(help="auc, rmsle, mae, ...; a wrong one lists all.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that is to be predicted.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column that says which row is which.")] = None,
    groups: Annotated[
        str | None, typer.Option(help="Column whose equal values belong together; or: prefix, of the id.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of each row's time, where later rows are predicted.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write anew; changed files are kept as *.old-1.")] = False,
) -> None:
    """Look at a competition's files and write its folder: columns, target, metric, networks, made rows."""
    with errors_in_plain_words(INTERRUPTED):
        from pipelines.settings.lookup import FOLDER, slug_of

        slug = slug_of(name)
        place = FOLDER / package_name(folder or slug)
        refuse_taken(place, slug, named=folder is not None, force=force)
        metric = None if metric is None else metric.casefold().replace("_", "-")
        check_metric(metric)

        from pipelines.new.roles import Said

        said = Said(metric, target, id_column, groups, time)
        found = examine(slug, place.name, data, said)
        for line in found_lines(found, data or Path("data") / slug):
            say(line)
        written = write_folder(place, texts_of(found))
        say(f"written: {place.parent.name}/{place.name}: {', '.join(written)}")
        where = "" if data is None else f" --data {data}"
        say(f"next: python -m pipelines cv {place.name}{where}")
        say(f"      python -m pipelines run {place.name}{where}")


def examine(slug: str, name: str, data: Path | None, said: "Said") -> "Found":
    """Everything that a competition's files tell; downloads them where `data` is None and none are there.

    Raises: DataError, UsageError.
    """
    check_metric(said.metric)
    place = data or _fetched(slug)

    from pipelines.new.columns import describe
    from pipelines.new.look import look
    from pipelines.new.roles import find_roles, without_empty
    from pipelines.new.sample import ids_of, sides_of
    from pipelines.new.split import find_split
    from pipelines.new.task import find_task
    from pipelines.new.text import Found

    roles = without_empty(find_roles(look(place), said))
    task, split = find_task(roles, said), find_split(roles, said)
    columns = [describe(column, (roles.train, roles.test)) for column in roles.features]
    return Found(slug, name, roles, task, split, columns, ids_of(roles), sides_of(roles))


def check_metric(name: str | None) -> None:
    """Refuse a metric that there is none of.

    Raises: UsageError that lists those there are.
    """
    from pipelines.errors import UsageError, meant
    from pipelines.metrics import METRICS

    if name is not None and name not in METRICS:
        known = ", ".join(METRICS)
        raise UsageError(
            f"there is no metric {name!r}",
            *meant(
                name,
                METRICS,
                f"choose one of {known}; for another one take the nearest, and write it in competition.py",
                f"请从 {known} 中选择；其他指标请先选最接近的，再在 competition.py 中自行编写",
            ),
        )


def _fetched(slug: str) -> Path:
    """data/<slug>, with the files in it.

    Raises: what `download` raises, and how it goes on without it.
    """
    from pipelines.data.folders import Target
    from pipelines.errors import HomeworkError
    from pipelines.kaggle.client import Kaggle
    from pipelines.kaggle.download import download

    target = Target(slug)
    if target.is_empty:
        try:
            with Kaggle(say=say_aside) as kaggle, progress_bar(unit="bytes") as show:
                download(kaggle, target, show)
        except HomeworkError as error:
            error.hint += f"; or put the files into {target.folder}, or name where they are: --data FOLDER (or zip)"
            error.hint_zh += f"；也可把文件放入 {target.folder}，或用 --data 指定文件夹或 zip"
            raise
    return target.folder


def package_name(text: str) -> str:
    """A name for a folder of Python's, out of a slug.

    Raises: UsageError for what leaves nothing of a name.

    >>> package_name("spaceship-titanic"), package_name("2019-1st-ml"), package_name("class")
    ('spaceship_titanic', 'competition_2019_1st_ml', 'class_')
    """
    from pipelines.errors import UsageError

    name = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")
    if not name:
        raise UsageError(f"{text!r} is no name for a folder", "give one: --name forest", "请用 --name 指定文件夹名")
    name = f"competition_{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) else name


def refuse_taken(place: Path, slug: str, *, named: bool, force: bool) -> None:
    """Refuse a folder that is there, and a competition that has a folder of another name.

    Raises: UsageError.
    """
    from pipelines.errors import UsageError
    from pipelines.settings.lookup import Outline, names

    other = next((n for n in names() if n != place.name and Outline(n).slug == slug), None)
    if other is not None and not named:
        raise UsageError(
            f"competitions/{other} is {slug} already",
            f"use it: python -m pipelines run {other}; or write another folder: --name NAME",
            f"可直接使用：python -m pipelines run {other}；或用 --name 另起文件夹名",
        )
    if place.exists() and any(place.iterdir()) and not force:
        raise UsageError(
            f"competitions/{place.name} is there already",
            "choose another name (--name NAME), or write it anew (--force): what you changed is kept beside it",
            "请用 --name 另起名称，或用 --force 重新生成（修改过的文件会保留在旁边）",
        )


def texts_of(found: "Found") -> dict[str, str]:
    """The texts of the folder's files by name."""
    from pipelines.new.sample import sample_text
    from pipelines.new.text import columns_text, competition_text, init_text

    return {
        "__init__.py": init_text(found),
        "competition.py": competition_text(found),
        "columns.py": columns_text(found),
        "sample.py": sample_text(found),
    }


def write_folder(place: Path, texts: Mapping[str, str]) -> list[str]:
    """Write the folder, whole or not at all; a file that is there and differs is kept as *.old-1, all others stay.

    Returns the names of what was written.
    """
    work = place.parent / f".{place.name}.{secrets.token_hex(4)}.part"
    made = work / "new"  # one folder deeper than where competitions are looked for
    try:
        if place.exists():
            shutil.copytree(place, made, ignore=shutil.ignore_patterns("__pycache__"))
        made.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = made / name
            if path.exists() and path.read_text(encoding="utf-8") != text:
                path.rename(next(kept for kept in _kept_names(path) if not kept.exists()))
            path.write_text(text, encoding="utf-8", newline="\n")
        if place.exists():
            place.rename(work / "before")
        made.rename(place)
    finally:
        if not place.exists() and (work / "before").exists():
            (work / "before").rename(place)
        shutil.rmtree(work, ignore_errors=True)
    return list(texts)


def _kept_names(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.old-{number}") for number in range(1, 10_000))


def found_lines(found: "Found", place: Path) -> list[str]:
    """What was found, what is assumed, and what could not be known, with the option that says it."""
    from pipelines.new.text import asked

    roles = found.roles
    lines = [f"data: {place}"]
    for what, table in (("train", roles.train), ("test", roles.test), ("sample", roles.sample)):
        lines.append(f"  {what:<7} {table.name}: {table.n_rows:,} rows, {len(table.columns)} columns")
    keys = {side.name: side.key for side in found.sides}
    for table in roles.more:
        used = f"more of {keys[table.name]}" if table.name in keys else "not used: `tables` and `add_features` can"
        lines.append(f"  further {table.name}: {table.n_rows:,} rows; {used}")
    lines.append(f"row id:  {roles.id or 'none'} ({roles.notes.get('id', 'as was said')})")
    lines.append(f"target:  {roles.target}: {asked(found)}")
    if n := found.task.n_unlabelled:
        lines.append(f"  {n:,} training row{'s have' if n > 1 else ' has'} none, which a run leaves out")
    kinds = {"number": "numbers", "flag": "truth values", "category": "categories", "date": "dates", "text": "texts"}
    held: Counter[str] = Counter("number" if column.decimal else column.kind for column in found.columns)
    counts = {words: held[kind] for kind, words in kinds.items()}
    lines.append(f"columns: {len(found.columns)}: " + ", ".join(f"{n} {words}" for words, n in counts.items() if n))
    if roles.left_out:
        listed = ", ".join(roles.left_out)
        listed = listed if len(listed) <= LONGEST else f"{listed[:LONGEST]}..."
        lines.append(f"left out, since not filled in both files: {listed}")
    return lines + _assumed_lines(found) + _unknown_lines(found)


def _assumed_lines(found: "Found") -> list[str]:
    from pipelines.new.text import decimals

    task, split = found.task, found.split
    signs = decimals(found)
    listed = ", ".join(list(signs)[:SHOWN]) + ", ..." * (len(signs) > SHOWN)
    before = f"texts, with {' or '.join(map(repr, sorted(set(signs.values()))))} before decimals" if signs else ""
    notes = {  # their names: language.foreign
        f"numbers in {listed}": (before, "change DECIMALS in columns.py"),
        f"metric {task.metric}": (task.notes.get("metric"), "--metric NAME"),
        "classes": (task.notes.get("classes"), "--metric rmse, or `classes` in competition.py"),
        f"groups by {split.groups or 'id'}": (split.notes.get("groups"), "--groups COLUMN"),
        f"time {split.time}": (split.notes.get("time"), "--time COLUMN"),
    }
    return [f"assumed: {what}: {why} (else {option})" for what, (why, option) in notes.items() if why]


def _unknown_lines(found: "Found") -> list[str]:
    split, lines = found.split, []
    if split.prefix_of and split.unused:
        lines.append(f"not known: whether test rows come after the others: then --time {split.unused}")
    if not (split.groups or split.prefix_of or split.time):
        of_time = (
            f"{split.unused} is a date, and test rows are not all later: --time {split.unused}; "
            if split.unused
            else ""
        )
        lines.append(f"not known: whether rows belong together, or come later: {of_time}--groups COLUMN, --time COLUMN")
    return lines
