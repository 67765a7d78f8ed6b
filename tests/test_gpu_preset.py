"""Otto's preset for a GPU: what is in it, what is said without one, and which networks have a GPU to themselves."""

from dataclasses import replace

import pytest
import torch

from competitions.otto.competition import COMPETITION
from pipelines.competition import Preset, Recipe
from pipelines.errors import UsageError
from pipelines.hardware import fills_a_gpu, numbers_of_a_row
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.training.noise import new_network

WORDS = "this is made for a GPU: on this processor it takes many hours, if not days"


@pytest.fixture
def heard(titanic, tmp_path):
    """What a run of the toy by a preset for a GPU says."""
    quick = {name: replace(each, recipe=Recipe(epochs=1)) for name, each in titanic.variants.items()}
    presets = {gpu: Preset(folds=2, seeds=1, gpu=gpu == "gpu") for gpu in ("gpu", "fast")}
    small = replace(titanic, baselines={}, variants=quick | {"other": quick["network"]}, presets=presets)

    def said(**knobs):
        lines = []
        run(small, Knobs(output=tmp_path, device="cpu", **knobs), write=False, say=lines.append)
        return "\n".join(lines)

    return said


@pytest.mark.filterwarnings("ignore::pipelines.errors.HomeworkWarning")
def test_whoever_has_no_gpu_is_told_how_long_it_takes(heard, sample_folder):
    assert WORDS in heard(data=sample_folder, preset="gpu")
    assert WORDS not in heard(data=sample_folder, preset="fast")
    assert WORDS not in heard(data=sample_folder, preset="gpu", variants=("other",))  # not what it is made of


def test_the_preset_adds_to_the_others_and_changes_none():
    presets = COMPETITION.presets
    assert {name for name, preset in presets.items() if preset.gpu} == {"gpu"}
    assert "wide-tabm" in presets["gpu"].variants
    others = set(presets["gpu"].variants) - {"wide-tabm"}
    assert others == set(presets["best"].variants) - {"pieces"}
    assert presets["fast"] == Preset(folds=5, seeds=1, variants=("pieces", "residual", "two-views"))


def test_only_one_of_ottos_networks_has_a_gpu_to_itself():
    alone = []
    for name, variant in COMPETITION.variants.items():
        if variant.make_model is not None:
            width = {"wide-tabm": 190, "periodic": 95, "counts": 93}.get(name, 700)
            few = torch.zeros(2, width)
            network = new_network(variant.make_model, few, 9, 0)
            if fills_a_gpu(numbers_of_a_row(network, few) * variant.recipe.batch_size):
                alone.append(name)
    assert alone == ["wide-tabm"]


def test_gpu_is_yes_or_no():
    with pytest.raises(UsageError, match="Preset: gpu must be"):
        Preset(folds=2, seeds=1, gpu="cuda")
