"""Lecture 13: packed sequences, both directions."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, uses

CASES = ([[1, 2, 3], [4], [5]], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]], [[7, 8]], [[3, 1, 4, 1], [5, 9], [2, 6], [5]])


def pack(yours: Yours) -> None:
    """Data and batch sizes against torch's."""
    for sequences in CASES:
        packed = pack_sequence([torch.tensor(each) for each in sequences])
        got = yours.pack([list(each) for each in sequences])
        require(
            isinstance(got, tuple | list) and len(got) == 2,
            f"for sequences = {sequences}: came {type(got).__name__}, expected two lists: data, batch_sizes",
            f"输入 sequences = {sequences}：得到 {type(got).__name__}，应为 data 和 batch_sizes 两个列表",
        )
        lengths = [len(each) for each in sequences]
        padded = [step[n] if n < len(step) else 0 for n in range(lengths[0]) for step in sequences]
        expect(
            f"sequences = {sequences}: data", got[0], packed.data,
            Slip([n for each in sequences for n in each], "They stand row after row: go step by step",
                 "是逐个序列排的：应按时间步排"),
            Slip(padded, "There is padding among them", "里面混入了填充"),
        )  # fmt: skip
        expect(
            f"sequences = {sequences}: batch_sizes", got[1], packed.batch_sizes,
            Slip(lengths, "Those are the lengths: say how many take part at each step",
                 "这是各序列的长度：应为每一步参加的个数"),
        )  # fmt: skip

    require(not uses(yours.pack, names="pack_"), "right, but by torch", "结果正确，但用了 torch")


def unpack(yours: Yours) -> None:
    """The sequences that were packed."""
    for sequences in CASES:
        packed = pack_sequence([torch.tensor(each) for each in sequences])
        data, sizes = packed.data.tolist(), packed.batch_sizes.tolist()
        said = f"data = {data}, batch_sizes = {sizes}"
        got = yours.unpack(list(data), list(sizes))
        require(
            got is not None,
            f"for {said}: nothing came back; is a `return` missing?",
            f"输入 {said}：没有返回值，是否缺少 `return`？",
        )
        found = [[int(n) for n in each] if isinstance(each, list | tuple) else each for each in got]
        by_steps = [data[sum(sizes[:n]) : sum(sizes[: n + 1])] for n in range(len(sizes))]
        why = ("", "")
        if found == by_steps and found != sequences:
            why = ". Those are the steps: put each number to its row", "。这是各时间步：应把每个数放回所属的序列"
        elif any(0 in each for each in found if isinstance(each, list)):
            why = ". There is padding among them", "。里面有填充"
        require(
            found == sequences,
            f"for {said}: came {found}, expected {sequences}{why[0]}",
            f"输入 {said}：得到 {found}，应为 {sequences}{why[1]}",
        )


def both(yours: Yours) -> None:
    """The states against those of the output where each direction ends."""
    for n_layers, batch, hidden_size in ((1, 3, 2), (2, 2, 4), (3, 1, 3)):
        gru = nn.GRU(3, hidden_size, n_layers, bidirectional=True)
        with torch.no_grad():
            output, hidden = gru(drawn(batch, 5, batch, 3))
        wanted = torch.cat([output[-1, :, :hidden_size], output[0, :, hidden_size:]], dim=1)
        expect(
            f"{n_layers} layers, {batch} rows, hidden_size = {hidden_size}: hidden of shape {tuple(hidden.shape)}",
            yours.last_states(hidden), wanted,
            Slip(torch.cat([hidden[0], hidden[1]], dim=1), "Those are the first layer's", "这是第一层的状态"),
            Slip(torch.cat([hidden[-1], hidden[-2]], dim=1), "Forward first, then backward", "应先正向、后反向"),
            Slip(torch.cat([hidden[-2], hidden[-1]], dim=0), "Side by side is dim 1: one row per name",
                 "左右拼接是第 1 维：一行一个姓名"),
            Slip(hidden[-1], "That is the backward one alone", "这只是反向的状态"),
            Slip(hidden[-2] + hidden[-1], "Put them side by side; do not add them", "应拼接，不是相加"),
        )  # fmt: skip
