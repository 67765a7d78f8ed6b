"""A line of Python for each column: how the schema declares it, and how made rows draw it."""

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pipelines.made import Blocks, Categories, Dates, Ids, Made, Numbers, Shaped, Words
from pipelines.new.columns import Column, round_to

WIDTH = 120
ROOM = WIDTH - 8  # lines here are put into others
FAMILY = 8  # columns of one name but for a number, from which one line stands for all
MOST_CELLS = 1500  # invented ones to draw from
MOST_GAPS = 0.95  # in made rows, of which some should hold a value
BYTE = 255
PART = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^",]|,(?! ))+,?')  # of a line of Python, up to a comma that is in no text


@dataclass(frozen=True)
class Family:
    """Columns of numbers that share a name but for the number at its end: pixel0 to pixel783."""

    prefix: str
    numbers: range
    column: Column  # what all of them hold together


def families(columns: Sequence[Column]) -> list[Column | Family]:
    """The columns in their order, long rows of like ones as a family."""
    found: list[Column | Family] = []
    matched = Counter(re.sub(r"\d+$", "", c.name) for c in columns if c.name[-1:].isdecimal())
    for prefix, group in groupby(columns, key=_prefix):
        members = list(group)
        numbers = [int(member.name.removeprefix(prefix or "")) for member in members] if prefix else []
        in_order = bool(numbers) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        if prefix and len(members) >= FAMILY and in_order and matched[prefix] == len(members):
            found.append(Family(prefix, range(numbers[0], numbers[-1] + 1), _together(members)))
        else:
            found += members
    return found


def _prefix(column: Column) -> str | None:
    match = re.fullmatch(r"(.*[^0-9])(0|[1-9][0-9]*)", column.name, re.DOTALL)
    return match[1] if match and column.kind == "number" and not column.nullable else None


def _together(members: Sequence[Column]) -> Column:
    """One column that holds what all hold; its quantiles are their means."""
    numbers = tuple(round_to(sum(each) / len(members), 3) for each in zip(*(m.numbers for m in members), strict=True))
    return Column(
        members[0].name, "number", numbers=numbers, low=min(m.low for m in members),
        high=max(m.high for m in members), decimals=max(m.decimals for m in members),
    )  # fmt: skip


def schema_lines(columns: Sequence[Column]) -> list[str]:
    """The lines of the schema's dict, without its braces."""
    lines = []
    for each in families(columns):
        if isinstance(each, Family):
            column, n = each.column, len(each.numbers)
            key = raw(re.escape(each.prefix) + r"\d+")
            lines += _line(key, _declared(column, ", regex=True"), f"{n} columns: {_seen(column)}")
        else:
            lines += _line(quoted(each.name), _declared(each), _seen(each))
    return lines


def _line(key: str, value: str, seen: str) -> list[str]:
    """`key: value,  # seen`, the comment above and the list wrapped where that is too long."""
    line = f"    {key}: {value},"
    if len(line) + len(seen) + 4 <= ROOM:
        return [f"{line}  # {seen}"]
    above = textwrap.wrap(f"# {seen}", ROOM - 4, subsequent_indent="# ")
    return [*(f"    {part}" for part in above), *wrapped(line, 8)]


def wrapped(line: str, indent: int) -> list[str]:
    """A line broken after commas, so that no part is too long."""
    if len(line) <= ROOM:
        return [line]
    parts, lines = [part.lstrip() for part in PART.findall(line.strip())], [""]
    margin = " " * (len(line) - len(line.lstrip()))
    for part in parts:
        if lines[-1] and len(margin) + len(lines[-1]) + len(part) + 1 > ROOM:
            lines.append("")
        lines[-1] += f"{' ' * bool(lines[-1])}{part}"
    return [margin + lines[0], *(margin + " " * (indent - 4) + part for part in lines[1:])]


def _declared(column: Column, more: str = "") -> str:
    """The pandera column."""
    more += ", nullable=True" * column.nullable
    if column.kind == "number":
        low, high = column.bounds
        whole = column.decimals == 0 and not column.nullable and column.low >= 0 and column.high <= BYTE
        if "regex" in more and whole:
            return f'pa.Column("uint8"{more})'
        return f"pa.Column(float, pa.Check.in_range({plain(low)}, {plain(high)}){more})"
    if column.kind == "flag":
        return f'pa.Column("boolean"{more})' if column.nullable else f"pa.Column(bool{more})"
    if column.kind == "category":
        return f"pa.Column(str, pa.Check.isin([{', '.join(quoted(value) for value, _ in column.shares)}]){more})"
    return f"pa.Column(str{more})"


