"""Lecture 10: convolution, padding and pooling by hand. 第 10 讲：手写卷积、填充和池化。"""

import matplotlib.pyplot as plt
import torch

x = torch.randn(3, 6, 6)  # one image: n = 3 channels. 一张图，3 个通道
conv = torch.nn.Conv2d(in_channels=3, out_channels=4, kernel_size=3)
# m filters, each of its own, as deep as the image: (m, n, k, k). m 个滤波器，每个都与输入一样厚
print("weight:", tuple(conv.weight.shape), "bias:", tuple(conv.bias.shape))


def convolve(x, weight, bias):  # (n, H, W) -> (m, H - k + 1, W - k + 1)
    m, _, k, _ = weight.shape
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    y = torch.zeros(m, height, width)
    for c in range(m):
        for i in range(height):
            for j in range(width):
                patch = x[:, i : i + k, j : j + k]  # all channels at once. 所有通道一起
                y[c, i, j] = (patch * weight[c]).sum() + bias[c]
    return y


def pad(x, p):  # a frame of zeros, p wide: k = 2 p + 1 keeps the size. 外面补 p 圈 0，k = 2 p + 1 时大小不变
    padded = torch.zeros(len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p)
    padded[:, p:-p, p:-p] = x
    return padded


def max_pool(x, k):  # the largest of each k x k; channels stay apart. 每个 k x k 取最大值，通道互不影响
    y = torch.zeros(len(x), x.shape[1] // k, x.shape[2] // k)
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j] = x[:, k * i : k * i + k, k * j : k * j + k].amax(dim=(1, 2))
    return y


differences = {}
with torch.no_grad():
    weight, bias = conv.weight, conv.bias
    padded_conv = torch.nn.functional.conv2d(x, weight, bias, padding=1)
    for name, ours, theirs in [
        ("convolution", convolve(x, weight, bias), conv(x)),
        ("padding 1", convolve(pad(x, 1), weight, bias), padded_conv),
        ("max pooling", max_pool(x, 2), torch.nn.MaxPool2d(2)(x)),
    ]:
        differences[name] = (ours - theirs).abs().max().item()
        print(f"{name}: {tuple(x.shape)} -> {tuple(ours.shape)}, largest difference {differences[name]:.1e}")

# One step, in numbers: a patch, a kernel, their products' sum. 一步卷积：一块图像、一个卷积核、乘积之和
image = torch.tensor([[3.0, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4], [9, 7, 4, 6, 2], [3, 7, 5, 4, 1]])
kernel = torch.arange(1.0, 10).reshape(3, 3)
output = convolve(image[None], kernel[None, None], torch.zeros(1))[0]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4))
titles = ["input, one patch marked", "kernel", "output: sum of the products"]
for axis, values, marked, title in zip(axes, [image, kernel, output], [3, 3, 1], titles, strict=True):
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            color = "#ffd8a8" if i < marked and j < marked else "white"
            axis.add_patch(plt.Rectangle((j, i), 1, 1, facecolor=color, edgecolor="grey"))
            axis.text(j + 0.5, i + 0.5, f"{value:g}", ha="center", va="center")
    axis.set(title=title, xlim=(-0.1, 5.1), ylim=(5.1, -0.1), aspect="equal")
    axis.axis("off")
plt.show()
