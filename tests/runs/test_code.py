"""A hash of somebody's own code: what it does counts, where it stands and what stands beside it do not."""

import importlib
import sys
import textwrap
import threading
from functools import partial

import numpy as np
import pytest
import scipy.special
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from pipelines.models import MLP
from pipelines.runs.jobs.code import code_hash
from pipelines.runs.jobs.modules import modules_hash

HELPERS = """
    import numpy as np

    WIDTH = 8

    class Base:
        def transform(self, X):
            return X + 1

    class Encoder(Base):
        edges = (1, 2)

        def fit(self, X):
            return helper(X)

    def helper(X):
        return np.log1p(X)

    def unused():
        return 1
"""
OWN = """
    from functools import partial
    from own_helpers import Encoder, WIDTH
    import own_helpers as helpers

    def make_encoder():
        return Encoder()

    def make_model(d, c, width=WIDTH):
        "Says what it is."
        return [d, width, c, LAYERS["deep"]]

    def by_module():
        return helpers.helper(1)

    def inside():
        from own_helpers import helper
        return helper(2)

    LAYERS = {"deep": 3}
    VARIANTS = {"one": make_model}
    curried = partial(make_model, width=4)
"""


def hashes(folder, monkeypatch, own=OWN, helpers=HELPERS):
    """What the functions of a module are told by, read anew from a folder."""
    folder.mkdir()
    for name, text in (("own_helpers", helpers), ("own_code", own)):
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(folder))
        for name in ("own_helpers", "own_code"):
            patch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module("own_code")
        found = {name: code_hash(getattr(module, name)) for name in NAMES}
    for name in ("own_helpers", "own_code"):
        sys.modules.pop(name, None)
    return found


NAMES = ("make_encoder", "make_model", "by_module", "inside", "curried")
CHANGES = {
    "a comment, a line, another docstring": (
        ('"Says what it is."', '"Says it otherwise."\n\n        # why\n'), None, set()
    ),
    "another variant": (('{"one": make_model}', '{"one": make_model, "two": partial}'), None, set()),
    "the body": (("[d, width, c,", "[d, width, width, c,"), None, {"make_model", "curried"}),
    "a default": (("width=WIDTH", "width=WIDTH + 1"), None, {"make_model", "curried"}),
    "a bound argument": (("width=4", "width=5"), None, {"curried"}),
    "a value that it names": (('"deep": 3', '"deep": 4'), None, {"make_model", "curried"}),
    "a constant of another file": (None, ("WIDTH = 8", "WIDTH = 9"), {"make_model", "curried", "inside"}),
    "a method of a base class": (None, ("X + 1", "X + 2"), {"make_encoder", "inside"}),
    "what a class holds": (None, ("(1, 2)", "(1, 3)"), {"make_encoder", "inside"}),
    "what a method calls": (None, ("np.log1p(X)", "np.log1p(X) + 1"), {"make_encoder", "by_module", "inside"}),
    "what nobody calls": (None, ("return 1", "return 2"), {"inside"}),  # which imports the file while it runs
}  # fmt: skip


REACHED = {
    "a function whose results are cached": (
        "import functools\n@functools.cache\ndef table():\n    return N\ndef make():\n    return table()\n", ""
    ),
    "a module of a package": ("import own_package.part\ndef make():\n    return own_package.part.SIZE\n", "SIZE = N\n"),
    "a module of a package, imported inside": (
        "def make():\n    from own_package import part\n    return part.SIZE\n", "SIZE = N\n"
    ),
    "what a module imports that is imported inside": (
        "def make():\n    from own_package.other import SIZE\n    return SIZE\n", "SIZE = N\n"
    ),
    "a class of a class": (
        "class Kind(type):\n    size = N\nclass Own(metaclass=Kind):\n    pass\ndef make():\n    return Own.size\n",
        "",
    ),
    "an attribute of a function": ("def own():\n    return own.n\nown.n = N\ndef make():\n    return own()\n", ""),
    "a regular expression": ("import re\nWORD = re.compile('N')\ndef make():\n    return WORD\n", ""),
    "a module from which something is taken by a name that is made up": (
        "import own_package.part\ndef make():\n    return getattr(own_package.part, 'SI' + 'ZE')\n", "SIZE = N\n"
    ),
    "a module that is handed on": (
        "import own_package.part as part\ndef take(what):\n    return what.SIZE\ndef make():\n    return take(part)\n",
        "SIZE = N\n",
    ),
    "a module's dictionary": (
        "import own_package.part as part\ndef make():\n    return part.__dict__['SIZE']\n", "SIZE = N\n"
    ),
    "a module as a default": (
        "import own_package.part as part\ndef make(where=part):\n    return where.SIZE\n", "SIZE = N\n"
    ),
    "what a module of that kind imports": (
        "import own_package.other as other\ndef make():\n    return vars(other)['SIZE']\n", "SIZE = N\n"
    ),
    "a name of its own module that is made up": (
        "def make_1():\n    return N\ndef make():\n    return globals()[f'make_{1}']()\n", ""
    ),
    "its own module, asked for": (
        "import sys\ndef own():\n    return N\ndef make():\n    return sys.modules[__name__].own()\n", ""
    ),
    "a module that is imported by its name": (
        "from importlib import import_module\ndef make():\n    return import_module('own_package.part').SIZE\n",
        "SIZE = N\n",
    ),
    "a function made for arrays": (
        "import numpy as np\ndef own(x):\n    return x + N\nfast = np.vectorize(own)\ndef make():\n    return fast\n",
        "",
    ),
    "a dictionary that is not to be changed": (
        "import types\nSIZES = types.MappingProxyType({'a': N})\ndef make():\n    return SIZES\n", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REACHED)
def test_all_own_code_that_is_reached_counts(what, tmp_path, monkeypatch):
    found = []
    for number, place in (("1", "first"), ("1", "again"), ("2", "other")):
        texts = {"own_reached": REACHED[what][0], "own_package/__init__": "", "own_package/part": REACHED[what][1]}
        texts["own_package/other"] = "from own_package.part import *\n"
        for name, text in texts.items():
            path = tmp_path / place / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("N", number))
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / place))
            found.append(code_hash(importlib.import_module("own_reached").make))
        for name in [name for name in sys.modules if name.startswith(("own_reached", "own_package"))]:
            del sys.modules[name]
    assert found[0] == found[1] != found[2]


