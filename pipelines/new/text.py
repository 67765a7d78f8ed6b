"""What was found -> the files of a competition's folder, as a person would write them: to be read, and changed."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.data.tables import table_name
from pipelines.made import Ids
from pipelines.metrics import in_python
from pipelines.new.columns import Column, round_to
from pipelines.new.roles import Roles
from pipelines.new.schema import WIDTH, as_python, plain, quoted, remark, schema_lines, wrapped
from pipelines.new.split import Split
from pipelines.new.task import Task

SMALL, MIDDLE = 3_000, 20_000  # training rows
SHOWN_CLASSES = 12  # whose shares are said
BY = "Written by `python -m pipelines new`, and yours to change"


@dataclass(frozen=True)
class Side:
    """A further table with a row for each value of a column, its `key`."""

    name: str
    key: str
    columns: Sequence[Column]

    @property
    def stem(self) -> str:
        """How it is handed to add_features."""
        return table_name(self.name)


@dataclass(frozen=True)
class Found:
    """All that was found out about a competition."""

    slug: str
    name: str  # of the folder
    roles: Roles
    task: Task
    split: Split
    columns: Sequence[Column]  # the features'
    ids: Ids
    sides: Sequence[Side] = ()  # further tables that say more of a column's values

    @property
    def is_number(self) -> bool:
        """Whether the target is a number."""
        return self.task.values is not None

    @property
    def has_text(self) -> bool:
        """Whether a column holds sentences."""
        return any(column.kind == "text" and column.words[1] > 3 for column in self.columns)

    @property
    def n_rows(self) -> int:
        """Training rows."""
        return self.roles.train.n_rows


def asked(found: Found) -> str:
    """What is asked, in few words."""
    if found.task.values is not None:
        low, high = (round_to(float(value), 4) for value in (found.task.values.min(), found.task.values.max()))
        return f"a number, {plain(low)} to {plain(high)}"
    return f"{len(found.task.shares)} classes"


def init_text(found: Found) -> str:
    """__init__.py: what the folder is about."""
    return f'"""{found.slug}: {remark(found.roles.target)}, {asked(found)}."""\n'


def competition_text(found: Found) -> str:
    """competition.py: groups and features, and the competition's value with what was found beside each field."""
    head = f'"""{found.slug}: {found.n_rows:,} training rows, {found.roles.test.n_rows:,} test rows."""'
    first, *others = _imports(found)
    top = "\n\n".join([head, f"# {BY}: what is assumed says so.\n{first}", *others])
    blocks = [top, *_group_of(found), *_add_features(found), _value(found)]
    return ("\n\n\n" if len(blocks) > 2 else "\n\n").join(blocks) + "\n"


def columns_text(found: Found) -> str:
    """columns.py: the schema."""
    head = '"""The columns that training and test rows share, and what was seen in them.'
    signs = wrapped(f"DECIMALS = {as_python(decimals(found))}  # fmt: skip", 8) if decimals(found) else []
    if signs:
        signs.insert(0, "# The sign before the decimals of numbers that are written as text.")
    parts = ["import pandera.pandas as pa", "\n".join(signs), _schema(found)]
    return f'{head}\n\n{BY}.\n"""\n\n' + "\n\n".join(filter(None, parts)) + "\n"


def decimals(found: Found) -> dict[str, str]:
    """Columns of numbers that are not written plainly, each with the sign before its decimals."""
    return {column.name: column.decimal for column in found.columns if column.decimal}


def _schema(found: Found) -> str:
    lines = [f"    {line}" for line in schema_lines(found.columns)]
    left_out = []
    if found.roles.left_out:
        left_out = [f"    # left out: {remark(', '.join(found.roles.left_out))}"[:118].rstrip(), '    strict="filter",']
    ends = "    }," if left_out else "    }"
    return "\n".join(["SCHEMA = pa.DataFrameSchema(", "    {", *lines, ends, *left_out, ")  # fmt: skip"])


def _imports(found: Found) -> list[str]:
    """Imports from elsewhere, and from here."""
    theirs = [
        "import pandas as pd" * bool(feature_steps(found) or found.split.prefix_of),
        f"from sklearn.ensemble import {_boosting(found)}",
    ]
    ours = [
        f"from competitions.{found.name}.columns import {'DECIMALS, ' * bool(decimals(found))}SCHEMA",
        f"from competitions.{found.name}.sample import make_sample",
        f"from pipelines.competition import Competition, {'Number, ' * found.is_number}Preset, Recipe",
        "from pipelines.features.numerals import as_numbers" * bool(decimals(found)),
        f"from pipelines.metrics import {in_python(found.task.metric)[0]}",
        "from pipelines.settings.variants import mlp, trees",
    ]
    return ["\n".join(filter(None, lines)) for lines in (theirs, ours)]


