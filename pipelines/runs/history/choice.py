"""A run by its name, a beginning of it, its path, or a word: best, newest, previous. Nothing heavy is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.metrics import METRICS, Metric
from pipelines.runs.folder import IDEA, NAME, RECORD, REPORT, RunFolder, began, folders
from pipelines.settings.tuned import FILE as TUNED_FILE
from pipelines.submission.record import VERSION, Record, RecordError

WORDS = ("best", "newest", "previous")
SHOWN = 5  # names in a message


@dataclass(frozen=True)
class KeptRun:
    """A run that has come to its end, and what it found out."""

    folder: RunFolder
    record: Record

    @property
    def is_real(self) -> bool:
        """Whether its score is one of all of the competition's own rows: no made ones, none hidden."""
        return self.record.data != "sample" and self.record.practice is None

    @property
    def is_flattered(self) -> bool:
        """Whether its rows have chosen one of its variants: the one that `tune` has found, of which it keeps a copy."""
        return (self.folder.path / TUNED_FILE).exists()


def finished(root: Path, slug: str) -> list[KeptRun]:
    """The runs of a competition that have come to their end and whose record can be read, the newest first."""
    found = []
    for folder in folders(root, slug):
        try:
            run = KeptRun(folder, folder.record())
        except RecordError:
            continue
        found += [run] if run.record.slug == slug and run.record.version <= VERSION else []
    return found


def metric_of(slug: str, name: str | None) -> Metric:
    """The metric by the name that a record has for it; the competition's, whose code is loaded, where it has its own.

    >>> metric_of("titanic", "log loss").greater_is_better
    False
    """
    from pipelines.settings.lookup import load

    known = {metric.name: metric for metric in METRICS.values()}
    return known[name] if name in known else load(slug).metric


def ranked(runs: Sequence[KeptRun], *, by_score: bool = False) -> list[KeptRun]:
    """Best first: those on the competition's own rows before all others, and flattered ones last, unless `by_score`.

    Left out are those that have no score.

    Only those of the newest's metric: scores of two metrics have no order.
    """
    scored = [run for run in runs if run.record.cv_mean is not None]
    if not scored:
        return []
    newest = next((run for run in scored if run.is_real), scored[0]).record
    metric = metric_of(newest.slug, newest.metric)
    scored = [run for run in scored if run.record.metric == newest.metric]
    gain = {run.folder.name: metric.gain(run.record.cv_mean or 0.0, 0.0) for run in scored}
    return sorted(
        scored, key=lambda run: (run.is_real, by_score or not run.is_flattered, gain[run.folder.name]), reverse=True
    )


def choose(root: Path, slug: str, said: str, *, to_predict: bool = False) -> KeptRun:
    """The run that is meant: a folder's name, a unique beginning of it, a path; best, newest or previous.

    `to_predict`: the words pass over runs of practice and of `try`, and of made rows where there are others.
    Raises: UsageError, with the names that there are.
    """
    runs = finished(root, slug)
    if said in WORDS:
        can_predict = _predicting(runs) if to_predict else runs
        passed_over = ", those of practice and of try passed over" * (len(can_predict) < len(runs))
        return _by_word(can_predict, said, root, slug, passed_over)
    path = Path(said)
    is_path = (path / RECORD).exists() or any(sign in said for sign in "/\\")
    meant = [RunFolder(path.resolve())] if is_path else [f for f in folders(root, slug) if f.name.startswith(said)]
    meant = [folder for folder in meant if folder.name == said] or meant
    if len(meant) != 1 or not meant[0].path.is_dir():
        what = f"may be {_names(meant)}" if len(meant) > 1 else f"is no run of {slug} in {root / slug}"
        names = [run.folder for run in runs]
        raise UsageError(
            f"{said!r} {what}" + (f"; there are {_names(names)}" if names and len(meant) < 2 else ""),
            f"give more of its name, or one of {', '.join(WORDS)}; python -m pipelines runs {slug} lists all",
            f"请写出更多字符，或使用 {'、'.join(WORDS)}；python -m pipelines runs {slug} 列出全部运行",
        )
    return _checked(meant[0], slug)


