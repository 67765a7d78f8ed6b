"""an embedding is a one-hot row times a matrix / 嵌入就是独热向量乘以矩阵

nn.Embedding looks up a row of its weight. That is the same as a multiplication, without the zeros.

nn.Embedding 从权重里取出一行。这和矩阵乘法是一回事，只是省去了那些 0。

Task: return what nn.Embedding with the weight (V, D) gives for `indices` (B, T): (B, T, D). Make the one-hot rows
(B, T, V), then one matrix multiplication; no indexing of `weight`.

任务：nn.Embedding 的权重为 (V, D)，对 `indices` (B, T) 返回它的结果 (B, T, D)。先做独热编码 (B, T, V)，
再做一次矩阵乘法；不要直接用下标取 `weight`。

Hint: `torch.nn.functional.one_hot(indices, n_classes)`: name the number of classes, else the largest index decides.

提示：`torch.nn.functional.one_hot(indices, n_classes)`：要写明类别数，否则由最大的下标决定。

Hint: it returns whole numbers: `.float()` before the multiplication.

提示：它返回整数，相乘之前要 `.float()`。

Next: how many multiplications is that for 10,000 words and 100 numbers each? What does nn.Embedding save?

试一试：10,000 个词、每个 100 维，要做多少次乘法？nn.Embedding 省下了什么？
"""

import torch


def embed(indices, weight):
    # --- your lines begin 从这里开始写
    one_hot = torch.nn.functional.one_hot(indices, len(weight))
    return one_hot.float() @ weight
    # --- your lines end 写到这里为止