def _boosting(found: Found) -> str:
    return f"HistGradientBoosting{'Regressor' if found.is_number else 'Classifier'}"


def _group_of(found: Found) -> list[str]:
    sign, key = found.split.prefix_of, found.roles.id
    if sign is None or key is None:
        return []
    return [
        f'''def group_of(rows: pd.DataFrame) -> pd.Series:
    """Rows that belong together: their ids agree before {sign!r}."""
    return rows[{quoted(key)}].str.split({quoted(sign)}).str[0]'''
    ]


def _add_features(found: Found) -> list[str]:
    """The function that adds what the columns as they are do not say, if there is something."""
    steps = feature_steps(found)
    if not steps:
        return []
    tables = "".join(f", {side.stem}: pd.DataFrame" for side in found.sides)
    said = remark("; ".join(words for words, _ in steps))
    lines = [f"    rows = {step}" for _, step in steps[:-1]] + [f"    return {steps[-1][1]}"]
    return [
        "\n".join(
            [
                f"def add_features(rows: pd.DataFrame{tables}) -> pd.DataFrame:",
                *_docstring(f"{said[0].upper()}{said[1:]}."),
                *lines,
            ]
        )
    ]


def feature_steps(found: Found) -> list[tuple[str, str]]:
    """What is done to the rows: in words, and in Python."""
    split, key = found.split, found.roles.id
    of_column = "{name: as_numbers(rows[name], sign) for name, sign in DECIMALS.items()}"
    steps = [("numbers that are written as text", f"rows.assign(**{of_column})")] * bool(decimals(found))
    steps += [
        (f"what {side.name} says of {side.key}", f'rows.merge({side.stem}, how="left", on={quoted(side.key)})')
        for side in found.sides
    ]
    if key is not None and found.ids.kind == "dates":
        steps.append(("the id's date, which is a feature, too", f"rows.assign(when=rows[{quoted(key)}])"))
    if split.prefix_of is not None and found.ids.kind != "dates":
        size = f'rows.groupby(group_of(rows))[{quoted(key or "")}].transform("size")'
        steps.append(("how many rows a group has", f"rows.assign(group_size={size})"))
    if split.groups is not None:
        steps.append(("no group, since test rows have others", f"rows.drop(columns={quoted(split.groups)})"))
    return steps


def _docstring(text: str) -> list[str]:
    if len(text) + 10 <= WIDTH:
        return [f'    """{text}"""']
    return [
        '    """What train and test rows say.',
        "",
        *(f"    {part}" for part in textwrap.wrap(text, WIDTH - 4)),
        '    """',
    ]


def _value(found: Found) -> str:
    lines = [_fitted(f"    {field},", remark(note)) for field, note in fields(found)]
    return "\n".join(["COMPETITION = Competition(", *lines, *_variants(found), ")  # fmt: skip"])


def _fitted(code: str, comment: str) -> str:
    """A line, its comment above it where both do not fit into one."""
    line = f"{code}  # {comment}" if comment else code
    if len(line) <= WIDTH:
        return line
    return "\n".join([*(f"    # {part}" for part in textwrap.wrap(comment, WIDTH - 6)), *wrapped(code, 8)])


def fields(found: Found) -> list[tuple[str, str]]:
    """The fields of `Competition` that the files decide, each with what was found, or is assumed."""
    roles, task, split = found.roles, found.task, found.split
    id_note = roles.notes.get("id", "as was said")
    said: list[tuple[str, str]] = [
        (f"slug={quoted(found.slug)}", ""),
        (f"id_column={quoted(roles.id) if roles.id else None}", id_note),
        (f"sample_id={quoted(roles.sample_id)}" * (roles.sample_id != roles.id), f"in {roles.sample.name}"),
        (f"target={quoted(roles.target)}", f"in {roles.train.name} alone"),
        ("drop_unlabelled=True" * bool(task.n_unlabelled), f"training rows without a target: {task.n_unlabelled:,}"),
        *_of_target(found),
        (f"metric={in_python(task.metric)[1]}", assumed(task.notes, "metric")),
        (f"submit={quoted(task.submit)}", ""),
        (f"sample_submission={quoted(roles.sample.name)}", f"columns {', '.join(roles.sample.columns[:4])}"),
        (f"sample_columns={as_python(_sample_columns(found))}" * bool(_sample_columns(found)), ""),
        (f"train_file={quoted(roles.train.name)}" * (roles.train.name != "train.csv"), ""),
        (f"test_file={quoted(roles.test.name)}" * (roles.test.name != "test.csv"), ""),
        ("groups=group_of" * bool(split.prefix_of), assumed(split.notes, "groups")),
        (f"groups={quoted(split.groups or '')}" * bool(split.groups), assumed(split.notes, "groups")),
        (f"time={quoted(split.time or '')}" * bool(split.time), assumed(split.notes, "time")),
        ("schema=SCHEMA", f"{len(found.columns)} columns"),
        ("add_features=add_features" * bool(feature_steps(found)), ""),
        (f"tables={as_python(tuple(side.name for side in found.sides))}" * bool(found.sides), "further tables"),
    ]
    return [(field, note) for field, note in said if field]


