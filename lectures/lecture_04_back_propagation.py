"""Lecture 4: back-propagation; torch finds the gradient. 第 4 讲：反向传播，梯度交给 torch 去求。"""

import matplotlib.pyplot as plt
import torch

x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]

# The weight wants a gradient, so torch remembers what is computed with it. 权重要求梯度，torch 会记下用它做的每步运算。
# NOTE[DIFF]: the notes say that a tensor is data and gradient; by itself only a leaf with requires_grad keeps one.
# 讲义说张量由数据和梯度组成；其实默认只有 requires_grad 的叶子张量才保存梯度。
w = torch.tensor([1.0], requires_grad=True)


def forward(x):
    return x * w


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2  # each call builds a new graph. 每次调用都构建一张新的计算图


print("predict (before training)", 4, forward(4).item())
loss_list = []
for epoch in range(100):
    for x, y in zip(x_data, y_data):
        loss_val = loss(x, y)  # forward: builds the graph. 前馈：构建计算图
        loss_val.backward()  # backward: fills w.grad and frees the graph. 反馈：求出 w.grad，并释放计算图
        if epoch == 0:
            print(f"  x = {x}, y = {y}: dL/dw = {w.grad.item():.4f}")

        # NOTE[DIFF]: the notes write w.data = w.data - ..., which autograd does not see, nor any mistake in it.
        # 讲义改写 w.data，autograd 看不到，出了错也不会报。
        with torch.no_grad():  # the update itself is no part of any graph. 更新本身不进入计算图
            w -= 0.01 * w.grad
        w.grad.zero_()  # else the next gradient is added to it. 不清零，下一次的梯度会累加上去
    loss_list.append(loss_val.item())  # item(): a number, without the graph. 取出数值，不保留计算图
    if epoch % 10 == 0:
        print("epoch", epoch, "loss", loss_val.item())

print("predict (after training)", 4, forward(4).item())

plt.semilogy(loss_list)
plt.xlabel("epoch")
plt.ylabel("loss of the last row")
plt.show()
