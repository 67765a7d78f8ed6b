"""The loss of rows that are not trained on: right, each network's own, and without a trace in what is trained."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS, RECIPE, assert_same, fit_alone, fit_each, make_rows
from torch import nn

from pipelines.competition import Number, Recipe
from pipelines.metrics import rmse
from pipelines.models import MLP
from pipelines.training.fit import Rows
from pipelines.training.learning_curves.averages import if_any, mean, of_folds, spread
from pipelines.training.learning_curves.watch import Watch, sample
from pipelines.training.noise import seeded
from pipelines.training.targets import CrossEntropy, Scale

EPOCHS = [1, 2, 3, 4]
CPU = torch.device("cpu")


def watched(n_folds=3, n_rows=30):
    """Folds with rows of their own that are only looked at."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for each in make_rows(n_folds):
        inputs = torch.randn(n_rows, 6, generator=generator)
        rows.append(replace(each, watched=(inputs, (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] > 0).long())))
    return rows


def test_the_curve_of_a_network_trained_by_hand():
    """One batch an epoch, so that the order of rows is no matter."""
    [rows] = watched(1)
    recipe = Recipe(epochs=4, batch_size=100, lr=0.05, weight_decay=0.0, schedule="constant")
    [ours] = fit_each([rows], lambda: nn.Linear(6, 2), recipe)
    model = seeded(lambda: nn.Linear(6, 2), 100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.0)
    losses, held_out = [], []
    for _ in EPOCHS:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(rows.inputs), rows.target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        held_out.append(F.cross_entropy(model(rows.watched[0]), rows.watched[1]).item())
    assert ours.history.losses == pytest.approx(losses, abs=1e-6)
    assert ours.history.held_out == pytest.approx(held_out, abs=1e-6)
    assert held_out[-1] < held_out[0]


@pytest.mark.parametrize("name", ["batch norm and dropout", "layer norm, silu, dropout"])
def test_each_epoch_is_looked_at_without_dropout_and_by_running_statistics(name):
    [rows] = watched(1)
    [ours] = fit_each([rows], NETWORKS[name], replace(RECIPE, schedule="constant", epochs=4))
    for epoch in EPOCHS:  # a training that ends there
        [shorter] = fit_each([rows], NETWORKS[name], replace(RECIPE, schedule="constant", epochs=epoch))
        loss = F.cross_entropy(shorter.model.eval()(rows.watched[0]), rows.watched[1]).item()
        assert ours.history.held_out[epoch - 1] == pytest.approx(loss, abs=1e-6)
        assert shorter.history.held_out == ours.history.held_out[:epoch]


@pytest.mark.parametrize("name", NETWORKS)
def test_in_a_stack_each_network_is_asked_of_its_own_rows(name):
    together, alone = fit_each(watched(), NETWORKS[name]), fit_alone(watched(), NETWORKS[name])
    for ours, own in zip(together, alone, strict=True):
        assert len(own.history.held_out) == RECIPE.epochs
        assert ours.history.held_out == pytest.approx(own.history.held_out, abs=2e-5)
    assert len({each.history.held_out[-1] for each in together}) == 3


def bits(networks):
    return [[each.numpy().tobytes() for each in network.model.state_dict().values()] for network in networks]


@pytest.mark.parametrize("n_folds", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_whether_anybody_looks_changes_no_bit_of_a_network(name, n_folds):
    unseen = [replace(rows, watched=None) for rows in watched(n_folds)]
    one, other = fit_each(watched(n_folds), NETWORKS[name]), fit_each(unseen, NETWORKS[name])
    assert bits(one) == bits(other)
    for a, b in zip(one, other, strict=True):
        assert (a.history.losses, b.history.held_out) == (b.history.losses, [])


class Counting(nn.Linear):
    """Counts how often it is asked, in evaluation too, and goes by that."""

    asked = 0

    def forward(self, inputs):
        self.asked += 1
        return super().forward(inputs) / (1 + self.asked / 10)


class CountingInABuffer(nn.Linear):
    """The same in a buffer."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.register_buffer("asked", torch.zeros(()))

    def forward(self, inputs):
        self.asked += 1
        return super().forward(inputs) / (1 + self.asked / 10)


class AlwaysDropping(nn.Linear):
    """Dropout that nobody has told of evaluation: it draws from torch's own generator."""

    def forward(self, inputs):
        return super().forward(F.dropout(inputs, 0.3))


class Merging(nn.Linear):
    """Its weight is rounded each time that it goes into evaluation."""

    def train(self, mode=True):
        if not mode:
            with torch.no_grad():
                self.weight.copy_(self.weight.half().float())
        return super().train(mode)


class Remembering(nn.Linear):
    """Keeps a tensor that it has made, which is none to learn from if it was made in a look."""

    ones = None

    def forward(self, inputs):
        self.ones = torch.ones(len(inputs), 1) if self.ones is None or len(self.ones) != len(inputs) else self.ones
        return super().forward(inputs * self.ones)


@pytest.mark.parametrize("kind", [Counting, CountingInABuffer, AlwaysDropping, Merging, Remembering])
@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # some cannot be stacked
def test_a_network_that_would_notice_is_not_looked_at(kind):
    one, other = (
        fit_each(rows, lambda: kind(6, 2)) for rows in (watched(), [replace(each, watched=None) for each in watched()])
    )
    assert bits(one) == bits(other)
    assert [network.history.held_out for network in one] == [[]] * 3


@pytest.mark.parametrize("n_jobs", [1, 5])
def test_where_early_stopping_asks_the_loss_is_that_of_its_rows(n_jobs):
    """Whose metric is the log loss here, a gain where it is less; as long as each network's patience."""
    recipe = Recipe(epochs=60, batch_size=32, lr=2e-2, patience=4)
    networks = fit_each(make_rows(n_jobs, held_out=40), NETWORKS["plain"], recipe)
    for network in networks:
        history = network.history
        assert history.held_out == pytest.approx([-score for score in history.scores], abs=1e-6)
        assert len(history.held_out) == len(history.losses) == history.best_epoch + 4


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
@pytest.mark.parametrize("stopping", [False, True])
def test_numbers_have_the_recipes_loss_on_the_scale_that_is_learned(loss, stopping):
    rng, number, folds = np.random.default_rng(0), Number(transform="log1p", loss=loss), []
    for fold in range(3):
        X = torch.from_numpy(rng.normal(size=(140, 6)).astype(np.float32))
        y = 10.0 ** (fold + 1) * np.exp(X[:, 0].double().numpy())
        scale, apart = Scale.of(number, y[:100]), (X[100:], torch.from_numpy(y[100:]))
        kept = {"held_out" if stopping else "watched": apart}
        folds.append(Rows(inputs=X[:100], target=scale.target(y[:100]), scale=scale, **kept))
    recipe = replace(RECIPE, patience=6 if stopping else None)
    of = {"metric": rmse, "n_outputs": 1, "number": number}
    networks = fit_each(folds, lambda: MLP([6, 8, 1], dropout=0.1), recipe, **of)
    torchs = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.smooth_l1_loss}[loss]
    for rows, network in zip(folds, networks, strict=True):
        inputs, truth = rows.held_out or rows.watched
        learned = (np.log1p(truth.numpy()) - rows.scale.mean) / rows.scale.deviation
        with torch.no_grad():
            last = torchs(network.model.eval()(inputs).double()[:, 0], torch.from_numpy(learned)).item()
        epoch = network.history.best_epoch if stopping else RECIPE.epochs
        assert network.history.held_out[epoch - 1] == pytest.approx(last, rel=1e-4)
        assert 0.2 < network.history.held_out[0] / network.history.losses[0] < 5  # as large, whatever the units