def test_methods_that_are_called_as_builtins_are_reach_for_nothing(tmp_path, monkeypatch):
    own = OWN + "\n    def make_ready(network):\n        network.eval()\n        return [*network.modules()]\n"
    monkeypatch.setattr(sys.modules[__name__], "NAMES", ("make_ready",))
    found = [
        hashes(tmp_path / place, monkeypatch, text)
        for place, text in (("before", own), ("after", own.replace('"deep": 3', '"deep": 4')))
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_function_does_counts_and_nothing_else(change, tmp_path, monkeypatch):
    own, helpers, differ = CHANGES[change]
    texts = OWN.replace(*own) if own else OWN, HELPERS.replace(*helpers) if helpers else HELPERS
    assert texts != (OWN, HELPERS)
    before, after = hashes(tmp_path / "before", monkeypatch), hashes(tmp_path / "after", monkeypatch, *texts)
    assert {name for name in NAMES if before[name] != after[name]} == differ


def shaped(bound):
    return lambda d, c: MLP([d, bound, c])


def test_a_function_that_closes_over_a_value_is_told_by_it():
    assert code_hash(shaped(8)) == code_hash(shaped(8)) != code_hash(shaped(16))


def test_estimators_arrays_and_tensors_are_told_by_what_they_hold():
    def values():
        return [
            partial(LogisticRegression, C=2), partial(LogisticRegression, C=3), LogisticRegression(C=2),
            LogisticRegression(C=3), FunctionTransformer(np.log1p), FunctionTransformer(np.sqrt), np.arange(3),
            np.arange(3.0), torch.arange(3), torch.arange(1, 4), {"a": 1}, {"a": 2}, {1, 2}, {1, 3}, frozenset("ab"),
            torch.float32, torch.float64, np.random.RandomState(0), np.random.RandomState(1), LogisticRegression,
        ]  # fmt: skip

    hashes = [code_hash(value) for value in values()]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [code_hash(value) for value in values()]


def test_what_refers_to_itself_comes_to_an_end():
    knot = [1]
    knot.append(knot)
    assert code_hash(knot) == code_hash(knot)


UNKNOWN = {
    "a lock": threading.Lock(),
    "a function within a ufunc": np.frompyfunc(lambda x: x + 1, 1, 1),
    "an import of a name that is made up": lambda name: importlib.import_module(f"own_{name}"),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_cannot_be_told_from_another_of_its_kind_equals_nothing(what):
    value = UNKNOWN[what]

    def make():
        return value

    assert code_hash(make) != code_hash(make)
    assert code_hash(make).startswith("unknown-")


def test_functions_for_arrays_that_have_a_name_are_told_by_it():
    hashes = [code_hash(value) for value in (np.add, np.subtract, np.sqrt, scipy.special.expit, scipy.special.logit)]
    assert len(set(hashes)) == 5
    assert not any(found.startswith("unknown-") for found in hashes)


def test_modules_are_told_by_what_they_compile_to(tmp_path, monkeypatch):
    texts = {
        "plain": "def f():\n    return 1\n",
        "with words": '# why\n\ndef f():\n    "What."\n    return 1\n',
        "other": "def f():\n    return 2\n",
    }
    found = {}
    for name, text in texts.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "only_once.py").write_text(text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            modules_hash.cache_clear()
            found[name] = modules_hash(("only_once",))
    assert found["plain"] == found["with words"] != found["other"]
    modules_hash.cache_clear()


def test_rows_of_a_fold_are_told_by_where_training_ends():
    from pipelines.runs.jobs.fingerprint import _short

    assert _short(np.arange(3), np.arange(3, 5)) != _short(np.arange(4), np.arange(4, 5))
