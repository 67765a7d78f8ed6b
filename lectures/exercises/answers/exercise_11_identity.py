"""a block of Identity Mappings in Deep Residual Networks / 论文 Identity Mappings 中的残差块

The notes' homework. The paper moves batch norm and ReLU before the convolutions, and leaves the way of x free.

讲义的作业。论文把批归一化和 ReLU 移到卷积之前，让 x 这条路畅通无阻。

Task: write `forward`: batch norm, ReLU, convolution, and the same again, then add x. Nothing comes after the sum.

任务：写出 `forward`：批归一化、ReLU、卷积，再来一遍，然后加上 x。相加之后不再做任何事。

Hint: `y = self.conv1(torch.relu(self.bn1(x)))`, then the same with bn2 and conv2.

提示：`y = self.conv1(torch.relu(self.bn1(x)))`，再用 bn2 和 conv2 做一遍。

Hint: `return x + y`: a ReLU there would cut off what is negative in x, block after block.

提示：`return x + y`：若在这里再加 ReLU，x 的负值会被一块又一块地截掉。

Next: lecture `11-homework` compares the paper's blocks. Which keeps the gradient at the first block?

试一试：`lecture 11-homework` 比较论文里的各种块。哪一种保住了第一块的梯度？
"""

import torch
from torch import nn


class PreActivationBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        # --- your lines begin 从这里开始写
        y = self.conv1(torch.relu(self.bn1(x)))
        y = self.conv2(torch.relu(self.bn2(y)))
        return x + y
        # --- your lines end 写到这里为止