def choose_any(root: Path, said: str | None) -> RunFolder:
    """A run to show: a path, a name or a unique beginning of it, a competition for its newest, None for that of all.

    It has come to its end, or has a page that grows.

    Raises: UsageError.
    """
    from pipelines.settings.lookup import names

    there = [each for path in root.glob("*") if path.is_dir() for each in folders(root, path.name)]
    there = sorted(there, key=began, reverse=True)
    if said is None or (slug := _slug_or_none(said)):
        shown = [each for each in there if (said is None or each.slug == slug) and _can_be_shown(each)]
        if shown:
            return shown[0]
        one = "titanic" if said is None else slug
        raise UsageError(
            f"{root} holds no finished run{f' of {slug}' if said is not None else ''}",
            f"make one: python -m pipelines run {one}, or cv {one}",
            f"请先运行 python -m pipelines run {one} 或 cv {one}",
        )  # fmt: skip
    is_path = (Path(said) / RECORD).exists() or any(sign in said for sign in "/\\")
    meant = [RunFolder(Path(said).resolve())] if is_path else [each for each in there if each.name.startswith(said)]
    meant = [each for each in meant if each.name == said] or meant
    if len(meant) == 1 and meant[0].path.is_dir():
        return meant[0] if _can_be_shown(meant[0]) else _checked(meant[0], meant[0].slug).folder
    what = f"may be {_names(meant)}" if len(meant) > 1 else f"is no competition, and no run in {root}"
    raise UsageError(
        f"{said!r} {what}",
        f"name a run (python -m pipelines runs COMPETITION lists them), or a competition: {', '.join(names())}",
        "请给出比赛名、运行名（python -m pipelines runs 比赛名 可列出），或不写",
    )


def _slug_or_none(said: str) -> str | None:
    """The slug of a competition of that name, if there is one."""
    from pipelines.settings.lookup import find, load

    try:
        return find(said).slug or load(said).slug
    except UsageError:
        return None


def _can_be_shown(folder: RunFolder) -> bool:
    """Whether a run has a record that can be read, or, while it goes on, a page."""
    if not folder.is_finished:
        return (folder.path / REPORT).is_file()
    try:
        return folder.record().version <= VERSION
    except RecordError:
        return False


def _predicting(runs: list[KeptRun]) -> list[KeptRun]:
    whole = [run for run in runs if run.record.practice is None and not (run.folder.path / IDEA).exists()]
    return [run for run in whole if run.is_real] or whole


def _by_word(runs: list[KeptRun], word: str, root: Path, slug: str, passed_over: str = "") -> KeptRun:
    place, in_order = int(word == "previous"), ranked(runs) if word == "best" else runs
    if len(in_order) <= place:
        held = "one finished run" if len(in_order) == 1 else "no finished run"
        held = held if in_order or not runs else "no finished run that has a score"
        raise UsageError(
            f"there is no {word} run: {root / slug} holds {held} of {slug}{passed_over}",
            f"make one: python -m pipelines cv {slug}, or run {slug}",
            f"请先运行 python -m pipelines cv {slug} 或 run {slug}",
        )
    return in_order[place]


def _checked(folder: RunFolder, slug: str) -> KeptRun:
    """The run, if it has come to its end and is one of this competition."""
    try:
        record = folder.record()
    except RecordError as error:
        unfinished = not folder.is_finished
        is_run = NAME.fullmatch(folder.name) or (folder.path / "plan.json").exists()
        why = ("it is still running" if folder.is_live else "it was stopped before its end") if unfinished else error
        hint = "wait for it" if unfinished and folder.is_live else "the command that began it goes on where it stopped"
        raise UsageError(
            f"the run {folder.name} cannot be used: {why}" if is_run else f"{folder.path} is no folder of a run",
            hint if unfinished and is_run else f"choose another: python -m pipelines runs {slug} lists all",
            "请等待其完成，或再次运行同一命令使其继续" if unfinished and is_run
            else f"请选择其他运行；python -m pipelines runs {slug} 列出全部运行",
        ) from None  # fmt: skip
    if record.version > VERSION:
        raise UsageError(
            f"the run {folder.name} is of version {record.version}, and this is version {VERSION}",
            "take the version of kaggle-homework that made it",
            "请使用生成它的版本",
        )
    if record.slug != slug:
        raise UsageError(
            f"the run {folder.name} is of {record.slug}, not of {slug}",
            f"name a run of {slug}: python -m pipelines runs {slug} lists all",
            f"请指定 {slug} 的运行；python -m pipelines runs {slug} 列出全部运行",
        )
    return KeptRun(folder, record)


def _names(found: Sequence[RunFolder]) -> str:
    shown = ", ".join(folder.name for folder in found[:SHOWN])
    return shown + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
