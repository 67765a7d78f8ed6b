"""`pipelines.run`: what the command `run` does, for a notebook or a program; heavy things are imported when it runs."""

import warnings
from typing import TYPE_CHECKING, Unpack

from pipelines.data.manifest import check_place
from pipelines.notebook.given import TEXT, Options, knobs_of
from pipelines.pages.words import Words, language
from pipelines.report import console
from pipelines.settings.allowed import allowed
from pipelines.settings.knobs import check
from pipelines.settings.lookup import find, load

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.competition import Competition
    from pipelines.notebook.ran import Ran
    from pipelines.pipeline import Outcome


def run(
    name: str, data: "str | Path | None" = None, preset: str = "fast", *, write: bool = True, quiet: bool = False,
    lang: str | None = None, **options: Unpack[Options],
) -> "Ran":  # fmt: skip
    """Cross-validate a competition and write a checked csv; what is returned shows itself and hands out frames.

    `name` is a competition's folder, slug or URL; `data` a folder or zip with its files, "sample" for made rows, None
    to look for them. The options are those of the command line, with its defaults: output, variants, folds, seeds,
    epochs, seed, device, memory, practice, runs, restart, importance, note. Without `write` no csv is written, as by
    `cv`; with `quiet` nothing is printed; `lang` is "en" or "zh", else as the locale says.
    Raises: HomeworkError for what is wrong with options, data or predictions, in the words of the command line.
    """
    knobs = knobs_of({"data": data, "preset": preset, **options})
    words, outline = Words(language(lang)), find(allowed("run", "name", name, TEXT))
    write = write and not knobs.practice
    check(knobs, outline, write=write)
    check_place(knobs.data, outline.files, outline.slug)

    from pipelines.errors import full_memory_told
    from pipelines.notebook.ran import Ran
    from pipelines.report.live.log import Log
    from pipelines.report.watched import watched

    competition, log = load(name), Log(words)

    def say(line: str) -> None:
        log(line)
        if not quiet:
            console.say(line)

    with console.warnings_in_plain_words(), full_memory_told():
        outcome = watched(competition, knobs, say, silent=quiet, write=write, log=log, words=words)
        report = _write_report(competition, outcome, words)
    return Ran(outcome, competition, knobs, words, report)


def _write_report(competition: "Competition", outcome: "Outcome", words: Words) -> "Path | None":
    """The run's page, if it can be written; the csv is whole by then."""
    if outcome.folder is None:
        return None
    from pipelines.errors import TrainingWarning
    from pipelines.pages.write import write_report

    try:
        return write_report(outcome.folder, words, competition)
    except Exception as error:
        why = (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"
        what = f"no report in {outcome.folder.path}: {why}"
        hint = "python -m pipelines report writes it again"
        warnings.warn(TrainingWarning(what, hint, "可用 python -m pipelines report 重新生成"), stacklevel=3)
        return None
