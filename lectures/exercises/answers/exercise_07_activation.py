"""the same network with another activation / 换一种激活函数

The lecture asks to try other activations. So that they can be exchanged, the network is handed one.

课上建议尝试别的激活函数。为了便于更换，把激活函数作为参数传给网络。

Task: return an nn.Sequential 8-6-4-1 with `activation()` after each hidden layer and none after the last: it gives
logits. `activation` is a class such as torch.nn.ReLU.

任务：返回 nn.Sequential，宽度 8-6-4-1，每个隐藏层之后接 `activation()`，最后一层之后不接：输出 logits。
`activation` 是类，如 torch.nn.ReLU。

Hint: three times nn.Linear, between them twice the activation.

提示：三个 nn.Linear，中间夹两个激活函数。

Hint: `activation` is a class: it wants brackets, `activation()`.

提示：`activation` 是类，使用时要加括号：`activation()`。

Next: hand in nn.Identity. How many layers is that network worth? Then nn.Sigmoid, nn.Tanh, nn.GELU on the diabetes
rows.

试一试：传入 nn.Identity，这个网络相当于几层？再用糖尿病数据试 nn.Sigmoid、nn.Tanh、nn.GELU。
"""

from torch import nn


def make_model(activation):
    # --- your lines begin 从这里开始写
    return nn.Sequential(
        nn.Linear(8, 6),
        activation(),
        nn.Linear(6, 4),
        activation(),
        nn.Linear(4, 1),
    )
    # --- your lines end 写到这里为止
