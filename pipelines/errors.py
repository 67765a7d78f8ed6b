"""Errors that a user can do something about: what is wrong, and the next step."""

import inspect
import re
import sysconfig
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOT_THEIRS = (str(ROOT / "pipelines"), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))


# What joins names in a list; in code, which stands in brackets or quotes, a comma stays one.
BETWEEN_NAMES = re.compile(r"\([^()]*\)|\[[^\]]*\]|`[^`]*`|(, \.\.\.)|(?<=[\w'\")\]}]), (?=[\w'\"(\[{/*])")


def _in_chinese(found: re.Match[str]) -> str:
    return found[0] if found[0][0] != "," else " 等" if found[1] else "、"


class HomeworkError(ValueError):
    """What is wrong, with the offending value, and what to do next, in English and in Chinese.

    The command line prints the three lines and ends with `exit_code`; no traceback.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str, hint_zh: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.hint_zh = BETWEEN_NAMES.sub(_in_chinese, hint_zh)

    def __str__(self) -> str:
        """The message and the next step.

        >>> print(HomeworkError("no file train.csv", "download it", "请下载"))
        no file train.csv
          what to do: download it
          怎么办: 请下载
        """
        return f"{self.message}\n  what to do: {self.hint}\n  怎么办: {self.hint_zh}"

    def __reduce__(self) -> tuple[Any, ...]:
        """What it is made of again in another process, whatever its class asks for."""
        return _made_again, (type(self), self.message, self.hint, self.hint_zh), self.__dict__

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the same, in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def _made_again(kind: type[HomeworkError], message: str, hint: str, hint_zh: str) -> HomeworkError:
    error = kind.__new__(kind, message)
    HomeworkError.__init__(error, message, hint, hint_zh)
    return error


class UsageError(HomeworkError):
    """The command line asks for something that does not exist or does not go together."""

    exit_code = 2


class DataError(HomeworkError):
    """An input file is missing, broken or not what the competition's files look like."""

    exit_code = 2


class SubmissionError(HomeworkError):
    """A submission would be refused, or score far below what the model can do."""

    exit_code = 2


class TrainingError(HomeworkError):
    """Training cannot go on."""


class ModelError(TrainingError, RuntimeError):
    """A network of somebody's own cannot be trained as it is."""


class NoRoomError(HomeworkError):
    """A disk is full, or a quota is used up."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "make room there, or name a folder on another disk (--output, --runs; --pictures of a lecture; TMPDIR of "
            "temporary files), then run the same command again; what was downloaded or trained is kept",
            "请清理该磁盘，或用 --output、--runs（课程用 --pictures，临时文件用 TMPDIR）指定其他磁盘，再运行同一命令；"
            "已下载或已训练的会保留",
        )


FULL_MEMORY = (
    "out of memory", "can't allocate memory", "not enough memory", "alloc_failed", "allocation_failed",
    "invalid buffer size", "bad_alloc",
)  # fmt: skip


def memory_is_full(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice; torch has a class of its own for CUDA's allocator alone.

    >>> memory_is_full(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    True
    """
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in FULL_MEMORY)
    )


@contextmanager
def full_memory_told() -> Iterator[None]:
    """Turn the errors of full memory, on whatever device, into one in plain words.

    Raises: TrainingError.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory_is_full(error):
            raise
        said = ". ".join(str(error).split("\n")[0].split(". ")[:2])
        raise TrainingError(
            f"memory is full: {said or type(error).__name__}",
            "close what else uses it, or train less at the same time: --memory 500 (of run, cv); where it is a GPU's, "
            "--device cpu (of run, cv, lecture) uses the computer's own",
            "请关闭占用内存的其他程序，或减少同时训练的网络：run、cv 可加 --memory 500；"
            "若是显存不足，run、cv、lecture 可加 --device cpu 改用内存",
        ) from error


def meant(said: str, names: Iterable[str], hint: str, hint_zh: str) -> tuple[str, str]:
    """A next step, in English and Chinese, which begins with the name that is most like the one `said`, if any is.

    >>> meant("titnic", ["otto", "titanic"], "check the spelling", "请检查拼写")
    ('did you mean titanic? if not: check the spelling', '是否要用 titanic？如果不是，请检查拼写')
    >>> meant("zebra", ["otto", "titanic"], "check the spelling", "请检查拼写")
    ('check the spelling', '请检查拼写')
    """
    from difflib import get_close_matches

    close = get_close_matches(said.lower(), sorted(names), 1)
    if not close:
        return hint, hint_zh
    return f"did you mean {close[0]}? if not: {hint}", f"是否要用 {close[0]}？如果不是，{hint_zh}"


def place_of(error: BaseException) -> tuple[str, str]:
    """The last line of a person's own code that an error has passed, in English and Chinese; empty if there is none."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    return _last_of_theirs(lines)


def defined_at(function: Any) -> tuple[str, str]:
    """The line where a person's own function begins, as `place_of` has it."""
    code = getattr(inspect.unwrap(getattr(function, "func", function)), "__code__", None)
    return _last_of_theirs([(code.co_filename, code.co_firstlineno)] if code else [])


def _last_of_theirs(lines: Sequence[tuple[str, int | None]]) -> tuple[str, str]:
    theirs = [(Path(name), line) for name, line in lines if not name.startswith((*NOT_THEIRS, "<"))]
    if not theirs:
        return "", ""
    file, line = theirs[-1]
    shown = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
    return f", {shown}, line {line}", f"：{shown} 第 {line} 行"


@contextmanager
def code_named(what: str, made_by: Any = None, advice: tuple[str, str] | None = None) -> Iterator[None]:
    """Name the file and line of a competition's own code that fails, or of the function that made what fails.

    `advice`, in English and Chinese, is what to do where more is known than that it is to be corrected.
    Raises: UsageError.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, HomeworkError) or memory_is_full(error):
            raise
        place, place_zh = place_of(error)
        if not place and made_by is not None:
            place, place_zh = defined_at(made_by)
        said = (str(error).splitlines() or [""])[0]
        hint, hint_zh = advice or (
            f"correct it{place or ': it names a column that is not there, or meets a value that it does not expect'}",
            f"请更正{place_zh or '：可能使用了不存在的列名，或遇到了意外的取值'}",
        )
        raise UsageError(f"{what} fails: {type(error).__name__}: {said}{place}", hint, hint_zh) from error


class HomeworkWarning(UserWarning):
    """What a person should hear of, though the work goes on; the command line prints the text alone."""


class DataWarning(HomeworkWarning):
    """A file was read otherwise than it stands."""


class TrainingWarning(HomeworkWarning):
    """Training goes on, and what it shows is probably not what was meant; the text has an error's three lines."""

    def __init__(self, message: str, hint: str, hint_zh: str) -> None:
        super().__init__(str(HomeworkError(message, hint, hint_zh)))
        self._parts = message, hint, hint_zh

    def __reduce__(self) -> tuple[Any, ...]:
        """What it is made of again in another process."""
        return type(self), self._parts