def assumed(notes: dict[str, str], what: str) -> str:
    """A note that says that something is assumed, or that a person said it."""
    return f"assumed: {notes[what]}" if what in notes else "as was said"


def _of_target(found: Found) -> list[tuple[str, str]]:
    task = found.task
    if task.values is not None:
        loss = f', loss="{task.loss}"' * (task.loss != "squared")
        transform = f'transform="{task.transform}"' * (task.transform != "identity")
        number = f"Number({(transform + loss).removeprefix(', ')})"
        return [(f"number={number}", asked(found).removeprefix("a number, "))]
    shares = [f"{share * 100:.1f} %" for share in task.shares.values()]
    shown = f"{', '.join(shares)} of the rows"
    if len(shares) > SHOWN_CLASSES:
        least, most = (f"{pick(task.shares.values()) * 100:.1f} %" for pick in (min, max))
        shown = f"{len(shares)} classes, the rarest {least} and the most frequent {most} of the rows"
    return [(f"classes={as_python(tuple(task.shares))}", task.notes.get("classes", shown))]


def _sample_columns(found: Found) -> tuple[str, ...]:
    """The sample submission's columns, where they are not named as the target, or as its classes."""
    predicted = tuple(found.roles.predicted)
    if len(predicted) > 1:
        return found.task.sample_columns
    return () if predicted == (found.roles.target,) else predicted


def _variants(found: Found) -> list[str]:
    rarest = round(min(found.task.shares.values(), default=1.0) * found.n_rows)  # rows of a class: one for each fold
    folds = [max(2, min(most, rarest)) for most in (5, 10)]
    _, _, seeds = recipe_for(found.n_rows)
    return [
        "    variants={  # one of your own: Variant(make_encoder=..., make_model=..., recipe=...)",
        *_variant("network", *network(found)),
        *_variant("trees", *boosted(found)),
        "    },",
        "    presets={",
        f'        "fast": Preset(folds={folds[0]}, seeds={seeds}, variants=("network", "trees")),',
        f'        "best": Preset(folds={folds[1]}, seeds={2 * seeds}, variants=("network", "trees")),',
        "    },",
        "    make_sample=make_sample,",
    ]


def _variant(name: str, call: str, *options: str) -> list[str]:
    """The lines of a variant: one, or a second one for the last option where it is too long."""
    begin = f"        {quoted(name)}: {call}("
    line = f"{begin}{', '.join(options)}),"
    if len(line) <= WIDTH:
        return [line]
    return [f"{begin}{', '.join(options[:-1])},", f"{' ' * len(begin)}{options[-1]}),"]


def network(found: Found) -> tuple[str, ...]:
    """The network, a function and its options: a number is learned better without batch norm, classes with it.

    RMSLE of House Prices is 0.1263 without and 0.1294 with it, accuracy of Spaceship Titanic 0.8052 and 0.8146.
    """
    width = 128 if found.n_rows < MIDDLE else 256
    manners = ("dropout=0.3", "input_dropout=0.1") if found.is_number else ('norm="batch"', "dropout=0.4")
    epochs, batch_size, _ = recipe_for(found.n_rows)
    recipe = f"recipe=Recipe(epochs={epochs}, batch_size={batch_size}, lr=3e-3)"
    return "mlp", str(width), str(width // 2), *_text_option(found), *manners, recipe


def boosted(found: Found) -> tuple[str, ...]:
    """Boosted trees: small ones of few rows, not many of many classes, each of which has a tree in each iteration."""
    few = found.n_rows < SMALL
    n_iterations = (300 if few else 200) if len(found.task.shares) < 10 else 60
    size = ("max_leaf_nodes=8", "max_features=0.3") if few else ("max_leaf_nodes=16",)
    return "trees", _boosting(found), *_text_option(found), f"max_iter={n_iterations}", *size


def _text_option(found: Found) -> tuple[str, ...]:
    return ('text="tfidf"',) * found.has_text


def recipe_for(n_rows: int) -> tuple[int, int, int]:
    """Epochs, rows of a batch, and seeds: about a thousand steps, more where there are many rows.

    >>> recipe_for(1_460), recipe_for(8_693), recipe_for(600_000)
    ((40, 64, 2), (20, 256, 2), (8, 2048, 1))
    """
    for most, epochs, batch_size, seeds in ((4_000, 40, 64, 2), (MIDDLE, 20, 256, 2), (100_000, 20, 512, 1)):
        if n_rows < most:
            return epochs, batch_size, seeds
    return 8, 2048, 1
