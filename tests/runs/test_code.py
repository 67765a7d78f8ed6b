"""A hash of somebody's own code: what it does counts, where it stands and what stands beside it do not."""

import sys
import textwrap
import threading
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from pipelines.models import MLP
from pipelines.runs.jobs.code import code_hash, modules_hash

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
    from helpers_{n} import Encoder, WIDTH
    import helpers_{n} as helpers

    def make_encoder():
        return Encoder()

    def make_model(d, c, width=WIDTH):
        "Says what it is."
        return [d, width, c, LAYERS["deep"]]

    def by_module():
        return helpers.helper(1)

    def inside():
        from helpers_{n} import helper
        return helper(2)

    LAYERS = {{"deep": 3}}
    VARIANTS = {{"one": make_model}}
    curried = partial(make_model, width=4)
"""
count = iter(range(1000))


def made(tmp_path, monkeypatch, own=OWN, helpers=HELPERS):
    """The module, with what it imports, under a new name: one that was imported is not read again."""
    n = next(count)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, text in ((f"helpers_{n}", helpers), (f"own_{n}", own.format(n=n))):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return __import__(f"own_{n}")


NAMES = ("make_encoder", "make_model", "by_module", "inside", "curried")
CHANGES = {
    "a comment, a line, another docstring": (
        ('"Says what it is."', '"Says it otherwise."\n\n        # why\n'), None, set()
    ),
    "another variant": (('VARIANTS = {{"one": make_model}}', 'VARIANTS = {{"one": make_model, "two": partial}}'), None, set()),
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


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_function_does_counts_and_nothing_else(change, tmp_path, monkeypatch):
    own, helpers, differ = CHANGES[change]
    monkeypatch.setattr("pipelines.runs.jobs.code._version_of", lambda _module: "")
    before = made(tmp_path, monkeypatch)
    texts = OWN.replace(*own) if own else OWN, HELPERS.replace(*helpers) if helpers else HELPERS
    assert texts != (OWN, HELPERS)
    after = made(tmp_path, monkeypatch, *texts)

    def said(module, name):  # under names that do not tell the two files apart
        monkeypatch.setattr("pipelines.runs.jobs.code._Walk._say", named_alike)
        return code_hash(getattr(module, name))

    assert {name for name in NAMES if said(before, name) != said(after, name)} == differ


def named_alike(self, *words):
    import re

    for word in words:
        data = word if isinstance(word, bytes) else re.sub(r"helpers_\d+", "helpers", str(word)).encode()
        self._hash.update(len(data).to_bytes(8, "big") + data)


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


LOCK = threading.Lock()


def test_what_cannot_be_told_from_another_of_its_kind_equals_nothing():
    def make():
        return LOCK

    assert code_hash(make) != code_hash(make)
    assert code_hash(make).startswith("unknown-")


def test_modules_are_told_by_what_they_compile_to(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    texts = {"a": "def f():\n    return 1\n", "b": '# why\n\ndef f():\n    "What."\n    return 1\n', "c": "def f():\n    return 2\n"}
    found = []
    for name, text in texts.items():
        (tmp_path / f"only_{name}.py").write_text(text)
        monkeypatch.setattr("pipelines.runs.jobs.code.modules_hash", modules_hash)
        found.append(modules_hash((f"only_{name}",)))
    assert len(set(found)) == 3  # a module's name counts
    from pipelines.runs.jobs.code import _compiled

    assert _compiled("only_a") == _compiled("only_b") != _compiled("only_c")
