"""The exercises on the command line: `python -m pipelines exercise 05-closure`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report.console import EXIT_CODES, errors_in_plain_words, give, say, say_aside
from pipelines.report.options import RUNS, Lang, Runs

if TYPE_CHECKING:
    from lectures.exercises.exercise import Exercise
    from lectures.exercises.homework import Homework
    from lectures.exercises.progress import Progress
    from pipelines.pages.words import Words

STATES = {"new": ("not begun", "未开始"), "begun": ("begun", "进行中"), "right": ("right", "已做对")}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=EXIT_CODES)(exercise)


def exercise(
    name: Annotated[str, typer.Argument(help="05-closure, or a lecture: 05; without one all are listed.")] = "",
    hint: Annotated[bool, typer.Option("--hint", help="Show the next hint.")] = False,
    answer: Annotated[bool, typer.Option("--answer", help="Show the lines that were asked for.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin anew; the old file is kept beside.")] = False,
    folder: Annotated[Path, typer.Option(help="Where your files are.")] = Path("exercises"),
    runs: Runs = RUNS,
    lang: Lang = None,
) -> None:
    """Write a file with a gap, or check the one that is there; exit code 1 while it is not right."""
    with errors_in_plain_words("interrupted"):
        from lectures.exercises import exercise as exercises
        from lectures.exercises.homework import HOMEWORK
        from lectures.exercises.progress import Progress
        from pipelines.pages.words import Words, language

        words = Words(language(lang))
        _refuse(name, folder, hint=hint, answer=answer, reset=reset)
        progress = Progress(folder)
        homework = next((each for each in HOMEWORK if each.name in (name, f"0{name}")), None)
        if homework is not None:
            return _homework(homework, runs, words, asks=hint or answer or reset)
        found = exercises.all_exercises() if name in ("", "all") else exercises.find(name)
        if "-" not in name:
            return _list(found, progress, words)
        if hint:
            return _hint(found[0], progress, words)
        if answer:
            return _answer(found[0], words)
        kept = progress.set_aside(found[0]) if reset else None
        if kept is not None:
            say(words(f"your file is kept: {kept}", f"原文件已保留：{kept}"))
        if progress.state(found[0]) == "new":
            return _begin(found[0], progress, words)
        return _check(found[0], progress, words)


def wide(text: str) -> int:
    """Signs that take two columns of a terminal: Chinese ones.

    >>> wide("forty"), wide("进行中")
    (0, 3)
    """
    return sum(ord(sign) > 0x2E80 for sign in text)


def _refuse(name: str, folder: Path, *, hint: bool, answer: bool, reset: bool) -> None:
    from pipelines.errors import UsageError

    if hint + answer + reset > 1:
        raise UsageError(
            "--hint, --answer and --reset exclude each other",
            "keep one of them",
            "--hint、--answer、--reset 只能选一个",
        )
    if (hint or answer or reset) and "-" not in name:
        raise UsageError(
            "--hint, --answer and --reset are of one exercise",
            "name it: python -m pipelines exercise 05-closure --hint",
            "请写出练习的名称：python -m pipelines exercise 05-closure --hint",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            f"{folder} is a file; your files need a folder",
            "name another one with --folder, or give that file another name",
            "请用 --folder 指定其他文件夹，或给该文件改名",
        )


def _list(found: "list[Exercise]", progress: "Progress", words: "Words") -> None:
    from lectures.exercises.homework import HOMEWORK

    lectures = {each.lecture for each in found}
    rows = [(each.name, words(*each.title), words(*STATES[progress.state(each)])) for each in found]
    rows += [
        (each.name, words(*each.title), words("homework", "作业")) for each in HOMEWORK if each.lecture in lectures
    ]
    for name, title, state in sorted(rows):
        say(f"{name:<18}{state:<{12 - wide(state)}}{title}")
    n_right = sum(progress.state(each) == "right" for each in found)
    say(words(f"{n_right} of {len(found)} right", f"共 {len(found)} 题，已做对 {n_right} 题"))
    say(words("begin, or check: ", "开始或检查：") + f"python -m pipelines exercise {found[0].name}")


def _begin(exercise: "Exercise", progress: "Progress", words: "Words") -> None:
    path = progress.begin(exercise)
    line = 1 + exercise.start.split("\n").index(next(x for x in exercise.start.split("\n") if "NotImplemented" in x))
    say(words(f"{exercise.name}: {exercise.title[0]}", f"{exercise.name}：{exercise.title[1]}"))
    say(words(*exercise.task))
    say(
        words(f"written: {path}; your lines go where line {line} is", f"已写出：{path}；请用自己的代码替换第 {line} 行")
    )
    say(
        words(
            "then the same command checks them; --hint and --answer help",
            "写好后再运行同一命令即可检查；--hint 看提示，--answer 看答案",
        )
    )


def _hint(exercise: "Exercise", progress: "Progress", words: "Words") -> None:
    number = progress.next_hint(exercise)
    of = len(exercise.hints)
    say(words(f"hint {number} of {of}: ", f"提示 {number}/{of}：") + words(*exercise.hints[number - 1]))
    if number == of:
        say(words("that was the last one; --answer shows the lines", "这是最后一条提示；--answer 显示答案"))


def _answer(exercise: "Exercise", words: "Words") -> None:
    for line in exercise.answer.rstrip("\n").split("\n"):
        give(f"    {line}")
    say(words("to try next: ", "试一试：") + words(*exercise.next))


def _check(exercise: "Exercise", progress: "Progress", words: "Words") -> None:
    from lectures.exercises.checking import LIMIT, check

    if sys.stderr.isatty():
        say_aside(
            words(
                f"checking {progress.path(exercise)}: some seconds, {LIMIT:g} at most",
                f"正在检查 {progress.path(exercise)}：通常几秒，最多 {LIMIT:g} 秒",
            )
        )
    verdict = check(exercise, progress.path(exercise))
    for line in verdict.printed.rstrip("\n").split("\n"):
        if line:
            give(f"    {line}")
    if not verdict.right:
        say(words(f"wrong: {verdict.english}", f"不对：{verdict.chinese}"))
        raise typer.Exit(1)
    progress.was_right(exercise)
    say(words("right", "正确"))
    say(words("to try next: ", "试一试：") + words(*exercise.next))


def _homework(homework: "Homework", runs: Path, words: "Words", *, asks: bool) -> None:
    from lectures.exercises.homework import last_run
    from pipelines.errors import UsageError

    if asks:
        raise UsageError(
            f"{homework.name} is homework: it has no file, no hints and no answer, but tiers of score to reach",
            f"see where you are: python -m pipelines exercise {homework.name}",
            f"查看已达到哪一级：python -m pipelines exercise {homework.name}",
        )
    say(words(f"{homework.name}: {homework.title[0]}", f"{homework.name}：{homework.title[1]}"))
    for tier in homework.tiers:
        name = words(*tier.name)
        say(f"  {name:<{10 - wide(name)}}{tier.score:.4f}  {words(*tier.whose)}")
    command = f"python -m pipelines run {homework.name.partition('-')[2]}"
    found = last_run(runs, homework.slug)
    if found is None:
        say(words(f"no run on Kaggle's rows yet: {command}", f"还没有用 Kaggle 数据的运行：{command}"))
        raise typer.Exit(1)
    name, record = found
    score = record.cv_mean or 0.0
    best = homework.reached(score)
    reached = words("no tier", "尚未达到任何一级") if best is None else words(*best.name)
    say(words(f"your last run, {name}: {score:.4f}: {reached}", f"最近一次运行 {name}：{score:.4f}，{reached}"))
    if best is None:
        raise typer.Exit(1)
