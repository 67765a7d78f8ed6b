"""Lecture 12, recurrent networks: the cell, the loop over time, embeddings; `hello` becomes `ohlol`."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.lectures.fit import fit, seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting, at_most, equal
from pipelines.models.rnn import Cell, CellSequence, EmbeddedSequence, RNNSequence
from pipelines.training import predict_logits

LETTERS = "ehlo"
HELLO = torch.tensor([[1, 0, 2, 2, 3]])
OHLOL = torch.tensor([[3, 1, 2, 3, 2]])
EPOCHS = 15


def cell_difference() -> float:
    """Our cell less nn.RNNCell with the same weights, the largest difference over four steps."""
    theirs, ours = nn.RNNCell(4, 3), Cell(4, 3)
    ours.of_input.load_state_dict({"weight": theirs.weight_ih, "bias": theirs.bias_ih})
    ours.of_hidden.load_state_dict({"weight": theirs.weight_hh, "bias": theirs.bias_hh})
    hidden = expected = torch.zeros(2, 3)
    worst = 0.0
    for step in torch.randn(4, 2, 4):
        hidden, expected = ours(step, hidden), theirs(step, expected)
        worst = max(worst, float((hidden - expected).abs().max()))
    return worst


def layers_difference() -> float:
    """A two-layer nn.RNN less two cells in a loop with its weights; inputs (B, T, D) and (T, B, D)."""
    rnn = nn.RNN(4, 3, num_layers=2, batch_first=True)
    inputs = torch.randn(2, 5, 4)
    hidden = [torch.zeros(2, 3), torch.zeros(2, 3)]
    outputs = []
    for step in inputs.unbind(dim=1):
        for layer in range(2):
            w = {name: getattr(rnn, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            from_input = F.linear(step if layer == 0 else hidden[0], w["weight_ih"], w["bias_ih"])
            hidden[layer] = torch.tanh(from_input + F.linear(hidden[layer], w["weight_hh"], w["bias_hh"]))
        outputs.append(hidden[1])
    time_first = nn.RNN(4, 3, num_layers=2)
    time_first.load_state_dict(rnn.state_dict())
    of_batch_first, of_time_first = rnn(inputs)[0], time_first(inputs.transpose(0, 1))[0].transpose(0, 1)
    by_hand = torch.stack(outputs, dim=1)
    return float(torch.stack([of_batch_first - by_hand, of_time_first - by_hand]).abs().max())


def spell(setting: Setting, make_model: Callable[[], nn.Module], inputs: Tensor, name: str) -> str:
    """What the trained model makes of `hello`."""
    model = seeded(setting, make_model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    fit(setting, model, (inputs, OHLOL), _per_letter, optimizer, EPOCHS, batch_size=1, name=name)
    letters = predict_logits(model, inputs.to(setting.device)).argmax(dim=1)
    return "".join(LETTERS[i] for i in letters.tolist())


def _per_letter(outputs: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(outputs, target.flatten())


def run(setting: Setting) -> Iterator[Gate]:
    """Identities first, then three networks learn five letters."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(setting.seed)
        yield at_most("cell by hand less nn.RNNCell", cell_difference(), 1e-6)
        yield at_most("two layers by hand less nn.RNN, both batch orders", layers_difference(), 1e-6)
        weight = torch.randn(4, 6)
        one_hot = F.one_hot(HELLO, 4).float()
        same = torch.equal(one_hot @ weight, F.embedding(HELLO, weight))
    yield equal("one_hot(i) @ W = Embedding(i)", same, True)
    networks: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
        "RNN cell": (lambda: CellSequence(4, 8), one_hot),
        "nn.RNN": (lambda: RNNSequence(4, 8), one_hot),
        "Embedding": (lambda: EmbeddedSequence(4, 10, 8), HELLO),
    }
    for name, (make_model, inputs) in networks.items():
        word = spell(setting, make_model, inputs, f"12/{name}")
        yield equal(f"{name}: hello becomes, {EPOCHS} epochs", word, "ohlol")


LECTURE = Lecture(number="12", title="recurrent networks", run=run)
