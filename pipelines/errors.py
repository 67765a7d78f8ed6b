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


class TrainingWarning(UserWarning):
    """Training goes on, and what it shows is probably not what was meant; the text has an error's three lines."""

    def __init__(self, message: str, hint: str, hint_zh: str) -> None:
        super().__init__(str(HomeworkError(message, hint, hint_zh)))
