"""A training that is stopped after any epoch goes on from its checkpoint, and ends in the same bytes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import NETWORKS, RECIPE, GRUClassifier, Tied, make_group, make_rows
from torch import nn

from pipelines import hardware
from pipelines.competition import Number
from pipelines.errors import TrainingWarning
from pipelines.metrics import rmse
from pipelines.models import MLP
from pipelines.runs import tensors
from pipelines.training import together
from pipelines.training.checkpoint import epochs
from pipelines.training.fit import fit
from pipelines.training.targets import Scale


class LidClosedError(Exception):
    """The lid is closed."""


class InFile:
    """A state in a file, as a run keeps it."""

    def __init__(self, path):
        self.path = path

    def load(self):
        return tensors.load(self.path) if self.path.exists() else None

    def save(self, named, about):
        tensors.save(self.path, named, about)


@pytest.fixture
def each_epoch(monkeypatch):
    """A checkpoint after every epoch, however long it took."""
    for name, value in (("SECONDS", 0.0), ("SECONDS_TO_END", 0.0), ("SHARE", math.inf)):
        monkeypatch.setattr(epochs, name, value)


def trained(group, folder=None, stop=None):
    """The networks of a group, and the epochs told of; with a folder kept there, and stopped in the epoch `stop`."""
    told = []

    def on_epoch(job, epoch, loss):
        told.append((job, epoch, loss, loss.held_out))
        if epoch == stop and job == group.jobs[-1]:
            raise LidClosedError

    def checkpoint(jobs):
        return folder and InFile(folder / f"{jobs[0].fold}-{jobs[0].seed}-{len(jobs)}.safetensors")

    return fit(group, on_epoch, checkpoint).networks, told


def bits(networks):
    """All that is left of networks: the bytes of their weights, losses, scores, best epochs."""
    return [
        (
            {name: (each.dtype, each.numpy().tobytes()) for name, each in network.model.state_dict().items()},
            network.history,
        )
        for network in networks.values()
    ]


class Attention(nn.Module):
    """Six features as words of one number; its dropout draws from torch's own generator."""

    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Linear(1, 4), nn.Linear(4, 2)
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.3, batch_first=True)

    def forward(self, inputs):
        words = self.words(inputs[:, :, None])
        return self.out(self.attention(words, words, words, need_weights=False)[0].mean(dim=1))


class LSTMClassifier(nn.Module):
    """Two layers, with dropout between them."""

    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(1, 4, 2, dropout=0.3, batch_first=True), nn.Linear(4, 2)

    def forward(self, inputs):
        return self.out(self.lstm(inputs[:, :, None])[1][0][-1])


class Pictures(nn.Module):
    """A convolution whose weights lie in memory channel by channel, as do their moments."""

    def __init__(self):
        super().__init__()
        layers = nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48, 2)).to(memory_format=torch.channels_last)

    def forward(self, inputs):
        images = torch.stack([inputs, inputs.square()], dim=1)
        return self.net(images.reshape(-1, 2, 2, 3))


