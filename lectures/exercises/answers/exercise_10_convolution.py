"""one convolution by loops / 用循环写一次卷积

A channel of the output is the picture seen through its own three-dimensional kernel (C, k, k), at every place.

每个输出通道有自己的三维卷积核 (C, k, k)，在图像的每个位置上各算一次。

Task: return the output (m, H - k + 1, W - k + 1) of a picture (C, H, W), weights (m, C, k, k) and biases (m,), without
nn.Conv2d and its kin. Loops are welcome.

任务：图像 (C, H, W)，权重 (m, C, k, k)，偏置 (m,)，返回输出 (m, H - k + 1, W - k + 1)。不用 nn.Conv2d 之类，可以写循
环。

Hint: for output channel o at place (i, j): take the patch `image[:, i : i + k, j : j + k]`, which is (C, k, k).

提示：对输出通道 o 和位置 (i, j)，取出 `image[:, i : i + k, j : j + k]`，形状 (C, k, k)。

Hint: multiply it by `weight[o]`, number by number, add all up, and add `bias[o]`.

提示：与 `weight[o]` 逐个相乘，全部加起来，再加 `bias[o]`。

Next: mathematicians turn the kernel round before. Why does it make no difference here, where the kernel is learned?

试一试：数学里的卷积要先把核翻转。这里的核是学出来的，为什么翻不翻转都一样？
"""

import torch


def convolve(image, weight, bias):
    m, _, k, _ = weight.shape
    _, height, width = image.shape
    output = torch.zeros(m, height - k + 1, width - k + 1)
    # --- your lines begin 从这里开始写
    for o in range(m):
        for i in range(height - k + 1):
            for j in range(width - k + 1):
                output[o, i, j] = (image[:, i : i + k, j : j + k] * weight[o]).sum() + bias[o]
    # --- your lines end 写到这里为止
    return output
