"""Networks and groups of jobs that several test files train."""

import torch
from torch import nn

from pipelines.competition import Recipe
from pipelines.metrics import log_loss
from pipelines.models import MLP
from pipelines.training.fit import Encoded, Group, Job, Rows, fit


def make_rows(n_folds=4, n_rows=100, n_features=6, held_out=0):
    """Rows of so many folds, of which neighbours share some."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(n_rows + 10 * n_folds + held_out, n_features, generator=generator)
    codes = (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] > 0).long()
    kept = (inputs[-held_out:], codes[-held_out:]) if held_out else None
    parts = [slice(10 * i, 10 * i + n_rows) for i in range(n_folds)]
    return [Rows(inputs=inputs[part].clone(), target=codes[part].clone(), held_out=kept) for part in parts]


def make_group(
    rows, make_model, recipe=None, metric=log_loss, device="cpu", random_states=None, n_outputs=2, number=None
):
    """A network on each of the rows; `rows` may hold the same ones several times."""
    states = random_states or [100 + fold for fold in range(len(rows))]
    return Group(
        jobs=tuple(Job("network", fold, 0, state) for fold, state in enumerate(states)),
        encode=lambda fold: Encoded(rows[fold]), make_model=lambda *_sizes: make_model(), n_outputs=n_outputs,
        recipe=recipe or RECIPE, metric=metric, device=torch.device(device), number=number,
    )  # fmt: skip


def fit_each(rows, make_model, recipe=None, metric=log_loss, **more):
    """The networks of such a group in the order of the rows: together, in one call of `fit`."""
    return list(fit(make_group(rows, make_model, recipe, metric, **more)).networks.values())


def fit_alone(rows, make_model, recipe=None, metric=log_loss, **more):
    """The same networks, each in a group of its own."""
    groups = [
        make_group([each], make_model, recipe, metric, random_states=[100 + i], **more) for i, each in enumerate(rows)
    ]
    return [next(iter(fit(group).networks.values())) for group in groups]


def assert_same(one, other, atol=2e-5):
    for (name, a), (_, b) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


NETWORKS = {
    "plain": lambda: MLP([6, 16, 8, 2]),
    "dropout": lambda: MLP([6, 16, 8, 2], dropout=0.4, input_dropout=0.1),
    "batch norm": lambda: MLP([6, 16, 8, 2], norm="batch"),
    "layer norm, silu, dropout": lambda: MLP([6, 15, 7, 2], norm="layer", activation="silu", dropout=0.3),
    "batch norm and dropout": lambda: MLP([6, 15, 7, 2], norm="batch", dropout=0.5),
}


class Tied(nn.Module):
    """Two names for one weight, a buffer that no state dict shows, a frozen layer, dropout of channels."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Linear(6, 6).requires_grad_(False)
        self.a = self.b = nn.Linear(6, 6)
        self.out = nn.Linear(6, 2)
        self.register_buffer("scale", torch.rand(6), persistent=False)
        self.never, self.channels = nn.Dropout(0.0), nn.Dropout1d(0.3)

    def forward(self, inputs):
        hidden = self.never(torch.relu(self.b(self.a(self.frozen(inputs) * self.scale))))
        hidden = self.channels(hidden[:, :, None])[:, :, 0]
        return self.out(torch.dropout(hidden, 0.2, train=self.training))


RECIPE = Recipe(epochs=6, batch_size=32, lr=5e-3, schedule="one-cycle")


class GRUClassifier(nn.Module):
    """There is no layer of many for a GRU."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.out(self.gru(inputs[:, :, None])[1][0])