class Counting(nn.Module):
    """Changes a number and a tensor that are neither weight nor buffer, and goes by both."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        self.out, self.calls, self.inside.mean, self.names = nn.Linear(8, 2), 0, torch.zeros(8), ["a"]

    def forward(self, inputs):
        hidden = self.inside(inputs)
        if self.training:
            self.calls += 1
            self.inside.mean = 0.9 * self.inside.mean + 0.1 * hidden.detach().mean(dim=0)
        return self.out(hidden - self.inside.mean) / (1 + self.calls / 50)


def of_classes(make_model, n_jobs=1, held_out=0, watched=False, **changes):
    recipe = replace(RECIPE, **{"epochs": 4} | changes)
    rows = make_rows(n_jobs, held_out=held_out)
    if watched:
        rows = [replace(each, watched=(each.inputs[:20] + 1, each.target[:20])) for each in rows]
    return make_group(rows, make_model, recipe)


def of_number():
    number = Number()
    rows = make_rows(1, held_out=40)[0]
    y = 1000 + 50 * rows.inputs[:, 0].double().numpy()
    held_out = rows.held_out[0], torch.from_numpy(1000 + 50 * rows.held_out[0][:, 0].double().numpy())
    scale = Scale.of(number, y)
    of_fold = replace(rows, target=scale.target(y), held_out=held_out, scale=scale)
    recipe = replace(RECIPE, epochs=4, patience=3)
    return make_group([of_fold], lambda: MLP([6, 8, 1], dropout=0.2), recipe, rmse, n_outputs=1, number=number)


KINDS = {
    "plain": lambda: of_classes(NETWORKS["plain"], schedule="constant"),
    "one-cycle, dropout": lambda: of_classes(NETWORKS["dropout"]),
    "cosine, batch norm": lambda: of_classes(NETWORKS["batch norm and dropout"], schedule="cosine"),
    "a stack of ten": lambda: of_classes(NETWORKS["batch norm and dropout"], 10),
    "a stack that stops early": lambda: of_classes(NETWORKS["dropout"], 4, held_out=40, patience=2, lr=0.05, epochs=8),
    "stops early": lambda: of_classes(NETWORKS["dropout"], held_out=40, patience=2, lr=0.05, epochs=8),
    "never stops": lambda: of_classes(NETWORKS["batch norm"], held_out=40, patience=4),
    "watched": lambda: of_classes(NETWORKS["batch norm and dropout"], watched=True),
    "a stack that is watched": lambda: of_classes(NETWORKS["batch norm and dropout"], 3, watched=True),
    "bfloat16": lambda: of_classes(NETWORKS["dropout"], 3, bfloat16=True),
    "LSTM": lambda: of_classes(LSTMClassifier),
    "attention": lambda: of_classes(Attention),
    "a GRU": lambda: of_classes(GRUClassifier),
    "tied and frozen weights, dropout of channels": lambda: of_classes(Tied),
    "channels last": lambda: of_classes(Pictures),
    "attributes": lambda: of_classes(Counting),
    "a number": of_number,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_stopped_in_each_epoch_ends_in_the_bytes_of_an_undisturbed_one(
    kind, each_epoch, tmp_path, monkeypatch
):
    monkeypatch.setattr(hardware, "has_bfloat16", lambda _device: True)
    group = KINDS[kind]()
    undisturbed, told = trained(group)
    for stop in range(1, max(epoch for _, epoch, *_ in told) + 1):  # each time one epoch is got further
        with pytest.raises(LidClosedError):
            trained(group, tmp_path, stop)
    networks, told_again = trained(group, tmp_path)
    assert bits(networks) == bits(undisturbed)
    assert told_again == told  # curves begin with their first epoch
    assert bits(trained(group, tmp_path)[0]) == bits(undisturbed)  # where the end was kept, no epoch is to go


def test_networks_of_a_group_that_train_one_after_another_are_kept_each(each_epoch, tmp_path, monkeypatch):
    monkeypatch.setattr(together, "STACKED_PARAMETERS", 0)
    group = of_classes(NETWORKS["dropout"], 3)
    undisturbed, _ = trained(group)
    with pytest.raises(LidClosedError):
        trained(group, tmp_path, 3)  # of the last
    kept = {path.name: len(tensors.load(path)[1]["losses"]) for path in tmp_path.iterdir()}
    assert kept == {"0-0-1.safetensors": 4, "1-0-1.safetensors": 4, "2-0-1.safetensors": 2}
    assert bits(trained(group, tmp_path)[0]) == bits(undisturbed)


def with_dropout(dropout):
    return lambda: nn.Sequential(nn.Linear(6, 8), dropout, nn.ReLU(), nn.Linear(8, 2))


KEPT = with_dropout(nn.Dropout(0.3))
OTHERS = {
    "weights": lambda: of_classes(lambda: nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.3), nn.ReLU(), nn.Linear(9, 2))),
    "generators": lambda: of_classes(with_dropout(nn.Identity())),
    "number of epochs, 4 and 5": lambda: of_classes(KEPT, epochs=5),
    "number of batches, 4 and 2": lambda: of_classes(KEPT, batch_size=64),
    "optimizer": lambda: of_classes(KEPT, weight_decay=0.5),
    "schedule": lambda: of_classes(KEPT, schedule="cosine"),
    "patience, None and 2": lambda: of_classes(KEPT, held_out=40, patience=2),
    "rows held out": lambda: of_classes(KEPT, watched=True),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_state_of_another_training_is_refused_with_the_reason(other, each_epoch, tmp_path):
    fit(of_classes(KEPT), checkpoint=lambda _jobs: InFile(tmp_path / "state"))
    with pytest.warns(TrainingWarning, match=f"does not go on: not the same {other}"):
        networks = fit(OTHERS[other](), checkpoint=lambda _jobs: InFile(tmp_path / "state")).networks
    assert bits(networks) == bits(trained(OTHERS[other]())[0])


class Hidden(nn.Module):
    """Draws from a generator of its own, which nobody sees."""

    def __init__(self):
        super().__init__()
        self.out, self.chance = nn.Linear(6, 2), np.random.default_rng(0)

    def forward(self, inputs):
        return self.out(inputs) + (self.chance.normal() if self.training else 0)


class Sparse(nn.Module):
    """A buffer that no file of tensors takes."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
        self.register_buffer("graph", torch.eye(6).to_sparse())

    def forward(self, inputs):
        return self.out((self.graph @ inputs.T).T)


@pytest.mark.parametrize(
    ("make_model", "says"), [(Hidden, "its forward changes 'chance', Generator"), (Sparse, "'graph' is a sparse")]
)
def test_what_cannot_be_kept_is_told_once_and_trained_without(make_model, says, each_epoch, tmp_path):
    with pytest.warns(TrainingWarning, match=f"not kept while it goes on: {says}") as told:
        fit(of_classes(make_model), checkpoint=lambda _jobs: InFile(tmp_path / "state"))
    assert len(told) == 1
    assert not (tmp_path / "state").exists()


def saved_after(seconds_of_epochs, seconds_to_save=0.0, n_epochs=None):
    """The epochs after which a training is saved whose epochs take so many seconds."""
    now, saved = [0.0], []

    class Memory:
        def load(self):
            return None

        def save(self, _tensors, about):
            saved.append(len(about["losses"]))
            now[0] += seconds_to_save

    model = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _step: 1.0)
    training = epochs.Training(model, [None], optimizer, scheduler, None, [])
    n_epochs = n_epochs or len(seconds_of_epochs)
    going = epochs.epochs_to_go(n_epochs, training, Memory(), lambda *_: None, clock=lambda: now[0])
    for epoch, seconds in zip(going, seconds_of_epochs, strict=False):
        now[0] += seconds
        training.losses.append([1.0 / epoch])
    return saved


def test_a_state_is_saved_when_thirty_seconds_have_passed_and_when_a_longer_training_ends():
    assert saved_after([10] * 10) == [3, 6, 9, 10]
    assert saved_after([29, 2, 1]) == [2]
    assert saved_after([100, 100]) == [1, 2]
    assert saved_after([1, 1, 1, 1]) == []
    assert saved_after([1, 1, 1, 3]) == [4]


def test_what_is_slow_to_write_takes_half_a_percent_of_the_time_at_most():
    assert saved_after([30] * 40, seconds_to_save=1.5) == [1, 11, 21, 31, 40]
