"""The recipe that was found, as numbers in a file: a variant by the name `tuned`."""

import json
import shutil
from dataclasses import replace

import pytest

from pipelines.competition import Recipe
from pipelines.errors import TrainingWarning, UsageError
from pipelines.settings.knobs import Knobs, check
from pipelines.settings.lookup import Outline
from pipelines.settings.plan import make_plan
from pipelines.settings.tuned import FILE, TUNED, Candidate, Tuned, keep_copy, with_kept, with_tuned
from pipelines.settings.variants import mlp

CANDIDATE = Candidate(
    base="network", hidden=(8, 4), layers={"activation": "silu", "dropout": 0.25},
    recipe=Recipe(epochs=3, lr=1.5e-3, schedule="cosine"),
)  # fmt: skip
FOUND = Tuned(slug="titanic", candidate=CANDIDATE, study="tune-network-0", metric="accuracy", score=0.8, se=0.01)


@pytest.fixture
def runs(tmp_path):
    FOUND.save(tmp_path / "titanic")
    return tmp_path


def test_it_is_found_again_as_it_was_written(runs):
    assert Tuned.load(runs / "titanic", "titanic") == FOUND
    value = json.loads((runs / "titanic" / FILE).read_text())
    assert value["candidate"]["hidden"] == [8, 4]
    assert value["candidate"]["recipe"]["lr"] == 0.0015


def test_a_plan_finds_it_by_its_name(titanic, runs):
    with pytest.warns(TrainingWarning, match="its out-of-fold score and its weight in the pool are flattered") as said:
        competition = with_tuned(titanic, ("network", TUNED), runs)
    assert len(said) == 1
    plan = make_plan(competition, Knobs(variants=("network", TUNED), runs=runs))
    assert list(plan.variants) == ["network", TUNED]
    model = plan.variants[TUNED].make_model(5, 2)
    assert [layer.out_features for layer in model.layers if hasattr(layer, "out_features")] == [8, 4, 2]
    assert plan.variants[TUNED].recipe == CANDIDATE.recipe
    assert plan.variants[TUNED].make_encoder is titanic.variants["network"].make_encoder


def test_its_name_is_known_before_the_competitions_code_is_run(runs, tmp_path):
    outline = Outline("titanic")
    check(Knobs(variants=(TUNED,), runs=runs), outline, write=False)
    with pytest.raises(UsageError, match="no variant of titanic has been tuned yet") as refused:
        check(Knobs(variants=(TUNED,), runs=tmp_path / "others"), outline, write=False)
    assert "python -m pipelines tune titanic" in str(refused.value)
    with pytest.raises(UsageError, match="has no variant 'tune'"):
        check(Knobs(variants=("tune",), runs=runs), outline, write=False)


def test_what_made_rows_have_chosen_lies_apart(titanic, runs, tmp_path):
    made = replace(FOUND, candidate=replace(CANDIDATE, hidden=(5,)))
    assert made.save(runs / "titanic", sample=True).name == "tuned-sample.json"
    assert Tuned.load(runs / "titanic", "titanic") == FOUND
    for sample, width in ((False, 8), (True, 5)):
        with pytest.warns(TrainingWarning, match="have chosen tuned"):
            variants = with_tuned(titanic, (TUNED,), runs, sample=sample).variants
        assert variants[TUNED].make_model(5, 2).layers[0].out_features == width
        keep_copy(runs / "titanic", tmp_path, tuned=True, sample=sample)
        assert with_kept(titanic, tmp_path).variants[TUNED].make_model(5, 2).layers[0].out_features == width


def test_practice_refuses_it_but_not_a_variant_of_ones_own_by_that_name(titanic, toy, runs):
    with pytest.raises(UsageError, match="their score would be flattered"):
        with_tuned(titanic, (TUNED,), runs, practice=True)
    outline = Outline("titanic")
    with pytest.raises(UsageError, match="their score would be flattered"):
        check(Knobs(variants=(TUNED,), runs=runs, practice=True), outline, write=False)
    own = replace(toy, variants=dict(toy.variants) | {TUNED: mlp(4, recipe=Recipe())})
    assert with_tuned(own, (TUNED,), runs, practice=True) is own


def test_nobody_who_does_not_ask_for_it_gets_it(titanic, runs):
    assert with_tuned(titanic, ("network",), runs) is titanic


def test_a_variant_of_that_name_in_the_competitions_folder_comes_first(toy, tmp_path):
    own = replace(toy, variants=dict(toy.variants) | {TUNED: mlp(4, recipe=Recipe())})
    assert with_tuned(own, (TUNED,), tmp_path) is own


def changed(runs, **changes):
    path = runs / "titanic" / FILE
    value = json.loads(path.read_text())
    candidate = changes.pop("candidate", {})
    path.write_text(json.dumps(value | changes | {"candidate": value["candidate"] | candidate}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 9}, "another version"),
        ({"slug": "otto"}, "another version or competition"),
        ({"candidate": {"hidden": [0]}}, "hidden is"),
        ({"candidate": {"hidden": "8"}}, "hidden is"),
        ({"candidate": {"layers": {"dropout": 1.5}}}, "dropout is 1.5"),
        ({"candidate": {"layers": {"__class__": "os"}}}, "layers: __class__"),
        ({"candidate": {"recipe": {"epochs": 0}}}, "epochs must be"),
        ({"candidate": {"recipe": {"momentum": 0.9}}}, "momentum"),
        ({"candidate": {"base": 3}}, "lacks what a variant needs"),
        ({"candidate": {"more": 3}}, "lacks what a variant needs, or has more"),
        ({"candidate": {"base": "gone"}}, "no network 'gone'"),
        ({"candidate": {"encoder": {"pieces": 8}}}, "has no pieces"),
    ],
)
def test_what_does_not_fit_is_refused_with_words(titanic, runs, changes, says):
    changed(runs, **changes)
    with pytest.raises(UsageError, match=says) as refused:
        with_tuned(titanic, (TUNED,), runs)
    assert refused.value.message.startswith("the tuned variant of titanic does not fit")
    assert "tune titanic" in refused.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}', "null", '"x"', "[" * 100_000])
def test_another_file_is_refused_with_words(titanic, runs, text):
    (runs / "titanic" / FILE).write_text(text)
    with pytest.raises(UsageError, match="cannot be used"):
        with_tuned(titanic, (TUNED,), runs)


def test_a_run_keeps_the_recipe_by_which_it_was_trained(titanic, runs, tmp_path):
    run = tmp_path / "titanic" / "20261126-101010-fast"
    run.mkdir()
    keep_copy(runs / "titanic", run, tuned=True)
    replace(FOUND, candidate=replace(CANDIDATE, hidden=(99,))).save(runs / "titanic")
    assert with_kept(titanic, run).variants[TUNED].make_model(5, 2).layers[0].out_features == 8
    keep_copy(runs / "titanic", run, tuned=False)
    assert with_kept(titanic, run) is titanic
    shutil.rmtree(run)
    assert with_kept(titanic, run) is titanic
