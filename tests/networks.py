"""Networks and jobs that several test files train.

Shapes: B batch.
"""

import torch
from torch import nn

from pipelines.competition import Recipe
from pipelines.models import MLP
from pipelines.training.fit import Job


def make_jobs(n_members=4, n_rows=100, n_features=6, held_out=0):
    """Jobs with rows of their own, of which neighbours share some."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(n_rows + 10 * n_members + held_out, n_features, generator=generator)
    codes = (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] > 0).long()
    jobs = []
    for i in range(n_members):
        rows = slice(10 * i, 10 * i + n_rows)
        kept = (inputs[-held_out:], codes[-held_out:]) if held_out else None
        jobs.append(Job(inputs=inputs[rows].clone(), targets=codes[rows].clone(), seed=100 + i, held_out=kept))
    return jobs


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


NETWORKS["tied, frozen, hidden buffer, channels"] = Tied


RECIPE = Recipe(epochs=6, batch_size=32, lr=5e-3, schedule="one-cycle")


class GRUClassifier(nn.Module):
    """vmap has no rule for a GRU."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.out(self.gru(inputs[:, :, None])[1][0])
