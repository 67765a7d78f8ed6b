"""binary cross entropy from logits, without overflow / 由 logits 计算二分类交叉熵，且不溢出

-(y log p + (1 - y) log(1 - p)) with p = sigmoid(z) breaks at z = 200: 1 - p is 0 there, and log 0 is -inf.

-(y log p + (1 - y) log(1 - p))，其中 p = sigmoid(z)。z = 200 时 1 - p 为 0，log 0 得 -inf，公式就失效了。

Task: return the mean loss of logits `z` and labels `y`, both NumPy arrays, for logits of any size, without a warning.

任务：`z` 是 logits，`y` 是标签，都是 NumPy 数组。返回平均损失；logits 再大也要算对，不出现警告。

Hint: put sigmoid into the formula: the loss is log(1 + exp(z)) - y z.

提示：把 sigmoid 代入公式化简：损失是 log(1 + exp(z)) - y z。

Hint: exp(z) overflows for large z; log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)) does not.

提示：z 大时 exp(z) 会溢出；写成 max(z, 0) + log(1 + exp(-|z|)) 就不会。

Hint: `np.log1p(a)` is log(1 + a), exact for small a too; `np.logaddexp(0, z)` does all of it.

提示：`np.log1p(a)` 就是 log(1 + a)，a 很小时也准；`np.logaddexp(0, z)` 一步到位。

Next: what is the loss of a wrong answer with z = 200? And of a right one?

试一试：z = 200 而答错时，损失是多少？答对时呢？
"""

import numpy as np


def bce(z, y):
    # --- your lines begin 从这里开始写
    losses = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - y * z
    return losses.mean()
    # --- your lines end 写到这里为止
