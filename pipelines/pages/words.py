"""English or Chinese: both stand beside each other wherever something is said, so that they say the same."""

import os
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


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


def of_locale() -> Language:
    """Chinese where the environment asks for it, else English."""
    asked = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if asked.lower().startswith("zh") else "en"
