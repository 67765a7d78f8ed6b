"""how large the output of a convolution is / 卷积之后图像有多大

The linear layer after the convolutions has to know how many numbers come in: 320 in the notes' network.

卷积之后的全连接层要知道有多少个输入：讲义的网络里是 320。

Task: `size` returns the side of the output for a square picture of side `n`. `n_features` uses it: the numbers that the
notes' network gives to its linear layer, for pictures of side `n` (convolution 5, pooling 2, convolution 5, pooling 2,
20 channels).

任务：`size` 返回边长为 `n` 的正方形图像输出的边长。`n_features` 用它算出讲义的网络交给全连接层的数字个数：
图像边长 `n`，依次为卷积 5、池化 2、卷积 5、池化 2，共 20 个通道。

Hint: the padding is on both sides: the kernel moves over n + 2 * padding pixels.

提示：填充在两边都有：卷积核在 n + 2 * padding 个像素上移动。

Hint: the first place is one, then a further one per stride: (n + 2 * padding - kernel) // stride + 1.

提示：第一个位置算一个，之后每移动一个步长多一个：(n + 2 * padding - kernel) // stride + 1。

Hint: pooling of 2 is a window of 2 that moves by 2.

提示：池化 2 就是大小为 2、步长为 2 的窗口。

Next: what does kernel 3, padding 1 do to the side? And kernel 3, padding 1, stride 2?

试一试：核 3、填充 1 时边长怎么变？再加上步长 2 呢？
"""


# --- your lines begin 从这里开始写
def size(n, kernel, stride=1, padding=0):
    return (n + 2 * padding - kernel) // stride + 1


def n_features(n):
    for kernel in (5, 5):
        n = size(size(n, kernel), 2, stride=2)
    return 20 * n * n


# --- your lines end 写到这里为止
