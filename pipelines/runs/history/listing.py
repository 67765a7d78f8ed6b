"""All runs of a competition: when, what, score, how far from the best one, public score, size. Torch is not loaded.

Shapes: N training rows, P predictions of a row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from pipelines import bootstrap
from pipelines.errors import DataError, HomeworkError
from pipelines.metrics import FloatArray, IntArray, Metric, Target
from pipelines.runs.folder import PREDICTIONS, RECORD, RunFolder, folders
from pipelines.runs.history.choice import KeptRun, finished, metric_of, ranked
from pipelines.runs.history.compare import SURE, chance_of, pair
from pipelines.submission.ledger import Ledger, number
from pipelines.submission.record import Record, RecordError

if TYPE_CHECKING:
    from pipelines.runs.predictions import RowPredictions

MOST = 10**8  # numbers that may be looked at for all differences together: two seconds or so
LOOKS = 20  # at each number: it is read, paired, scored

Row = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """What a run said of the rows that folds score: `oof` (N, P) and all that pairs it with another run's."""

    ids: list[str]
    y: Target
    fold: IntArray
    oof: FloatArray
    units: IntArray | None

    @classmethod
    def load(cls, folder: Path) -> "Scored | None":
        """That of a run's folder; None where it is not there or cannot be read. Its hash is not checked."""
        try:
            with safe_open(folder / PREDICTIONS, framework="np") as file:
                found = {name: file.get_tensor(name) for name in ("ids", "y", "fold", "oof")}
                units = file.get_tensor("units") if "units" in file.keys() else None  # noqa: SIM118 it is no dictionary
            ids = found["ids"].tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
        except (SafetensorError, OSError, UnicodeDecodeError):
            return None
        return cls(ids, found["y"], found["fold"], found["oof"], units)


def rows(root: Path, slug: str, ledger: Ledger, *, all_differences: bool = False) -> list[Row]:
    """One row per run, the newest first; plain JSON values, None where nothing is known.

    Differences to the best run are paired, row by row, and so their errors are small; reading what runs said takes
    time, so without `all_differences` it ends with the newest runs that are MOST numbers together.
    """
    runs = {run.folder.name: run for run in finished(root, slug)}
    in_order = ranked(list(runs.values()))
    best, public = (in_order[0] if in_order else None), public_scores(ledger, slug)
    differences = dict(_differences(list(runs.values()), best, None if all_differences else MOST))
    return [
        _row(folder, runs[folder.name].record, public) | differences.get(folder.name, NO_DIFFERENCE)
        | {"best": best is not None and folder.name == best.folder.name, "flattered": runs[folder.name].is_flattered}
        if folder.name in runs else _unfinished(folder)
        for folder in folders(root, slug)
    ]  # fmt: skip


NO_DIFFERENCE = {"difference": None, "difference_se": None, "p": None}


def public_scores(ledger: Ledger, slug: str) -> dict[str, float | None]:
    """What was uploaded, by the hash of its csv, and its public score; None where there is none yet."""
    return {e.csv_sha256: number(e.public) for e in ledger.entries(slug) if e.ref is not None or e.public is not None}


