"""The command line's own words in the language that is shown: help, usage, and what is wrong with an option."""

import re
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from typer.core import TyperGroup

from pipelines.language.catalogue import translated
from pipelines.language.choice import known, language, of_locale, shown
from pipelines.language.templates import width as columns
from pipelines.report.console import errors_in_plain_words

USAGE = ("Usage:", "[OPTIONS]", "COMMAND [ARGS]...")
PANELS = (
    "DEFAULT_STRING", "REQUIRED_LONG_STRING", "ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE",
    "ERRORS_PANEL_TITLE", "ABORTED_TEXT", "RICH_HELP",
)  # fmt: skip

english: dict[str, str] = {}  # typer's panels, once they have been translated
makes: dict[str, Any] = {}  # and what makes its texts
PIECE = re.compile(r"[（“《]*(?:[!-~–—]+|.)[，。；：、！？）”》…]*\s*")  # of a line, which is not broken within


class Commands(TyperGroup):
    """The program: `--lang`, before a command or among its options, is known before anything is said."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """As typer makes it; what is wrong with the options is said in the language that they ask for."""
        before, shown.language = shown.language, known(asked(args) or "") or of_locale()
        for command in self.commands.values():
            self.lend_language(command)
        try:
            if shown.language == "zh":
                for command in (self, *self.commands.values()):
                    translate(command)
            elif english:
                panels()
            context = super().make_context(info_name, args, parent, **extra)
        except Exception as error:
            in_words(error)
            shown.language = before
            raise
        context.call_on_close(lambda: setattr(shown, "language", before))
        return context

    def lend_language(self, command: Any) -> None:
        """Let a command that has no `--lang` of its own take the program's; what it says is known by then."""
        if any(option.name == "lang" for option in command.params):
            return
        option: Any = copy(next(each for each in self.params if each.name == "lang"))
        option.expose_value, option.callback = False, _check_language
        command.params.append(option)

    def invoke(self, ctx: Any) -> Any:
        """As typer does it; the same of a command's own options."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            in_words(error)
            raise


def _check_language(_context: Any, _option: Any, value: str | None) -> None:
    with errors_in_plain_words("interrupted"):
        language(value)


def asked(args: Sequence[str]) -> str | None:
    """What the last `--lang` asks for.

    >>> asked(["--lang", "en", "runs", "--lang=zh"]), asked(["runs"])
    ('zh', None)
    """
    found = None
    for i, each in enumerate(args):
        if each == "--":
            break
        if each == "--lang":
            found = args[i + 1] if i + 1 < len(args) else None
        elif each.startswith("--lang="):
            found = each.removeprefix("--lang=")
    return found


def translate(command: Any) -> None:
    """Put a command's help, and that of its options where it is asked for, into the language that is shown."""
    for name in ("help", "short_help", "epilog"):
        if text := getattr(command, name, None):
            setattr(command, name, translated(text))
    usage, option, format_help = command.get_usage, command.get_help_option, command.format_help

    def get_usage(ctx: Any) -> str:
        text = str(usage(ctx))
        for words in USAGE:
            text = text.replace(words, translated(words), 1)
        return text

    def get_help_option(ctx: Any) -> Any:
        found = option(ctx)
        if found is not None:
            found.help = translated(found.help or "")
        return found

    def write(ctx: Any, formatter: Any) -> None:
        panels()
        for each in command.params:
            if each.help:
                each.help = translated(each.help)
        format_help(ctx, formatter)

    command.get_usage, command.get_help_option, command.format_help = get_usage, get_help_option, write


def panels() -> None:
    """Put the titles of typer's panels into the language that is shown; Chinese has no blanks to break lines at."""
    from rich.containers import Lines
    from rich.text import Text
    from typer import rich_utils

    class Folding(Text):
        def wrap(self, console: Any, width: int, **_: Any) -> Lines:  # noqa: ARG002 rich names it
            return Lines(line for each in self.split() for line in each.divide(breaks(each.plain, width)))

    made: Callable[..., Any] | None = makes.setdefault("text", getattr(rich_utils, "_make_rich_text", None))

    def folding(**said: Any) -> Any:
        text = made(**said) if made is not None else said["text"]
        return Folding(text.plain, style=text.style, spans=text.spans) if isinstance(text, Text) else text

    for name in PANELS:
        if hasattr(rich_utils, name):  # they are typer's own affair: one that is gone stays English
            english.setdefault(name, getattr(rich_utils, name))
            setattr(rich_utils, name, translated(english[name]))
    if made is not None:
        vars(rich_utils)["_make_rich_text"] = folding if shown.language == "zh" else made


def breaks(text: str, width: int) -> list[int]:
    """Where the lines of a text begin, but the first: none with a comma, none within a Latin word.

    >>> breaks("写到 stderr，并退出。", 9), breaks("abc", 2)
    ([3, 10], [])
    """
    out: list[int] = []
    used = 0
    for found in PIECE.finditer(text):
        needed = columns(found[0].rstrip())
        if used and used + needed > width:
            out.append(found.start())
            used = 0
        used += columns(found[0])
    return out


def in_words(error: Any) -> None:
    """Translate what typer says of wrong options, now: it says so when the language is forgotten."""
    if shown.language == "zh" and hasattr(error, "format_message"):
        panels()
        message = translated(error.format_message())
        error.format_message = lambda: message
        if (context := getattr(error, "ctx", None)) is not None:
            usage = context.get_usage()
            context.get_usage = lambda: usage
