"""two branches of an Inception block / Inception 块的两个分支

Branches look at the same picture with different kernels; their channels are put one after the other.

各分支用不同大小的核看同一张图，再把通道拼接在一起。

Task: write both methods. Branch one: a 1 x 1 convolution to 16 channels, then 5 x 5 to 24. Branch two: average pooling
3 x 3 with stride 1, then a 1 x 1 convolution to 24. `forward` returns 48 channels and keeps height and width.

任务：写出两个方法。分支一：1 x 1 卷积到 16 通道，再 5 x 5 卷积到 24 通道。分支二：3 x 3 平均池化，步长 1，
再 1 x 1 卷积到 24 通道。`forward` 输出 48 个通道，高和宽不变。

Hint: 5 x 5 keeps the size with padding 2, the pooling 3 x 3 with padding 1.

提示：5 x 5 卷积用填充 2 保持大小，3 x 3 池化用填充 1。

Hint: `F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)`: without `stride` it would be 3.

提示：`F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)`：不写 `stride` 就是 3。

Hint: `torch.cat([one, two], dim=1)`: pictures are (B, C, W, H), channels are axis 1.

提示：`torch.cat([one, two], dim=1)`：图像是 (B, C, W, H)，通道是第 1 维。

Next: how many weights has the 5 x 5 without the 1 x 1 before it, from 192 channels to 32? And with it, by way of 16?

试一试：从 192 通道到 32 通道直接用 5 x 5，有多少权重？先用 1 x 1 降到 16 通道呢？
"""

import torch
import torch.nn.functional as F
from torch import nn


class Branches(nn.Module):
    # --- your lines begin 从这里开始写
    def __init__(self, in_channels):
        super().__init__()
        self.conv1x1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.conv5x5 = nn.Conv2d(16, 24, kernel_size=5, padding=2)
        self.pool1x1 = nn.Conv2d(in_channels, 24, kernel_size=1)

    def forward(self, x):
        one = self.conv5x5(self.conv1x1(x))
        two = self.pool1x1(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([one, two], dim=1)

    # --- your lines end 写到这里为止
