"""A text's translation: as a whole, else its lines, their columns, and the fields that are sentences themselves.

What is in nobody's catalogue comes through as it is: a file's name, a passenger's, a number, a sentence without entry.
A field is translated only where it is, as a whole, something that the code says, and more than a word.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from pipelines.language import po
from pipelines.language.choice import Language, shown
from pipelines.language.templates import COLUMN, FIELD, LEADS, WORD, Match, Template, in_column, plain, width

FILES = Path(__file__).parent
ENGLISH_STEP, CHINESE_STEP = "  what to do: ", "  怎么办: "  # as errors write them
WIDE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")
SEPARATOR = re.compile(r"(; |, |: |\. | (?=\()| (?=and \d))")
WIDE_SEPARATORS = {"; ": "；", ", ": "，", ": ": "：", ". ": "。"}
MOST_JOINED = 12
MARK = "-- "  # a heading's
NAME = r"[^\s,;:()（）]+"
LIST = re.compile(rf"{NAME}(, {NAME})+|({NAME}, )*[^\s,;:()]*[._/'][^\s,;:()]* and {NAME}")
N_OWN = 3  # words; a sentence of fewer is found in the texts of other programs, too


class Catalogue:
    """Sentences without fields by their words, and the others, those of most words first."""

    def __init__(self, entries: dict[str, str]) -> None:
        known = {said: shown for said, shown in entries.items() if shown}
        filled = {said for said in known if FIELD.search(said) or COLUMN in said}
        self.words = {plain(said): plain(known[said]) for said in known if said not in filled}
        templates = [Template(said, known[said]) for said in filled]
        self.prefixes = tuple(each.literals[0] for each in templates if each.is_prefix)  # "warning: "
        self.templates = sorted(
            templates,
            key=lambda each: (not each.said.startswith(self.prefixes), not each.is_sentence, -each.weight, each.said),
        )

    def text(self, text: str) -> str:
        """The translation of all lines; of an error's next step in two languages the Chinese one."""
        lines, of = [], text.split("\n")
        for i, line in enumerate(of):
            if line.startswith(CHINESE_STEP):
                lines.append("怎么办：" + line.removeprefix(CHINESE_STEP))
            elif not (line.startswith(ENGLISH_STEP) and any(each.startswith(CHINESE_STEP) for each in of[i:])):
                lines.append(self.line(line))
        return "\n".join(lines)

    def line(self, line: str, *, part: bool = False) -> str:
        """The translation of a line that is said, or of a `part` of one; blanks before and after it stay."""
        body = line.strip(" ").removeprefix(MARK).lstrip(LEADS)
        if not WORD.search(body):
            return line
        start = line.index(body)
        found = self.sentence(body) or self.headed(body) or self.columns(body, start) or self.joined(body, said=True)
        found = found or self.phrase(body, part=part) or self.ending(body)
        if found is None:
            return line
        return _lead(line[:start], found) + found + line[start + len(body) :]

    def headed(self, body: str) -> str | None:
        """The translation of two texts around a colon, of which the code says the first as it stands."""
        head, _, rest = body.partition(": ")
        if not self._is_head(head, rest):
            return None
        shown = self.line(rest, part=True)
        return None if shown == rest and WORD.search(rest) else f"{self.words[head]}：{shown.lstrip()}"

    def _is_head(self, head: str, rest: str) -> bool:
        return rest != "" and " " in head and head in self.words

    def sentence(self, body: str, *, at_least: int = 0) -> str | None:
        """The translation of a text that is, as a whole, a sentence of the code, with so many words around fields."""
        if body in self.words:
            return self.words[body]
        head, _, rest = body.partition(": ")
        first = head if self._is_head(head, rest) else None  # no field swallows a part of it, nor more
        for each in self._that_fit(body, sentences=True):
            several = [value for value in each.data if SEPARATOR.search(value)]
            if each.template.is_prefix:  # what stands after it is a text of its own, and may be another program's
                return each.filled(lambda text, _: self.line(text))
            if each.template.n_words < at_least or each.holds_another:
                continue
            if first is not None and not each.template.literals[0] and each.values["0"] != first:
                continue
            is_short = each.template.n_words < N_OWN and any(SENTENCE.search(value) for value in each.data)
            if not is_short and not any(each.template.key in v or self.joined(v) for v in several):
                return each.filled(self._field)
        return None

    def phrase(self, body: str, *, part: bool = False) -> str | None:
        """The same of few words around fields, which make a `part` of a sentence; the fields hold no other one."""
        for each in self._that_fit(body, sentences=False):
            said = [value for value in each.values.values() if value not in each.data]
            if (
                (part or each.template.is_phrase or (each.is_of_numbers and each.template.weight > 4))
                and not any(SENTENCE.search(value) for value in each.data)
                and not any(SENTENCE.search(value) and self.line(value, part=True) == value for value in said)
            ):
                return each.filled(self._field)
        return None

    def ending(self, body: str) -> str | None:
        """The translation of what is said, in some words, of a name, which stands before it."""
        blanks = [found.start() for found in re.finditer(" ", body)]
        for at in blanks:
            of = body[at + 1 :]
            if SENTENCE.search(body[:at]) or of.startswith(self.prefixes):
                continue
            found = self.sentence(of, at_least=N_OWN) if " " in of else None
            if found is not None:
                return f"{body[:at]} {found}"
        return None

    def _that_fit(self, body: str, *, sentences: bool) -> Iterator[Match]:
        is_row = COLUMN in body
        for each in self.templates:
            if (
                each.key in body
                and (each.is_sentence or each.is_prefix) == sentences
                and (not is_row or each.has_columns or each.is_sentence)
                and (match := each.match(body, self._is_said))
            ):
                yield match

    def _is_said(self, text: str) -> bool:
        return text in self.words or any(
            each.is_sentence and each.key in text and each.match(text) for each in self.templates
        )

    def field(self, body: str) -> str | None:
        """The same of a text that may be data: a word alone is not translated, nor what any name could look like."""
        if body in self.words:
            return self.words[body] if " " in body else None
        for each in self.templates:
            match = each.match(body, self._is_said) if each.key in body else None
            if match is not None and (each.is_sentence or match.is_of_numbers):
                return match.filled(self._field)
        return None

    def columns(self, body: str, start: int = 0) -> str | None:
        """The translation of a line of a table, each cell where it was."""
        cells = re.split(r"( {2,})", body)
        if len(cells) == 1:
            return None
        line, column, changed = "", start, False
        for cell, gap in zip(cells[::2], [*cells[1::2], ""], strict=True):
            found = self.field(cell)
            changed |= found is not None
            line = in_column(line, column - start) + (cell if found is None else found)
            column += width(cell + gap)
        return line if changed else None

    def joined(self, text: str, *, said: bool = False) -> str | None:
        """The translation of several that were joined, the longest first, where it has one of any of them."""
        parts = SEPARATOR.split(text)
        if not 1 < len(parts) < 2 * MOST_JOINED:
            return None
        out: list[tuple[str, bool]] = []  # a piece, and whether it is a translation; between them what joined them
        i = 0
        while i < len(parts):
            for j in range(len(parts), i, -2):
                whole = "".join(parts[i:j])
                found = None if j - i == len(parts) else self._piece(whole, said=said)
                if found is not None or j - i == 1:
                    out.append((whole if found is None else found, found is not None))
                    out += [(parts[j], False)] if j < len(parts) else []
                    i = j + 1
                    break
        if not any(translated for _, translated in out):
            return None
        for k in range(1, len(out), 2):
            if out[k - 1][1] or out[k + 1][1]:
                out[k] = _between(out[k][0], out[k - 1][0], out[k + 1][0]), False
        return "".join(piece for piece, _ in out)

    def _piece(self, text: str, *, said: bool) -> str | None:
        if not said:
            return self.field(text)
        return self.sentence(text) or (None if re.search("[;,] ", text) else self.phrase(text) or self.ending(text))

    def _field(self, text: str, said: bool) -> str:
        if said:
            return self.line(text, part=True)
        body = text.strip(" ").lstrip(LEADS)
        if not WORD.search(body):
            return text
        found = self.field(body) or self.joined(body) or _listed(body)
        return text if found is None else _lead(text[: text.index(body)], found) + found


