"""Recurrent networks (lectures 12 and 13): the cell by hand, layers of it, a classifier of names.

Shapes: B batch, T time, D features, H hidden, L layers, C classes. Sequences are (T, B, D), or (B, T, D)
with `batch_first`.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class RNNCell(nn.Module):
    """One step in time, linear and activation: tanh(W_ih x + b_ih + W_hh h + b_hh); equal to `nn.RNNCell` (lecture 12).

    >>> RNNCell(4, 2)(torch.zeros(3, 4), torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """

    def __init__(self, n_features: int, n_hidden: int) -> None:
        super().__init__()
        self.from_inputs = nn.Linear(n_features, n_hidden)
        self.from_hidden = nn.Linear(n_hidden, n_hidden)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(n_hidden**-0.5), n_hidden**-0.5)

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """New hidden state (B, H) of inputs (B, D) and hidden (B, H)."""
        return torch.tanh(self.from_inputs(inputs) + self.from_hidden(hidden))


class RNN(nn.Module):
    """Cells in L layers, step by step through time; equal to `nn.RNN` (lecture 12).

    >>> outputs, hidden = RNN(4, 2, n_layers=3, batch_first=True)(torch.zeros(1, 5, 4))
    >>> outputs.shape, hidden.shape
    (torch.Size([1, 5, 2]), torch.Size([3, 1, 2]))
    """

    def __init__(self, n_features: int, n_hidden: int, n_layers: int = 1, *, batch_first: bool = False) -> None:
        super().__init__()
        widths = [n_features, *[n_hidden] * (n_layers - 1)]
        self.cells = nn.ModuleList(RNNCell(width, n_hidden) for width in widths)
        self.n_hidden = n_hidden
        self.batch_first = batch_first

    def forward(self, inputs: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of the last layer at each step, (T, B, H), and the last hidden states, (L, B, H).

        With `batch_first` inputs and outputs are (B, T, ...); the hidden states are (L, B, H) all the same.
        """
        steps = inputs.transpose(0, 1) if self.batch_first else inputs
        if hidden is None:
            hidden = steps.new_zeros(len(self.cells), steps.shape[1], self.n_hidden)
        states, outputs = list(hidden), []
        for step in steps:
            for layer, cell in enumerate(self.cells):
                step = states[layer] = cell(step, states[layer])  # noqa: PLW2901 each layer feeds the next
            outputs.append(step)
        stacked = torch.stack(outputs, dim=1 if self.batch_first else 0)
        return stacked, torch.stack(states)


class EmbeddingRNN(nn.Module):
    """Embedding, RNN, linear layer: a letter at each step in, the logits of the next one out (lecture 12).

    Letters (B, T) to logits (B T, C), flattened as the criterion takes them.

    >>> EmbeddingRNN(4, 4)(torch.tensor([[1, 0, 2, 2, 3]])).shape
    torch.Size([5, 4])
    """

    def __init__(
        self, n_letters: int, n_classes: int, n_embedding: int = 10, n_hidden: int = 8, n_layers: int = 2
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_letters, n_embedding)
        self.rnn = nn.RNN(n_embedding, n_hidden, n_layers, batch_first=True)
        self.linear = nn.Linear(n_hidden, n_classes)

    def forward(self, letters: Tensor) -> Tensor:
        """Logits (B T, C) of letters (B, T)."""
        outputs, _ = self.rnn(self.embedding(letters))
        logits: Tensor = self.linear(outputs.flatten(0, 1))
        return logits


class NameClassifier(nn.Module):
    """Embedding, bidirectional GRU over the letters that are there, linear layer (lecture 13).

    Letters (B, T), filled up with 0, and lengths (B,) to logits (B, C). The packed sequence ends each
    name at its length: what it is filled up with, and how far, changes nothing.

    >>> letters = torch.tensor([[77, 97, 0], [66, 111, 98]])
    >>> NameClassifier(128, 18)(letters, torch.tensor([2, 3])).shape
    torch.Size([2, 18])
    """

    def __init__(self, n_letters: int, n_classes: int, n_hidden: int = 100, n_layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_letters, n_hidden)
        self.gru = nn.GRU(n_hidden, n_hidden, n_layers, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * n_hidden, n_classes)

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, C) of letters (B, T) and lengths (B,), in any order."""
        # NOTE[DIFF]: the notes sort the names first, pack (T, B, hidden) and leave the lengths where they are.
        # What is packed has the embedding's width, sorting is left to PyTorch, lengths are int64 on the CPU.
        packed = pack_padded_sequence(self.embedding(letters), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, hidden = self.gru(packed)  # (2 L, B, H): the last two are the top layer's, forward and backward
        logits: Tensor = self.linear(torch.cat([hidden[-2], hidden[-1]], dim=1))
        return logits