def test_a_curve_ends_where_it_is_no_number_any_more():
    model, [rows] = nn.Linear(6, 2), watched(1)
    watch = Watch(model, [rows], CrossEntropy(), CPU)
    watch.look(1)
    with torch.no_grad():
        model.weight.fill_(math.inf)
    watch.look(2)
    watch.look(2)  # what has been looked at is not looked at again
    assert len(watch.losses) == 2
    assert watch.curve(0, 2) == [watch.at(1, 0)] == watch.losses[0]
    assert watch.at(2, 0) is None


def test_a_sample_is_of_the_scored_rows_the_same_each_time_and_by_chance_of_its_own():
    scored = np.arange(5000, 10_000)
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    some = sample(scored, 20_000)
    assert (len(some), len(set(some)), set(some) - set(scored)) == (1000, 1000, set())
    assert some.tolist() == sorted(some) == sample(scored, 20_000).tolist()
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    assert sample(scored[:300], 1200).tolist() == scored[:300].tolist()
    assert len(sample(scored, 1200)) == 300  # a fourth, or a look would take its share of an epoch
    assert len(sample(scored, 8)) == 100


def test_each_job_is_told_of_both_losses():
    from networks import make_group

    from pipelines.training.fit import fit

    told = {}

    def on_epoch(job, epoch, loss):
        told.setdefault(job, []).append((loss, loss.held_out))

    fitted = fit(make_group(watched(), NETWORKS["dropout"]), on_epoch)
    for job, network in fitted.networks.items():
        assert told[job] == list(zip(network.history.losses, network.history.held_out, strict=True))
    told.clear()
    fit(make_group(make_rows(1), NETWORKS["plain"]), on_epoch)
    assert {held_out for epochs in told.values() for _, held_out in epochs} == {None}


def test_a_network_that_ends_early_keeps_its_last_loss_in_the_average():
    curves = [[3.0, 2.0, 1.0], [5.0, 4.0], [4.0]]
    assert mean(curves) == pytest.approx([4.0, 10 / 3, 3.0])
    assert spread(curves) == pytest.approx([1.0, math.sqrt(4 / 3), math.sqrt(3)])
    assert mean([[0.5, 0.4], [0.9, 0.8, 0.7], []]) == pytest.approx([0.7, 0.6, 0.55])
    assert spread(curves[:1]) == mean([]) == spread([]) == []
    assert of_folds([(1, curves[:1]), (1, curves[1:]), (0, [])], 3) == [[], curves, []]
    assert (if_any([[], [1.0]]), if_any([[], []])) == ([[], [1.0]], [])


def test_the_scikit_learn_face_keeps_the_curve_of_the_rows_that_it_is_given():
    from pipelines.training.estimator import TorchClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), np.arange(120) % 2
    model = TorchClassifier(epochs=3, random_state=0)
    assert model.fit(X, y).history_.held_out == []
    fitted = model.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert len(fitted.history_.held_out) == 3
    proba = fitted.predict_proba(X[80:])[np.arange(40), y[80:]]
    best = fitted.history_.held_out[fitted.history_.best_epoch - 1]
    assert best == pytest.approx(-np.log(proba).mean(), abs=1e-6)


def test_networks_that_are_looked_at_are_what_they_are_alone():
    for ours, alone in zip(
        fit_each(watched(), NETWORKS["batch norm"]), fit_alone(watched(), NETWORKS["batch norm"]), strict=True
    ):
        assert_same(ours.model, alone.model)
