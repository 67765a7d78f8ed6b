"""A sentence with fields: `{0} rows of {1}`. It is recognised in a text, and said in another language.

Two blanks in a sentence stand for two or more: a new column begins there, at the same place in every language.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

FIELD = re.compile(r"(?<!\{)\{(\d+)(:t)?\}(?!\})")
WORD = re.compile(r"[A-Za-z]{2,}")
NUMBERS = re.compile(r"[-+±–]?[\d.,:]+(e[-+]?\d+)?%?|nan|inf")
COLUMN = "  "
SIDES = re.compile(r"[\u4e00-\u9fff][!-~]")  # between Chinese and a Latin word stands a blank
LEADS = " ,;.\n"  # what joins a piece to what stands before it, and is no part of it


@dataclass(eq=False)
class Template:
    """A sentence `said` and its translation `shown`; a field is `{0}`, a brace `{{`.

    `{0:t}`, in `shown`, is a field that holds what the code says, not data: it is translated like a line of its own.
    """

    said: str
    shown: str
    literals: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.literals = [plain(each) for each in FIELD.split(self.said)[::3]]

    @property
    def weight(self) -> int:
        """Characters that are not fields: of several that fit, the one with most is meant."""
        return sum(map(len, self.literals))

    @cached_property
    def key(self) -> str:
        """The longest piece that stands in every text of this sentence."""
        return max((piece for each in self.literals for piece in each.split(COLUMN)), key=len)

    @cached_property
    def is_sentence(self) -> bool:
        """Whether so much of it is fixed that no name in somebody's data is taken for it: words, or one and signs."""
        n_signs = sum(each.count(sign) for each in self.literals for sign in ",:;()")
        length = sum(map(len, self._words))
        return (len(self._words) >= 2 and length >= 7) or (length >= 4 and n_signs >= 2)

    @cached_property
    def is_phrase(self) -> bool:
        """Whether it may be a line alone: a word like `of` or `rows` stands in lines of other programs as well."""
        return sum(map(len, self._words)) >= (4 if ":" in self.said else 8)

    @property
    def n_words(self) -> int:
        """Words that are not fields."""
        return len(self._words)

    @cached_property
    def _words(self) -> list[str]:
        return [word for each in self.literals for word in WORD.findall(each)]

    @cached_property
    def is_prefix(self) -> bool:
        """Whether it only stands before what is said: `warning: {0}`."""
        return re.fullmatch(r"([\w ]+: |None or )\{0\}", self.said) is not None and "{0:t}" in self.shown

    @cached_property
    def said_by_code(self) -> set[str]:
        """The fields that are `{0:t}`."""
        return {found[1] for found in FIELD.finditer(self.shown) if found[2]}

    @cached_property
    def has_columns(self) -> bool:
        """Whether it is a line of a table."""
        return COLUMN in self.said

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches the sentence's texts; fields are groups f0, f1, ..., columns c0, c1, ..."""
        n_columns, parts = 0, []
        for i, piece in enumerate(self.literals):
            for j, cell in enumerate(piece.split(COLUMN)):
                if j:
                    parts.append(rf"(?P<c{n_columns}> {{2,}})")
                    n_columns += 1
                parts.append(re.escape(cell))
            if i < len(self.literals) - 1:
                lazy = (
                    "" if self.literals[i + 1].startswith(" (") else "?"
                )  # a name may hold brackets: the last one counts
                parts.append(rf"(?P<f{i}>.*{lazy})")
        return re.compile("".join(parts))

    def match(self, text: str, is_said: Callable[[str], bool] = lambda _: False) -> "Match | None":
        """What stands in the fields of a text of this sentence; None for another text.

        Where only a blank parts data from a field that is `{0:t}`, it is the one after which the code goes on.
        """
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        values = {name[1:]: value for name, value in found.groupdict().items() if name.startswith("f")}
        for data, said in re.findall(r"\{(\d+)\} (?=\{(\d+)\})", self.said):
            if said in self.said_by_code and data not in self.said_by_code:
                both = f"{values[data]} {values[said]}"
                ways = [(both[:at], both[at + 1 :]) for at in range(len(both)) if both[at] == " "]
                values[data], values[said] = next(
                    (way for way in ways if is_said(way[1])), (values[data], values[said])
                )
        starts = [0, *(found.end(f"c{i}") for i in range(self.said.count(COLUMN)))]
        return Match(self, values, [width(text[:start]) for start in starts])


@dataclass(frozen=True)
class Match:
    """A text of a sentence: what stands in its fields, and where its columns begin."""

    template: Template
    values: dict[str, str]
    columns: list[int]

    @property
    def data(self) -> list[str]:
        """What stands in fields that may hold anything."""
        return [value for name, value in self.values.items() if name not in self.template.said_by_code]

    @property
    def holds_another(self) -> bool:
        """Whether a field ends where another text begins, or the first one holds another text, and a number of its own.

        `titanic: 2` of `{0} folds`; `a.csv has no column x;` of `{0} and no column y`.
        """
        if any(value.endswith((";", ":", ",")) for value in self.values.values()):
            return True
        first = self.values.get("0", "")
        return not self.template.literals[0] and re.search(rf"[:;] ({NUMBERS.pattern})$", first) is not None

    @property
    def is_of_numbers(self) -> bool:
        """Whether the fields hold nothing else."""
        return all(NUMBERS.fullmatch(value) for value in self.values.values())

    def filled(self, translated: Callable[[str, bool], str]) -> str:
        """The translation; `translated(text, said)` is a field's, `said` if it is `{0:t}`."""
        line = ""
        for column, cell in zip(self.columns, self.template.shown.split(COLUMN), strict=False):
            line = in_column(line, column)
            for literal, number, said in zip_longest(*[iter(FIELD.split(cell))] * 3):
                line += plain(literal)
                value = translated(self.values[number], bool(said)) if number else ""
                line += " " * (SIDES.search(line[-1:] + value[:1]) is not None and bool(said)) + value
        return line


def plain(text: str) -> str:
    """A piece of a sentence as it is said: braces are written twice in it."""
    return text.replace("{{", "{").replace("}}", "}")


def fields(text: str) -> set[str]:
    """The fields of a sentence.

    >>> sorted(fields("{1} {0:t} {1}"))
    ['0', '1']
    """
    return {found[1] for found in FIELD.finditer(text)}


def width(text: str) -> int:
    """Columns that a text takes on a terminal: two for each Chinese character.

    >>> width("ab中文")
    6
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def in_column(line: str, column: int) -> str:
    """A line that goes on at a column, or two blanks on if it is longer."""
    return line + " " * (max(column - width(line), 2) if line else column)


def sentences(text: str) -> Iterator[str]:
    r"""The lines of a sentence as the catalogue has them: nothing around them, two blanks for more of them.

    >>> list(sentences("; {0} of {1}   x\n  {2}, too"))
    ['{0} of {1}  x', '{0}, too']
    """
    for line in text.split("\n"):
        said = re.sub(r" {2,}", COLUMN, line.lstrip(LEADS).rstrip())
        for new, old in enumerate(dict.fromkeys(found[1] for found in FIELD.finditer(said))):
            said = said.replace(f"{{{old}}}", f"{{{new}}}")
        if said:
            yield said
