"""Recurrent networks against PyTorch's own, packing against a loop that stops each name at its length."""

import pytest
import torch
from torch import nn

from pipelines.models import RNN, EmbeddingRNN, NameClassifier, RNNCell


def copy_cell(ours: RNNCell, theirs: nn.Module, suffix: str = "") -> None:
    with torch.no_grad():
        for linear, name in ((ours.from_inputs, "ih"), (ours.from_hidden, "hh")):
            linear.weight.copy_(getattr(theirs, f"weight_{name}{suffix}"))
            linear.bias.copy_(getattr(theirs, f"bias_{name}{suffix}"))


def test_the_cell_equals_pytorchs():
    ours, theirs = RNNCell(4, 3), nn.RNNCell(4, 3)
    copy_cell(ours, theirs)
    inputs, hidden = torch.randn(5, 4), torch.randn(5, 3)
    torch.testing.assert_close(ours(inputs, hidden), theirs(inputs, hidden), atol=1e-6, rtol=0)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("given", [False, True])
def test_layers_of_cells_equal_pytorchs(n_layers, batch_first, given):
    ours = RNN(4, 3, n_layers, batch_first=batch_first)
    theirs = nn.RNN(4, 3, n_layers, batch_first=batch_first)
    for layer, cell in enumerate(ours.cells):
        copy_cell(cell, theirs, f"_l{layer}")
    inputs = torch.randn((2, 5, 4) if batch_first else (5, 2, 4))
    hidden = torch.randn(n_layers, 2, 3) if given else None
    for mine, reference in zip(ours(inputs, hidden), theirs(inputs, hidden), strict=True):
        torch.testing.assert_close(mine, reference, atol=1e-6, rtol=0)


def test_the_cell_starts_like_pytorchs():
    bound = 16**-0.5
    for parameter in RNNCell(8, 16).parameters():
        assert parameter.abs().max() <= bound
        assert parameter.abs().max() > 0.5 * bound


def test_the_embedding_network_gives_a_row_of_logits_for_each_step():
    letters = torch.tensor([[1, 0, 2, 2, 3], [3, 2, 2, 0, 1]])
    model = EmbeddingRNN(4, 6)
    rows = model(letters)
    assert rows.shape == (10, 6)
    torch.testing.assert_close(rows[5:], model(letters[1:]))


@pytest.fixture
def names():
    return torch.tensor([[3, 4, 0, 0], [5, 6, 7, 8], [9, 1, 2, 0]]), torch.tensor([2, 4, 3])


def test_padding_and_order_change_nothing(names):
    letters, lengths = names
    model = NameClassifier(10, 5, n_hidden=6)
    logits = model(letters, lengths)
    wider = nn.functional.pad(letters, (0, 3), value=9)
    torch.testing.assert_close(model(wider, lengths), logits)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(model(letters[order], lengths[order]), logits[order])
    for row in range(3):
        alone = model(letters[row : row + 1, : lengths[row]], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], logits[row])


def test_the_classifier_joins_the_top_layers_last_states_of_both_directions(names):
    letters, _ = names
    model = NameClassifier(10, 5, n_hidden=6)
    outputs, _ = model.gru(model.embedding(letters))
    joined = torch.cat([outputs[:, -1, :6], outputs[:, 0, 6:]], dim=1)  # forward ends last, backward first
    torch.testing.assert_close(model(letters, torch.full((3,), 4)), model.linear(joined))
