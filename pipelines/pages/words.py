"""English or Chinese: both stand beside each other wherever something is said, so that they say the same.

Numbers are written alike in both, and on every page.
"""

import math
from dataclasses import dataclass

from pipelines.language.catalogue import translated
from pipelines.language.choice import Language, language

__all__ = ["NONE", "Language", "Words", "in_language", "language", "shown", "signed"]

ROUNDING = 1e-12  # less is what computing leaves of nothing
NONE = "–"  # in place of a number that there is none of


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


def shown(value: float | None, digits: int | None = None) -> str:
    """A score: four decimals, fewer where it is large, three digits that count where it is small; or as many decimals.

    >>> shown(0.84625), shown(123.456), shown(24310.3789), shown(None)
    ('0.8462', '123.5', '24,310', '–')
    >>> shown(0.0000312), shown(1.5e-9), shown(0.0), shown(-0.001, 2)
    ('0.0000312', '1.50e-09', '0.0000', '−0.00')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value < -ROUNDING:
        return f"−{shown(-value, digits)}"
    size = abs(value)
    if size >= 100:
        return f"{size:,.0f}" if size >= 1000 else f"{size:.1f}"
    if digits is not None or size >= 0.001 or size < ROUNDING:
        return f"{size:.{4 if digits is None else digits}f}"
    return f"{size:.{2 - math.floor(math.log10(size))}f}" if size >= 1e-6 else f"{size:.2e}"


def signed(value: float, digits: int | None = None) -> str:
    """A difference, with its sign.

    >>> signed(0.01234), signed(-0.5), signed(7892.4), signed(-0.00002), signed(float("nan"))
    ('+0.0123', '−0.5000', '+7,892', '−0.0000200', '–')
    """
    return NONE if not math.isfinite(value) else f"{'−' if value < 0 else '+'}{shown(abs(value), digits)}"


HINTS = {"en": "  what to do: ", "zh": "  怎么办: "}  # as errors write them


def in_language(said: str, words: Words) -> list[str]:
    r"""A warning of three lines, as errors have them: the message and its next step.

    >>> in_language("there is no folder x\n  what to do: make it\n  怎么办: 请创建", Words("zh"))
    ['没有文件夹 x', '怎么办：请创建']
    """
    first, *hints = said.split("\n")
    mark = HINTS[words.language]
    own = [hint.removeprefix(mark) for hint in hints if hint.startswith(mark)]
    return [translated(first, words.language), *(words(f"What to do: {hint}", f"怎么办：{hint}") for hint in own)]
