"""The mistakes on the command line: `python -m pipelines mistakes softmax`."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report.console import errors_in_plain_words, give, progress_bar, say
from pipelines.report.options import Lang

if TYPE_CHECKING:
    from lectures.mistakes.gallery import Mistake, Pair
    from pipelines.pages.words import Words


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(mistakes)


def mistakes(
    name: Annotated[str, typer.Argument(help="A mistake's name, or all; without one they are listed.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="How many times each is measured.")] = 3,
    lang: Lang = None,
) -> None:
    """Mistakes that learners make: wrong beside right, with the measured damage and what guards against it."""
    with errors_in_plain_words("interrupted", stop_unread=True):
        from lectures.mistakes.gallery import find, gallery
        from pipelines.pages.words import Words, language

        words = Words(language(lang))
        if not name:
            for mistake in gallery():
                what, guard = words(mistake.what, mistake.what_zh), words(mistake.guard, mistake.guard_zh)
                wide = sum(ord(sign) > 0x2E80 for sign in what)  # signs that take two places
                say(f"{mistake.name:<14}{what:<{52 - wide}}{words('guard: ', '防范：')}{guard}")
            hint = words("measured, wrong beside right: ", "错误与正确做法对照测量：")
            say(f"{hint}python -m pipelines mistakes {gallery()[0].name}{words(', or: ', '，或 ')}mistakes all")
            return
        found = find(name)
        with progress_bar() as bar:
            for done, mistake in enumerate(found):
                bar("mistakes", done, len(found))
                _show(mistake, [mistake.run(seed) for seed in range(seeds)], words)


def _show(mistake: "Mistake", pairs: "list[Pair]", words: "Words") -> None:
    from statistics import mean, stdev

    from lectures.mistakes.gallery import MEASURES

    say(f"{mistake.name}: {words(mistake.what, mistake.what_zh)}")
    say(f"  {words(mistake.why, mistake.why_zh)}")
    for label, lines in ((words("wrong", "错误"), mistake.wrong), (words("right", "正确"), mistake.right)):
        say(f"  {label}")
        for line in lines.split("\n"):
            give(f"      {line}")
    say(f"  {words(mistake.measure, MEASURES[mistake.measure][0])}{words('; ', '；')}{words(*mistake.better)}")
    wrong, right = zip(*pairs, strict=True)
    for label, numbers in ((words("wrong", "错误"), wrong), (words("right", "正确"), right)):
        sd = f"{stdev(numbers):.3f}" if len(numbers) > 1 else ""
        spread = words(f" ± {sd} (sd over {len(pairs)} seeds)", f" ± {sd}（{len(pairs)} 个种子的标准差）") if sd else ""
        say(f"  {label}  {mean(numbers):8.4f}{spread}")
    say(f"  {words('cost ', '代价')}  {abs(mean(wrong) - mean(right)):8.4f}")
    say(f"  {words('guard: ', '防范：')}{words(mistake.guard, mistake.guard_zh)}")
