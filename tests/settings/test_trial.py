"""A metric is tried on made rows: what cannot be used is told before anything is trained."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from pipelines import pipeline as way
from pipelines.errors import UsageError
from pipelines.metrics import METRICS, Metric
from pipelines.settings.knobs import Knobs
from pipelines.settings.trial import try_metric

PRICES = np.random.default_rng(0).lognormal(12, 0.4, 500)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_ours_passes(name):
    metric = METRICS[name]
    of_values = [(y, 1) for y in (PRICES, np.array([3.0, 4.0]))]
    of_classes = [(np.zeros(5, dtype=np.int64), n_classes) for n_classes in ((2,) if name == "f1" else (2, 3, 99))]
    for y, n_outputs in of_values if metric.of == "values" else of_classes:
        perfect, middling, wrong = try_metric(metric, y, n_outputs)
        assert metric.gain(perfect, middling) > 0
        assert metric.gain(perfect, wrong) > 0
    if metric.of == "values":  # nothing can be told apart, and nothing is refused
        assert len(set(try_metric(metric, np.zeros(5), 1))) == 1


OWN = {
    "a function of labels": (Metric("own", score=f1_score, of="labels"), 2),
    "of probabilities": (Metric("own", score=lambda y, p: roc_auc_score(y, p[:, 1])), 2),
    "of each row": (Metric("own", lambda y, p: ((np.eye(3)[y] - p) ** 2).sum(axis=1), greater_is_better=False), 3),
    "of values": (Metric("own", score=lambda y, v: np.median(abs(y - v)), greater_is_better=False, of="values"), 1),
    "a log loss that bears no certainty": (
        Metric("own", lambda y, p: -np.log(p[np.arange(len(y)), y]), greater_is_better=False), 3,
    ),
    "a correlation": (Metric("own", score=lambda y, v: np.corrcoef(y, v)[0, 1], of="values"), 1),
    "a list for the rows": (Metric("own", lambda y, v: list(-abs(y - v)), of="values"), 1),
}  # fmt: skip


@pytest.mark.parametrize("case", OWN)
def test_an_own_metric_is_one_function(case):
    metric, n_outputs = OWN[case]
    perfect, _, wrong = try_metric(metric, PRICES, n_outputs)
    assert metric.gain(perfect, wrong) > 0


def raises(y, p):
    return p["Fare"]


def changes(y, p):
    p -= p.mean()
    return float(p.sum())


def nothing(y, p):
    float(np.mean(y == p))


def right(y, p):
    return float(np.mean(y == p))


def off(y, p):
    return float(np.mean(abs(y - p)))


def at(function, later=0):
    return f", tests/settings/test_trial.py, line {function.__code__.co_firstlineno + later}"


PLAIN = {"greater_is_better": True, "of": "labels"}
BAD = {
    "fails": (
        PLAIN | {"score": raises},
        "fails on 100 made rows: IndexError: only integers",
        f"{at(raises, 1)}\n  what to do: correct its function: it gets the truth (N,), class codes, and the predicted",
    ),
    "is not given what it wants": (
        PLAIN | {"score": f1_score, "of": "probabilities"},
        "fails on 100 made rows: ValueError: Classification metrics",
        "correct its function: it gets the truth (N,), class codes, and probabilities (N, C)",
    ),
    "nothing": (
        PLAIN | {"score": nothing},
        f"on 100 made rows, gives NoneType{at(nothing)}",
        "correct its function: let it return one finite number",
    ),
    "an array": (
        PLAIN | {"score": lambda y, p: y == p},
        "on 100 made rows, gives an array (100,)",
        "let it return one finite number",
    ),
    "a number for all": (
        PLAIN | {"per_row": right},
        f"on 100 made rows, gives one number{at(right)}",
        "let it return a finite number for each row, an array (N,)",
    ),
    "too few": (PLAIN | {"per_row": lambda y, p: (y == p)[:7]}, "on 100 made rows, gives an array (7,)", "each row"),
    "no number": (PLAIN | {"score": lambda y, p: np.nan}, "on 100 made rows, gives nan", "one finite number"),
    "infinite for a row": (
        PLAIN | {"per_row": lambda y, p: np.where(y == p, np.inf, 0)}, "on 100 made rows, gives inf", "finite number",
    ),
    "lists in lists": (PLAIN | {"score": lambda y, p: [[1], [1, 2]]}, "gives list", "one finite number"),
    "changes": (
        PLAIN | {"score": changes, "of": "values"},
        f"on 100 made rows, changes the arrays that it is given{at(changes)}",
        "let it change copies of them",
    ),
    "the wrong way round": (
        PLAIN | {"score": right, "greater_is_better": False},
        f"has it that less is better, and scores a perfect prediction 1, a wrong one 0{at(right)}",
        "write greater_is_better=True in its Metric(...), or correct its function",
    ),
    "an error that is a score": (
        PLAIN | {"score": off, "of": "values"},
        "has it that greater is better, and scores a perfect prediction 0, a wrong one ",
        "write greater_is_better=False in its Metric(...)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused(case):
    fields, says, hint = BAD[case]
    with pytest.raises(UsageError) as told:
        try_metric(Metric("own", **fields), PRICES, 1 if fields["of"] == "values" else 3)
    assert says in str(told.value)
    assert hint in str(told.value)
    assert re.search("[\u4e00-\u9fff]", told.value.hint_zh)


def test_a_run_tells_it_before_anything_is_trained(toy, sample_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(way, "cross_validate", lambda *_: pytest.fail("trained"))
    own = replace(toy, metric=Metric("own", score=right, greater_is_better=False, of="labels"))
    with pytest.raises(UsageError, match="write greater_is_better=True"):
        way.run(own, Knobs(data=sample_folder, output=tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*.csv"))
