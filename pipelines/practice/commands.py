"""The command `practice`: many honest rounds. All else is imported inside it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.report import console, options

if TYPE_CHECKING:
    from pipelines.competition import Competition
    from pipelines.practice.kept import Practice
    from pipelines.settings.knobs import Knobs

INTERRUPTED = "interrupted; finished rounds are kept: the same command goes on where it stopped"
REPORTS = Path("reports/practice")
MOST_JOBS = 256


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("practice", epilog=console.EXIT_CODES)(practice_command)


def practice_command(
    name: options.Name,
    rounds: Annotated[int, typer.Option(help="How often another part of the training rows is hidden.")] = 20,
    jobs: Annotated[int, typer.Option(help="Rounds at the same time, each in a process and on a core of its own.")] = 1,
    data: options.Data = None,
    preset: options.Preset = "fast",
    variants: options.Variants = None,
    folds: options.Folds = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    seed: Annotated[int, typer.Option(help="Of the first round; the others count on from it.")] = 0,
    device: options.Device = "auto",
    memory: options.Memory = None,
    reports: Annotated[
        Path, typer.Option(help="Where rounds and pictures are kept; a folder per competition.")
    ] = REPORTS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all else goes to stderr.")] = False,
) -> None:
    """Hide rows, forecast the score on them, look; many times: how often the intervals of the forecast hold."""
    with console.errors_in_plain_words(INTERRUPTED):
        from pipelines.report.asked import asked
        from pipelines.settings.knobs import Knobs, refuse_unwritable
        from pipelines.settings.lookup import load

        knobs = Knobs(
            data=data, preset=preset, variants=options.names(variants), folds=folds, seeds=seeds, epochs=epochs,
            seed=seed, device=device, memory=memory, practice=True, runs=None,
        )  # fmt: skip
        check_counts(rounds, jobs, seed)
        outline = asked(name, knobs, write=False)
        refuse_unwritable(reports / (outline.slug or ""), "--reports")

        from pipelines.practice.coverage import VERDICTS
        from pipelines.practice.lines import practice_lines

        competition = load(name)
        folder = reports / competition.slug
        practice = practise(competition, knobs, rounds, jobs, folder, silent=quiet)
        aside = practice.save(folder)
        if aside is not None and not quiet:
            console.say_aside(_said_aside(practice, *aside))
        if as_json:
            console.give(practice.to_json())
        for line in [f"verdict: {VERDICTS[practice.coverage.verdict]}"] if quiet else practice_lines(practice):
            console.say(line, err=as_json)
        for path in [] if practice.coverage.rounds == 0 else _drawn(practice, folder):
            if not quiet:
                console.say(f"{'picture:':<28}{path}", err=as_json)


def check_counts(rounds: int, jobs: int, seed: int) -> None:
    """Refuse numbers that cannot be played.

    Raises: UsageError.
    """
    from pipelines.errors import UsageError

    for what, value, most in (("rounds", rounds, 2**32 - max(0, seed)), ("jobs", jobs, MOST_JOBS)):
        if not 1 <= value <= most:
            raise UsageError(
                f"--{what} must be from 1 to {most}, got {value}",
                f"choose --{what} 1 or more, and no more than {most}",
                f"--{what} 应在 1 到 {most} 之间",
            )


def practise(
    competition: "Competition", knobs: "Knobs", rounds: int, jobs: int, folder: Path, *, silent: bool
) -> "Practice":
    """Play the rounds that are not finished yet, keep each in `folder`, and say what all of them came to."""
    from pipelines.data.sources import locate
    from pipelines.data.tables import read
    from pipelines.kaggle.download import fetch
    from pipelines.practice.coverage import cover
    from pipelines.practice.kept import Kept, Practice, in_order, key_of
    from pipelines.practice.rounds import play
    from pipelines.settings.plan import make_plan
    from pipelines.settings.trial import try_metric
    from pipelines.settings.tuned import with_tuned
    from pipelines.validation.groups import plan_line

    competition = with_tuned(competition, knobs.variants or (), knobs.runs, practice=True)
    plan = make_plan(competition, knobs)
    source = locate(competition, knobs.data, fetch=partial(fetch, say=console.say_aside))
    if not silent:
        console.say_aside(source.line)
        console.say_aside(plan_line(competition, plan))
    tables, seeds = read(competition, source), range(knobs.seed, knobs.seed + rounds)
    try_metric(competition.metric, tables.y, competition.n_outputs)
    key = key_of(competition, plan, source)
    kept = Kept(folder, key)
    there = kept.rounds()
    missing = [seed for seed in seeds if seed not in there]
    if len(missing) < rounds and not silent:
        console.say_aside(f"found: {rounds - len(missing)} of {rounds} rounds, finished before")
    with console.progress_bar(silent=silent) as bar:
        bar("rounds", rounds - len(missing), rounds)
        for done, played in enumerate(play(competition, tables, plan, missing, jobs), 1 + rounds - len(missing)):
            kept.add(played)
            bar("rounds", done, rounds)
    finished = in_order(kept.rounds(), seeds)
    return Practice(
        slug=competition.slug, data=source.kind, metric=competition.metric.name,
        greater_is_better=competition.metric.greater_is_better, key=key, options=_options(knobs),
        by_time=competition.time is not None, coverage=cover(finished), rounds=finished,
        unpublished=competition.published is not None,
    )  # fmt: skip


def _drawn(practice: "Practice", folder: Path) -> list[Path]:
    """The pictures; where there are none, because a disk is full or of whatever matplotlib meets, that is said."""
    from pipelines.practice.picture import draw

    try:
        return draw(practice, folder)
    except Exception as error:  # the verdict is known, and kept
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        console.complain(f"warning: no picture in {folder}: {why or error}")
        return []


def _said_aside(practice: "Practice", before: "Practice", path: Path) -> str:
    """That a practice is no longer the one that a report shows, and where it is."""
    n, others = len(before.rounds), "other settings, data or code" if before.key != practice.key else "the same kind"
    now = f"{len(practice.rounds)} round{'s' * (len(practice.rounds) != 1)}"
    return f"note: a report shows these {now} from now on; the {n} of {others} before are kept in {path}"


def _options(knobs: "Knobs") -> dict[str, object]:
    """Those that say how a round is trained, as the command line has them."""
    names = ("preset", "variants", "folds", "seeds", "epochs", "seed")
    given = {name: getattr(knobs, name) for name in names}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
