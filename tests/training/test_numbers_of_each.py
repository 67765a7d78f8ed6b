"""Networks of a stack with a learning rate, a weight decay and a dropout each: every one is what it is alone."""

from functools import partial

import pytest
import torch
from networks import assert_same, make_rows
from torch import nn

from pipelines.competition import Recipe, Variant
from pipelines.encoders import TabularEncoder
from pipelines.errors import TrainingWarning
from pipelines.metrics import log_loss
from pipelines.models import MLP
from pipelines.training.fit import Encoded, Group, Job, fit
from pipelines.training.noise import NoiseStreams, OwnDropout
from pipelines.training.stack import AdamWOfMany, CannotStackError, exchanged, optimizer_of

NUMBERS = [(5e-3, 1e-2, 0.1), (1e-3, 0.3, 0.6), (2e-2, 0.0, 0.35)]  # learning rate, weight decay, dropout


def network(dropout, n_features=6, n_outputs=2, norm=None):
    return MLP([n_features, 16, 8, n_outputs], norm=norm, dropout=dropout, input_dropout=dropout / 2)


def variant(lr, weight_decay, dropout, norm=None, **recipe):
    return Variant(
        make_encoder=TabularEncoder, make_model=partial(make, dropout, norm),
        recipe=Recipe(**{"epochs": 6, "batch_size": 32, "lr": lr, "weight_decay": weight_decay} | recipe),
    )  # fmt: skip


def make(dropout, norm, n_features, n_outputs):
    return network(dropout, n_features, n_outputs, norm)


def group_of(variants, rows, chosen=None):
    """Two seeds of each variant on each of the rows, as one group; `chosen` leaves one variant."""
    names = list(variants) if chosen is None else [chosen]
    jobs = [Job(name, fold, seed, 10 * fold + seed) for name in names for fold in range(len(rows)) for seed in range(2)]
    first = variants[names[0]]
    return Group(
        jobs=tuple(jobs), encode=lambda fold: Encoded(rows[fold]), make_model=first.make_model, n_outputs=2,
        recipe=first.recipe, metric=log_loss, device=torch.device("cpu"), variants=variants,
    )  # fmt: skip


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_each_network_of_a_stack_of_many_recipes_is_what_it_is_alone(norm):
    variants = {f"v{i}": variant(*numbers, norm=norm) for i, numbers in enumerate(NUMBERS)}
    rows = make_rows(n_folds=2)
    together = fit(group_of(variants, rows)).networks
    for name, each in variants.items():
        alone = fit(group_of({name: each}, rows, chosen=name)).networks
        for job, trained in alone.items():
            assert_same(together[job].model, trained.model)
            torch.testing.assert_close(
                torch.tensor(together[job].history.losses), torch.tensor(trained.history.losses), atol=1e-5, rtol=1e-4
            )


def test_the_networks_are_trained_by_numbers_that_differ():
    variants = {f"v{i}": variant(*numbers) for i, numbers in enumerate(NUMBERS)}
    networks = fit(group_of(variants, make_rows(n_folds=1))).networks
    first = [networks[Job(name, 0, 0)].history.losses[-1] for name in variants]
    assert len({round(loss, 4) for loss in first}) == 3
    assert [networks[Job(name, 0, 0)].model.layers[0].p for name in variants] == [0.05, 0.3, 0.175]


def stack_of(weights, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(3, *shape, generator=generator)) for shape in weights]


def steps(weights, optimizer, n=25):
    for step in range(n):
        for i, weight in enumerate(weights):
            generator = torch.Generator().manual_seed(100 * step + i)
            weight.grad = torch.randn(weight.shape, generator=generator) * 0.1 + weight.detach() * 0.01
        optimizer.param_groups[0]["lr"] *= 0.97  # as a schedule does
        optimizer.step()
    return weights


def test_adamw_of_many_with_equal_numbers_is_torchs():
    shapes = [(4, 5), (4,), (2, 4)]
    ours, theirs = stack_of(shapes), stack_of(shapes)
    steps(ours, AdamWOfMany(ours, [3e-3] * 3, [0.1] * 3))
    steps(theirs, torch.optim.AdamW(theirs, lr=3e-3, weight_decay=0.1))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_adamw_of_many_gives_each_network_its_own_rate_and_decay():
    shapes = [(4, 5), (4,)]
    ours = steps(together := stack_of(shapes), AdamWOfMany(together, [1e-3, 1e-2, 0.1], [0.0, 0.5, 0.01]))
    for i, (lr, decay) in enumerate([(1e-3, 0.0), (1e-2, 0.5), (0.1, 0.01)]):
        theirs = stack_of(shapes)
        steps(theirs, torch.optim.AdamW(theirs, lr=lr, weight_decay=decay))
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one[i], other[i], atol=2e-6, rtol=1e-5)


def test_equal_numbers_are_left_to_torchs_own_optimizer():
    weights, rows = stack_of([(2, 2)]), make_rows(n_folds=1)
    same = group_of({"a": variant(1e-3, 0.1, 0.1), "b": variant(1e-3, 0.1, 0.5)}, rows)
    assert type(optimizer_of(weights, same, same.jobs)) is torch.optim.AdamW
    other = group_of({"a": variant(1e-3, 0.1, 0.1), "b": variant(1e-4, 0.1, 0.1)}, rows)
    assert type(optimizer_of(weights, other, other.jobs)) is AdamWOfMany


def test_each_network_drops_its_own_share_and_keeps_the_mean():
    several = [0.1, 0.5, 0.8]
    streams = NoiseStreams([1, 2, 3], torch.device("cpu"))
    dropout = OwnDropout(several, inplace=False, streams=streams, stacked=True)
    outputs = dropout(torch.ones(3, 200, 500))
    shares = (outputs == 0).float().mean(dim=(1, 2))
    torch.testing.assert_close(shares, torch.tensor(several), atol=0.01, rtol=0)
    torch.testing.assert_close(outputs.mean(dim=(1, 2)), torch.ones(3), atol=0.02, rtol=0)
    assert dropout.eval()(torch.ones(3, 2, 2)).eq(1).all()


def test_no_dropout_beside_some_is_no_stack():
    """It draws no noise when it is alone, so that it would not be the same network."""
    models = [nn.Sequential(nn.Dropout(p), nn.Linear(2, 2)) for p in (0.0, 0.5)]
    with pytest.raises(CannotStackError, match="a dropout of 0 or 1"):
        exchanged(models, NoiseStreams([1, 2], torch.device("cpu")))


def test_networks_of_other_shapes_train_one_after_another():
    variants = {"none": variant(1e-3, 0.0, 0.0), "some": variant(1e-3, 0.0, 0.5)}
    with pytest.warns(TrainingWarning, match="one after another"):
        networks = fit(group_of(variants, make_rows(n_folds=1))).networks
    assert [len(networks[Job(name, 0, 0)].model.layers) for name in variants] == [5, 8]
