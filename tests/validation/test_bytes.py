"""Pixels stay bytes until the network makes floats of them, on the device: a quarter of the memory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from networks import assert_same, fit_alone, fit_each, make_rows
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from toys import make_features, plan

from pipelines import hardware
from pipelines.audit.leaks import as_numbers
from pipelines.competition import Recipe, Variant
from pipelines.encoders import InBlocks
from pipelines.errors import ModelError
from pipelines.hardware import numbers_of_a_row, rows_at_a_time
from pipelines.models import MLP, ConvNet
from pipelines.training import together
from pipelines.training.loop import predict_logits
from pipelines.validation import groups
from pipelines.validation.conditions import as_inputs, form_of
from pipelines.validation.crossval import FoldEncoder, cross_validate
from pipelines.validation.splits import split

STOPPING = Recipe(epochs=4, batch_size=64, lr=0.05, patience=2)
SEEN: list[tuple[bool, torch.dtype]] = []


class OfBytes(nn.Module):
    """Makes floats itself, and keeps the type of what it was given."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = MLP([n_features, 8, n_outputs])

    def forward(self, inputs):
        SEEN.append((self.training, inputs.dtype))
        return self.layers(inputs.float() / 255)


class Images(nn.Module):
    """A convolution of fewer than 2,000 weights that gives 5,000 numbers of a row."""

    def __init__(self, n_outputs):
        super().__init__()
        self.layers = ConvNet((1, 28, 28), n_outputs, (8, 8), kernel=3, padding=1)

    def forward(self, inputs):
        return self.layers(inputs.view(-1, 1, 28, 28).float())


def as_bytes(rows):
    return (rows.to_numpy() * 40 + 128).clip(0, 255).astype(np.uint8)


def of_bytes(make_model=OfBytes, recipe=STOPPING):
    return Variant(make_encoder=lambda: FunctionTransformer(as_bytes), make_model=make_model, recipe=recipe)


def byte_rows(n_folds=3):
    rows = make_rows(n_folds)
    return [replace(each, inputs=(each.inputs * 40 + 128).clamp(0, 255).byte()) for each in rows]


@pytest.mark.parametrize(
    ("given", "kind"),
    [("uint8", torch.uint8), ("int64", torch.float32), ("float64", torch.float32), ("bool", torch.float32)],
)
def test_bytes_stay_bytes_and_all_else_becomes_float32(given, kind):
    inputs = as_inputs(np.array([[0, 1], [1, 1]]).astype(given))
    assert inputs.dtype == kind
    assert inputs.tolist() == [[0, 1], [1, 1]]


def test_a_network_is_given_bytes_in_training_early_stopping_and_prediction(toy):
    SEEN.clear()
    result = cross_validate(toy, make_features(), plan(toy, variants={"network": of_bytes()}))
    assert {training for training, _ in SEEN} == {True, False}
    assert {kind for _, kind in SEEN} == {torch.uint8}
    assert result.score > 0.7  # as much as the signal says


def test_a_stack_of_networks_on_bytes_equals_each_alone(recwarn):
    together_ = fit_each(byte_rows(), lambda: OfBytes(6, 2))
    for ours, alone in zip(together_, fit_alone(byte_rows(), lambda: OfBytes(6, 2)), strict=True):
        assert_same(ours.model, alone.model)
    assert not recwarn.list  # none of which says that they train one after another


def test_lazy_layers_see_bytes_too():
    seen = []

    def make_model():
        model = OfBytes(6, 2)
        model.layers = nn.LazyLinear(2)
        model.register_forward_pre_hook(lambda _model, inputs: seen.append(inputs[0].dtype))
        return model

    assert fit_each(byte_rows(1), make_model)[0].model.layers.in_features == 6
    assert set(seen) == {torch.uint8}


def test_a_network_that_makes_no_floats_is_told_how():
    with pytest.raises(ModelError, match=r"uint8.*") as caught:
        fit_each(byte_rows(1), lambda: MLP([6, 8, 2]))
    assert "inputs.float()" in caught.value.hint


def test_a_row_of_bytes_takes_a_quarter_of_the_memory(toy):
    features = make_features()
    form = form_of(of_bytes(), features.train, features.y)
    assert (form, form.n_bytes) == ((2, torch.uint8), 2)
    assert form_of(toy.variants["network"], features.train, features.y).n_bytes == 8


def test_small_convolutions_fill_a_core_each_fold_by_fold(toy, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    features = make_features()
    wide = pd.concat([features.train.add_suffix(str(i)) for i in range(392)], axis=1)
    features = replace(features, train=wide, test=wide[:5])
    of_plan = plan(toy, variants={"images": of_bytes(lambda _d, n: Images(n))}, seeds=1)
    folds = split(features.y, 4, 0)
    encoders = {"images": FoldEncoder(features, folds, of_plan.variants["images"], 0)}
    made, workers, threads = groups.make_groups(toy, of_plan, encoders)
    assert [[job.fold for job in group.jobs] for group in made] == [[0], [1], [2], [3]]
    assert (workers, threads) == (4, 1)
    assert together.n_weights(Images(2)) < 2_000
    assert numbers_of_a_row(Images(2), torch.zeros(2, 784)) > together.NUMBERS_OF_A_ROW


def test_images_are_predicted_in_pieces_that_the_memory_holds(monkeypatch):
    images, inputs = Images(2), torch.randint(0, 256, (300, 784), dtype=torch.uint8)
    whole = predict_logits(images, inputs)
    monkeypatch.setattr(hardware, "BYTES_AT_A_TIME", 100 * 4 * numbers_of_a_row(images, inputs[:2]))
    assert rows_at_a_time(images, inputs, 8192) == 100
    assert rows_at_a_time(OfBytes(784, 2), inputs, 8192) == 8192
    torch.testing.assert_close(predict_logits(images, inputs), whole)


def test_the_leak_watch_reads_bytes_and_puts_gaps_below_all_numbers():
    rows = pd.DataFrame({"byte": np.array([0, 255], dtype=np.uint8), "gap": [3.0, np.nan]})
    assert as_numbers(rows).tolist() == [[0, 3], [255, 2]]


def test_an_encoder_that_works_in_blocks_is_reckoned_to_need_fewer_copies(toy):
    features = make_features()
    folds = split(features.y, 4, 0)
    needed = {}
    for name, make in {"blocks": lambda: InBlocks(FunctionTransformer()), "whole": FunctionTransformer}.items():
        of_plan = plan(toy, variants={"forest": Variant(make_encoder=make, make_estimator=LogisticRegression)})
        encoders = {"forest": FoldEncoder(features, folds, of_plan.variants["forest"], 0)}
        budgets = [
            mb for mb in np.arange(1, 50) / 2e3 if groups.fits_at_a_time(replace(of_plan, memory_mb=mb), encoders) > 1
        ]
        needed[name] = min(budgets)
    assert needed["whole"] == pytest.approx(2 * 4 * 225 * 2 * 4 / 1e6, abs=6e-4)  # fits, copies, rows, columns, bytes
    assert needed["blocks"] == pytest.approx(2 * 1.5 * 225 * 2 * 4 / 1e6, abs=6e-4)
