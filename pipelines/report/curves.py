"""What is seen while a run computes: curves in TensorBoard or Visdom; nothing of it is needed."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.errors import TrainingWarning, UsageError

if TYPE_CHECKING:
    from pipelines.training.fit import Job


class Curves:
    """Takes numbers and forgets them; the others show them."""

    def add(self, name: str, value: float, step: int) -> None:
        """Put `value` on the curve `name` at `step`, an epoch counted from 1."""

    def close(self) -> None:
        """Write what is left."""

    def on_epoch(self, job: "Job", epoch: int, loss: float) -> None:
        """Put an epoch's training loss, and that of rows held out if it is known, on the curves of its network."""
        name, held_out = f"{job.variant}/fold {job.fold + 1} seed {job.seed + 1}", getattr(loss, "held_out", None)
        self.add(name, loss, epoch)
        if held_out is not None:
            self.add(f"{name}/held out", held_out, epoch)


class TensorBoardCurves(Curves):
    """Event files for `tensorboard --logdir FOLDER`.

    Raises: UsageError when the package tensorboard is not there.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise _missing("--tensorboard", "tensorboard") from None
        self._folder = folder
        self._writer: Any = SummaryWriter(str(folder), flush_secs=5)  # to be looked at while it trains

    def add(self, name: str, value: float, step: int) -> None:
        """Put `value` on the curve `name` at `step`."""
        with self._not_needed():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        with self._not_needed():
            self._writer.close()

    @contextmanager
    def _not_needed(self) -> Iterator[None]:
        """A disk that is full ends the curves, not the training."""
        try:
            yield
        except OSError as error:
            warnings.warn(
                TrainingWarning(
                    f"--tensorboard: {self._folder}: {error.strerror or error}; the curves end here, the run goes on",
                    "free some room there, or name another folder",
                    "请清理磁盘，或指定其他文件夹",
                ),
                stacklevel=4,
            )


class VisdomCurves(Curves):
    """Curves in the browser, drawn by a running `python -m visdom.server`, which the notes name.

    Raises: UsageError when the package visdom or its server is not there.
    """

    def __init__(self, environment: str = "kaggle-homework") -> None:
        try:
            from visdom import Visdom
        except ImportError:
            raise _missing("--visdom", "visdom") from None
        self._visdom: Any = Visdom(env=environment, raise_exceptions=False)
        if not self._visdom.check_connection():
            raise UsageError(
                "--visdom: no server answers", "start one: python -m visdom.server", "请先运行 python -m visdom.server"
            )

    def add(self, name: str, value: float, step: int) -> None:
        """Put `value` on the curve `name` at `step`."""
        self._visdom.line(X=[step], Y=[value], win=name, update="append", opts={"title": name, "xlabel": "epoch"})


def make_curves(tensorboard: Path | None, visdom: bool) -> Curves:
    """The curves that the command line asks for."""
    if tensorboard is not None and visdom:
        raise UsageError("--tensorboard and --visdom together", "choose one of them", "请只选其中一个")
    if tensorboard is not None:
        return TensorBoardCurves(tensorboard)
    return VisdomCurves() if visdom else Curves()


T = TypeVar("T")
OnTask = Callable[[str, int, int], None]  # what is being done, how many of them are done, and of how many


def counted(what: str, tasks: Iterable[T], of: int, on_task: OnTask) -> Iterator[T]:
    """The tasks one by one; `on_task` is told 0 at the start, and one more each time that the next task is asked for.

    >>> list(counted("folds", "ab", 2, print))
    folds 0 2
    folds 1 2
    folds 2 2
    ['a', 'b']
    """
    on_task(what, 0, of)
    for done, task in enumerate(tasks, start=1):
        yield task
        on_task(what, done, of)


def _missing(option: str, package: str) -> UsageError:
    return UsageError(
        f"{option} needs the package {package}, which is not installed",
        f"python -m pip install {package}, or leave {option} out",
        f"请执行 python -m pip install {package}，或去掉 {option}",
    )
