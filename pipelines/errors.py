"""Errors that a user can do something about: what is wrong, and the next step."""


class HomeworkError(ValueError):
    """What is wrong, with the offending value, and what to do next, in English and in Chinese.

    The command line prints the three lines and ends with `exit_code`; no traceback.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str, hint_zh: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.hint_zh = hint_zh

    def __str__(self) -> str:
        """The message and the next step.

        >>> print(HomeworkError("no file train.csv", "download it", "请下载"))
        no file train.csv
          what to do: download it
          怎么办: 请下载
        """
        return f"{self.message}\n  what to do: {self.hint}\n  怎么办: {self.hint_zh}"


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


class FullMemoryError(TrainingError):
    """The memory of a device does not suffice; `error` is what torch or Python said."""

    def __init__(self, error: BaseException, hint: str, hint_zh: str) -> None:
        said = ". ".join(str(error).split("\n")[0].split(". ")[:2])
        super().__init__(f"memory is full: {said or type(error).__name__}", hint, hint_zh)


def memory_is_full(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice; torch has a class of its own for CUDA's allocator alone.

    >>> memory_is_full(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    True
    """
    said = str(error).lower()
    full = any(words in said for words in ("out of memory", "can't allocate memory", "alloc_failed"))
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and full)


class TrainingWarning(UserWarning):
    """Training goes on, and what it shows is probably not what was meant; the text has an error's three lines."""

    def __init__(self, message: str, hint: str, hint_zh: str) -> None:
        super().__init__(str(HomeworkError(message, hint, hint_zh)))
