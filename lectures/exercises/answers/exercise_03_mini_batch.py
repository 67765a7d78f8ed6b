"""one epoch of mini-batch gradient descent / 小批量梯度下降的一轮

Batch descent takes one step per epoch, stochastic descent one per row. Mini-batches lie between the two.

批量梯度下降一轮只走一步，随机梯度下降每个样本走一步，小批量介于两者之间。

Task: go once through the rows in their order, `batch_size` rows at a time; after each batch move w of the model y = w x
against the gradient of that batch's mean squared error. Return w. The last batch may be shorter.

任务：按顺序把所有样本走一遍，每次取 `batch_size` 个；每批之后，让模型 y = w x 的 w 沿该批均方误差的梯度反方向走一步。
返回 w。最后一批可以不满。

Hint: `for start in range(0, len(x), batch_size)` and `x[start : start + batch_size]`, which is short at the end by
itself.

提示：`for start in range(0, len(x), batch_size)`，再取 `x[start : start + batch_size]`，末尾自然会变短。

Hint: the gradient of mean((w x - y)²) is mean(2 x (w x - y)), the mean over the rows of this batch.

提示：mean((w x - y)²) 的梯度是 mean(2 x (w x - y))，按本批的样本数取平均。

Next: try batch sizes 1, 2 and len(x) with the same lr. Which is the smoothest, which is the quickest per epoch?

试一试：学习率不变，batch_size 取 1、2 和 len(x)。哪个最平稳？哪个每轮下降最快？
"""


def one_epoch(w, x, y, lr, batch_size):
    # --- your lines begin 从这里开始写
    for start in range(0, len(x), batch_size):
        rows, targets = x[start : start + batch_size], y[start : start + batch_size]
        gradient = (2 * rows * (w * rows - targets)).mean()
        w = w - lr * gradient
    return w
    # --- your lines end 写到这里为止
