"""the weight of the smallest cost / 代价最小的权重

The lecture tries one w after the other and looks at the curve for the lowest point.

课上逐个尝试 w，再从曲线上找最低点。

Task: for the model y = w x return that w of `ws` whose mean squared error is smallest: the weight, not its place, and
not its cost.

任务：模型为 y = w x，返回 `ws` 中均方误差最小的那个 w：返回权重本身，不是它的位置，也不是它的代价。

Hint: gather the cost of each w in a list, or in one array: `((ws[:, None] * x - y) ** 2).mean(axis=1)`.

提示：把每个 w 的代价收进列表，或一次算出数组：`((ws[:, None] * x - y) ** 2).mean(axis=1)`。

Hint: `np.argmin(costs)` is the place of the smallest; what stands at that place of `ws`?

提示：`np.argmin(costs)` 是最小值的位置；`ws` 的这个位置上是什么？

Next: two weights in ten steps each need 100 tries: why does nobody sweep the 79,510 of a small network?

试一试：两个权重各试十个值，要试 100 次。一个小网络有 79,510 个权重，为什么没人这样逐个试？
"""

import numpy as np


def best_weight(ws, x, y):
    # --- your lines begin 从这里开始写
    costs = [np.mean((w * x - y) ** 2) for w in ws]
    return ws[np.argmin(costs)]
    # --- your lines end 写到这里为止
