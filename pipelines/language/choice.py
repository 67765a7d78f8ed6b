"""Which language is shown: what is asked for, else what the environment says."""

import contextlib
import locale
import os
import re
from collections.abc import Iterator
from typing import Literal

from pipelines.errors import UsageError

Language = Literal["en", "zh"]
KNOWN: dict[str, Language] = {"en": "en", "zh": "zh"}


class _Shown:
    """The language of this process's lines, of all its threads; None until the command line has chosen one."""

    language: Language | None = None


shown = _Shown()


@contextlib.contextmanager
def shown_in(language: Language | None) -> Iterator[None]:
    """Show all lines in a language, as the command line does."""
    before, shown.language = shown.language, language
    try:
        yield
    finally:
        shown.language = before


def known(asked: str) -> Language | None:
    """The language that is meant, however a locale or a person writes it; None for another one.

    >>> known("zh_CN.UTF-8"), known("zh-CN"), known("EN"), known("en_US"), known("zhuang")
    ('zh', 'zh', 'en', 'en', None)
    """
    found = re.fullmatch(r"(en|zh)(?:[-_.@].*)?", asked.strip().lower())
    return KNOWN[found[1]] if found else None


def of_locale() -> Language:
    """Chinese where the environment asks for it, else English."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    asked = next((value for name in names if (value := os.environ.get(name))), None)
    if asked is None and os.name == "nt":  # which has no such variables, and names it "Chinese (Simplified)_China"
        return "zh" if (locale.getlocale()[0] or "").lower().startswith(("chinese", "zh")) else "en"
    return known(asked or "") or "en"


def language(asked: str | None) -> Language:
    """The language that is asked for, else that of the command line, else that of the locale.

    >>> language("zh_CN")
    'zh'

    Raises: UsageError for another one.
    """
    if asked is None:
        return shown.language or of_locale()
    found = known(asked)
    if found is None:
        raise UsageError(
            f"--lang must be en or zh, got {asked!r}",
            "en is English, zh is Chinese; without --lang the locale decides",
            "en 为英文，zh 为中文；不写 --lang 时按系统语言",
        )
    return found
