"""Recurrent networks (lectures 12 and 13).

Shapes: B batch, T time, D input features, H hidden features, V different letters, C classes.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class Cell(nn.Module):
    """One step of a recurrent network: tanh of two linear maps, of the input and of the hidden state.

    # NOTE[DIFF]: the notes call the cell a linear layer.
    """

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.of_input, self.of_hidden = nn.Linear(n_inputs, n_hidden), nn.Linear(n_hidden, n_hidden)

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """Hidden state (B, H) after inputs (B, D)."""
        return torch.tanh(self.of_input(inputs) + self.of_hidden(hidden))


class CellSequence(nn.Module):
    """The cell in a loop over time, a linear layer at each step: one-hot letters (B, T, V) to logits (B * T, V)."""

    def __init__(self, n_letters: int, n_hidden: int) -> None:
        super().__init__()
        self.cell, self.out = Cell(n_letters, n_hidden), nn.Linear(n_hidden, n_letters)
        self.n_hidden = n_hidden

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of the letter at each place."""
        hidden, outputs = inputs.new_zeros(len(inputs), self.n_hidden), []
        for step in inputs.unbind(dim=1):
            hidden = self.cell(step, hidden)
            outputs.append(self.out(hidden))
        return torch.stack(outputs, dim=1).flatten(0, 1)


class RNNSequence(nn.Module):
    """`nn.RNN` in place of cell and loop: one-hot letters (B, T, V) to logits (B * T, V)."""

    def __init__(self, n_letters: int, n_hidden: int, n_layers: int = 1) -> None:
        super().__init__()
        self.rnn = nn.RNN(n_letters, n_hidden, n_layers, batch_first=True)
        self.out = nn.Linear(n_hidden, n_letters)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of the letter at each place."""
        logits: Tensor = self.out(self.rnn(inputs)[0])
        return logits.flatten(0, 1)


class EmbeddedSequence(nn.Module):
    """Letters by number (B, T), embedded: logits (B * T, V)."""

    def __init__(self, n_letters: int, n_embedding: int, n_hidden: int, n_layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_letters, n_embedding)
        self.sequence = nn.RNN(n_embedding, n_hidden, n_layers, batch_first=True)
        self.out = nn.Linear(n_hidden, n_letters)

    def forward(self, letters: Tensor) -> Tensor:
        """Logits of the letter at each place."""
        logits: Tensor = self.out(self.sequence(self.embedding(letters))[0])
        return logits.flatten(0, 1)


class NameClassifier(nn.Module):
    """Letters (B, T) and lengths (B,) to logits (B, C): embedding, bidirectional GRU, linear layer.

    # NOTE[DIFF]: names need not be sorted by length (`enforce_sorted=False`); the lengths are int64 on the
    # CPU; what is packed has the embedding's size, not the hidden one.
    """

    def __init__(self, n_letters: int, n_classes: int, *, n_hidden: int = 100, n_layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_letters, n_hidden)
        self.gru = nn.GRU(n_hidden, n_hidden, n_layers, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * n_hidden, n_classes)

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Logits from the last hidden states of both directions."""
        packed = pack_padded_sequence(self.embedding(letters), lengths.cpu(), batch_first=True, enforce_sorted=False)
        hidden = self.gru(packed)[1]  # (2 x layers, B, H); the last two are the last layer's directions
        logits: Tensor = self.out(torch.cat([hidden[-2], hidden[-1]], dim=1))
        return logits
