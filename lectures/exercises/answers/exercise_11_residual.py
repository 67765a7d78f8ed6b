"""a residual block / 残差块

The block learns what is to be added to its input: relu(x + F(x)), where F is convolution, ReLU, convolution.

残差块学习的是要加到输入上的量：relu(x + F(x))，F 为卷积、ReLU、卷积。

Task: write `forward`. `conv1` and `conv2` are there: they keep the shape.

任务：写出 `forward`。`conv1` 和 `conv2` 已经给出，它们不改变形状。

Hint: `y = torch.relu(self.conv1(x))`, then the second convolution without ReLU.

提示：`y = torch.relu(self.conv1(x))`，第二个卷积之后先不接 ReLU。

Hint: add x before the last ReLU: then what is negative in F(x) can take something away from x.

提示：先加 x，再做最后的 ReLU：这样 F(x) 为负时才能从 x 里减去一些。

Next: set the weights of conv2 to 0. What does the block do then, and why is that a good start for a deep network?

试一试：把 conv2 的权重设为 0，这个块变成什么？对很深的网络来说，这为什么是好的起点？
"""

import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        # --- your lines begin 从这里开始写
        y = torch.relu(self.conv1(x))
        y = self.conv2(y)
        return torch.relu(x + y)
        # --- your lines end 写到这里为止
