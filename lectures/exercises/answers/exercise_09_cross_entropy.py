"""cross entropy in NumPy, without overflow / 用 NumPy 写交叉熵，且不溢出

Softmax: exp of the logits, divided by their sum. Cross entropy: minus the log of the true class's share.

Softmax：对 logits 取 exp，再除以总和。交叉熵：真实类别所占份额的对数，取负。

Task: return the mean cross entropy of logits `z` (N, C) and labels `y` (N,), whole numbers from 0 to C - 1. Logits such
as 1000 must do no harm.

任务：`z` 是 logits (N, C)，`y` 是标签 (N,)，取 0 到 C - 1 的整数。返回平均交叉熵；logits 大到 1000 也要算对。

Hint: softmax stays the same when a number is taken from all logits of a row: take the largest, and exp cannot overflow.

提示：一行的 logits 同减一个数，softmax 不变：减去最大值，exp 就不会溢出。

Hint: do not take the log of the share, which may be 0: log softmax = z - log(sum(exp(z))), after that subtraction.

提示：份额可能是 0，不要再取对数：减去最大值之后，log softmax = z - log(sum(exp(z)))。

Hint: `log_shares[np.arange(len(y)), y]` picks the true class of each row.

提示：`log_shares[np.arange(len(y)), y]` 取出每行真实类别的值。

Next: what is the loss of a network that knows nothing, with ten classes? Print `loss.item()` at the first batch of
lecture_09_mnist.py, which by itself prints at batch 300 first: is it that?

试一试：十个类别、什么也没学到的网络，损失是多少？lecture_09_mnist.py 到第 300 批才首次打印：请在第一批打印
`loss.item()`，看是否就是这个数。
"""

import numpy as np


def cross_entropy(z, y):
    # --- your lines begin 从这里开始写
    z = z - z.max(axis=1, keepdims=True)
    log_shares = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_shares[np.arange(len(y)), y].mean()
    # --- your lines end 写到这里为止
