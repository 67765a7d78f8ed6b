"""A folder or zip -> the tables in it: which files, what stands between their fields, their columns and cells.

Shapes: N rows of a table.
"""

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.data.archives import base
from pipelines.data.complaints import SAVE_UTF8, broken, foreign
from pipelines.data.manifest import Item, every_table
from pipelines.data.strict_csv import BLANKS, SEPARATORS, UNSEEN
from pipelines.errors import DataError

ENDINGS = (".csv", ".tsv")
SURELY = ("na", "n/a", "#n/a", "<na>", "nan", "null", "nat")  # words for missing that are never a value
GAPS = ["", "?", "NaN", "NaT", *(way(word) for word in SURELY for way in (str.lower, str.upper, str.capitalize))]
HEAD = 20_000  # bytes that tell a file's separator and columns


@dataclass(frozen=True)
class Table:
    """A csv or tsv file of a place: its name, as a run looks for it, and what is in it."""

    name: str
    item: Item

    @cached_property
    def _text(self) -> str:
        """The whole file.

        Raises: DataError for what is no UTF-8 text.
        """
        data = self.item.read()
        try:
            text = data.decode("utf-8").lstrip("\ufeff")
        except UnicodeDecodeError:
            raise foreign(self.name, data, binary=True) or DataError(
                f"{self.name} is not UTF-8 text", *SAVE_UTF8
            ) from None
        if (kind := foreign(self.name, text[:1000].encode(), binary=False)) is not None:
            raise kind
        return text

    @cached_property
    def separator(self) -> str:
        """The sign that parts the header into most fields."""
        header = self._text[:HEAD].lstrip().partition("\n")[0]
        return max(SEPARATORS, key=lambda sign: (len(_fields(header, sign)), sign == ","))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The cells: numbers where a column holds nothing else but words for missing; other columns are text.

        Raises: DataError for a file that cannot be taken apart.
        """
        frame = self._read(keep_default_na=False, na_values=GAPS)
        others = [i for i, cells in enumerate(frame.dtypes) if cells.kind not in "iuf" or frame.iloc[:, i].isna().all()]
        texts = self._read(dtype="str", na_filter=False, usecols=others)
        for place, name in zip(others, texts.columns, strict=True):
            frame.isetitem(place, stripped(texts[name]).array)
        return frame

    def text(self, name: str) -> pd.Series:
        """A column's cells as they stand in the file, but for blanks around them."""
        if self.frame[name].dtype.kind not in "iuf":
            return self.frame[name]
        return stripped(self._read(dtype="str", na_filter=False, usecols=[self.columns.index(name)]).iloc[:, 0])

    def _read(self, **more: Any) -> pd.DataFrame:
        try:
            cells: pd.DataFrame = pd.read_csv(
                io.StringIO(self._text), sep=self.separator, index_col=False, low_memory=False, **more
            )
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            said = str(error).removeprefix("Error tokenizing data. C error: ")
            raise broken(self.name, f"cannot be read as a table: {said}", "文件无法按表格读取") from None
        cells.columns = pd.Index([str(name).strip(BLANKS) for name in cells.columns])
        return cells

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.frame.columns)

    @property
    def n_rows(self) -> int:
        """Rows below the header."""
        return len(self.frame)


def look(place: Path) -> list[Table]:
    """The tables of a folder or zip, by name; of files with one name the one that lies nearest.

    Raises: DataError if there is no such place, or no table in it.
    """
    nearest: dict[str, Item] = {}
    for item in every_table(place, ENDINGS):
        name = base(item.label)
        if name not in nearest or (len(item.home), item.rank) < (len(nearest[name].home), nearest[name].rank):
            nearest[name] = item
    if not nearest:
        raise DataError(
            f"{place} holds no table: no file whose name ends in {', '.join(ENDINGS)}, packed or not",
            "name the folder or zip with the competition's files: --data FOLDER",
            "请用 --data 指定含有竞赛数据文件（csv、tsv）的文件夹或 zip",
        )
    return [Table(own_name(item), item) for _, item in sorted(nearest.items())]


def own_name(item: Item) -> str:
    """The file's name in its own letters, unpacked."""
    name = item.label.rpartition("/")[2]
    return name[:-3] if name.lower().endswith(".gz") else name


def stripped(cells: pd.Series) -> pd.Series:
    """Text without what cannot be seen around it; each different cell is looked at once."""
    plain = {cell: cell.strip(BLANKS + UNSEEN) for cell in cells.unique()}
    return cells if all(cell == own for cell, own in plain.items()) else cells.map(plain)


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a name with the end of a line in it
        return line.split(separator)