def size_of(folder: Path) -> int:
    """Bytes of a folder's files; one that another run has as well counts in both."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _row(folder: RunFolder, record: Record, public: Mapping[str, float | None]) -> Row:
    kaggle = record.kaggle.public if record.kaggle else None
    return {
        "run": folder.name, "state": "finished", "preset": record.preset, "data": record.data,
        "practice": record.practice is not None, "variants": [each.name for each in record.variants],
        "folds": record.folds, "seeds": record.seeds, "note": record.note or None, "metric": record.metric,
        "score": number(record.cv_mean), "se": number(record.cv_se), "csv_sha256": record.csv_sha256,
        "public": public.get(record.csv_sha256 or "", kaggle), "bytes": size_of(folder.path),
    }  # fmt: skip


def _unfinished(folder: RunFolder) -> Row:
    """A run that has not come to its end, or whose record cannot be read."""
    try:
        folder.record()
        trouble = None
    except RecordError as error:
        trouble = str(error) if folder.is_finished else None
    state = "damaged" if trouble else "running" if folder.is_live else "stopped"
    options = folder.plan().get("options")
    note = str(options.get("note") or "") or None if isinstance(options, dict) else None
    return {"run": folder.name, "state": state, "note": note, "error": trouble, "bytes": size_of(folder.path)}


def predictions(folder: RunFolder) -> "RowPredictions":
    """What a run said of each row, checked against its hash.

    Raises: DataError for a file that is damaged, or not there.
    """
    from pipelines.runs.predictions import RowPredictions
    from pipelines.runs.tensors import DamagedError

    try:
        return RowPredictions.load(folder.path)
    except DamagedError as error:
        raise DataError(
            f"the run {folder.name} cannot be used: {error}",
            f"choose another run, or make it anew: its {RECORD} says how",
            f"请选择其他运行，或按其 {RECORD} 重新运行",
        ) from None


def _differences(runs: list[KeptRun], best: KeptRun | None, most: int | None) -> Iterator[tuple[str, Row]]:
    """How much better each run is than the best one, with the error, on the rows that both have scored."""
    if best is None:
        return
    metric, of_best = metric_of(best.record.slug, best.record.metric), Scored.load(best.folder.path)
    looked_at = 0
    for run in runs:
        if of_best is None or run is best or run.record.metric != best.record.metric:
            continue
        looked_at += _numbers(metric, of_best)
        if most is not None and looked_at > most:
            return
        said = Scored.load(run.folder.path)
        if said is not None and said.oof.shape[1:] == of_best.oof.shape[1:]:
            yield run.folder.name, _difference(metric, of_best, said)


def _difference(metric: Metric, of_best: Scored, said: Scored) -> Row:
    try:
        paired = pair(of_best, said)
    except HomeworkError:  # rows of other data
        return NO_DIFFERENCE
    gain, se = metric.difference(paired.y, paired.b, paired.a, paired.units)
    return {"difference": gain, "difference_se": number(se), "p": number(chance_of(metric, paired, gain, se))}


def _numbers(metric: Metric, said: Scored) -> int:
    """About how many numbers a difference looks at: those of the rows, once for each sample of a bootstrap."""
    n_rows = len(said.ids)
    samples = LOOKS if metric.score is None else bootstrap.n_draws(n_rows, quick=metric.resampled is not None)
    return int(said.oof.shape[1] * n_rows * samples)


def table_lines(table: list[Row]) -> Iterator[str]:
    """The rows as aligned text: run, score ± error, difference to the best one, public score, size, note."""
    width = max([3, *(len(row["run"]) for row in table)])
    yield f"{'run':<{width}}  {'score':<17}  {'against the best one':<20}  {'public':<8}  {'MB':>7}  note"
    for row in table:
        size, note = f"{row['bytes'] / 1e6:7.2f}", row["note"] or ""
        if row["state"] != "finished":
            yield f"{row['run']:<{width}}  {row['error'] or row['state']:<49}  {size}  {note}".rstrip()
            continue
        score = "-" if None in (row["score"], row["se"]) else f"{row['score']:.4f} ± {row['se']:.4f}"
        public = "-" if row["public"] is None else f"{row['public']:.5f}"
        yield f"{row['run']:<{width}}  {score:<17}  {_shown(row):<20}  {public:<8}  {size}  {note}".rstrip()
    if any(told_apart(row) for row in table):
        yield f"* not by chance alone (p below {SURE}, of one pair of runs; the best of many is ahead by luck too)"
    if any(row.get("flattered") for row in table):
        yield "! flattered: its own rows have chosen the variant tuned; the gain that tune printed is what to believe"


def _shown(row: Row) -> str:
    sign = "!" * row["flattered"]
    if row["best"]:
        return "the best!" if row["flattered"] else "the best"
    if row["difference"] is None or row["difference_se"] is None:
        return f"-{sign}"
    return f"{row['difference']:+.4f} ± {row['difference_se']:.4f}{'*' * told_apart(row)}{sign}"


def told_apart(row: Row) -> bool:
    """Whether a run differs from the best one by more than chance."""
    return row.get("p") is not None and row["p"] < SURE
