"""What is wrong with a file, in plain words."""

import io
import re
import zipfile
from collections.abc import Callable

import pandas as pd

from pipelines.competition import Competition
from pipelines.errors import DataError
from pipelines.settings import written
from pipelines.settings.written import Step

SHOWN = 3  # offending rows and columns that an error names
AGAIN = "correct these rows, or download the file again", "请更正这些行，或重新下载该文件"

SAVE_AS: Step = (
    "open it in a spreadsheet program and save it as 'CSV UTF-8'",
    "请用表格软件打开，并另存为“CSV UTF-8”格式",
)
SAVE_UTF8: Step = ("open it in an editor and save it with the encoding UTF-8", "请用编辑器打开，并以 UTF-8 编码另存")
DOWNLOAD: Step = ("download the csv file itself, signed in to Kaggle", "请登录 Kaggle 后下载 csv 文件本身")
PACKED = {
    b"\x1f\x8b": ("compressed by gzip", "gz"),
    b"BZh": ("compressed by bzip2", "bz2"),
    b"\xfd7zXZ\0": ("compressed by xz", "xz"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", "zst"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z"),
    b"Rar!": ("a rar archive", "rar"),
}
BINARY: dict[bytes, tuple[str, Step]] = {
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook (xls)", SAVE_AS),
    b"\xff\xfe\0\0": ("UTF-32 text", SAVE_UTF8),
    b"\0\0\xfe\xff": ("UTF-32 text", SAVE_UTF8),
    b"\xff\xfe": ("UTF-16 text, as PowerShell's '>' and Excel's 'Unicode text' write it", SAVE_UTF8),
    b"\xfe\xff": ("UTF-16 text", SAVE_UTF8),
    b"PAR1": ("a Parquet file", DOWNLOAD),
    b"ARROW1": ("an Arrow (Feather) file", DOWNLOAD),
    b"SQLite format 3": ("an SQLite database", DOWNLOAD),
    b"%PDF": ("a PDF", DOWNLOAD),
    b"\x89PNG": ("a picture (PNG)", DOWNLOAD),
    b"\xff\xd8\xff": ("a picture (JPEG)", DOWNLOAD),
    b"\x80": ("a pickle of Python, or another binary file", DOWNLOAD),
}
TEXTUAL: dict[str, tuple[str, Step]] = {  # by how they begin; a csv's header may begin with any sign
    r"<(!|\?xml|/?(html|head|body|meta|title|script|style|div|p|h1|error|message)[\s/>])": (
        "a web page (HTML)", DOWNLOAD,
    ),
    r'\{\s*("(\\.|[^"\\])*"\s*:|\}\s*$)|\[\s*[\[{]': ("JSON", DOWNLOAD),
    r"%PDF": ("a PDF", DOWNLOAD),
    r"sep=": ("a csv with a line for Excel before its header", ("delete its first line", "请删除第一行")),
    r"version https://git-lfs": (
        "a pointer of Git LFS in place of the file", ("run: git lfs pull", "请运行 git lfs pull"),
    ),
}  # fmt: skip


def foreign(name: str, data: bytes, *, binary: bool) -> DataError | None:
    """The error for bytes that are another kind of file, whatever the name says; None for an unknown kind.

    `binary` for bytes that are no text at all, which a csv's first letters could resemble.
    """
    if not binary:
        text = data.decode(errors="ignore").lstrip()
        found = next((kind for begin, kind in TEXTUAL.items() if re.match(begin, text, re.IGNORECASE)), None)
    else:
        found = next((kind for begin, kind in BINARY.items() if data.lstrip().startswith(begin)), None)
        packed = next((kind for start, kind in PACKED.items() if data.startswith(start)), None)
        found = (packed[0], _unpack(name, packed[1])) if packed else _zip(name, data) or found
        if found is None and data[:1000].count(b"\0") * 3 > len(data[:1000]):
            found = ("UTF-16 text without its mark", SAVE_UTF8)
    if found is None:
        return None
    what, (hint, hint_zh) = found
    again, again_zh = ("", "") if found[1] is DOWNLOAD else (", or download the csv file itself", "，或重新下载")
    return DataError(f"{name} is {what}, where a plain csv file belongs", hint + again, hint_zh + again_zh)


def _zip(name: str, data: bytes) -> tuple[str, Step] | None:
    """What is in a zip: spreadsheet programs save one too."""
    if not data.startswith(b"PK\3\4"):
        return None
    try:
        inside = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except zipfile.BadZipFile:
        return "a zip archive, and a damaged one", DOWNLOAD
    if any(member.startswith("xl/") for member in inside):
        return "an Excel workbook (xlsx)", SAVE_AS
    if "content.xml" in inside or any(member.endswith(".iwa") for member in inside):
        return "a workbook of a spreadsheet program", SAVE_AS
    held = ", ".join(inside[:SHOWN]) + (", ..." if len(inside) > SHOWN else "")
    return f"a zip archive (of {held})", _unpack(name, "zip")


def _unpack(name: str, kind: str) -> Step:
    return f"rename it to {name}.{kind} and unpack it", f"请改名为 {name}.{kind} 并解压"


def broken(name: str, what: str, what_zh: str) -> DataError:
    """The error for a file that has to be fetched again."""
    return DataError(f"{name} {what}", "download the file again, or restore your copy", f"{what_zh}；请重新下载该文件")


