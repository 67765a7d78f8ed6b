"""the cost over w and b, without loops / 不写循环，算出 (w, b) 上的代价

The model is y = w x + b, the cost the mean of the squared errors. In the lecture two loops fill the surface.

模型是 y = w x + b，代价是均方误差。课上用两层循环填满整张曲面。

Task: return the costs of all pairs as an array (len(bs), len(ws)): a row per b, a column per w. Use np.meshgrid; write
no `for`.

任务：返回所有 (w, b) 的代价，形状 (len(bs), len(ws))：一行一个 b，一列一个 w。用 np.meshgrid，不写 `for`。

Hint: `W, B = np.meshgrid(ws, bs)` makes two arrays of that shape: w changes along a row, b along a column.

提示：`W, B = np.meshgrid(ws, bs)` 得到两个这种形状的数组：w 沿行变化，b 沿列变化。

Hint: give W and B a third axis, `W[..., None]`, and they meet every x: (len(bs), len(ws), len(x)).

提示：给 W 和 B 加第三个轴 `W[..., None]`，就能与每个 x 相乘，形状变成 (len(bs), len(ws), len(x))。

Hint: the mean over that last axis, `.mean(axis=-1)`, is the cost.

提示：对最后一个轴取平均 `.mean(axis=-1)`，就是代价。

Next: draw it with `plt.contour(ws, bs, costs)`. Why is the valley not parallel to an axis?

试一试：用 `plt.contour(ws, bs, costs)` 画出来。谷底为什么不与坐标轴平行？
"""

import numpy as np


def cost_surface(ws, bs, x, y):
    # --- your lines begin 从这里开始写
    W, B = np.meshgrid(ws, bs)
    errors = W[..., None] * x + B[..., None] - y
    return (errors**2).mean(axis=-1)
    # --- your lines end 写到这里为止