def _seen(column: Column) -> str:
    """What was seen, in words; nothing that could be read as code."""
    words = {
        "number": lambda: f"{plain(column.low)} to {plain(column.high)}",
        "flag": lambda: f"truth values, {dict(column.shares)['True']:.1%} true".replace("%", " %"),
        "category": lambda: f"{column.n_different} categories",
        "date": lambda: f"{column.n_different:,} different dates",
        "text": lambda: f"{column.n_different:,} different {'numbers, as text' if column.decimal else 'texts'}",
    }  # fmt: skip
    said: Callable[[], str] = words[column.kind]
    gaps = column.gaps * 100
    return said() + (f", missing in {max(gaps, 0.1):.1f} % of the rows" if gaps else "")


def made_lines(columns: Sequence[Column], split_by: dict[str, Made]) -> list[str]:
    """The lines of the dict from which made rows are drawn; `split_by` holds what draws groups and times."""
    lines = []
    for each in families(columns):
        if isinstance(each, Family):
            numbers, name = each.numbers, each.prefix.replace("{", "{{").replace("}", "}}")
            span = f"range({numbers.start}, {numbers.stop})" if numbers.start else f"range({numbers.stop})"
            lines += wrapped(
                f"    **{{f{quoted(name + '{i}')}: {as_python(made_of(each.column))} for i in {span}}},", 8
            )
        else:
            lines += wrapped(f"    {quoted(each.name)}: {as_python(split_by.get(each.name) or made_of(each))},", 8)
    return lines


def made_of(column: Column) -> Made:
    """What draws made cells of such a column."""
    gaps = min(round(column.gaps, 3), MOST_GAPS) if column.nullable else 0.0
    if column.kind == "number":
        return Numbers(column.numbers, column.decimals, gaps)
    if column.kind in ("flag", "category"):
        return Categories(dict(column.shares), gaps)
    if column.kind == "date":
        return Dates("2020-01-01", 24.0, column.form, gaps=gaps)
    if column.form:
        return Shaped(column.form, gaps, column.letters)
    return Words(column.words, min(column.n_different, MOST_CELLS), gaps)


def as_python(value: Any) -> str:
    """How a value is written in Python: dataclasses by their fields that are not as usual.

    >>> as_python(Numbers((0.0, 1.0, 2.5, 4.0, 1e6), gaps=0.1))
    'Numbers((0, 1, 2.5, 4, 1000000), gaps=0.1)'
    >>> as_python(Blocks(1, 4))
    'Blocks(1, 4)'
    """
    if isinstance(value, Numbers | Categories | Words | Shaped | Dates | Blocks | Ids):
        fields = type(value).__dataclass_fields__
        given = {name: getattr(value, name) for name in fields}
        usual = {name: field.default for name, field in fields.items()}
        unusual = [name for name in fields if given[name] != usual[name]]
        in_order = list(fields)[: len(unusual)] == unusual
        texts = [f"{'' if in_order or i == 0 else f'{n}='}{as_python(given[n])}" for i, n in enumerate(unusual)]
        return f"{type(value).__name__}({', '.join(texts)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_python(key)}: {as_python(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(as_python, value))}{',' * (len(value) == 1)})"
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, bool) or value is None else plain(value)


def quoted(text: str) -> str:
    r"""A text in double quotation marks, whatever is in it: what cannot be seen is written as its number.

    >>> print(quoted("无"), quoted('a "b"\n'))
    "无" "a \"b\"\n"
    """
    signs = {"\\": "\\\\", '"': '\\"'}
    return f'"{"".join(signs.get(sign) or unseen(sign) for sign in text)}"'


def unseen(sign: str) -> str:
    """The sign, or its number as Python writes it where it cannot be seen: a line's end, a lone surrogate."""
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()


def raw(pattern: str) -> str:
    """A regular expression as a raw text where that can be read, else quoted."""
    return f'r"{pattern}"' if pattern.isprintable() and '"' not in pattern else quoted(pattern)


def remark(text: str) -> str:
    """A text for a comment, or a docstring: one line that ends neither.

    >>> remark('a "b"')
    "a 'b'"
    """
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return plain.replace("\\", "/").replace('"', "'")


def plain(value: float) -> str:
    """A number without an end that says nothing.

    >>> plain(3.0), plain(0.25), plain(1.5e16)
    ('3', '0.25', '1.5e+16')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.12g}"
