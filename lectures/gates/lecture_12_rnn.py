"""Lecture 12, recurrent networks: the cell by hand, layers of it, and `hello` -> `ohlol`."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lectures.course.fit import draw_losses, fit
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import RNN, EmbeddingRNN, RNNCell
from pipelines.training.checks import loss_of_guessing

LETTERS = "ehlo"
HELLO = torch.tensor([[1, 0, 2, 2, 3]])  # (B, T)
OHLOL = torch.tensor([3, 1, 2, 3, 2])  # (B T,)
EPOCHS = 15
CRITERION = nn.CrossEntropyLoss()
N_HIDDEN = 8


class CellSpeller(nn.Module):
    """The notes' first program: one cell, the loop over time written out."""

    # NOTE[DIFF]: the notes take 4 hidden states for logits; tanh keeps them between -1 and 1, and at a rate of 0.1
    # 4 (cell) and 9 (RNN) of 30 seeds do not spell the word in 15 epochs. A linear layer behind 8 states: all do.
    def __init__(self) -> None:
        super().__init__()
        self.cell = RNNCell(len(LETTERS), N_HIDDEN)
        self.linear = nn.Linear(N_HIDDEN, len(LETTERS))

    def forward(self, letters: Tensor) -> Tensor:
        """Logits (B T, C) of letters (B, T)."""
        hidden = torch.zeros(len(letters), N_HIDDEN)
        states = []
        for step in F.one_hot(letters, len(LETTERS)).float().unbind(dim=1):
            hidden = self.cell(step, hidden)
            states.append(hidden)
        logits: Tensor = self.linear(torch.stack(states, dim=1).flatten(0, 1))
        return logits


class RNNSpeller(nn.Module):
    """The notes' second program: `nn.RNN` runs the loop over time."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(len(LETTERS), N_HIDDEN, batch_first=True)
        self.linear = nn.Linear(N_HIDDEN, len(LETTERS))

    def forward(self, letters: Tensor) -> Tensor:
        """Logits (B T, C) of letters (B, T)."""
        outputs, _ = self.rnn(F.one_hot(letters, len(LETTERS)).float())
        logits: Tensor = self.linear(outputs.flatten(0, 1))
        return logits


class EmbeddingSpeller(EmbeddingRNN):
    """The notes' third program: a learned row for each letter in place of the one-hot one."""

    def __init__(self) -> None:
        super().__init__(len(LETTERS), len(LETTERS))


SPELLERS: dict[str, type[nn.Module]] = {"cell": CellSpeller, "RNN": RNNSpeller, "Embedding": EmbeddingSpeller}


def with_weights_of(theirs: nn.RNNCell | nn.RNN, ours: nn.Module) -> nn.Module:
    """Our cell, or layers of cells, with the weights of PyTorch's, which go in another order in each layer."""
    weights = list(theirs.parameters())
    in_our_order = [weights[layer + n] for layer in range(0, len(weights), 4) for n in (0, 2, 1, 3)]
    ours.load_state_dict(dict(zip(ours.state_dict(), in_our_order, strict=True)))
    return ours


def equality_gates() -> Gates:
    """The cell by hand, three layers of it, and both orders of the batch, against PyTorch's own."""
    cell, inputs, hidden = nn.RNNCell(4, 2), torch.randn(3, 4), torch.randn(3, 2)
    by_hand = with_weights_of(cell, RNNCell(4, 2))(inputs, hidden)
    difference = (by_hand - cell(inputs, hidden)).abs().max().item()
    yield Gate.at_most("cell by hand and nn.RNNCell, largest difference", difference, 1e-6)
    for batch_first, shape in ((False, (5, 3, 4)), (True, (3, 5, 4))):
        rnn, steps = nn.RNN(4, 2, num_layers=3, batch_first=batch_first), torch.randn(shape)
        ours = with_weights_of(rnn, RNN(4, 2, n_layers=3, batch_first=batch_first))
        pairs = zip(ours(steps), rnn(steps), strict=True)
        difference = max((mine - reference).abs().max().item() for mine, reference in pairs)
        order = "(batch, time)" if batch_first else "(time, batch)"
        yield Gate.at_most(f"three layers by hand and nn.RNN, {order}, largest difference", difference, 1e-6)


def spelled(model: nn.Module) -> str:
    """What the network makes of `hello`."""
    with torch.inference_mode():
        return "".join(LETTERS[letter] for letter in model(HELLO).argmax(dim=1).tolist())


def learn_to_spell(setting: Setting, name: str) -> tuple[list[str], list[float]]:
    """Train that speller on the one word; what it spells and its loss after each epoch."""
    words: list[str] = []
    model = SPELLERS[name]()
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    rows, look = [(HELLO, OHLOL)], lambda: words.append(spelled(model))
    losses = fit(setting, model, rows, CRITERION, optimizer, EPOCHS, name=f"12/{name}", on_epoch=look)
    return words, losses


def run(setting: Setting) -> Gates:
    """Equalities first, then the three networks that learn to spell."""
    torch.manual_seed(setting.seed)
    # NOTE[DIFF]: the notes have pictures only; and (time, batch) is a default, batch_first=True turns it round.
    yield from equality_gates()
    curves: dict[str, list[float]] = {}
    for name in SPELLERS:
        words, curves[name] = learn_to_spell(setting, name)
        first = words.index("ohlol") + 1 if "ohlol" in words else "none"
        setting.say(f"hello with {name}: {' '.join(words)}; first right in epoch {first}")
        yield Gate.equal(f"hello after {EPOCHS} epochs with {name}", words[-1], "ohlol")
    with setting.picture("12-hello") as figure:
        guessing = loss_of_guessing(OHLOL, CRITERION)
        draw_losses(figure, curves, "Learning hello -> ohlol", "loss, mean per letter", guessing)


LECTURE = Lecture(number="12", title="RNN cell and RNN", title_zh="RNN 单元与 RNN", run=run)
