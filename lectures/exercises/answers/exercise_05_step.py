"""an optimizer's step by hand / 手写优化器的一步

`optimizer.step()` looks simple. What does it do with the parameters of a model, and what must it not do?

`optimizer.step()` 看似简单。它对模型的参数做了什么？又不能做什么？

Task: move each parameter by `lr` against its gradient, in place, so that the model itself changes. One whose gradient
is None (it had no part in the loss) stays as it is.

任务：让每个参数沿梯度反方向移动 `lr`，要原地修改，这样模型本身才会变。梯度为 None 的参数（没有参与损失）保持不变。

Hint: `parameters` may be a generator, as `model.parameters()` is: go through it once.

提示：`parameters` 可能像 `model.parameters()` 那样是生成器：只遍历一次。

Hint: under `with torch.no_grad():` write `parameter -= lr * parameter.grad`; `parameter = parameter - ...` only gives
a new tensor the old name.

提示：在 `with torch.no_grad():` 里写 `parameter -= lr * parameter.grad`；而 `parameter = parameter - ...` 只是让这个
名字指向一个新张量。

Next: add weight decay: the gradient plus `weight_decay * parameter`. What does it do to a weight without gradient?

试一试：加上权重衰减：梯度加 `weight_decay * parameter`。没有梯度的权重会怎样？
"""

import torch


def step(parameters, lr):
    # --- your lines begin 从这里开始写
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                parameter -= lr * parameter.grad
    # --- your lines end 写到这里为止
