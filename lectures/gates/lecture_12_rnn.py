"""Lecture 12, recurrent networks: the cell by hand, layers of it; the program spells `hello` -> `ohlol`."""

import torch
from torch import nn

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program
from pipelines.models import RNN, RNNCell


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


def run(setting: Setting) -> Gates:
    """Equalities first, then the program, whose two networks learn to spell."""
    torch.manual_seed(setting.seed)
    # NOTE[DIFF]: the notes always write (time, batch); that is a default, batch_first=True turns it round.
    yield from equality_gates()
    program = run_program(setting, "lecture_12_rnn", picture="12-rnn-program")
    for name, words in program.words.items():
        first = words.index("ohlol") + 1 if "ohlol" in words else "none"
        setting.say(f"hello with {name}: first right in epoch {first}")
        yield Gate.equal(f"hello after {len(words)} epochs with {name}", words[-1], "ohlol")


LECTURE = Lecture(number="12", title="RNN cell and RNN", title_zh="RNN 单元与 RNN", run=run)
