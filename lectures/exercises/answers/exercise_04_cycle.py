"""a training cycle by autograd, without an optimizer / 只用自动求导、不用优化器的训练循环

`w` is a tensor that requires a gradient; the model is y = w x. Nothing but `backward` and the update by hand.

`w` 是需要梯度的张量；模型为 y = w x。只用 `backward`，更新由自己来写。

Task: for each epoch and each pair (x, y): the loss (w x - y)², its gradient, one step of `lr` against it. Return w as a
number.

任务：每一轮、每对 (x, y)：计算损失 (w x - y)²，求梯度，沿反方向走一步 `lr`。返回 w 的数值。

Hint: `loss.backward()` puts the gradient into `w.grad`, on top of what is there already.

提示：`loss.backward()` 把梯度加到 `w.grad` 里，加在原有的值上。

Hint: the update belongs under `with torch.no_grad():`, and in place: `w -= lr * w.grad`.

提示：更新要写在 `with torch.no_grad():` 里，而且是原地的：`w -= lr * w.grad`。

Hint: then empty the gradient: `w.grad.zero_()`, or `w.grad = None`.

提示：之后清空梯度：`w.grad.zero_()`，或 `w.grad = None`。

Next: leave out the line that empties the gradient, and print w. Then leave out `no_grad()`, and read the error.

试一试：去掉清空梯度的那一行，看 w 怎么变。再去掉 `no_grad()`，读一读报错。
"""

import torch


def fit(xs, ys, w, lr, epochs):
    w = torch.tensor(w, requires_grad=True)
    # --- your lines begin 从这里开始写
    for _ in range(epochs):
        for x, y in zip(xs, ys, strict=True):
            loss = (w * x - y) ** 2
            loss.backward()
            with torch.no_grad():
                w -= lr * w.grad
            w.grad.zero_()
    return w.item()
    # --- your lines end 写到这里为止