def declared_at(competition: Competition, column: str) -> Step:
    """How an error about a column goes on: the line of the competition's folder that declares or names it."""
    for field in ("id_column", "target"):
        if column == getattr(competition, field):
            return written.field(competition.slug, field)
    return written.column(competition.slug, column)


def differing_columns(competition: Competition, name: str, found: list[str], wanted: list[str]) -> DataError:
    """The error for a file whose columns are not those wanted."""
    train_file = competition.train_file
    missing = [column for column in wanted if column not in found]
    extra = [column for column in found if column not in wanted]
    if extra == [competition.target]:
        return DataError(
            f"{name} holds the target column {competition.target!r}; only {train_file} may",
            f"is this a copy of {train_file}? download {name} again, or remove that column",
            f"测试文件不应包含目标列，是否误用了 {train_file}？请重新下载，或删除该列",
        )
    parts = [f"{name} lacks column {missing[0]!r}"] if missing else []
    parts += [f"{'' if missing else f'{name} '}has unknown column {extra[0]!r}"] if extra else []
    if len(missing) + len(extra) > len(parts):
        parts.append(f"{len(missing)} missing and {len(extra)} unknown in all")
    hint, hint_zh = declared_at(competition, (missing or extra)[0])
    return DataError(
        "; ".join(parts),
        f"the columns must be {', '.join(wanted[:13])}" + (", ..." if len(wanted) > 13 else "") + hint,
        f"列名必须与 Kaggle 的原始文件一致{hint_zh}",
    )


def schema_error(
    competition: Competition, name: str, cases: pd.DataFrame, raw: Callable[[str], pd.Series]
) -> DataError:
    """One error out of pandera's table: the first column's problem with its rows, and how many more.

    `raw` gives a column's cells as they stand in the file, by line.
    """
    whole = cases[cases["index"].isna()]
    cases = cases[cases["index"].notna()]
    if cases.empty:  # a check that fails with an error, or looks at the whole column
        return _failing_check(competition, name, whole.iloc[0])
    cases = cases.assign(words=cases["check"].astype(str).map(_in_words))
    cases = cases.drop_duplicates(["column", "words", "index"]).sort_values("index", kind="stable")
    first = cases.iloc[0]
    same = cases[(cases["column"] == first["column"]) & (cases["words"] == first["words"])]
    others = sorted({*cases["column"]} - {first["column"]})
    also = f"; problems in {', '.join(map(repr, others[:SHOWN]))} too" if others else ""
    cells = raw(first["column"])[same["index"].astype(int)]
    text, mend = isinstance(first["failure_case"], str), declared_at(competition, first["column"])
    if first["column"] == competition.target and first["words"] == "value missing":
        mend = (
            f"{mend[0]}; or let a run leave such rows out: drop_unlabelled=True in competition.py",
            f"{mend[1]}；也可在 competition.py 中写 drop_unlabelled=True，略去没有目标值的行",
        )
    return rows_error(name, first["words"], cells, text=text, also=also, mend=mend)


def _failing_check(competition: Competition, name: str, case: pd.Series) -> DataError:
    hint, hint_zh = declared_at(competition, str(case["column"]))
    return DataError(
        f"{name}, column {case['column']!r}: the schema's check {case['check']} fails: {case['failure_case']}",
        f"let the check take a column (Series) and say of each row whether it is right{hint}",
        f"check 函数应接收一列（Series）并逐行返回真假{hint_zh}",
    )


def rows_error(
    name: str, words: str, cells: pd.Series, *, text: bool = False, also: str = "", mend: Step = ("", "")
) -> DataError:
    """The error for cells of a column, named and indexed by line, with their contents as they stand in the file.

    `mend` is what else may be corrected.
    """
    listed = [f"line {line} ({shown(cell, text=text)})" for line, cell in cells.iloc[:SHOWN].items()]
    more = f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    hint, hint_zh = (again + or_else for again, or_else in zip(AGAIN, mend, strict=True))
    return DataError(f"{name}, column {cells.name!r}: {words}: {', '.join(listed)}{more}{also}", hint, hint_zh)


def shown(cell: str, *, text: bool = False) -> str:
    """A cell as it stands in the file; in quotation marks unless it is a number of a number column.

    >>> shown("1e39"), shown("1", text=True), shown(" x")
    ('1e39', "'1'", "' x'")
    """
    shortened = cell if len(cell) <= 60 else cell[:57] + "..."
    return repr(shortened) if text or not re.fullmatch(r"[-+.\w]*\d[-+.\w]*|[-+]?inf(inity)?", cell) else shortened


def _in_words(check: str) -> str:
    """What a failed pandera check means.

    >>> _in_words("isin([0, 1])"), _in_words("in_range(0, 1)"), _in_words("one of Class_1, Class_2")
    ('not one of [0, 1]', 'must be in range(0, 1)', 'must be one of Class_1, Class_2')
    """
    if check.startswith("isin("):
        return f"not one of {check.removeprefix('isin(').removesuffix(')')}"
    if (wanted := re.fullmatch(r"(?:coerce_)?dtype\('(.*)'\)", check)) is not None:
        return "not a whole number" if "int" in wanted[1].lower() else f"cannot be read as {wanted[1]}"
    if check == "not_nullable":
        return "value missing"
    call = re.match(r"[a-z_]+(?=\()", check)  # pandera's own name of a check; a competition's words stay as they are
    plain = check.replace(call[0], call[0].replace("_", " "), 1) if call else check
    return f"must be {plain}"
