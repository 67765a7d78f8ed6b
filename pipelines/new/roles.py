"""Which table is which, which column the id, and which the target: by names where they tell, else by contents.

Shapes: N training rows, M test rows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from pipelines.data.agreement import first_number
from pipelines.data.strict_csv import is_gap
from pipelines.errors import DataError, UsageError
from pipelines.new.look import Table

SAMPLE = re.compile(r"sample|submission|submit|benchmark", re.IGNORECASE)
TRAIN = re.compile(r"train", re.IGNORECASE)
TEST = re.compile(r"test", re.IGNORECASE)
PLAIN = {"train": {"train", "training", "train_data"}, "test": {"test", "testing", "test_data"}}
SHOWN = 8  # names in a message


@dataclass(frozen=True)
class Said:
    """What a person said of the files; None where it is to be found out."""

    metric: str | None = None
    target: str | None = None
    id: str | None = None
    groups: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Roles:
    """The three tables, the further ones, and the columns that bind them.

    `id` is the column of train and test (None: they have none), `sample_id` the sample submission's. `left_out` holds
    columns that only one of train and test has, but for the target. `notes` says what was decided, and why.
    """

    train: Table
    test: Table
    sample: Table
    more: tuple[Table, ...]
    id: str | None
    sample_id: str
    target: str
    left_out: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def predicted(self) -> list[str]:
        """The sample submission's columns but for the id."""
        return [name for name in self.sample.columns if name != self.sample_id]

    @property
    def features(self) -> list[str]:
        """The columns that train and test share, but for the id."""
        return [name for name in self.test.columns if name != self.id and name not in self.left_out]


def find_roles(tables: Sequence[Table], said: Said) -> Roles:
    """Tell the tables and their columns apart.

    Raises: DataError where a table cannot be told, UsageError where a column has to be named, or is named wrongly.
    """
    train, test, sample = find_tables(tables)
    notes: dict[str, str] = {}
    key, sample_id = find_id(train, test, sample, said, notes)
    target, left_out = find_target(train, test, [c for c in sample.columns if c != sample_id], key, said)
    more = tuple(table for table in tables if table not in (train, test, sample))
    return Roles(train, test, sample, more, key, sample_id, target, left_out, notes)


def find_tables(tables: Sequence[Table]) -> tuple[Table, Table, Table]:
    """Training rows, test rows, example of a submission.

    Raises: DataError for one that is not there, or could be several.
    """
    samples = [table for table in tables if SAMPLE.search(_stem(table))]
    others = [table for table in tables if table not in samples]
    test = _of_name("test", TEST, others) or _single("test", _tests_by_content(others))
    others = [table for table in others if table is not test]
    train = _of_name("train", TRAIN, [t for t in others if not TEST.search(_stem(t)) or TRAIN.search(_stem(t))], test)
    train = train or _single("train", [t for t in others if test and _holds_more(t, test)])
    if train is None or test is None:
        lacking = "training rows" if train is None else "test rows"
        names = ", ".join(table.name for table in tables[:SHOWN])
        raise DataError(
            f"no table can be told to hold the {lacking}; there are {names}",
            "name a folder that holds train.csv, test.csv and sample_submission.csv: --data FOLDER",
            "请用 --data 指定含有 train.csv、test.csv 和 sample_submission.csv 的文件夹",
        )
    samples = samples or [t for t in others if t is not train and t.n_rows == test.n_rows and len(t.columns) < 4]
    fitting = [table for table in samples if table.n_rows == test.n_rows] or samples
    named = [table for table in fitting if "sample" in _stem(table).lower()] or fitting
    sample = _single("sample submission", named)
    if sample is None:
        raise DataError(
            "there is no sample submission: no name holds 'sample' or 'submission'",
            "download all files of the competition's Data page, sample_submission.csv too",
            "请下载竞赛 Data 页面的全部文件，包括 sample_submission.csv",
        )
    return train, test, sample


def find_id(train: Table, test: Table, sample: Table, said: Said, notes: dict[str, str]) -> tuple[str | None, str]:
    """The id column of train and test, or None; and that of the sample submission.

    Raises: UsageError for --id that is no id; DataError where the sample's rows cannot be told apart.
    """
    if said.id is not None:
        if said.id not in test.columns or said.id not in train.columns:
            raise _no_column("--id", said.id, test.columns)
        own = said.id if said.id in sample.columns else sample.columns[0]
        if not test.frame[said.id].is_unique or not same_values(test, said.id, sample, own):
            raise UsageError(
                f"--id {said.id!r}: its values in {test.name} are not those of {own!r} in {sample.name}, each once",
                "leave --id out, or choose the column that says which row is which",
                "请去掉 --id，或选择能唯一标识每行的列",
            )
        return said.id, own
    shared = [name for name in sample.columns if name in test.columns and name in train.columns]
    for name in shared:
        if test.frame[name].is_unique and same_values(test, name, sample, name):
            notes["id"] = f"in {train.name}, {test.name} and {sample.name}; no value twice"
            return name, name
    first = sample.columns[0]
    both = set(train.columns) & set(test.columns)
    for name in (name for name in test.columns if name in both and test.frame[name].is_unique):
        if same_values(test, name, sample, first):
            notes["id"] = f"{sample.name} calls it {first}"
            return name, first
    begins = first_number(sample.text(first))
    in_order = [str(begins + row) for row in range(test.n_rows)]
    if first not in test.columns and list(sample.text(first)) == in_order:
        notes["id"] = f"neither {train.name} nor {test.name} has one; {sample.name} numbers the rows"
        return None, first
    raise DataError(
        f"{sample.name} and {test.name} have no id in common: {', '.join(sample.columns[:SHOWN])} against "
        f"{', '.join(test.columns[:SHOWN])}",
        "name the column of train and test that says which row is which: --id COLUMN; without one the sample "
        "submission has to number the rows from 0 or 1",
        "请用 --id 指定训练和测试文件中的 id 列；若没有 id 列，示例提交应从 0 或 1 开始按顺序编号",
    )


