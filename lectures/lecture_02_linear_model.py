"""Lecture 2: the linear model; try every weight and look at the loss. 第 2 讲：线性模型，逐个试权重，看损失。"""

import matplotlib.pyplot as plt
import numpy as np

# Hours of study and points; the rule behind them, y = 2 x, is to be found. 学习时间与得分，要找出规律 y = 2x。
x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]


def forward(x):
    return x * w  # the model: y_hat = x w. 模型


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2  # of one sample. 单个样本的损失


# 1. The weight alone: every w from 0 to 4. 只有权重：w 从 0 试到 4。
w_list = []
mse_list = []
for w in np.arange(0.0, 4.1, 0.1):
    l_sum = 0
    for x_val, y_val in zip(x_data, y_data):
        l_sum += loss(x_val, y_val)
    mse = l_sum / len(x_data)  # the cost: mean of the losses of all samples. 代价：全部样本损失的平均
    w_list.append(w)
    mse_list.append(mse)
    if len(w_list) % 5 == 1:
        print(f"w = {w:.1f}  MSE = {mse:.2f}")

plt.plot(w_list, mse_list)
plt.xlabel("w")
plt.ylabel("loss (MSE)")
plt.title("b = 0: the loss over w")
plt.show()

# 2. Weight and bias, y_hat = x w + b: every pair of a grid at once. 加上偏置：网格上的每一对 (w, b) 一次算完。
w_grid, b_grid = np.meshgrid(np.arange(0.0, 4.1, 0.1), np.arange(-2.0, 2.1, 0.1))  # each (41, 41). 各为 41 × 41
l_sum = np.zeros_like(w_grid)
for x_val, y_val in zip(x_data, y_data):
    l_sum += (x_val * w_grid + b_grid - y_val) ** 2
mse_grid = l_sum / len(x_data)

best = np.unravel_index(mse_grid.argmin(), mse_grid.shape)  # row and column of the least. 最小值所在的行与列
print(f"least on the grid: w = {w_grid[best]:.1f}, b = {abs(b_grid[best]):.1f}")

figure = plt.figure()
axes = figure.add_subplot(projection="3d")
axes.plot_surface(w_grid, b_grid, mse_grid, cmap="viridis")
axes.set(xticks=range(5), yticks=range(-2, 3))
axes.set_xlabel("w")
axes.set_ylabel("b")
axes.set_zlabel("loss (MSE)")
axes.set_title("the loss over w and b")
plt.show()
