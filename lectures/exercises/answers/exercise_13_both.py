"""the last state of both directions / 双向网络的最终状态

A name is classified by what the GRU knows at its end: the forward one after the last letter, the backward one after the
first.

姓名分类用的是 GRU 走到终点时的状态：正向的在最后一个字母之后，反向的在第一个字母之后。

Task: return (B, 2 * hidden_size): the forward and then the backward state of the last layer. `hidden` is what the
bidirectional GRU returns second, (n_layers * 2, B, hidden_size).

任务：返回 (B, 2 * hidden_size)：最后一层的正向状态，接着是反向状态。`hidden` 是双向 GRU 返回的第二项，
形状 (n_layers * 2, B, hidden_size)。

Hint: the order is layer 1 forward, layer 1 backward, layer 2 forward, layer 2 backward, and so on.

提示：顺序是第 1 层正向、第 1 层反向、第 2 层正向、第 2 层反向，依此类推。

Hint: so the last layer's are `hidden[-2]` and `hidden[-1]`; put them side by side along dim 1.

提示：所以最后一层的是 `hidden[-2]` 和 `hidden[-1]`；沿第 1 维拼起来。

Next: `output[:, -1]` looks like it. What is in its backward half? And for a name that is padded?

试一试：`output[:, -1]` 看起来也像。它的反向那一半是什么？对补了填充的姓名又是什么？
"""

import torch


def last_states(hidden):
    # --- your lines begin 从这里开始写
    return torch.cat([hidden[-2], hidden[-1]], dim=1)
    # --- your lines end 写到这里为止
