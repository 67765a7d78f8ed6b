"""Settings are looked at where they are made."""

import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from pipelines.competition import Preset, Published, Recipe, Variant
from pipelines.errors import UsageError
from pipelines.hardware import pick_device
from pipelines.metrics import Metric, accuracy
from pipelines.models import MLP
from pipelines.settings.allowed import ALLOWED, MAKE_MODEL, METRIC, RANDOM_STATE, allowed, none_or
from pipelines.settings.knobs import LEAST, refuse_device
from pipelines.training.early_stopping import Monitor
from pipelines.training.loop import make_scheduler, train
from pipelines.validation.crossval import Plan

NAN = float("nan")
WRONG = {
    "schedule": ["onecycle", None, "Cosine", 3, ["cosine"]],
    "epochs": [0, -1, 1.5, "2", True, None],
    "batch_size": [0, -5, 2.5, "64", True, None],
    "patience": [0, -1, 2.5, "3", True],
    "lr": [0, -1e-3, NAN, float("inf"), "1e-3", True, None, 10**400],
    "weight_decay": [-1, NAN, None],
    "validation_fraction": [0, 1, -0.1, 5, NAN, "0.1"],
    "bfloat16": ["yes", 1, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_recipe_refuses_what_is_not_allowed_and_says_what_is(name, value):
    with pytest.raises(UsageError, match=rf"^Recipe: {name} must be ") as refused:
        Recipe(**{name: value})
    assert refused.value.hint.startswith(f"correct {name} of Recipe: it must be ")
    with pytest.raises(UsageError):
        replace(Recipe(), **{name: value})


def test_what_came_is_shown_and_shortened():
    with pytest.raises(UsageError, match=r"one of 'constant', 'cosine', 'one-cycle', got 'onecycle'\n"):
        Recipe(schedule="onecycle")
    with pytest.raises(UsageError, match=r"got 'x{56}\.\.\.\n"):
        Recipe(schedule="x" * 1000)


def test_numpys_numbers_count_and_are_kept_as_pythons():
    recipe = Recipe(epochs=np.int64(3), lr=np.float32(0.5), batch_size=np.array(8), bfloat16=np.True_)
    assert json.loads(json.dumps(asdict(recipe))) == asdict(Recipe(epochs=3, lr=0.5, batch_size=8, bfloat16=True))
    assert type(recipe.epochs) is int
    assert Recipe(lr=1, weight_decay=0, patience=np.int32(2)).patience == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Preset(folds=1, seeds=1),
        lambda: Preset(folds=5, seeds=0),
        lambda: Preset(folds=5.0, seeds=1),
        lambda: Preset(folds=5, seeds=1, variants="network"),
        lambda: Preset(folds=5, seeds=1, variants=()),
        lambda: Published(baseline="x", score=NAN, pairs=((0.8, 0.7), (0.8, 0.7))),
        lambda: Published(baseline="x", score=0.8, pairs=((0.8, 0.7),)),
        lambda: Metric("", accuracy.per_row, True),
        lambda: Metric("accuracy", "correct", True),
        lambda: Metric("accuracy", accuracy.per_row, "yes"),
        lambda: Monitor(score=len, patience=0),
        lambda: Variant(make_encoder=MLP([2, 2]), make_model=MLP),
        lambda: Variant(make_encoder=dict, make_model=MLP([2, 2])),
        lambda: Variant(make_encoder=dict, make_model=lambda: MLP([2, 2])),
        lambda: Variant(make_encoder=lambda X: X, make_model=nn.Linear),
        lambda: Variant(make_encoder=dict, make_model=nn.Linear, recipe={"epochs": 3}),
        lambda: Variant(make_estimator=LogisticRegression()),
        lambda: Variant(make_estimator=lambda n_features: LogisticRegression()),
    ],
    ids=range(18),
)
def test_other_values_refuse_too(make):
    with pytest.raises(UsageError, match=r" must be .*, got "):
        make()


