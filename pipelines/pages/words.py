"""English or Chinese: both stand beside each other wherever something is said, so that they say the same."""

import os
from dataclasses import dataclass
from typing import Literal

from pipelines.errors import UsageError

Language = Literal["en", "zh"]
KNOWN: dict[str, Language] = {"en": "en", "zh": "zh"}


@dataclass(frozen=True)
class Words:
    """Chooses one of two texts; a page is written with one of these.

    >>> say = Words("zh")
    >>> say("score", "得分")
    '得分'
    """

    language: Language = "en"

    def __call__(self, english: str, chinese: str) -> str:
        """The text in this language."""
        return chinese if self.language == "zh" else english


HINTS = {"en": "  what to do: ", "zh": "  怎么办: "}  # as errors write them


def in_language(said: str, words: Words) -> list[str]:
    r"""A warning of three lines, as errors have them: the message, which is English, and its next step.

    >>> in_language("no column x\n  what to do: add it\n  怎么办: 请添加", Words("zh"))
    ['no column x（此警告原文仅有英文）', '怎么办：请添加']
    """
    first, *hints = said.split("\n")
    mark = HINTS[words.language]
    own = [hint.removeprefix(mark) for hint in hints if hint.startswith(mark)]
    message = words(first, f"{first}（此警告原文仅有英文）")
    return [message, *(words(f"What to do: {hint}", f"怎么办：{hint}") for hint in own)]


def of_locale() -> Language:
    """Chinese where the environment asks for it, else English."""
    asked = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if asked.lower().startswith("zh") else "en"


def language(asked: str | None) -> Language:
    """The language that is asked for, or that of the locale.

    >>> language("zh")
    'zh'

    Raises: UsageError for another one.
    """
    if asked is None:
        return of_locale()
    if asked in KNOWN:
        return KNOWN[asked]
    raise UsageError(
        f"--lang must be en or zh, got {asked!r}",
        "en is English, zh is Chinese; without --lang the locale decides",
        "en 为英文，zh 为中文；不写 --lang 时按系统语言",
    )
