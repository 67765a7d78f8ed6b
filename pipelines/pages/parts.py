"""What a section of a page is made of: text, tables, charts. Nothing here is markup but a chart's own SVG."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.pages.marks import Marks


@dataclass(frozen=True)
class Text:
    """A paragraph, as plain text: the page escapes it."""

    text: str


@dataclass(frozen=True)
class Code(Text):
    """Lines that stand as they are, in letters of one width."""


@dataclass(frozen=True)
class Chart:
    """A drawing as SVG made by `charts` alone, a title, and in `alt` what it shows, for who does not see it.

    `narrow` is the same for a phone's width.
    """

    title: str
    svg: str
    alt: str
    narrow: str


@dataclass(frozen=True)
class Picture:
    """A picture that somebody else has drawn, as PNG, a title, and in `alt` what it shows."""

    title: str
    png: bytes
    alt: str

    @property
    def address(self) -> str:
        """The picture itself, as an address: a page asks for nothing."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Table:
    """Rows of plain text below column names; columns whose number is in `numeric` are set as numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()


@dataclass(frozen=True)
class Section:
    """A part of a page: `name` is its anchor, `lead` says in a sentence what to look at and what was found.

    What is `folded` is opened by a click.
    """

    name: str
    title: str
    lead: str
    parts: Sequence[Text | Chart | Picture | Table | Marks] = field(default_factory=list)
    folded: bool = False
