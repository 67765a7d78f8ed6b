"""how many parameters a network has / 一个网络有多少参数

The network of lecture 7 has the widths 8, 6, 4, 1: three linear layers.

第 7 讲的网络各层宽度为 8、6、4、1：三个线性层。

Task: return the number of weights and biases of a network of linear layers from its widths alone, without torch.

任务：只由各层宽度算出全连接网络的参数个数（权重加偏置），不用 torch。

Hint: a layer from n to m numbers has n * m weights and m biases.

提示：从 n 维到 m 维的一层有 n * m 个权重、m 个偏置。

Hint: `pairwise(widths)` goes through the layers.

提示：`pairwise(widths)` 可以逐层取出输入宽度和输出宽度。

Next: 784-512-256-128-64-10 of lecture 9: in which layer are most of them? Compare with
`sum(p.numel() for p in model.parameters())`.

试一试：第 9 讲的 784-512-256-128-64-10，参数大多在哪一层？再与 `sum(p.numel() for p in model.parameters())` 比较。
"""

from itertools import pairwise


def n_parameters(widths):
    # --- your lines begin 从这里开始写
    return sum(n * m + m for n, m in pairwise(widths))
    # --- your lines end 写到这里为止
