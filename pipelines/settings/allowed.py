"""What a setting may be, and the words for one that it may not be.

`Checked` is the base of the frozen values that hold settings; `ALLOWED` says what each of their fields may be. Numpy's
numbers count as numbers, and are kept as Python's, so that a record can hold them; truth values do not.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.errors import UsageError

SHOWN = 60  # characters of a value that an error shows


class Allowed(NamedTuple):
    """What a value has to be, in English and in Chinese, and whether it is."""

    words: str
    words_zh: str
    holds: Callable[[Any], bool]


def whole(least: int, below: int | None = None) -> Allowed:
    """A whole number."""
    less_zh = "" if below is None else f"、小于 {below}"

    def holds(value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and value >= least and (below is None or value < below)

    words = f"a whole number, {least} or more{'' if below is None else f', less than {below}'}"
    return Allowed(words, f"不小于 {least}{less_zh} 的整数", holds)


def number(words: str, words_zh: str, holds: Callable[[float], bool]) -> Allowed:
    """A finite number of which `holds` is true."""

    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300

    return Allowed(f"a finite number{words}", f"{words_zh}的有限数", lambda value: is_number(value) and holds(value))


def one_of(*options: str) -> Allowed:
    """One of a few words."""
    listed = ", ".join(map(repr, options))
    return Allowed(f"one of {listed}", f"{listed} 之一", lambda value: isinstance(value, str) and value in options)


def spaced(before: str, words_zh: str) -> str:
    """Chinese words one after the other, with a blank before Latin letters, digits and quotes."""
    return f"{before}{' ' if words_zh[:1].isascii() else ''}{words_zh}"


def none_or(allowed: Allowed) -> Allowed:
    """None, or what is allowed."""
    words = f"None or {allowed.words}"
    return Allowed(words, spaced("None 或", allowed.words_zh), lambda value: value is None or allowed.holds(value))


def a(kind: str) -> Allowed:
    """A value of the class of that name, or of one derived from it: nothing has to be imported to tell."""
    return Allowed(f"a {kind}(...)", f"{kind}(...)", lambda value: _is_a(kind, value))


def named(what: Allowed) -> Allowed:
    """A dict, not empty, of what is allowed by name."""

    def holds(value: Any) -> bool:
        is_dict = isinstance(value, Mapping) and len(value) > 0
        return is_dict and all(isinstance(name, str) and what.holds(one) for name, one in value.items())

    return Allowed(f"a dict: name -> {what.words}", f"字典：名称 -> {what.words_zh}", holds)


def _is_a(kind: str, value: Any) -> bool:
    return any(base.__name__ == kind for base in type(value).__mro__)


def factory(n_arguments: int, example: str) -> Allowed:
    """A function of so many arguments, or a class; networks can be called too, and are neither."""

    def holds(value: Any) -> bool:
        """Whether it may be called with so many arguments."""
        if not callable(value) or (hasattr(value, "state_dict") and not isinstance(value, type)):
            return False
        try:
            inspect.signature(value).bind(*range(n_arguments))
        except TypeError:
            return False
        except ValueError:  # some of what is written in C has no signature
            return True
        return True

    return Allowed(f"a function that makes a new one each time: {example}", f"每次新建对象的函数：{example}", holds)


def _are_classes(value: Any) -> bool:
    if not _is_list(value) or not all(isinstance(each, int | str) for each in value):
        return False
    return len(value) == 0 or len(set(value)) == len(value) > 1


def _are_files(value: Any) -> bool:
    return _is_list(value) and all(isinstance(each, str) and bool(each) for each in value)


def _are_names(value: Any) -> bool:
    return _is_list(value) and len(value) > 0 and all(isinstance(each, str) for each in value)


def _are_pairs(value: Any) -> bool:
    return _is_list(value) and len(value) > 1 and all(map(_is_pair, value))


def _is_pair(value: Any) -> bool:
    return _is_list(value) and len(value) == 2 and all(map(ANY.holds, value))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


ANY = number("", "任意", lambda _value: True)
POSITIVE = number(" greater than 0", "大于 0 ", lambda value: value > 0)
FLAG = Allowed("True or False", "True 或 False", lambda value: isinstance(value, bool))
TEXT = Allowed("a text, not empty", "非空文本", lambda value: isinstance(value, str) and bool(value))
SLUG = Allowed(
    "what follows kaggle.com/competitions/ in the browser", "浏览器地址中 kaggle.com/competitions/ 之后的名称",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value)),
)  # fmt: skip
FUNCTION = Allowed("a function", "函数", callable)
MAKE_ENCODER = factory(0, "lambda: StandardScaler()")
MAKE_MODEL = factory(2, "lambda n_features, n_outputs: Net(n_features, n_outputs)")
MAKE_ESTIMATOR = factory(0, "lambda: HistGradientBoostingClassifier()")
METRIC = Allowed(
    "a Metric, such as pipelines.metrics.accuracy", "Metric，例如 pipelines.metrics.accuracy",
    lambda value: _is_a("Metric", value),
)  # fmt: skip
METRIC_OF_VALUES = Allowed(
    "a Metric of values, such as pipelines.metrics.rmse", "用于数值的 Metric，例如 pipelines.metrics.rmse",
    lambda value: METRIC.holds(value) and value.of == "values",
)  # fmt: skip
METRIC_OF_CLASSES = Allowed(
    "a Metric of labels or probabilities, such as pipelines.metrics.accuracy",
    "用于类别的 Metric，例如 pipelines.metrics.accuracy",
    lambda value: METRIC.holds(value) and value.of != "values",
)
DEVICE = Allowed(
    "'cpu', 'cuda', 'cuda:1' or 'mps'", "'cpu'、'cuda'、'cuda:1' 或 'mps'",
    lambda value: bool(re.fullmatch(r"(cpu|mps)(:0)?|cuda(:(0|[1-9][0-9]*))?", str(value))),
)  # fmt: skip
LOSS = one_of("squared", "absolute", "huber")
SCHEDULE = one_of("constant", "cosine", "one-cycle")
RANDOM_STATE = Allowed(
    "None, a whole number from 0 to 2^32 - 1, or numpy's RandomState",
    "None、0 到 2^32 - 1 的整数，或 numpy 的 RandomState",
    lambda value: value is None or whole(0, 2**32).holds(value) or _is_a("RandomState", value),
)
SHARE = number(" between 0 and 1", "0 与 1 之间", lambda value: 0 < value < 1)

ALLOWED: dict[str, dict[str, Allowed]] = {
    "Recipe": {
        "epochs": whole(1), "batch_size": whole(1, 2**63), "lr": POSITIVE, "schedule": SCHEDULE,
        "weight_decay": number(", 0 or more", "不小于 0 ", lambda value: value >= 0),
        "patience": none_or(whole(1)), "validation_fraction": SHARE, "bfloat16": FLAG,
    },
    "Variant": {
        "make_encoder": none_or(MAKE_ENCODER), "make_model": none_or(MAKE_MODEL),
        "make_estimator": none_or(MAKE_ESTIMATOR), "recipe": a("Recipe"),
    },
    "Preset": {
        "folds": whole(2), "seeds": whole(1),
        "variants": Allowed("a tuple of variants' names", "variant 名称的元组", _are_names), "gpu": FLAG,
    },
    "Published": {
        "baseline": TEXT, "score": ANY, "pairs": Allowed("two or more pairs of scores", "两对或更多得分", _are_pairs),
    },
    "Number": {
        "transform": one_of("identity", "log1p"), "loss": LOSS,
    },
    "Competition": {
        "slug": SLUG, "id_column": none_or(TEXT), "target": TEXT, "drop_unlabelled": FLAG, "metric": METRIC,
        "sample_submission": TEXT,
        "classes": Allowed(
            "a tuple of two or more different texts, whole numbers or truth values, or () for a number",
            "至少两个不同文本、整数或布尔值的元组；目标为数值时为 ()", _are_classes,
        ),
        "number": none_or(a("Number")),
        "sample_id": none_or(TEXT), "train_file": TEXT, "test_file": TEXT,
        "sample_columns": Allowed("a tuple of columns' names", "列名的元组", _are_files),
        "tables": Allowed("a tuple of file names", "文件名的元组", _are_files),
        "submit": one_of("labels", "probabilities", "ranked", "values"), "schema": a("DataFrameSchema"),
        "add_features": none_or(FUNCTION), "time": none_or(TEXT),
        "groups": Allowed(
            "None, a column's name or a function of the rows", "None、列名，或以行为参数的函数",
            lambda value: value is None or callable(value) or TEXT.holds(value),
        ),
        "variants": named(a("Variant")), "presets": named(a("Preset")), "make_sample": FUNCTION,
        "public_share": number(" above 0, 1 at most", "大于 0 且不大于 1 ", lambda value: 0 < value <= 1),
        "published": none_or(a("Published")),
        "baselines": Allowed(
            "a dict: name -> a function that makes a model, or None to leave the model of that name out",
            "字典：名称 -> 返回模型的函数，或 None 表示不用该名称的模型",
            lambda value: isinstance(value, Mapping) and all(map(none_or(MAKE_ENCODER).holds, value.values())),
        ),
    },
    "Metric": {
        "name": TEXT, "per_row": none_or(FUNCTION), "greater_is_better": FLAG, "score": none_or(FUNCTION),
        "of": one_of("labels", "probabilities", "values"), "resampled": none_or(FUNCTION), "least": none_or(ANY),
        "influence": none_or(FUNCTION),
    },
    "Plan": {
        "folds": whole(2), "seeds": whole(1), "variants": named(a("Variant")), "seed": whole(0, 2**32),
        "device": DEVICE, "memory_mb": none_or(POSITIVE), "executor": a("Executor"), "shares": none_or(whole(1)),
    },
    "Monitor": {"score": FUNCTION, "patience": whole(1)},
}  # fmt: skip


class Checked:
    """Base of frozen dataclasses: what their fields hold is looked at when one is made, and by `replace` too.

    Raises: UsageError with the field, its value and what is allowed.
    """

    def __post_init__(self) -> None:
        for owner in (base.__name__ for base in type(self).__mro__ if base.__name__ in ALLOWED):
            for name, rule in ALLOWED[owner].items():
                object.__setattr__(self, name, allowed(owner, name, getattr(self, name), rule))


def allowed(owner: str, name: str, value: Any, rule: Allowed) -> Any:
    """The value, its numbers as Python's own, also those in a tuple or list.

    Raises: UsageError for one that the rule does not allow.

    >>> allowed("Recipe", "epochs", 0, whole(1))
    Traceback (most recent call last):
        ...
    pipelines.errors.UsageError: Recipe: epochs must be a whole number, 1 or more, got 0
      what to do: correct epochs of Recipe: it must be a whole number, 1 or more
      怎么办: 请更正 Recipe 的 epochs：应为不小于 1 的整数
    """
    plain = _pythons(value)
    if rule.holds(plain):
        return plain
    shown = repr(value).partition("\n")[0]
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
    raise UsageError(
        f"{owner}: {name} must be {rule.words}, got {shown}",
        f"correct {name} of {owner}: it must be {rule.words}",
        spaced(f"请更正 {owner} 的 {name}：应为", rule.words_zh),
    )


def _pythons(value: Any) -> Any:
    if type(value) in (tuple, list):
        return type(value)(map(_pythons, value))
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value
