"""Lecture 12: recurrent networks."""

import torch
from torch import Tensor, nn

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, uses


def cell(yours: Yours) -> None:
    """All states against those of torch's cell, which must not be called."""
    for size, hidden, n_steps, batch in ((4, 2, 3, 1), (3, 3, 5, 2)):
        made, inputs, h = nn.RNNCell(size, hidden), drawn(1, n_steps, batch, size), drawn(2, batch, hidden)
        with torch.no_grad():
            wanted = _states(made, inputs, h)
            slips = [
                Slip(wanted[-1], "That is the last state: return all of them", "这是最后一个状态：应返回全部"),
                Slip(_states(made, inputs, h, tanh=False), "tanh is missing", "缺少 tanh"),
                Slip(_states(made, inputs, h, bias=False), "The biases are missing", "漏掉了偏置"),
                Slip(_states(made, inputs, torch.zeros_like(h)), "It begins at 0, not at h",
                     "是从 0 开始的，应从 h 开始"),
                Slip(torch.cat([_states(made, x[None], h) for x in inputs]),
                     "Each step begins at the same h: hand the new state on",
                         "每一步都从同一个 h 开始：应把新状态传下去"),
            ]  # fmt: skip
            called: list[object] = []
            hook = made.register_forward_hook(lambda module, *_, called=called: called.append(module))
            got = yours.run(made, inputs, h)
            hook.remove()
        said = f"input_size = {size}, hidden_size = {hidden}, {n_steps} steps, {batch} rows"
        expect(said, got, wanted, *slips)
        require(not called, f"for {said}: right, but by calling the cell", f"输入 {said}：结果正确，但直接调用了 cell")


def _states(made: nn.RNNCell, inputs: Tensor, h: Tensor, *, tanh: bool = True, bias: bool = True) -> Tensor:
    states = []
    for x in inputs:
        h = x @ made.weight_ih.T + h @ made.weight_hh.T + bias * (made.bias_ih + made.bias_hh)
        h = torch.tanh(h) if tanh else h
        states.append(h)
    return torch.stack(states)


def one_hot(yours: Yours) -> None:
    """The rows against nn.Embedding; the weight may be looked at by multiplication alone."""
    for v, d, indices in ((5, 3, [[0, 1], [4, 4]]), (6, 2, [[2, 0, 1]]), (4, 4, [[3], [0], [1]])):
        given, weight = torch.tensor(indices), drawn(v, v, d)
        said = f"indices = {indices}, weight of shape ({v}, {d})"
        alone = Slip(weight.T[given] if v == d else None, "The weight is transposed", "权重转置了")
        expect(said, yours.embed(given, weight), nn.functional.embedding(given, weight), alone)
        try:
            yours.embed(given, _NoRows(weight))
        except IndexError:
            require(
                False,
                f"for {said}: right, but by indexing: multiply the one-hot rows with the weight",
                f"输入 {said}：结果正确，但用了下标：请用独热向量乘以权重",
            )
    require(
        not uses(yours.embed, names="(?i)embedding|index_select|gather|take"),
        "right, but by a lookup of torch's: multiply the one-hot rows with the weight",
        "结果正确，但用了 torch 的查表：请用独热向量乘以权重",
    )


class _NoRows(Tensor):
    """A tensor that gives no rows by index."""

    def __getitem__(self, index: object) -> Tensor:
        """Refuse."""
        raise IndexError("multiply")
