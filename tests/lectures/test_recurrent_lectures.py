"""Lectures 12 and 13: equal to PyTorch's networks; names, letters and what is counted of them."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader, TensorDataset

from lectures.course.lecture import Setting
from lectures.gates import lecture_12_rnn, lecture_13_names, lecture_13_packing
from pipelines.models import RNNCell


def test_a_wrong_cell_fails_the_equality_gate(monkeypatch):
    monkeypatch.setattr(RNNCell, "forward", lambda self, x, h: self.from_inputs(x) + self.from_hidden(h))  # no tanh
    assert [gate.passed for gate in lecture_12_rnn.equality_gates()] == [False, False, False]


@pytest.mark.parametrize("lengths", [(4,), (1, 1), (3, 1), (2, 5, 5, 1)])
def test_packing_is_the_masked_loop_for_any_lengths(lengths):
    gru, ends = nn.GRU(3, 2, bidirectional=True, batch_first=True), torch.tensor(lengths)
    inputs = torch.randn(len(lengths), max(lengths), 3)
    packed, hidden = gru(pack_padded_sequence(inputs, ends, batch_first=True, enforce_sorted=False))
    outputs, _ = pad_packed_sequence(packed, batch_first=True)
    for direction, suffix in enumerate(("_l0", "_l0_reverse")):
        cell = lecture_13_packing.cell_of(gru, suffix)
        by_hand, last = lecture_13_packing.masked_loop(cell, inputs, ends, backward=direction == 1)
        torch.testing.assert_close(by_hand, outputs[..., 2 * direction : 2 * direction + 2])
        torch.testing.assert_close(last, hidden[direction])


def test_batch_sizes_count_the_sequences_that_still_run():
    lengths = lecture_13_packing.NOTES_LENGTHS
    counted = [sum(length > time for length in lengths) for time in range(max(lengths))]
    assert lecture_13_packing.batch_sizes(lengths) == counted == [9, 9, 9, 9, 9, 8, 6, 2, 1, 1]


def test_the_notes_small_example_lies_in_the_packed_data_time_by_time():
    assert lecture_13_packing.packed_letters(["abc", "x"]) == ("axbc", [2, 1, 1])
    assert lecture_13_packing.packed_letters(["x", "abc"]) == ("axbc", [2, 1, 1])  # sorted by PyTorch
    said = []
    gates = list(lecture_13_packing.run(Setting(say=said.append)))
    assert all(gate.passed for gate in gates)
    assert "a x / b . / c ." in said[0]
    assert "packed: data a x b c, batch_sizes [2, 1, 1]" in said[1]


def test_the_confusion_matrix_counts_rows_by_country_and_columns_by_prediction():
    predicted, target = torch.tensor([1, 1, 2, 0]), torch.tensor([0, 1, 2, 2])
    assert lecture_13_names.confusion(predicted, target, 3).tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_the_gate_of_the_names_is_the_share_that_is_right(tmp_path, monkeypatch):
    names = [("Bo", "A"), ("Cy", "B"), ("Di", "B"), ("Eve", "A")]
    rows = DataLoader(TensorDataset(torch.zeros(4, 3), torch.ones(4), torch.tensor([0, 1, 1, 0])))
    program = SimpleNamespace(
        rows={"train": names, "test": names}, countries=["A", "B"], history=[(0.7, 0.8, 0.5)],
        train_loader=rows, test_loader=rows, model=lambda letters, _: torch.eye(2)[[0, 1, 0, 0]],
    )  # fmt: skip
    monkeypatch.setattr(lecture_13_names, "run_program", lambda *_: program)
    [gate] = lecture_13_names.run(Setting(stand_in=True, pictures=tmp_path))
    assert gate.measured == "0.75"
    assert not gate.passed


def test_shared_rows_are_left_out_of_the_second_score():
    train, test = [("Bo", "A"), ("Cy", "A")], [("Bo", "A"), ("Bo", "B"), ("Cy", "A"), ("Cy", "A"), ("Di", "B")]
    right = torch.tensor([True, True, True, True, False])
    line = lecture_13_names.unseen_line(right, train, test)
    assert line == "on the 2 names that training never saw: 50.00%; left out: 3 test rows (2 different)"
