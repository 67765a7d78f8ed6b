"""`pipelines.run`: what the command `run` does, for a notebook or a program; heavy things are imported when it runs."""

from typing import TYPE_CHECKING, Unpack

from pipelines.notebook.given import TEXT, Options, knobs_of
from pipelines.pages.words import Words, language
from pipelines.report import console
from pipelines.report.asked import asked
from pipelines.settings.allowed import allowed
from pipelines.settings.lookup import load

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.notebook.ran import Ran


def run(
    name: str, data: "str | Path | None" = None, preset: str = "fast", *, write: bool = True, quiet: bool = False,
    lang: str | None = None, **options: Unpack[Options],
) -> "Ran":  # fmt: skip
    """Cross-validate a competition and write a checked csv; what is returned shows itself and hands out frames.

    `name` is a competition's folder, slug or URL; `data` a folder or zip with its files, "sample" for made rows, None
    to look for them. The options are those of the command line, with its defaults: output, variants, folds, seeds,
    epochs, minutes, seed, device, memory, jobs, cluster, shares, practice, runs, restart, importance, note. Without
    `write` no csv is written, as by `cv`; with `quiet` nothing is printed; `lang` is "en" or "zh", else as the locale
    says.
    Raises: HomeworkError for what is wrong with options, data or predictions, in the words of the command line.
    """
    knobs = knobs_of({"data": data, "preset": preset, **options})
    words, write = Words(language(lang)), write and not knobs.practice
    asked(allowed("run", "name", name, TEXT), knobs, write=write)

    from pipelines.errors import full_memory_told
    from pipelines.notebook.ran import Ran
    from pipelines.report.lines import write_page
    from pipelines.report.live.log import Log, saying
    from pipelines.report.watched import watched

    competition, log = load(name), Log()
    with console.warnings_in_plain_words(), full_memory_told():
        outcome = watched(
            competition, knobs, saying(log, silent=quiet), silent=quiet, write=write, log=log, words=words
        )
        report = write_page(competition, outcome, words)
    return Ran(outcome, competition, knobs, words, report)