def _listed(text: str) -> str | None:
    """Names, of files or columns, as a list in Chinese; None for another text."""
    if not LIST.fullmatch(text):
        return None
    return text.replace(", ...", " 等").replace(", ", "、").replace(" and ", " 和 ")


def _lead(before: str, found: str) -> str:
    """What stands before a text, as it stands before its translation: a blank alone is none in Chinese."""
    if WIDE.match(found) and len(before) <= 2:
        return WIDE_SEPARATORS.get(before, "" if before == " " else before)
    return before


def _between(separator: str, before: str, after: str) -> str:
    """What joins two texts, of which at least one is a translation."""
    if separator == " ":
        return "" if WIDE.match(before[-1:]) or after[:1] == "（" else " "
    return WIDE_SEPARATORS.get(separator, separator)


@cache
def chinese() -> Catalogue:
    """The Chinese catalogue, of all files that lie here."""
    entries: dict[str, str] = {}
    for path in sorted(FILES.glob("*.po")):
        entries |= dict(po.read(path.read_text(encoding="utf-8")))
    return Catalogue(entries)


def translated(text: str, language: Language | None = None) -> str:
    """A text as it is shown in a language, else in that of the command line; English comes through as it is."""
    return chinese().text(text) if (language or shown.language) == "zh" else text


def in_chinese() -> Callable[[str], str] | None:
    """What translates, where lines are shown in Chinese; nothing is read where they are not."""
    return chinese().text if shown.language == "zh" else None