NET = lambda d, c: MLP([d, c])  # noqa: E731


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "neither make_model nor make_estimator"),
        ({"make_encoder": dict}, "neither make_model nor make_estimator"),
        ({"make_encoder": dict, "make_model": NET, "make_estimator": LogisticRegression}, "both make_model and make_e"),
        ({"make_model": NET}, "make_model without make_encoder"),
    ],
)
def test_a_variant_is_a_network_or_an_estimator(given, told):
    with pytest.raises(UsageError, match=f"^Variant: has {told}"):
        Variant(**given)


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "accuracy"}, {"submit": "label"}, {"submit": None}, {"classes": (1,)}, {"classes": "01"},
        {"classes": (0, 0)}, {"slug": "titanic/data"}, {"id_column": ""}, {"target": None}, {"schema": {}},
        {"add_features": 1}, {"variants": {}}, {"variants": {"network": 1}}, {"presets": {"fast": (5, 1)}},
        {"public_share": 0}, {"public_share": 50}, {"published": 0.8}, {"baselines": {"logistic": 1}},
        {"make_sample": {}}, {"sample_submission": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_competition_refuses(titanic, change):
    with pytest.raises(UsageError, match=rf"^Competition: {next(iter(change))} must be "):
        replace(titanic, **change)


def test_numpys_classes_are_kept_as_pythons(titanic):
    for items in ((np.int64(0), np.int64(1)), (np.str_("no"), np.str_("yes"))):
        kept = replace(titanic, classes=items).classes
        assert kept == items
        assert json.loads(json.dumps(kept)) == list(kept)
        assert {type(each) for each in kept} <= {int, str}


@pytest.mark.parametrize("classes", [(0.0, 1.0), (np.float64(0), np.float64(1)), (1, np.int64(1)), (None, 1)], ids=str)
def test_classes_of_another_kind_are_told_what_they_may_be(titanic, classes):
    with pytest.raises(UsageError, match="tuple of two or more different texts, whole numbers or truth values, or"):
        replace(titanic, classes=classes)


def every_rule():
    return [(owner, name, rule) for owner, rules in ALLOWED.items() for name, rule in rules.items()]


@pytest.mark.parametrize(("owner", "name", "rule"), [*every_rule(), ("TorchClassifier", "metric", METRIC),
    ("TorchClassifier", "random_state", RANDOM_STATE), ("TorchClassifier", "make_model", none_or(MAKE_MODEL))],
    ids=lambda each: each if isinstance(each, str) else "")  # fmt: skip
def test_chinese_and_latin_letters_have_a_blank_between(owner, name, rule):
    with pytest.raises(UsageError) as refused:
        allowed(owner, name, object(), rule)
    assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9']|[A-Za-z0-9'][\u4e00-\u9fff]|  ", refused.value.hint_zh)


def test_the_command_line_refuses_below_what_the_settings_allow():
    of = {"memory": ("Plan", "memory_mb"), "epochs": ("Recipe", "epochs")}
    assert LEAST["jobs"] == 1  # processes, of which a plan holds no number
    for name, least in LEAST.items() - {("jobs", 1)}:
        owner, field = of.get(name, ("Plan", name))
        assert ALLOWED[owner][field].holds(least)
        assert not ALLOWED[owner][field].holds(least - 1)


DEVICES = {"cpu": True, "cpu:0": True, "cuda": True, "cuda:12": True, "mps": True, "mps:0": True}
DEVICES |= dict.fromkeys(
    ["cpu:1", "cuda:01", "cuda:\u0661", "cuda:", "xpu", "gpu", "CUDA", "mps:1", "cpu\n", ""], False
)


@pytest.mark.parametrize("name", DEVICES)
def test_one_pattern_of_devices_for_plan_command_line_and_hardware(titanic, name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 13)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    system = "darwin" if name.startswith("mps") else "linux"
    tries = [
        lambda: Plan(folds=2, seeds=1, variants=titanic.variants, device=name),
        lambda: refuse_device(name, "2.13.0", system),
        lambda: pick_device(name),
    ]
    for one in tries:
        if DEVICES[name]:
            one()
        else:
            with pytest.raises(UsageError, match="device"):
                one()


def test_a_preset_names_variants_that_are_there(titanic):
    presets = {"fast": Preset(folds=5, seeds=1, variants=("network", "netwrok"))}
    with pytest.raises(UsageError, match="preset 'fast' names the variant 'netwrok'; known: network"):
        replace(titanic, presets=presets)


@pytest.mark.parametrize(
    "change",
    [{"folds": 1}, {"folds": True}, {"seeds": 0}, {"seed": -1}, {"seed": 2**32}, {"device": "gpu"}, {"memory_mb": 0}],
    ids=str,
)
def test_a_plan_refuses(titanic, change):
    good = Plan(folds=np.int64(2), seeds=1, variants=titanic.variants, device=torch.device("cpu"))
    assert (good.folds, str(good.device)) == (2, "cpu")
    with pytest.raises(UsageError, match=rf"^Plan: {next(iter(change))} must be "):
        replace(good, **change)


def test_the_loop_itself_refuses_a_schedule_and_no_epochs():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(UsageError, match="schedule must be one of"):
        make_scheduler(optimizer, "onecycle", 10)
    with pytest.raises(UsageError, match="epochs must be a whole number, 1 or more, got 0"):
        train(model, [(torch.zeros(2, 2), torch.tensor([0, 1]))], nn.CrossEntropyLoss(), optimizer, 0)


def test_a_norm_that_is_none_is_told():
    with pytest.raises(ValueError, match="norm must be None or one of batch, layer, got 'bacth'"):
        MLP([2, 3, 2], norm="bacth")
