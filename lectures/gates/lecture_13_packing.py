"""Lecture 13, two directions and packing: where the hidden states lie, and what packing leaves out.

Shapes: B batch, T time, D features, H hidden.
"""

from collections.abc import Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lectures.course.lecture import Gate, Gates, Lecture, Setting

NOTES_LENGTHS = (7, 8, 10, 5, 6, 7, 7, 7, 6)  # letters of the nine names in the notes
NOTES_SIZES = [9, 9, 9, 9, 9, 8, 6, 2, 1, 1]
SMALL = ("abc", "x")  # the notes' a x / b / c: a row for each time, a column for each sequence


def batch_sizes(lengths: Sequence[int]) -> list[int]:
    """How many sequences still run at each step; sorting is not needed.

    >>> batch_sizes([1, 3])
    [2, 1, 1]
    """
    padded = torch.zeros(len(lengths), max(lengths), 1)
    packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    return list(packed.batch_sizes.tolist())


def packed_letters(words: Sequence[str]) -> tuple[str, list[int]]:
    """What a packed batch of words holds, letter by letter, and how many words still run at each step.

    >>> packed_letters(["abc", "x"])
    ('axbc', [2, 1, 1])
    """
    letters = nn.utils.rnn.pad_sequence([torch.tensor([ord(letter) for letter in word]) for word in words])
    packed = pack_padded_sequence(letters, torch.tensor([len(word) for word in words]), enforce_sorted=False)
    return "".join(chr(letter) for letter in packed.data.tolist()), packed.batch_sizes.tolist()


def padded_lines(words: Sequence[str]) -> list[str]:
    """The words as columns, a row for each time, a dot where one has ended.

    >>> padded_lines(["abc", "x"])
    ['a x', 'b .', 'c .']
    """
    return [" ".join(row) for row in zip_longest(*words, fillvalue=".")]


def cell_of(gru: nn.GRU, suffix: str) -> nn.GRUCell:
    """The cell of a one-layer GRU; suffix `_l0` is its forward direction, `_l0_reverse` its backward one."""
    cell = nn.GRUCell(gru.input_size, gru.hidden_size)
    cell.load_state_dict({name: getattr(gru, name + suffix) for name in cell.state_dict()})
    return cell


def masked_loop(cell: nn.GRUCell, inputs: Tensor, lengths: Tensor, *, backward: bool) -> tuple[Tensor, Tensor]:
    """One direction step by step; a state changes only while its sequence lasts.

    Inputs (B, T, D), lengths (B,) to outputs (B, T, H), zero behind each end, and last states (B, H).
    """
    hidden = inputs.new_zeros(len(inputs), cell.hidden_size)
    outputs = inputs.new_zeros(*inputs.shape[:2], cell.hidden_size)
    times = range(inputs.shape[1])
    for time in reversed(times) if backward else times:
        there = (time < lengths).unsqueeze(1)
        hidden = torch.where(there, cell(inputs[:, time], hidden), hidden)
        outputs[:, time] = hidden * there
    return outputs, hidden


def hidden_slices_gates() -> Gates:
    """Where a bidirectional network puts its last states: outputs' two ends, hidden's two slices."""
    gru, inputs = nn.GRU(4, 3, bidirectional=True, batch_first=True), torch.randn(2, 5, 4)
    outputs, hidden = gru(inputs)
    forward = torch.equal(hidden[0], outputs[:, -1, :3])
    backward = torch.equal(hidden[1], outputs[:, 0, 3:])
    yield Gate.equal("hidden[0] is the forward state at the last step", forward, True)
    yield Gate.equal("hidden[1] is the backward state at the first step", backward, True)


def packed_equals_loop_gates(lengths: Sequence[int]) -> Gates:
    """A packed bidirectional GRU against the masked loop, outputs and last states."""
    gru, inputs = nn.GRU(4, 3, bidirectional=True, batch_first=True), torch.randn(len(lengths), max(lengths), 4)
    ends = torch.tensor(lengths)
    # NOTE[DIFF]: the notes sort by length first; enforce_sorted=False does it and puts the order back.
    packed = pack_padded_sequence(inputs, ends, batch_first=True, enforce_sorted=False)
    outputs, hidden = gru(packed)
    outputs, _ = pad_packed_sequence(outputs, batch_first=True)
    forward = masked_loop(cell_of(gru, "_l0"), inputs, ends, backward=False)
    backward = masked_loop(cell_of(gru, "_l0_reverse"), inputs, ends, backward=True)
    by_hand = torch.cat([forward[0], backward[0]], dim=2), torch.stack([forward[1], backward[1]])
    for what, ours, theirs in zip(("outputs", "last states"), by_hand, (outputs, hidden), strict=True):
        difference = (ours - theirs).abs().max().item()
        yield Gate.at_most(f"packed and masked loop, {what}, largest difference", difference, 1e-6)


def run(setting: Setting) -> Gates:
    """Slices of the hidden state, batch sizes of two packed batches, packing against the loop."""
    torch.manual_seed(setting.seed)
    yield from hidden_slices_gates()
    yield Gate.equal("batch sizes, the notes' nine names", batch_sizes(NOTES_LENGTHS), NOTES_SIZES)
    data, sizes = packed_letters(SMALL)
    setting.say(f"the words {', '.join(SMALL)}, time downwards: {' / '.join(padded_lines(SMALL))}")
    setting.say(f"packed: data {' '.join(data)}, batch_sizes {sizes}: two words at the first step, then one")
    yield Gate.equal("what the packed a x / b / c holds", data, "axbc")
    yield Gate.equal("batch sizes of a x / b / c", sizes, [2, 1, 1])
    steps, padded = sum(NOTES_SIZES), len(NOTES_LENGTHS) * max(NOTES_LENGTHS)
    setting.say(f"nine names: {steps} steps packed, {padded} padded; the padding costs nothing and says nothing")
    yield from packed_equals_loop_gates(NOTES_LENGTHS)


LECTURE = Lecture(number="13", title="Two directions and packing", title_zh="双向与打包", run=run)
