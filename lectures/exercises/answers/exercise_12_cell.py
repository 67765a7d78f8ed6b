"""an RNN cell by hand / 手写 RNN 单元

One step: h' = tanh(W_ih x + b_ih + W_hh h + b_hh). The same weights serve every step.

一步的计算：h' = tanh(W_ih x + b_ih + W_hh h + b_hh)。每一步共用同一组权重。

Task: go through `inputs` (T, B, input_size) from the state `h` (B, hidden_size), and return all states, (T, B,
hidden_size). The weights are those of `cell`, an nn.RNNCell; do not call it.

任务：从状态 `h` (B, hidden_size) 开始走完 `inputs` (T, B, input_size)，返回全部状态 (T, B, hidden_size)。
权重取自 `cell`（nn.RNNCell），但不要直接调用它。

Hint: rows are samples: `x @ cell.weight_ih.T + cell.bias_ih`.

提示：一行一个样本：`x @ cell.weight_ih.T + cell.bias_ih`。

Hint: the state that comes out goes in again with the next x.

提示：算出的状态要和下一个 x 一起再输入。

Hint: `torch.stack(states)` puts the T states into one tensor.

提示：`torch.stack(states)` 把 T 个状态合成一个张量。

Next: what becomes of h after 100 steps when tanh is left out and W_hh is large? And when it is small?

试一试：去掉 tanh，W_hh 较大时走 100 步，h 会怎样？较小时呢？
"""

import torch


def run(cell, inputs, h):
    # --- your lines begin 从这里开始写
    states = []
    for x in inputs:
        h = torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh)
        states.append(h)
    return torch.stack(states)
    # --- your lines end 写到这里为止