def find_target(
    train: Table, test: Table, predicted: Sequence[str], key: str | None, said: Said
) -> tuple[str, tuple[str, ...]]:
    """The column that train alone has, and what else only one of train and test has.

    Raises: UsageError where several could be meant, none is there, or --target is not one of them.
    """
    only_train = [name for name in train.columns if name not in test.columns]
    only_test = [name for name in test.columns if name not in train.columns]
    named = [name for name in only_train if _plain(name) in set(map(_plain, predicted))]
    if said.target is not None:
        if said.target not in only_train:
            raise _no_column("--target", said.target, only_train, "columns of it that the test file lacks")
        target = said.target
    elif len(only_train) == 1:
        target = only_train[0]
    elif len(named) == 1:
        target = named[0]
    elif len(named) > 1:
        raise UsageError(
            f"{', '.join(named[:SHOWN])} are all to be predicted; a competition here has one target",
            "this kind of competition is not supported yet; --target COLUMN takes one of them, for its scores alone",
            "暂不支持多目标竞赛；可用 --target 指定其中一列，仅用于查看得分",
        )
    else:
        listed = ", ".join(only_train[:SHOWN]) or "none"
        raise UsageError(
            f"the target cannot be told: {train.name} has these columns that {test.name} lacks: {listed}",
            "name it: --target COLUMN" if only_train else "name another folder: is one of them a copy of the other?",
            "请用 --target 指定目标列" if only_train else "请检查两个文件是否为同一份",
        )
    return target, tuple(name for name in (*only_train, *only_test) if name not in (target, key))


def without_empty(roles: Roles) -> Roles:
    """The roles with columns left out that hold no value in train, or in test: nothing can be learned, or said."""
    empty = [n for n in roles.features if any(_is_empty(table.frame[n]) for table in (roles.train, roles.test))]
    return replace(roles, left_out=(*roles.left_out, *empty))


def same_values(table: Table, column: str, other: Table, its: str) -> bool:
    """Whether two columns hold the same values, each as often as it may be."""
    if table.frame[column].dtype.kind == other.frame[its].dtype.kind == "i":
        return set(table.frame[column]) == set(other.frame[its])
    return set(table.text(column)) == set(other.text(its))


def _is_empty(cells: pd.Series) -> bool:
    if cells.dtype.kind in "iuf":
        return bool(cells.isna().all())
    return all(is_gap(cell) for cell in cells.dropna().unique())


def _of_name(word: str, pattern: re.Pattern[str], tables: Sequence[Table], test: Table | None = None) -> Table | None:
    """The one table of that name; of several the plainly named one, or the one that holds the test's columns."""
    found = [table for table in tables if pattern.search(_stem(table))]
    plain = [table for table in found if _stem(table).lower() in PLAIN[word]]
    if len(found) > 1 and not plain and test is not None:
        found = [table for table in found if _holds_more(table, test)] or found
    return _single(word, plain or found)


def _single(word: str, found: Sequence[Table]) -> Table | None:
    if len(found) > 1:
        names = ", ".join(table.name for table in found[:SHOWN])
        raise DataError(
            f"{len(found)} tables could hold the {word} rows: {names}",
            "leave in the folder only the one that you mean, or name another folder: --data FOLDER",
            "请只保留需要的那一份，或用 --data 指定其他文件夹",
        )
    return found[0] if found else None


def _tests_by_content(tables: Sequence[Table]) -> list[Table]:
    """Tables whose columns another one has too, and one or more besides."""
    return [table for table in tables if len(table.columns) > 1 and any(_holds_more(t, table) for t in tables)]


def _holds_more(table: Table, test: Table) -> bool:
    return len(set(test.columns) & set(table.columns)) > len(test.columns) // 2 and bool(
        set(table.columns) - set(test.columns)
    )


def _no_column(option: str, name: str, known: Sequence[str], what: str = "columns of train and test") -> UsageError:
    listed = ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
    return UsageError(
        f"{option} {name!r} is not among the {what}: {listed}", f"choose one of these for {option}",
        f"请从这些列中选择 {option}",
    )  # fmt: skip


def _stem(table: Table) -> str:
    return table.name.rpartition(".")[0]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
